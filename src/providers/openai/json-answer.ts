import { EVERY_ITEM, type JsonLimits, JsonStrings } from "./json-strings.ts";

/** What an answer consists of, in the order of its bytes. */
export type AnswerToken =
  /** A picture begins: `bytes` and one `end` follow. `index` is its position among the final images. */
  | { readonly type: "start"; readonly kind: "image" | "partial" | "other"; readonly index: number }
  | { readonly type: "bytes"; readonly bytes: Buffer }
  | { readonly type: "end" }
  /** A JSON document has been read whole; its pictures are `""`. `event` is its name in a stream of events. */
  | { readonly type: "document"; readonly value: unknown; readonly event?: string };

/** Takes an answer apart as its bytes arrive. */
export interface AnswerReader {
  /** Lazy: what it returns is read to its end before the next chunk is written. */
  write(chunk: Buffer): Iterable<AnswerToken>;
  /** The answer is over. @throws BrokenAnswer when it is not whole */
  end(): Iterable<AnswerToken>;
}

/** Reads an answer that is one JSON document with its images at `data[].b64_json`. */
export class JsonAnswer implements AnswerReader {
  readonly #json: JsonStrings;

  constructor(limits: JsonLimits) {
    this.#json = new JsonStrings(["data", EVERY_ITEM, "b64_json"], limits);
  }

  *write(chunk: Buffer): Generator<AnswerToken> {
    for (const token of this.#json.write(chunk)) {
      yield token.type === "start" ? { type: "start", kind: "image", index: token.item } : token;
    }
  }

  *end(): Generator<AnswerToken> {
    yield { type: "document", value: this.#json.end() };
  }
}
