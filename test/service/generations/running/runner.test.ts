import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { DiskObjectStore } from "../../../../src/adapters/disk/disk-object-store.ts";
import { GuardedDownloads } from "../../../../src/adapters/downloads/guarded-downloads.ts";
import { MemoryEvents } from "../../../../src/adapters/memory/memory-events.ts";
import type { SqlRecords } from "../../../../src/adapters/sql/sql-records.ts";
import { openSqliteRecords } from "../../../../src/adapters/sql/sqlite/sqlite.ts";
import { NO_METRICS } from "../../../../src/ports/metrics.ts";
import type { Records } from "../../../../src/ports/records.ts";
import { NO_TRACES } from "../../../../src/ports/traces.ts";
import { EditIntake } from "../../../../src/service/edits/edit-intake.ts";
import { Previews } from "../../../../src/service/generations/running/previews.ts";
import { ProviderCalls } from "../../../../src/service/generations/running/provider-calls.ts";
import { type PreparedRun, Runner } from "../../../../src/service/generations/running/runner.ts";
import { Derivatives } from "../../../../src/service/images/derivatives.ts";
import { ImageDelivery } from "../../../../src/service/images/image-delivery.ts";
import { ImageIntake } from "../../../../src/service/images/image-intake.ts";
import { ImageLinks } from "../../../../src/service/images/image-links.ts";
import { ModelCatalogue } from "../../../../src/service/models/model-catalogue.ts";
import { accept, FAILURE, find, NO_LIMITS, orderOf, WORKER } from "../../../contracts/record-samples.ts";
import { ANY_SIZE_MODEL, type Hold, holdCalls } from "../../../support/gateways/scripted-gateway.ts";
import { makeImages, SCRIPTED_MODEL, ScriptedProvider } from "../../../support/gateways/scripted-provider.ts";
import { scheduledCodec } from "../../../support/images/codec.ts";
import { unsigned } from "../../../support/images/unsigned.ts";
import { storageBudget } from "../../../support/stores/storage-budget.ts";
import { temporaryDirectories } from "../../../support/temporary-directory.ts";

/** Short, so that heartbeats come quickly; no process takes over. */
const LEASE_MS = 40;
const MAX_IMAGES_PER_MINUTE = 300;

const newDirectory = temporaryDirectories();
const codec = scheduledCodec();
const now = () => new Date();
let records: SqlRecords;
let objects: DiskObjectStore;
let events: MemoryEvents;
let provider: ScriptedProvider;
let hold: Hold;

beforeEach(async () => {
  const dataDir = await newDirectory();
  records = await openSqliteRecords(join(dataDir, "pictograph.db"));
  objects = await DiskObjectStore.open(join(dataDir, "images"));
  events = new MemoryEvents();
  provider = new ScriptedProvider([{ ...ANY_SIZE_MODEL, id: SCRIPTED_MODEL.id }]);
  hold = holdCalls(provider);
});

afterEach(() => records.close());

/** @param changes the record methods to replace */
function createRunner(changes: Partial<Records> = {}, leaseMs = LEASE_MS): Runner {
  const logger = pino({ enabled: false });
  const catalogue = new ModelCatalogue([provider], SCRIPTED_MODEL.id, now);
  let imageCount = 0;
  const links = new ImageLinks(["a secret for tests"], 60, now);
  const signing = unsigned(objects);
  const derivatives = new Derivatives({
    budget: storageBudget(records, objects),
    objects,
    codec,
    signing,
    metrics: NO_METRICS,
    traces: NO_TRACES,
    logger,
  });
  const delivery = new ImageDelivery({ records, objects, links, derivatives });
  return new Runner({
    records: new Proxy(records, {
      get: (target, name: keyof Records) => changes[name] ?? target[name].bind(target),
    }),
    events,
    catalogue,
    intake: new ImageIntake({ objects, catalogue, codec, signing, now, newImageId: () => `img_${++imageCount}` }),
    edits: new EditIntake({ records, objects, downloads: new GuardedDownloads({ hosts: [] }), links, delivery, codec }),
    previews: new Previews({ objects, records, events, catalogue, codec, logger, worker: WORKER }),
    calls: new ProviderCalls(logger, NO_METRICS),
    metrics: NO_METRICS,
    traces: NO_TRACES,
    logger,
    now,
    worker: WORKER,
    upstreamTimeoutMs: 60_000,
    leaseMs,
    maxImagesPerMinute: MAX_IMAGES_PER_MINUTE,
    maxConcurrency: 8,
  });
}

