import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from "node:sqlite";
import { Kysely, type SqliteDatabase, SqliteDialect, type SqliteStatement, sql } from "kysely";
import { StartError } from "../../errors.ts";
import { type Database, migrate } from "./database.ts";
import { SqlRecords } from "./sql-records.ts";
import { SQLITE } from "./sqlite-engine.ts";

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
  const database = new Kysely<Database>({ dialect: new SqliteDialect({ database: toKyselyDatabase(sqlite) }) });
  try {
    await migrate(database, { place: path, engine: SQLITE });
    // The process that ran these held the lock that this process now has, so it is certainly dead.
    await database.updateTable("generations").set({ lease_until: 0 }).where("status", "=", "RUNNING").execute();
  } catch (error) {
    await database.destroy();
    throw error;
  }
  return new SqlRecords(database, SQLITE.search, (at) => sql.val(at.getTime()));
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
      PRAGMA synchronous = FULL;
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

/** The most prepared statements that are kept, far more than the store uses. */
const MAX_PREPARED = 256;

/**
 * The part of better-sqlite3's interface that Kysely uses. Each statement is prepared only once, because a statement
 * holds memory that V8 does not see until the next garbage collection.
 */
export function toKyselyDatabase(sqlite: DatabaseSync): SqliteDatabase {
  const prepared = new Map<string, SqliteStatement>();
  return {
    close: () => sqlite.close(),
    prepare(sql) {
      const known = prepared.get(sql);
      if (known) return known;
      const [oldest] = prepared.keys();
      if (oldest !== undefined && prepared.size >= MAX_PREPARED) prepared.delete(oldest);
      const statement = toKyselyStatement(sqlite.prepare(sql));
      prepared.set(sql, statement);
      return statement;
    },
  };
}

function toKyselyStatement(statement: StatementSync): SqliteStatement {
  return {
    reader: statement.columns().length > 0,
    all: (parameters): Record<string, SQLOutputValue>[] => statement.all(...(parameters as SQLInputValue[])),
    run: (parameters) => statement.run(...(parameters as SQLInputValue[])),
    iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])),
  };
}
