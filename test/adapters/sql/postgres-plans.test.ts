import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { pino } from "pino";
import { openPostgres, type PostgresDatabase } from "../../../src/adapters/sql/postgres/postgres.ts";
import {
  accept,
  begin,
  claimOf,
  FINISHED_AT,
  find,
  imageOf,
  orderOf,
  SIZE,
  WORKER,
} from "../../contracts/record-samples.ts";
import { usePostgres } from "../../support/stores/use-postgres.ts";

/** PostgreSQL may reuse a plan after it has planned a statement five times. */
const ENOUGH = 10;
/** The tables that change when a generation is accepted, starts and ends. */
const TABLES = ["generations", "search_entries", "ledger", "spending_windows", "images", "usage_days", "rate_counts"];

const postgres = usePostgres();
let url: string;
let database: PostgresDatabase;

beforeEach(async () => {
  url = await postgres.newDatabase();
  database = await openPostgres({ url, logger: pino({ enabled: false }) });
  for (let i = 0; i < ENOUGH; i++) await carryOut(`gen_${i}`);
});

afterEach(() => database.close());

async function carryOut(id: string): Promise<void> {
  const { records } = database;
  const rates = [{ scope: "PROJECT", id: "proj_public", imagesPerMinute: 1000 }] as const;
  await accept(records, { ...orderOf(id), maxCost: "0.1" }, { dailyBudget: "100", rates });
  await records.start(id, claimOf());
  const cost = { usd: "0.05", isEstimated: false };
  const last = { image: imageOf(id, 0), generatedSize: SIZE };
  await records.finish(id, WORKER, { status: "SUCCEEDED", cost }, FINISHED_AT, last);
}

test("the statements of every generation are prepared once, and no others are", async () => {
  // All of them ran on the same connection.
  expect(database.pool.totalCount).toBe(1);
  const { rows } = await database.pool.query<{ readonly statement: string; readonly generic_plans: string }>(
    "SELECT statement, generic_plans FROM pg_prepared_statements",
  );

  for (const table of TABLES) {
    const ofTable = rows.filter(({ statement }) => statement.startsWith(`insert into "pictograph"."${table}"`));
    expect(new Set(ofTable.map(({ generic_plans }) => Number(generic_plans) > 0))).toEqual(new Set([true]));
  }
  const others = rows.filter(({ statement }) => !statement.startsWith("insert into "));
  expect(others.map(({ statement }) => statement.slice(0, 34)).toSorted()).toEqual([
    'update "pictograph"."generations" ',
    'update "pictograph"."ledger" set "',
  ]);
});

test("prepared updates find their row by id, even before PostgreSQL has statistics of the tables", async () => {
  const { rows } = await database.pool.query<{ readonly statement: string }>(
    "SELECT statement FROM pg_prepared_statements WHERE statement LIKE 'update %' ORDER BY statement",
  );
  const plans = rows.map(async ({ statement }) => {
    const { rows: lines } = await database.pool.query(`EXPLAIN (GENERIC_PLAN) ${statement}`);
    return lines.map((line) => line["QUERY PLAN"]).join("\n");
  });

  expect(await Promise.all(plans)).toEqual([
    expect.stringMatching(/Index Cond: .*\(id = /),
    expect.stringMatching(/Index Cond: .*\(generation_id = /),
  ]);
});

test("prepared statements still work after a newer version adds columns", async () => {
  for (const table of TABLES) {
    await postgres.server.query(url, `ALTER TABLE pictograph.${table} ADD COLUMN from_tomorrow text`);
  }
  await carryOut("gen_after");
  await begin(database.records, orderOf("gen_next"));

  expect(await find(database.records, "gen_after")).toMatchObject({ status: "SUCCEEDED", cost: "0.05" });
});
