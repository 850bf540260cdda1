/** Collects bytes in one growing buffer, up to a limit. */
export class BoundedBytes {
  readonly #maxBytes: number;
  readonly #tooMany: () => Error;
  #bytes = Buffer.allocUnsafeSlow(1024);
  length = 0;

  /** @param tooMany creates the error that is thrown when there are more than `maxBytes` */
  constructor(maxBytes: number, tooMany: () => Error) {
    this.#maxBytes = maxBytes;
    this.#tooMany = tooMany;
  }

  push(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.length++] = byte;
  }

  append(chunk: Buffer, start: number, end: number): void {
    this.#reserve(end - start);
    this.length += chunk.copy(this.#bytes, this.length, start, end);
  }

  /** Drops all bytes after the first `length` bytes. */
  truncate(length: number): void {
    this.length = length;
  }

  /** The size of the buffer in memory, in bytes. */
  get heldBytes(): number {
    return this.#bytes.length;
  }

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.length);
  }

  text(start: number): string {
    return this.#bytes.toString("utf8", start, this.length);
  }

  #reserve(byteCount: number): void {
    const needed = this.length + byteCount;
    if (needed > this.#maxBytes) throw this.#tooMany();
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.length);
    this.#bytes = larger;
  }
}
