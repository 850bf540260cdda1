import type { Response } from "express";

/** The size of each buffer, in bytes. It is larger than the write buffer of a connection. */
export const SCRATCH_BYTES = 128 * 1024;
/** How many buffers are kept for reuse. New memory would cost more than reading the image. */
const MAX_SPARES = 32;

/** Buffers for the pieces of answers that are being sent. */
export class Scratches {
  readonly #spares: Buffer[] = [];

  /** Returns a buffer for one answer. It is reused when the operating system has taken all of the answer. */
  take(response: Response): Buffer {
    const spares = this.#spares;
    const scratch = spares.pop() ?? Buffer.allocUnsafeSlow(SCRATCH_BYTES);
    // If an answer is cut short, its buffer may still be in use, so it is not reused.
    response.once("finish", () => {
      if (!response.destroyed && spares.length < MAX_SPARES) spares.push(scratch);
    });
    return scratch;
  }
}
