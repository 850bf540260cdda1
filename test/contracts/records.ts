import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { GenerationSlice } from "../../src/ports/history.ts";
import type { GenerationOrder } from "../../src/ports/records.ts";
import { GENERATION_STATUSES } from "../../src/ports/records.ts";
import { seededRandom } from "../support/random.ts";
import { recordBatchesContract } from "./record-batches.ts";
import { recordBudgetsContract } from "./record-budgets.ts";
import { recordEndsContract } from "./record-ends.ts";
import { recordLedgerContract } from "./record-ledger.ts";
import { recordRatesContract } from "./record-rates.ts";
import { recordRunsContract } from "./record-runs.ts";
import {
  ACCEPTED_AT,
  accept,
  begin,
  claimOf,
  DAY_MS,
  END_OF_TIME,
  FAILURE,
  FINISHED_AT,
  find,
  idsOf,
  imageOf,
  keyOf,
  type OpenedRecords,
  orderOf,
  type RecordsWithHistory,
  SIZE,
  STARTED_AT,
  sourceOf,
  WORKER,
  warning,
} from "./record-samples.ts";
import { recordUsageContract } from "./record-usage.ts";

/** What every {@link Records} promises. */
export function recordsContract(name: string, open: () => Promise<OpenedRecords>): void {
  recordRunsContract(name, open);
  recordEndsContract(name, open);
  recordLedgerContract(name, open);
  recordBudgetsContract(name, open);
  recordRatesContract(name, open);
  recordUsageContract(name, open);
  recordBatchesContract(name, open);

  describe(`${name} as records`, () => {
    let opened: OpenedRecords;
    let records: RecordsWithHistory;

    beforeEach(async () => {
      opened = await open();
      records = opened.records;
    });

    afterEach(() => opened.close());

    describe("accept", () => {
      test("stores a generation as QUEUED", async () => {
        const order = orderOf("gen_1");

        expect(await accept(records, order)).toStrictEqual({ generation: { ...order, status: "QUEUED" }, isNew: true });
        expect(await find(records, "gen_1")).toStrictEqual({ ...order, status: "QUEUED" });
      });

      test.each<[string, Partial<GenerationOrder>]>([
        [
          "a prompt in any script",
          { prompt: "寿司 🍣, עברית, ​e\u0301, \u{10ffff} and \ud83d\udc69\u200d\ud83d\ude80" },
        ],
        ["a prompt of quotes and escapes", { prompt: `'; DROP TABLE generations; -- " \\ \\u0000 %_ \r\n\t $1 ?` }],
        ["the longest prompt", { prompt: "🖼".repeat(32_000) }],
        ["spaces around a prompt", { prompt: "  a  \n" }],
        ["what an edit changes", { edit: { images: [sourceOf(0), { ...sourceOf(1), imageId: "img_1" }] } }],
        ["where an edit changes it", { edit: { images: [sourceOf(0)], mask: sourceOf(1) } }],
        ["seed 0", { seed: 0 }],
        ["the largest seed", { seed: 2_147_483_647 }],
        ["what goes to the provider besides", { compression: 0, moderation: "LOW", safetyIdentifier: "ü-1" }],
        ["every choice", { quality: "XHIGH", format: "AVIF", background: "TRANSPARENT", n: 10 }],
        ["two sizes", { requestedSize: { width: 64, height: 192 }, modelSize: { width: 480, height: 1408 } }],
        ["warnings in their order", { warnings: [warning("B", 'say "hi" 🖼'), warning("A", ""), warning("C", "c")] }],
        ["a moment to the millisecond", { createdAt: new Date("2038-01-19T03:14:08.123Z") }],
        ["an idempotency key", { idempotency: keyOf("a key with spaces, 'quotes' and %") }],
        ["another project and end user", { projectId: "proj_ä'\"", endUser: "ü%_'\" \n", apiKeyId: "key_1" }],
        [
          "what the caller attached",
          {
            metadata: [
              { key: "b", value: "" },
              { key: "a", value: "寿司 '\"" },
            ],
          },
        ],
      ])("keeps %s exactly", async (_what, difference) => {
        const order: GenerationOrder = { ...orderOf("gen_1"), ...difference };
        await accept(records, order);

        expect(await find(records, "gen_1")).toStrictEqual({ ...order, status: "QUEUED" });
        records = await opened.reopen();
        expect(await find(records, "gen_1")).toStrictEqual({ ...order, status: "QUEUED" });
      });

      test("accepts only one of two generations with the same id", async () => {
        await accept(records, orderOf("gen_1"));
        await expect(accept(records, { ...orderOf("gen_1"), prompt: "another" })).rejects.toThrow();

        expect(await find(records, "gen_1")).toMatchObject({ prompt: "a fox" });
      });
    });

    describe("an idempotency key", () => {
      const first: GenerationOrder = { ...orderOf("gen_1"), idempotency: keyOf("k") };

      beforeEach(() => accept(records, first));

      test("returns the earlier generation of the same project in its present state", async () => {
        await records.start("gen_1", claimOf());
        const again: GenerationOrder = {
          ...orderOf("gen_2"),
          prompt: "another prompt",
          inputHash: "f".repeat(64),
          idempotency: keyOf("k"),
        };

        expect(await accept(records, again)).toStrictEqual({
          generation: { ...first, status: "RUNNING", startedAt: STARTED_AT },
          isNew: false,
        });
        expect(await find(records, "gen_2")).toBeUndefined();
      });

      test("is remembered after its generation has ended, and by the next process", async () => {
        await records.start("gen_1", claimOf());
        await records.finish("gen_1", WORKER, { status: "FAILED", failure: FAILURE }, FINISHED_AT);
        records = await opened.reopen();

        const { generation, isNew } = await accept(records, { ...orderOf("gen_2"), idempotency: keyOf("k") });
        expect({ id: generation.id, status: generation.status, isNew }).toEqual({
          id: "gen_1",
          status: "FAILED",
          isNew: false,
        });
      });

      test.each<[string, Partial<GenerationOrder>]>([
        ["of another project", { projectId: "other", idempotency: keyOf("k") }],
        ["in another case", { idempotency: keyOf("K") }],
        ["with a space more", { idempotency: keyOf("k ") }],
        ["that is another", { idempotency: keyOf("k2") }],
        ["that is absent", {}],
      ])("%s is a different key", async (_what, difference) => {
        const order: GenerationOrder = { ...orderOf("gen_2"), ...difference };

        expect(await accept(records, order)).toStrictEqual({ generation: { ...order, status: "QUEUED" }, isNew: true });
      });

      test("is remembered to its last millisecond, and then free for the next generation", async () => {
        const lastMoment = new Date(ACCEPTED_AT.getTime() + DAY_MS - 1);
        const last = await accept(records, { ...orderOf("gen_2", lastMoment), idempotency: keyOf("k", lastMoment) });
        expect([last.generation.id, last.isNew]).toEqual(["gen_1", false]);

        const over = new Date(ACCEPTED_AT.getTime() + DAY_MS);
        const next: GenerationOrder = { ...orderOf("gen_3", over), idempotency: keyOf("k", over) };
        expect(await accept(records, next)).toStrictEqual({ generation: { ...next, status: "QUEUED" }, isNew: true });
        const again = await accept(records, { ...orderOf("gen_4", over), idempotency: keyOf("k", over) });
        expect([again.generation.id, again.isNew]).toEqual(["gen_3", false]);
        const { idempotency: _forgotten, ...withoutKey } = first;
        expect(await find(records, "gen_1")).toMatchObject(withoutKey);
      });

      test("finds the same project's generation while it is remembered", async () => {
        const lastMoment = new Date(ACCEPTED_AT.getTime() + DAY_MS - 1);
        const over = new Date(ACCEPTED_AT.getTime() + DAY_MS);

        expect(await records.findByIdempotencyKey("proj_public", "k", ACCEPTED_AT)).toStrictEqual({
          ...first,
          status: "QUEUED",
        });
        expect((await records.findByIdempotencyKey("proj_public", "k", lastMoment))?.id).toBe("gen_1");
        expect(await records.findByIdempotencyKey("proj_public", "k", over)).toBeUndefined();
        expect(await records.findByIdempotencyKey("other", "k", ACCEPTED_AT)).toBeUndefined();
        expect(await records.findByIdempotencyKey("proj_public", "K", ACCEPTED_AT)).toBeUndefined();
      });

      test("accepts one of 50 simultaneous generations", async () => {
        const accepted = await Promise.all(
          Array.from({ length: 50 }, (_, i) =>
            accept(records, { ...orderOf(`gen_x${i}`), idempotency: keyOf("fresh") }),
          ),
        );

        expect(accepted.filter(({ isNew }) => isNew)).toHaveLength(1);
        expect(new Set(accepted.map(({ generation }) => generation.id)).size).toBe(1);
        expect(await records.idsQueuedBefore(END_OF_TIME, 100)).toHaveLength(2);
      });
    });

    describe("finding", () => {
      test("generations omits unknown ids, and returns each once", async () => {
        for (const id of ["gen_1", "gen_2", "gen_3"]) await accept(records, orderOf(id));
        const found = await records.findGenerations(["gen_3", "gen_0", "gen_1", "gen_3", "", "gen_1' OR 1=1"]);

        expect(found.map(({ id }) => id).sort()).toEqual(["gen_1", "gen_3"]);
        expect(await records.findGenerations([])).toEqual([]);
      });

      test("a thousand generations works in one call", async () => {
        const ids = Array.from({ length: 1000 }, (_, i) => `gen_absent${i}`);
        await accept(records, orderOf("gen_1"));

        expect(await records.findGenerations([...ids, "gen_1"])).toHaveLength(1);
        expect(await records.findImages([...ids, "img_1"])).toEqual([]);
        expect(await records.findImagesOf([...ids, "gen_1"])).toEqual([]);
      });

      test("images of generations returns them by generation and index, whatever their order of arrival", async () => {
        for (const id of ["gen_1", "gen_2", "gen_3"]) await begin(records, orderOf(id));
        const images = ["gen_1", "gen_2", "gen_3"].flatMap((id) =>
          Array.from({ length: 10 }, (_, index) => imageOf(id, index)),
        );
        for (const image of seededRandom(2).shuffled(images)) await records.addImage(image, SIZE, WORKER);

        expect(await records.findImagesOf(["gen_1"])).toStrictEqual(images.slice(0, 10));
        expect(await records.findImagesOf(["gen_3", "gen_1", "gen_0"])).toStrictEqual([
          ...images.slice(0, 10),
          ...images.slice(20),
        ]);
        expect(await records.findImagesOf([])).toEqual([]);
      });

      test("images by id omits unknown ones", async () => {
        await begin(records, orderOf("gen_1"));
        const images = [0, 1, 2].map((index) => imageOf("gen_1", index));
        for (const image of images) await records.addImage(image, SIZE, WORKER);
        const found = await records.findImages([images[2]?.id ?? "", "img_none", images[0]?.id ?? ""]);

        expect(found.map(({ index }) => index).sort()).toEqual([0, 2]);
        expect(await records.findImages([])).toEqual([]);
      });
    });

    test("lists the same as a list in memory", async () => {
      const random = seededRandom(20_261_122);
      const ids = random.shuffled(
        Array.from({ length: 60 }, (_, i) => mixedCase(`gen_${(i * 7919 + 100_000).toString(36)}`, i)),
      );
      const projects = ["a", "b", "A"];
      const endUsers = ["u", "U", undefined];
      const model: { readonly id: string; projectId: string; endUser: string | undefined; status: string }[] = [];
      for (const id of ids) {
        const projectId = random.pick(projects);
        const endUser = random.pick(endUsers);
        await accept(records, { ...orderOf(id), projectId, endUser });
        const status = random.pick(["QUEUED", "RUNNING", "SUCCEEDED", "FAILED"]);
        if (status !== "QUEUED") await records.start(id, claimOf());
        if (status === "SUCCEEDED") await records.finish(id, WORKER, { status }, FINISHED_AT);
        if (status === "FAILED") await records.finish(id, WORKER, { status, failure: FAILURE }, FINISHED_AT);
        model.push({ id, projectId, endUser, status });
      }
      const newestFirst = model.sort((a, b) => (a.id < b.id ? 1 : -1));
      const boundaries = [...ids, "gen_", "gen_zzzzz", "gen_2m0"];

      for (let round = 0; round < 300; round++) {
        const slice: GenerationSlice = {
          projectId: random.pick([...projects, "nobody", undefined]),
          endUser: random.pick(endUsers),
          from: random.pick(["newest", "oldest"]),
          limit: random.pick([1, 2, 3, 10, 61]),
          ...(random.whole(0, 1) === 1 && { status: random.pick(GENERATION_STATUSES) }),
          ...(random.whole(0, 1) === 1 && { olderThan: random.pick(boundaries) }),
          ...(random.whole(0, 1) === 1 && { newerThan: random.pick(boundaries) }),
        };
        const { projectId, endUser, status, olderThan, newerThan, limit } = slice;
        const matching = newestFirst.filter(
          (one) =>
            (projectId === undefined || one.projectId === projectId) &&
            (endUser === undefined || one.endUser === endUser) &&
            (status === undefined || one.status === status) &&
            (olderThan === undefined || one.id < olderThan) &&
            (newerThan === undefined || one.id > newerThan),
        );
        const expected = slice.from === "newest" ? matching.slice(0, limit) : matching.slice(-limit);
        const listed = await records.history.listGenerations(slice);
        expect({ slice, ids: listed.map(({ id }) => id) }).toEqual({ slice, ids: expected.map(({ id }) => id) });
      }
    });

    test("find the newest generation of a project with the same input since a given time", async () => {
      const inputHash = "a".repeat(64);
      const at = (ms: number) => new Date(ACCEPTED_AT.getTime() + ms);
      await accept(records, { ...orderOf("gen_1", at(1)), inputHash });
      await accept(records, { ...orderOf("gen_2", at(2)), inputHash });
      await accept(records, { ...orderOf("gen_3", at(3)), inputHash, projectId: "other" });
      await accept(records, orderOf("gen_4", at(4)));

      expect(idsOf(await records.findLatestOf("proj_public", inputHash, at(0), 10))).toEqual(["gen_2", "gen_1"]);
      expect(idsOf(await records.findLatestOf("proj_public", inputHash, at(0), 1))).toEqual(["gen_2"]);
      expect(idsOf(await records.findLatestOf("proj_public", inputHash, at(2), 10))).toEqual(["gen_2"]);
      expect(await records.findLatestOf("proj_public", inputHash, at(3), 10)).toEqual([]);
      expect(await records.findLatestOf("nobody", inputHash, at(0), 10)).toEqual([]);
    });

    test("keep everything for the next process", async () => {
      const order: GenerationOrder = { ...orderOf("gen_1"), seed: 5, idempotency: keyOf("k") };
      await begin(records, order);
      await records.addImage(imageOf("gen_1", 0), SIZE, WORKER);
      const usage = { inputTokens: 1, outputTokens: 2, totalTokens: 3 };
      await records.finish("gen_1", WORKER, { status: "FAILED", failure: FAILURE, usage }, FINISHED_AT);
      await accept(records, orderOf("gen_2"));
      const before = await records.history.listGenerations({ projectId: "proj_public", from: "newest", limit: 10 });

      records = await opened.reopen();

      expect(
        await records.history.listGenerations({ projectId: "proj_public", from: "newest", limit: 10 }),
      ).toStrictEqual(before);
      expect(before).toHaveLength(2);
      expect(await records.findImagesOf(["gen_1"])).toStrictEqual([imageOf("gen_1", 0)]);
      expect(await records.idsQueuedBefore(END_OF_TIME, 100)).toEqual(["gen_2"]);
    });
  });
}

/** Ids are compared byte by byte: a locale would ignore case, or sort otherwise. */
function mixedCase(id: string, i: number): string {
  return i % 3 === 0 ? id.toUpperCase() : id;
}
