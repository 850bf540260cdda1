import { setTimeout as delay } from "node:timers/promises";
import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
} from "cockatiel";
import type { Logger } from "pino";
import { GatewayError } from "../../errors.ts";
import type { ImageProvider } from "../../ports/image-provider.ts";

/** Attempts of one call, the first included. */
const MAX_ATTEMPTS = 3;
/** Where the provider names no time to wait: this long, doubled each time, and up to half of it more by chance. */
const FIRST_WAIT_MS = 500;
/** A provider that asks for a longer wait gets none: the caller is told instead. */
const MAX_WAIT_MS = 30_000;
/** Outages in a row after which a provider counts as dead. */
const OUTAGES_TO_OPEN = 5;
/** How long a dead provider is left alone before one call tries it again. */
const REST_MS = 30_000;

/**
 * Calls providers with discipline: a call is repeated only where the provider surely did no work, and a provider that
 * keeps failing is left alone for a while. Both are counted for each provider, whatever model is asked for.
 */
export class ProviderCalls {
  readonly #breakers = new Map<ImageProvider, CircuitBreakerPolicy>();
  readonly #logger: Logger;
  readonly #wait: (ms: number, signal: AbortSignal) => Promise<unknown>;

  /** @param wait resolves after so many milliseconds, or rejects when the signal aborts before; a timer when left out */
  constructor(logger: Logger, wait = (ms: number, signal: AbortSignal) => delay<unknown>(ms, undefined, { signal })) {
    this.#logger = logger;
    this.#wait = wait;
  }

  /**
   * Makes one call.
   *
   * @param attempt one submission to the provider, consumed to its end
   * @param signal ends the wait between two attempts: its reason is then thrown with `billed: "NO"`, since nothing is in
   *   the provider's hands
   * @throws UPSTREAM_FAILED without a call while the provider counts as dead, and whatever the last attempt threw
   */
  async call<Result>(provider: ImageProvider, attempt: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    const breaker = this.#breakerOf(provider);
    for (let attempts = 1; ; attempts++) {
      try {
        return await breaker.execute(() => {
          // Where another call tries a provider that was at rest, this one has waited for it.
          if (signal.aborted) throw unbilled(signal.reason);
          return attempt();
        });
      } catch (error) {
        if (error instanceof BrokenCircuitError) throw atRest(provider);
        const waitMs = waitBeforeRepeating(error, attempts);
        if (waitMs === undefined) throw error;
        if (signal.aborted) throw unbilled(signal.reason);
        this.#logger.warn({ provider: provider.name, waitMs, err: error }, "the provider did no work; asking again");
        await this.#wait(waitMs, signal).catch(() => {});
        if (signal.aborted) throw unbilled(signal.reason);
      }
    }
  }

  #breakerOf(provider: ImageProvider): CircuitBreakerPolicy {
    const known = this.#breakers.get(provider);
    if (known) return known;
    const breaker = circuitBreaker(handleWhen(isOutage), {
      breaker: new ConsecutiveBreaker(OUTAGES_TO_OPEN),
      halfOpenAfter: REST_MS,
    });
    const { name } = provider;
    breaker.onBreak(() =>
      this.#logger.error({ provider: name, restMs: REST_MS }, "the provider keeps failing; it rests"),
    );
    breaker.onReset(() => this.#logger.info({ provider: name }, "the provider works again"));
    this.#breakers.set(provider, breaker);
    return breaker;
  }
}

/** A refusal is not an outage, of whatever it refuses: the same request later would be refused too. Neither is a limit. */
function isOutage(error: unknown): boolean {
  if (!(error instanceof GatewayError) || !error.isRetryable) return false;
  return error.code === "UPSTREAM_FAILED" || error.code === "UPSTREAM_TIMEOUT";
}

/** Milliseconds; `undefined` when the call must not be repeated, or not so soon. */
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
    `the provider ${provider.name} failed ${OUTAGES_TO_OPEN} times in a row and is left alone for a while; it was not asked`,
    { billed: "NO", retryAfterSeconds: REST_MS / 1000 },
  );
}
