import { BrokenAnswer } from "./broken-answer.ts";
import type { AnswerReader, AnswerToken } from "./json-answer.ts";

/** Reads an answer that is an image and nothing else. */
export class WholeImage implements AnswerReader {
  readonly #maxBytes: number;
  #byteCount = 0;

  /** @param maxBytes the most bytes the image may have */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  *write(bytes: Buffer): Generator<AnswerToken> {
    if (this.#byteCount === 0) yield { type: "start", kind: "image", index: 0 };
    this.#byteCount += bytes.length;
    if (this.#byteCount > this.#maxBytes) throw new BrokenAnswer(`an image is larger than ${this.#maxBytes} bytes`);
    yield { type: "bytes", bytes };
  }

  *end(): Generator<AnswerToken> {
    yield { type: "end" };
  }
}