/** Counts the heartbeats, and resolves at the next ones. */
function heartbeats() {
  let next = Promise.withResolvers<void>();
  return {
    extendLeases: async (worker: string, until: Date) => {
      const leased = await records.extendLeases(worker, until);
      next.resolve();
      next = Promise.withResolvers();
      return leased;
    },
    async twice() {
      await next.promise;
      await next.promise;
    },
  };
}

test("a job delivered again while it runs has no effect", async () => {
  const { extendLeases, twice } = heartbeats();
  const runner = createRunner({ extendLeases });
  await accept(records, orderOf("gen_1"));
  const running = runner.run("gen_1");
  await hold.called;
  await runner.run("gen_1");
  await twice();
  expect(await find(records, "gen_1")).toMatchObject({ status: "RUNNING" });
  hold.release();
  await running;

  expect(await find(records, "gen_1")).toMatchObject({ status: "SUCCEEDED" });
  expect(await records.findImagesOf(["gen_1"])).toHaveLength(2);
  expect(provider.requests).toHaveLength(1);
});

test("a runner ignores its own notices and handles those of other processes", async () => {
  const lookedUp: (readonly string[])[] = [];
  const findGenerations = (ids: readonly string[]) => {
    lookedUp.push(ids);
    return records.findGenerations(ids);
  };
  const runner = createRunner({ findGenerations }, 60_000);
  await accept(records, orderOf("gen_1"));
  const running = runner.run("gen_1");
  await hold.called;
  hold.release();
  await running;
  expect(await records.findImagesOf(["gen_1"])).toHaveLength(2);
  // Before this generation began.
  expect(lookedUp).toEqual([["gen_1"]]);

  hold = holdCalls(provider);
  await accept(records, orderOf("gen_2"));
  const canceled = runner.run("gen_2");
  await hold.called;
  runner.drain();
  await records.cancel("gen_2", FAILURE, now());
  events.publish({ generationId: "gen_2" });
  await canceled;
  expect(lookedUp).toEqual([["gen_1"], ["gen_2"], ["gen_2"]]);
});

test("a heartbeat reads all running generations in one query", async () => {
  const lookedUp: (readonly string[])[] = [];
  const findGenerations = (ids: readonly string[]) => {
    lookedUp.push(ids);
    return records.findGenerations(ids);
  };
  const { extendLeases, twice } = heartbeats();
  const runner = createRunner({ findGenerations, extendLeases });
  const ids = ["gen_1", "gen_2", "gen_3"];
  for (const id of ids) await accept(records, orderOf(id));
  const running = ids.map((id) => runner.run(id));
  while (provider.requests.length < 3) await twice();
  const before = lookedUp.length;
  await twice();
  const during = lookedUp.slice(before);
  hold.release();
  await Promise.all(running);

  expect(during.length).toBeGreaterThan(0);
  for (const looked of during) expect([...looked].sort()).toEqual(ids);
});

describe("a run that is prepared before its generation is accepted", () => {
  const acceptRunning = (id: string, { claim }: PreparedRun) => records.accept(orderOf(id), NO_LIMITS, claim);

  test("makes the call once, whatever heartbeats come before and after the acceptance", async () => {
    const { extendLeases, twice } = heartbeats();
    const runner = createRunner({ extendLeases });
    const prepared = runner.prepare(orderOf("gen_1"))!;
    await twice();
    await acceptRunning("gen_1", prepared);
    await twice();
    const running = prepared.begin((await find(records, "gen_1"))!);
    await hold.called;
    await twice();
    await runner.run("gen_1");
    hold.release();
    await running;

    expect(await find(records, "gen_1")).toMatchObject({ status: "SUCCEEDED" });
    expect(provider.requests).toHaveLength(1);
    expect(runner.count).toBe(0);
  });

  test("waits again if the process is stopped before it begins", async () => {
    const runner = createRunner();
    const prepared = runner.prepare(orderOf("gen_1"))!;
    await acceptRunning("gen_1", prepared);
    runner.interrupt();
    await prepared.begin((await find(records, "gen_1"))!);

    expect(await find(records, "gen_1")).toMatchObject({ status: "QUEUED" });
    expect(provider.requests).toEqual([]);
  });

  test("uses the image rate until it is given back", async () => {
    const runner = createRunner();
    const n = MAX_IMAGES_PER_MINUTE / 2;
    const [first, second] = ["gen_1", "gen_2"].map((id) => runner.prepare({ ...orderOf(id), n }));
    expect(runner.prepare({ ...orderOf("gen_3"), n: 1 })).toBeUndefined();
    expect(runner.count).toBe(2);
    second?.giveBack();

    const third = runner.prepare({ ...orderOf("gen_3"), n });
    expect([first, third]).toEqual([expect.anything(), expect.anything()]);
    // The leases of these two are extended until then.
    first?.giveBack();
    third?.giveBack();
    expect(runner.count).toBe(0);
  });

  test("is not prepared by a process that stops", () => {
    const runner = createRunner();
    runner.drain();

    expect(runner.prepare(orderOf("gen_1"))).toBeUndefined();
    expect(runner.count).toBe(0);
  });
});

