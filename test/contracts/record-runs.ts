import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { GenerationFailure, GenerationOrder, Image, Records } from "../../src/ports/records.ts";
import { FAILURE_CODES } from "../../src/ports/records.ts";
import {
  accept,
  begin,
  claimOf,
  END_OF_TIME,
  FAILURE,
  FINISHED_AT,
  find,
  INTERRUPTED,
  imageOf,
  keyOf,
  NO_LIMITS,
  type OpenedRecords,
  OTHER_WORKER,
  orderOf,
  SIZE,
  STARTED_AT,
  WORKER,
  warning,
} from "./record-samples.ts";

/** What every {@link Records} promises to the worker that runs a generation. */
export function recordRunsContract(name: string, open: () => Promise<OpenedRecords>): void {
  describe(`${name} as records of runs`, () => {
    let opened: OpenedRecords;
    let records: Records;

    beforeEach(async () => {
      opened = await open();
      records = opened.records;
    });

    afterEach(() => opened.close());

    describe("accept with a claim", () => {
      test("stores the order as RUNNING, leased to its worker", async () => {
        const order: GenerationOrder = { ...orderOf("gen_1"), seed: 7, idempotency: keyOf("k") };
        const running = { ...order, status: "RUNNING", startedAt: STARTED_AT };
        const accepted = await records.accept(order, NO_LIMITS, claimOf());

        expect(accepted).toMatchObject({ isNew: true, generation: running });
        expect(await find(records, "gen_1")).toStrictEqual(running);
        expect(await records.start("gen_1", claimOf(OTHER_WORKER))).toBeUndefined();
        expect(await records.extendLeases(WORKER, END_OF_TIME)).toEqual(["gen_1"]);
        expect(await records.interruptExpired(INTERRUPTED, FINISHED_AT)).toEqual([]);
        const outcome = { status: "FAILED", failure: FAILURE } as const;
        expect(await records.finish("gen_1", OTHER_WORKER, outcome, FINISHED_AT)).toBe(false);
        expect(await records.finish("gen_1", WORKER, outcome, FINISHED_AT)).toBe(true);
      });

      test("leaves the earlier generation of its key alone", async () => {
        await accept(records, { ...orderOf("gen_1"), idempotency: keyOf("k") });
        const repeated = { ...orderOf("gen_2"), idempotency: keyOf("k") };

        expect(await records.accept(repeated, NO_LIMITS, claimOf())).toMatchObject({
          isNew: false,
          generation: { id: "gen_1", status: "QUEUED" },
        });
        expect(await find(records, "gen_2")).toBeUndefined();
      });

      test("starts some of the orders that are accepted together", async () => {
        const ids = ["gen_1", "gen_2", "gen_3", "gen_4"];
        const isClaimed = (id: string) => id === "gen_2" || id === "gen_4";
        await Promise.all(
          ids.map((id) => records.accept(orderOf(id), NO_LIMITS, isClaimed(id) ? claimOf() : undefined)),
        );

        const found = await records.findGenerations(ids);
        const statuses = Object.fromEntries(found.map(({ id, status }) => [id, status]));
        expect(statuses).toEqual({ gen_1: "QUEUED", gen_2: "RUNNING", gen_3: "QUEUED", gen_4: "RUNNING" });
      });
    });

    describe("start", () => {
      test("makes a QUEUED generation RUNNING and returns all of it", async () => {
        const order: GenerationOrder = { ...orderOf("gen_1"), seed: 7, idempotency: keyOf("k") };
        await accept(records, order);
        const running = { ...order, status: "RUNNING", startedAt: STARTED_AT };

        expect(await records.start("gen_1", claimOf())).toStrictEqual(running);
        expect(await find(records, "gen_1")).toStrictEqual(running);
      });

      test("succeeds for one of 20 simultaneous callers", async () => {
        await accept(records, orderOf("gen_1"));
        await accept(records, orderOf("gen_2"));
        const started = await Promise.all(
          Array.from({ length: 20 }, (_, i) =>
            records.start("gen_1", claimOf(`run_${i}`, new Date(STARTED_AT.getTime() + i))),
          ),
        );

        const winners = started.filter((generation) => generation !== undefined);
        expect(winners).toHaveLength(1);
        expect(await find(records, "gen_1")).toStrictEqual(winners[0]);
        expect(await find(records, "gen_2")).toMatchObject({ status: "QUEUED" });
      });

      test("returns undefined and changes nothing if the generation is unknown, running or ended", async () => {
        await begin(records, orderOf("gen_1"));
        expect(await records.start("gen_1", claimOf(OTHER_WORKER, FINISHED_AT))).toBeUndefined();
        expect(await records.start("gen_0", claimOf())).toBeUndefined();
        expect(await records.start("gen_1", claimOf(WORKER, FINISHED_AT))).toBeUndefined();
        await records.finish("gen_1", WORKER, { status: "SUCCEEDED" }, FINISHED_AT);
        expect(await records.start("gen_1", claimOf(WORKER, FINISHED_AT))).toBeUndefined();

        expect(await find(records, "gen_1")).toMatchObject({ status: "SUCCEEDED", startedAt: STARTED_AT });
      });
    });

    describe("park", () => {
      test("makes a running generation wait as before, so that it can be started again", async () => {
        const order: GenerationOrder = { ...orderOf("gen_1"), seed: 7, idempotency: keyOf("k") };
        await begin(records, order);
        expect(await records.park("gen_1", WORKER)).toBe(true);

        expect(await find(records, "gen_1")).toStrictEqual({ ...order, status: "QUEUED" });
        expect(await records.idsQueuedBefore(END_OF_TIME, 10)).toEqual(["gen_1"]);
        expect(await records.interruptExpired(INTERRUPTED, END_OF_TIME)).toEqual([]);
        expect(await records.start("gen_1", claimOf(OTHER_WORKER))).toMatchObject({ status: "RUNNING" });
      });

      test("does nothing if the generation is unknown, queued, ended or another worker's", async () => {
        await accept(records, orderOf("gen_1"));
        await begin(records, orderOf("gen_2"));
        await records.finish("gen_2", WORKER, { status: "SUCCEEDED" }, FINISHED_AT);
        await begin(records, orderOf("gen_3"), claimOf(OTHER_WORKER));
        await begin(records, orderOf("gen_4"));
        await records.cancel("gen_4", FAILURE, FINISHED_AT);
        for (const i of [0, 1, 2, 3, 4]) expect(await records.park(`gen_${i}`, WORKER)).toBe(false);

        const found = await records.findGenerations(["gen_1", "gen_2", "gen_3", "gen_4"]);
        expect(found.map(({ status }) => status).sort()).toEqual(["CANCELED", "QUEUED", "RUNNING", "SUCCEEDED"]);
      });
    });

    describe("addPreview", () => {
      test("keeps previews in order of arrival", async () => {
        await begin(records, { ...orderOf("gen_1"), partialImages: 3 });
        const previews = [
          { imageIndex: 1, partialIndex: 0 },
          { imageIndex: 0, partialIndex: 0 },
          { imageIndex: 10, partialIndex: 2 },
        ];
        expect(await find(records, "gen_1")).not.toHaveProperty("previews");
        for (const preview of previews) expect(await records.addPreview("gen_1", preview, WORKER)).toBe(true);

        expect(await find(records, "gen_1")).toMatchObject({ partialImages: 3, previews });
        records = await opened.reopen();
        expect(await find(records, "gen_1")).toMatchObject({ partialImages: 3, previews });
      });

      test("keeps all simultaneous previews", async () => {
        await begin(records, orderOf("gen_1"));
        const previews = Array.from({ length: 30 }, (_, i) => ({ imageIndex: i % 10, partialIndex: i % 3 }));
        await Promise.all(previews.map((preview) => records.addPreview("gen_1", preview, WORKER)));

        expect((await find(records, "gen_1"))?.previews).toHaveLength(30);
      });

      test("adds nothing if the generation is unknown, queued, ended or another worker's", async () => {
        const preview = { imageIndex: 0, partialIndex: 0 };
        await accept(records, orderOf("gen_1"));
        expect(await records.addPreview("gen_0", preview, WORKER)).toBe(false);
        expect(await records.addPreview("gen_1", preview, WORKER)).toBe(false);
        await records.start("gen_1", claimOf());
        expect(await records.addPreview("gen_1", preview, OTHER_WORKER)).toBe(false);
        await records.finish("gen_1", WORKER, { status: "SUCCEEDED" }, FINISHED_AT);
        expect(await records.addPreview("gen_1", preview, WORKER)).toBe(false);

        expect(await find(records, "gen_1")).not.toHaveProperty("previews");
      });
    });

    describe("keepPlaceholder", () => {
      test("adds a placeholder to an image stored without one, and to no other image", async () => {
        await begin(records, orderOf("gen_1"));
        const { placeholder: _, ...first } = imageOf("gen_1", 0);
        const { placeholder: __, ...second } = imageOf("gen_1", 1);
        for (const image of [first, second]) await records.addImage(image, SIZE, WORKER);
        expect(await records.findImagesOf(["gen_1"])).toStrictEqual([first, second]);

        await records.keepPlaceholder(first.id, "data:image/webp;base64,BBBB");
        expect(await records.findImagesOf(["gen_1"])).toStrictEqual([
          { ...first, placeholder: "data:image/webp;base64,BBBB" },
          second,
        ]);
      });

      test("does nothing for an unknown image", async () => {
        await records.keepPlaceholder("img_unknown", "data:image/webp;base64,BBBB");
        expect(await records.findImages(["img_unknown"])).toEqual([]);
      });
    });

    describe("addImage", () => {
      test("keeps an image without provenance", async () => {
        await begin(records, orderOf("gen_1"));
        const { provenance: _, ...image } = imageOf("gen_1", 0);
        await records.addImage(image, SIZE, WORKER);

        expect(await records.findImages([image.id])).toStrictEqual([image]);
      });

      test("keeps every field of the image exactly, and the size the model made", async () => {
        await begin(records, orderOf("gen_1"));
        const image: Image = { ...imageOf("gen_1", 3), key: "gen_1/a/delivered", format: "WEBP", byteSize: 16_000_001 };

        expect(await records.addImage(image, SIZE, WORKER)).toBe(true);
        expect(await records.findImages([image.id])).toStrictEqual([image]);
        expect(await find(records, "gen_1")).toMatchObject({ status: "RUNNING", generatedSize: SIZE });
        records = await opened.reopen();
        expect(await records.findImages([image.id])).toStrictEqual([image]);
        expect(await find(records, "gen_1")).toMatchObject({ status: "RUNNING", generatedSize: SIZE });
      });

      test("adds nothing if the generation is unknown, queued or ended", async () => {
        await accept(records, orderOf("gen_1"));
        expect(await records.addImage(imageOf("gen_0", 0), SIZE, WORKER)).toBe(false);
        expect(await records.addImage(imageOf("gen_1", 0), SIZE, WORKER)).toBe(false);
        await records.start("gen_1", claimOf());
        await records.finish("gen_1", WORKER, { status: "FAILED", failure: FAILURE }, FINISHED_AT);
        expect(await records.addImage(imageOf("gen_1", 0), SIZE, WORKER)).toBe(false);

        expect(await records.findImagesOf(["gen_0", "gen_1"])).toEqual([]);
        expect(await find(records, "gen_1")).not.toHaveProperty("generatedSize");
      });

      test("adds the same image once, and no other image in its place", async () => {
        await begin(records, orderOf("gen_1"));
        const image = imageOf("gen_1", 0);
        for (let attempt = 0; attempt < 3; attempt++) expect(await records.addImage(image, SIZE, WORKER)).toBe(true);
        await expect(records.addImage({ ...image, id: "img_other" }, SIZE, WORKER)).rejects.toThrow();

        expect(await records.findImagesOf(["gen_1"])).toStrictEqual([image]);
      });

      test("adds nothing for a worker that does not run the generation", async () => {
        await begin(records, orderOf("gen_1"));

        expect(await records.addImage(imageOf("gen_1", 0), SIZE, OTHER_WORKER)).toBe(false);
        expect(await records.findImagesOf(["gen_1"])).toEqual([]);
        expect(await find(records, "gen_1")).not.toHaveProperty("generatedSize");
      });

      test("adds many images at the same time", async () => {
        await begin(records, orderOf("gen_1"));
        const images = Array.from({ length: 10 }, (_, index) => imageOf("gen_1", index));
        const added = await Promise.all(images.map((image) => records.addImage(image, SIZE, WORKER)));

        expect(added).toEqual(images.map(() => true));
        expect(await records.findImagesOf(["gen_1"])).toStrictEqual(images);
      });
    });

    describe("fallBack", () => {
      const next = {
        model: "second-1",
        modelSize: { width: 1024, height: 1024 },
        warnings: [warning("MODEL_FELL_BACK", "scripted-1 was out of order")],
        fallbacks: ["third-1"],
      };
      const order = { ...orderOf("gen_1"), fallbacks: ["second-1", "third-1"] };

      test("keeps the fallback models from the start", async () => {
        await begin(records, order);
        records = await opened.reopen();
        expect(await find(records, "gen_1")).toStrictEqual({ ...order, status: "RUNNING", startedAt: STARTED_AT });
      });

      test("gives a generation to another model", async () => {
        await begin(records, order);
        const fallen = await records.changeModel("gen_1", WORKER, next);
        records = await opened.reopen();

        expect(fallen).toStrictEqual({ ...order, ...next, status: "RUNNING", startedAt: STARTED_AT });
        expect(await find(records, "gen_1")).toStrictEqual(fallen);
        const last = await records.changeModel("gen_1", WORKER, { ...next, fallbacks: [] });
        expect(last).not.toHaveProperty("fallbacks");
      });

      test("does nothing if the worker does not run the generation, or no longer does", async () => {
        await accept(records, orderOf("gen_queued"));
        await begin(records, orderOf("gen_other"), claimOf(OTHER_WORKER));
        await begin(records, orderOf("gen_canceled"));
        await records.cancel("gen_canceled", FAILURE, FINISHED_AT);
        await begin(records, orderOf("gen_taken"));
        await records.interruptExpired(INTERRUPTED, END_OF_TIME);

        for (const id of ["gen_none", "gen_queued", "gen_other", "gen_canceled", "gen_taken"]) {
          expect(await records.changeModel(id, WORKER, next)).toBeUndefined();
          expect((await find(records, id))?.model ?? "scripted-1").toBe("scripted-1");
        }
      });
    });

    describe("finish", () => {
      const usage = { inputTokens: 0, outputTokens: 4_000_000, totalTokens: 4_000_000 };

      test("keeps a success", async () => {
        await begin(records, orderOf("gen_1"));

        expect(await records.finish("gen_1", WORKER, { status: "SUCCEEDED" }, FINISHED_AT)).toBe(true);
        expect(await find(records, "gen_1")).toStrictEqual({
          ...orderOf("gen_1"),
          status: "SUCCEEDED",
          startedAt: STARTED_AT,
          finishedAt: FINISHED_AT,
        });
      });

      test("keeps the usage and the cost of a success and of a failure, to the last digit", async () => {
        const cost = { usd: "99999.123456789012", isEstimated: false };
        await begin(records, orderOf("gen_1"));
        await begin(records, orderOf("gen_2"));
        await records.finish("gen_1", WORKER, { status: "SUCCEEDED", usage, cost }, FINISHED_AT);
        await records.finish("gen_2", WORKER, { status: "FAILED", failure: FAILURE, usage, cost }, FINISHED_AT);

        expect(await find(records, "gen_1")).toMatchObject({ status: "SUCCEEDED", usage, cost: cost.usd });
        expect(await find(records, "gen_2")).toMatchObject({
          status: "FAILED",
          failure: FAILURE,
          usage,
          cost: cost.usd,
        });
      });

      test("keeps the warnings of the end, or the earlier ones if it has none", async () => {
        const warnings = [warning("SEED_IGNORED", "it has no seed")];
        for (const id of ["gen_1", "gen_2", "gen_3"]) await begin(records, { ...orderOf(id), warnings });
        const more = [...warnings, warning("PROVIDER_WARNING", 'the "provider" said 否')];
        await records.finish("gen_1", WORKER, { status: "SUCCEEDED", warnings: more }, FINISHED_AT);
        await records.finish("gen_2", WORKER, { status: "FAILED", failure: FAILURE, warnings: more }, FINISHED_AT);
        await records.finish("gen_3", WORKER, { status: "SUCCEEDED" }, FINISHED_AT);
        records = await opened.reopen();

        const found = await Promise.all(["gen_1", "gen_2", "gen_3"].map((id) => find(records, id)));
        expect(found.map((generation) => generation?.warnings)).toStrictEqual([more, more, warnings]);
      });

      test.each(FAILURE_CODES)("keeps a failure of code %s exactly", async (code) => {
        const failure: GenerationFailure = {
          code,
          message: 'the "provider" said 否',
          retryable: code === "RATE_LIMITED",
          billed: code === "INTERNAL" ? "YES" : "NO",
          ...(code === "RATE_LIMITED" && { retryAfterSeconds: 0 }),
        };
        await begin(records, orderOf("gen_1"));
        await records.finish("gen_1", WORKER, { status: "FAILED", failure }, FINISHED_AT);
        records = await opened.reopen();

        expect((await find(records, "gen_1"))?.failure).toStrictEqual(failure);
      });

      test("returns false and changes nothing if the generation is unknown, queued or ended", async () => {
        await accept(records, orderOf("gen_1"));
        await begin(records, orderOf("gen_2"));
        await records.finish("gen_2", WORKER, { status: "SUCCEEDED", usage }, FINISHED_AT);
        const before = await find(records, "gen_2");
        const failed = { status: "FAILED", failure: FAILURE } as const;

        expect(await records.finish("gen_0", WORKER, failed, FINISHED_AT)).toBe(false);
        expect(await records.finish("gen_1", WORKER, failed, FINISHED_AT)).toBe(false);
        expect(await records.finish("gen_2", WORKER, failed, STARTED_AT)).toBe(false);
        expect(await find(records, "gen_1")).toMatchObject({ status: "QUEUED" });
        expect(await find(records, "gen_2")).toStrictEqual(before);
      });

      test("returns false to a worker that does not run the generation, and changes nothing", async () => {
        await begin(records, orderOf("gen_1"));

        expect(await records.finish("gen_1", OTHER_WORKER, { status: "SUCCEEDED" }, FINISHED_AT)).toBe(false);
        expect(await find(records, "gen_1")).toMatchObject({ status: "RUNNING" });
      });

      test("succeeds for one of 20 simultaneous callers", async () => {
        await begin(records, orderOf("gen_1"));
        const finished = await Promise.all(
          Array.from({ length: 20 }, (_, i) =>
            records.finish(
              "gen_1",
              WORKER,
              i % 2 === 0 ? { status: "SUCCEEDED" } : { status: "FAILED", failure: FAILURE },
              new Date(FINISHED_AT.getTime() + i),
            ),
          ),
        );

        expect(finished.filter((isDone) => isDone)).toHaveLength(1);
        const winner = finished.indexOf(true);
        expect(await find(records, "gen_1")).toMatchObject({
          status: winner % 2 === 0 ? "SUCCEEDED" : "FAILED",
          finishedAt: new Date(FINISHED_AT.getTime() + winner),
        });
      });

      test("keeps a simultaneous image only if addImage returned true", async () => {
        for (let round = 0; round < 10; round++) {
          const id = `gen_${round}`;
          await begin(records, orderOf(id));
          const [isFinished, isAdded] = await Promise.all([
            records.finish(id, WORKER, { status: "FAILED", failure: FAILURE }, FINISHED_AT),
            records.addImage(imageOf(id, 0), SIZE, WORKER),
          ]);
          expect(isFinished).toBe(true);
          expect(await records.findImagesOf([id])).toHaveLength(isAdded ? 1 : 0);
        }
      });
    });
  });
}
