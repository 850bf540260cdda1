import { open, readdir, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { lockFile } from "../adapters/sql/sqlite/sqlite.ts";
import type { Config } from "../config.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import { createDataDir, PRIVATE_FILE, pathsIn } from "../wiring/data-directory.ts";
import { BackupError } from "./backup-error.ts";
import { syncDirectory } from "./manifest.ts";

/** A place that a restore fills. Until it is released, no gateway starts there, and only the same backup goes on. */
export interface Claim {
  /** Call it when the place is filled. */
  release(): Promise<void>;
  /** Gives it back unfilled, after an error. The same restore can go on from there. */
  close(): void;
}

/**
 * Claims a data directory, which must be empty or claimed by an earlier restore of the same backup.
 *
 * @throws BackupError when it is used, or only partly restored from another backup; nothing is changed then
 */
export async function claimDataDir({ dataDir }: Config, backupId: string): Promise<Claim> {
  const { database, images, lock, unfinishedRestore } = pathsIn(dataDir);
  const claimedBy = await readFile(unfinishedRestore, "utf8").catch(() => undefined);
  if (claimedBy === undefined) {
    for (const path of [database, images]) if (await hasContent(path)) throw usedDirectory(dataDir, path);
  } else if (claimedBy !== backupId) {
    throw new BackupError(
      `${dataDir} is partly restored from another backup: go on with that one, or delete the directory first`,
    );
  }
  await createDataDir(dataDir);
  await (await open(lock, "a", PRIVATE_FILE)).close();
  const unlock = lockFile(lock);
  try {
    if (claimedBy === undefined) await writeDurably(unfinishedRestore, backupId);
  } catch (error) {
    unlock();
    throw error;
  }
  return {
    async release() {
      await rm(unfinishedRestore);
      await syncDirectory(dataDir);
      unlock();
    },
    close: unlock,
  };
}

/** The key of the object that claims a bucket. It holds the id of the backup. */
const BUCKET_CLAIM = "unfinished-restore";

/**
 * Claims a bucket, which must be empty or claimed by an earlier restore of the same backup.
 *
 * @throws BackupError when it is used, or only partly restored from another backup; nothing is changed then
 */
export async function claimBucket(objects: ObjectStore, place: string, backupId: string): Promise<Claim> {
  const claim = await objects.open(BUCKET_CLAIM);
  const claimedBy = claim && Buffer.concat(await Array.fromAsync(claim.read())).toString();
  if (claimedBy === undefined) {
    for await (const { key } of objects.list("")) {
      throw new BackupError(`${place} is not empty (${key}): a restore needs an empty bucket`);
    }
    await objects.put(BUCKET_CLAIM, bytesOf(backupId));
  } else if (claimedBy !== backupId) {
    throw new BackupError(`${place} is partly restored from another backup: go on with that one, or empty it first`);
  }
  return { release: () => objects.delete(BUCKET_CLAIM), close() {} };
}

async function* bytesOf(text: string): AsyncIterable<Uint8Array> {
  yield Buffer.from(text);
}

/** Whether a file exists, or a directory holds something. */
async function hasContent(path: string): Promise<boolean> {
  try {
    return (await readdir(path)).length > 0;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ENOENT";
  }
}

function usedDirectory(dataDir: string, path: string): BackupError {
  return new BackupError(
    `PICTOGRAPH_DATA_DIR ${dataDir} is in use (it has ${path}): a restore needs an empty or a new directory`,
  );
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, "w", PRIVATE_FILE);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await syncDirectory(dirname(path));
}
