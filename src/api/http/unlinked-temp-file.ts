import { randomUUID } from "node:crypto";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const READ_CHUNK_BYTES = 64 * 1024;

/**
 * A temporary file that loses its name as soon as it is open: the system frees it with its last handle, also when the
 * process is killed.
 */
export class UnlinkedTempFile {
  readonly #opening = openNameless();

  constructor() {
    // Whoever writes or reads is told.
    this.#opening.catch(() => undefined);
  }

  async write(bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const file = await this.#opening;
    for await (const chunk of bytes) {
      for (let written = 0; written < chunk.byteLength; ) {
        written += (await file.write(chunk, written)).bytesWritten;
      }
    }
  }

  /** What was written, from the beginning. */
  async *read(): AsyncIterable<Uint8Array> {
    const file = await this.#opening;
    for (let position = 0; ; ) {
      const buffer = Buffer.allocUnsafe(READ_CHUNK_BYTES);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async close(): Promise<void> {
    const file = await this.#opening.catch(() => undefined);
    await file?.close();
  }
}

async function openNameless(): Promise<FileHandle> {
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
