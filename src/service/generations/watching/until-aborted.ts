/**
 * Yields what a source yields, and ends when the signal aborts, even if the source ignores the signal. Otherwise a
 * provider could keep a generation, or the whole process, from ending.
 *
 * Each wait has its own promise. `Promise.race` with one long-lived promise would leak: that promise keeps every value
 * that ever won the race, here all pieces of an image.
 *
 * @throws the signal's reason
 */
export function untilAborted<Item>(
  source: AsyncIterable<Item>,
  signal: AbortSignal,
): AsyncIterableIterator<Item, undefined> {
  return new AbortableIterator(source[Symbol.asyncIterator](), signal);
}

/** Not a generator, which would cost several promises more for each piece of an image. */
class AbortableIterator<Item> implements AsyncIterableIterator<Item, undefined> {
  readonly #source: AsyncIterator<Item>;
  readonly #signal: AbortSignal;
  /** Ends the present wait. */
  #giveUp = (): void => {};
  readonly #abort = (): void => this.#giveUp();
  #isOver = false;

  constructor(source: AsyncIterator<Item>, signal: AbortSignal) {
    this.#source = source;
    this.#signal = signal;
    signal.addEventListener("abort", this.#abort, { once: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Item, undefined>> {
    if (this.#isOver) return { done: true, value: undefined };
    try {
      this.#signal.throwIfAborted();
      const step = await new Promise<IteratorResult<Item>>((resolve, reject) => {
        this.#giveUp = () => reject(this.#signal.reason);
        this.#source.next().then(resolve, reject);
      });
      if (!step.done) return step;
    } catch (error) {
      await this.#leave();
      throw error;
    }
    await this.#leave();
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Item, undefined>> {
    await this.#leave();
    return { done: true, value: undefined };
  }

  async #leave(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#signal.removeEventListener("abort", this.#abort);
    const left = Promise.resolve(this.#source.return?.()).catch(() => {});
    if (!this.#signal.aborted) await left;
  }
}
