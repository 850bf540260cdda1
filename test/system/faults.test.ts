import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { getImageAsJson } from "../support/clients/get-image-client.ts";
import { generateImages, listGenerations } from "../support/clients/graphql-client.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/processes/gateway-process.ts";
import { storedFiles } from "../support/stores/stored-files.ts";
import { type Behaviour, type StrictImageApi, startStrictImageApi } from "../support/vendors/strict-image-api.ts";

/** For starting and stopping real processes, whose helpers have their own limits. */
const TIMEOUT_MS = 120_000;
/**
 * A 256x256 image is made from a larger one, so every image has two files: the provider's and the delivered one. Half
 * an answer of three contains one whole image.
 */
const ORDER = { prompt: "A red fox in the snow", n: "3", size: "256x256" };

interface Seen {
  /** The status of `/get-image`. */
  readonly status: number;
  readonly retryAfter?: string;
  readonly code: string;
  readonly billed: "YES" | "NO" | "UNKNOWN";
  readonly isRetryable: boolean;
  /** Calls that the provider saw. @defaultValue 1 */
  readonly calls?: number;
  /** Images that are kept. @defaultValue 0 */
  readonly images?: number;
}

const OUTAGE = { status: 502, code: "UPSTREAM_FAILED", isRetryable: true } as const;
const UNAVAILABLE: Behaviour = { error: { status: 503, headers: { "retry-after": "0" } } };
const LIMITED: Behaviour = { rateLimited: { retryAfter: "0" } };

const FAULTS: readonly (readonly [string, readonly Behaviour[], Seen])[] = [
  ["refuses the key", ["unauthorized"], { ...OUTAGE, billed: "NO", isRetryable: false }],
  [
    "refuses the prompt",
    ["moderationBlocked"],
    { status: 422, code: "CONTENT_REJECTED", billed: "NO", isRetryable: false },
  ],
  ["has no money left", ["billingLimit"], { status: 402, code: "BUDGET_EXCEEDED", billed: "NO", isRetryable: false }],
  [
    "does not know the model",
    [{ error: { status: 404, code: "model_not_found" } }],
    { status: 400, code: "MODEL_UNAVAILABLE", billed: "NO", isRetryable: false },
  ],
  [
    "refuses a parameter",
    [{ error: { status: 400, code: "invalid_value", param: "size" } }],
    { status: 422, code: "INPUT_REJECTED", billed: "NO", isRetryable: false },
  ],
  [
    "limits the rate for an hour",
    [{ rateLimited: { retryAfter: "3600" } }],
    { status: 429, retryAfter: "3600", code: "RATE_LIMITED", billed: "NO", isRetryable: true },
  ],
  [
    "limits the rate three times",
    [LIMITED, LIMITED, LIMITED],
    { status: 429, retryAfter: "30", code: "RATE_LIMITED", billed: "NO", isRetryable: true, calls: 3 },
  ],
  ["is not available three times", [UNAVAILABLE, UNAVAILABLE, UNAVAILABLE], { ...OUTAGE, billed: "NO", calls: 3 }],
  ["fails", ["serverError"], { ...OUTAGE, billed: "UNKNOWN" }],
  ["closes the connection without an answer", ["resetBeforeAnswer"], { ...OUTAGE, billed: "UNKNOWN" }],
  ["closes the connection after the first image", ["resetInBody"], { ...OUTAGE, billed: "YES", images: 1 }],
  ["answers with half a JSON", ["halfJson"], { ...OUTAGE, billed: "YES", images: 1 }],
  ["answers with a proxy's page", ["html"], { ...OUTAGE, billed: "UNKNOWN" }],
  ["answers with an error and status 200", ["errorWith200"], { ...OUTAGE, billed: "UNKNOWN" }],
  ["sends no images", ["noImages"], { ...OUTAGE, billed: "UNKNOWN" }],
  ["sends one image too few", ["oneImageTooFew"], { ...OUTAGE, billed: "YES", images: 2 }],
  ["sends invalid Base64", ["notBase64"], { ...OUTAGE, billed: "YES" }],
  ["sends a file that is not an image", ["notAnImage"], { ...OUTAGE, billed: "UNKNOWN" }],
  ["sends URLs at a host that is not allowed", ["urls"], { ...OUTAGE, billed: "YES", isRetryable: false }],
  ["never answers", ["hang"], { status: 504, code: "UPSTREAM_TIMEOUT", billed: "UNKNOWN", isRetryable: true }],
  [
    "never ends its answer",
    ["hangInBody"],
    { status: 504, code: "UPSTREAM_TIMEOUT", billed: "YES", isRetryable: true, images: 1 },
  ],
];

