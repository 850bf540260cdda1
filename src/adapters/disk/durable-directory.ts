import fs, { closeSync, openSync } from "node:fs";
import type { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { GroupSync } from "../group-sync.ts";
import type { DiskCalls } from "./disk-calls.ts";

// Callbacks cost less than the promises of `node:fs/promises`.
const syncFile = promisify(fs.fsync);
const makeDirectory = promisify(fs.mkdir) as typeof mkdir;

const MAX_MOVE_ATTEMPTS = 100;

/**
 * A directory whose files become durable together: those who wait at the same time share one sync. It is created when
 * its first file is moved into it, and anyone may remove it while it is empty.
 */
export class DurableDirectory {
  readonly path: string;
  readonly #calls: DiskCalls;
  readonly #parent: DurableDirectory | undefined;
  readonly #entries: GroupSync;
  /** How often it was created as far as is known, and the last time of them that is durable. */
  #created = 1;
  #durable = 0;

  /** @param parent the directory in which this one is created; `undefined` if this one exists and is durable */
  constructor(path: string, calls: DiskCalls, parent?: DurableDirectory) {
    this.path = path;
    this.#calls = calls;
    this.#parent = parent;
    this.#entries = new GroupSync(() => syncDirectory(path));
  }

  /** Moves a file of the same volume into the directory, in place of any that has this name. */
  async moveIn(file: string, name: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#calls.rename(file, join(this.path, name));
        this.#entries.note();
        return;
      } catch (error) {
        if (codeOf(error) !== "ENOENT" || attempt === MAX_MOVE_ATTEMPTS) throw error;
        await this.#create();
      }
    }
  }

  /** Creates the directory and those above it, unless others do so meanwhile. */
  async #create(): Promise<void> {
    // Counted first: as soon as the directory exists, others may move files into it.
    this.#created++;
    try {
      await makeDirectory(this.path, { mode: 0o700 });
    } catch (error) {
      if (codeOf(error) === "EEXIST") return;
      if (codeOf(error) !== "ENOENT" || !this.#parent) throw error;
      await this.#parent.#create();
    }
  }

  /** Resolves when every file that was moved in before this call survives a power cut. */
  async untilDurable(): Promise<void> {
    const created = this.#created;
    const waits = [this.#entries.untilDurable()];
    if (this.#parent && this.#durable < created) {
      this.#parent.#entries.note();
      waits.push(this.#parent.untilDurable());
    }
    // Synced together, they cost the file system one commit.
    await Promise.all(waits);
    this.#durable = Math.max(this.#durable, created);
  }
}

/** Makes the entries of a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  // The directory was just used, so opening it needs no wait. Waking a thread for it would cost more.
  const directory = openSync(path, "r");
  try {
    await syncFile(directory);
  } finally {
    closeSync(directory);
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
