/**
 * How many bytes are encoded at once, a multiple of 3. V8 keeps longer texts in pages of their own, which cost twenty
 * times as much.
 */
const STEP_BYTES = 48 * 1024;
/** The least memory that {@link toBase64} needs: for one step, and two bytes that the step before left. */
export const MIN_TEXT_BYTES = base64Length(STEP_BYTES + 2);

/** The number of base64 characters for this many bytes. */
export function base64Length(byteCount: number): number {
  return 4 * Math.ceil(byteCount / 3);
}

/**
 * Encodes bytes as base64 while they stream past. Pieces whose length is a multiple of 3 cost least.
 *
 * @param bytes each piece is valid until the next one is requested
 * @param memory holds the text; each piece of it is valid until the next one is requested. The bytes may lie in its last
 *   three quarters: the text of what was encoded never reaches what was not.
 */
export async function* toBase64(bytes: AsyncIterable<Uint8Array>, memory: Buffer): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  let length = 0;
  for await (const chunk of bytes) {
    for (let start = 0; start < chunk.byteLength; start += STEP_BYTES) {
      const byteCount = Math.min(STEP_BYTES, chunk.byteLength - start);
      const step = Buffer.from(chunk.buffer, chunk.byteOffset + start, byteCount);
      const joined = rest.length > 0 ? Buffer.concat([rest, step]) : step;
      const whole = joined.length - (joined.length % 3);
      if (length + base64Length(whole) > memory.length) {
        yield memory.subarray(0, length);
        length = 0;
      }
      length += memory.write(joined.toString("base64", 0, whole), length, "latin1");
      // A copy, because the source may reuse the memory of the chunk.
      rest = Buffer.from(joined.subarray(whole));
    }
    if (chunk.buffer === memory.buffer && length > 0) {
      // The source overwrites the text with its next chunk.
      yield memory.subarray(0, length);
      length = 0;
    }
  }
  if (length > 0) yield memory.subarray(0, length);
  if (rest.length > 0) yield Buffer.from(rest.toString("base64"));
}
