import fc from "fast-check";

/** One change to a file or message: a changed byte, a removed, repeated or inserted run. */
interface Change {
  apply(bytes: Buffer): Buffer;
}

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(fc.nat(), fc.nat(255)).map(
    ([at, value]): Change => ({
      apply(bytes) {
        const changed = Buffer.from(bytes);
        if (changed.length > 0) changed[at % changed.length] = value;
        return changed;
      },
    }),
  ),
  fc.tuple(fc.nat(), fc.nat(200)).map(
    ([at, length]): Change => ({
      apply(bytes) {
        const start = at % (bytes.length + 1);
        return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + length)]);
      },
    }),
  ),
  fc.tuple(fc.nat(), fc.nat(200), fc.integer({ min: 1, max: 20 })).map(
    ([at, length, count]): Change => ({
      apply(bytes) {
        const start = at % (bytes.length + 1);
        const run = bytes.subarray(start, start + length);
        return Buffer.concat([
          bytes.subarray(0, start),
          ...Array.from({ length: count }, () => run),
          bytes.subarray(start),
        ]);
      },
    }),
  ),
  fc.tuple(fc.nat(), fc.uint8Array({ maxLength: 40 })).map(
    ([at, extra]): Change => ({
      apply(bytes) {
        const start = at % (bytes.length + 1);
        return Buffer.concat([bytes.subarray(0, start), extra, bytes.subarray(start)]);
      },
    }),
  ),
);

/** Valid bytes after up to five changes. */
export function mutated(samples: readonly Uint8Array[]): fc.Arbitrary<Buffer> {
  return fc
    .tuple(fc.constantFrom(...samples), fc.array(change, { maxLength: 5 }))
    .map(([sample, changes]) => changes.reduce<Buffer>((bytes, { apply }) => apply(bytes), Buffer.from(sample)));
}

/** Bytes, and the positions where a network might split them. */
export function inPieces(
  bytes: fc.Arbitrary<Buffer>,
): fc.Arbitrary<readonly [whole: Buffer, pieces: readonly Buffer[]]> {
  return fc.tuple(bytes, fc.array(fc.nat(), { maxLength: 8 })).map(([whole, cuts]) => {
    const places = [...new Set(cuts.map((cut) => cut % (whole.length + 1)))].sort((a, b) => a - b);
    const starts = [0, ...places];
    return [whole, starts.map((start, index) => whole.subarray(start, starts[index + 1] ?? whole.length))] as const;
  });
}
