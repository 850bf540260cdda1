import { randomUUID } from "node:crypto";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const READ_CHUNK_BYTES = 64 * 1024;

/**
 * A temporary file that loses its name as soon as it is open: the system frees it with its last handle, also when the
 * process is killed. It may be read while it is written.
 */
export class UnlinkedTempFile {
  readonly #opening = openUnlinked();
  #writtenBytes = 0;
  /** Set when nothing more will be written: `undefined` as the reason when the file is whole. */
  #end: { readonly reason: unknown } | undefined;
  /** Settles when more was written, or the file has its end. */
  #progress = Promise.withResolvers<void>();

  constructor() {
    // Writers and readers are told.
    this.#opening.catch(() => undefined);
  }

  /** Writes all bytes, once. Readers get what this throws. */
  async write(bytes: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      const file = await this.#opening;
      for await (const chunk of bytes) await this.#append(file, chunk);
      this.#finish(undefined);
    } catch (error) {
      this.#finish(error);
      throw error;
    }
  }

  async #append(file: FileHandle, chunk: Uint8Array): Promise<void> {
    for (let offset = 0; offset < chunk.byteLength; ) {
      const { bytesWritten } = await file.write(chunk, offset, chunk.byteLength - offset, this.#writtenBytes);
      offset += bytesWritten;
      this.#writtenBytes += bytesWritten;
      this.#tellReaders();
    }
  }

  #finish(reason: unknown): void {
    this.#end = { reason };
    this.#tellReaders();
  }

  #tellReaders(): void {
    this.#progress.resolve();
    this.#progress = Promise.withResolvers();
  }

  /** What is written, from the beginning, also what is written later. */
  async *read(): AsyncGenerator<Uint8Array> {
    const file = await this.#opening;
    for (let position = 0; ; ) {
      const buffer = Buffer.allocUnsafe(READ_CHUNK_BYTES);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      position += bytesRead;
      if (bytesRead > 0) yield buffer.subarray(0, bytesRead);
      else if (this.#end?.reason !== undefined) throw this.#end.reason;
      else if (this.#end && position === this.#writtenBytes) return;
      else if (position === this.#writtenBytes) await this.#progress.promise;
    }
  }

  async close(): Promise<void> {
    const file = await this.#opening.catch(() => undefined);
    await file?.close();
  }
}

async function openUnlinked(): Promise<FileHandle> {
  const path = join(tmpdir(), `pictograph-upload-${process.pid}-${randomUUID()}`);
  const file = await open(path, "wx+", 0o600);
  try {
    await unlink(path);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}