describe("a provider that", () => {
  let api: StrictImageApi;
  let gateway: GatewayProcess;
  let count = 0;

  beforeAll(async () => {
    api = await startStrictImageApi();
    const env = { OPENAI_API_KEY: api.apiKey, OPENAI_BASE_URL: api.baseUrl, PICTOGRAPH_UPSTREAM_TIMEOUT_SECONDS: "3" };
    gateway = await startGatewayProcess({ env });
  }, TIMEOUT_MS);

  afterAll(async () => {
    await gateway.stop();
    await api.close();
  }, TIMEOUT_MS);

  const ask = (key: string) => getImageAsJson(gateway.url, ORDER, { "Idempotency-Key": key });
  const find = (key: string) => generateImages(gateway.url, { ...ORDER, n: 3, idempotencyKey: key });

  test.each(FAULTS)("%s", async (_what, behaviours, seen) => {
    const { status, retryAfter, code, billed, isRetryable, calls = 1, images = 0 } = seen;
    const key = `fault-${++count}`;
    const before = { calls: api.callCount, files: (await storedFiles(gateway.dataDirectory)).length };
    api.queue(...behaviours);
    const answer = await ask(key);
    const generation = await find(key);

    // What the client saw.
    expect({ status: answer.status, retryAfter: answer.headers["retry-after"] }).toEqual({ status, retryAfter });
    expect(answer.urlList).toEqual([]);
    expect(answer.errorMessage).toMatch(/\w+ \w+/);
    expect(generation).toMatchObject({ status: "FAILED", failure: { code, billed, retryable: isRetryable } });
    // What was kept.
    expect(generation.images).toHaveLength(images);
    for (const { url } of generation.images) expect((await fetch(url)).status).toBe(200);
    expect(await storedFiles(gateway.dataDirectory)).toHaveLength(before.files + 2 * images);
    // A repetition with the same key returns the same failure and submits nothing.
    expect((await ask(key)).status).toBe(status);
    expect(api.callCount).toBe(before.calls + calls);
    // The fault blocks no other request, and there are never five outages in a row.
    expect((await ask(`after-${key}`)).status).toBe(200);
  });

  test.each([
    ["limits the rate", LIMITED],
    ["is not available", UNAVAILABLE],
  ])("%s twice is called until it makes the images, and the client notices nothing", async (_what, behaviour) => {
    const calls = api.callCount;
    api.queue(behaviour, behaviour);

    expect(await ask(`patience-${++count}`)).toMatchObject({ status: 200, errorMessage: "OK" });
    expect(api.callCount).toBe(calls + 3);
  });

  test("fails five times in a row is not called; the sixth client is told that no call was made", async () => {
    const calls = api.callCount;
    api.respondWith("serverError");
    for (let failure = 1; failure <= 5; failure++) expect((await ask(`dead-${failure}`)).status).toBe(502);
    const answer = await ask("dead-6");

    expect(answer).toMatchObject({ status: 502, errorMessage: expect.stringMatching(/was not made/) });
    expect(answer.headers["retry-after"]).toBe("30");
    expect((await find("dead-6")).failure).toEqual({ code: "UPSTREAM_FAILED", billed: "NO", retryable: true });
    expect(api.callCount).toBe(calls + 5);
    const isOfPause = (line: string) => line.includes("the provider keeps failing");
    await gateway.waitForLine(isOfPause);
    expect(gateway.lines.filter(isOfPause)).toHaveLength(1);
  });

  test("had all these faults left nothing unfinished, and no unexpected error in the log", async () => {
    const generations = await listGenerations(gateway.url);

    expect(generations).toHaveLength(50);
    expect(generations.filter(({ status }) => !["SUCCEEDED", "FAILED"].includes(status))).toEqual([]);
    expect(gateway.lines.filter((line) => line.includes("unexpected error"))).toEqual([]);
    expect(gateway.stderr).toBe("");
  });
});

test(
  "a provider that cannot be reached is reported as such, and certainly billed nothing",
  async () => {
    const env = { OPENAI_API_KEY: "any", OPENAI_BASE_URL: `http://127.0.0.1:${await freePort()}/v1` };
    await using gateway = await startGatewayProcess({ env });
    const answer = await getImageAsJson(gateway.url, ORDER, { "Idempotency-Key": "k" });

    expect(answer).toMatchObject({ status: 502, errorMessage: "the provider could not be reached" });
    expect(await generateImages(gateway.url, { ...ORDER, n: 3, idempotencyKey: "k" })).toMatchObject({
      status: "FAILED",
      failure: { code: "UPSTREAM_FAILED", billed: "NO", retryable: true },
      images: [],
    });
    expect(await storedFiles(gateway.dataDirectory)).toEqual([]);
    await gateway.waitForLine((line) => line.includes("generation ended"));
    const retries = gateway.lines.filter((line) => line.includes("the provider did no work; the call is repeated"));
    expect(retries).toHaveLength(2);
  },
  TIMEOUT_MS,
);

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
