import fs, { openSync, readSync, renameSync, write, writeSync } from "node:fs";
import { promisify } from "node:util";
import { type FileReads, READS_IN_THREADS } from "./file-reading.ts";

// Callbacks cost less than the promises of `node:fs/promises`.
const openInThread = promisify(fs.open);
const renameInThread = promisify(fs.rename);

/**
 * A call that only uses the caches of the kernel takes far less than this, even if other programs use the processor in
 * between. A longer one probably had to wait for the disk.
 */
const SLOW_MS = 50;
/** How long a disk counts as slow after such a call. */
const SLOW_FOR_MS = 2_000;

/**
 * Creates, writes and renames files, and reads files that were just written. Such a call uses only the caches of the
 * kernel, which costs less than waking a thread to do it. When the kernel makes one wait for the disk, the next ones go
 * to threads for two seconds, so that only they wait.
 *
 * Each method returns a promise only if the call goes to a thread.
 */
export class DiskCalls implements FileReads {
  #slowUntilMs = 0;

  /** @returns the descriptor of a new file that only this user can read */
  create(path: string): number | Promise<number> {
    return this.#do(
      () => openSync(path, "wx", 0o600),
      () => openInThread(path, "wx", 0o600),
    );
  }

  /** Appends a block to a file. */
  append(file: number, block: Uint8Array): void | Promise<void> {
    return this.#do(
      () => append(file, block),
      () => appendInThread(file, block),
    );
  }

  open(path: string): number | Promise<number> {
    return this.#do(
      () => openSync(path, "r"),
      () => READS_IN_THREADS.open(path),
    );
  }

  read(file: number, memory: Uint8Array, position: number): number | Promise<number> {
    return this.#do(
      () => readSync(file, memory, 0, memory.byteLength, position),
      () => READS_IN_THREADS.read(file, memory, position),
    );
  }

  rename(from: string, to: string): void | Promise<void> {
    return this.#do(
      () => renameSync(from, to),
      () => renameInThread(from, to),
    );
  }

  #do<Result>(here: () => Result, inThread: () => Promise<Result>): Result | Promise<Result> {
    const beganAtMs = performance.now();
    if (beganAtMs < this.#slowUntilMs) return inThread();
    try {
      return here();
    } finally {
      const endedAtMs = performance.now();
      if (endedAtMs - beganAtMs > SLOW_MS) this.#slowUntilMs = endedAtMs + SLOW_FOR_MS;
    }
  }
}

function append(file: number, block: Uint8Array): void {
  for (let start = 0; start < block.byteLength; ) {
    start += writeSync(file, block, start, block.byteLength - start, null);
  }
}

function appendInThread(file: number, block: Uint8Array, start = 0): Promise<void> {
  return new Promise((resolve, reject) => {
    write(file, block, start, block.byteLength - start, null, (error, written) => {
      if (error) reject(error);
      else if (start + written === block.byteLength) resolve();
      else appendInThread(file, block, start + written).then(resolve, reject);
    });
  });
}
