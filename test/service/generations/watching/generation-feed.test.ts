import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { MemoryEvents } from "../../../../src/adapters/memory/memory-events.ts";
import type { SqlRecords } from "../../../../src/adapters/sql/sql-records.ts";
import { openSqliteRecords } from "../../../../src/adapters/sql/sqlite/sqlite.ts";
import { GenerationFeed } from "../../../../src/service/generations/watching/generation-feed.ts";
import type { GenerationEvent } from "../../../../src/service/generations/watching/generation-progress.ts";
import {
  ACCEPTED_AT,
  accept,
  begin,
  claimOf,
  FAILURE,
  FINISHED_AT,
  imageOf,
  orderOf,
  SIZE,
  STARTED_AT,
  WORKER,
} from "../../../contracts/record-samples.ts";
import { temporaryDirectories } from "../../../support/temporary-directory.ts";

const newDirectory = temporaryDirectories();
const ALL = { projectId: "proj_public" };
const ANN = { projectId: "proj_public", endUser: "ann" };

let records: SqlRecords;
let events: MemoryEvents;
let feed: GenerationFeed;

async function open(pollMs = 600_000): Promise<void> {
  records = await openSqliteRecords(join(await newDirectory(), "pictograph.db"));
  events = new MemoryEvents();
  const { history } = records;
  feed = new GenerationFeed({
    records,
    history,
    events,
    logger: pino({ enabled: false }),
    now: () => STARTED_AT,
    pollMs,
    maxWaitingEvents: 50,
  });
}

afterEach(async () => {
  feed.close();
  await records.close();
});

const finish = (id: string, at = FINISHED_AT) => records.finish(id, WORKER, { status: "SUCCEEDED" }, at);
const tell = (...ids: string[]) => {
  for (const generationId of ids) events.publish({ generationId });
};

function toWords(event: GenerationEvent): string {
  const { id } = event.generation;
  switch (event.type) {
    case "status":
      return `${id} ${event.generation.status}`;
    case "partial":
      return `${id} partial ${event.imageIndex}.${event.partialIndex}`;
    case "image":
      return `${id} image ${event.image.index}`;
    default:
      return event satisfies never;
  }
}

/** Returns the next events of a stream, in words. */
async function take(stream: AsyncIterableIterator<GenerationEvent, undefined>, count: number): Promise<string[]> {
  const words: string[] = [];
  while (words.length < count) {
    const { value } = await stream.next();
    if (!value) throw new Error(`the stream ended after ${words.join(", ")}`);
    words.push(toWords(value));
  }
  return words;
}

