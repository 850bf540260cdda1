import type { S3ClientConfig } from "@aws-sdk/client-s3";

type RetryStrategy = Extract<NonNullable<S3ClientConfig["retryStrategy"]>, { acquireInitialRetryToken: unknown }>;
type Attempt = Awaited<ReturnType<RetryStrategy["acquireInitialRetryToken"]>>;
type Failure = Parameters<RetryStrategy["refreshRetryTokenForRetry"]>[1];

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 5_000;
const NOT_IMPLEMENTED = 501;
/** Another request is changing the same object. */
const CONFLICTS: ReadonlySet<unknown> = new Set(["OperationAborted", "ConditionalRequestConflict"]);

/**
 * Repeats a request while S3 cannot be reached, does not answer, or answers with an error of its own; never when S3
 * refuses the request. The SDK's own strategies give up after a number of attempts, and sooner if many requests fail at
 * once: these share one budget, which an outage under load uses up within seconds.
 *
 * @param patienceMs how long after the first attempt the last one may start; 0 for a single attempt
 */
export function retryPatiently(patienceMs: number): RetryStrategy {
  const startTimes = new WeakMap<Attempt, number>();
  const begin = (startedAt: number, retryCount: number, delayMs: number): Attempt => {
    const attempt: Attempt = { getRetryCount: () => retryCount, getRetryDelay: () => delayMs };
    startTimes.set(attempt, startedAt);
    return attempt;
  };
  return {
    acquireInitialRetryToken: async () => begin(performance.now(), 0, 0),
    async refreshRetryTokenForRetry(attempt, failure) {
      const startedAt = startTimes.get(attempt) ?? 0;
      const retryCount = attempt.getRetryCount() + 1;
      const delayMs = Math.max(backoffMs(retryCount), (failure.retryAfterHint?.getTime() ?? 0) - Date.now());
      const isTooLate = performance.now() - startedAt + delayMs > patienceMs;
      if (isTooLate || !isPassing(failure)) throw new Error("this request is not repeated");
      return begin(startedAt, retryCount, delayMs);
    },
    recordSuccess() {},
  };
}

/** Doubles with each retry. Half of it is random, so that requests that failed together do not retry together. */
function backoffMs(retryCount: number): number {
  const fullMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (retryCount - 1));
  return fullMs / 2 + (Math.random() * fullMs) / 2;
}

function isPassing({ errorType, error }: Failure): boolean {
  const { $metadata, name, code, syscall } = error as {
    readonly $metadata?: { readonly httpStatusCode?: number };
    readonly name?: unknown;
    readonly code?: unknown;
    readonly syscall?: unknown;
  };
  const status = $metadata?.httpStatusCode;
  // Failed system calls and answers that are not HTTP. The SDK recognises only some of them.
  const isBrokenConnection = status === undefined && (syscall !== undefined || String(code).startsWith("HPE_"));
  return (errorType !== "CLIENT_ERROR" && status !== NOT_IMPLEMENTED) || isBrokenConnection || CONFLICTS.has(name);
}
