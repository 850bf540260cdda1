import { closeSync, open, read } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { promisify } from "node:util";
import type { ByteRange } from "../../ports/object-store.ts";

const READ_CHUNK_BYTES = 128 * 1024;

// Callbacks cost less than the promises and file handles of `node:fs/promises`.
const openFile = promisify(open);
const readInto = promisify(read);

/** Opens and reads files. Each method returns a promise only if the call goes to a thread. */
export interface FileReads {
  /** @returns the descriptor of the file */
  open(path: string): number | Promise<number>;
  /** @returns how many bytes were read from `position` on; 0 at the end of the file */
  read(file: number, memory: Uint8Array, position: number): number | Promise<number>;
}

/** Reads in threads, for files that may have to come from the disk. */
export const READS_IN_THREADS = {
  open: (path: string) => openFile(path, "r"),
  read: async (file: number, memory: Uint8Array, position: number) =>
    (await readInto(file, memory, 0, memory.byteLength, position)).bytesRead,
} satisfies FileReads;

/**
 * Yields a range of a file in chunks. Costs half of what a stream costs, which allocates memory that is not needed here.
 *
 * @param scratch memory for the chunks, if the caller finishes with each chunk before it requests the next
 */
export async function* readFile(
  path: string,
  { start, end }: ByteRange,
  reads: FileReads,
  scratch?: Uint8Array,
): AsyncIterable<Uint8Array> {
  const opening = reads.open(path);
  const file = typeof opening === "number" ? opening : await opening;
  try {
    for (let position = start; position <= end; ) {
      const byteSize = Math.min(scratch?.byteLength ?? READ_CHUNK_BYTES, end - position + 1);
      const chunk = scratch?.subarray(0, byteSize) ?? Buffer.allocUnsafe(byteSize);
      let isImmediate = true;
      for (let filled = 0; filled < byteSize; ) {
        const reading = reads.read(file, chunk.subarray(filled), position + filled);
        isImmediate &&= typeof reading === "number";
        const byteCount = typeof reading === "number" ? reading : await reading;
        if (byteCount === 0) throw new Error("a stored file ends before its last byte");
        filled += byteCount;
      }
      position += byteSize;
      yield chunk;
      // Other requests have their turn before the next chunk.
      if (isImmediate && position <= end) await nextTurn();
    }
  } finally {
    // The file was only read, so closing it needs no wait.
    closeSync(file);
  }
}
