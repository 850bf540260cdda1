import { randomUUID } from "node:crypto";
import fs, { closeSync, fstatSync, openSync, type Stats } from "node:fs";
import { access, constants, mkdir, opendir, rm, rmdir, stat, statfs } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { promisify } from "node:util";
import { checkObjectKey } from "../../ports/object-key.ts";
import type { ByteRange, ObjectStore, OpenObject, StorageSpace, StoredObject } from "../../ports/object-store.ts";
import { GroupSync } from "../group-sync.ts";

const READ_CHUNK_BYTES = 128 * 1024;
const TEMPORARY = ".tmp";
const MAX_MOVE_ATTEMPTS = 100;

// Callbacks cost less than the promises and file handles of `node:fs/promises`.
const statFile = promisify(fs.stat);
const openFile = promisify(fs.open);
const readInto = promisify(fs.read);
const syncFile = promisify(fs.fsync);
const renameFile = promisify(fs.rename);
const makeDirectory = promisify(fs.mkdir) as typeof mkdir;

/**
 * Objects as files below one directory. An object is written under a temporary name, synced, renamed into place and
 * made durable by syncing the directories on its way, so that a crash at any instant leaves it whole or absent.
 */
export class DiskObjectStore implements ObjectStore {
  readonly #root: string;
  readonly #rootSync: GroupSync;

  private constructor(root: string) {
    this.#root = root;
    this.#rootSync = new GroupSync(() => syncDirectory(root));
  }

  /** Creates the directory if it is missing, and removes files that a crash left half written. */
  static async open(root: string): Promise<DiskObjectStore> {
    await rm(join(root, TEMPORARY), { recursive: true, force: true });
    await mkdir(join(root, TEMPORARY), { recursive: true, mode: 0o700 });
    await syncDirectory(root);
    return new DiskObjectStore(resolve(root));
  }

  /** Opens the directory that a gateway may be using, or that does not exist. Nothing in it is changed. */
  static beside(root: string): DiskObjectStore {
    return new DiskObjectStore(resolve(root));
  }

  async put(key: string, bytes: AsyncIterable<Uint8Array>): Promise<StoredObject> {
    const path = this.#path(key);
    const temporaryPath = join(this.#root, TEMPORARY, randomUUID());
    let stats: Stats;
    try {
      stats = await writeDurably(temporaryPath, bytes);
      await moveIntoPlace(temporaryPath, path);
    } catch (error) {
      await rm(temporaryPath, { force: true });
      throw error;
    }
    await this.#syncDirectories(dirname(path));
    return { key, byteSize: stats.size, modifiedAt: stats.mtime };
  }

  async open(key: string): Promise<OpenObject | undefined> {
    const path = this.#path(key);
    const stats = await statFile(path).catch(undefinedWhenMissing);
    if (!stats?.isFile()) return undefined;
    const { size, mtime } = stats;
    const whole = { start: 0, end: size - 1 };
    return { key, byteSize: size, modifiedAt: mtime, read: (range = whole, scratch) => readFile(path, range, scratch) };
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    if (prefix.split("/").includes("..")) return;
    const directory = join(this.#root, prefix.slice(0, prefix.lastIndexOf("/") + 1));
    for await (const path of filesBelow(directory)) {
      const key = relative(this.#root, path).split(sep).join("/");
      if (!key.startsWith(prefix) || key.startsWith(`${TEMPORARY}/`)) continue;
      const stats = await stat(path).catch(undefinedWhenMissing);
      if (stats) yield { key, byteSize: stats.size, modifiedAt: stats.mtime };
    }
  }

  async delete(key: string): Promise<void> {
    const path = this.#path(key);
    await rm(path, { force: true });
    await removeEmptyDirectories(dirname(path), this.#root);
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

  #path(key: string): string {
    checkObjectKey(key);
    return join(this.#root, key);
  }

  /** A new file is durable when its directory entry is, and that of every directory above it. */
  async #syncDirectories(path: string): Promise<void> {
    // Synced together, they cost the file system one commit.
    this.#rootSync.note();
    const synced = [this.#rootSync.untilDurable()];
    for (let directory = path; directory.length > this.#root.length; directory = dirname(directory)) {
      synced.push(syncDirectory(directory));
    }
    await Promise.all(synced);
  }
}

/** Skips directories that are removed meanwhile. Node's own recursion fails then. */
async function* filesBelow(directory: string): AsyncIterable<string> {
  const entries = await opendir(directory).catch(undefinedWhenMissing);
  for await (const entry of entries ?? []) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile()) yield path;
  }
}

async function writeDurably(path: string, bytes: AsyncIterable<Uint8Array>): Promise<Stats> {
  const file = await openFile(path, "wx", 0o600);
  try {
    for await (const chunk of bytes) await writeWhole(file, chunk);
    await syncFile(file);
    return fstatSync(file);
  } finally {
    // The file was synced, or is given up, so closing it needs no wait.
    closeSync(file);
  }
}

function writeWhole(file: number, chunk: Uint8Array, start = 0): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.write(file, chunk, start, chunk.byteLength - start, null, (error, written) => {
      if (error) reject(error);
      else if (start + written === chunk.byteLength) resolve();
      else writeWhole(file, chunk, start + written).then(resolve, reject);
    });
  });
}

/** Between the two steps, a `delete` may remove the directory, since it is still empty. Then both steps are repeated. */
async function moveIntoPlace(temporaryPath: string, path: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await makeDirectory(dirname(path), { recursive: true, mode: 0o700 });
      await renameFile(temporaryPath, path);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" || attempt === MAX_MOVE_ATTEMPTS) throw error;
    }
  }
}

/** Costs half of what a stream costs, which allocates memory that is not needed here. */
async function* readFile(path: string, { start, end }: ByteRange, scratch?: Uint8Array): AsyncIterable<Uint8Array> {
  const file = await openFile(path, "r");
  try {
    for (let position = start; position <= end; ) {
      const byteSize = Math.min(scratch?.byteLength ?? READ_CHUNK_BYTES, end - position + 1);
      const chunk = scratch?.subarray(0, byteSize) ?? Buffer.allocUnsafe(byteSize);
      await fill(chunk, file, position);
      position += byteSize;
      yield chunk;
    }
  } finally {
    // The file was only read, so closing it needs no wait.
    closeSync(file);
  }
}

async function fill(chunk: Uint8Array, file: number, start: number): Promise<void> {
  for (let filled = 0; filled < chunk.byteLength; ) {
    const { bytesRead } = await readInto(file, chunk, filled, chunk.byteLength - filled, start + filled);
    if (bytesRead === 0) throw new Error("a stored file ends before its last byte");
    filled += bytesRead;
  }
}

async function syncDirectory(path: string): Promise<void> {
  // The directory was just used, so opening it needs no wait. Waking a thread for it would cost more.
  const directory = openSync(path, "r");
  try {
    await syncFile(directory);
  } finally {
    closeSync(directory);
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
