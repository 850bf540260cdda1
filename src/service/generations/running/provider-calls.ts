import { setTimeout as delay } from "node:timers/promises";
import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
} from "cockatiel";
import type { Logger } from "pino";
import { GatewayError } from "../../../errors.ts";
import type { ImageProvider } from "../../../ports/image-provider.ts";
import type { Metrics } from "../../../ports/metrics.ts";

/** Attempts of one call, the first included. */
const MAX_ATTEMPTS = 3;
/** The first wait when the provider names none. It doubles each time, plus a random part of up to half of it. */
const FIRST_WAIT_MS = 500;
/** The longest wait. If a provider asks for a longer one, the call is not repeated and the caller gets the error. */
const MAX_WAIT_MS = 30_000;
/** The number of consecutive outages after which a provider is not called for a while. */
const FAILURES_BEFORE_PAUSE = 5;
/** How long such a provider is not called. After that, one call tests it. */
const PAUSE_MS = 30_000;

/**
 * Makes calls to providers. A call is repeated only if the provider certainly did no work. A provider that keeps
 * failing is not called for a while. Failures are counted for each provider, across all of its models.
 */
export class ProviderCalls {
  readonly #breakers = new Map<ImageProvider, CircuitBreakerPolicy>();
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  readonly #wait: (ms: number, signal: AbortSignal) => Promise<unknown>;

  /** @param wait resolves after the given milliseconds, or rejects when the signal aborts. @defaultValue a timer */
  constructor(
    logger: Logger,
    metrics: Metrics,
    wait = (ms: number, signal: AbortSignal) => delay<unknown>(ms, undefined, { signal }),
  ) {
    this.#logger = logger;
    this.#metrics = metrics;
    this.#wait = wait;
  }

  /**
   * Makes one call.
   *
   * @param attempt one submission to the provider, consumed to its end
   * @param signal ends the wait between two attempts. Its reason is then thrown with `billed: "NO"`, because no call is
   *   at the provider
   * @throws UPSTREAM_FAILED without a call while the provider keeps failing, and the error of the last attempt
   */
  async call<Result>(provider: ImageProvider, attempt: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    const breaker = this.#breakerOf(provider);
    for (let attempts = 1; ; attempts++) {
      try {
        return await breaker.execute(() => {
          // This call may have waited for another one that tested the provider.
          if (signal.aborted) throw unbilled(signal.reason);
          return attempt();
        });
      } catch (error) {
        if (error instanceof BrokenCircuitError) throw atRest(provider);
        const waitMs = waitBeforeRepeating(error, attempts);
        if (waitMs === undefined) throw error;
        if (signal.aborted) throw unbilled(signal.reason);
        this.#logger.warn(
          { provider: provider.name, waitMs, err: error },
          "the provider did no work; the call is repeated",
        );
        await this.#wait(waitMs, signal).catch(() => {});
        if (signal.aborted) throw unbilled(signal.reason);
        this.#metrics.providerCallRepeated(provider.name);
      }
    }
  }

  #breakerOf(provider: ImageProvider): CircuitBreakerPolicy {
    const known = this.#breakers.get(provider);
    if (known) return known;
    const breaker = circuitBreaker(handleWhen(isOutage), {
      breaker: new ConsecutiveBreaker(FAILURES_BEFORE_PAUSE),
      halfOpenAfter: PAUSE_MS,
    });
    const { name } = provider;
    this.#metrics.providerPaused(name, false);
    breaker.onBreak(() => {
      this.#metrics.providerPaused(name, true);
      this.#logger.error({ provider: name, pauseMs: PAUSE_MS }, "the provider keeps failing; calls to it are paused");
    });
    breaker.onReset(() => {
      this.#metrics.providerPaused(name, false);
      this.#logger.info({ provider: name }, "the provider works again; calls to it resume");
    });
    this.#breakers.set(provider, breaker);
    return breaker;
  }
}

/**
 * Whether an error counts as an outage. Refusals do not, because the same request would be refused again. Nor do
 * limits.
 */
function isOutage(error: unknown): boolean {
  if (!(error instanceof GatewayError) || !error.isRetryable) return false;
  return error.code === "UPSTREAM_FAILED" || error.code === "UPSTREAM_TIMEOUT";
}

/** The wait before the next attempt, in milliseconds; `undefined` when the call must not be repeated. */
function waitBeforeRepeating(error: unknown, attempts: number): number | undefined {
  if (!(error instanceof GatewayError) || !error.isRetryable || error.details.billed !== "NO") return undefined;
  if (attempts === MAX_ATTEMPTS) return undefined;
  const { retryAfterSeconds } = error.details;
  const byChance = 1 + Math.random() / 2;
  const waitMs =
    retryAfterSeconds === undefined ? FIRST_WAIT_MS * 2 ** (attempts - 1) * byChance : retryAfterSeconds * 1000;
  return waitMs <= MAX_WAIT_MS ? waitMs : undefined;
}

function unbilled(reason: unknown): unknown {
  if (!(reason instanceof GatewayError)) return reason;
  const { code, message, isRetryable, details } = reason;
  return new GatewayError(code, message, { ...details, isRetryable, billed: "NO" });
}

function atRest(provider: ImageProvider): GatewayError {
  return new GatewayError(
    "UPSTREAM_FAILED",
    `the provider ${provider.name} failed ${FAILURES_BEFORE_PAUSE} times in a row; calls to it are paused, so this one was not made`,
    { billed: "NO", retryAfterSeconds: PAUSE_MS / 1000 },
  );
}
