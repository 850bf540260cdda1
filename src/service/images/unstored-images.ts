import { GatewayError } from "../../errors.ts";
import type { OpenObject } from "../../ports/object-store.ts";

/** The most bytes of all images that could not be stored. */
const MAX_BYTES = 64 * 1024 * 1024;
/** How long such an image can be read. */
const LIFE_MS = 30_000;
/** How long the image's bytes count against the limit: its lifetime, and as long again for slow viewers. */
const HELD_MS = 2 * LIFE_MS;
const PIECE_BYTES = 128 * 1024;
const RETRY_AFTER_SECONDS = 30;

/** Keeps images that could not be stored in memory for a short time, for the viewers who requested them. */
export class UnstoredImages {
  #byteSize = 0;

  /** Reads all `bytes` into memory. @throws OVERLOADED when too many images are kept, and the errors of `bytes` */
  async take(key: string, bytes: AsyncIterable<Uint8Array>): Promise<OpenObject> {
    const pieces: Uint8Array[] = [];
    let byteSize = 0;
    try {
      for await (const piece of bytes) {
        if (this.#byteSize + piece.byteLength > MAX_BYTES) throw overloaded();
        this.#byteSize += piece.byteLength;
        byteSize += piece.byteLength;
        pieces.push(piece);
      }
    } catch (error) {
      this.#byteSize -= byteSize;
      throw error;
    }
    setTimeout(() => {
      this.#byteSize -= byteSize;
    }, HELD_MS).unref();
    const whole = Buffer.concat(pieces);
    const readBefore = performance.now() + LIFE_MS;
    const read = ({ start, end } = { start: 0, end: byteSize - 1 }) => cut(whole.subarray(start, end + 1), readBefore);
    return { key, byteSize, modifiedAt: new Date(), read };
  }
}

async function* cut(bytes: Uint8Array, readBefore: number): AsyncIterable<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; start += PIECE_BYTES) {
    if (performance.now() > readBefore) throw new Error("an image that could not be stored was read too slowly");
    yield bytes.subarray(start, start + PIECE_BYTES);
  }
}

function overloaded(): GatewayError {
  const message = "this image cannot be stored, and too many others are held in memory; load it again later";
  return new GatewayError("OVERLOADED", message, { retryAfterSeconds: RETRY_AFTER_SECONDS });
}
