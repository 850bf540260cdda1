/**
 * Passes on what a source yields and ends with the signal, even when the source does not heed it: a provider of the
 * host's own must not be able to keep a generation, or the whole process, from its end.
 *
 * Each wait is a promise of its own. In a race with one promise that lasts, that one would hold on to everything that
 * ever won: to all pieces of an image, until its last.
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
