import { DatabaseSync } from "node:sqlite";
import { Kysely, sql } from "kysely";
import { StartError } from "../../../errors.ts";
import { type Database, migrate } from "../database.ts";
import { SqlRecords } from "../sql-records.ts";
import { DurableSqliteDialect } from "./sqlite-dialect.ts";
import { SQLITE } from "./sqlite-engine.ts";
import { SqliteLog } from "./sqlite-log.ts";

const SQLITE_BUSY = 5;

/**
 * Opens (and creates or migrates) the embedded store, and locks it for this process until it is closed or the process
 * dies, however it dies.
 *
 * @param path the database file; its directory exists
 * @throws StartError when another process has it open, or it cannot be opened or migrated
 */
export async function openSqliteRecords(path: string): Promise<SqlRecords> {
  const sqlite = openExclusively(path);
  const log = await SqliteLog.open(path).catch((error) => {
    sqlite.close();
    throw error;
  });
  const database = new Kysely<Database>({ dialect: new DurableSqliteDialect(sqlite, log) });
  try {
    await migrate(database, { place: path, engine: SQLITE });
    // The process that ran these held the lock that this process now has, so it is certainly dead.
    await database.updateTable("generations").set({ lease_until: 0 }).where("status", "=", "RUNNING").execute();
  } catch (error) {
    await database.destroy();
    throw error;
  }
  return new SqlRecords(database, SQLITE, (atMs) => sql.val(atMs));
}

/**
 * Locks a file for this process until the returned function is called or the process dies.
 *
 * @throws StartError when another process has it
 */
export function lockFile(path: string): () => void {
  const sqlite = openExclusively(path);
  return () => sqlite.close();
}

/**
 * SQLite appends commits to its log without syncing it, and syncs log and database when it moves the commits from one to
 * the other: whoever needs a commit to be durable syncs the log ({@link SqliteLog}).
 *
 * In exclusive locking mode SQLite keeps the file lock it took for the first write: the kernel releases it with the
 * process, so that a crash leaves no stale lock behind.
 */
function openExclusively(path: string): DatabaseSync {
  let sqlite: DatabaseSync | undefined;
  try {
    sqlite = new DatabaseSync(path, { timeout: 0 });
    sqlite.exec(`
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      PRAGMA foreign_keys = ON;
      BEGIN EXCLUSIVE; COMMIT;
    `);
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
