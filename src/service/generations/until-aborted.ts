/**
 * Yields what a source yields, and ends when the signal aborts, even if the source ignores the signal. Otherwise a
 * provider could keep a generation, or the whole process, from ending.
 *
 * Each wait has its own promise. `Promise.race` with one long-lived promise would leak: that promise keeps every value
 * that ever won the race, here all pieces of an image.
 *
 * @throws the signal's reason
 */
export async function* untilAborted<Item>(source: AsyncIterable<Item>, signal: AbortSignal): AsyncGenerator<Item> {
  let giveUp = (): void => {};
  const abort = (): void => giveUp();
  signal.addEventListener("abort", abort, { once: true });
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      signal.throwIfAborted();
      const { done, value } = await new Promise<IteratorResult<Item>>((resolve, reject) => {
        giveUp = () => reject(signal.reason);
        iterator.next().then(resolve, reject);
      });
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", abort);
    const left = Promise.resolve(iterator.return?.()).catch(() => {});
    if (!signal.aborted) await left;
  }
}
