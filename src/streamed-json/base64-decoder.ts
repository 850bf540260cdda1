import { notBase64, UnreadableJson } from "./unreadable-json.ts";

/** Characters gathered before they are decoded, a multiple of 4. Larger blocks are fewer writes to a file. */
export const BLOCK_CHARACTERS = 131_072;
/** What one decoder holds, in bytes. */
export const DECODER_BYTES = BLOCK_CHARACTERS + (BLOCK_CHARACTERS / 4) * 3;
/** Characters decoded at once, a multiple of 4: V8 keeps much longer strings in pages of their own, which cost more. */
const TEXT_CHARACTERS = 65_536;

const PADDING = 0x3d;
const PERCENT = 0x25;

/** Which characters are digits of base64: those of RFC 4648 sections 4 and 5. */
const IS_DIGIT = tableOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_");
const IS_WHITE_SPACE = tableOf(" \t\n\f\r");

/**
 * Decodes base64 piece by piece through one block of fixed size, so that the pieces handed out are large however small
 * the ones that came in were. They all lie in the same memory: each is valid until the next one is taken.
 *
 * It takes what can be read without guessing: either alphabet of RFC 4648, white space anywhere, any padding or none at
 * the end, and in a URI percent-encoded characters. Anything else is refused.
 *
 * Call `take` whenever `isFull`, and `finish` at the end of each text; the decoder then starts anew.
 */
export class Base64Decoder {
  readonly #block = Buffer.allocUnsafeSlow(BLOCK_CHARACTERS);
  readonly #decoded = Buffer.allocUnsafeSlow((BLOCK_CHARACTERS / 4) * 3);
  readonly #maxBytes: number;
  #length = 0;
  /** How many characters at the block's beginning are known to be digits. */
  #digitCount = 0;
  #decodedBytes = 0;
  #isPadded = false;
  #isUri = false;
  /** What came after a percent sign, at most one character; `undefined` outside an escape. */
  #escape: string | undefined;

  /** @param maxBytes the most bytes one text may decode to; left out where its reader counts them */
  constructor(maxBytes = Number.POSITIVE_INFINITY) {
    this.#maxBytes = maxBytes;
  }

  /** Gives its memory back, pieces included, without waiting for a collection; it decodes nothing any more. */
  release(): void {
    for (const { buffer } of [this.#block, this.#decoded]) buffer.transfer(0);
  }

  /** The text that comes now is a part of a URI. */
  beginUri(): void {
    this.#isUri = true;
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

  /** Decodes a full block. Little or nothing comes of one that is mostly white space. */
  take(): Buffer {
    return this.#decode(this.#length) ?? this.#decodeDigits(false);
  }

  /** Decodes what is left. @throws UnreadableJson when the text was no base64, or held no byte */
  finish(): Buffer {
    const bytes = (this.#length % 4 === 1 ? undefined : this.#decode(this.#length)) ?? this.#decodeDigits(true);
    const isEmpty = this.#decodedBytes === 0;
    this.#decodedBytes = 0;
    this.#isPadded = false;
    this.#isUri = false;
    if (isEmpty) throw notBase64("an image is empty");
    return bytes;
  }

  #decodeDigits(isLast: boolean): Buffer {
    this.#keepDigits();
    const rest = this.#length % 4;
    if (isLast && (rest === 1 || this.#escape !== undefined)) throw notBase64();
    const bytes = this.#decode(isLast ? this.#length : this.#length - rest);
    if (!bytes) throw notBase64();
    return bytes;
  }

  /**
   * Decodes the first `length` characters, and keeps the others. `undefined`, and nothing changed, when some of them
   * may be no digits: Node's decoder stops at padding and skips what it does not know, so that either shows as a length
   * that is too short.
   */
  #decode(length: number): Buffer | undefined {
    const isUnchecked = this.#length > this.#digitCount;
    if (isUnchecked && (this.#isPadded || this.#escape !== undefined)) return undefined;
    const bytes = this.#decoded.subarray(0, Math.floor((length * 3) / 4));
    let byteCount = 0;
    for (let start = 0; start < length; start += TEXT_CHARACTERS) {
      const text = this.#block.toString("latin1", start, Math.min(start + TEXT_CHARACTERS, length));
      byteCount += bytes.write(text, byteCount, "base64");
    }
    if (byteCount !== bytes.length) return undefined;
    this.#block.copyWithin(0, length, this.#length);
    this.#length -= length;
    this.#digitCount = this.#length;
    this.#decodedBytes += bytes.length;
    if (this.#decodedBytes > this.#maxBytes) {
      throw new UnreadableJson("too large", `an image is larger than ${this.#maxBytes} bytes`);
    }
    return bytes;
  }

  /** Takes everything out of the block that is no digit. */
  #keepDigits(): void {
    for (let position = this.#digitCount; position < this.#length; position++) {
      const character = this.#unescape(this.#block[position]!);
      if (character === undefined || IS_WHITE_SPACE[character]) continue;
      if (character === PADDING) this.#isPadded = true;
      else if (IS_DIGIT[character] && !this.#isPadded) this.#block[this.#digitCount++] = character;
      else throw notBase64();
    }
    this.#length = this.#digitCount;
  }

  /** `undefined` in the middle of an escape. */
  #unescape(byte: number): number | undefined {
    if (!this.#isUri) return byte;
    if (this.#escape === undefined) {
      if (byte !== PERCENT) return byte;
      this.#escape = "";
      return undefined;
    }
    this.#escape += String.fromCharCode(byte);
    if (this.#escape.length < 2) return undefined;
    const escaped = this.#escape;
    this.#escape = undefined;
    if (!/^[0-9a-f]{2}$/i.test(escaped)) throw notBase64();
    return Number.parseInt(escaped, 16);
  }
}

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const byte of Buffer.from(characters, "latin1")) table[byte] = 1;
  return table;
}
