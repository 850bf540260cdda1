import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";
import {
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type QueryCompiler,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type SqliteStatement,
} from "kysely";
import { GroupSync } from "../../group-sync.ts";
import type { SqliteLog } from "./sqlite-log.ts";

/**
 * Kysely's dialect for `node:sqlite`, with durable writes that share their syncs. SQLite itself only appends a commit to
 * its log. A query or a transaction then waits, without blocking the event loop or the next transaction, until the log
 * is synced. Reads wait too, so that nothing is seen that a power cut could undo.
 */
export class DurableSqliteDialect implements Dialect {
  readonly #sqlite: DatabaseSync;
  readonly #log: SqliteLog;
  readonly #onClosed: () => void;

  /**
   * @param log the log of this database; it is closed with the database
   * @param onClosed called when both are closed
   */
  constructor(sqlite: DatabaseSync, log: SqliteLog, onClosed: () => void) {
    this.#sqlite = sqlite;
    this.#log = log;
    this.#onClosed = onClosed;
  }

  createDriver(): Driver {
    return new DurableDriver(this.#sqlite, this.#log, this.#onClosed);
  }

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler();
  }

  createAdapter(): DialectAdapter {
    return new TakingTurns();
  }

  createIntrospector(database: Kysely<unknown>): DatabaseIntrospector {
    return new SqliteIntrospector(database);
  }
}

/** Kysely's own turns would end only after the sync, and so nobody could share it. */
class TakingTurns extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

/** One connection, which transactions and other queries take in turns. */
class DurableDriver extends SqliteDriver {
  readonly #log: SqliteLog;
  readonly #onClosed: () => void;
  readonly #commits: GroupSync;
  readonly #waiting: (() => void)[] = [];
  #isTaken = false;
  #hasChanged = false;

  constructor(sqlite: DatabaseSync, log: SqliteLog, onClosed: () => void) {
    const onChange = () => {
      this.#hasChanged = true;
    };
    super({ database: toKyselyDatabase(sqlite, onChange) });
    this.#log = log;
    this.#onClosed = onClosed;
    this.#commits = new GroupSync(() => log.sync());
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    if (this.#isTaken) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#isTaken = true;
    return super.acquireConnection();
  }

  override async releaseConnection(): Promise<void> {
    // Not before the commit: a sync in the middle of a transaction does not cover it.
    if (this.#hasChanged) this.#commits.note();
    this.#hasChanged = false;
    const next = this.#waiting.shift();
    // It stays taken, so that nobody comes before the next one.
    if (next) next();
    else this.#isTaken = false;
    await this.#commits.untilDurable();
  }

  override async destroy(): Promise<void> {
    await this.#commits.untilDurable().catch(() => {});
    await super.destroy();
    this.#log.close();
    this.#onClosed();
  }
}

/** The most prepared statements that are kept, far more than the store uses. */
const MAX_PREPARED = 256;

/**
 * The part of better-sqlite3's interface that Kysely uses. Each statement is prepared only once, because a statement
 * holds memory that V8 does not see until the next garbage collection.
 *
 * @param onChange called after each statement that may have changed something
 */
export function toKyselyDatabase(sqlite: DatabaseSync, onChange = () => {}): SqliteDatabase {
  const prepared = new Map<string, SqliteStatement>();
  return {
    close: () => sqlite.close(),
    prepare(sql) {
      const known = prepared.get(sql);
      if (known) return known;
      const [oldest] = prepared.keys();
      if (oldest !== undefined && prepared.size >= MAX_PREPARED) prepared.delete(oldest);
      const statement = toKyselyStatement(sqlite.prepare(sql), CHANGES_NOTHING.test(sql) ? () => {} : onChange);
      prepared.set(sql, statement);
      return statement;
    },
  };
}

const CHANGES_NOTHING = /^\s*(select|begin|commit|rollback|savepoint|release)\b/i;

function toKyselyStatement(statement: StatementSync, onChange: () => void): SqliteStatement {
  return {
    reader: statement.columns().length > 0,
    all: (parameters): Record<string, SQLOutputValue>[] => {
      const rows = statement.all(...(parameters as SQLInputValue[]));
      onChange();
      return rows;
    },
    run: (parameters) => {
      const result = statement.run(...(parameters as SQLInputValue[]));
      onChange();
      return result;
    },
    iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])),
  };
}
