import { randomUUID } from "node:crypto";
import fs, { closeSync, fstatSync, type Stats, statSync } from "node:fs";
import { access, constants, mkdir, opendir, rm, rmdir, stat, statfs } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { promisify } from "node:util";
import { checkObjectKey } from "../../ports/object-key.ts";
import type { ObjectStore, OpenObject, StorageSpace, StoredObject } from "../../ports/object-store.ts";
import { DiskCalls } from "./disk-calls.ts";
import { DurableDirectory, syncDirectory } from "./durable-directory.ts";
import { BY_TIME, type FileLayout } from "./file-layouts.ts";
import { type FileReads, READS_IN_THREADS, readFile } from "./file-reading.ts";
import { FreshKeys } from "./fresh-keys.ts";

const TEMPORARY = ".tmp";
/** How many entries of a directory are read at once. A busy gateway puts thousands of files into one directory. */
const ENTRIES_AT_ONCE = 1024;
/** The most directories, besides the root, that are known to be durable. The others only cost further syncs. */
const MAX_KNOWN_DIRECTORIES = 100;

// Callbacks cost less than the promises and file handles of `node:fs/promises`.
const statFile = promisify(fs.stat);
const syncFile = promisify(fs.fsync);

/**
 * Objects as files below one directory. An object is written under a temporary name, synced, renamed into place and
 * made durable by syncing its directory, so that a crash at any instant leaves it whole or absent.
 */
export class DiskObjectStore implements ObjectStore {
  readonly #root: string;
  readonly #layout: FileLayout;
  readonly #calls = new DiskCalls();
  /** By their paths relative to the root, which is always known. */
  readonly #directories: Map<string, DurableDirectory>;
  readonly #fresh = new FreshKeys();

  private constructor(root: string, layout: FileLayout) {
    this.#root = root;
    this.#layout = layout;
    this.#directories = new Map([["", new DurableDirectory(root, this.#calls)]]);
  }

  /** Creates the directory if it is missing, and removes files that a crash left half written. */
  static async open(root: string, layout = BY_TIME): Promise<DiskObjectStore> {
    await rm(join(root, TEMPORARY), { recursive: true, force: true });
    await mkdir(join(root, TEMPORARY), { recursive: true, mode: 0o700 });
    await syncDirectory(root);
    return new DiskObjectStore(resolve(root), layout);
  }

  /** Opens the directory that a gateway may be using, or that does not exist. Nothing in it is changed. */
  static beside(root: string, layout = BY_TIME): DiskObjectStore {
    return new DiskObjectStore(resolve(root), layout);
  }

  async put(key: string, bytes: AsyncIterable<Uint8Array>): Promise<StoredObject> {
    checkObjectKey(key);
    const path = this.#layout.pathOf(key);
    const directory = this.#directory(parentOf(path));
    const temporaryPath = join(this.#root, TEMPORARY, randomUUID());
    let stats: Stats;
    try {
      stats = await writeDurably(temporaryPath, bytes, this.#calls);
      await directory.moveIn(temporaryPath, basename(path));
    } catch (error) {
      await rm(temporaryPath, { force: true });
      throw error;
    }
    await directory.untilDurable();
    this.#fresh.add(key);
    return { key, byteSize: stats.size, modifiedAt: stats.mtime };
  }

  async open(key: string): Promise<OpenObject | undefined> {
    const isFresh = this.#fresh.has(key);
    for (const path of this.#paths(key)) {
      const stats = isFresh
        ? statSync(path, { throwIfNoEntry: false })
        : await statFile(path).catch(undefinedWhenMissing);
      if (stats?.isFile()) return openObject(key, path, stats, isFresh ? this.#calls : READS_IN_THREADS);
    }
    return undefined;
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    if (prefix.split("/").includes("..")) return;
    for (const directory of this.#layout.directoriesOf(prefix)) {
      for await (const path of filesBelow(join(this.#root, directory))) {
        const key = this.#layout.keyOf(relative(this.#root, path));
        if (!key.startsWith(prefix) || key.startsWith(`${TEMPORARY}/`)) continue;
        const stats = await stat(path).catch(undefinedWhenMissing);
        if (stats) yield { key, byteSize: stats.size, modifiedAt: stats.mtime };
      }
    }
  }

  async delete(key: string): Promise<void> {
    for (const path of this.#paths(key)) {
      await rm(path, { force: true });
      await removeEmptyDirectories(dirname(path), this.#root);
    }
  }

  async space(): Promise<StorageSpace | undefined> {
    const { blocks, bavail, bsize } = await statfs(this.#root);
    // Some network file systems report no block count.
    return blocks === 0 ? undefined : { totalBytes: blocks * bsize, freeBytes: bavail * bsize };
  }

  async ping(): Promise<void> {
    await access(this.#root, constants.R_OK | constants.W_OK);
  }

  async close(): Promise<void> {}

  #paths(key: string): readonly string[] {
    checkObjectKey(key);
    return this.#layout.pathsOf(key).map((path) => join(this.#root, path));
  }

  #directory(path: string): DurableDirectory {
    const known = this.#directories.get(path);
    if (known) return known;
    const directory = new DurableDirectory(join(this.#root, path), this.#calls, this.#directory(parentOf(path)));
    const [, oldest] = this.#directories.keys();
    if (oldest !== undefined && this.#directories.size > MAX_KNOWN_DIRECTORIES) this.#directories.delete(oldest);
    this.#directories.set(path, directory);
    return directory;
  }
}

/** The directory of a relative path; `""` for the root. */
function parentOf(path: string): string {
  const parent = dirname(path);
  return parent === "." ? "" : parent;
}

function openObject(key: string, path: string, { size, mtime }: Stats, reads: FileReads): OpenObject {
  const whole = { start: 0, end: size - 1 };
  return {
    key,
    byteSize: size,
    modifiedAt: mtime,
    read: (range = whole, scratch) => readFile(path, range, reads, scratch),
  };
}

/** Skips directories that are removed meanwhile. Node's own recursion fails then. */
async function* filesBelow(directory: string): AsyncIterable<string> {
  const entries = await opendir(directory, { bufferSize: ENTRIES_AT_ONCE }).catch(undefinedWhenMissing);
  for await (const entry of entries ?? []) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile()) yield path;
  }
}

async function writeDurably(path: string, bytes: AsyncIterable<Uint8Array>, calls: DiskCalls): Promise<Stats> {
  const file = await calls.create(path);
  try {
    for await (const block of bytes) {
      const written = calls.append(file, block);
      if (written) await written;
    }
    await syncFile(file);
    return fstatSync(file);
  } finally {
    // The file was synced, or is given up, so closing it needs no wait.
    closeSync(file);
  }
}

async function removeEmptyDirectories(path: string, root: string): Promise<void> {
  for (let directory = path; directory !== root; directory = dirname(directory)) {
    try {
      await rmdir(directory);
    } catch {
      return;
    }
  }
}

function undefinedWhenMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
  return undefined;
}
