/**
 * Runs work that makes everything durable that happened before it began, such as the sync of a directory. Simultaneous
 * callers share one run.
 */
export class SharedSync {
  readonly #work: () => Promise<void>;
  #running: Promise<void> | undefined;
  #waiting: Promise<void> | undefined;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Resolves when a run that began after this call has ended. */
  sync(): Promise<void> {
    if (!this.#running) return this.#start();
    // The current run may have begun before the caller's last change.
    const next = () => {
      this.#waiting = undefined;
      return this.#start();
    };
    this.#waiting ??= this.#running.then(next, next);
    return this.#waiting;
  }

  #start(): Promise<void> {
    const running = this.#work().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }
}
