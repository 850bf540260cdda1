import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { gatewayProcesses } from "../support/gateway-processes.ts";
import { getImageAsJson } from "../support/get-image-client.ts";
import { generateImages, listGenerations } from "../support/graphql-client.ts";
import { poll } from "../support/scripted-gateway.ts";
import { type StrictImageApi, startStrictImageApi } from "../support/strict-image-api.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";

/** Starts and stops of real processes, whose helpers have limits of their own. */
const TIMEOUT_MS = 60_000;
const FIELDS = { prompt: "a fox", n: "1", size: "64x64" };

const newDirectory = temporaryDirectories();
const startService = gatewayProcesses();
let api: StrictImageApi;
let env: Record<string, string>;

beforeEach(async () => {
  api = await startStrictImageApi();
  env = {
    OPENAI_API_KEY: api.apiKey,
    OPENAI_BASE_URL: api.baseUrl,
    PICTOGRAPH_DATA_DIR: await newDirectory(),
    PICTOGRAPH_MAX_CONCURRENCY: "1",
  };
});

afterEach(() => api.close());

describe.each(["SIGTERM", "SIGINT"] as const)("a service that gets %s", (signal) => {
  test(
    "finishes what runs, answers who waits for it, takes nothing new and exits with 0",
    async () => {
      const service = await startService(env);
      const hold = api.holdNext();
      const overRest = getImageAsJson(service.url, FIELDS);
      await hold.arrived;
      const overGraphQL = generateImages(service.url, { prompt: "never begun", idempotencyKey: "parked" });
      await poll(
        () => listGenerations(service.url),
        (generations) => generations.length === 2,
      );

      process.kill(service.processId, signal);
      await service.waitForLine((line) => line.includes("stopping"));
      await poll(
        () => isRefused(service.url),
        (refused) => refused,
      );
      hold.release();

      expect(await overRest).toMatchObject({ status: 200, errorMessage: "OK" });
      expect((await overRest).urlList).toHaveLength(1);
      expect(await overGraphQL).toMatchObject({ status: "QUEUED", images: [] });
      expect(await service.exited).toEqual({ code: 0, signal: null });
      expect(service.stderr).toBe("");
      expect(api.callCount).toBe(1);

      const next = await startService(env);
      const parked = await generateImages(next.url, { prompt: "never begun", idempotencyKey: "parked" });
      expect(parked).toMatchObject({ id: (await overGraphQL).id, status: "SUCCEEDED" });
      expect(api.requests.map(({ body }) => body?.prompt)).toEqual(["a fox", "never begun"]);
    },
    TIMEOUT_MS,
  );
});

test(
  "a service that gets both signals finishes what runs all the same and exits with 0",
  async () => {
    const service = await startService(env);
    const hold = api.holdNext();
    const running = getImageAsJson(service.url, FIELDS);
    await hold.arrived;
    process.kill(service.processId, "SIGINT");
    await service.waitForLine((line) => line.includes("stopping"));
    process.kill(service.processId, "SIGTERM");
    await service.waitForLine((line) => line.includes("SIGTERM"));
    hold.release();

    expect(await running).toMatchObject({ status: 200, errorMessage: "OK" });
    expect(await service.exited).toEqual({ code: 0, signal: null });
    expect(service.stderr).toBe("");
  },
  TIMEOUT_MS,
);

test(
  "a service with nothing to do stops, whoever is connected",
  async () => {
    const service = await startService(env);
    await fetch(`${service.url}/get-image`);
    const idle = connect(portOf(service.url), "127.0.0.1");
    await new Promise<void>((resolve) => idle.once("connect", resolve));
    process.kill(service.processId, "SIGTERM");

    expect(await service.exited).toEqual({ code: 0, signal: null });
    expect(service.stderr).toBe("");
    idle.destroy();
  },
  TIMEOUT_MS,
);

test(
  "a caller of the 2022 contract whose generation is parked is told so, and finds it again by its key",
  async () => {
    const service = await startService(env);
    const hold = api.holdNext();
    const running = generateImages(service.url, {});
    await hold.arrived;
    const key = { "Idempotency-Key": "again" };
    const waiting = getImageAsJson(service.url, FIELDS, key);
    await poll(
      () => listGenerations(service.url),
      (generations) => generations.length === 2,
    );
    process.kill(service.processId, "SIGTERM");
    await service.waitForLine((line) => line.includes("stopping"));
    hold.release();

    expect(await running).toMatchObject({ status: "SUCCEEDED" });
    const { status, urlList, errorMessage, headers } = await waiting;
    expect({ status, urlList }).toEqual({ status: 503, urlList: [] });
    expect(errorMessage).toContain("Idempotency-Key");
    expect(Number(headers["retry-after"])).toBeGreaterThan(0);
    await service.exited;

    const next = await startService(env);
    expect(await getImageAsJson(next.url, FIELDS, key)).toMatchObject({ status: 200, errorMessage: "OK" });
    expect(api.callCount).toBe(2);
  },
  TIMEOUT_MS,
);

function portOf(url: string): number {
  return Number(new URL(url).port);
}

function isRefused(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(portOf(url), "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
    socket.once("error", () => resolve(true));
  });
}
