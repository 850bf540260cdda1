import { readdir, utimes } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { typeid } from "typeid-js";
import { DiskObjectStore } from "../../../src/adapters/disk/disk-object-store.ts";
import { MemoryEvents } from "../../../src/adapters/memory/memory-events.ts";
import { MemoryJobQueue } from "../../../src/adapters/memory/memory-job-queue.ts";
import type { SqlRecords } from "../../../src/adapters/sql/sql-records.ts";
import { openSqliteRecords } from "../../../src/adapters/sql/sqlite/sqlite.ts";
import type { Image } from "../../../src/ports/records.ts";
import { Maintenance, type MaintenanceOptions } from "../../../src/service/generations/maintenance.ts";
import { accept, begin, claimOf, FAILURE, find, imageOf, orderOf } from "../../contracts/record-samples.ts";
import { once } from "../../support/gateways/scripted-provider.ts";
import { storageBudget } from "../../support/stores/storage-budget.ts";
import { storedFile, storedKeys } from "../../support/stores/stored-files.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";

const SECOND_MS = 1000;
const HOUR_MS = 60 * 60 * SECOND_MS;
const DAY_MS = 24 * HOUR_MS;
const LEASE_MS = 60 * SECOND_MS;
const START = new Date("2026-11-22T10:00:00Z");

const newDirectory = temporaryDirectories();
let dataDir: string;
let records: SqlRecords;
let objects: DiskObjectStore;
let queue: MemoryJobQueue;
let events: MemoryEvents;
let maintenance: Maintenance;
let now: Date;

beforeEach(async () => {
  dataDir = await newDirectory();
  records = await openSqliteRecords(join(dataDir, "pictograph.db"));
  objects = await DiskObjectStore.open(join(dataDir, "images"));
  queue = new MemoryJobQueue(1);
  events = new MemoryEvents();
  now = START;
  maintenance = keep();
});

afterEach(async () => {
  await maintenance.stop();
  await queue.drain();
  await records.close();
});

function keep(options: Partial<MaintenanceOptions> = {}): Maintenance {
  const logger = pino({ enabled: false });
  const budget = storageBudget(records, objects);
  const parts = {
    records,
    budget,
    objects,
    queue,
    events,
    webhooks: records.webhooks,
    ledger: records.ledger,
    logger,
    now: () => now,
    retainMs: undefined,
    leaseMs: LEASE_MS,
  };
  return new Maintenance({ ...parts, ...options });
}

function at(ms: number): Date {
  return new Date(START.getTime() + ms);
}

interface Deliveries {
  readonly ids: readonly string[];
  /** Resolves when every job enqueued so far was delivered. */
  complete(): Promise<void>;
}

async function startQueue(): Promise<Deliveries> {
  const ids: string[] = [];
  const last = Promise.withResolvers<void>();
  await queue.start(async (id) => {
    if (id === "last") last.resolve();
    else ids.push(id);
  });
  return {
    ids,
    async complete() {
      await queue.enqueue("last");
      await last.promise;
    },
  };
}

describe("a generation whose worker died", () => {
  const claim = claimOf("run_dead", START, at(LEASE_MS));

  test("ends as interrupted when its lease expires, and waiting clients get that answer", async () => {
    await begin(records, orderOf("gen_1", START), claim);
    const told: string[] = [];
    events.subscribe("gen_1", ({ generationId }) => told.push(generationId));
    now = at(LEASE_MS);
    await maintenance.takeOver(START);
    expect(await find(records, "gen_1")).toMatchObject({ status: "RUNNING" });
    expect(told).toEqual([]);

    now = at(LEASE_MS + 1);
    await maintenance.takeOver(START);
    expect(await find(records, "gen_1")).toMatchObject({
      status: "FAILED",
      failure: { code: "INTERRUPTED", retryable: true, billed: "UNKNOWN" },
      finishedAt: now,
    });
    expect(told).toEqual(["gen_1"]);
  });

  test("is not enqueued again", async () => {
    await begin(records, orderOf("gen_1", START), claim);
    now = at(DAY_MS);
    const deliveries = await startQueue();
    await maintenance.takeOver(now);
    await accept(records, orderOf("gen_2", START));
    await maintenance.takeOver(now);
    await deliveries.complete();

    expect(deliveries.ids).toEqual(["gen_2"]);
  });

  test("is left alone while its worker sends heartbeats", async () => {
    await begin(records, orderOf("gen_1", START), claim);
    await records.extendLeases("run_dead", at(2 * LEASE_MS));
    now = at(LEASE_MS + 1);
    await maintenance.takeOver(START);

    expect(await find(records, "gen_1")).toMatchObject({ status: "RUNNING" });
  });
});

