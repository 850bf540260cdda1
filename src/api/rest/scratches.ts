import type { Response } from "express";

/** The size of each, in bytes; more than a connection takes without saying wait. */
export const SCRATCH_BYTES = 128 * 1024;
/** Used again and again: at this rate, new memory costs more than the reading. */
const MAX_SPARES = 32;

/** Memory through which the pieces of answers pass. */
export class Scratches {
  readonly #spares: Buffer[] = [];

  /** Memory for one answer, until all of the answer is with the operating system. */
  take(response: Response): Buffer {
    const spares = this.#spares;
    const scratch = spares.pop() ?? Buffer.allocUnsafeSlow(SCRATCH_BYTES);
    // Of an answer that is cut short nobody knows what is still being sent.
    response.once("finish", () => {
      if (!response.destroyed && spares.length < MAX_SPARES) spares.push(scratch);
    });
    return scratch;
  }
}
