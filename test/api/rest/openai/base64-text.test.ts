import { expect, test } from "@jest/globals";
import { base64Length, MIN_TEXT_BYTES, toBase64 } from "../../../../src/api/rest/openai/base64-text.ts";
import { seededRandom } from "../../../support/random.ts";

const random = seededRandom(24);

test.each(Array.from({ length: 60 }, (_, round) => round))(
  "the encoder's pieces make up the Base64 text of the whole, however the bytes arrive (round %i)",
  async (round) => {
    const isLarge = round >= 50;
    const bytes = random.bytes(round < 12 ? round : random.whole(12, isLarge ? 500_000 : 5000));
    const pieceBytes = isLarge ? 150_000 : 700;
    async function* inPieces(): AsyncIterable<Uint8Array> {
      // One buffer for all chunks, as with a reader that reuses its buffer.
      const memory = Buffer.alloc(pieceBytes);
      for (let start = 0; start < bytes.length; ) {
        const length = Math.min(random.whole(0, pieceBytes), bytes.length - start);
        memory.set(bytes.subarray(start, start + length));
        yield memory.subarray(0, length);
        start += length;
      }
    }
    const parts: string[] = [];
    for await (const part of toBase64(bytes.length, inPieces(), Buffer.alloc(MIN_TEXT_BYTES)))
      parts.push(part.toString());

    expect(parts.join("")).toBe(Buffer.from(bytes).toString("base64"));
    expect(parts.join("")).toHaveLength(base64Length(bytes.length));
  },
);

test.each([0, 1, 2, 3, 191_999, 192_000, 192_001, 192_002, 700_001])(
  "is the text of %i bytes that are read into the memory of the text",
  async (byteCount) => {
    const bytes = random.bytes(byteCount);
    const memory = Buffer.alloc(256_000);
    const read = memory.subarray(memory.length / 4);
    async function* inPlace(): AsyncIterable<Uint8Array> {
      for (let start = 0; start < bytes.length; start += read.length) {
        read.set(bytes.subarray(start, start + read.length));
        yield read.subarray(0, Math.min(read.length, bytes.length - start));
      }
    }
    const parts: string[] = [];
    for await (const part of toBase64(bytes.length, inPlace(), memory)) parts.push(part.toString());

    expect(parts.join("") === Buffer.from(bytes).toString("base64")).toBe(true);
  },
);

test.each([299, 301])("refuses 300 bytes that were reported as %i", async (byteCount) => {
  async function* pieces(): AsyncIterable<Uint8Array> {
    yield random.bytes(300);
  }
  await expect(Array.fromAsync(toBase64(byteCount, pieces(), Buffer.alloc(MIN_TEXT_BYTES)))).rejects.toThrow(
    "an object does not have the size that its store reported",
  );
});
