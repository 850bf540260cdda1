import { setTimeout as delay } from "node:timers/promises";
import { Kysely, PostgresDialect, sql } from "kysely";
import { Client, type ClientConfig, type Pool, type PoolConfig } from "pg";
import type { Logger } from "pino";
import { PostgresPool } from "../../postgres-pool.ts";
import { type Database, migrate } from "../database.ts";
import { SqlRecords } from "../sql-records.ts";
import { connectionConfig, placeOf, toKyselyPool, toStartError } from "./postgres-connections.ts";
import { POSTGRES } from "./postgres-engine.ts";
import { PostgresEvents } from "./postgres-events.ts";

export interface PostgresOptions {
  /** `postgres://user:password@host:5432/database` */
  readonly url: string;
  readonly logger: Logger;
  /** How long one query may take, in milliseconds. @defaultValue 10 000 */
  readonly answerTimeoutMs?: number;
  /** Creates and migrates another adapter's tables while no other process prepares the database. */
  prepareMore?(pool: Pool): Promise<void>;
}

/** Records and events on one PostgreSQL database, shared by every process that opens it. */
export interface PostgresDatabase {
  readonly records: SqlRecords;
  readonly events: PostgresEvents;
  /** The connections of the records, which other adapters may use too. */
  readonly pool: Pool;
  /** How another adapter opens connections of its own. */
  readonly poolConfig: PoolConfig;
  /** The database, for messages to the operator: `localhost:5432/pictures`. */
  readonly place: string;
  /** Closes every connection. */
  close(): Promise<void>;
}

/** The gateway's tables have their own schema, so that other programs can use the same database. */
export const SCHEMA = "pictograph";
/**
 * The number of the advisory lock that lets one process at a time prepare the database. Every version uses the same
 * one.
 */
export const PREPARATION_LOCK = 7_402_116_351;
/** Connections for records; one more listens for events. */
const MAX_CONNECTIONS = 10;
/** When the transaction began, by the clock of the database, which all processes share. In milliseconds. */
const NOW = sql<number>`cast(extract(epoch from now()) * 1000 as bigint)`;
const ANSWER_TIMEOUT_MS = 10_000;
const CLOSE_TIMEOUT_MS = 3_000;

/**
 * Opens a PostgreSQL database, creating and migrating its tables. If the database becomes unavailable later, operations
 * fail or wait until it is back.
 *
 * @throws StartError when the database cannot be reached, used or migrated; it names the place, never the password
 */
export async function openPostgres(options: PostgresOptions): Promise<PostgresDatabase> {
  const { url, logger, answerTimeoutMs = ANSWER_TIMEOUT_MS } = options;
  const place = placeOf(url);
  const config = connectionConfig(url, answerTimeoutMs);
  const pool = new PostgresPool({ ...config, max: MAX_CONNECTIONS }, logger);
  const records = new SqlRecords(openDatabase(pool), POSTGRES, () => NOW);
  try {
    await preparePostgres(place, options);
    const events = await PostgresEvents.open(config, logger);
    let closing: Promise<unknown> | undefined;
    const closeAll = async () => {
      const closed = events.close().then(() => Promise.all([records.close(), pool.end()]));
      // Connections that PostgreSQL does not close in time are left to the end of the process.
      await Promise.race([closed, delay(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
    };
    return {
      records,
      events,
      pool,
      poolConfig: config,
      place,
      async close() {
        closing ??= closeAll();
        await closing;
      },
    };
  } catch (error) {
    await pool.end();
    throw toStartError(place, error);
  }
}

/**
 * Connects to the records of gateways that may be running. Tables are neither created nor migrated.
 *
 * @throws StartError when the database cannot be reached, or its tables are not those of this version
 */
export async function connectPostgresRecords(url: string, logger: Logger): Promise<SqlRecords> {
  const place = placeOf(url);
  const pool = new PostgresPool({ ...connectionConfig(url, ANSWER_TIMEOUT_MS), max: MAX_CONNECTIONS }, logger);
  const records = new ConnectedRecords(pool);
  try {
    // The pool's own errors say why it cannot connect.
    (await pool.connect()).release();
    await records.ping();
    return records;
  } catch (error) {
    await records.close();
    throw toStartError(place, error);
  }
}

/** Records that close their own connections. */
class ConnectedRecords extends SqlRecords {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    super(openDatabase(pool), POSTGRES, () => NOW);
    this.#pool = pool;
  }

  override async close(): Promise<void> {
    await super.close();
    await this.#pool.end();
  }
}

function openDatabase(pool: Pool): Kysely<Database> {
  return new Kysely<Database>({ dialect: new PostgresDialect({ pool: toKyselyPool(pool) }) }).withSchema(SCHEMA);
}

/** Creates and migrates the tables. This may take long, so it has no timeout. @throws StartError when that fails */
export async function preparePostgres(
  place: string,
  { url, logger, prepareMore }: Pick<PostgresOptions, "url" | "logger" | "prepareMore">,
): Promise<void> {
  const config = connectionConfig(url, undefined);
  await whileLocked(config, logger, async () => {
    const pool = new PostgresPool({ ...config, max: 1 }, logger);
    try {
      await migrate(openDatabase(pool), {
        place: `DATABASE_URL: ${place}`,
        engine: POSTGRES,
        schema: SCHEMA,
      });
      await prepareMore?.(pool);
    } finally {
      await pool.end();
    }
  });
}

/** Works under an advisory lock. PostgreSQL releases it with the connection, so a crash leaves no lock behind. */
async function whileLocked(config: ClientConfig, logger: Logger, work: () => Promise<void>): Promise<void> {
  const client = new Client(config);
  client.on("error", (err) => logger.debug({ err }, "a connection to PostgreSQL broke"));
  try {
    await client.connect();
    await client.query("SELECT pg_advisory_lock($1)", [PREPARATION_LOCK]);
    await work();
  } finally {
    await client.end();
  }
}
