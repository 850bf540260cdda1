import { notBase64, UnreadableJson } from "./unreadable-json.ts";

/**
 * The most characters that are collected before they are decoded, a multiple of 4. Larger blocks mean fewer writes to a
 * file.
 */
export const BLOCK_CHARACTERS = 131_072;
/** The memory of one decoder, in bytes. */
export const DECODER_BYTES = BLOCK_CHARACTERS + (BLOCK_CHARACTERS / 4) * 3;
/**
 * The most characters that are decoded at once, a multiple of 4. V8 stores much longer strings in pages of their own,
 * which cost more.
 */
const TEXT_CHARACTERS = 65_536;

const PADDING = 0x3d;
/** The most padding that RFC 4648 has. */
const MAX_PADDING = 2;
const PERCENT = 0x25;

/** The digits of both alphabets of base64 (RFC 4648, sections 4 and 5). */
const IS_DIGIT = tableOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_");
const IS_WHITE_SPACE = tableOf(" \t\n\f\r");

/**
 * Decodes base64 piece by piece through one block of fixed size, so the output pieces are large however small the input
 * pieces are. All output pieces share one memory: each is valid until the next one is taken.
 *
 * It accepts what can be read without guessing: either alphabet of RFC 4648, white space anywhere, with or without
 * padding at the end, and percent-encoded characters in a URI. It refuses everything else.
 *
 * Call `take` whenever `isFull`, and `finish` at the end of each text. The decoder is then ready for the next text.
 */
export class Base64Decoder {
  readonly #block = Buffer.allocUnsafeSlow(BLOCK_CHARACTERS);
  readonly #decoded = Buffer.allocUnsafeSlow((BLOCK_CHARACTERS / 4) * 3);
  readonly #maxBytes: number;
  #length = 0;
  /** How many characters at the start of the block are known to be digits. */
  #digitCount = 0;
  #decodedBytes = 0;
  #isPadded = false;
  #isUri = false;
  /** The characters after a percent sign so far, at most one; `undefined` outside an escape. */
  #escape: string | undefined;

  /**
   * @param maxBytes the most bytes that one text may decode to. @defaultValue no limit, for readers that count the
   *   bytes themselves
   */
  constructor(maxBytes = Number.POSITIVE_INFINITY) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Frees its memory, including that of the output pieces, without waiting for the garbage collector. The decoder
   * cannot be used afterwards.
   */
  release(): void {
    for (const { buffer } of [this.#block, this.#decoded]) buffer.transfer(0);
  }

  /** Declares the current text to be part of a URI. */
  beginUri(): void {
    this.#isUri = true;
  }

  get isFull(): boolean {
    return this.#length === BLOCK_CHARACTERS;
  }

  /** Copies as much of `source[start, end)` as fits. Returns the position of the first character that did not fit. */
  fill(source: Buffer, start: number, end: number): number {
    const copied = source.copy(this.#block, this.#length, start, end);
    this.#length += copied;
    return start + copied;
  }

  /** Adds one character to a block that is not full. */
  put(character: number): void {
    this.#block[this.#length++] = character;
  }

  /** Decodes a full block. A block that is mostly white space gives few bytes or none. */
  take(): Buffer {
    return this.#decode(this.#length) ?? this.#decodeDigits(false);
  }

  /** Decodes the remaining characters. @throws UnreadableJson when the text was not base64, or was empty */
  finish(): Buffer {
    const bytes = this.#decodeToPadding() ?? this.#decodeDigits(true);
    const isEmpty = this.#decodedBytes === 0;
    this.#decodedBytes = 0;
    this.#isPadded = false;
    this.#isUri = false;
    if (isEmpty) throw notBase64("an image is empty");
    return bytes;
  }

  /** Decodes all that is left, if nothing but padding at the end is no digit. Otherwise nothing is changed. */
  #decodeToPadding(): Buffer | undefined {
    const length = this.#length;
    const mostPadding = this.#length - MAX_PADDING;
    while (this.#length > mostPadding && this.#block[this.#length - 1] === PADDING) this.#length--;
    const bytes = this.#length % 4 === 1 ? undefined : this.#decode(this.#length);
    if (!bytes) this.#length = length;
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
   * Decodes the first `length` characters and keeps the others. Returns `undefined`, and changes nothing, if some of
   * them may not be digits. Node's decoder stops at padding and skips unknown characters, so in both cases its output
   * is too short.
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

  /** Removes every character from the block that is not a digit. */
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

  /** Decodes percent-encoding; `undefined` in the middle of an escape. */
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
