import { DatabaseSync, type SQLInputValue, type SQLOutputValue } from "node:sqlite";
import { Kysely, type SqliteDatabase, SqliteDialect } from "kysely";
import { Migrator } from "kysely/migration";
import { StartError } from "../errors.ts";
import type { Records } from "../ports/records.ts";
import { type Database, MIGRATIONS } from "./database.ts";
import { SqlRecords } from "./sql-records.ts";

const SQLITE_BUSY = 5;

/**
 * Opens (and creates or migrates) the embedded store, and locks it for this process until it is closed or the process
 * dies, however it dies.
 *
 * @param path the database file; its directory exists
 * @throws StartError when another process has it open, or it cannot be opened or migrated
 */
export async function openSqliteRecords(path: string): Promise<Records> {
  const sqlite = openExclusively(path);
  const database = new Kysely<Database>({ dialect: new SqliteDialect({ database: toKyselyDatabase(sqlite) }) });
  const { error } = await new Migrator({ db: database, provider: MIGRATIONS }).migrateToLatest();
  if (error) {
    await database.destroy();
    throw new StartError([`${path}: this version cannot use the database (${(error as Error).message})`], {
      cause: error,
    });
  }
  return new SqlRecords(database);
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

/** Kysely speaks to better-sqlite3's interface; this is the part of it that it uses. */
function toKyselyDatabase(sqlite: DatabaseSync): SqliteDatabase {
  return {
    close: () => sqlite.close(),
    prepare(sql) {
      const statement = sqlite.prepare(sql);
      return {
        reader: statement.columns().length > 0,
        all: (parameters): Record<string, SQLOutputValue>[] => statement.all(...(parameters as SQLInputValue[])),
        run: (parameters) => statement.run(...(parameters as SQLInputValue[])),
        iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])),
      };
    },
  };
}
