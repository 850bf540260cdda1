import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { MemoryEvents } from "../../../../src/adapters/memory/memory-events.ts";
import { openSqliteRecords } from "../../../../src/adapters/sql/sqlite/sqlite.ts";
import type { Generation, Records } from "../../../../src/ports/records.ts";
import type { GenerationInput } from "../../../../src/service/generations/generation-input.ts";
import type { GenerationEvent } from "../../../../src/service/generations/watching/generation-progress.ts";
import { GenerationWatch } from "../../../../src/service/generations/watching/generation-watch.ts";
import type { ImageService } from "../../../../src/service/image-service.ts";
import {
  accept,
  begin,
  claimOf,
  FAILURE,
  FINISHED_AT,
  imageOf,
  orderOf,
  SIZE,
  WORKER,
} from "../../../contracts/record-samples.ts";
import { holdCalls, type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";
import { once, plainImage } from "../../../support/gateways/scripted-provider.ts";

const CALLER = { projectId: "proj_public" };

let gateway: ScriptedGateway;
let images: ImageService;

function submit(input: Partial<GenerationInput> = {}): Promise<Generation> {
  return images.submit(CALLER, { prompt: "a fox", size: "64x64", ...input });
}

/** Returns an event in words: `status QUEUED`, `image 0`. */
async function tell(events: AsyncIterable<GenerationEvent>): Promise<string[]> {
  return (await Array.fromAsync(events)).map(toWords);
}

function toWords(event: GenerationEvent): string {
  switch (event.type) {
    case "status":
      return `status ${event.generation.status}`;
    case "partial":
      return `partial ${event.imageIndex}.${event.partialIndex}`;
    case "image":
      return `image ${event.image.index}`;
    default:
      return event satisfies never;
  }
}

/** A provider that sends its images one by one on demand. */
function stepByStep() {
  const steps = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  gateway.provider.script = async function* ({ n, size, format }) {
    for (let index = 0; index < n; index++) {
      await steps[index]?.promise;
      yield { type: "image", index, bytes: once(await plainImage(size.width, size.height, index, format)) };
    }
    await steps[n]?.promise;
  };
  return (step: number) => steps[step]?.resolve();
}

const STORY = ["status QUEUED", "status RUNNING", "image 0", "image 1", "image 2", "status SUCCEEDED"];

describe("a viewer of a generation", () => {
  beforeEach(async () => {
    gateway = await startScriptedGateway();
    images = gateway.gateway.images;
  });

  afterEach(() => gateway.close());

  test("sees every event once and in order from acceptance, however many watch", async () => {
    const hold = holdCalls(gateway.provider);
    const first = await submit({ n: 3 });
    const viewers = await Promise.all(Array.from({ length: 20 }, () => images.watch(CALLER, first.id)));
    const stories = viewers.map(tell);
    await hold.called;
    hold.release();

    for (const story of await Promise.all(stories)) {
      expect(story.filter((event) => event !== "status QUEUED")).toEqual(STORY.slice(1));
    }
  });

  test("sees each image when it is stored; a viewer that joins late begins with the stored images", async () => {
    const release = stepByStep();
    const { id } = await submit({ n: 3 });
    const early = await images.watch(CALLER, id);
    const seen: string[] = [];
    const seeUntil = async (last: string) => {
      while (seen.at(-1) !== last) {
        const { value } = await early.next();
        if (value) seen.push(toWords(value));
      }
    };
    release(0);
    await seeUntil("image 0");
    const late = tell(await images.watch(CALLER, id));
    release(1);
    await seeUntil("image 1");
    release(2);
    await seeUntil("image 2");
    release(3);
    await seeUntil("status SUCCEEDED");

    expect(await early.next()).toEqual({ done: true, value: undefined });
    expect(seen.slice(-5)).toEqual(STORY.slice(1));
    expect(await late).toEqual(STORY.slice(1));
  });

  test("who comes after the end sees how it ended, and its images", async () => {
    const generation = await images.wait(await submit({ n: 2 }), 20_000);

    for (let visit = 0; visit < 2; visit++) {
      expect(await tell(await images.watch(CALLER, generation.id))).toEqual(["status SUCCEEDED", "image 0", "image 1"]);
    }
  });

  test("sees it fail", async () => {
    // biome-ignore lint/correctness/useYield: it fails before its first image
    gateway.provider.script = async function* () {
      throw new Error("broken");
    };
    const { id } = await submit();
    const story = await tell(await images.watch(CALLER, id));

    expect(story.at(-1)).toBe("status FAILED");
  });

  test("sees it canceled while it runs, or ended by a deletion", async () => {
    const hold = holdCalls(gateway.provider);
    const [canceled, deleted] = [await submit(), await submit()];
    await hold.called;
    const viewers = [await images.watch(CALLER, canceled.id), await images.watch(CALLER, deleted.id)];
    for (const viewer of viewers) await viewer.next();
    const stories = viewers.map(tell);
    await images.cancel(CALLER, canceled.id);
    await images.delete(CALLER, deleted.id);

    expect((await stories[0])?.at(-1)).toBe("status CANCELED");
    expect([[], ["status CANCELED"]]).toContainEqual((await stories[1])?.slice(-1));
    await expect(images.watch(CALLER, deleted.id)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("must be its owner", async () => {
    const { id } = await submit();

    for (const unknown of [id.toUpperCase(), "gen_01jd0000000000000000000000", "img_x", ""]) {
      await expect(images.watch(CALLER, unknown)).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
    await expect(images.watch({ projectId: "another" }, id)).rejects.toMatchObject({
      code: "NOT_FOUND",
      details: { field: "id" },
    });
  });

  test("can leave at any time, also while it waits", async () => {
    const hold = holdCalls(gateway.provider);
    const { id } = await submit();
    await hold.called;
    const leaving = new AbortController();
    const story = tell(await images.watch(CALLER, id, leaving.signal));
    const other = await images.watch(CALLER, id);
    await other.next();
    const waiting = other.next();
    await other.return?.();
    leaving.abort();

    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await story).toEqual(["status RUNNING"]);
    expect(await tell(await images.watch(CALLER, id, AbortSignal.abort()))).toEqual([]);
  });

  test("is released when the gateway stops", async () => {
    const hold = holdCalls(gateway.provider);
    const { id } = await submit();
    await hold.called;
    const story = tell(await images.watch(CALLER, id));
    await gateway.gateway.drain(0);

    expect((await story).at(-1)).toBe("status FAILED");
    expect(await tell(await images.watch(CALLER, id))).toEqual([]);
  });
});

describe("watching the records", () => {
  let dataDir: string;
  let records: Records;
  let watch: GenerationWatch;

  /** @param changes the record methods to replace */
  async function open(lookEveryMs: number, changes: Partial<Records> = {}): Promise<void> {
    dataDir = await mkdtemp(join(tmpdir(), "pictograph-test-"));
    records = await openSqliteRecords(join(dataDir, "pictograph.db"));
    const watched = new Proxy(records, {
      get: (target, name: keyof Records) => changes[name] ?? target[name].bind(target),
    });
    watch = new GenerationWatch(watched, new MemoryEvents(), pino({ enabled: false }), lookEveryMs);
    await begin(records, orderOf("gen_1"));
  }

  afterEach(async () => {
    watch.close();
    await records.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  test("sees changes without a notice", async () => {
    await open(10);
    const events = watch.watch("gen_1");
    await events.next();
    await records.addPreview("gen_1", { imageIndex: 1, partialIndex: 0 }, WORKER);
    await records.addImage(imageOf("gen_1", 0), SIZE, WORKER);
    await records.finish("gen_1", WORKER, { status: "SUCCEEDED" }, FINISHED_AT);

    expect(await tell(events)).toEqual(["partial 1.0", "image 0", "status SUCCEEDED"]);
  });

  test("sees that it ran even if the polls came before and after", async () => {
    await open(60_000);
    await accept(records, orderOf("gen_2"));
    const events = watch.watch("gen_2");
    const first = await events.next();
    await records.start("gen_2", claimOf());
    await records.finish("gen_2", WORKER, { status: "FAILED", failure: FAILURE }, FINISHED_AT);
    await watch.settle();
    const story = await Array.fromAsync(events);

    expect(first.value).toMatchObject({ type: "status", generation: { status: "QUEUED" } });
    expect(story.map(toWords)).toEqual(["status RUNNING", "status FAILED"]);
    expect(story[0]).not.toHaveProperty("generation.failure");
    expect(story[1]).toMatchObject({ generation: { failure: FAILURE } });
  });

  test("continues after an outage of the store", async () => {
    let failures = 0;
    await open(60_000, {
      findImagesOf: async (ids) => {
        if (failures++ === 0) throw new Error("away");
        return records.findImagesOf(ids);
      },
    });
    await records.finish("gen_1", WORKER, { status: "SUCCEEDED" }, FINISHED_AT);

    expect(await tell(watch.watch("gen_1"))).toEqual(["status SUCCEEDED"]);
    expect(failures).toBe(2);
  });

  test("ends for an unknown generation", async () => {
    await open(60_000);

    expect(await tell(watch.watch("gen_0"))).toEqual([]);
  });
});
