import type { Base64Decoder } from "./base64.ts";
import { BrokenAnswer } from "./broken-answer.ts";
import { NextByte } from "./next-byte.ts";

/** Stands in a path for every item of an array. */
export const EVERY_ITEM = Symbol("every item");

/** Where the streamed strings are: object keys and `EVERY_ITEM`, from the document's root. */
export type JsonPath = readonly (string | typeof EVERY_ITEM)[];

/** What a document holds at its path: for each string with content one `start`, its decoded `bytes`, and one `end`. */
export type StringToken =
  /** `item` is the position in the innermost array of the path, −1 without one. */
  | { readonly type: "start"; readonly item: number }
  | { readonly type: "bytes"; readonly bytes: Buffer }
  | { readonly type: "end" };

/** An object or array that is open at the present position. */
interface Frame {
  readonly isObject: boolean;
  /** The key whose value comes now; `undefined` in arrays. */
  key?: string;
  isKeyNext: boolean;
  /** The item that comes now; −1 in objects. */
  item: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const MAX_DEPTH = 64;
const ESCAPED_SOLIDUS = 0x2f;
const LAST_ASCII = 0x7f;

/**
 * Reads one JSON document (RFC 8259) as its bytes arrive and hands over the base64 strings at one path as decoded
 * bytes, never holding one whole. Everything else is collected, with `""` in place of each such string, and goes
 * through `JSON.parse` at the end: that is what checks the grammar, so this scanner only has to follow valid documents.
 */
export class JsonStrings {
  readonly #path: JsonPath;
  readonly #decoder: Base64Decoder;
  readonly #other: ByteCollector;
  readonly #frames: Frame[] = [];
  #state: "structure" | "plain string" | "streamed string" = "structure";
  #isAfterSpace = false;
  #isKey = false;
  #stringStart = 0;
  #isEscaped = false;
  /** What came after a backslash in a streamed string, at most `uXXX`; `undefined` outside an escape. */
  #escape: string | undefined;
  #hasStarted = false;

  /**
   * @param decoder used by nobody else until the document ends
   * @param maxOtherBytes the most bytes of everything beside the strings, whitespace between tokens aside
   */
  constructor(path: JsonPath, decoder: Base64Decoder, maxOtherBytes: number) {
    this.#path = path;
    this.#decoder = decoder;
    this.#other = new ByteCollector(maxOtherBytes);
  }

  /** Scans one chunk lazily: it must be read to its end before the next one is written. */
  *write(chunk: Buffer): Generator<StringToken> {
    const quotes = new NextByte(chunk, QUOTE);
    const backslashes = new NextByte(chunk, BACKSLASH);
    let position = 0;
    while (position < chunk.length) {
      if (this.#state === "structure") {
        position = this.#readStructure(chunk, position);
      } else if (this.#state === "plain string") {
        position = this.#readPlainString(chunk, position, quotes, backslashes);
      } else {
        position = yield* this.#readStreamedString(chunk, position, quotes, backslashes);
      }
    }
  }

  /** What has been collected so far, as text. */
  get text(): string {
    return this.#other.text(0);
  }

  /** The document as far as it has been read inside the containers now open; only right after a `start`. */
  soFar(): unknown {
    const closers = this.#frames.map((frame) => (frame.isObject ? "}" : "]")).reverse();
    return parseJson(this.text + closers.join(""));
  }

  /** The whole document, with `""` in place of each streamed string. */
  end(): unknown {
    return parseJson(this.text);
  }

  #readStructure(chunk: Buffer, start: number): number {
    for (let position = start; position < chunk.length; position++) {
      const byte = chunk[position]!;
      if (byte === SPACE || byte === 0x0a || byte === 0x0d || byte === 0x09) {
        if (!this.#isAfterSpace) this.#other.push(SPACE);
        this.#isAfterSpace = true;
        continue;
      }
      this.#isAfterSpace = false;
      if (byte === QUOTE) {
        this.#openString();
        return position + 1;
      }
      this.#other.push(byte);
      this.#follow(byte);
    }
    return chunk.length;
  }

  #follow(byte: number): void {
    const frame = this.#frames.at(-1);
    switch (byte) {
      case 0x7b /* { */:
        this.#open({ isObject: true, isKeyNext: true, item: -1 });
        break;
      case 0x5b /* [ */:
        this.#open({ isObject: false, isKeyNext: false, item: 0 });
        break;
      case 0x7d /* } */:
      case 0x5d /* ] */:
        this.#frames.pop();
        break;
      case 0x3a /* : */:
        if (frame) frame.isKeyNext = false;
        break;
      case 0x2c /* , */:
        if (frame?.isObject) frame.isKeyNext = true;
        else if (frame) frame.item++;
        break;
    }
  }

  #open(frame: Frame): void {
    if (this.#frames.length === MAX_DEPTH) throw new BrokenAnswer("it is nested too deeply");
    this.#frames.push(frame);
  }

