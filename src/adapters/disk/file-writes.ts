import { write, writeSync } from "node:fs";

/** The page cache takes a block in well under a millisecond, so a write this long had to wait for the disk. */
const SLOW_MS = 20;
/** How long a disk counts as slow after such a write. */
const SLOW_FOR_MS = 10_000;

/**
 * Writes to files. A write only copies bytes to the page cache, which costs less than waking a thread to do it. When the
 * kernel makes a write wait for the disk, the next ones go to threads for some seconds, so that only they wait.
 */
export class FileWrites {
  #slowUntilMs = 0;

  /** Appends a block to a file. @returns `undefined` if it is written already */
  append(file: number, block: Uint8Array): Promise<void> | undefined {
    const beganAtMs = performance.now();
    if (beganAtMs < this.#slowUntilMs) return appendInThread(file, block);
    for (let start = 0; start < block.byteLength; ) {
      start += writeSync(file, block, start, block.byteLength - start, null);
    }
    const endedAtMs = performance.now();
    if (endedAtMs - beganAtMs > SLOW_MS) this.#slowUntilMs = endedAtMs + SLOW_FOR_MS;
    return undefined;
  }
}

/** A callback costs less than the promises of `node:fs/promises`. */
function appendInThread(file: number, block: Uint8Array, start = 0): Promise<void> {
  return new Promise((resolve, reject) => {
    write(file, block, start, block.byteLength - start, null, (error, written) => {
      if (error) reject(error);
      else if (start + written === block.byteLength) resolve();
      else appendInThread(file, block, start + written).then(resolve, reject);
    });
  });
}
