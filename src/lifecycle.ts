import { setImmediate as turn } from "node:timers/promises";
import { isPromise } from "node:util/types";
import type { Logger } from "pino";
import { GatewayError } from "./errors.ts";

/**
 * The states of a gateway, in order.
 *
 * - `starting`: its parts are being opened.
 * - `accepting`: it takes requests.
 * - `draining`: it accepts nothing new; running generations continue.
 * - `released`: every waiting client has its answer; the remaining connections are closed.
 * - `closed`: its parts are closed.
 */
export type LifecycleState = "starting" | "accepting" | "draining" | "released" | "closed";

/** Work that a part does when the gateway enters a state. */
type Step = () => unknown;

/** How long sending the last answers may take after the running generations have ended. */
const LAST_ANSWERS_MS = 3_000;
/** The longest delay of a Node timer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Starts and stops one gateway. Every part that must stop registers a step here. The steps run in one order and only
 * once, no matter which code requests the stop or how often.
 */
export class Lifecycle {
  /** The operations of all APIs that are being answered now. */
  readonly operations = new OperationsInFlight();
  readonly #logger: Logger;
  readonly #steps: Record<"draining" | "released" | "closed", Step[]> = { draining: [], released: [], closed: [] };
  readonly #failures: unknown[] = [];
  readonly #graceOver = new AbortController();
  readonly #releasing = new AbortController();
  readonly #released = new AbortController();
  #state: LifecycleState = "starting";
  #isAnnounced = false;
  #draining: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
    logger.debug({ state: this.#state }, this.#state);
  }

  get state(): LifecycleState {
    return this.#state;
  }

  /** Whether the gateway was told to stop and accepts nothing new. */
  get isStopping(): boolean {
    return this.#state !== "starting" && this.#state !== "accepting";
  }

  /** Aborts when the grace period of {@link drain} is over: running generations are then cut off. */
  get graceOver(): AbortSignal {
    return this.#graceOver.signal;
  }

  /** Aborts when no generation runs: every waiting client must be answered now. */
  get releasing(): AbortSignal {
    return this.#releasing.signal;
  }

  /** Aborts when every waiting client has its answer: the remaining connections must be closed now. */
  get released(): AbortSignal {
    return this.#released.signal;
  }

  /**
   * Registers a step to run when the gateway enters a state. The steps of `draining` run at the same time, and so do
   * those of `released`. The steps of `closed` run one by one before that state is entered, the last one registered
   * first. If a step fails, the others still run.
   */
  on(state: "draining" | "released" | "closed", step: Step): void {
    this.#steps[state].push(step);
  }

  /** Reports that the start is complete. */
  accept(): void {
    this.#enter("accepting");
    this.#isAnnounced = true;
  }

  /** @throws OVERLOADED when the gateway was told to stop */
  refuseWhileStopping(): void {
    if (this.isStopping) throw stopping();
  }

  /**
   * Returns a proxy of the object. Each method call that returns a promise counts as an operation in flight. If such a
   * call fails unexpectedly because the gateway has closed, it throws `OVERLOADED` instead.
   */
  counting<Target extends object>(target: Target): Target {
    const counted = new Map<PropertyKey, unknown>();
    return new Proxy(target, {
      get: (_target, name) => {
        const known = counted.get(name);
        if (known) return known;
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        const method = (...parameters: unknown[]) => {
          const result: unknown = member.apply(target, parameters);
          return isPromise(result) ? this.#count(result) : result;
        };
        counted.set(name, method);
        return method;
      },
    });
  }

  async #count<Result>(result: Promise<Result>): Promise<Result> {
    const end = this.operations.begin();
    try {
      return await result;
    } catch (error) {
      throw this.#state === "closed" && !(error instanceof GatewayError) ? stopping(error) : error;
    } finally {
      end();
    }
  }

  /**
   * Stops accepting, waits for running generations, and answers every waiting client. A second call can only shorten
   * the grace period.
   *
   * @param graceMs running generations are cut off after this many milliseconds
   */
  async drain(graceMs: number): Promise<void> {
    const timer = setTimeout(() => this.#graceOver.abort(), Math.min(graceMs, MAX_TIMER_MS));
    this.#draining ??= this.#drain(graceMs);
    await this.#draining.finally(() => clearTimeout(timer));
  }

  /**
   * Drains without a grace period and closes every part. Further calls return the same promise.
   *
   * @throws AggregateError after every step has run, with the errors of those that failed
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #drain(graceMs: number): Promise<void> {
    this.#enter("draining", { graceMs });
    await this.#doAll(this.#steps.draining);
    this.#releasing.abort();
    await this.#awaitAnswers();
    this.#enter("released");
    this.#released.abort();
    await this.#doAll(this.#steps.released);
  }

  async #close(): Promise<void> {
    await this.drain(0);
    await this.#awaitAnswers();
    for (const step of this.#steps.closed.toReversed()) await this.#do(step);
    this.#enter("closed");
    if (this.#failures.length > 0)
      throw new AggregateError(this.#failures, "some parts of the gateway failed to close");
  }

  async #awaitAnswers(): Promise<void> {
    if (await this.operations.isIdleWithin(LAST_ANSWERS_MS)) return;
    this.#logger.warn({ unanswered: this.operations.count }, "some answers were not sent in time");
  }

  async #doAll(steps: readonly Step[]): Promise<void> {
    await Promise.all(steps.map((step) => this.#do(step)));
  }

  async #do(step: Step): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.#logger.error({ err: error, state: this.#state }, "a part of the gateway failed to stop");
      this.#failures.push(error);
    }
  }

  /**
   * Logs the state at `info` only after {@link accept}: the calling program reports its start, and a failed start,
   * itself.
   */
  #enter(state: LifecycleState, facts: object = {}): void {
    this.#state = state;
    this.#logger[this.#isAnnounced ? "info" : "debug"]({ state, ...facts }, state);
  }
}

/** Counts operations that are being answered, so that the parts which their answers need are not closed too early. */
export class OperationsInFlight {
  #count = 0;
  readonly #idleListeners = new Set<() => void>();

  get count(): number {
    return this.#count;
  }

  /** Counts one operation until the returned function is called. Further calls of that function do nothing. */
  begin(): () => void {
    this.#count++;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#count--;
      if (this.#count > 0) return;
      for (const resolve of this.#idleListeners) resolve();
      this.#idleListeners.clear();
    };
  }

  /**
   * Waits until no operation is in flight. An operation may consist of several calls, each using the result of the
   * previous one. So a whole turn of the event loop has to pass in which no call begins.
   *
   * @returns false when that takes longer than `timeoutMs`
   */
  async isIdleWithin(timeoutMs: number): Promise<boolean> {
    const timeout = Promise.withResolvers<void>();
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
      timeout.resolve();
    }, timeoutMs);
    try {
      for (;;) {
        await turn();
        if (this.#count === 0) return true;
        if (isOver) return false;
        await Promise.race([new Promise<void>((resolve) => this.#idleListeners.add(resolve)), timeout.promise]);
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

const STOPPING_RETRY_SECONDS = 5;

function stopping(cause?: unknown): GatewayError {
  return new GatewayError("OVERLOADED", "the gateway is stopping; send the request again", {
    retryAfterSeconds: STOPPING_RETRY_SECONDS,
    ...(cause !== undefined && { cause }),
  });
}
