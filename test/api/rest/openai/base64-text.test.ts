import { expect, test } from "@jest/globals";
import { base64Length, MIN_TEXT_BYTES, toBase64 } from "../../../../src/api/rest/openai/base64-text.ts";
import { seededRandom } from "../../../support/random.ts";

const random = seededRandom(24);

test.each(Array.from({ length: 60 }, (_, round) => round))(
  "is the text of the whole, however it arrives (%i)",
  async (round) => {
    const isLarge = round >= 50;
    const bytes = random.bytes(round < 12 ? round : random.whole(12, isLarge ? 500_000 : 5000));
    const pieceBytes = isLarge ? 150_000 : 700;
    async function* inPieces(): AsyncIterable<Uint8Array> {
      // One piece of memory for all, as a reader that uses its buffer again.
      const memory = Buffer.alloc(pieceBytes);
      for (let start = 0; start < bytes.length; ) {
        const length = Math.min(random.whole(0, pieceBytes), bytes.length - start);
        memory.set(bytes.subarray(start, start + length));
        yield memory.subarray(0, length);
        start += length;
      }
    }
    const parts: string[] = [];
    for await (const part of toBase64(inPieces(), Buffer.alloc(MIN_TEXT_BYTES))) parts.push(part.toString());

    expect(parts.join("")).toBe(Buffer.from(bytes).toString("base64"));
    expect(parts.join("")).toHaveLength(base64Length(bytes.length));
  },
);
