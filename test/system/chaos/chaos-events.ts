/** Counts what happens, so that something else can be made to happen after so many events rather than after a time. */
export class EventCount {
  #count = 0;
  #waiting: { readonly at: number; readonly resolve: () => void }[] = [];

  /** Something happened. */
  tick(): void {
    this.#count++;
    const due = this.#waiting.filter(({ at }) => at <= this.#count);
    if (due.length === 0) return;
    this.#waiting = this.#waiting.filter(({ at }) => at > this.#count);
    for (const { resolve } of due) resolve();
  }

  /** Resolves when `count` more events have happened; at once for 0. */
  after(count: number): Promise<void> {
    if (count <= 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ at: this.#count + count, resolve });
    return promise;
  }
}
