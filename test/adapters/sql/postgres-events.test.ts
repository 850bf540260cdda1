import { describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { openPostgresStore } from "../../../src/wiring/postgres-store.ts";
import { Ear, eventsContract } from "../../contracts/events.ts";
import { usePostgres } from "../../support/stores/use-postgres.ts";

const postgres = usePostgres();
const logger = pino({ enabled: false });
const LISTENERS = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN pictograph%'";

eventsContract("PostgreSQL", async () => {
  const store = await openPostgresStore({ url: await postgres.newDatabase(), concurrency: 1, logger });
  return { events: store.events, close: () => store.close() };
});

describe("events on a shared PostgreSQL", () => {
  test("reach the other process in both directions", async () => {
    const url = await postgres.newDatabase();
    const here = await openPostgresStore({ url, concurrency: 1, logger });
    const there = await openPostgresStore({ url, concurrency: 1, logger });
    const ears = [new Ear(), new Ear()] as const;
    here.events.subscribe("gen_1", ears[0].listen);
    there.events.subscribe("gen_1", ears[1].listen);
    here.events.publish({ generationId: "gen_1" });
    for (const ear of ears) await ear.heard(1);
    there.events.publish({ generationId: "gen_1" });
    for (const ear of ears) await ear.heard(2);

    expect(ears.map((ear) => ear.ids)).toEqual([
      ["gen_1", "gen_1"],
      ["gen_1", "gen_1"],
    ]);
    await Promise.all([here.close(), there.close()]);
  });

  test("do not name the worker if it is in another process, or if several notices were merged", async () => {
    const url = await postgres.newDatabase();
    const here = await openPostgresStore({ url, concurrency: 1, logger });
    const there = await openPostgresStore({ url, concurrency: 1, logger });
    const ears = [new Ear(), new Ear()] as const;
    for (const id of ["gen_1", "gen_2"]) {
      here.events.subscribe(id, ears[0].listen);
      there.events.subscribe(id, ears[1].listen);
    }
    // The others wait while the first is being sent.
    here.events.publish({ generationId: "gen_1", worker: "run_1" });
    here.events.publish({ generationId: "gen_2", worker: "run_1" });
    here.events.publish({ generationId: "gen_2" });
    for (const ear of ears) await ear.heard(2);

    expect(ears.map(({ ids, workers }) => [ids, workers])).toEqual([
      [
        ["gen_1", "gen_2"],
        ["run_1", undefined],
      ],
      [
        ["gen_1", "gen_2"],
        [undefined, undefined],
      ],
    ]);
    await Promise.all([here.close(), there.close()]);
  });

  test("stay in their own database", async () => {
    const [url, otherUrl] = [await postgres.newDatabase(), await postgres.newDatabase()];
    const here = await openPostgresStore({ url, concurrency: 1, logger });
    const elsewhere = await openPostgresStore({ url: otherUrl, concurrency: 1, logger });
    const ear = new Ear();
    elsewhere.events.subscribe("gen_1", ear.listen);
    elsewhere.events.subscribe("gen_2", ear.listen);
    const own = new Ear();
    here.events.subscribe("gen_1", own.listen);
    here.events.publish({ generationId: "gen_1" });
    await own.heard(1);
    elsewhere.events.publish({ generationId: "gen_2" });
    await ear.heard(1);

    expect(ear.ids).toEqual(["gen_2"]);
    await Promise.all([here.close(), elsewhere.close()]);
  });

  test("reach every subscriber after a broken connection is restored", async () => {
    const url = await postgres.newDatabase();
    const store = await openPostgresStore({ url, concurrency: 1, logger });
    const ears = [new Ear(), new Ear()] as const;
    store.events.subscribe("gen_1", ears[0].listen);
    store.events.subscribe("gen_2", ears[1].listen);
    expect(await postgres.server.query(url, `SELECT pg_terminate_backend(pid) AS gone ${LISTENERS}`)).toEqual([
      { gone: true },
    ]);
    for (const ear of ears) await ear.heard(1);
    store.events.publish({ generationId: "gen_2" });
    await ears[1].heard(2);

    expect(ears.map((ear) => ear.ids)).toEqual([["gen_1"], ["gen_2", "gen_2"]]);
    await store.close();
  });

  test("published without a connection are sent when it is restored, to processes that stayed connected", async () => {
    const url = await postgres.newDatabase();
    const administration = new URL("/postgres", url).href;
    const here = await openPostgresStore({ url, concurrency: 1, logger });
    const [listener] = await postgres.server.query(url, `SELECT pid ${LISTENERS}`);
    const there = await openPostgresStore({ url, concurrency: 1, logger });
    const ear = new Ear();
    for (let i = 0; i < 10; i++) there.events.subscribe(`gen_${i}`, ear.listen);
    const name = new URL(url).pathname.slice(1);
    await postgres.server.query(administration, `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    await postgres.server.query(administration, "SELECT pg_terminate_backend($1)", [listener?.pid]);
    for (let i = 0; i < 1000; i++) here.events.publish({ generationId: `gen_${i % 10}` });
    expect(ear.ids).toEqual([]);
    await postgres.server.query(administration, `ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
    await ear.heard(10);

    expect(new Set(ear.ids)).toEqual(new Set(Array.from({ length: 10 }, (_, i) => `gen_${i}`)));
    expect(ear.ids.length).toBeLessThan(1000);
    await Promise.all([here.close(), there.close()]);
  });

  test("are dropped without an error after the store is closed", async () => {
    const store = await openPostgresStore({ url: await postgres.newDatabase(), concurrency: 1, logger });
    const ear = new Ear();
    store.events.subscribe("gen_1", ear.listen);
    store.events.publish({ generationId: "gen_1" });
    await ear.heard(1);
    await store.close();
    await store.close();
    store.events.publish({ generationId: "gen_1" });

    expect(ear.ids).toEqual(["gen_1"]);
  });
});
