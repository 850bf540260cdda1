/**
 * Passes on what a source yields and ends with the signal, even when the source does not heed it: a provider of the
 * host's own must not be able to keep a generation, or the whole process, from its end.
 *
 * @throws the signal's reason
 */
export async function* untilAborted<Item>(source: AsyncIterable<Item>, signal: AbortSignal): AsyncGenerator<Item> {
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => {});
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await Promise.race([iterator.next(), aborted.promise]);
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", abort);
    const left = Promise.resolve(iterator.return?.()).catch(() => {});
    if (!signal.aborted) await left;
  }
}