  #openString(): void {
    this.#isKey = this.#frames.at(-1)?.isKeyNext ?? false;
    if (!this.#isKey && this.#isAtPath()) {
      this.#state = "streamed string";
      this.#hasStarted = false;
      this.#other.push(QUOTE);
      this.#other.push(QUOTE);
    } else {
      this.#state = "plain string";
      this.#stringStart = this.#other.length;
      this.#other.push(QUOTE);
    }
  }

  #isAtPath(): boolean {
    return (
      this.#frames.length === this.#path.length &&
      this.#path.every((step, depth) => {
        const frame = this.#frames[depth]!;
        return step === EVERY_ITEM ? !frame.isObject : frame.key === step;
      })
    );
  }

  #readPlainString(chunk: Buffer, start: number, quotes: NextByte, backslashes: NextByte): number {
    if (this.#isEscaped) {
      this.#isEscaped = false;
      this.#other.push(chunk[start]!);
      return start + 1;
    }
    const stop = Math.min(quotes.from(start), backslashes.from(start));
    this.#other.append(chunk, start, stop);
    if (stop === chunk.length) return stop;
    const byte = chunk[stop]!;
    this.#other.push(byte);
    if (byte === BACKSLASH) this.#isEscaped = true;
    else this.#closePlainString();
    return stop + 1;
  }

  #closePlainString(): void {
    this.#state = "structure";
    const frame = this.#frames.at(-1);
    if (this.#isKey && frame) frame.key = String(parseJson(this.#other.text(this.#stringStart)));
  }

  *#readStreamedString(
    chunk: Buffer,
    start: number,
    quotes: NextByte,
    backslashes: NextByte,
  ): Generator<StringToken, number> {
    let position = start;
    while (position < chunk.length) {
      if (this.#escape !== undefined) {
        this.#escape += String.fromCharCode(chunk[position++]!);
        const character = toCharacter(this.#escape);
        if (character === undefined) continue;
        this.#escape = undefined;
        if (!this.#hasRoom) yield* this.#makeRoom();
        this.#decoder.put(character);
        continue;
      }
      const stop = Math.min(quotes.from(position), backslashes.from(position));
      while (position < stop) {
        if (!this.#hasRoom) yield* this.#makeRoom();
        position = this.#decoder.fill(chunk, position, stop);
      }
      if (stop === chunk.length) break;
      position = stop + 1;
      if (chunk[stop] === QUOTE) {
        yield* this.#closeStreamedString();
        return position;
      }
      this.#escape = "";
    }
    return position;
  }

  /** Asked before each `#makeRoom`: to start a generator for every escape would halve the speed. */
  get #hasRoom(): boolean {
    return this.#hasStarted && !this.#decoder.isFull;
  }

  *#makeRoom(): Generator<StringToken> {
    if (!this.#hasStarted) {
      this.#hasStarted = true;
      yield { type: "start", item: this.#frames.findLast((frame) => !frame.isObject)?.item ?? -1 };
    }
    if (this.#decoder.isFull) yield { type: "bytes", bytes: this.#decoder.take() };
  }

  *#closeStreamedString(): Generator<StringToken> {
    this.#state = "structure";
    if (!this.#hasStarted) return;
    const bytes = this.#decoder.finish();
    if (bytes.length > 0) yield { type: "bytes", bytes };
    yield { type: "end" };
  }
}

/** The character of a JSON escape without its backslash, or `undefined` while it is not complete. */
function toCharacter(escaped: string): number | undefined {
  if (escaped === "/") return ESCAPED_SOLIDUS;
  if (!/^u[0-9a-f]{0,4}$/i.test(escaped)) throw new BrokenAnswer("an image is not base64");
  if (escaped.length < 5) return undefined;
  const character = Number.parseInt(escaped.slice(1), 16);
  if (character > LAST_ASCII) throw new BrokenAnswer("an image is not base64");
  return character;
}

/** The parser's own message quotes the text, so it goes no further. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new BrokenAnswer("it is not whole, valid JSON");
  }
}

/** The members of a JSON object; none of anything else. */
export function toRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** Bytes in one growing buffer, up to a limit. */
class ByteCollector {
  readonly #maxBytes: number;
  #bytes = Buffer.allocUnsafe(1024);
  length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  push(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.length++] = byte;
  }

  append(chunk: Buffer, start: number, end: number): void {
    this.#reserve(end - start);
    this.length += chunk.copy(this.#bytes, this.length, start, end);
  }

  text(start: number): string {
    return this.#bytes.toString("utf8", start, this.length);
  }

  #reserve(byteCount: number): void {
    const needed = this.length + byteCount;
    if (needed > this.#maxBytes) throw new BrokenAnswer(`it has more than ${this.#maxBytes} bytes beside its images`);
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.length);
    this.#bytes = larger;
  }
}
