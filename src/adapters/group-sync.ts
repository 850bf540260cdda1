import { setImmediate as nextTurn } from "node:timers/promises";

/**
 * Makes changes durable that are written already. Those who wait at the same time share one sync: it covers every
 * change that was noted before it began. It begins after the present turn of the event loop, in which others may write
 * too: a sync costs more than all else about a small change.
 */
export class GroupSync {
  readonly #work: () => Promise<void>;
  /** How many changes were noted, and how many of them are durable. */
  #noted = 0;
  #durable = 0;
  #running: Promise<void> | undefined;

  /** @param work makes everything durable that was written before it is called */
  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Call it once a change was written. */
  note(): void {
    this.#noted++;
  }

  /** Resolves when every change that was noted before this call is durable. @throws what the sync throws */
  async untilDurable(): Promise<void> {
    const wanted = this.#noted;
    while (this.#durable < wanted) {
      // The running one may have begun before the change.
      this.#running ??= this.#sync();
      await this.#running;
    }
  }

  async #sync(): Promise<void> {
    await nextTurn();
    const covered = this.#noted;
    try {
      await this.#work();
      this.#durable = covered;
    } finally {
      this.#running = undefined;
    }
  }
}
