import { randomUUID } from "node:crypto";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const READ_CHUNK_BYTES = 64 * 1024;

/**
 * A temporary file whose name is removed as soon as it is open. The system deletes it with its last handle, even if the
 * process is killed. It may be read while it is written.
 */
export class UnlinkedTempFile {
  readonly #opening = openUnlinked();
  #writtenBytes = 0;
  /** Set when nothing more will be written. The reason is the error, or `undefined` when the file is whole. */
  #end: { readonly reason: unknown } | undefined;
  /** Resolves when more was written or the file has ended. */
  #progress = Promise.withResolvers<void>();

  constructor() {
    // `write` and `read` throw this error themselves.
    this.#opening.catch(() => undefined);
  }

  /** Writes the whole file; call it once. Readers throw the same error as this. */
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
      this.#wakeReaders();
    }
  }

  #finish(reason: unknown): void {
    this.#end = { reason };
    this.#wakeReaders();
  }

  #wakeReaders(): void {
    this.#progress.resolve();
    this.#progress = Promise.withResolvers();
  }

  /** Yields the file from its beginning, and waits for what is still being written. */
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
