/** Finds one byte value again and again in one chunk, in linear time however often it is asked. */
export class NextByte {
  readonly #chunk: Buffer;
  readonly #byte: number;
  #position = -1;

  constructor(chunk: Buffer, byte: number) {
    this.#chunk = chunk;
    this.#byte = byte;
  }

  /** The first position not before `start` that holds the byte, or the chunk's length. `start` never goes back. */
  from(start: number): number {
    if (this.#position < start) {
      const found = this.#chunk.indexOf(this.#byte, start);
      this.#position = found === -1 ? this.#chunk.length : found;
    }
    return this.#position;
  }
}
