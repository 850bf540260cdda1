import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { SqlRecords } from "../../../src/adapters/sql/sql-records.ts";
import { openSqliteRecords } from "../../../src/adapters/sql/sqlite/sqlite.ts";
import { accept, FINISHED_AT, INTERRUPTED, orderOf, WORKER } from "../../contracts/record-samples.ts";
import { statementsDuring } from "../../support/stores/store-statements.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";

const newDirectory = temporaryDirectories();
const PROJECT = "proj_public";
let path: string;
let records: SqlRecords;

beforeEach(async () => {
  path = join(await newDirectory(), "pictograph.db");
  records = await openSqliteRecords(path);
});

afterEach(() => records.close());

/** The plans of the statements that read generations during the work, one text for each. */
async function plansDuring(work: () => Promise<unknown>): Promise<readonly string[]> {
  const statements = await statementsDuring(["generations"], work);
  const reader = new DatabaseSync(path, { readOnly: true });
  try {
    return statements
      .filter((sql) => !sql.startsWith("insert into"))
      .map((sql) => {
        const parameters = Array.from(sql.matchAll(/\?/g), () => null);
        const steps = reader.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...parameters);
        return steps.map(({ detail }) => detail).join("\n");
      });
  } finally {
    reader.close();
  }
}

const limits = { scope: "PROJECT", id: PROJECT, concurrentGenerations: 5 } as const;

test.each([
  ["acceptance", () => accept(records, orderOf("gen_1"), { rates: [limits] })],
  ["the extension of leases", () => records.extendLeases(WORKER, FINISHED_AT)],
  ["the search for expired leases", () => records.interruptExpired(INTERRUPTED, FINISHED_AT)],
  ["the list of waiting generations", () => records.idsQueuedBefore(FINISHED_AT, 10)],
  ["the backlog", () => records.backlog()],
  ["a page of a project's running ones", () => listOf("RUNNING")],
])("%s reads only generations that have not ended", async (_what, work) => {
  const plans = await plansDuring(work);

  expect(plans.length).toBeGreaterThan(0);
  for (const plan of plans) expect(plan).toMatch(/SEARCH \w+ USING (COVERING )?INDEX generations_unfinished/);
});

test.each([
  ["the sweep", () => records.idsEndedBefore(FINISHED_AT, 10), "sqlite_autoindex_generations_1"],
  ["an idempotency key", () => records.findByIdempotencyKey(PROJECT, "k", FINISHED_AT), "generations_idempotency"],
  ["a page of an end user's", () => listOf(undefined, "ann"), "generations_end_user"],
  ["a page of a project's failed ones", () => listOf("FAILED"), "generations_history"],
  ["a retry of a client", () => records.findLatestOf(PROJECT, "0", FINISHED_AT, 5), "generations_history"],
])("%s finds generations by an index, in its order", async (_what, work, index) => {
  const [plan, ...others] = await plansDuring(work);

  expect(others).toEqual([]);
  expect(plan).toContain(index);
  expect(plan).not.toContain("TEMP B-TREE");
});

function listOf(status: "RUNNING" | "FAILED" | undefined, endUser?: string) {
  return records.history.listGenerations({ projectId: PROJECT, status, endUser, from: "newest", limit: 10 });
}
