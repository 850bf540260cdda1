/** The least memory that is taken when the number of bytes is unknown. */
const MIN_BYTES = 1024;

/**
 * Collects bytes in one block of memory that grows, up to a limit. Each of a thousand small pieces would hold far more
 * memory than its own bytes.
 */
export class BoundedBytes {
  readonly #maxBytes: number;
  readonly #tooMany: () => Error;
  readonly #expectedBytes: number;
  #block = new ArrayBuffer(0);
  #memory = Buffer.from(this.#block);
  #length = 0;

  /**
   * @param tooMany creates the error that is thrown when there are more than `maxBytes`
   * @param expectedBytes the total, if it is known
   */
  constructor(maxBytes: number, tooMany: () => Error, expectedBytes = maxBytes) {
    this.#maxBytes = maxBytes;
    this.#tooMany = tooMany;
    this.#expectedBytes = expectedBytes;
  }

  /** How many bytes were collected. */
  get length(): number {
    return this.#length;
  }

  /** The size of the block of memory, in bytes. */
  get heldBytes(): number {
    return this.#memory.length;
  }

  /** The bytes collected so far. They are valid until more are added. */
  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#length);
  }

  push(byte: number): void {
    this.#reserve(1);
    this.#memory[this.#length++] = byte;
  }

  append(chunk: Buffer, start = 0, end = chunk.length): void {
    this.#reserve(end - start);
    this.#length += chunk.copy(this.#memory, this.#length, start, end);
  }

  /** Drops all bytes after the first `length` bytes. */
  truncate(length: number): void {
    this.#length = length;
  }

  /** Drops all bytes and frees the memory. */
  clear(): void {
    this.#length = 0;
    this.#resize(0);
  }

  /** The bytes from `start` on, as UTF-8 text. */
  text(start: number): string {
    return this.#memory.toString("utf8", start, this.#length);
  }

  #reserve(byteCount: number): void {
    const needed = this.#length + byteCount;
    if (needed > this.#maxBytes) throw this.#tooMany();
    if (needed <= this.#memory.length) return;
    const roomy = Math.max(2 * this.#memory.length, MIN_BYTES);
    this.#resize(Math.max(needed, Math.min(roomy, this.#expectedBytes)));
  }

  /** Moves the bytes to another block. The old one is freed at once; a collection may not come for minutes. */
  #resize(byteLength: number): void {
    this.#block = this.#block.transfer(byteLength);
    this.#memory = Buffer.from(this.#block);
  }
}
