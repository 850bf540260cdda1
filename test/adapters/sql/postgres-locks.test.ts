import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Client } from "pg";
import { pino } from "pino";
import { openPostgresStore } from "../../../src/wiring/postgres-store.ts";
import { begin, claimOf, END_OF_TIME, INTERRUPTED, orderOf } from "../../contracts/record-samples.ts";
import { usePostgres } from "../../support/stores/use-postgres.ts";

const PROJECT = orderOf("gen_1").projectId;
/** The tables store their rows in this order, which is not the order of ids. */
const IDS = ["gen_3", "gen_2", "gen_1"] as const;
const AFTER_THE_LEASES = END_OF_TIME;

const postgres = usePostgres();

/**
 * In each test another transaction changes the first row, and then the last one. A statement that has locked the last
 * row and waits for the first would deadlock with it.
 */
describe("a change of many rows in PostgreSQL locks them in the order of their ids:", () => {
  let store: Awaited<ReturnType<typeof openPostgresStore>>;
  let other: Client;
  let url: string;

  beforeEach(async () => {
    url = await postgres.newDatabase();
    store = await openPostgresStore({ url, concurrency: 1, logger: pino({ enabled: false }) });
    for (const id of IDS) await begin(store.records, { ...orderOf(id), endUser: "ann" }, claimOf());
    other = new Client({ connectionString: url });
    await other.connect();
    await other.query("SET search_path TO pictograph");
  });

  afterEach(async () => {
    await other.end();
    await store.close();
  });

  async function changeFirstAndLast<Result>(statement: string, work: () => Promise<Result>): Promise<Result> {
    await other.query("BEGIN");
    await other.query(statement, ["gen_1"]);
    const done = work();
    await Promise.race([untilBlocked(), done]);
    await other.query(statement, ["gen_3"]);
    await other.query("COMMIT");
    return done;
  }

  async function untilBlocked(): Promise<void> {
    const blocked = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while ((await other.query(blocked)).rows.length === 0);
  }

  test("the extension of leases", async () => {
    const statement = "UPDATE generations SET warnings = '[]' WHERE id = $1";
    const extended = await changeFirstAndLast(statement, () => store.records.extendLeases("run_here", END_OF_TIME));

    expect(extended.toSorted()).toEqual(IDS.toSorted());
  });

  test("the removal of expired generations, which skips those that another transaction changes", async () => {
    const statement = "UPDATE generations SET warnings = '[]' WHERE id = $1";
    const interrupt = () => store.records.interruptExpired(INTERRUPTED, AFTER_THE_LEASES);
    await other.query("BEGIN");
    await other.query(statement, ["gen_1"]);

    expect((await interrupt()).toSorted()).toEqual(["gen_2", "gen_3"]);
    await other.query("COMMIT");
    expect(await interrupt()).toEqual(["gen_1"]);
  });

  test("the settlement of their ledger rows", async () => {
    const statement = "UPDATE ledger SET model = 'another' WHERE generation_id = $1";
    const interrupt = () => store.records.interruptExpired(INTERRUPTED, AFTER_THE_LEASES);

    expect((await changeFirstAndLast(statement, interrupt)).toSorted()).toEqual(IDS.toSorted());
  });

  test("the removal of an end user from the ledger", async () => {
    const statement = "UPDATE ledger SET model = 'another' WHERE generation_id = $1";
    await changeFirstAndLast(statement, () => store.records.ledger.forgetEndUser(PROJECT, "ann"));

    const { rows } = await other.query("SELECT generation_id FROM ledger WHERE end_user IS NOT NULL");
    expect(rows).toEqual([]);
  });
});
