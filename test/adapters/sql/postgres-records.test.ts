import { describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { PUBLIC_PROJECT } from "../../../src/ports/records.ts";
import { openPostgresStore } from "../../../src/wiring/postgres-store.ts";
import { derivativeRecordsContract } from "../../contracts/derivative-records.ts";
import { historyContract } from "../../contracts/history.ts";
import { projectsContract } from "../../contracts/projects.ts";
import {
  accept,
  begin,
  claimOf,
  END_OF_TIME,
  find,
  INTERRUPTED,
  idsOf,
  keyOf,
  NO_LIMITS,
  type OpenedRecords,
  orderOf,
  STARTED_AT,
} from "../../contracts/record-samples.ts";
import { recordsContract } from "../../contracts/records.ts";
import { webhooksContract } from "../../contracts/webhooks.ts";
import { usePostgres } from "../../support/stores/use-postgres.ts";

const postgres = usePostgres();

function open(url: string) {
  return openPostgresStore({ url, concurrency: 1, logger: pino({ enabled: false }) });
}

async function openRecords(): Promise<OpenedRecords> {
  const url = await postgres.newDatabase();
  let store = await open(url);
  return {
    records: store.records,
    async reopen() {
      await store.close();
      store = await open(url);
      return store.records;
    },
    close: () => store.close(),
  };
}

recordsContract("PostgreSQL", openRecords);
historyContract("PostgreSQL", openRecords);

derivativeRecordsContract("PostgreSQL", async () => {
  const store = await open(await postgres.newDatabase());
  return { records: store.records, derivatives: store.records.derivatives, close: () => store.close() };
});

webhooksContract("PostgreSQL", async () => {
  const url = await postgres.newDatabase();
  const [here, there] = [await open(url), await open(url)];
  return {
    records: here.records,
    others: there.records.webhooks,
    async close() {
      await there.close();
      await here.close();
    },
  };
});

projectsContract("PostgreSQL", async () => {
  const store = await open(await postgres.newDatabase());
  return { projects: store.records.projects, close: () => store.close() };
});

describe("two processes on one PostgreSQL", () => {
  test("see each other's generations, and each can add to its own", async () => {
    const url = await postgres.newDatabase();
    await using here = disposable(await open(url));
    await using there = disposable(await open(url));
    await begin(here.records, orderOf("gen_1"), claimOf("run_here"));
    await begin(there.records, orderOf("gen_2"), claimOf("run_there"));

    expect(idsOf(await there.records.findGenerations(["gen_1"]))).toEqual(["gen_1"]);
    expect(await here.records.extendLeases("run_here", END_OF_TIME)).toEqual(["gen_1"]);
    expect(await here.records.interruptExpired(INTERRUPTED, new Date(END_OF_TIME.getTime() - 1))).toEqual(["gen_2"]);
    expect(await find(there.records, "gen_2")).toMatchObject({ status: "FAILED", failure: INTERRUPTED });
  });

  test("start a generation once and accept a key once, with 20 simultaneous callers each", async () => {
    const url = await postgres.newDatabase();
    await using here = disposable(await open(url));
    await using there = disposable(await open(url));
    const sides = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? here : there).records);
    const accepted = await Promise.all(
      sides.map((records, i) => accept(records, { ...orderOf(`gen_${i}`), idempotency: keyOf("k") })),
    );
    const id = accepted[0]?.generation.id ?? "";
    const started = await Promise.all(sides.map((records, i) => records.start(id, claimOf(`run_${i}`, STARTED_AT))));

    expect(accepted.filter(({ isNew }) => isNew)).toHaveLength(1);
    expect(new Set(accepted.map(({ generation }) => generation.id)).size).toBe(1);
    expect(started.filter((generation) => generation !== undefined)).toHaveLength(1);
  });

  test("together accept as many of 500 simultaneous requests as a rate limit allows, with or without keys", async () => {
    const url = await postgres.newDatabase();
    await using here = disposable(await open(url));
    await using there = disposable(await open(url));
    const rates = [{ scope: "PROJECT", id: PUBLIC_PROJECT, concurrentGenerations: 100 }] as const;
    const answers = await Promise.all(
      Array.from({ length: 500 }, (_, i) => {
        const { records } = i % 2 === 0 ? here : there;
        const order = { ...orderOf(`gen_${i}`), ...(i % 4 < 2 && { idempotency: keyOf(`key_${i}`) }) };
        return records.accept(order, { ...NO_LIMITS, rates });
      }),
    );

    const accepted = answers.filter((answer) => typeof answer === "object" && "generation" in answer);
    expect(accepted.map(({ rates: [rate] }) => rate?.remaining).toSorted((a = 0, b = 0) => b - a)).toEqual(
      Array.from({ length: 100 }, (_, i) => 99 - i),
    );
    expect(await here.records.backlog()).toMatchObject([{ queued: 100 }]);
  });

  test("share each day's budget by the day of the database, whatever their own clocks", async () => {
    const url = await postgres.newDatabase();
    await using here = disposable(await open(url));
    await using there = disposable(await open(url));
    const terms = { ...NO_LIMITS, dailyBudget: "1" };
    const dearAt = (id: string, at: string) => ({ ...orderOf(id, new Date(at)), maxCost: "1" });
    await accept(here.records, dearAt("gen_1", "2020-01-01T00:00:00Z"), terms);
    const exceeded = { budget: { window: "DAY", heldUsd: "1.000000" } };
    expect(await there.records.accept(dearAt("gen_2", "2031-01-01T00:00:00Z"), terms)).toMatchObject(exceeded);

    // A Monday.
    await postgres.server.query(url, "UPDATE pictograph.ledger SET day = '2001-01-01'");
    await postgres.server.query(
      url,
      "UPDATE pictograph.spending_windows SET starts_on = '2001-01-01' WHERE period <> 'TOTAL'",
    );
    await accept(there.records, dearAt("gen_2", "2031-01-01T00:00:00Z"), terms);
    expect(await here.records.accept(dearAt("gen_3", "2040-01-01T00:00:00Z"), terms)).toMatchObject(exceeded);
    // A generation that ends later is settled on the day that holds its cost.
    await here.records.start("gen_1", claimOf());
    const cost = { usd: "0.25", isEstimated: false };
    await here.records.finish("gen_1", "run_here", { status: "SUCCEEDED", cost }, STARTED_AT);
    const windows = `SELECT period, settled, held FROM pictograph.spending_windows
      WHERE starts_on = '2001-01-01' ORDER BY period`;
    expect(await postgres.server.query(url, windows)).toEqual(
      ["DAY", "MONTH", "WEEK"].map((period) => ({ period, settled: "250000000000", held: "0" })),
    );
  });
});

function disposable<Store extends { close(): Promise<void> }>(store: Store): Store & AsyncDisposable {
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() });
}
