/** Work that makes durable what happened before it began. Those who ask for it at the same time share it. */
export class SharedSync {
  readonly #work: () => Promise<void>;
  #running: Promise<void> | undefined;
  #waiting: Promise<void> | undefined;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Resolves when a sync has ended that began after this call. */
  sync(): Promise<void> {
    if (!this.#running) return this.#start();
    // The running one may have begun before what this caller did.
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
