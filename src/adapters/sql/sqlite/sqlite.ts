import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Kysely, sql } from "kysely";
import { StartError } from "../../../errors.ts";
import { type Database, migrate } from "../database.ts";
import { hasStatus } from "../generations/unfinished.ts";
import { SqlRecords } from "../sql-records.ts";
import { enterMissing } from "./missing-entries.ts";
import { DurableSqliteDialect } from "./sqlite-dialect.ts";
import { SQLITE } from "./sqlite-engine.ts";
import { SqliteLog } from "./sqlite-log.ts";

const SQLITE_BUSY = 5;
/** The file beside a database whose lock says that a process has it. */
const LOCK = "lock";
/** How long to wait for a program that reads the database beside the gateway, such as a backup that just begins. */
const READERS_TIMEOUT_MS = 5_000;

/**
 * Opens (and creates or migrates) the embedded store, and locks the file `lock` beside it for this process until the
 * store is closed or the process dies, however it dies. Other programs may read the database meanwhile.
 *
 * @param path the database file; its directory exists
 * @throws StartError when another process has it open, or it cannot be opened or migrated
 */
export async function openSqliteRecords(path: string): Promise<SqlRecords> {
  const unlock = lockFile(join(dirname(path), LOCK));
  try {
    const sqlite = openDatabase(path);
    const log = await SqliteLog.open(path).catch((error) => {
      sqlite.close();
      throw error;
    });
    const database = new Kysely<Database>({ dialect: new DurableSqliteDialect(sqlite, log, unlock) });
    return await prepare(database, path).catch(async (error) => {
      await database.destroy();
      throw error;
    });
  } catch (error) {
    unlock();
    throw error;
  }
}

async function prepare(database: Kysely<Database>, path: string): Promise<SqlRecords> {
  await migrate(database, { place: path, engine: SQLITE });
  await enterMissing(database);
  // The process that ran these held the lock that this process now has, so it is certainly dead.
  await database.updateTable("generations").set({ lease_until: 0 }).where(hasStatus("RUNNING")).execute();
  return new SqlRecords(database, SQLITE, (atMs) => sql.val(atMs));
}

/**
 * Locks a file for this process until the returned function is called or the process dies. The file is an empty database:
 * in exclusive locking mode, SQLite keeps the lock of the first write. The kernel releases it with the process, so that a
 * crash leaves no stale lock behind.
 *
 * @throws StartError when another process has it
 */
export function lockFile(path: string): () => void {
  const sqlite = open(path, 0, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT;");
  return () => {
    if (sqlite.isOpen) sqlite.close();
  };
}

/**
 * SQLite appends commits to its log without syncing it, and syncs log and database when it moves the commits from one
 * to the other. A caller that needs a durable commit syncs the log ({@link SqliteLog}).
 */
function openDatabase(path: string): DatabaseSync {
  return open(
    path,
    READERS_TIMEOUT_MS,
    `PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA foreign_keys = ON;
    BEGIN EXCLUSIVE; COMMIT;`,
  );
}

function open(path: string, timeoutMs: number, sql: string): DatabaseSync {
  let sqlite: DatabaseSync | undefined;
  try {
    sqlite = new DatabaseSync(path, { timeout: timeoutMs });
    sqlite.exec(sql);
    return sqlite;
  } catch (error) {
    sqlite?.close();
    const isLocked = (error as { errcode?: number }).errcode === SQLITE_BUSY;
    throw new StartError(
      [
        isLocked
          ? `${path} is locked by another process: stop it, or give this one its own PICTOGRAPH_DATA_DIR`
          : `${path} cannot be opened: ${(error as Error).message}`,
      ],
      { cause: error },
    );
  }
}
