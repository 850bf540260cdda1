import { DatabaseSync, type SQLOutputValue, type StatementSync } from "node:sqlite";
import { Client, type Pool } from "pg";
import type { Logger } from "pino";
import { StartError } from "../../../errors.ts";
import type { Schema } from "../migrations/migrations.ts";
import { preparePostgres, SCHEMA } from "./postgres.ts";
import { connectionConfig, placeOf, toStartError } from "./postgres-connections.ts";

type Table = keyof Schema | "search_entries";
type Row = Record<string, SQLOutputValue>;

/**
 * Whether a table is copied, in an order in which rows come after those that they refer to. Derivatives are made again,
 * and chores belong to the processes that share the database.
 */
const TABLES: Readonly<Record<Table, "copied" | "left">> = {
  projects: "copied",
  api_keys: "copied",
  api_key_tokens: "copied",
  generations: "copied",
  search_entries: "copied",
  images: "copied",
  derivatives: "left",
  ledger: "copied",
  spending_windows: "copied",
  usage_days: "copied",
  rate_counts: "copied",
  webhook_endpoints: "copied",
  webhook_deliveries: "copied",
  webhook_marks: "copied",
  audit_log: "copied",
  chores: "left",
};
const COPIED = (Object.keys(TABLES) as Table[]).filter((table) => TABLES[table] === "copied");
/** The table that the migrations themselves fill: with the public project. */
const PREFILLED: Table = "projects";
/** How many rows are sent at a time. */
const BATCH = 200;

export interface PostgresRestoreOptions {
  /** `postgres://user:password@host:5432/database` */
  readonly url: string;
  readonly logger: Logger;
  /** The backup's id. The database stores it, so that the same restore is not repeated. */
  readonly backupId: string;
  /** Creates and migrates another adapter's tables. */
  prepareMore(pool: Pool): Promise<void>;
}

/** Runs SQL in the transaction of a restore. */
export type Run = (sql: string, values: readonly unknown[]) => Promise<unknown>;
/** Makes these generations run, in the transaction of a restore. */
export type Enqueue = (run: Run, generationIds: readonly string[]) => Promise<void>;

/**
 * A PostgreSQL database that is filled from a copy of an embedded one. All rows appear in one transaction: the database
 * is empty or complete.
 */
export class PostgresRestore {
  /** The database, for the operator: `PostgreSQL at localhost:5432/pictures`. */
  readonly place: string;
  /** Whether this backup has already been restored here. */
  readonly isDone: boolean;
  readonly #client: Client;
  readonly #options: PostgresRestoreOptions;

  private constructor(isDone: boolean, client: Client, options: PostgresRestoreOptions) {
    this.place = `PostgreSQL at ${placeOf(options.url)}`;
    this.isDone = isDone;
    this.#client = client;
    this.#options = options;
  }

  /**
   * Connects to the database. It is not changed yet.
   *
   * @throws StartError when the database cannot be used, or has records that are not those of this backup
   */
  static async open(options: PostgresRestoreOptions): Promise<PostgresRestore> {
    const { url, logger, backupId } = options;
    const place = placeOf(url);
    const client = new Client(connectionConfig(url, undefined));
    client.on("error", (err) => logger.debug({ err }, "the connection to PostgreSQL broke"));
    try {
      await client.connect();
      const { rows } = await client.query("SELECT obj_description(to_regnamespace($1), 'pg_namespace') AS comment", [
        SCHEMA,
      ]);
      const isDone = rows[0]?.comment === commentOf(backupId);
      if (!isDone) await refuseUsed(client, place);
      return new PostgresRestore(isDone, client, options);
    } catch (error) {
      await client.end().catch(() => {});
      throw toStartError(place, error);
    }
  }

