import type { Base64Decoder } from "./base64-decoder.ts";
import { BoundedBytes } from "./bounded-bytes.ts";
import type { Recognised } from "./data-uri.ts";
import { NextByte } from "./next-byte.ts";
import { notBase64, UnreadableJson } from "./unreadable-json.ts";

/** In a path, matches every item of an array. */
export const EVERY_ITEM = Symbol("every item");

/**
 * The place of a string that may be streamed: object keys and `EVERY_ITEM` from the root, the string's own key or
 * `EVERY_ITEM` last.
 */
export type JsonPath = readonly (string | typeof EVERY_ITEM)[];

export interface JsonStringsOptions {
  readonly paths: readonly JsonPath[];
  /**
   * Recognises a string at one of the paths by its beginning; `undefined` while more of it is needed.
   *
   * @param field the string's own key; empty for the item of a list
   * @param isWhole whether `text` is complete
   * @throws UnreadableJson
   */
  recognise(field: string, text: string, isWhole: boolean): Recognised | undefined;
  /** The decoder. Nothing else may use it until the document ends. */
  readonly decoder: Base64Decoder;
  /** The most bytes of the document besides the base64. White space between tokens does not count. */
  readonly maxOtherBytes: number;
}

/** The streamed base64 of a document: for each text one `start`, its decoded `bytes`, and one `end`. */
export type StringToken =
  /**
   * `item` is the index in the innermost array of the path, or −1 without an array. `prefix` is the text before the
   * base64.
   */
  | { readonly type: "start"; readonly field: string; readonly item: number; readonly prefix: string }
  | { readonly type: "bytes"; readonly bytes: Buffer }
  | { readonly type: "end" };

/** An object or array that is open at the current position. */
interface Frame {
  readonly isObject: boolean;
  /** The key of the current value; `undefined` in arrays. */
  key?: string;
  isKeyNext: boolean;
  /** The index of the current item; −1 in objects. */
  item: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const MAX_DEPTH = 64;
const LAST_ASCII = 0x7f;
/** The most bytes that are needed to recognise base64: the prefix of a `data:` URI, with escapes. */
const MAX_UNDECIDED_BYTES = 1024;
/** The most characters of a key that an error repeats. */
const MAX_SHOWN_KEY = 32;

/** The characters of JSON's short escapes, as far as they can occur in base64. */
const ESCAPED: ReadonlyMap<string, number> = new Map([
  ["/", 0x2f],
  ["n", 0x0a],
  ["r", 0x0d],
  ["t", 0x09],
  ["f", 0x0c],
]);

/**
 * Reads one JSON document (RFC 8259) as its bytes arrive. Base64 at the given paths is yielded as decoded bytes, so no
 * such text is held as a whole. Everything else is collected, with `""` in place of each such text, and parsed with
 * `JSON.parse` at the end. That checks the grammar, so this scanner only has to follow valid documents.
 */
export class JsonStrings {
  readonly #options: JsonStringsOptions;
  readonly #decoder: Base64Decoder;
  readonly #other: BoundedBytes;
  readonly #frames: Frame[] = [];
  #state: "structure" | "plain string" | "undecided string" | "base64" = "structure";
  #isAfterSpace = false;
  #isKey = false;
  #stringStart = 0;
  #isEscaped = false;
  /** The characters after a backslash in base64 so far, at most `uXXX`; `undefined` outside an escape. */
  #escape: string | undefined;

  constructor(options: JsonStringsOptions) {
    this.#options = options;
    this.#decoder = options.decoder;
    this.#other = new BoundedBytes(options.maxOtherBytes, () => this.#tooMuch());
  }

  /** Scans a chunk lazily. The caller must read all tokens before it writes the next chunk. */
  *write(chunk: Buffer): Generator<StringToken> {
    const quotes = new NextByte(chunk, QUOTE);
    const backslashes = new NextByte(chunk, BACKSLASH);
    let position = 0;
    while (position < chunk.length) {
      if (this.#state === "structure") {
        position = this.#readStructure(chunk, position);
      } else if (this.#state === "plain string") {
        position = this.#readPlainString(chunk, position, quotes, backslashes);
      } else if (this.#state === "undecided string") {
        yield* this.#readUndecidedString(chunk[position++]!);
      } else {
        position = yield* this.#readBase64(chunk, position, quotes, backslashes);
      }
    }
  }

  /** The current position in the document: `data[0].url`. Long or unusual keys are left out. */
  get place(): string {
    const steps = this.#frames.map(({ isObject, key, item }) => (isObject ? `.${shownKey(key)}` : `[${item}]`));
    return steps.join("").replace(/^\./, "");
  }

  /** The memory of the collected bytes, in bytes. */
  get heldBytes(): number {
    return this.#other.heldBytes;
  }

  /** The bytes collected so far. */
  get collected(): Buffer {
    return this.#other.bytes;
  }

  /** The bytes collected so far, as text. */
  get text(): string {
    return this.#other.text(0);
  }

  /** The document so far, with its open objects and arrays closed. Call it only right after a `start`. */
  soFar(): unknown {
    const closers = this.#frames.map((frame) => (frame.isObject ? "}" : "]")).reverse();
    return parseJson(this.text + closers.join(""));
  }

  /** The whole document, with `""` in place of each streamed text. */
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
    if (this.#frames.length === MAX_DEPTH) throw new UnreadableJson("nested", "it is nested too deeply");
    this.#frames.push(frame);
  }