describe("a feed", () => {
  test("reports events from now on, and none from before", async () => {
    await open();
    await begin(records, orderOf("gen_1"));
    await records.addImage(imageOf("gen_1", 0), SIZE, WORKER);
    await begin(records, orderOf("gen_2"));
    await finish("gen_2", ACCEPTED_AT);
    const stream = await feed.follow(ALL);
    tell("gen_1", "gen_2");
    await records.addImage(imageOf("gen_1", 1), SIZE, WORKER);
    tell("gen_1");
    expect(await take(stream, 1)).toEqual(["gen_1 image 1"]);
    await finish("gen_1");
    await accept(records, orderOf("gen_3"));
    tell("gen_1", "gen_3");

    expect(await take(stream, 2)).toEqual(["gen_1 SUCCEEDED", "gen_3 QUEUED"]);
  });

  test("reports every event of a new generation, each once", async () => {
    await open();
    const stream = await feed.follow(ALL);
    await accept(records, orderOf("gen_1"));
    events.publish({ generationId: "gen_1", isNew: true });
    expect(await take(stream, 1)).toEqual(["gen_1 QUEUED"]);
    await records.start("gen_1", claimOf());
    tell("gen_1", "gen_1");
    expect(await take(stream, 1)).toEqual(["gen_1 RUNNING"]);
    await records.addPreview("gen_1", { imageIndex: 0, partialIndex: 0 }, WORKER);
    await records.addImage(imageOf("gen_1", 0), SIZE, WORKER);
    tell("gen_1");
    expect(await take(stream, 2)).toEqual(["gen_1 partial 0.0", "gen_1 image 0"]);
    await records.finish("gen_1", WORKER, { status: "FAILED", failure: FAILURE }, FINISHED_AT);
    tell("gen_1");
    expect(await take(stream, 1)).toEqual(["gen_1 FAILED"]);
    await accept(records, orderOf("gen_2"));
    tell("gen_1", "gen_2");

    expect(await take(stream, 1)).toEqual(["gen_2 QUEUED"]);
  });

  test("shows each viewer only its own generations", async () => {
    await open();
    const streams = await Promise.all([feed.follow(ANN), feed.follow(ALL), feed.follow({ ...ALL, isAdmin: true })]);
    await accept(records, { ...orderOf("gen_1"), projectId: "proj_other", endUser: "ann" });
    await accept(records, { ...orderOf("gen_2"), endUser: "bob" });
    await accept(records, { ...orderOf("gen_3"), endUser: "ann" });
    tell("gen_1", "gen_2", "gen_3");
    const [ofAnn, ofProject, ofAdmin] = streams;

    expect(ofAnn && (await take(ofAnn, 1))).toEqual(["gen_3 QUEUED"]);
    expect(ofProject && (await take(ofProject, 2))).toEqual(["gen_2 QUEUED", "gen_3 QUEUED"]);
    expect(ofAdmin && (await take(ofAdmin, 3))).toEqual(["gen_1 QUEUED", "gen_2 QUEUED", "gen_3 QUEUED"]);
    expect(feed.count).toBe(3);
  });

  test("finds changes without a notice", async () => {
    await open(10);
    await begin(records, orderOf("gen_1"));
    const stream = await feed.follow(ALL);
    await finish("gen_1");
    await accept(records, orderOf("gen_2"));

    expect((await take(stream, 2)).sort()).toEqual(["gen_1 SUCCEEDED", "gen_2 QUEUED"]);
  });

  test("reports nothing about deleted generations, and continues", async () => {
    await open();
    await begin(records, orderOf("gen_1"));
    const stream = await feed.follow(ALL);
    await records.remove("gen_1");
    await accept(records, orderOf("gen_2"));
    tell("gen_1", "gen_2");

    expect(await take(stream, 1)).toEqual(["gen_2 QUEUED"]);
  });

  test("ends if its viewer leaves, its signal aborts, or the gateway closes it", async () => {
    await open();
    const leaving = new AbortController();
    const [left, aborted, closed] = await Promise.all([
      feed.follow(ALL),
      feed.follow(ALL, leaving.signal),
      feed.follow(ALL),
    ]);
    const steps = [left, aborted, closed].map((stream) => stream?.next());
    await left?.return?.();
    leaving.abort();
    feed.close();

    expect(await Promise.all(steps)).toEqual(Array(3).fill({ done: true, value: undefined }));
    expect(feed.count).toBe(0);
    expect(await (await feed.follow(ALL)).next()).toEqual({ done: true, value: undefined });
  });

  test("ends for a viewer that does not read, after the waiting events", async () => {
    await open();
    const slow = await feed.follow(ALL);
    const quick = await feed.follow(ALL);
    const ids = Array.from({ length: 51 }, (_, i) => `gen_${i}`);
    for (const id of ids) await accept(records, orderOf(id));
    tell(...ids);
    await take(quick, 51);
    const heard = await Array.fromAsync(slow);

    expect(heard).toHaveLength(51);
    expect(feed.count).toBe(1);
  });

  test("continues after an outage of the store", async () => {
    await open();
    const { findImagesOf } = records;
    const stream = await feed.follow(ALL);
    let failures = 0;
    records.findImagesOf = async (ids) => {
      if (failures++ === 0) throw new Error("away");
      return findImagesOf.call(records, ids);
    };
    await accept(records, orderOf("gen_1"));
    tell("gen_1");

    expect(await take(stream, 1)).toEqual(["gen_1 QUEUED"]);
    expect(failures).toBe(2);
  });
});
