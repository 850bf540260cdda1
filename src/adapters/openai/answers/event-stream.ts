import type { Base64Decoder } from "../../../streamed-json/base64-decoder.ts";
import { EVERY_ITEM, JsonStrings, type StringToken } from "../../../streamed-json/json-strings.ts";
import { NextByte } from "../../../streamed-json/next-byte.ts";
import { toRecord } from "../../to-record.ts";
import { type AnswerReader, type AnswerToken, addressIn, type PictureKind } from "./json-answer.ts";
import { PICTURE_FIELDS, recognisePicture } from "./picture-text.ts";

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

/** The item of a picture that stands in the event itself, not in a list. */
const NO_ITEM = -1;

type Picture = { readonly parts: readonly Buffer[] } | { readonly address: string };

/**
 * Reads an answer that is a stream of server-sent events, each a JSON document. A picture stands in the document itself,
 * as in the vendor's events, or in `data` or its items, as in answers that are not streams.
 *
 * The event's name or type says whether a picture is final. A picture that comes before the type is held in memory until
 * the event ends. If no event of the stream has a final picture, the last one that is not a preview counts as final.
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
  /** The items of the event that have a picture. */
  readonly #items = new Set<number>();
  /** The decoded bytes of the event's picture, while it is not known what it is. */
  #held: Buffer[] | undefined;
  #isHolding = false;
  /** The last picture whose event did not tell what it is, while there is no final one. */
  #nameless: { readonly picture: Picture; readonly event: AnswerToken } | undefined;
  /** The error of the first event that is no JSON. */
  #unreadable: unknown;
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
    yield* this.#useNameless();
    if (this.#unreadable !== undefined && this.#completed === 0) throw this.#unreadable;
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
      if (token.type === "start") yield* this.#startPicture(this.#json, token.item);
      else if (this.#isHolding) this.#hold(token);
      else yield token;
    }
  }

  #createJson(): JsonStrings {
    const paths = PICTURE_FIELDS.flatMap((field) => [[field], ["data", field], ["data", EVERY_ITEM, field]] as const);
    const [decoder, maxOtherBytes] = [this.#decoder, this.#maxOtherBytes];
    return new JsonStrings({ paths, recognise: recognisePicture, decoder, maxOtherBytes });
  }

  *#startPicture(json: JsonStrings, item: number): Generator<AnswerToken> {
    // Both members may hold the same image.
    if (this.#items.has(item)) return yield { type: "start", kind: "other", index: this.#completed };
    this.#items.add(item);
    const kind = kindOf(json.soFar(), this.#eventName);
    if (kind) return yield { type: "start", ...this.#placeOf(kind) };
    this.#held = [];
    this.#isHolding = true;
  }

  #hold(token: Exclude<StringToken, { type: "start" }>): void {
    if (token.type === "end") this.#isHolding = false;
    // The decoder uses its memory again.
    else this.#held?.push(Buffer.from(token.bytes));
  }

  /**
   * The vendor's events carry no image index: it streams single images only, so the order of completion is the index.
   */
  #placeOf(kind: PictureKind): { readonly kind: PictureKind; readonly index: number } {
    if (kind !== "image") return { kind, index: this.#completed };
    this.#nameless = undefined;
    return { kind, index: this.#completed++ };
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
    const text = this.#json?.text.trim() ?? "";
    if (text === "[DONE]") yield* this.#useNameless();
    else if (this.#json && text !== "") yield* this.#readEvent(this.#json);
    this.#json = undefined;
    this.#eventName = "";
    this.#items.clear();
    this.#held = undefined;
    this.#isHolding = false;
  }

  *#readEvent(json: JsonStrings): Generator<AnswerToken> {
    const value = this.#parse(json);
    if (value === undefined) return;
    const document: AnswerToken = { type: "document", value, event: this.#eventName };
    const kind = kindOf(value, this.#eventName);
    if (this.#held) {
      const picture = { parts: this.#held };
      if (kind) yield* this.#show(kind, picture);
      else if (this.#completed === 0) this.#nameless = { picture, event: document };
    }
    yield document;
    for (const address of this.#addressesIn(value)) {
      if (kind) yield* this.#show(kind, { address });
      else if (this.#completed === 0) this.#nameless = { picture: { address }, event: document };
    }
  }

  /** Parses an event. One that is no JSON is skipped, because it may be the word of a proxy, such as `ping`. */
  #parse(json: JsonStrings): unknown {
    try {
      return json.end();
    } catch (error) {
      if (this.#items.size > 0) throw error;
      this.#unreadable ??= error;
      return undefined;
    }
  }

  *#addressesIn(event: unknown): Generator<string> {
    const { data } = toRecord(event);
    const places: readonly (readonly [number, unknown])[] = [
      [NO_ITEM, event],
      ...(Array.isArray(data) ? data.entries() : [[NO_ITEM, data] as const]),
    ];
    for (const [item, place] of places) {
      const address = this.#items.has(item) ? undefined : addressIn(place);
      if (address !== undefined) yield address;
    }
  }

  *#show(kind: PictureKind, picture: Picture): Generator<AnswerToken> {
    if ("address" in picture) return yield { type: "address", ...this.#placeOf(kind), address: picture.address };
    yield { type: "start", ...this.#placeOf(kind) };
    for (const bytes of picture.parts) yield { type: "bytes", bytes };
    yield { type: "end" };
  }

  *#useNameless(): Generator<AnswerToken> {
    if (!this.#nameless) return;
    const { picture, event } = this.#nameless;
    yield* this.#show("image", picture);
    yield event;
  }
}

/**
 * Says what the picture of an event is.
 *
 * @param event the event's document, as far as it was read
 * @returns `undefined` when the document does not say it
 */
function kindOf(event: unknown, eventName: string): PictureKind | undefined {
  const { type, partial_image_index: partialIndex, usage, data } = toRecord(event);
  const name = typeof type === "string" ? type : eventName;
  if (/(^|\.)completed$/.test(name)) return "image";
  if (/(^|\.)partial_image$/.test(name) || typeof partialIndex === "number") return "partial";
  // Only final images are charged.
  const isFinal = Array.isArray(data) || (typeof usage === "object" && usage !== null);
  return isFinal ? "image" : undefined;
}