  #openString(): void {
    this.#isKey = this.#frames.at(-1)?.isKeyNext ?? false;
    this.#state = this.#mayBeStreamed() ? "undecided string" : "plain string";
    this.#stringStart = this.#other.length;
    this.#other.push(QUOTE);
  }

  #mayBeStreamed(): boolean {
    return !this.#isKey && this.#options.paths.some((path) => this.#isAt(path));
  }

  #isAt(path: JsonPath): boolean {
    return (
      this.#frames.length === path.length &&
      path.every((step, depth) => {
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

  /** Reads the beginning of a string that may be base64. It is short enough to check after each character. */
  *#readUndecidedString(byte: number): Generator<StringToken> {
    this.#other.push(byte);
    if (this.#isEscaped) {
      this.#isEscaped = false;
      return;
    }
    if (this.#other.length - this.#stringStart > MAX_UNDECIDED_BYTES) throw notBase64();
    if (byte === BACKSLASH) this.#isEscaped = true;
    const isWhole = byte === QUOTE;
    const text = this.#unescaped(isWhole);
    if (text === undefined) return;
    const field = this.#frames.at(-1)?.key ?? "";
    const recognised = this.#options.recognise(field, text, isWhole);
    if (recognised?.kind === "base64") {
      const { start, isUri } = recognised;
      yield* this.#startBase64(field, text.slice(0, start), Buffer.from(text.slice(start)), isUri);
      if (isWhole) yield* this.#closeBase64();
    } else if (isWhole) {
      this.#state = "structure";
      if (recognised?.kind === "nothing") this.#replaceString();
    } else if (recognised) {
      this.#state = "plain string";
    }
  }

  /** The text of the undecided string so far; `undefined` in the middle of an escape. */
  #unescaped(isWhole: boolean): string | undefined {
    // JSON requires escaped line breaks, but some servers break base64 into lines without escapes.
    const raw = this.#other.text(this.#stringStart).replaceAll(/[\t\r\n]/g, " ");
    if (/\\(u[0-9a-f]{0,3})?$/i.test(raw)) return undefined;
    return String(parseJson(isWhole ? raw : `${raw}"`));
  }

  #replaceString(): void {
    this.#other.truncate(this.#stringStart);
    this.#other.push(QUOTE);
    this.#other.push(QUOTE);
  }

  *#startBase64(field: string, prefix: string, beginning: Buffer, isUri: boolean): Generator<StringToken> {
    this.#state = "base64";
    this.#replaceString();
    const item = this.#frames.findLast((frame) => !frame.isObject)?.item ?? -1;
    yield { type: "start", field, item, prefix };
    if (isUri) this.#decoder.beginUri();
    this.#decoder.fill(beginning, 0, beginning.length);
  }

  *#readBase64(chunk: Buffer, start: number, quotes: NextByte, backslashes: NextByte): Generator<StringToken, number> {
    let position = start;
    while (position < chunk.length) {
      if (this.#escape !== undefined) {
        this.#escape += String.fromCharCode(chunk[position++]!);
        const character = toCharacter(this.#escape);
        if (character === undefined) continue;
        this.#escape = undefined;
        // Checked here first, because starting a generator for every escape would halve the speed.
        if (this.#decoder.isFull) yield* this.#takeBlock();
        this.#decoder.put(character);
        continue;
      }
      const stop = Math.min(quotes.from(position), backslashes.from(position));
      while (position < stop) {
        if (this.#decoder.isFull) yield* this.#takeBlock();
        position = this.#decoder.fill(chunk, position, stop);
      }
      if (stop === chunk.length) break;
      position = stop + 1;
      if (chunk[stop] === QUOTE) {
        yield* this.#closeBase64();
        return position;
      }
      this.#escape = "";
    }
    return position;
  }

  *#takeBlock(): Generator<StringToken> {
    const bytes = this.#decoder.take();
    if (bytes.length > 0) yield { type: "bytes", bytes };
  }

  *#closeBase64(): Generator<StringToken> {
    this.#state = "structure";
    const bytes = this.#decoder.finish();
    if (bytes.length > 0) yield { type: "bytes", bytes };
    yield { type: "end" };
  }

  #tooMuch(): UnreadableJson {
    const { maxOtherBytes } = this.#options;
    const where = this.place === "" ? "" : `, the last of them at ${this.place}`;
    return new UnreadableJson("too much", `it has more than ${maxOtherBytes} bytes beside its images${where}`);
  }
}

/** Returns a key as an error may show it. Keys are not secret, but can contain anything. */
export function shownKey(key: string | undefined): string {
  return key !== undefined && key.length <= MAX_SHOWN_KEY && /^[\w-]+$/.test(key) ? key : "…";
}

/** Decodes a JSON escape without its backslash; `undefined` while it is incomplete. */
function toCharacter(escaped: string): number | undefined {
  const known = ESCAPED.get(escaped);
  if (known !== undefined) return known;
  if (!/^u[0-9a-f]{0,4}$/i.test(escaped)) throw notBase64();
  if (escaped.length < 5) return undefined;
  const character = Number.parseInt(escaped.slice(1), 16);
  if (character > LAST_ASCII) throw notBase64();
  return character;
}

/** Parses JSON. The parser's own error is dropped, because it quotes the text. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UnreadableJson("not JSON", "it is not complete, valid JSON");
  }
}
