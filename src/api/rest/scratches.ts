import type { Response } from "express";

/** The usual size of a buffer, in bytes. It is larger than the write buffer of a connection. */
export const SCRATCH_BYTES = 128 * 1024;
/** How much memory is kept for reuse. New memory would cost more than reading the image. */
const MAX_SPARE_BYTES = 32 * SCRATCH_BYTES;

/** Buffers for the pieces of answers that are being sent. */
export class Scratches {
  readonly #byteSize: number;
  readonly #spares: Buffer[] = [];

  /** @param byteSize the size of each buffer */
  constructor(byteSize = SCRATCH_BYTES) {
    this.#byteSize = byteSize;
  }

  /** Returns a buffer for one answer. It is reused when the operating system has taken all of the answer. */
  take(response: Response): Buffer {
    const spares = this.#spares;
    const scratch = spares.pop() ?? Buffer.allocUnsafeSlow(this.#byteSize);
    // If an answer is cut short, its buffer may still be in use, so it is not reused.
    response.once("finish", () => {
      const hasRoom = (spares.length + 1) * this.#byteSize <= MAX_SPARE_BYTES;
      if (!response.destroyed && hasRoom) spares.push(scratch);
    });
    return scratch;
  }
}
