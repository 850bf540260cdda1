import { BrokenAnswer } from "./broken-answer.ts";

/** Characters gathered before they are decoded, a multiple of 4. Larger blocks are fewer writes to a file. */
export const BLOCK_CHARACTERS = 131_072;
/** Characters decoded at once, a multiple of 4: V8 keeps much longer strings in pages of their own, which cost more. */
const TEXT_CHARACTERS = 65_536;

const PADDING = 0x3d;
const HYPHEN = 0x2d;
const UNDERSCORE = 0x5f;

/**
 * Decodes base64 (RFC 4648 section 4, with or without padding) piece by piece through one block of fixed size, so that
 * the pieces handed out are large however small the ones that came in were. They all lie in the same memory: each is
 * valid until the next one is taken.
 *
 * Call `take` whenever `isFull`, and `finish` at the end of each text; the decoder then starts anew.
 */
export class Base64Decoder {
  readonly #block = Buffer.allocUnsafeSlow(BLOCK_CHARACTERS);
  readonly #decoded = Buffer.allocUnsafeSlow((BLOCK_CHARACTERS / 4) * 3);
  readonly #maxBytes: number;
  #length = 0;
  #decodedBytes = 0;

  /** @param maxBytes the most bytes one text may decode to */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Gives its memory back, pieces included, without waiting for a collection; it decodes nothing any more. */
  release(): void {
    for (const { buffer } of [this.#block, this.#decoded]) buffer.transfer(0);
  }

  get isFull(): boolean {
    return this.#length === BLOCK_CHARACTERS;
  }

  /** Copies what fits of `source[start, end)` and returns the position of the first character that did not. */
  fill(source: Buffer, start: number, end: number): number {
    const copied = source.copy(this.#block, this.#length, start, end);
    this.#length += copied;
    return start + copied;
  }

  /** Adds one character to a block that is not full. */
  put(character: number): void {
    this.#block[this.#length++] = character;
  }

  /** Decodes a full block that more characters follow: padding is not legal in it. */
  take(): Buffer {
    return this.#decode(this.#length);
  }

  /** Decodes what is left. */
  finish(): Buffer {
    let length = this.#length;
    let padding = 0;
    while (padding < 2 && this.#block[length - 1] === PADDING) {
      length--;
      padding++;
    }
    const remainder = length % 4;
    if (remainder === 1 || (padding > 0 && remainder + padding !== 4)) throw notBase64();
    const bytes = this.#decode(length);
    this.#decodedBytes = 0;
    return bytes;
  }

  /**
   * Node's decoder stops at padding and skips every character outside the alphabet, so either shows as a length that
   * is too short; but it reads `-` and `_` of the URL-safe alphabet as `+` and `/`.
   */
  #decode(length: number): Buffer {
    const characters = this.#block.subarray(0, length);
    const bytes = this.#decoded.subarray(0, Math.floor((length * 3) / 4));
    let byteCount = 0;
    for (let start = 0; start < length; start += TEXT_CHARACTERS) {
      const text = characters.toString("latin1", start, Math.min(start + TEXT_CHARACTERS, length));
      byteCount += bytes.write(text, byteCount, "base64");
    }
    if (byteCount !== bytes.length || characters.includes(HYPHEN) || characters.includes(UNDERSCORE)) throw notBase64();
    this.#length = 0;
    this.#decodedBytes += bytes.length;
    if (this.#decodedBytes > this.#maxBytes) throw new BrokenAnswer(`an image is larger than ${this.#maxBytes} bytes`);
    return bytes;
  }
}

function notBase64(): BrokenAnswer {
  return new BrokenAnswer("an image is not base64");
}
