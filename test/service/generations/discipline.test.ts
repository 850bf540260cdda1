import { type AddressInfo, connect, createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { pino } from "pino";
import { createOpenAI } from "../../../src/adapters/openai/openai.ts";
import { GatewayError } from "../../../src/errors.ts";
import type { ImageProvider } from "../../../src/ports/image-provider.ts";
import { NO_METRICS } from "../../../src/ports/metrics.ts";
import { ProviderCalls } from "../../../src/service/generations/running/provider-calls.ts";
import { OUR_TIMERS } from "../../support/our-timers.ts";
import { type Behaviour, type StrictImageApi, startStrictImageApi } from "../../support/vendors/strict-image-api.ts";

const REQUEST = {
  model: "gpt-image-2.6-flare",
  prompt: "A red fox",
  n: 1,
  size: { width: 816, height: 816 },
  quality: "AUTO",
  format: "PNG",
  background: "AUTO",
  partialImages: 0,
} as const;
const UNAVAILABLE: Behaviour = { error: { status: 503, message: "Overloaded." } };

let api: StrictImageApi;
let provider: ImageProvider;
let calls: ProviderCalls;
/** Each wait, and how many calls had arrived by then. */
let waits: { ms: number; afterCalls: number }[];
let logLines: string[];

beforeEach(async () => {
  api = await startStrictImageApi();
  provider = createOpenAI({ apiKey: api.apiKey, baseUrl: api.baseUrl, timeoutMs: 60_000 });
  waits = [];
  logLines = [];
  const logger = pino({}, { write: (line: string) => void logLines.push(line) });
  calls = new ProviderCalls(logger, NO_METRICS, async (ms) => void waits.push({ ms, afterCalls: api.callCount }));
});

afterEach(async () => {
  jest.useRealTimers();
  jest.restoreAllMocks();
  await provider.close();
  await api.close();
});

/** Makes one call with retries, reads and discards its images, and returns their number. */
function call(signal = new AbortController().signal, asked: ImageProvider = provider): Promise<number> {
  const attempt = async () => {
    let images = 0;
    for await (const event of asked.generate(REQUEST, signal)) {
      if (event.type !== "image") continue;
      for await (const _ of event.bytes);
      images++;
    }
    return images;
  };
  return calls.call(asked, attempt, signal);
}

describe("a call is repeated", () => {
  test("after the time that the provider names, and not earlier, if it limits the rate", async () => {
    api.queue({ rateLimited: { retryAfter: "1" } }, { rateLimited: { retryAfter: "30" } });

    expect(await call()).toBe(1);
    expect(waits).toEqual([
      { ms: 1000, afterCalls: 1 },
      { ms: 30_000, afterCalls: 2 },
    ]);
    expect(api.callCount).toBe(3);
  });

  test("after a doubling time if the provider is unavailable and names no time", async () => {
    api.queue(UNAVAILABLE, UNAVAILABLE);

    expect(await call()).toBe(1);
    const [first, second] = waits.map(({ ms }) => ms);
    expect(first).toBeGreaterThanOrEqual(500);
    expect(first).toBeLessThanOrEqual(750);
    expect(second).toBeGreaterThanOrEqual(1000);
    expect(second).toBeLessThanOrEqual(1500);
  });

  test("if the connection was refused", async () => {
    const { provider: absent, appear, vanish } = await absentProvider(api);
    calls = new ProviderCalls(pino({ enabled: false }), NO_METRICS, async (ms) => {
      waits.push({ ms, afterCalls: api.callCount });
      if (waits.length === 2) await appear();
    });

    expect(await call(undefined, absent)).toBe(1);
    expect(waits).toHaveLength(2);
    expect(api.callCount).toBe(1);
    await vanish();
  });

  test("until the third attempt; then its failure is reported", async () => {
    api.respondWith(UNAVAILABLE);

    await expect(call()).rejects.toMatchObject({ code: "UPSTREAM_FAILED", details: { billed: "NO" } });
    expect(api.callCount).toBe(3);
    expect(waits).toHaveLength(2);
  });
});

describe("a call is not repeated", () => {
  test("if the provider asks to wait longer than half a minute, which the client is told", async () => {
    api.queue({ rateLimited: { retryAfter: "3600" } });

    await expect(call()).rejects.toMatchObject({
      code: "RATE_LIMITED",
      isRetryable: true,
      details: { retryAfterSeconds: 3600, billed: "NO" },
    });
    expect({ callCount: api.callCount, waits }).toEqual({ callCount: 1, waits: [] });
  });

  test.each<[string, Behaviour, string]>([
    ["fails", "serverError", "UPSTREAM_FAILED"],
    ["closes the connection without an answer", "resetBeforeAnswer", "UPSTREAM_FAILED"],
    ["closes the connection in the middle", "resetInBody", "UPSTREAM_FAILED"],
    ["refuses the prompt", "moderationBlocked", "CONTENT_REJECTED"],
    ["has no money left", "billingLimit", "BUDGET_EXCEEDED"],
    ["refuses the key", "unauthorized", "UPSTREAM_FAILED"],
    ["answers with half a JSON", "halfJson", "UPSTREAM_FAILED"],
  ])("if the provider %s", async (_what, behaviour, code) => {
    api.queue(behaviour);

    await expect(call()).rejects.toMatchObject({ code });
    expect({ callCount: api.callCount, waits }).toEqual({ callCount: 1, waits: [] });
  });

  test("if the provider takes too long", async () => {
    const held = api.holdNext();
    jest.useFakeTimers(OUR_TIMERS);
    const failed = expect(call()).rejects.toMatchObject({ code: "UPSTREAM_TIMEOUT" });
    await held.arrived;
    jest.advanceTimersByTime(60_000);

    await failed;
    held.release();
    expect({ callCount: api.callCount, waits }).toEqual({ callCount: 1, waits: [] });
  });

  test("if it was canceled while it waited", async () => {
    const canceling = new AbortController();
    const reason = new GatewayError("INTERRUPTED", "canceled");
    calls = new ProviderCalls(pino({ enabled: false }), NO_METRICS, (_ms, signal) => {
      canceling.abort(reason);
      return Promise.reject(signal.reason);
    });
    api.queue(UNAVAILABLE);

    await expect(call(canceling.signal)).rejects.toMatchObject({ code: "INTERRUPTED", details: { billed: "NO" } });
    expect(api.callCount).toBe(1);
  });

  test("if it was canceled before it began", async () => {
    await expect(call(AbortSignal.abort(new GatewayError("INTERRUPTED", "canceled")))).rejects.toMatchObject({
      code: "INTERRUPTED",
      details: { billed: "NO" },
    });
    expect(api.callCount).toBe(0);
  });
});

describe("a provider that has failed five times in a row", () => {
  let now: number;

  beforeEach(async () => {
    now = Date.now();
    jest.spyOn(Date, "now").mockImplementation(() => now);
    api.respondWith("serverError");
    for (let failure = 1; failure <= 5; failure++) await expect(call()).rejects.toThrow("the provider failed");
  });

  test("is not called for half a minute, and clients are told that no call was made", async () => {
    now += 29_999;
    api.respondWith("normal");

    await expect(call()).rejects.toMatchObject({
      code: "UPSTREAM_FAILED",
      message: expect.stringMatching(/openai failed 5 times in a row.* was not made/),
      isRetryable: true,
      details: { billed: "NO", retryAfterSeconds: 30 },
    });
    expect(api.callCount).toBe(5);
    expect(logLines.filter((line) => line.includes("keeps failing"))).toHaveLength(1);
  });

  test("then gets one trial call, and is used again if that succeeds", async () => {
    now += 30_000;
    api.respondWith("normal");
    const trial = api.holdNext();
    const answers = [call(), call(), call()];
    await trial.arrived;
    expect(api.callCount).toBe(6);
    trial.release();

    expect(await Promise.all(answers)).toEqual([1, 1, 1]);
    expect(api.callCount).toBe(8);
    expect(logLines.filter((line) => line.includes("works again"))).toHaveLength(1);
  });

  test("gets another pause if the trial call fails", async () => {
    now += 30_000;
    await expect(call()).rejects.toThrow("the provider failed");
    api.respondWith("normal");
    await expect(call()).rejects.toThrow("was not made");

    expect(api.callCount).toBe(6);
  });

  test("is not called for a client that was canceled while it waited for another client's trial", async () => {
    now += 30_000;
    api.respondWith("normal");
    const trial = api.holdNext();
    const first = call();
    await trial.arrived;
    const canceling = new AbortController();
    const ask = jest.fn(async () => {});
    const second = calls.call(provider, ask, canceling.signal);
    canceling.abort(new GatewayError("INTERRUPTED", "canceled"));
    trial.release();

    expect(await first).toBe(1);
    await expect(second).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(ask).not.toHaveBeenCalled();
  });

  test("does not stop calls to other providers", async () => {
    const other = await startStrictImageApi();
    const otherProvider = createOpenAI({ apiKey: other.apiKey, baseUrl: other.baseUrl, timeoutMs: 60_000 });

    expect(await call(undefined, otherProvider)).toBe(1);
    await otherProvider.close();
    await other.close();
  });
});

test.each<[string, Behaviour]>([
  ["content", "moderationBlocked"],
  ["for want of money", "billingLimit"],
  ["the key", "unauthorized"],
  ["a parameter", { error: { status: 400, code: "invalid_value", param: "size" } }],
  ["for the rate", { rateLimited: { retryAfter: "3600" } }],
])("a provider that refuses %s has no outage, however often it does so", async (_what, behaviour) => {
  api.respondWith(behaviour);
  for (let refusal = 1; refusal <= 7; refusal++) await expect(call()).rejects.toThrow();

  expect(api.callCount).toBe(7);
});

/** A provider at an address where nothing listens until the stand-in is started. */
async function absentProvider(target: StrictImageApi) {
  const gate = createServer((socket) => {
    const inner = connect(Number(new URL(target.baseUrl).port), "127.0.0.1");
    socket.pipe(inner).pipe(socket);
  });
  const listen = (port: number) => new Promise<void>((resolve) => gate.listen(port, "127.0.0.1", resolve));
  await listen(0);
  const { port } = gate.address() as AddressInfo;
  await new Promise((resolve) => gate.close(resolve));
  const absent = createOpenAI({ apiKey: target.apiKey, baseUrl: `http://127.0.0.1:${port}/v1`, timeoutMs: 60_000 });
  return { provider: absent, appear: () => listen(port), vanish: () => new Promise((resolve) => gate.close(resolve)) };
}
