import { readFile, rename, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { DiskObjectStore } from "../adapters/disk/disk-object-store.ts";
import { compareSchema } from "../adapters/sql/sqlite/sqlite-copy.ts";
import type { Config } from "../config.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import { PRIVATE_FILE, pathsIn } from "../wiring/data-directory.ts";
import { openStorageBeside } from "../wiring/open-beside.ts";
import { imagesOfBackup } from "./backup-directory.ts";
import { BackupError } from "./backup-error.ts";
import { type Claim, claimBucket, claimDataDir } from "./claims.ts";
import { type Manifest, readManifest, syncDirectory } from "./manifest.ts";
import { openRestoredRecords } from "./restored-records.ts";
import { readSums } from "./sums.ts";
import { copyFile, mapSome } from "./verified-copy.ts";
import { batchesOf, checkParts } from "./verify-backup.ts";

export interface RestoreOptions {
  readonly config: Config;
  /** Of the backup. It is not changed. */
  readonly directory: string;
  readonly signal: AbortSignal;
  readonly onProgress: (filesDone: number, fileCount: number) => void;
}

export interface RestoreResult {
  readonly manifest: Manifest;
  readonly copied: number;
  /** The files that an earlier, cut-off restore had copied. */
  readonly present: number;
  /** The keys of files that the backup lacks or has damaged, at most {@link MAX_NAMED}. */
  readonly damaged: readonly string[];
  readonly damagedCount: number;
  /** Where the records and the images are now, for the operator. */
  readonly places: readonly string[];
  /** Whether the store now has the signing secret of the backup. */
  readonly hasSecret: boolean;
}

/** The most damaged files that are named. */
const MAX_NAMED = 100;

/**
 * Restores a backup into the empty store that the configuration names: a data directory, or PostgreSQL and a bucket, or
 * one of each. A restore that was cut off goes on from there. Until it is complete, no gateway starts on a data directory,
 * and PostgreSQL stays empty.
 *
 * @throws BackupError or StartError when the backup or the store cannot be used
 */
export async function restoreBackup(options: RestoreOptions): Promise<RestoreResult> {
  const { config, signal } = options;
  const directory = resolve(options.directory);
  const manifest = await readManifest(directory);
  await checkBackup(directory, manifest);
  const records = await openRestoredRecords(config, manifest.id);
  try {
    const images = await openRestoredImages(config, manifest.id);
    try {
      const files = await restoreFiles({ ...options, directory }, manifest, images.objects);
      signal.throwIfAborted();
      const hasSecret = await restoreSecret(config, directory, manifest);
      await records.fill(join(directory, manifest.database.path));
      for (const claim of images.claims) await claim.release();
      return { manifest, ...files, hasSecret, places: [records.place, images.place] };
    } finally {
      for (const claim of images.claims) claim.close();
      await images.objects.close();
    }
  } finally {
    await records.close();
  }
}

async function checkBackup(directory: string, manifest: Manifest): Promise<void> {
  if (compareSchema(manifest.migrations) === "newer") {
    throw new BackupError(
      `${directory} was made by Pictograph ${manifest.version}, whose database this version cannot read: use that version or a later one`,
    );
  }
  await checkParts(directory, manifest);
}

interface RestoredImages {
  readonly objects: ObjectStore;
  /** Of the images, for the operator. */
  readonly place: string;
  readonly claims: readonly Claim[];
}

async function openRestoredImages(config: Config, backupId: string): Promise<RestoredImages> {
  const isLocal = config.s3 === undefined || config.databaseUrl === undefined;
  const claims = isLocal ? [await claimDataDir(config, backupId)] : [];
  try {
    if (!config.s3) {
      const { images } = pathsIn(config.dataDir);
      return { objects: await DiskObjectStore.open(images), place: `directory ${images}`, claims };
    }
    const { objects, place } = await openStorageBeside(config);
    claims.push(await claimBucket(objects, place, backupId));
    return { objects, place, claims };
  } catch (error) {
    for (const claim of claims) claim.close();
    throw error;
  }
}

async function restoreFiles({ directory, signal, onProgress }: RestoreOptions, manifest: Manifest, to: ObjectStore) {
  const from = imagesOfBackup(directory);
  const counts = { copied: 0, present: 0 };
  const damaged: string[] = [];
  let damagedCount = 0;
  let filesDone = 0;
  for await (const batch of batchesOf(readSums(join(directory, manifest.sums.path)))) {
    signal.throwIfAborted();
    const states = await mapSome(batch, async (file) => (await copyFile(from, to, file)).state);
    for (const [index, { key }] of batch.entries()) {
      const state = states[index];
      if (state === "copied" || state === "present") counts[state]++;
      else if (++damagedCount <= MAX_NAMED) damaged.push(key);
    }
    filesDone += batch.length;
    onProgress(filesDone, manifest.fileCount);
  }
  return { ...counts, damaged, damagedCount };
}

/** Copies the signing secret, unless there is another. @returns whether the data directory has one now */
async function restoreSecret(config: Config, directory: string, { signingSecret }: Manifest): Promise<boolean> {
  const isShared = config.databaseUrl !== undefined && config.s3 !== undefined;
  if (isShared || config.signingSecret !== undefined) return false;
  const path = pathsIn(config.dataDir).signingSecret;
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  if (isThere || !signingSecret) return isThere;
  const secret = await readFile(join(directory, signingSecret.path));
  await writeFile(`${path}.part`, secret, { mode: PRIVATE_FILE, flush: true });
  await rename(`${path}.part`, path);
  await syncDirectory(config.dataDir);
  return true;
}
