import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { retryPatiently } from "../../../src/adapters/s3/s3-retries.ts";

const PATIENCE_MS = 120_000;

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

type Failure = Parameters<ReturnType<typeof retryPatiently>["refreshRetryTokenForRetry"]>[1];

function failure(details: object, errorType: Failure["errorType"] = "CLIENT_ERROR"): Failure {
  return { errorType, error: Object.assign(new Error("it failed"), details) as NonNullable<Failure["error"]> };
}

const AWAY = failure({ code: "ECONNREFUSED" }, "TRANSIENT");

/** Advances the clock through all retries of a request, and returns when each began. */
async function beginnings(cause: Failure, attemptMs = 0, strategy = retryPatiently(PATIENCE_MS)): Promise<number[]> {
  const startedAt = performance.now();
  const begun: number[] = [];
  let attempt = await strategy.acquireInitialRetryToken("");
  for (;;) {
    jest.advanceTimersByTime(attemptMs);
    try {
      attempt = await strategy.refreshRetryTokenForRetry(attempt, cause);
    } catch {
      return begun;
    }
    jest.advanceTimersByTime(attempt.getRetryDelay());
    begun.push(performance.now() - startedAt);
  }
}

test.each([0, 1000, 30_000])("a request of %i ms is repeated until the time limit", async (attemptMs) => {
  const begun = await beginnings(AWAY, attemptMs);

  expect(begun.at(-1)).toBeLessThanOrEqual(PATIENCE_MS);
  expect(begun.at(-1)).toBeGreaterThan(PATIENCE_MS - attemptMs - 5_000);
});

test("the first retries come soon, later ones at most 5 seconds apart", async () => {
  const begun = await beginnings(AWAY);
  const gaps = begun.map((at, i) => at - (begun[i - 1] ?? 0));

  expect(begun[0]).toBeLessThanOrEqual(100);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(5_000);
  expect(Math.max(...gaps)).toBeGreaterThan(2_000);
});

test("many requests that fail together each have the time of one", async () => {
  const strategy = retryPatiently(PATIENCE_MS);
  const attempts = await Promise.all(Array.from({ length: 2000 }, () => strategy.acquireInitialRetryToken("")));
  const repeated = await Promise.all(attempts.map((attempt) => strategy.refreshRetryTokenForRetry(attempt, AWAY)));

  expect(new Set(repeated.map((attempt) => attempt.getRetryCount()))).toEqual(new Set([1]));
  expect(new Set(repeated.map((attempt) => attempt.getRetryDelay())).size).toBeGreaterThan(1000);
});

test("S3 may ask for a longer pause, but not beyond the time limit", async () => {
  const strategy = retryPatiently(PATIENCE_MS);
  const attempt = await strategy.acquireInitialRetryToken("");
  const later = (ms: number) => ({ ...AWAY, retryAfterHint: new Date(Date.now() + ms) });

  expect((await strategy.refreshRetryTokenForRetry(attempt, later(20_000))).getRetryDelay()).toBe(20_000);
  await expect(strategy.refreshRetryTokenForRetry(attempt, later(PATIENCE_MS + 1))).rejects.toThrow();
});

test.each<[string, Failure, boolean]>([
  ["a failure of the server", failure({ $metadata: { httpStatusCode: 503 } }, "SERVER_ERROR"), true],
  ["too many requests", failure({ $metadata: { httpStatusCode: 429 } }, "THROTTLING"), true],
  ["an address that cannot be had", failure({ code: "EADDRNOTAVAIL", syscall: "connect" }), true],
  ["an answer that is not HTTP", failure({ code: "HPE_INVALID_CONSTANT" }), true],
  ["a conflict", failure({ name: "OperationAborted", $metadata: { httpStatusCode: 409 } }), true],
  ["what is not implemented", failure({ $metadata: { httpStatusCode: 501 } }, "SERVER_ERROR"), false],
  ["a refusal", failure({ name: "AccessDenied", $metadata: { httpStatusCode: 403 } }), false],
  ["a mistake of our own", failure({ name: "TypeError" }), false],
])("the right errors are retried: %s", async (_what, cause, isRepeated) => {
  expect((await beginnings(cause)).length > 0).toBe(isRepeated);
});
