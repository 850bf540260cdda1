import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import type { Events } from "../../../ports/events.ts";

/** How long the store may be unavailable before the provider's result is given up. */
const GIVE_UP_MS = 10 * 60_000;
const PAUSE_MS = 1_000;

/** Repeats writes while the store is unavailable, so that a short outage does not lose what a provider made. */
export class StoreRetries {
  readonly #events: Events;
  readonly #logger: Logger;
  readonly #stopped: AbortSignal;

  /** @param stopped ends the retries when it aborts */
  constructor(events: Events, logger: Logger, stopped: AbortSignal) {
    this.#events = events;
    this.#logger = logger;
    this.#stopped = stopped;
  }

  /**
   * Repeats `access` until it succeeds. Callers that wait for the generation are told at once that it cannot be
   * recorded, because the store may be unavailable for longer than they can wait.
   *
   * @throws the error of the last attempt, after ten minutes or when the process is stopped
   */
  async retryWhileStoreDown<Result>(generationId: string, access: () => Promise<Result>): Promise<Result> {
    const giveUpAt = performance.now() + GIVE_UP_MS;
    for (;;) {
      try {
        return await access();
      } catch (error) {
        if (this.#stopped.aborted || performance.now() > giveUpAt) throw error;
        this.#logger.warn({ generationId, err: error }, "the store does not answer; the write is repeated");
        this.#events.publish({ generationId, isUnrecorded: true });
        await delay(PAUSE_MS, undefined, { signal: this.#stopped }).catch(() => {});
      }
    }
  }
}
