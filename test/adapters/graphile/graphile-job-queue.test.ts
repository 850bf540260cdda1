import { describe, expect, test } from "@jest/globals";
import { Client } from "pg";
import { pino } from "pino";
import { openPostgresStore } from "../../../src/wiring/postgres-store.ts";
import { jobQueueContract } from "../../contracts/job-queue.ts";
import { usePostgres } from "../../support/stores/use-postgres.ts";

const postgres = usePostgres();
const logger = pino({ enabled: false });
const JOBS = "SELECT key, attempts, max_attempts, locked_at IS NOT NULL AS locked FROM graphile_worker._private_jobs";
const WAITING =
  "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%skip locked%'";

jobQueueContract("PostgreSQL", async (concurrency) => {
  const store = await openPostgresStore({ url: await postgres.newDatabase(), concurrency, logger });
  return { queue: store.queue, close: () => store.close() };
});

describe("jobs on a shared PostgreSQL", () => {
  test("stay one job in their place if they are enqueued several times before they run", async () => {
    const url = await postgres.newDatabase();
    const store = await openPostgresStore({ url, concurrency: 1, logger });
    for (const id of ["gen_1", "gen_2", "gen_3", "gen_1", "gen_1"]) await store.queue.enqueue(id);
    await Promise.all(Array.from({ length: 10 }, () => store.queue.enqueue("gen_2")));

    const ran: string[] = [];
    const all = Promise.withResolvers<void>();
    await store.queue.enqueue("gen_last");
    await store.queue.start(async (id) => {
      ran.push(id);
      if (id === "gen_last") all.resolve();
    });
    await all.promise;
    await store.close();

    expect(ran).toEqual(["gen_1", "gen_2", "gen_3", "gen_last"]);
    expect(await postgres.server.query(url, JOBS)).toEqual([]);
  });

  test("run in a process that works, even if another process enqueued them", async () => {
    const url = await postgres.newDatabase();
    const web = await openPostgresStore({ url, concurrency: 1, logger });
    const worker = await openPostgresStore({ url, concurrency: 1, logger });
    const ran = Promise.withResolvers<string>();
    await worker.queue.start(async (id) => ran.resolve(id));
    await web.queue.enqueue("gen_1");

    expect(await ran.promise).toBe("gen_1");
    await web.close();
    await worker.close();
  });

  test("run once, even if two processes work", async () => {
    const url = await postgres.newDatabase();
    const stores = await Promise.all([1, 2].map(() => openPostgresStore({ url, concurrency: 4, logger })));
    const ids = Array.from({ length: 60 }, (_, i) => `gen_${i}`);
    const ran: string[][] = [[], []];
    const all = Promise.withResolvers<void>();
    // Both processes must take part: the first job in each waits for the other's first job.
    const bothRun = Promise.withResolvers<void>();
    for (const [place, { queue }] of stores.entries()) {
      await queue.start(async (id) => {
        ran[place]?.push(id);
        if (ran.every((part) => part.length > 0)) bothRun.resolve();
        await bothRun.promise;
        if (ran.flat().length >= ids.length) all.resolve();
      });
    }
    await Promise.all(ids.map((id, i) => (stores[i % 2] as (typeof stores)[number]).queue.enqueue(id)));
    await all.promise;
    await Promise.all(stores.map((store) => store.close()));

    expect(ran.flat().sort()).toEqual([...ids].sort());
    expect(await postgres.server.query(url, JOBS)).toEqual([]);
  });

  test("of a process that died run again when they are enqueued again", async () => {
    const url = await postgres.newDatabase();
    const store = await openPostgresStore({ url, concurrency: 1, logger });
    await store.queue.enqueue("gen_1");
    // The state that a dead process leaves in graphile-worker: its job is locked.
    await lockAll(url);
    const ran: string[] = [];
    const work = { gen_1: Promise.withResolvers<void>(), gen_2: Promise.withResolvers<void>() };
    await store.queue.start(async (id) => {
      ran.push(id);
      work[id as keyof typeof work].resolve();
    });
    await store.queue.enqueue("gen_2");
    await work.gen_2.promise;
    await store.queue.enqueue("gen_1");
    await work.gen_1.promise;
    await store.close();

    expect(ran).toEqual(["gen_2", "gen_1"]);
    // The dead process's job never runs again, whatever graphile-worker does with its lock.
    expect(await postgres.server.query(url, JOBS)).toEqual([{ key: null, attempts: 1, max_attempts: 1, locked: true }]);
  });

  test("that were about to run when the queue was drained go to another process", async () => {
    const url = await postgres.newDatabase();
    const store = await openPostgresStore({ url, concurrency: 1, logger });
    const ran: string[] = [];
    const isUp = Promise.withResolvers<void>();
    await store.queue.start(async (id) => {
      ran.push(id);
      isUp.resolve();
    });
    await store.queue.enqueue("gen_0");
    await isUp.promise;
    const holder = new Client({ connectionString: url });
    await holder.connect();
    await holder.query("BEGIN; LOCK TABLE graphile_worker._private_jobs IN ACCESS EXCLUSIVE MODE");
    await holder.query(
      `SELECT graphile_worker.add_job('generate', '{"generationId":"gen_1"}', job_key => 'gen_1', max_attempts => 1)`,
    );
    // Repeated until the worker takes the job, because it may be about to sleep.
    do await postgres.server.query(url, `NOTIFY "jobs:insert", '{"count":1}'`);
    while ((await postgres.server.query(url, WAITING)).length === 0);
    const drained = store.queue.drain();
    await holder.query("COMMIT");
    await holder.end();
    await drained;

    expect(ran).toEqual(["gen_0"]);
    const left = { key: "gen_1", attempts: 0, max_attempts: 1, locked: false };
    expect(await postgres.server.query(url, JOBS)).toEqual([left]);
    await store.close();
  });

  test("that failed are not repeated by graphile-worker, and the next process removes them", async () => {
    const url = await postgres.newDatabase();
    const store = await openPostgresStore({ url, concurrency: 1, logger });
    let attempts = 0;
    const second = Promise.withResolvers<void>();
    await store.queue.start(async (id) => {
      if (id === "gen_2") return second.resolve();
      attempts++;
      throw new Error("a run that breaks its promise");
    });
    await store.queue.enqueue("gen_1");
    await store.queue.enqueue("gen_2");
    await second.promise;
    await store.close();

    expect(attempts).toBe(1);
    expect(await postgres.server.query(url, JOBS)).toEqual([
      { key: "gen_1", attempts: 1, max_attempts: 1, locked: false },
    ]);

    const next = await openPostgresStore({ url, concurrency: 1, logger });
    await next.queue.start(async () => {});
    expect(await postgres.server.query(url, JOBS)).toEqual([]);
    await next.close();
  });

  test("leave the process's signal handlers alone", async () => {
    const listeners = () => process.eventNames().map((name) => [name, process.listenerCount(name)]);
    const before = listeners();
    const store = await openPostgresStore({ url: await postgres.newDatabase(), concurrency: 1, logger });
    await store.queue.start(async () => {});

    expect(listeners()).toEqual(before);
    await store.close();
  });
});

async function lockAll(url: string): Promise<void> {
  const update = "UPDATE graphile_worker._private_jobs SET locked_at = now(), locked_by = 'pool-dead', attempts = 1";
  await postgres.server.query(url, update);
}
