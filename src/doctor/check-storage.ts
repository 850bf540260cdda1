import { randomUUID } from "node:crypto";
import { access, constants, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Config } from "../config.ts";
import { pathsIn } from "../wiring/data-directory.ts";
import { type Finding, ok, problem, type RemoteFinding, warning } from "./finding.ts";

/** Checks where records are kept. */
export async function checkDatabase({ databaseUrl, dataDir }: Config): Promise<RemoteFinding> {
  const name = "database";
  if (databaseUrl !== undefined) {
    const { checkPostgres } = await import("../adapters/sql/postgres/check-postgres.ts");
    try {
      const { place, version, time } = await checkPostgres(databaseUrl);
      const readAt = new Date();
      return {
        finding: ok(name, `PostgreSQL ${version} at ${place} answers`),
        remoteTime: { source: "the database", time, readAt },
      };
    } catch (error) {
      return { finding: problem(name, (error as Error).message, "start PostgreSQL, or correct DATABASE_URL") };
    }
  }
  const { database: path } = pathsIn(dataDir);
  if (!(await exists(path))) return { finding: ok(name, `SQLite at ${path} will be created by the first start`) };
  const { checkSqlite } = await import("../adapters/sql/sqlite/check-sqlite.ts");
  try {
    const state = checkSqlite(path);
    if (state === "sound") return { finding: ok(name, `SQLite at ${path} is sound`) };
    if (state === "busy") return { finding: ok(name, `SQLite at ${path} is in use by a running gateway`) };
    return {
      finding: problem(name, `SQLite at ${path} is damaged`, "put a backup of the data directory in its place"),
    };
  } catch (error) {
    const { message } = error as Error;
    return { finding: problem(name, `SQLite at ${path} cannot be read (${message})`, "check its owner and mode") };
  }
}

/** Checks where images are kept, by storing a small object and deleting it. */
export async function checkImages({ s3, dataDir }: Config): Promise<Finding> {
  const name = "images";
  if (!s3) {
    const directory = await nearestDirectory(dataDir);
    try {
      await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch {
      return problem(name, `${directory} cannot be written`, "set PICTOGRAPH_DATA_DIR to a directory of this user");
    }
    const mode = (await stat(directory)).mode & 0o077;
    if (directory === dataDir && mode !== 0) {
      return warning(name, `${dataDir} is open to other users of this machine`, `chmod 700 ${dataDir}`);
    }
    return ok(name, `directory ${join(dataDir, "images")}`);
  }
  const { S3ObjectStore } = await import("../adapters/s3/s3-object-store.ts");
  const key = `doctor/${randomUUID()}`;
  try {
    const store = await S3ObjectStore.open({ ...s3, patienceMs: BUCKET_PATIENCE_MS });
    try {
      await store.put(key, oneByte());
      await store.delete(key);
    } finally {
      await store.close();
    }
    return ok(name, `bucket ${s3.bucket} can be read and written`);
  } catch (error) {
    const advice = "check S3_BUCKET, S3_ENDPOINT and AWS_*; the gateway lists, reads, writes and deletes objects";
    return problem(name, (error as Error).message, advice);
  }
}

/** Checks the free space of the volume that images are on. */
export async function checkDisk({ s3, dataDir, minFreeBytes }: Config): Promise<Finding> {
  const name = "disk";
  const { blocks, bavail, bsize } = await statfs(await nearestDirectory(dataDir));
  if (blocks === 0) return ok(name, "this file system reports no free space");
  const freeBytes = bavail * bsize;
  const found = `${toGigabytes(freeBytes)} free at ${dataDir}`;
  if (s3) return ok(name, found);
  const limit = `PICTOGRAPH_MIN_FREE_DISK_MB keeps ${toGigabytes(minFreeBytes)} free`;
  if (freeBytes < minFreeBytes) {
    return problem(name, found, `free some space: ${limit}, so no generation is accepted`);
  }
  return freeBytes < 2 * minFreeBytes ? warning(name, found, `free some space soon: ${limit}`) : ok(name, found);
}

/** How long a bucket that does not answer is tried, in milliseconds. */
const BUCKET_PATIENCE_MS = 3_000;
const GIGABYTE = 1_000_000_000;

function toGigabytes(bytes: number): string {
  return `${(bytes / GIGABYTE).toFixed(1)} GB`;
}

async function* oneByte(): AsyncIterable<Uint8Array> {
  yield new Uint8Array(1);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** The directory itself, or the nearest one above it that exists. */
async function nearestDirectory(path: string): Promise<string> {
  let directory = path;
  while (!(await exists(directory)) && dirname(directory) !== directory) directory = dirname(directory);
  return directory;
}
