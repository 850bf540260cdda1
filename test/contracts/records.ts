import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type {
  Generation,
  GenerationFailure,
  GenerationOrder,
  GenerationSlice,
  Idempotency,
  Image,
  Records,
} from "../../src/ports/records.ts";
import { FAILURE_CODES, GENERATION_STATUSES } from "../../src/ports/records.ts";
import { seededRandom } from "../support/random.ts";

/** An adapter on an empty place of its own. */
export interface OpenedRecords {
  readonly records: Records;
  /** Closes the adapter and opens it again on the same place, as the next process does. */
  reopen(): Promise<Records>;
  /** Closes what is open and frees the place. */
  close(): Promise<void>;
}

const ACCEPTED_AT = new Date("2026-11-22T10:00:00.001Z");
const STARTED_AT = new Date("2026-11-22T10:00:01.999Z");
const FINISHED_AT = new Date("2026-11-22T10:01:40.500Z");
const DAY_MS = 86_400_000;
const FAILURE: GenerationFailure = {
  code: "UPSTREAM_FAILED",
  message: "the provider broke",
  retryable: true,
  billed: "UNKNOWN",
};

/** What every {@link Records} promises. */
export function recordsContract(name: string, open: () => Promise<OpenedRecords>): void {
  describe(`${name} as records`, () => {
    let opened: OpenedRecords;
    let records: Records;

    beforeEach(async () => {
      opened = await open();
      records = opened.records;
    });

    afterEach(() => opened.close());

    async function find(id: string): Promise<Generation | undefined> {
      const [generation, ...others] = await records.findGenerations([id]);
      expect(others).toEqual([]);
      return generation;
    }

    async function begin(order: GenerationOrder): Promise<void> {
      await records.accept(order);
      await records.start(order.id, STARTED_AT);
    }

    describe("accept", () => {
      test("stores the order as QUEUED", async () => {
        const order = orderOf("gen_1");

        expect(await records.accept(order)).toStrictEqual({ generation: { ...order, status: "QUEUED" }, isNew: true });
        expect(await find("gen_1")).toStrictEqual({ ...order, status: "QUEUED" });
      });

      test.each<[string, Partial<GenerationOrder>]>([
        [
          "a prompt in any script",
          { prompt: "寿司 🍣, עברית, ​e\u0301, \u{10ffff} and \ud83d\udc69\u200d\ud83d\ude80" },
        ],
        ["a prompt of quotes and escapes", { prompt: `'; DROP TABLE generations; -- " \\ \\u0000 %_ \r\n\t $1 ?` }],
        ["the longest prompt", { prompt: "🖼".repeat(32_000) }],
        ["spaces around a prompt", { prompt: "  a  \n" }],
        ["seed 0", { seed: 0 }],
        ["the largest seed", { seed: 2_147_483_647 }],
        ["every choice", { quality: "XHIGH", format: "AVIF", background: "TRANSPARENT", n: 10 }],
        ["two sizes", { requestedSize: { width: 64, height: 192 }, modelSize: { width: 480, height: 1408 } }],
        ["warnings in their order", { warnings: [warning("B", 'say "hi" 🖼'), warning("A", ""), warning("C", "c")] }],
        ["a moment to the millisecond", { createdAt: new Date("2038-01-19T03:14:08.123Z") }],
        ["an idempotency key", { idempotency: keyOf("a key with spaces, 'quotes' and %") }],
        ["another owner", { owner: "key_ä'\"" }],
      ])("keeps %s exactly", async (_what, difference) => {
        const order: GenerationOrder = { ...orderOf("gen_1"), ...difference };
        await records.accept(order);

        expect(await find("gen_1")).toStrictEqual({ ...order, status: "QUEUED" });
        records = await opened.reopen();
        expect(await find("gen_1")).toStrictEqual({ ...order, status: "QUEUED" });
      });

      test("takes only one of two generations with the same id", async () => {
        await records.accept(orderOf("gen_1"));
        await expect(records.accept({ ...orderOf("gen_1"), prompt: "another" })).rejects.toThrow();

        expect(await find("gen_1")).toMatchObject({ prompt: "a fox" });
      });
    });

    describe("an idempotency key", () => {
      const first: GenerationOrder = { ...orderOf("gen_1"), idempotency: keyOf("k") };

      beforeEach(() => records.accept(first));

      test("brings the same owner's earlier generation back, as it stands", async () => {
        await records.start("gen_1", STARTED_AT);
        const again: GenerationOrder = {
          ...orderOf("gen_2"),
          prompt: "another prompt",
          idempotency: { ...keyOf("k"), inputHash: "f".repeat(64) },
        };

        expect(await records.accept(again)).toStrictEqual({
          generation: { ...first, status: "RUNNING", startedAt: STARTED_AT },
          isNew: false,
        });
        expect(await find("gen_2")).toBeUndefined();
      });

      test("is still remembered when its generation has ended, and by the next process", async () => {
        await records.start("gen_1", STARTED_AT);
        await records.finish("gen_1", { status: "FAILED", failure: FAILURE }, FINISHED_AT);
        records = await opened.reopen();

        const { generation, isNew } = await records.accept({ ...orderOf("gen_2"), idempotency: keyOf("k") });
        expect({ id: generation.id, status: generation.status, isNew }).toEqual({
          id: "gen_1",
          status: "FAILED",
          isNew: false,
        });
      });

      test.each<[string, Partial<GenerationOrder>]>([
        ["of another owner", { owner: "other", idempotency: keyOf("k") }],
        ["in another case", { idempotency: keyOf("K") }],
        ["with a space more", { idempotency: keyOf("k ") }],
        ["that is another", { idempotency: keyOf("k2") }],
        ["that is none", {}],
      ])("%s is another one", async (_what, difference) => {
        const order: GenerationOrder = { ...orderOf("gen_2"), ...difference };

        expect(await records.accept(order)).toStrictEqual({ generation: { ...order, status: "QUEUED" }, isNew: true });
      });

      test("is remembered to its last millisecond, and then free for the next generation", async () => {
        const lastMoment = new Date(ACCEPTED_AT.getTime() + DAY_MS - 1);
        const last = await records.accept({ ...orderOf("gen_2", lastMoment), idempotency: keyOf("k", lastMoment) });
        expect([last.generation.id, last.isNew]).toEqual(["gen_1", false]);

        const over = new Date(ACCEPTED_AT.getTime() + DAY_MS);
        const next: GenerationOrder = { ...orderOf("gen_3", over), idempotency: keyOf("k", over) };
        expect(await records.accept(next)).toStrictEqual({ generation: { ...next, status: "QUEUED" }, isNew: true });
        const again = await records.accept({ ...orderOf("gen_4", over), idempotency: keyOf("k", over) });
        expect([again.generation.id, again.isNew]).toEqual(["gen_3", false]);
        const { idempotency: _forgotten, ...withoutKey } = first;
        expect(await find("gen_1")).toMatchObject(withoutKey);
      });

      test("lets one of 50 who come at once in", async () => {
        const accepted = await Promise.all(
          Array.from({ length: 50 }, (_, i) =>
            records.accept({ ...orderOf(`gen_x${i}`), idempotency: keyOf("fresh") }),
          ),
        );

        expect(accepted.filter(({ isNew }) => isNew)).toHaveLength(1);
        expect(new Set(accepted.map(({ generation }) => generation.id)).size).toBe(1);
        expect(await records.idsInStatus("QUEUED")).toHaveLength(2);
      });
    });

    describe("start", () => {
      test("makes a QUEUED generation RUNNING and answers it whole", async () => {
        const order: GenerationOrder = { ...orderOf("gen_1"), seed: 7, idempotency: keyOf("k") };
        await records.accept(order);
        const running = { ...order, status: "RUNNING", startedAt: STARTED_AT };

        expect(await records.start("gen_1", STARTED_AT)).toStrictEqual(running);
        expect(await find("gen_1")).toStrictEqual(running);
      });

      test("lets one of 20 who come at once do it", async () => {
        await records.accept(orderOf("gen_1"));
        await records.accept(orderOf("gen_2"));
        const started = await Promise.all(
          Array.from({ length: 20 }, (_, i) => records.start("gen_1", new Date(STARTED_AT.getTime() + i))),
        );

        const winners = started.filter((generation) => generation !== undefined);
        expect(winners).toHaveLength(1);
        expect(await find("gen_1")).toStrictEqual(winners[0]);
        expect(await find("gen_2")).toMatchObject({ status: "QUEUED" });
      });

      test("answers undefined for what is unknown, running or ended, and changes nothing", async () => {
        await begin(orderOf("gen_1"));
        expect(await records.start("gen_0", STARTED_AT)).toBeUndefined();
        expect(await records.start("gen_1", FINISHED_AT)).toBeUndefined();
        await records.finish("gen_1", { status: "SUCCEEDED" }, FINISHED_AT);
        expect(await records.start("gen_1", FINISHED_AT)).toBeUndefined();

        expect(await find("gen_1")).toMatchObject({ status: "SUCCEEDED", startedAt: STARTED_AT });
      });
    });

    describe("addImage", () => {
      const size = { width: 480, height: 1408 };

      test("keeps every field of the image exactly, and the size the model made", async () => {
        await begin(orderOf("gen_1"));
        const image: Image = { ...imageOf("gen_1", 3), key: "gen_1/a/delivered", format: "WEBP", byteSize: 16_000_001 };

        expect(await records.addImage(image, size)).toBe(true);
        expect(await records.findImages([image.id])).toStrictEqual([image]);
        expect(await find("gen_1")).toMatchObject({ status: "RUNNING", generatedSize: size });
        records = await opened.reopen();
        expect(await records.findImages([image.id])).toStrictEqual([image]);
        expect(await find("gen_1")).toMatchObject({ status: "RUNNING", generatedSize: size });
      });

      test("adds nothing to what is unknown, queued or ended", async () => {
        await records.accept(orderOf("gen_1"));
        expect(await records.addImage(imageOf("gen_0", 0), size)).toBe(false);
        expect(await records.addImage(imageOf("gen_1", 0), size)).toBe(false);
        await records.start("gen_1", STARTED_AT);
        await records.finish("gen_1", { status: "FAILED", failure: FAILURE }, FINISHED_AT);
        expect(await records.addImage(imageOf("gen_1", 0), size)).toBe(false);

        expect(await records.findImagesOf(["gen_0", "gen_1"])).toEqual([]);
        expect(await find("gen_1")).not.toHaveProperty("generatedSize");
      });

      test("adds many at once", async () => {
        await begin(orderOf("gen_1"));
        const images = Array.from({ length: 10 }, (_, index) => imageOf("gen_1", index));
        const added = await Promise.all(images.map((image) => records.addImage(image, size)));

        expect(added).toEqual(images.map(() => true));
        expect(await records.findImagesOf(["gen_1"])).toStrictEqual(images);
      });
    });

    describe("finish", () => {
      const usage = { inputTokens: 0, outputTokens: 4_000_000, totalTokens: 4_000_000 };

      test("keeps a success", async () => {
        await begin(orderOf("gen_1"));

        expect(await records.finish("gen_1", { status: "SUCCEEDED" }, FINISHED_AT)).toBe(true);
        expect(await find("gen_1")).toStrictEqual({
          ...orderOf("gen_1"),
          status: "SUCCEEDED",
          startedAt: STARTED_AT,
          finishedAt: FINISHED_AT,
        });
      });

      test("keeps what was used by a success and by a failure", async () => {
        await begin(orderOf("gen_1"));
        await begin(orderOf("gen_2"));
        await records.finish("gen_1", { status: "SUCCEEDED", usage }, FINISHED_AT);
        await records.finish("gen_2", { status: "FAILED", failure: FAILURE, usage }, FINISHED_AT);

        expect(await find("gen_1")).toMatchObject({ status: "SUCCEEDED", usage });
        expect(await find("gen_2")).toMatchObject({ status: "FAILED", failure: FAILURE, usage });
      });

      test.each(FAILURE_CODES)("keeps a failure of code %s exactly", async (code) => {
        const failure: GenerationFailure = {
          code,
          message: 'the "provider" said 否',
          retryable: code === "RATE_LIMITED",
          billed: code === "INTERNAL" ? "YES" : "NO",
          ...(code === "RATE_LIMITED" && { retryAfterSeconds: 0 }),
        };
        await begin(orderOf("gen_1"));
        await records.finish("gen_1", { status: "FAILED", failure }, FINISHED_AT);
        records = await opened.reopen();

        expect((await find("gen_1"))?.failure).toStrictEqual(failure);
      });

      test("answers false for what is unknown, queued or ended, and changes nothing", async () => {
        await records.accept(orderOf("gen_1"));
        await begin(orderOf("gen_2"));
        await records.finish("gen_2", { status: "SUCCEEDED", usage }, FINISHED_AT);
        const before = await find("gen_2");
        const failed = { status: "FAILED", failure: FAILURE } as const;

        expect(await records.finish("gen_0", failed, FINISHED_AT)).toBe(false);
        expect(await records.finish("gen_1", failed, FINISHED_AT)).toBe(false);
        expect(await records.finish("gen_2", failed, STARTED_AT)).toBe(false);
        expect(await find("gen_1")).toMatchObject({ status: "QUEUED" });
        expect(await find("gen_2")).toStrictEqual(before);
      });

      test("lets one of 20 who come at once do it", async () => {
        await begin(orderOf("gen_1"));
        const finished = await Promise.all(
          Array.from({ length: 20 }, (_, i) =>
            records.finish(
              "gen_1",
              i % 2 === 0 ? { status: "SUCCEEDED" } : { status: "FAILED", failure: FAILURE },
              new Date(FINISHED_AT.getTime() + i),
            ),
          ),
        );

        expect(finished.filter((isDone) => isDone)).toHaveLength(1);
        const winner = finished.indexOf(true);
        expect(await find("gen_1")).toMatchObject({
          status: winner % 2 === 0 ? "SUCCEEDED" : "FAILED",
          finishedAt: new Date(FINISHED_AT.getTime() + winner),
        });
      });

      test("leaves an image only where addImage said so, when both come at once", async () => {
        for (let round = 0; round < 10; round++) {
          const id = `gen_${round}`;
          await begin(orderOf(id));
          const [isFinished, isAdded] = await Promise.all([
            records.finish(id, { status: "FAILED", failure: FAILURE }, FINISHED_AT),
            records.addImage(imageOf(id, 0), { width: 64, height: 64 }),
          ]);
          expect(isFinished).toBe(true);
          expect(await records.findImagesOf([id])).toHaveLength(isAdded ? 1 : 0);
        }
      });
    });

    describe("idsInStatus", () => {
      test("lists the ids of every owner, oldest first", async () => {
        for (const [id, owner] of [
          ["gen_3", "b"],
          ["gen_1", "a"],
          ["gen_5", "a"],
          ["gen_2", "b"],
          ["gen_4", "c"],
        ] as const) {
          await records.accept({ ...orderOf(id), owner });
        }
        await records.start("gen_2", STARTED_AT);
        await records.start("gen_4", STARTED_AT);
        await records.finish("gen_4", { status: "SUCCEEDED" }, FINISHED_AT);

        expect(await records.idsInStatus("QUEUED")).toEqual(["gen_1", "gen_3", "gen_5"]);
        expect(await records.idsInStatus("RUNNING")).toEqual(["gen_2"]);
        expect(await records.idsInStatus("SUCCEEDED")).toEqual(["gen_4"]);
        expect(await records.idsInStatus("FAILED")).toEqual([]);
        expect(await records.idsInStatus("CANCELED")).toEqual([]);
      });
    });

    describe("finding", () => {
      test("generations leaves out unknown ids, and finds each once", async () => {
        for (const id of ["gen_1", "gen_2", "gen_3"]) await records.accept(orderOf(id));
        const found = await records.findGenerations(["gen_3", "gen_0", "gen_1", "gen_3", "", "gen_1' OR 1=1"]);

        expect(found.map(({ id }) => id).sort()).toEqual(["gen_1", "gen_3"]);
        expect(await records.findGenerations([])).toEqual([]);
      });

      test("a thousand at once", async () => {
        const ids = Array.from({ length: 1000 }, (_, i) => `gen_absent${i}`);
        await records.accept(orderOf("gen_1"));

        expect(await records.findGenerations([...ids, "gen_1"])).toHaveLength(1);
        expect(await records.findImages([...ids, "img_1"])).toEqual([]);
        expect(await records.findImagesOf([...ids, "gen_1"])).toEqual([]);
      });

      test("images of generations answers by generation and index, whatever order they came in", async () => {
        for (const id of ["gen_1", "gen_2", "gen_3"]) await begin(orderOf(id));
        const images = ["gen_1", "gen_2", "gen_3"].flatMap((id) =>
          Array.from({ length: 10 }, (_, index) => imageOf(id, index)),
        );
        for (const image of seededRandom(2).shuffled(images)) await records.addImage(image, { width: 64, height: 64 });

        expect(await records.findImagesOf(["gen_1"])).toStrictEqual(images.slice(0, 10));
        expect(await records.findImagesOf(["gen_3", "gen_1", "gen_0"])).toStrictEqual([
          ...images.slice(0, 10),
          ...images.slice(20),
        ]);
        expect(await records.findImagesOf([])).toEqual([]);
      });

      test("images by id leaves out unknown ones", async () => {
        await begin(orderOf("gen_1"));
        const images = [0, 1, 2].map((index) => imageOf("gen_1", index));
        for (const image of images) await records.addImage(image, { width: 64, height: 64 });
        const found = await records.findImages([images[2]?.id ?? "", "img_none", images[0]?.id ?? ""]);

        expect(found.map(({ index }) => index).sort()).toEqual([0, 2]);
        expect(await records.findImages([])).toEqual([]);
      });
    });

    test("lists what a list in memory would", async () => {
      const random = seededRandom(20_261_122);
      const ids = random.shuffled(Array.from({ length: 60 }, (_, i) => `gen_${(i * 7919 + 100_000).toString(36)}`));
      const owners = ["a", "b", "A"];
      const model: { readonly id: string; readonly owner: string; status: string }[] = [];
      for (const id of ids) {
        const owner = random.pick(owners);
        await records.accept({ ...orderOf(id), owner });
        const status = random.pick(["QUEUED", "RUNNING", "SUCCEEDED", "FAILED"]);
        if (status !== "QUEUED") await records.start(id, STARTED_AT);
        if (status === "SUCCEEDED") await records.finish(id, { status }, FINISHED_AT);
        if (status === "FAILED") await records.finish(id, { status, failure: FAILURE }, FINISHED_AT);
        model.push({ id, owner, status });
      }
      const newestFirst = model.sort((a, b) => (a.id < b.id ? 1 : -1));
      const boundaries = [...ids, "gen_", "gen_zzzzz", "gen_2m0"];

      for (let round = 0; round < 300; round++) {
        const slice: GenerationSlice = {
          owner: random.pick([...owners, "nobody"]),
          from: random.pick(["newest", "oldest"]),
          limit: random.pick([1, 2, 3, 10, 61]),
          ...(random.whole(0, 1) === 1 && { status: random.pick(GENERATION_STATUSES) }),
          ...(random.whole(0, 1) === 1 && { olderThan: random.pick(boundaries) }),
          ...(random.whole(0, 1) === 1 && { newerThan: random.pick(boundaries) }),
        };
        const { owner, status, olderThan, newerThan, limit } = slice;
        const matching = newestFirst.filter(
          (one) =>
            one.owner === owner &&
            (status === undefined || one.status === status) &&
            (olderThan === undefined || one.id < olderThan) &&
            (newerThan === undefined || one.id > newerThan),
        );
        const expected = slice.from === "newest" ? matching.slice(0, limit) : matching.slice(-limit);
        const listed = await records.listGenerations(slice);
        expect({ slice, ids: listed.map(({ id }) => id) }).toEqual({ slice, ids: expected.map(({ id }) => id) });
      }
    });

    test("keep everything for the next process", async () => {
      const order: GenerationOrder = { ...orderOf("gen_1"), seed: 5, idempotency: keyOf("k") };
      await begin(order);
      await records.addImage(imageOf("gen_1", 0), { width: 480, height: 1408 });
      const usage = { inputTokens: 1, outputTokens: 2, totalTokens: 3 };
      await records.finish("gen_1", { status: "FAILED", failure: FAILURE, usage }, FINISHED_AT);
      await records.accept(orderOf("gen_2"));
      const before = await records.listGenerations({ owner: "public", from: "newest", limit: 10 });

      records = await opened.reopen();

      expect(await records.listGenerations({ owner: "public", from: "newest", limit: 10 })).toStrictEqual(before);
      expect(before).toHaveLength(2);
      expect(await records.findImagesOf(["gen_1"])).toStrictEqual([imageOf("gen_1", 0)]);
      expect(await records.idsInStatus("QUEUED")).toEqual(["gen_2"]);
    });
  });
}

export function orderOf(id: string, createdAt = ACCEPTED_AT): GenerationOrder {
  return {
    id,
    owner: "public",
    prompt: "a fox",
    model: "scripted-1",
    n: 2,
    requestedSize: { width: 256, height: 256 },
    modelSize: { width: 816, height: 816 },
    quality: "AUTO",
    format: "PNG",
    background: "AUTO",
    warnings: [],
    createdAt,
  };
}

function keyOf(key: string, from = ACCEPTED_AT): Idempotency {
  return { key, inputHash: "0".repeat(64), expiresAt: new Date(from.getTime() + DAY_MS) };
}

function imageOf(generationId: string, index: number): Image {
  return {
    id: `img_${generationId}_${9 - index}`,
    generationId,
    owner: "public",
    index,
    key: `${generationId}/${index}/original`,
    originalKey: `${generationId}/${index}/original`,
    width: 256,
    height: 256,
    format: "PNG",
    byteSize: 1000 + index,
    sha256: String(index).repeat(64),
    placeholder: "data:image/webp;base64,AAAA",
    createdAt: new Date(STARTED_AT.getTime() + index),
  };
}

function warning(code: string, message: string): { readonly code: string; readonly message: string } {
  return { code, message };
}
