import { constants, open } from "node:fs/promises";
import { backup, DatabaseSync } from "node:sqlite";
import { Kysely, SqliteDialect, sql } from "kysely";
import { type Database, migrate } from "../database.ts";
import { hasStatus } from "../generations/unfinished.ts";
import { NEEDED_MIGRATIONS } from "../migrations/migrations.ts";
import { SqlRecords } from "../sql-records.ts";
import { enterMissing } from "./missing-entries.ts";
import { toKyselyDatabase } from "./sqlite-dialect.ts";
import { SQLITE } from "./sqlite-engine.ts";

/** How long to wait for a gateway that just starts or stops. */
const GATEWAY_TIMEOUT_MS = 10_000;
/** How many pages are copied in one turn of a thread. */
const PAGES_PER_STEP = 1_000;
const PRIVATE_FILE = 0o600;

/** How the tables of a database compare with those of this version. */
export type SchemaAge = "same" | "older" | "newer";

/**
 * Reads a database that a gateway may be using, without locking or changing it. Its tables must be those of this version
 * ({@link schemaAgeOf}).
 *
 * @throws Error when it cannot be opened
 */
export function readSqliteRecords(path: string): SqlRecords {
  const sqlite = new DatabaseSync(path, { readOnly: true, timeout: GATEWAY_TIMEOUT_MS });
  return new SqlRecords(toKysely(sqlite), SQLITE, (atMs) => sql.val(atMs));
}

/**
 * Copies a database that a gateway may be using, as it is at one instant. The copy is one file of mode 600, which a power
 * cut after this cannot damage.
 *
 * @param target a file that does not exist
 * @throws Error when one of them cannot be opened, read or written
 */
export async function copySqlite(path: string, target: string): Promise<void> {
  const file = await open(target, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR, PRIVATE_FILE);
  const source = new DatabaseSync(path, { readOnly: true, timeout: GATEWAY_TIMEOUT_MS });
  try {
    // Reading begins here. Without a transaction, each change by the gateway would make the copying start again.
    source.exec("BEGIN; SELECT count(*) FROM sqlite_schema");
    await backup(source, target, { rate: PAGES_PER_STEP });
    const copy = new DatabaseSync(target);
    // So that the copy needs no files beside it.
    copy.exec("PRAGMA journal_mode = DELETE");
    copy.close();
    await file.sync();
  } finally {
    source.close();
    await file.close();
  }
}

/** @throws Error when it is no database of a gateway */
export function schemaAgeOf(path: string): SchemaAge {
  return compareSchema(migrationsOf(path));
}

/** The migrations that were applied to a database. @throws Error when it is no database of a gateway */
export function migrationsOf(path: string): readonly string[] {
  const sqlite = new DatabaseSync(path, { readOnly: true, timeout: GATEWAY_TIMEOUT_MS });
  try {
    const rows = sqlite.prepare("SELECT name FROM kysely_migration ORDER BY name").all();
    return rows.map(({ name }) => String(name));
  } finally {
    sqlite.close();
  }
}

/** @param applied the migrations of a database */
export function compareSchema(applied: readonly string[]): SchemaAge {
  if (applied.some((name) => !NEEDED_MIGRATIONS.includes(name))) return "newer";
  return applied.length < NEEDED_MIGRATIONS.length ? "older" : "same";
}

/** A copy of the database, before it becomes part of a backup or of a restored store. Nobody else has it open. */
export class SqliteCopy {
  /** Reads the copy. */
  readonly records: SqlRecords;
  readonly #path: string;
  readonly #database: Kysely<Database>;

  private constructor(path: string, database: Kysely<Database>) {
    this.#path = path;
    this.#database = database;
    this.records = new SqlRecords(database, SQLITE, (atMs) => sql.val(atMs));
  }

  /** Opens a copy and migrates it to this version. @throws StartError when a newer version has changed its tables */
  static async open(path: string): Promise<SqliteCopy> {
    const sqlite = new DatabaseSync(path);
    const database = toKysely(sqlite);
    try {
      // A copy that is cut off is made anew. `close` syncs it.
      sqlite.exec("PRAGMA foreign_keys = ON; PRAGMA synchronous = OFF; PRAGMA journal_mode = DELETE");
      await migrate(database, { place: path, engine: SQLITE });
      await enterMissing(database);
      return new SqliteCopy(path, database);
    } catch (error) {
      await database.destroy();
      throw error;
    }
  }

  /** Removes images, as if they had been deleted before the copy was made. */
  async removeImages(ids: readonly string[]): Promise<void> {
    await this.#database.deleteFrom("images").where("id", "in", ids).execute();
  }

  /** Removes a generation, as if it had been deleted before the copy was made. */
  async removeGeneration(id: string): Promise<void> {
    await this.records.remove(id);
  }

  /** Makes a queued generation one that a process has begun and not ended. The next start ends it as interrupted. */
  async markBegun(id: string): Promise<void> {
    await this.#database
      .updateTable("generations")
      .set({ status: "RUNNING", lease_until: 0 })
      .where("id", "=", id)
      .where("status", "=", "QUEUED")
      .execute();
  }

  /**
   * Makes it the database of a restored gateway. It forgets the derivatives, which are made again when they are
   * requested. What a process had begun is ended as interrupted by the next start.
   */
  async prepareToRun(): Promise<void> {
    await this.#database.deleteFrom("derivatives").execute();
    await this.#database.updateTable("generations").set({ lease_until: 0 }).where(hasStatus("RUNNING")).execute();
  }

  /** Closes the copy and makes it durable. */
  async close(): Promise<void> {
    await this.#database.destroy();
    const file = await open(this.#path, "r+");
    await file.sync().finally(() => file.close());
  }
}

function toKysely(sqlite: DatabaseSync): Kysely<Database> {
  return new Kysely<Database>({ dialect: new SqliteDialect({ database: toKyselyDatabase(sqlite) }) });
}