test("a generation whose start was recorded without confirmation ends as interrupted and is not submitted", async () => {
  let isLost = false;
  const runner = createRunner({
    async start(id, claim) {
      const started = await records.start(id, claim);
      if (id !== "gen_1" || isLost) return started;
      isLost = true;
      throw new Error("the connection broke");
    },
  });
  for (const id of ["gen_1", "gen_2"]) await accept(records, orderOf(id));
  const other = runner.run("gen_2");
  await hold.called;
  await runner.run("gen_1");
  const ended = Promise.withResolvers<void>();
  events.subscribe("gen_1", () => ended.resolve());
  await ended.promise;

  expect(await find(records, "gen_1")).toMatchObject({ status: "FAILED", failure: { code: "INTERRUPTED" } });
  expect(await find(records, "gen_2")).toMatchObject({ status: "RUNNING" });
  hold.release();
  await other;
  expect(provider.requests).toHaveLength(1);
});

test("an image recorded without confirmation keeps its bytes when the process stops", async () => {
  const recorded = Promise.withResolvers<void>();
  const runner = createRunner({
    async addImage(...image) {
      await records.addImage(...image);
      recorded.resolve();
      throw new Error("the connection broke");
    },
  });
  await accept(records, orderOf("gen_1"));
  const running = runner.run("gen_1");
  hold.release();
  await recorded.promise;
  runner.interrupt();
  await running;

  const [image] = await records.findImagesOf(["gen_1"]);
  expect(await objects.open(image?.key ?? "")).toMatchObject({ byteSize: image?.byteSize });
  expect(await objects.open(image?.originalKey ?? "")).toBeDefined();
});

test("an image that arrives after its generation was ended leaves no bytes", async () => {
  const runner = createRunner({ addImage: async () => false });
  await accept(records, orderOf("gen_1"));
  const running = runner.run("gen_1");
  await hold.called;
  // Otherwise it would keep its place.
  runner.drain();
  hold.release();
  await running;

  expect(await Array.fromAsync(objects.list(""))).toEqual([]);
});

test("the last image is recorded even if the provider's answer does not end", async () => {
  const recorded = Promise.withResolvers<void>();
  const runner = createRunner({
    async addImage(...image) {
      const isAdded = await records.addImage(...image);
      if ((await records.findImagesOf(["gen_1"])).length === 2) recorded.resolve();
      return isAdded;
    },
  });
  await accept(records, orderOf("gen_1"));
  const end = Promise.withResolvers<void>();
  provider.script = async function* slow(request) {
    yield* makeImages(request);
    await end.promise;
  };
  const running = runner.run("gen_1");
  await recorded.promise;
  expect(await find(records, "gen_1")).toMatchObject({ status: "RUNNING" });
  end.resolve();
  await running;

  expect(await find(records, "gen_1")).toMatchObject({ status: "SUCCEEDED" });
  expect(await records.findImagesOf(["gen_1"])).toHaveLength(2);
});

test("an end recorded with the last image but without confirmation keeps that image's bytes", async () => {
  let isLost = false;
  const runner = createRunner({
    async finish(...end) {
      const isFinished = await records.finish(...end);
      if (isLost) return isFinished;
      isLost = true;
      throw new Error("the connection broke");
    },
  });
  await accept(records, { ...orderOf("gen_1"), n: 1 });
  const running = runner.run("gen_1");
  hold.release();
  await running;

  expect(await find(records, "gen_1")).toMatchObject({ status: "SUCCEEDED" });
  const [image] = await records.findImagesOf(["gen_1"]);
  expect(await objects.open(image?.key ?? "")).toMatchObject({ byteSize: image?.byteSize });
});

test("a generation that is canceled while its last image is stored keeps nothing of that image", async () => {
  const runner = createRunner({
    async finish(...end) {
      await records.cancel("gen_1", FAILURE, now());
      return records.finish(...end);
    },
  });
  await accept(records, { ...orderOf("gen_1"), n: 1 });
  const running = runner.run("gen_1");
  hold.release();
  await running;

  expect(await find(records, "gen_1")).toMatchObject({ status: "CANCELED" });
  expect(await records.findImagesOf(["gen_1"])).toEqual([]);
  expect(await Array.fromAsync(objects.list(""))).toEqual([]);
});
