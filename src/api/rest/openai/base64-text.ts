/**
 * How many bytes are encoded at once, a multiple of 3. V8 keeps longer texts in pages of their own, which cost twenty
 * times as much.
 */
const STEP_BYTES = 48 * 1024;
/** The least memory that {@link toBase64} needs, in bytes: for one step. */
export const MIN_TEXT_BYTES = base64Length(STEP_BYTES);

const NOTHING: Buffer = Buffer.alloc(0);

/** The number of base64 characters for this many bytes. */
export function base64Length(byteCount: number): number {
  return 4 * Math.ceil(byteCount / 3);
}

/**
 * Encodes bytes as base64 while they stream past. Pieces whose length is a multiple of 3 cost least.
 *
 * @param byteCount the length of all pieces together
 * @param pieces each piece is valid until the next one is requested
 * @param memory holds the text; each part of it is valid until the next one is requested. The pieces may lie in its last
 *   three quarters: the text of what was encoded never reaches what was not.
 * @throws Error when the pieces have another length together
 */
export async function* toBase64(
  byteCount: number,
  pieces: AsyncIterable<Uint8Array>,
  memory: Buffer,
): AsyncGenerator<Buffer> {
  let left = byteCount;
  let rest = NOTHING;
  let length = 0;
  for await (const piece of pieces) {
    left -= piece.byteLength;
    if (left < 0) throw wrongSize();
    const view = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    const bytes = rest.length > 0 ? Buffer.concat([rest, view]) : view;
    // Only the end of the text may be padded.
    const encoded = left === 0 ? bytes.length : bytes.length - (bytes.length % 3);
    for (let start = 0; start < encoded; start += STEP_BYTES) {
      const end = Math.min(start + STEP_BYTES, encoded);
      if (length + base64Length(end - start) > memory.length) {
        yield memory.subarray(0, length);
        length = 0;
      }
      length += memory.write(bytes.toString("base64", start, end), length, "latin1");
    }
    // A copy, because the source may reuse the memory of the piece.
    rest = encoded < bytes.length ? Buffer.from(bytes.subarray(encoded)) : NOTHING;
    if (piece.buffer === memory.buffer && length > 0) {
      // The source overwrites the text with its next piece.
      yield memory.subarray(0, length);
      length = 0;
    }
  }
  if (left > 0) throw wrongSize();
  if (length > 0) yield memory.subarray(0, length);
}

function wrongSize(): Error {
  return new Error("an object does not have the size that its store reported");
}
