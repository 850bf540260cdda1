import { createHash } from "node:crypto";
import { GatewayError } from "../../errors.ts";

/** A file whose download restarts from the beginning after it broke off. Each byte is still delivered only once. */
export class ResumedFile {
  readonly #handedOver = createHash("sha256");
  #byteCount = 0;

  /**
   * Yields the bytes that were not yielded before.
   *
   * @param bytes the file from its beginning
   * @throws UPSTREAM_FAILED when the host sends a different file than before
   */
  async *read(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const repeated = createHash("sha256");
    let left = this.#byteCount;
    for await (const chunk of bytes) {
      const known = chunk.subarray(0, left);
      const news = chunk.subarray(known.length);
      if (known.length > 0) {
        repeated.update(known);
        left -= known.length;
        if (left === 0 && !repeated.digest().equals(this.#handedOver.copy().digest())) throw changed();
      }
      if (news.length === 0) continue;
      this.#handedOver.update(news);
      this.#byteCount += news.length;
      yield news;
    }
    if (left > 0) throw changed();
  }
}

function changed(): GatewayError {
  return new GatewayError("UPSTREAM_FAILED", "the host sent another file when it was asked again");
}
