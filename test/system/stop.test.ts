import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { getImageAsJson } from "../support/clients/get-image-client.ts";
import { generateImages, listGenerations } from "../support/clients/graphql-client.ts";
import { poll } from "../support/gateways/scripted-gateway.ts";
import { gatewayProcesses } from "../support/processes/gateway-processes.ts";
import { copyProject } from "../support/processes/project-copy.ts";
import { runMain } from "../support/processes/run-main.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";
import { type StrictImageApi, startStrictImageApi } from "../support/vendors/strict-image-api.ts";

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
  test("finishes running generations, answers waiting clients, accepts nothing new and exits with 0", async () => {
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
    expect(statesOf(service.lines)).toEqual(["draining", "released", "closed"]);
    expect(service.lines.at(-1)).toContain('"stopped"');
    expect(api.callCount).toBe(1);

    const next = await startService(env);
    const parked = await generateImages(next.url, { prompt: "never begun", idempotencyKey: "parked" });
    expect(parked).toMatchObject({ id: (await overGraphQL).id, status: "SUCCEEDED" });
    expect(api.requests.map(({ body }) => body?.prompt)).toEqual(["a fox", "never begun"]);
  });
});

test("a service that gets both signals also finishes running generations and exits with 0", async () => {
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
});

describe("a service started by npm, which gets a signal from the terminal and from npm", () => {
  let project: string;

  beforeAll(async () => {
    project = await newDirectory();
    await copyProject(project);
  });

  test.each(["SIGINT", "SIGTERM"] as const)(
    "finishes running generations after %s, and npm exits with 0",
    async (signal) => {
      const service = await startService(env, { project });
      const hold = api.holdNext();
      const running = getImageAsJson(service.url, FIELDS);
      await hold.arrived;
      service.signal(signal);
      await service.waitForLine((line) => line.includes('"stopping"'));
      // Two signals that come before the process has received the first are one signal to the kernel. This one
      // certainly is another.
      service.signal(signal);
      await service.waitForLine((line) => line.includes('"stopping already"'));
      hold.release();

      expect(await running).toMatchObject({ status: 200, errorMessage: "OK" });
      expect((await running).urlList).toHaveLength(1);
      expect(await service.exited).toEqual({ code: 0, signal: null });
      expect(service.stderr).toBe("");
      expect(api.callCount).toBe(1);
    },
  );
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("a service that gets %s a second time later ends immediately, as if killed by it", async (signal, code) => {
  const service = await startService(env);
  const hold = api.holdNext();
  const running = getImageAsJson(service.url, FIELDS).catch(({ code }: NodeJS.ErrnoException) => code);
  await hold.arrived;
  service.signal(signal);
  await service.waitForLine((line) => line.includes('"stopping"'));
  // Each signal is followed by a log line or by the exit.
  for (let count = 1; service.signal(signal); count++) {
    const said = () => service.lines.filter((line) => line.includes('"stopping already"')).length >= count;
    await Promise.race([service.waitForLine(said), service.exited]);
  }

  expect(await service.exited).toEqual({ code, signal: null });
  expect(service.lines.at(-1)).toContain("stopped at once");
  expect(await running).toBe("ECONNRESET");
});

test("a service told to stop during its start stops cleanly after the start", async () => {
  const isAsked = Promise.withResolvers<void>();
  const mayAnswer = Promise.withResolvers<void>();
  const bucket = createServer(async (_request, response) => {
    isAsked.resolve();
    await mayAnswer.promise;
    response.end("<ListBucketResult/>");
  });
  await once(bucket.listen(0, "127.0.0.1"), "listening");
  const { port } = bucket.address() as AddressInfo;
  const s3 = { S3_BUCKET: "pictures", S3_ENDPOINT: `http://127.0.0.1:${port}`, AWS_REGION: "us-east-1" };
  const credentials = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret" };
  const { code, signal, stdout, stderr } = await runMain({
    env: { ...env, ...s3, ...credentials, PORT: "0" },
    async meanwhile(processId) {
      await isAsked.promise;
      process.kill(processId, "SIGTERM");
      mayAnswer.resolve();
    },
  });
  bucket.close();

  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: "" });
  expect(statesOf(stdout.trim().split("\n"))).toEqual(["draining", "released", "closed"]);
});

test("a service interrupts running generations, answers their clients and exits within its grace period", async () => {
  const service = await startService({ ...env, PICTOGRAPH_STOP_TIMEOUT_SECONDS: "5" });
  const hold = api.holdNext();
  const running = generateImages(service.url, {});
  await hold.arrived;
  process.kill(service.processId, "SIGTERM");

  expect(await running).toMatchObject({ status: "FAILED", failure: { code: "INTERRUPTED" } });
  expect(await service.exited).toEqual({ code: 0, signal: null });
  expect(statesOf(service.lines)).toEqual(["draining", "released", "closed"]);
  expect(service.lines.find((line) => line.includes('"draining"'))).toContain('"graceMs":2000');
});

test("an idle service stops even if connections are open", async () => {
  const service = await startService(env);
  await fetch(`${service.url}/get-image`);
  const idle = connect(portOf(service.url), "127.0.0.1");
  await new Promise<void>((resolve) => idle.once("connect", resolve));
  process.kill(service.processId, "SIGTERM");

  expect(await service.exited).toEqual({ code: 0, signal: null });
  expect(service.stderr).toBe("");
  idle.destroy();
});

test("a client of the 2022 contract is told that its generation is parked, and finds it again by its key", async () => {
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
});

/** The states that a service logs. */
function statesOf(lines: readonly string[]): string[] {
  return lines.flatMap((line) => (JSON.parse(line) as { state?: string }).state ?? []);
}

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
