import type { Base64Decoder } from "../../../streamed-json/base64-decoder.ts";
import { JsonStrings } from "../../../streamed-json/json-strings.ts";
import { NextByte } from "../../../streamed-json/next-byte.ts";
import { type AnswerReader, type AnswerToken, addressIn, type PictureKind } from "./json-answer.ts";
import { PICTURE_FIELDS, recognisePicture } from "./picture-text.ts";
import { toRecord } from "./to-record.ts";

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
/** Every HTML page begins with `<`, and no field of an event does. */
const LESS_THAN = 0x3c;
const NEWLINE = Buffer.from("\n");
/** Longer than every known field name. */
const MAX_FIELD_NAME = 16;
const MAX_EVENT_NAME = 256;

/** Whether an answer is a stream of events, by its media type or its first bytes. */
export function isEventStream(mediaType: string | undefined, head: Buffer): boolean {
  if (mediaType === "text/event-stream") return head[0] !== LESS_THAN;
  return /^(data|event|id|retry)?:/.test(head.toString("latin1", 0, 6));
}

/**
 * Reads an answer that is a stream of server-sent events, each a JSON document with at most one picture.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export class EventStream implements AnswerReader {
  readonly #decoder: Base64Decoder;
  readonly #maxOtherBytes: number;
  #place: "field name" | "before value" | "value" = "field name";
  /** The line's field name as far as it was read; cut off after `MAX_FIELD_NAME`. */
  #field = "";
  #isAfterCarriageReturn = false;
  #eventName = "";
  /** The event's data; `undefined` before its first `data` line. */
  #json: JsonStrings | undefined;
  #hasPicture = false;
  #completed = 0;

  constructor(decoder: Base64Decoder, maxOtherBytes: number) {
    this.#decoder = decoder;
    this.#maxOtherBytes = maxOtherBytes;
  }

  *write(chunk: Buffer): Generator<AnswerToken> {
    const lineFeeds = new NextByte(chunk, LINE_FEED);
    const carriageReturns = new NextByte(chunk, CARRIAGE_RETURN);
    let position = 0;
    while (position < chunk.length) {
      if (this.#isAfterCarriageReturn) {
        this.#isAfterCarriageReturn = false;
        if (chunk[position] === LINE_FEED) {
          position++;
          continue;
        }
      }
      const stop = Math.min(lineFeeds.from(position), carriageReturns.from(position));
      yield* this.#readLine(chunk.subarray(position, stop));
      if (stop === chunk.length) return;
      this.#isAfterCarriageReturn = chunk[stop] === CARRIAGE_RETURN;
      yield* this.#endLine();
      position = stop + 1;
    }
  }

  /** Ends the stream. A last event without its blank line still counts if its document is complete. */
  *end(): Generator<AnswerToken> {
    yield* this.#dispatch();
  }

  /** Reads a part of a line. The part contains no line end. */
  *#readLine(part: Buffer): Generator<AnswerToken> {
    let rest = part;
    if (this.#place === "field name") {
      const colon = rest.indexOf(COLON);
      const name = colon === -1 ? rest : rest.subarray(0, colon);
      this.#field += name.toString("latin1", 0, MAX_FIELD_NAME - this.#field.length);
      if (colon === -1) return;
      rest = rest.subarray(colon + 1);
      this.#place = "before value";
    }
    if (rest.length === 0) return;
    if (this.#place === "before value") {
      this.#place = "value";
      if (this.#field === "event") this.#eventName = "";
      if (rest[0] === SPACE) rest = rest.subarray(1);
    }
    if (this.#field === "event") this.#eventName += rest.toString("latin1", 0, MAX_EVENT_NAME - this.#eventName.length);
    else if (this.#field === "data") yield* this.#readData(rest);
  }

  *#readData(bytes: Buffer): Generator<AnswerToken> {
    this.#json ??= this.#createJson();
    for (const token of this.#json.write(bytes)) {
      yield token.type === "start" ? this.#startPicture(this.#json) : token;
    }
  }

  #createJson(): JsonStrings {
    const paths = PICTURE_FIELDS.map((field) => [field] as const);
    const [decoder, maxOtherBytes] = [this.#decoder, this.#maxOtherBytes];
    return new JsonStrings({ paths, recognise: recognisePicture, decoder, maxOtherBytes });
  }

  #startPicture(json: JsonStrings): AnswerToken {
    // Both members may hold the same image.
    if (this.#hasPicture) return { type: "start", kind: "other", index: this.#completed };
    this.#hasPicture = true;
    return { type: "start", ...this.#placeOf(json.soFar()) };
  }

  /**
   * The vendor's events carry no image index: it streams single images only, so the order of completion is the index.
   */
  #placeOf(event: unknown): { readonly kind: PictureKind; readonly index: number } {
    const name = typeOf(event) ?? this.#eventName;
    if (name.endsWith(".completed")) return { kind: "image", index: this.#completed++ };
    return { kind: name.endsWith(".partial_image") ? "partial" : "other", index: this.#completed };
  }

  *#endLine(): Generator<AnswerToken> {
    const isBlank = this.#place === "field name" && this.#field === "";
    const isData = this.#field === "data";
    this.#place = "field name";
    this.#field = "";
    if (isBlank) yield* this.#dispatch();
    // Lines of data are joined by a newline. JSON allows a trailing one.
    else if (isData) yield* this.#readData(NEWLINE);
  }

  *#dispatch(): Generator<AnswerToken> {
    const json = this.#json;
    const text = json?.text.trim() ?? "";
    if (json && text !== "" && text !== "[DONE]") {
      const value = json.end();
      yield { type: "document", value, event: this.#eventName };
      const address = addressIn(value);
      if (address && !this.#hasPicture) yield { type: "address", ...this.#placeOf(value), address };
    }
    this.#json = undefined;
    this.#eventName = "";
    this.#hasPicture = false;
  }
}

function typeOf(event: unknown): string | undefined {
  const { type } = toRecord(event);
  return typeof type === "string" ? type : undefined;
}
