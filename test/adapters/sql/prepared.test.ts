import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { Kysely, SqliteDialect } from "kysely";
import type { Database } from "../../../src/adapters/sql/database.ts";
import { runPrepared } from "../../../src/adapters/sql/prepared.ts";
import { toKyselyDatabase } from "../../../src/adapters/sql/sqlite/sqlite-dialect.ts";

let database: Kysely<Database>;

beforeEach(async () => {
  const sqlite = new DatabaseSync(":memory:");
  sqlite.exec("create table chores (name text, claimed_until integer)");
  database = new Kysely({ dialect: new SqliteDialect({ database: toKyselyDatabase(sqlite) }) });
});

afterEach(() => database.destroy());

const build = jest.fn(
  (prepared: Kysely<Database>, values: { readonly names: readonly string[]; readonly at?: number | undefined }) => {
    const chores = prepared.selectFrom("chores").select("name").where("name", "in", values.names);
    return values.at === undefined ? chores : chores.where("claimed_until", "=", values.at);
  },
);

async function find(names: readonly string[], at?: number): Promise<readonly string[]> {
  const { rows } = await runPrepared(database, "find", { names, at }, build);
  return rows.map(({ name }) => name).sort();
}

test("a statement is built once for each shape, and runs with its own values each time", async () => {
  await database
    .insertInto("chores")
    .values([
      { name: "sweep", claimed_until: 1 },
      { name: "count", claimed_until: 2 },
    ])
    .execute();

  expect(await find(["sweep"])).toEqual(["sweep"]);
  expect(await find(["count"])).toEqual(["count"]);
  expect(build).toHaveBeenCalledTimes(1);
  expect(await find(["sweep", "count"])).toEqual(["count", "sweep"]);
  expect(await find(["count"], 2)).toEqual(["count"]);
  expect(await find(["count"], 1)).toEqual([]);
  expect(build).toHaveBeenCalledTimes(3);
});

test("it runs in the transaction it is given", async () => {
  const insert = (prepared: Kysely<Database>, row: { readonly name: string; readonly claimed_until: number }) =>
    prepared.insertInto("chores").values(row);
  const row = { name: "sweep", claimed_until: 1 };
  const failed = database.transaction().execute(async (transaction) => {
    const { numAffectedRows } = await runPrepared(transaction, "insert", row, insert);
    expect(numAffectedRows).toBe(1n);
    throw new Error("undone");
  });

  await expect(failed).rejects.toThrow("undone");
  expect(await find(["sweep"])).toEqual([]);
  await runPrepared(database, "insert", row, insert);
  expect(await find(["sweep"])).toEqual(["sweep"]);
});
