/** Finds the next occurrence of a byte in a chunk. All calls together take linear time. */
export class NextByte {
  readonly #chunk: Buffer;
  readonly #byte: number;
  #position = -1;

  constructor(chunk: Buffer, byte: number) {
    this.#chunk = chunk;
    this.#byte = byte;
  }

  /** The first position at or after `start` that holds the byte, or the chunk's length. `start` must never decrease. */
  from(start: number): number {
    if (this.#position < start) {
      const found = this.#chunk.indexOf(this.#byte, start);
      this.#position = found === -1 ? this.#chunk.length : found;
    }
    return this.#position;
  }
}
