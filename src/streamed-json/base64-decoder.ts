import { notBase64, UnreadableJson } from "./unreadable-json.ts";

/**
 * The most bytes that are decoded before they are handed over, a multiple of 3. Each block is hashed, checked and written
 * in one step. Larger ones mean fewer writes, but with many calls at once they cost more, and more memory.
 */
const BLOCK_BYTES = 96 * 1024;
/** The most characters that are decoded into one block. */
export const BLOCK_CHARACTERS = (BLOCK_BYTES / 3) * 4;
/** What the last characters of a text may add to a full block. */
const SPARE_BYTES = 2;
/** The memory of one decoder, in bytes. */
export const DECODER_BYTES = BLOCK_BYTES + SPARE_BYTES;
/**
 * The most characters that are decoded at once, a multiple of 4. Each time a string is made of them. Longer strings leave
 * more of the pages of V8's young heap unused, so that it has to be collected more often.
 */
const TEXT_CHARACTERS = 16_384;

const PADDING = 0x3d;
const PERCENT = 0x25;
const WHITE_SPACE = " \t\n\f\r";
/** In {@link VALUES}: a character that has no meaning, and one that must not be there. */
const SKIPPED = 64;
const REFUSED = 65;
/** The value of each digit of both alphabets of base64 (RFC 4648, sections 4 and 5). */
const VALUES = valuesOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");

/**
 * Decodes base64 as it arrives, straight from the pieces of the input into one block of fixed size. So the output
 * pieces are large however small the input pieces are. All output pieces share this memory: each is valid until the
 * next one is taken.
 *
 * It accepts what can be read without guessing: either alphabet of RFC 4648, white space anywhere, with or without
 * padding at the end, and percent-encoded characters in a URI. It refuses everything else.
 *
 * Call `take` whenever `isFull`, and `finish` at the end of each text. The decoder is then ready for the next text.
 */
export class Base64Decoder {
  readonly #maxBytes: number;
  /** Taken when the first text begins. */
  #block: Buffer<ArrayBuffer> | undefined;
  /** How many bytes of the block are decoded. */
  #length = 0;
  /** The digits that do not make whole bytes yet: at most three of them. */
  #bits = 0;
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
    this.#block?.buffer.transfer(0);
  }

  /** Declares the current text to be part of a URI. */
  beginUri(): void {
    this.#isUri = true;
  }

  get isFull(): boolean {
    return this.#length >= BLOCK_BYTES;
  }

  /**
   * Decodes `source[start, end)`, or as much of it as fits.
   *
   * @returns the position of the first character that did not fit
   * @throws UnreadableJson when it is not base64
   */
  fill(source: Buffer, start: number, end: number): number {
    let position = start;
    while (position < end && !this.isFull) {
      if (!this.#isBetweenGroups) {
        this.put(source[position++]!);
        continue;
      }
      const fits = ((BLOCK_BYTES - this.#length) / 3) * 4;
      const stop = position + Math.min(end - position, TEXT_CHARACTERS, fits);
      const decoded = this.#decodeGroups(source, position, stop);
      if (decoded > 0) position += decoded;
      else while (position < stop && !this.isFull) this.put(source[position++]!);
    }
    return position;
  }

  /** Decodes one character, if there is room. @throws UnreadableJson when it is not one of base64 */
  put(character: number): void {
    const plain = this.#unescape(character);
    const value = plain === undefined ? SKIPPED : VALUES[plain]!;
    if (value === SKIPPED) return;
    if (plain === PADDING) {
      this.#isPadded = true;
      return;
    }
    if (value === REFUSED || this.#isPadded) throw notBase64();
    this.#bits = (this.#bits << 6) | value;
    if (++this.#digitCount === 4) this.#flush(3);
  }

  /** Hands over what is decoded. Of a text that is mostly white space, that is little or nothing. */
  take(): Buffer {
    const bytes = this.#memory().subarray(0, this.#length);
    this.#length = 0;
    this.#decodedBytes += bytes.length;
    if (this.#decodedBytes > this.#maxBytes) {
      throw new UnreadableJson("too large", `an image is larger than ${this.#maxBytes} bytes`);
    }
    return bytes;
  }

  /** Decodes the remaining characters. @throws UnreadableJson when the text was not base64, or was empty */
  finish(): Buffer {
    if (this.#digitCount === 1 || this.#escape !== undefined) throw notBase64();
    if (this.#digitCount > 0) {
      const byteCount = this.#digitCount - 1;
      this.#bits <<= 6 * (4 - this.#digitCount);
      this.#flush(byteCount);
    }
    const bytes = this.take();
    const isEmpty = this.#decodedBytes === 0;
    this.#decodedBytes = 0;
    this.#isPadded = false;
    this.#isUri = false;
    if (isEmpty) throw notBase64("an image is empty");
    return bytes;
  }

  /** Whether the next character is the first of a group of four. */
  get #isBetweenGroups(): boolean {
    return this.#digitCount === 0 && !this.#isPadded && this.#escape === undefined;
  }

  /**
   * Decodes whole groups by Node's decoder. It stops at padding and skips unknown characters. In both cases its output is
   * too short, and nothing is decoded here.
   *
   * @returns how many characters were decoded
   */
  #decodeGroups(source: Buffer, start: number, end: number): number {
    const rest = (end - start) % 4;
    // The last group of a text is the only one with padding.
    const padded = source[end - rest - 1] === PADDING ? 4 : 0;
    const count = end - start - rest - padded;
    const byteCount = (count / 4) * 3;
    const text = source.toString("latin1", start, start + count);
    if (this.#memory().write(text, this.#length, byteCount, "base64") !== byteCount) return 0;
    this.#length += byteCount;
    return count;
  }

  /** Writes the first `byteCount` bytes of a group of four digits. */
  #flush(byteCount: number): void {
    const memory = this.#memory();
    for (let index = 0; index < byteCount; index++) memory[this.#length++] = this.#bits >> (16 - 8 * index);
    this.#bits = 0;
    this.#digitCount = 0;
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

  #memory(): Buffer<ArrayBuffer> {
    this.#block ??= Buffer.allocUnsafeSlow(DECODER_BYTES);
    return this.#block;
  }
}

function valuesOf(digits: string): Uint8Array {
  const values = new Uint8Array(256).fill(REFUSED);
  for (const [value, digit] of [...digits, "+", "/"].entries()) values[digit.charCodeAt(0)] = value;
  for (const [offset, digit] of [..."-_"].entries()) values[digit.charCodeAt(0)] = digits.length + offset;
  for (const character of WHITE_SPACE) values[character.charCodeAt(0)] = SKIPPED;
  return values;
}
