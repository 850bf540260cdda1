import { once } from "node:events";
import { watch } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import OpenAI from "openai";
import { getImageAsJson } from "../../support/clients/get-image-client.ts";
import { generateImages, listGenerations } from "../../support/clients/graphql-client.ts";
import { poll } from "../../support/gateways/scripted-gateway.ts";
import { gatewayProcesses } from "../../support/processes/gateway-processes.ts";
import { storedFiles } from "../../support/stores/stored-files.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";
import { type StrictImageApi, startStrictImageApi } from "../../support/vendors/strict-image-api.ts";

/** For starting and stopping real processes, whose helpers have their own limits. */
const TIMEOUT_MS = 120_000;

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

test(
  "after a crash, submitted generations are INTERRUPTED and never sent again, and queued ones run",
  async () => {
    const inHand = { prompt: "in hand", idempotencyKey: "in hand" };
    const queued = { prompt: "queued", idempotencyKey: "queued" };
    const crashing = await startService(env);
    const hold = api.holdNext();
    const lost = expect(generateImages(crashing.url, inHand)).rejects.toThrow();
    const { closed } = await hold.arrived;
    const accepted = await generateImages(crashing.url, { ...queued, waitSeconds: 0 });
    expect(accepted.status).toBe("QUEUED");
    await crashing.kill();
    await lost;
    expect(await closed).toBe("disconnected");
    hold.release();

    const next = await startService(env);
    expect(await generateImages(next.url, queued)).toMatchObject({ id: accepted.id, status: "SUCCEEDED" });
    const interrupted = await generateImages(next.url, inHand);
    expect(interrupted).toMatchObject({
      status: "FAILED",
      failure: { code: "INTERRUPTED", billed: "UNKNOWN", retryable: true },
      images: [],
    });
    expect((await listGenerations(next.url)).map(({ prompt, status }) => [prompt, status])).toEqual([
      ["queued", "SUCCEEDED"],
      ["in hand", "FAILED"],
    ]);
    expect(api.requests.map(({ body }) => body?.prompt)).toEqual(["in hand", "queued"]);
  },
  TIMEOUT_MS,
);

test(
  "an OpenAI client that retries by itself after a crash pays for nothing twice",
  async () => {
    const crashing = await startService(env);
    const restarted = Promise.withResolvers<string>();
    const urls = [Promise.resolve(crashing.url), restarted.promise];
    const client = new OpenAI({
      baseURL: "http://gateway.example/v1",
      apiKey: "any",
      fetch: async (input, init) => {
        const url = (await urls.shift()) ?? "http://nobody.invalid";
        return fetch(String(input).replace("http://gateway.example", url), init);
      },
    });
    const hold = api.holdNext();
    const lost = client.images.generate({ prompt: "a fox" }).catch((error: unknown) => error);
    await hold.arrived;
    await crashing.kill();
    hold.release();
    restarted.resolve((await startService(env)).url);

    expect(await lost).toMatchObject({ status: 502, code: "interrupted" });
    expect({ attemptsLeft: urls.length, calls: api.callCount }).toEqual({ attemptsLeft: 0, calls: 1 });
  },
  TIMEOUT_MS,
);

test(
  "after a crash in the middle of an image nothing is left of that image",
  async () => {
    const crashing = await startService(env);
    const temporary = join(crashing.dataDirectory, "images/.tmp");
    const writing = watch(temporary);
    api.queue("hangInBody");
    const lost = expect(generateImages(crashing.url, { size: "1024x1024" })).rejects.toThrow();
    await once(writing, "change");
    writing.close();
    expect(await readdir(temporary)).toHaveLength(1);
    await crashing.kill();
    await lost;
    expect(await storedFiles(crashing.dataDirectory)).toHaveLength(1);

    const next = await startService(env);
    expect(await storedFiles(next.dataDirectory)).toEqual([]);
    expect(await listGenerations(next.url)).toMatchObject([{ status: "FAILED", failure: { code: "INTERRUPTED" } }]);
    expect(api.callCount).toBe(1);
  },
  TIMEOUT_MS,
);

test(
  "images and their URLs still work after a crash and after a stop",
  async () => {
    const crashing = await startService(env);
    env.PORT = new URL(crashing.url).port;
    const { urlList } = await getImageAsJson(crashing.url, { prompt: "a fox", n: "2", size: "64x192" });
    const before = await Promise.all(urlList.map(load));
    expect(before.map(({ status, type }) => [status, type])).toEqual([
      [200, "image/png"],
      [200, "image/png"],
    ]);
    expect(before[0]?.bytes).not.toEqual(before[1]?.bytes);
    await crashing.kill();

    const second = await startService(env);
    expect(second.url).toBe(crashing.url);
    expect(await Promise.all(urlList.map(load))).toEqual(before);
    await second.stop();

    const third = await startService(env);
    expect(await Promise.all(urlList.map(load))).toEqual(before);
    expect((await load(`${urlList[0]?.slice(0, -1)}`)).status).toBe(403);
    expect(await listGenerations(third.url)).toMatchObject([
      { status: "SUCCEEDED", images: [{ width: 64, height: 192 }, {}] },
    ]);
  },
  TIMEOUT_MS,
);

test(
  "a generation continues when its client disconnects, and is found by its key",
  async () => {
    const service = await startService(env);
    const hold = api.holdNext();
    const leaving = new AbortController();
    const body = new URLSearchParams({ prompt: "a fox", n: "1", size: "64x64" });
    const headers = { "Idempotency-Key": "left" };
    const left = fetch(`${service.url}/get-image`, { method: "POST", body, headers, signal: leaving.signal });
    await hold.arrived;
    leaving.abort();
    await expect(left).rejects.toThrow();
    await service.waitForLine((line) => line.includes("client disconnected before the answer"));
    hold.release();
    await poll(
      () => listGenerations(service.url),
      ([generation]) => generation?.status === "SUCCEEDED",
    );

    const again = await fetch(`${service.url}/get-image`, { method: "POST", body, headers });
    expect(again.status).toBe(200);
    expect(api.callCount).toBe(1);
    await service.stop();
  },
  TIMEOUT_MS,
);

async function load(url: string): Promise<{ status: number; type: string | null; bytes: Buffer }> {
  const response = await fetch(url);
  return {
    status: response.status,
    type: response.headers.get("Content-Type"),
    bytes: Buffer.from(await response.arrayBuffer()),
  };
}