describe("a lost job", () => {
  test("is enqueued again, oldest first, for generations that have waited for long, and for no others", async () => {
    for (const id of ["gen_1", "gen_2"]) await accept(records, orderOf(id, START));
    await accept(records, orderOf("gen_3", at(1)));
    await begin(records, orderOf("gen_0", START));
    const deliveries = await startQueue();
    await maintenance.takeOver(at(1));
    await deliveries.complete();

    expect(deliveries.ids).toEqual(["gen_1", "gen_2"]);
  });

  test("is enqueued again for every waiting generation when a process starts, however many there are", async () => {
    const ids = Array.from({ length: 105 }, (_, i) => `gen_${String(i).padStart(3, "0")}`);
    for (const id of ids) await accept(records, orderOf(id, START));
    const all = Promise.withResolvers<void>();
    const delivered = new Set<string>();
    await queue.start(async (id) => void (delivered.add(id).size === ids.length && all.resolve()));
    now = at(1);
    await maintenance.start();
    await all.promise;

    expect([...delivered]).toEqual(ids);
  });
});

describe("generations older than their retention", () => {
  /** A generation that succeeded, with the bytes of one image. */
  async function succeed(id: string, createdAt: Date): Promise<Image> {
    await begin(records, orderOf(id, createdAt), claimOf("run_1", createdAt, at(DAY_MS)));
    const image = await store(id, 0);
    await records.addImage(image, { width: 816, height: 816 }, "run_1");
    await records.finish(id, "run_1", { status: "SUCCEEDED" }, createdAt);
    return image;
  }

  test("are removed with their bytes, and younger ones are kept", async () => {
    maintenance = keep({ retainMs: DAY_MS });
    const old = await succeed("gen_1", at(-1));
    const young = await succeed("gen_2", START);
    now = at(DAY_MS);
    await maintenance.sweep();

    expect(await find(records, "gen_1")).toBeUndefined();
    expect(await records.findImages([old.id])).toEqual([]);
    expect(await find(records, "gen_2")).toMatchObject({ status: "SUCCEEDED" });
    expect(await keys()).toEqual([young.key]);
  });

  test("are kept until they have ended, whatever their age", async () => {
    maintenance = keep({ retainMs: DAY_MS });
    await accept(records, orderOf("gen_1", START));
    await begin(records, orderOf("gen_2", START));
    await begin(records, orderOf("gen_3", START));
    await records.finish("gen_3", claimOf().worker, { status: "FAILED", failure: FAILURE }, START);
    await accept(records, orderOf("gen_4", START));
    await records.cancel("gen_4", FAILURE, START);
    now = at(30 * DAY_MS);
    await maintenance.sweep();

    const left = await records.findGenerations(["gen_1", "gen_2", "gen_3", "gen_4"]);
    expect(left.map(({ id }) => id).sort()).toEqual(["gen_1", "gen_2"]);
  });

  test("are removed in steps until none is left", async () => {
    const limits: number[] = [];
    const counted = new Proxy(records, {
      get(target, name) {
        if (name !== "idsEndedBefore") return Reflect.get(target, name).bind(target);
        return (before: Date, limit: number) => {
          limits.push(limit);
          return target.idsEndedBefore(before, limit);
        };
      },
    });
    maintenance = keep({ retainMs: DAY_MS, records: counted });
    for (let i = 0; i < 105; i++) {
      await accept(records, orderOf(`gen_${i}`, START));
      await records.cancel(`gen_${i}`, FAILURE, START);
    }
    now = at(2 * DAY_MS);
    await maintenance.sweep();

    expect(await records.idsEndedBefore(now, 1000)).toEqual([]);
    expect(limits).toEqual([100, 100]);
  });

  test("are kept forever without a retention setting", async () => {
    const image = await succeed("gen_1", START);
    now = at(3650 * DAY_MS);
    await maintenance.sweep();

    expect(await find(records, "gen_1")).toBeDefined();
    expect(await keys()).toEqual([image.key]);
  });
});

