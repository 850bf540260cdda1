import { setImmediate as turn } from "node:timers/promises";
import { isPromise } from "node:util/types";
import type { Logger } from "pino";
import { GatewayError } from "./errors.ts";

/**
 * The states of a gateway, in the order in which it passes through them.
 *
 * - `starting`: its parts are being opened.
 * - `accepting`: it takes requests.
 * - `draining`: it accepts nothing new; what runs goes on.
 * - `released`: everyone who waited has an answer; connections that stayed open are closed.
 * - `closed`: its parts are closed.
 */
export type LifecycleState = "starting" | "accepting" | "draining" | "released" | "closed";

/** What a part has to do as the gateway enters a state. */
type Step = () => unknown;

/** How long answers may take to be sent once nothing runs any more. */
const LAST_ANSWERS_MS = 3_000;
/** The longest time that a timer of Node can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * The life of one gateway. Every part that has to stop, or that others wait for, is registered here, so that all of
 * them stop in one order, once, whoever asks for it and however often.
 */
export class Lifecycle {
  /** What is being answered now, through whatever API it came. */
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

  /** Whether the gateway was told to stop: it accepts nothing new. */
  get isStopping(): boolean {
    return this.#state !== "starting" && this.#state !== "accepting";
  }

  /** Aborts when the time is over that `drain` gives to what runs. */
  get graceOver(): AbortSignal {
    return this.#graceOver.signal;
  }

  /** Aborts when nothing runs any more: whoever still waits is to be answered now. */
  get releasing(): AbortSignal {
    return this.#releasing.signal;
  }

  /** Aborts when everyone who waited has an answer: connections that stayed open are to be closed. */
  get released(): AbortSignal {
    return this.#released.signal;
  }

  /**
   * Has a step done as the gateway enters a state. The steps of `draining` and of `released` are done all at once, those
   * of `closed` one by one, the last one registered first. A step that fails does not keep the others from being done.
   */
  on(state: "draining" | "released" | "closed", step: Step): void {
    this.#steps[state].push(step);
  }

  /** The start is complete. */
  accept(): void {
    this.#enter("accepting");
    this.#isAnnounced = true;
  }

  /**
   * @throws OVERLOADED when the gateway was told to stop
   */
  refuseWhileStopping(): void {
    if (this.isStopping) throw stopping();
  }

  /**
   * The same object, except that each of its calls that answers with a promise counts as an operation in flight.
   *
   * A call that fails unexpectedly once the gateway is closed, and its parts with it, throws `OVERLOADED`.
   */
  counting<Target extends object>(target: Target): Target {
    return new Proxy(target, {
      get: (_target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        return (...parameters: unknown[]) => {
          const result: unknown = member.apply(target, parameters);
          return isPromise(result) ? this.#count(result) : result;
        };
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
   * Accepts nothing new, lets what runs finish, and answers everyone who waits. Called again, it does nothing but shorten
   * the time.
   *
   * @param graceMs milliseconds after which what still runs is cut off
   */
  async drain(graceMs: number): Promise<void> {
    const timer = setTimeout(() => this.#graceOver.abort(), Math.min(graceMs, MAX_TIMER_MS));
    this.#draining ??= this.#drain();
    await this.#draining.finally(() => clearTimeout(timer));
  }

  /**
   * Drains at once and closes every part. Called again, it answers the same promise.
   *
   * @throws AggregateError with what went wrong, when every step is done
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #drain(): Promise<void> {
    this.#enter("draining");
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
    if (this.#failures.length > 0) throw new AggregateError(this.#failures, "the gateway did not close in order");
  }

  async #awaitAnswers(): Promise<void> {
    if (await this.operations.isIdleWithin(LAST_ANSWERS_MS)) return;
    this.#logger.warn({ unanswered: this.operations.count }, "answers could not be sent in time");
  }

  async #doAll(steps: readonly Step[]): Promise<void> {
    await Promise.all(steps.map((step) => this.#do(step)));
  }

  async #do(step: Step): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.#logger.error({ err: error, state: this.#state }, "a part of the gateway did not stop in order");
      this.#failures.push(error);
    }
  }

  /** A start, and the end of one that failed, are for the program to announce that asked for it. */
  #enter(state: LifecycleState): void {
    this.#state = state;
    this.#logger[this.#isAnnounced ? "info" : "debug"]({ state }, state);
  }
}

/** Counts operations that are being answered, so that nothing which their answers need is taken away before. */
export class OperationsInFlight {
  #count = 0;
  readonly #whenNone = new Set<() => void>();

  get count(): number {
    return this.#count;
  }

  /** Counts one operation until the returned function is called, once or more often. */
  begin(): () => void {
    this.#count++;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#count--;
      if (this.#count > 0) return;
      for (const resolve of this.#whenNone) resolve();
      this.#whenNone.clear();
    };
  }

  /**
   * Resolves with true when none is in flight, and with false when that takes longer. An operation may consist of calls
   * that follow each other, each with what the one before answered: that is why a turn of the event loop has to pass in
   * which none begins.
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
        await Promise.race([new Promise<void>((resolve) => this.#whenNone.add(resolve)), timeout.promise]);
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
