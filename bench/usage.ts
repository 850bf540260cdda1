import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pino } from "pino";
import { openSqliteRecords } from "../src/adapters/sql/sqlite/sqlite.ts";
import type { Ledger, UsageQuery } from "../src/ports/projects/ledger.ts";
import { openPostgresStore } from "../src/wiring/postgres-store.ts";
import { startPostgresServer } from "../test/support/stores/postgres.ts";
import { median, ms, type Row, timed } from "./row.ts";

const GENERATIONS = 1_000_000;
const RUNS = 5;
const YEAR = { firstDay: "2026-01-01", lastDay: "2026-12-31", limit: 10_001 };
const MAY = { ...YEAR, firstDay: "2026-05-01", lastDay: "2026-05-31" };
const QUERIES: readonly (readonly [string, UsageQuery])[] = [
  ["a year of all projects by day and model", { ...YEAR, by: ["DAY", "MODEL"] }],
  ["a year of all projects by day and operation", { ...YEAR, by: ["DAY", "OPERATION"] }],
  ["a year of all projects by day and project, up to too many rows", { ...YEAR, by: ["DAY", "PROJECT"] }],
  ["a year of all projects by day and API key, up to too many rows", { ...YEAR, by: ["DAY", "API_KEY"] }],
  ["a year of a project by day and API key", { ...YEAR, by: ["DAY", "API_KEY"], projectId: "proj_7" }],
  ["a year of all projects by project", { ...YEAR, by: ["PROJECT"] }],
  ["a year of all projects by API key", { ...YEAR, by: ["API_KEY"] }],
  ["a year of all projects by all but day", { ...YEAR, by: ["MODEL", "OPERATION", "PROJECT", "API_KEY"] }],
  ["a year of a project by day and model", { ...YEAR, by: ["DAY", "MODEL"], projectId: "proj_7" }],
  ["a month of all projects by end user", { ...MAY, by: ["END_USER"] }],
];

/** Measures how long a usage query over a million generations takes: 50 projects, 150 keys, 7 models, 2000 people. */
export async function measure(): Promise<Row[]> {
  return [...(await measureSqlite()), ...(await measurePostgres())];
}

async function measureSqlite(): Promise<Row[]> {
  const directory = await mkdtemp(join(tmpdir(), "pictograph-bench-"));
  const path = join(directory, "pictograph.db");
  try {
    await (await openSqliteRecords(path)).close();
    const database = new DatabaseSync(path);
    database.exec("PRAGMA synchronous = OFF");
    const numbers = `(WITH RECURSIVE numbers (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i < ${GENERATIONS - 1}) SELECT i FROM numbers)`;
    const day = `date('2026-01-01', '+' || (i * 365 / ${GENERATIONS}) || ' days')`;
    for (const statement of fillWith("", numbers, day)) database.exec(statement);
    database.close();
    const records = await openSqliteRecords(path);
    const rows = await measureLedger("SQLite", records.ledger);
    await records.close();
    return rows;
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function measurePostgres(): Promise<Row[]> {
  const server = await startPostgresServer();
  try {
    const url = await server.createDatabase();
    const store = await openPostgresStore({ url, concurrency: 1, logger: pino({ enabled: false }) });
    const day = `to_char(date '2026-01-01' + (i * 365 / ${GENERATIONS})::integer, 'YYYY-MM-DD')`;
    const numbers = `generate_series(0::bigint, ${GENERATIONS - 1}) AS numbers (i)`;
    for (const statement of fillWith("pictograph.", numbers, day)) await server.query(url, statement);
    await server.query(url, "ANALYZE");
    const rows = await measureLedger("PostgreSQL", store.records.ledger);
    await store.close();
    return rows;
  } finally {
    await server.stop();
  }
}

function fillWith(schema: string, numbers: string, day: string): readonly string[] {
  return [
    `INSERT INTO ${schema}ledger (generation_id, project, api_key_id, end_user, model, operation, images,
        settled_images, accepted_at, day, state, held, settled, is_estimated)
      SELECT 'gen_' || i, 'proj_' || (i % 50), 'key_' || (i % 150), 'user_' || (i % 2000), 'model-' || (i % 7),
        CASE WHEN i % 5 = 0 THEN 'EDIT' ELSE 'GENERATE' END, 2, 2, 0, ${day}, 'SETTLED',
        50000000000, 40000000000, CASE WHEN i % 20 = 0 THEN 1 ELSE 0 END FROM ${numbers}`,
    `INSERT INTO ${schema}usage_days (project_id, day, api_key_id, model, operation, generations, images, settled,
        estimated)
      SELECT project, day, api_key_id, model, operation, count(*), sum(settled_images), sum(settled),
        sum(is_estimated * settled) FROM ${schema}ledger GROUP BY 1, 2, 3, 4, 5`,
  ];
}

async function measureLedger(engine: string, ledger: Ledger): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [what, query] of QUERIES) {
    const times: number[] = [];
    for (let run = 0; run < RUNS; run++) times.push(await timed(async () => void (await ledger.usage(query))));
    rows.push({
      figure: `usage on ${engine}, ${what}`,
      measured: ms(median(times)),
      target: "200 ms",
      comparedWith: `median of ${RUNS}, of ${GENERATIONS.toLocaleString("en")} generations`,
    });
  }
  return rows;
}
