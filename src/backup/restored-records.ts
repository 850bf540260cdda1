import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copySqlite, SqliteCopy } from "../adapters/sql/sqlite/sqlite-copy.ts";
import type { Config } from "../config.ts";
import { createLogger } from "../log.ts";
import { pathsIn } from "../wiring/data-directory.ts";
import { syncDirectory } from "./manifest.ts";

/** Where the records of a backup go. */
export interface RestoredRecords {
  /** For the operator: `PostgreSQL at localhost:5432/pictures`. */
  readonly place: string;
  /** Makes the records appear, all at once. @param path the database of the backup */
  fill(path: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the place where records go.
 *
 * @throws StartError when PostgreSQL cannot be used, or has other records already
 */
export async function openRestoredRecords(config: Config, backupId: string): Promise<RestoredRecords> {
  return config.databaseUrl === undefined ? sqliteRecords(config) : postgresRecords(config.databaseUrl, backupId);
}

/** The process that restores the images claims the data directory. */
function sqliteRecords({ dataDir }: Config): RestoredRecords {
  const { database } = pathsIn(dataDir);
  return {
    place: `SQLite at ${database}`,
    async fill(path) {
      const part = `${database}.part`;
      await rm(part, { force: true });
      await copyToRun(path, part);
      await rename(part, database);
      await syncDirectory(dataDir);
    },
    async close() {},
  };
}

async function postgresRecords(url: string, backupId: string): Promise<RestoredRecords> {
  const { PostgresRestore } = await import("../adapters/sql/postgres/postgres-restore.ts");
  const { enqueueWithin, migrateJobs } = await import("../adapters/graphile/graphile-job-queue.ts");
  const logger = createLogger("silent");
  const prepareMore = (pool: Parameters<typeof migrateJobs>[0]) => migrateJobs(pool, logger);
  const restore = await PostgresRestore.open({ url, logger, backupId, prepareMore });
  return {
    place: restore.place,
    async fill(path) {
      if (restore.isDone) return;
      const directory = await mkdtemp(join(tmpdir(), "pictograph-restore-"));
      try {
        const copy = join(directory, "pictograph.db");
        await copyToRun(path, copy);
        await restore.fill(copy, enqueueWithin);
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    },
    close: () => restore.close(),
  };
}

/** Copies a database and makes the copy that of a gateway of this version. */
async function copyToRun(source: string, target: string): Promise<void> {
  await copySqlite(source, target);
  const copy = await SqliteCopy.open(target);
  await copy.prepareToRun().finally(() => copy.close());
}
