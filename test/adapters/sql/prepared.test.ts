import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { Kysely, SqliteDialect } from "kysely";
import type { Database } from "../../../src/adapters/sql/database.ts";
import { inTransaction, type Place, PreparedStatement, placeList } from "../../../src/adapters/sql/prepared.ts";
import { toKyselyDatabase } from "../../../src/adapters/sql/sqlite/sqlite-dialect.ts";

let database: Kysely<Database>;

beforeEach(async () => {
  const sqlite = new DatabaseSync(":memory:");
  sqlite.exec("create table chores (name text, claimed_until integer)");
  database = new Kysely({ dialect: new SqliteDialect({ database: toKyselyDatabase(sqlite) }) });
});

afterEach(() => database.destroy());

interface Wanted {
  readonly names: readonly string[];
  readonly at?: number | undefined;
}

const build = jest.fn(
  (prepared: Kysely<Database>, place: Place<Wanted>, shape: { readonly names: number; readonly hasTime: boolean }) => {
    const names = placeList(place, shape.names, (wanted) => wanted.names);
    const chores = prepared.selectFrom("chores").select("name").where("name", "in", names);
    return shape.hasTime
      ? chores.where(
          "claimed_until",
          "=",
          place(({ at = 0 }) => at),
        )
      : chores;
  },
);
const FIND = new PreparedStatement(build);

type Chore = Database["chores"];
const INSERT = new PreparedStatement((prepared: Kysely<Database>, place: Place<Chore>) =>
  prepared
    .insertInto("chores")
    .values({ name: place(({ name }) => name), claimed_until: place((chore) => chore.claimed_until) }),
);

async function find(names: readonly string[], at?: number): Promise<readonly string[]> {
  const { rows } = await FIND.run(database, { names, at }, { names: names.length, hasTime: at !== undefined });
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

test("it runs in the transaction it is given, and in none after its end", async () => {
  const row = { name: "sweep", claimed_until: 1 };
  const ended: Kysely<Database>[] = [];
  const failed = inTransaction(database, async (transaction) => {
    ended.push(transaction);
    const { numAffectedRows } = await INSERT.run(transaction, row, {});
    expect(numAffectedRows).toBe(1n);
    const { rows } = await FIND.run(transaction, { names: ["sweep"] }, { names: 1, hasTime: false });
    expect(rows).toEqual([{ name: "sweep" }]);
    throw new Error("undone");
  });

  await expect(failed).rejects.toThrow("undone");
  expect(await find(["sweep"])).toEqual([]);
  for (const transaction of ended) {
    await expect(async () => INSERT.run(transaction, row, {})).rejects.toThrow("rolled back");
  }
  await INSERT.run(database, row, {});
  expect(await find(["sweep"])).toEqual(["sweep"]);
});
