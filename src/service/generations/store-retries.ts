import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import type { Events } from "../../ports/events.ts";

/** How long the store may be away before what a provider made is given up. */
const GIVE_UP_MS = 10 * 60_000;
const PAUSE_MS = 1_000;

/** Writes again while the store is down: what a provider made is not given up because the store is away for a while. */
export class StoreRetries {
  readonly #events: Events;
  readonly #logger: Logger;
  readonly #stopped: AbortSignal;

  /** @param stopped ends the attempts */
  constructor(events: Events, logger: Logger, stopped: AbortSignal) {
    this.#events = events;
    this.#logger = logger;
    this.#stopped = stopped;
  }

  /**
   * Whoever waits for the generation is told at once that it cannot be recorded: the store may be away for longer than
   * they can wait.
   *
   * @throws what the last attempt threw, after ten minutes or when the process is stopped
   */
  async retryWhileStoreDown<Result>(generationId: string, access: () => Promise<Result>): Promise<Result> {
    const giveUpAt = performance.now() + GIVE_UP_MS;
    for (;;) {
      try {
        return await access();
      } catch (error) {
        if (this.#stopped.aborted || performance.now() > giveUpAt) throw error;
        this.#logger.warn({ generationId, err: error }, "the store does not answer; trying again");
        this.#events.publish({ generationId, isUnrecorded: true });
        await delay(PAUSE_MS, undefined, { signal: this.#stopped }).catch(() => {});
      }
    }
  }
}
