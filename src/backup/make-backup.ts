import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { copySqlite, migrationsOf, readSqliteRecords, SqliteCopy } from "../adapters/sql/sqlite/sqlite-copy.ts";
import type { Config } from "../config.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import { pathsIn } from "../wiring/data-directory.ts";
import { openStorageBeside } from "../wiring/open-beside.ts";
import { BackupDirectory } from "./backup-directory.ts";
import { BackupError } from "./backup-error.ts";
import { FileCopier } from "./file-copier.ts";
import { FORMAT, type Manifest, syncDirectory, writeManifest } from "./manifest.ts";
import { removeUnnamed } from "./remove-unnamed.ts";
import { EarlierSums, readSums, SumsWriter, sha256OfFile } from "./sums.ts";
import { checkAge } from "./verified-records.ts";

export interface BackupOptions {
  readonly config: Config;
  readonly directory: string;
  /** The version of this program. */
  readonly version: string;
  /** Whether the signing secret of the data directory is copied too. */
  readonly hasSecret: boolean;
  readonly signal: AbortSignal;
  /** Told of each page of files. The total is that of images at the beginning. */
  readonly onProgress: (imagesDone: number, imageCount: number) => void;
}

export interface BackupResult {
  readonly manifest: Manifest;
  readonly copied: number;
  /** The files that an earlier backup, complete or cut off, had copied. */
  readonly present: number;
}

/**
 * Backs up an embedded gateway, which may be running: first its database as it is at one instant, then every file that
 * this copy names. What was deleted meanwhile is removed from the copy too, so that a restored gateway lacks nothing.
 *
 * @throws BackupError or StartError when it cannot be done. What was copied stays, and the next backup goes on from there
 */
export async function makeBackup(options: BackupOptions): Promise<BackupResult> {
  const { config, directory, signal, hasSecret } = options;
  const paths = pathsIn(config.dataDir);
  checkSource(config, hasSecret);
  const target = await BackupDirectory.open(directory);
  const storage = await openStorageBeside(config).catch((error) => {
    target.close();
    throw error;
  });
  try {
    const createdAt = new Date();
    const snapshot = await target.addSnapshot(createdAt);
    const databasePath = join(target.path, snapshot, "pictograph.db");
    await copySqlite(paths.database, databasePath);
    signal.throwIfAborted();
    const files = await copyFiles(options, target, storage.objects, join(target.path, snapshot));
    const manifest: Manifest = {
      format: FORMAT,
      id: randomUUID(),
      version: options.version,
      createdAt: createdAt.toISOString(),
      migrations: [...migrationsOf(databasePath)],
      database: await summed(target.path, `${snapshot}/pictograph.db`),
      sums: { path: `${snapshot}/SHA256SUMS`, sha256: files.sums.sha256 },
      fileCount: files.sums.count,
      ...(hasSecret && { signingSecret: await copySecret(paths.signingSecret, target.path, snapshot) }),
      deletedMeanwhile: files.deletedMeanwhile,
      begunMeanwhile: files.begunMeanwhile,
      missing: files.missing,
    };
    await syncDirectory(join(target.path, snapshot));
    await writeManifest(target.path, manifest);
    await target.keepOnly(manifest);
    const records = readSqliteRecords(databasePath);
    await removeUnnamed(target.images, records).finally(() => records.close());
    return { manifest, copied: files.copied, present: files.present };
  } finally {
    await storage.objects.close();
    target.close();
  }
}

function checkSource({ databaseUrl, dataDir, signingSecret }: Config, hasSecret: boolean): void {
  if (databaseUrl !== undefined) {
    throw new BackupError(
      "DATABASE_URL is set, so the records are in PostgreSQL: back them up with pg_dump, and then the bucket; docs/operating.md in the source repository says how",
    );
  }
  if (hasSecret && signingSecret !== undefined) {
    throw new BackupError(
      "PICTOGRAPH_SIGNING_SECRET is set, so the data directory holds no signing secret: keep it with your other secrets",
    );
  }
  checkAge(pathsIn(dataDir).database, dataDir);
}

async function copyFiles(
  { config, signal, onProgress }: BackupOptions,
  target: BackupDirectory,
  objects: ObjectStore,
  snapshot: string,
) {
  const copy = await SqliteCopy.open(join(snapshot, "pictograph.db"));
  const live = readSqliteRecords(pathsIn(config.dataDir).database);
  const sums = await SumsWriter.create(join(snapshot, "SHA256SUMS"));
  const earlier = await openEarlierSums(target);
  try {
    const copier = new FileCopier({ objects, target: target.images, copy, live, sums, earlier });
    const imageCount = await copy.records.inventory.imageCount();
    await copier.run((imagesDone) => {
      signal.throwIfAborted();
      onProgress(imagesDone, imageCount);
    });
    return { ...copier.counts, sums: await sums.finish() };
  } finally {
    await earlier.close();
    await sums.close();
    await live.close();
    await copy.close();
  }
}

/** A list that is damaged is not used: its hashes would make sound files look damaged. */
async function openEarlierSums({ path, earlier }: BackupDirectory): Promise<EarlierSums> {
  const sums = earlier && join(path, earlier.sums.path);
  const isSound = sums !== undefined && (await sha256OfFile(sums)) === earlier?.sums.sha256;
  return new EarlierSums(isSound ? readSums(sums) : nothing());
}

async function* nothing(): AsyncGenerator<never> {}

async function summed(directory: string, path: string): Promise<Manifest["database"]> {
  const sha256 = await sha256OfFile(join(directory, path));
  if (sha256 === undefined) throw new BackupError(`${path} was removed from ${directory} while the backup was made`);
  return { path, sha256 };
}

async function copySecret(source: string, directory: string, snapshot: string): Promise<Manifest["database"]> {
  const path = `${snapshot}/signing-secret`;
  try {
    await writeFile(join(directory, path), await readFile(source), { flag: "wx", mode: 0o600, flush: true });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new BackupError(`${source} cannot be copied (${code}): leave out --with-signing-secret`, { cause });
  }
  return summed(directory, path);
}