  /**
   * Creates the tables, copies all rows and commits them.
   *
   * @param path a copy of an embedded database, of this version
   * @param enqueue makes queued generations run, in the same transaction
   * @throws StartError when the database cannot be used, or was used meanwhile
   */
  async fill(path: string, enqueue: Enqueue): Promise<void> {
    const { url, logger, prepareMore } = this.#options;
    const place = placeOf(url);
    const source = new DatabaseSync(path, { readOnly: true });
    try {
      await preparePostgres(place, { url, logger, prepareMore });
      await this.#copy(source, place, enqueue);
    } catch (error) {
      throw toStartError(place, error);
    } finally {
      source.close();
    }
  }

  async #copy(source: DatabaseSync, place: string, enqueue: Enqueue): Promise<void> {
    const client = this.#client;
    const run: Run = (sql, values) => client.query(sql, [...values]);
    await client.query("BEGIN");
    await client.query(`LOCK TABLE ${COPIED.map(qualified).join(", ")} IN EXCLUSIVE MODE`);
    await refuseUsed(client, place);
    await client.query(`DELETE FROM ${qualified(PREFILLED)}`);
    for (const table of COPIED) await copyTable(client, source, table);
    const queued = source.prepare("SELECT id FROM generations WHERE status = 'QUEUED' ORDER BY id");
    for (const rows of batchesOf(queued)) {
      const ids = rows.map(({ id }) => String(id));
      await enqueue(run, ids);
    }
    await client.query(`COMMENT ON SCHEMA ${SCHEMA} IS '${commentOf(this.#options.backupId)}'`);
    await client.query("COMMIT");
  }

  /** Closes the connection. What was not committed is undone. */
  async close(): Promise<void> {
    await this.#client.end().catch(() => {});
  }
}

async function copyTable(client: Client, source: DatabaseSync, table: Table): Promise<void> {
  const { rows: columns } = await client.query<{ name: string; type: string }>(
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [qualified(table)],
  );
  const names = columns.map(({ name }) => `"${name}"`).join(", ");
  // Rows go as JSON, because its numbers and texts have no limit. The terms of a search are one text in SQLite.
  const types = columns.map(({ name, type }) => `"${name}" ${type === "tsvector" ? "text" : type}`).join(", ");
  const values = columns
    .map(({ name, type }) => (type === "tsvector" ? `array_to_tsvector(string_to_array("${name}", ' '))` : `"${name}"`))
    .join(", ");
  const insert = `INSERT INTO ${qualified(table)} (${names}) SELECT ${values} FROM json_to_recordset($1) AS rows (${types})`;
  let count = 0;
  for (const rows of batchesOf(source.prepare(`SELECT ${names} FROM ${table}`))) {
    count += rows.length;
    await client.query(insert, [toJson(rows)]);
  }
  const { rows } = await client.query(`SELECT count(*) AS count FROM ${qualified(table)}`);
  if (Number(rows[0].count) !== count) throw new StartError([`${table} has ${rows[0].count} rows instead of ${count}`]);
}

function* batchesOf(statement: StatementSync): Generator<Row[]> {
  statement.setReadBigInts(true);
  let batch: Row[] = [];
  for (const row of statement.iterate()) {
    batch.push(row);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Whole numbers become texts, which PostgreSQL reads without loss. */
function toJson(rows: readonly Row[]): string {
  return JSON.stringify(rows, (_name, value) => (typeof value === "bigint" ? String(value) : value));
}

/** @throws StartError when a table has rows that the migrations did not make. A table that does not exist has none */
async function refuseUsed(client: Client, place: string): Promise<void> {
  for (const table of COPIED) {
    const name = qualified(table);
    const { rows: found } = await client.query("SELECT to_regclass($1) IS NOT NULL AS exists", [name]);
    if (!found[0].exists) continue;
    const { rows } = await client.query(`SELECT count(*) AS count FROM (SELECT 1 FROM ${name} LIMIT 2) AS found`);
    if (Number(rows[0].count) <= (table === PREFILLED ? 1 : 0)) continue;
    throw new StartError([`${place} has records already (in ${name}): a restore needs an empty database`]);
  }
}

function qualified(table: Table): string {
  return `${SCHEMA}.${table}`;
}

/** @param backupId a UUID */
function commentOf(backupId: string): string {
  return `restored from the backup ${backupId}`;
}
