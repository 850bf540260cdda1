import { join, resolve } from "node:path";
import { imagesOfBackup } from "./backup-directory.ts";
import { BackupError } from "./backup-error.ts";
import { type Finding, FindingCounts, type VerifyResult } from "./finding.ts";
import { type Manifest, readManifest } from "./manifest.ts";
import { readSums, type SummedFile, sha256OfFile } from "./sums.ts";
import { hashOf, mapSome } from "./verified-copy.ts";

export interface VerifyBackupOptions {
  readonly directory: string;
  readonly signal: AbortSignal;
  readonly onFinding: (finding: Finding) => void;
  readonly onProgress: (filesDone: number, fileCount: number) => void;
}

/** How many files are read before progress is told. */
const BATCH = 100;

/**
 * Compares every file of a backup with the SHA-256 that was recorded when the backup was made.
 *
 * @throws BackupError when there is no complete backup, or its database or its list of files is damaged
 */
export async function verifyBackup(options: VerifyBackupOptions): Promise<VerifyResult> {
  const { signal, onFinding, onProgress } = options;
  const directory = resolve(options.directory);
  const manifest = await readManifest(directory);
  await checkParts(directory, manifest);
  const images = imagesOfBackup(directory);
  const found = new FindingCounts(onFinding);
  let filesDone = 0;
  for await (const batch of batchesOf(readSums(join(directory, manifest.sums.path)))) {
    signal.throwIfAborted();
    const hashes = await mapSome(batch, ({ key }) => hashOf(images, key));
    for (const [index, { key, sha256 }] of batch.entries()) {
      const hash = hashes[index];
      if (hash !== sha256) found.add({ kind: hash === undefined ? "absent" : "damaged", key, isMended: false });
    }
    filesDone += batch.length;
    onProgress(filesDone, manifest.fileCount);
  }
  return found.toResult(filesDone);
}

/**
 * Compares the database and the other files of a backup, but for images, with their SHA-256.
 *
 * @throws BackupError naming the one that is damaged
 */
export async function checkParts(directory: string, { database, sums, signingSecret }: Manifest): Promise<void> {
  for (const { path, sha256 } of [database, sums, ...(signingSecret ? [signingSecret] : [])]) {
    const found = await sha256OfFile(join(directory, path));
    if (found === sha256) continue;
    const state = found === undefined ? "missing" : "damaged";
    throw new BackupError(`${join(directory, path)} is ${state}: use another backup`);
  }
}

/** Reads the list of files, some at a time. */
export async function* batchesOf(files: AsyncIterable<SummedFile>): AsyncGenerator<readonly SummedFile[]> {
  let batch: SummedFile[] = [];
  for await (const file of files) {
    batch.push(file);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
