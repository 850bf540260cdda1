import type { Base64Decoder } from "../../../streamed-json/base64-decoder.ts";
import { EVERY_ITEM, JsonStrings } from "../../../streamed-json/json-strings.ts";
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

/** Reads an answer that is one JSON document with its images in the items of `data`. */
export class JsonAnswer implements AnswerReader {
  readonly #json: JsonStrings;
  /** The member that held the picture of each item. */
  readonly #pictures = new Map<number, string>();

  constructor(decoder: Base64Decoder, maxOtherBytes: number) {
    const paths = PICTURE_FIELDS.map((field) => ["data", EVERY_ITEM, field] as const);
    this.#json = new JsonStrings({ paths, recognise: recognisePicture, decoder, maxOtherBytes });
  }

  *write(chunk: Buffer): Generator<AnswerToken> {
    for (const token of this.#json.write(chunk)) {
      if (token.type === "start") {
        const { field, item } = token;
        // Both members may hold the same image.
        const isRepeated = (this.#pictures.get(item) ?? field) !== field;
        this.#pictures.set(item, field);
        yield { type: "start", kind: isRepeated ? "other" : "image", index: item };
      } else {
        yield token;
      }
    }
  }

  *end(): Generator<AnswerToken> {
    const value = this.#json.end();
    yield { type: "document", value };
    const { data } = toRecord(value);
    for (const [index, item] of Array.isArray(data) ? data.entries() : []) {
      const address = addressIn(item);
      if (address && !this.#pictures.has(index)) yield { type: "address", kind: "image", index, address };
    }
  }
}

/** The address that an item holds instead of a picture, in either member. */
export function addressIn(item: unknown): string | undefined {
  const { url, b64_json } = toRecord(item);
  return [url, b64_json].find((address): address is string => typeof address === "string" && address !== "");
}
