/** Counts events, so that an action can follow a number of events rather than a time. */
export class EventCount {
  #count = 0;
  #waiting: { readonly at: number; readonly resolve: () => void }[] = [];

  /** Records an event. */
  tick(): void {
    this.#count++;
    const due = this.#waiting.filter(({ at }) => at <= this.#count);
    if (due.length === 0) return;
    this.#waiting = this.#waiting.filter(({ at }) => at > this.#count);
    for (const { resolve } of due) resolve();
  }

  /** Resolves when `count` more events have happened; immediately for 0. */
  after(count: number): Promise<void> {
    if (count <= 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ at: this.#count + count, resolve });
    return promise;
  }
}
