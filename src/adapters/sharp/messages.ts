import type { Duplex } from "node:stream";

/** The pipe's file descriptor in a decoder process. The first three are the standard streams. */
export const PIPE = 3;
/** Each header is preceded by its length, in this many bytes. */
const LENGTH_BYTES = 4;
/** Headers are a few hundred bytes; the longest holds a placeholder of 1 KB or an error's text. */
const MAX_HEADER_BYTES = 64 * 1024;

/** The error when the other process has ended, or sent something that is not a message. */
export class BrokenPipeError extends Error {
  override readonly name = "BrokenPipeError";
}

/**
 * Sends messages over a pipe between two processes of the gateway. A message is a JSON header and as many bytes as the
 * header says. The bytes are neither converted to text nor held in memory. Every method throws {@link BrokenPipeError}
 * when the pipe breaks.
 */
export class MessagePipe {
  readonly #pipe: Duplex;
  readonly #pieces: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(pipe: Duplex) {
    this.#pipe = pipe;
    this.#pieces = pipe[Symbol.asyncIterator]();
    // Reads and writes report a broken pipe themselves.
    pipe.on("error", () => {});
  }

  /** Writes the beginning of a message. The caller must then write exactly `byteSize` bytes. */
  async writeHeader(header: object, byteSize: number): Promise<void> {
    const json = Buffer.from(JSON.stringify({ header, byteSize }));
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32BE(json.length);
    await this.write(Buffer.concat([length, json]));
  }

  /** Resolves when the operating system has accepted the bytes, so that their memory may be reused. */
  write(bytes: Uint8Array): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#pipe.write(bytes, (cause) => (cause ? reject(new BrokenPipeError("writing failed", { cause })) : resolve()));
    return promise;
  }

  /**
   * Reads the next message. Its bytes must be read to their end before the next call. `undefined` when the other
   * process has closed the pipe.
   */
  async next<Header>(): Promise<{ header: Header; byteSize: number; bytes: AsyncIterable<Buffer> } | undefined> {
    if (this.#rest.length === 0 && !(await this.#readOn())) return undefined;
    const length = (await this.#exactly(LENGTH_BYTES)).readUInt32BE();
    if (length > MAX_HEADER_BYTES) throw new BrokenPipeError("a message's header is too long");
    const { header, byteSize } = JSON.parse((await this.#exactly(length)).toString("utf8"));
    return { header, byteSize, bytes: this.#bytes(byteSize) };
  }

  async *#bytes(byteSize: number): AsyncIterable<Buffer> {
    for (let left = byteSize; left > 0; ) {
      if (this.#rest.length === 0 && !(await this.#readOn())) throw new BrokenPipeError("it ended within a message");
      const piece = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  async #exactly(byteSize: number): Promise<Buffer> {
    return Buffer.concat(await Array.fromAsync(this.#bytes(byteSize)));
  }

  async #readOn(): Promise<boolean> {
    const { value, done } = await this.#pieces.next().catch((cause) => {
      throw new BrokenPipeError("reading failed", { cause });
    });
    this.#rest = value ?? Buffer.alloc(0);
    return !done;
  }
}
