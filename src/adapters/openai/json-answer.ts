import type { Base64Decoder } from "./base64.ts";
import { EVERY_ITEM, JsonStrings, toRecord } from "./json-strings.ts";

/** What an answer consists of, in the order of its bytes. */
export type AnswerToken =
  /** A picture begins: `bytes` and one `end` follow. `index` is its position among the final images. */
  | { readonly type: "start"; readonly kind: PictureKind; readonly index: number }
  | { readonly type: "bytes"; readonly bytes: Buffer }
  | { readonly type: "end" }
  /** A JSON document has been read whole; its pictures are `""`. `event` is its name in a stream of events. */
  | { readonly type: "document"; readonly value: unknown; readonly event?: string }
  /** The document before held no picture in this place, but an address of one. */
  | { readonly type: "address"; readonly kind: PictureKind; readonly index: number; readonly address: string };

export type PictureKind = "image" | "partial" | "other";

/** Takes an answer apart as its bytes arrive. */
export interface AnswerReader {
  /** Lazy: what it returns is read to its end before the next chunk is written. */
  write(chunk: Buffer): Iterable<AnswerToken>;
  /** The answer is over. @throws BrokenAnswer when it is not whole */
  end(): Iterable<AnswerToken>;
}

/** Reads an answer that is one JSON document with its images at `data[].b64_json`, or their addresses at `data[].url`. */
export class JsonAnswer implements AnswerReader {
  readonly #json: JsonStrings;
  readonly #pictures = new Set<number>();

  constructor(decoder: Base64Decoder, maxOtherBytes: number) {
    this.#json = new JsonStrings(["data", EVERY_ITEM, "b64_json"], decoder, maxOtherBytes);
  }

  *write(chunk: Buffer): Generator<AnswerToken> {
    for (const token of this.#json.write(chunk)) {
      if (token.type === "start") {
        this.#pictures.add(token.item);
        yield { type: "start", kind: "image", index: token.item };
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

/** What compatible servers answer with in place of `b64_json`. */
export function addressIn(item: unknown): string | undefined {
  const { url } = toRecord(item);
  return typeof url === "string" && url !== "" ? url : undefined;
}
