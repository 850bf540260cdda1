import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Kysely, PostgresDialect, SqliteDialect } from "kysely";
import { Pool } from "pg";
import { pino } from "pino";
import type { Database } from "../src/adapters/sql/database.ts";
import { POSTGRES } from "../src/adapters/sql/postgres/postgres-engine.ts";
import { openSqliteRecords } from "../src/adapters/sql/sqlite/sqlite.ts";
import { toKyselyDatabase } from "../src/adapters/sql/sqlite/sqlite-dialect.ts";
import { SQLITE } from "../src/adapters/sql/sqlite/sqlite-engine.ts";
import { openPostgresStore } from "../src/wiring/postgres-store.ts";
import { startPostgresServer } from "../test/support/stores/postgres.ts";
import { COUNT, fillHistory } from "./history/records.ts";
import { GATEWAY, MeasuredProcess } from "./processes/measured-process.ts";
import { median, ms, type Row } from "./row.ts";

const ROUNDS = 11;
const TARGET_MS = 50;

/** Lists, each with a common and a rare match where that makes a difference. */
const FILTERS: Readonly<Record<string, object>> = {
  "no filter": {},
  "search: a common word": { search: "fox" },
  "search: a rare word": { search: "unicorn" },
  "search: two words": { search: "fox snow" },
  "search: one letter": { search: "s" },
  "search: two letters, one rare": { search: "s uni" },
  "search: no match": { search: "fox nowhere" },
  "search: Chinese": { search: "红狐狸" },
  "status: SUCCEEDED": { status: "SUCCEEDED" },
  "status: FAILED": { status: "FAILED" },
  "status: QUEUED": { status: "QUEUED" },
  "model: common": { model: "illustrator-1" },
  "model: rare": { model: "gpt-image-2" },
  "model: none": { model: "gpt-image-0" },
  "operation: GENERATE": { operation: "GENERATE" },
  "operation: EDIT": { operation: "EDIT" },
  endUser: { endUser: "user-7" },
  "isFavorite: true": { isFavorite: true },
  "isFavorite: false": { isFavorite: false },
  "createdAfter: the last hour": { createdAfter: "2026-11-29T23:00:00Z" },
  "createdBefore: the first day": { createdBefore: "2026-08-24T00:00:00Z" },
  metadata: { metadata: [{ key: "album", value: "7" }] },
  "search and isFavorite": { search: "fox", isFavorite: true },
  "search and status: FAILED": { search: "fox", status: "FAILED" },
  "search and status: SUCCEEDED": { search: "fox", status: "SUCCEEDED" },
  "search and operation: EDIT": { search: "fox", operation: "EDIT" },
  "search, status and isFavorite": { search: "fox", status: "FAILED", isFavorite: true },
};

const PAGE = "edges { cursor } pageInfo { hasNextPage hasPreviousPage endCursor }";
const LISTS = {
  generations: "GenerationFilter",
  images: "ImageFilter",
} as const;

/** Measures how long lists, filters and counts take with 100,000 generations, with GraphQL over HTTP. */
export async function measure(): Promise<Row[]> {
  return [...(await measureSqlite()), ...(await measurePostgres())];
}

async function measureSqlite(): Promise<Row[]> {
  const directory = await mkdtemp(join(tmpdir(), "pictograph-bench-"));
  try {
    const path = join(directory, "pictograph.db");
    await (await openSqliteRecords(path)).close();
    const sqlite = new DatabaseSync(path);
    sqlite.exec("PRAGMA foreign_keys = ON");
    const database = new Kysely<Database>({ dialect: new SqliteDialect({ database: toKyselyDatabase(sqlite) }) });
    await fillHistory(database, SQLITE.search);
    await database.destroy();
    return await measureLists("SQLite", { PICTOGRAPH_DATA_DIR: directory });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function measurePostgres(): Promise<Row[]> {
  const server = await startPostgresServer({ isDurable: true });
  try {
    const url = await server.createDatabase();
    await (await openPostgresStore({ url, concurrency: 1, logger: pino({ enabled: false }) })).close();
    const dialect = new PostgresDialect({ pool: new Pool({ connectionString: url, max: 1 }) });
    const database = new Kysely<Database>({ dialect }).withSchema("pictograph");
    await fillHistory(database, POSTGRES.search);
    await database.destroy();
    // PostgreSQL does so by itself a minute after so many rows were written.
    await server.query(url, "vacuum analyze");
    return await measureLists("PostgreSQL", { DATABASE_URL: url });
  } finally {
    await server.stop();
  }
}

async function measureLists(store: string, environment: Record<string, string>): Promise<Row[]> {
  const gateway = await MeasuredProcess.start(GATEWAY, { isMonitored: true, environment });
  try {
    const rows: Row[] = [];
    for (const [name, filter] of Object.entries(FILTERS)) {
      for (const list of Object.keys(LISTS) as (keyof typeof LISTS)[]) {
        const page = await timesOf(gateway, list, `(first: 50, filter: $filter) { ${PAGE} }`, filter);
        const count = await timesOf(gateway, list, "(first: 0, filter: $filter) { totalCount }", filter);
        rows.push({
          figure: `${store}: ${list}, ${name}`,
          measured: `${page} for 50, ${count} for totalCount`,
          target: `${TARGET_MS} ms each`,
          comparedWith: `${COUNT} generations`,
        });
      }
    }
    return rows;
  } finally {
    await gateway.stop();
  }
}

/**
 * The median time of an answer, and the gateway's processor time for each. The second is what remains of the first on
 * an idle machine; it excludes PostgreSQL's work.
 */
async function timesOf(
  gateway: MeasuredProcess,
  list: keyof typeof LISTS,
  selection: string,
  filter: object,
): Promise<string> {
  const before = await gateway.vitals();
  const query = `query ($filter: ${LISTS[list]}) { ${list}${selection} }`;
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const startedAt = performance.now();
    const response = await fetch(`${gateway.url}/graphql`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ query, variables: { filter } }),
    });
    const { errors } = (await response.json()) as { errors?: unknown };
    if (errors) throw new Error(JSON.stringify(errors));
    times.push(performance.now() - startedAt);
  }
  const { cpuMs } = await gateway.vitals();
  return `${ms(median(times))} (${ms((cpuMs - before.cpuMs) / ROUNDS)} of CPU)`;
}
