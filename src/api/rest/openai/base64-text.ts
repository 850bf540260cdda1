/** How many characters the base64 text of so many bytes has. */
export function base64Length(byteCount: number): number {
  return 4 * Math.ceil(byteCount / 3);
}

/** Bytes as base64 text while they pass: at most one chunk is held, and two bytes that wait for a third. */
export async function* toBase64(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  for await (const chunk of bytes) {
    const joined =
      rest.length > 0 ? Buffer.concat([rest, chunk]) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    const whole = joined.length - (joined.length % 3);
    // A copy: who yielded the chunk may use its memory again.
    rest = Buffer.from(joined.subarray(whole));
    if (whole > 0) yield joined.toString("base64", 0, whole);
  }
  if (rest.length > 0) yield rest.toString("base64");
}
