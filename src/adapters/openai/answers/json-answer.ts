import type { Base64Decoder } from "../../../streamed-json/base64-decoder.ts";
import { EVERY_ITEM, type JsonPath, JsonStrings } from "../../../streamed-json/json-strings.ts";
import { toRecord } from "../../to-record.ts";
import { PICTURE_FIELDS, recognisePicture } from "./picture-text.ts";

/** The tokens of an answer, in the order of its bytes. */
export type AnswerToken =
  /** A picture begins: `bytes` and one `end` follow. `index` is its position among the final images. */
  | { readonly type: "start"; readonly kind: PictureKind; readonly index: number }
  | { readonly type: "bytes"; readonly bytes: Buffer }
  | { readonly type: "end" }
  /** A JSON document is complete; its pictures are replaced by `""`. `event` is its name in a stream of events. */
  | { readonly type: "document"; readonly value: unknown; readonly event?: string }
  /** The document before held the address of a picture instead of its bytes. */
  | { readonly type: "address"; readonly kind: PictureKind; readonly index: number; readonly address: string };

/** Pictures of the kind `other` are skipped. */
export type PictureKind = "image" | "partial" | "other";

/** Splits an answer into tokens while its bytes arrive. */
export interface AnswerReader {
  /** Reads a chunk lazily. The caller must read all returned tokens before it writes the next chunk. */
  write(chunk: Buffer): Iterable<AnswerToken>;
  /** Ends the answer. @throws UnreadableJson when it is incomplete */
  end(): Iterable<AnswerToken>;
}

/**
 * Where servers put pictures, from the document's root: the vendor's place first. If an answer has pictures in several of
 * these places, those of one place are all of them.
 */
const PLACES: readonly JsonPath[] = [
  ["data", EVERY_ITEM],
  ["data"],
  ["images", EVERY_ITEM],
  ["images"],
  [EVERY_ITEM],
  [],
  ["data", "data", EVERY_ITEM],
  ["result", "data", EVERY_ITEM],
];

/** Reads an answer that is one JSON document with its images in the items of `data`, or where other servers put them. */
export class JsonAnswer implements AnswerReader {
  readonly #json: JsonStrings;
  /** The place of the first picture, as text. */
  #place: string | undefined;
  /** The member that held the picture of each item. */
  readonly #pictures = new Map<number, string>();

  constructor(decoder: Base64Decoder, maxOtherBytes: number) {
    const members = PLACES.flatMap((place) => PICTURE_FIELDS.map((field) => [...place, field]));
    const items = PLACES.filter((place) => place.at(-1) === EVERY_ITEM);
    const paths = [...members, ...items];
    this.#json = new JsonStrings({ paths, recognise: recognisePicture, decoder, maxOtherBytes });
  }

  *write(chunk: Buffer): Generator<AnswerToken> {
    for (const token of this.#json.write(chunk)) {
      if (token.type === "start") yield this.#startPicture(token.field, Math.max(token.item, 0));
      else yield token;
    }
  }

  #startPicture(field: string, index: number): AnswerToken {
    const place = this.#json.place.replace(/\[\d+\]/, "[]").replace(/\.?(b64_json|url)$/, "");
    this.#place ??= place;
    // Both members may hold the same image, and so may two places.
    const isRepeated = place !== this.#place || (this.#pictures.get(index) ?? field) !== field;
    if (!isRepeated) this.#pictures.set(index, field);
    return { type: "start", kind: isRepeated ? "other" : "image", index };
  }

  *end(): Generator<AnswerToken> {
    const value = this.#json.end();
    yield { type: "document", value };
    for (const place of PLACES) {
      if (this.#place !== undefined && this.#place !== toText(place)) continue;
      const addresses = itemsAt(value, place).flatMap(([index, item]) => {
        const address = this.#pictures.has(index) ? undefined : addressIn(item);
        return address === undefined ? [] : [{ type: "address", kind: "image", index, address } as const];
      });
      yield* addresses;
      if (addresses.length > 0) return;
    }
  }
}

function toText(place: JsonPath): string {
  return place
    .map((step) => (step === EVERY_ITEM ? "[]" : `.${step}`))
    .join("")
    .replace(/^\./, "");
}

/** The items at a place, with their positions. A place that is no list has one item. */
function itemsAt(document: unknown, place: JsonPath): [number, unknown][] {
  const [step, ...rest] = place;
  if (step === undefined) return Array.isArray(document) ? [] : [[0, document]];
  if (step === EVERY_ITEM) return Array.isArray(document) ? [...document.entries()] : [];
  return itemsAt(toRecord(document)[step], rest);
}

/** The address that an item holds instead of a picture, in either member, or that it is. */
export function addressIn(item: unknown): string | undefined {
  if (typeof item === "string") return /^\s*https?:\/\//i.test(item) ? item : undefined;
  const { url, b64_json } = toRecord(item);
  return [url, b64_json].find((address): address is string => typeof address === "string" && address !== "");
}