describe("bytes without a record", () => {
  /** Ids with the present time, so the records are older. */
  const newKey = (generationId = newId("gen")) => `${generationId}/${newId("img")}/original`;

  test("are removed after an hour, and not before", async () => {
    const [old, young] = [newKey(), newKey()];
    await put(old, START);
    await put(young, at(1));
    now = at(HOUR_MS + 1);
    await maintenance.sweep();

    expect(await keys()).toEqual([young]);
  });

  test("are removed beside an ended generation's images, whose derivatives are kept", async () => {
    const id = newId("gen");
    await begin(records, orderOf(id, START), claimOf("run_1"));
    const image = await store(id, 0);
    const derivative = image.key.replace("original", "64x64-cover.webp");
    await put(derivative, START);
    await put(newKey(id), START);
    await records.addImage(image, { width: 816, height: 816 }, "run_1");
    await records.finish(id, "run_1", { status: "SUCCEEDED" }, START);
    now = at(DAY_MS);
    await maintenance.sweep();

    expect(await keys()).toEqual([derivative, image.key].sort());
  });

  test("are kept while their generation runs and may still record them", async () => {
    const id = newId("gen");
    await begin(records, orderOf(id, START), claimOf("run_1", START, at(2 * DAY_MS)));
    const coming = newKey(id);
    await put(coming, START);
    now = at(DAY_MS);
    await maintenance.sweep();

    expect(await keys()).toEqual([coming]);
  });

  test("are kept while an edit that uses them waits or runs, and removed when it ends or was never accepted", async () => {
    const [queued, running, ended, never] = [newId("gen"), newId("gen"), newId("gen"), newId("gen")];
    await accept(records, orderOf(queued, START));
    for (const id of [running, ended]) {
      await begin(records, orderOf(id, START), claimOf("run_1", START, at(2 * DAY_MS)));
    }
    await records.finish(ended, "run_1", { status: "FAILED", failure: FAILURE }, START);
    for (const id of [queued, running, ended, never]) await put(`${id}/sources/0`, START);
    now = at(DAY_MS);
    await maintenance.sweep();

    expect(await keys()).toEqual([`${queued}/sources/0`, `${running}/sources/0`].sort());
  });

  test("are removed if they are previews of a generation that no longer runs", async () => {
    const [ended, running] = [newId("gen"), newId("gen")];
    await begin(records, orderOf(ended, START), claimOf("run_1"));
    await begin(records, orderOf(running, START), claimOf("run_1", START, at(2 * DAY_MS)));
    await records.finish(ended, "run_1", { status: "SUCCEEDED" }, START);
    for (const id of [ended, running]) await put(`${id}/previews/0-1.webp`, START);
    now = at(HOUR_MS + 1);
    await maintenance.sweep();

    expect(await keys()).toEqual([`${running}/previews/0-1.webp`]);
  });

  test("are kept if they are older than the records, which may have been lost or belong to another gateway", async () => {
    const kept = [
      // An id from 2023.
      "gen_01h455vb4pex5vsknk084sn02q/img_01h455vb4pex5vsknk084sn02r/original",
      `gen_${"z".repeat(26)}/img_${"z".repeat(26)}/original`,
      "backup/2026.tar",
      "notes",
    ];
    for (const key of kept) await put(key, START);
    now = at(DAY_MS);
    await maintenance.sweep();

    expect(await keys()).toEqual(kept.toSorted());
  });

  test("are all removed, however many there are, without leaving empty directories", async () => {
    for (let i = 0; i < 105; i++) await put(newKey(), START);
    now = at(2 * HOUR_MS);
    await maintenance.sweep();

    expect(await keys()).toEqual([]);
    expect(await readdir(join(dataDir, "images"))).toEqual([".tmp"]);
  });

  test("are searched for by only one process per hour", async () => {
    const others = [keep(), keep()];
    const sweepAll = async () => {
      for (const one of [maintenance, ...others]) await one.sweepWhenDue();
    };
    let listings = 0;
    const list = objects.list.bind(objects);
    objects.list = (prefix) => {
      listings++;
      return list(prefix);
    };
    await sweepAll();
    now = at(HOUR_MS / 2);
    await sweepAll();
    expect(listings).toBe(1);

    now = at(HOUR_MS);
    await sweepAll();
    expect(listings).toBe(2);
  });

  test("are removed without any call after a start", async () => {
    await put(newKey(), START);
    now = at(2 * HOUR_MS);
    const swept = Promise.withResolvers<void>();
    const logger = pino({ level: "debug" }, { write: (line: string) => line.includes("swept") && swept.resolve() });
    maintenance = keep({ logger });
    await maintenance.start();
    await swept.promise;

    expect(await keys()).toEqual([]);
  });
});

function newId(prefix: "gen" | "img"): string {
  return typeid(prefix).toString();
}

/** An image as added by its generation, with stored bytes. */
async function store(generationId: string, index: number): Promise<Image> {
  const image = { ...imageOf(generationId, index), id: newId("img") };
  const key = `${generationId}/${image.id}/original`;
  await put(key, START);
  return { ...image, key, originalKey: key };
}

async function put(key: string, modifiedAt: Date): Promise<void> {
  await objects.put(key, once(Buffer.from(key)));
  await utimes(storedFile(dataDir, key), modifiedAt, modifiedAt);
}

async function keys(): Promise<string[]> {
  return storedKeys(dataDir);
}
