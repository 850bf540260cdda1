import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { GenerationOutcome } from "../../src/ports/records.ts";
import {
  accept,
  begin,
  claimOf,
  FAILURE,
  FINISHED_AT,
  find,
  imageOf,
  type OpenedRecords,
  OTHER_WORKER,
  orderOf,
  type RecordsWithHistory,
  SIZE,
  WORKER,
} from "./record-samples.ts";

/** More than share one step. */
const IDS = Array.from({ length: 150 }, (_, index) => `gen_${String(index).padStart(3, "0")}`);

/** What {@link Records} promise to writes that wait at the same moment: each stands for itself. */
export function recordBatchesContract(name: string, open: () => Promise<OpenedRecords>): void {
  describe(`${name} as records that are written at the same moment`, () => {
    let opened: OpenedRecords;
    let records: RecordsWithHistory;

    beforeEach(async () => {
      opened = await open();
      records = opened.records;
    });

    afterEach(() => opened.close());

    test("accept each order as it is, in its own words", async () => {
      const orders = IDS.map((id, index) => ({ ...orderOf(id), prompt: `fox number${index}`, n: 1 + (index % 3) }));
      const accepted = await Promise.all(orders.map((order) => accept(records, order)));

      expect(accepted.map(({ generation }) => generation)).toStrictEqual(
        orders.map((order) => ({ ...order, status: "QUEUED" })),
      );
      expect(await records.findGenerations(IDS)).toHaveLength(IDS.length);
      const [found] = await records.history.listGenerations({ words: ["number77"], from: "newest", limit: 2 });
      expect(found).toStrictEqual({ ...orders[77], status: "QUEUED" });
    });

    test("accept the others when one cannot be stored", async () => {
      await accept(records, orderOf("gen_003"));
      const accepted = await Promise.allSettled(IDS.map((id) => accept(records, orderOf(id))));

      expect(IDS.filter((_, index) => accepted[index]?.status === "rejected")).toEqual(["gen_003"]);
      expect(await records.findGenerations(IDS)).toHaveLength(IDS.length);
    });

    test("accept no more than may wait", async () => {
      const asked = IDS.map((id) => records.accept(orderOf(id), { maxQueued: 10 }));
      const refused = (await Promise.all(asked)).filter((answer) => answer === "QUEUE_FULL");

      expect(refused.length).toBeGreaterThan(0);
      expect(await records.findGenerations(IDS)).toHaveLength(IDS.length - refused.length);
    });

    test("start each generation once, for one worker", async () => {
      await Promise.all(IDS.map((id) => accept(records, orderOf(id))));
      const workers = [WORKER, WORKER, OTHER_WORKER];
      const started = await Promise.all(
        IDS.map((id) => Promise.all(workers.map((worker) => records.start(id, claimOf(worker))))),
      );

      for (const [index, of] of started.entries()) {
        expect(of.filter((generation) => generation !== undefined)).toEqual([await find(records, IDS[index] ?? "")]);
      }
    });

    test("end each generation with its own outcome and image, once, for its worker", async () => {
      for (const [index, id] of IDS.entries()) {
        await begin(records, orderOf(id), claimOf(index % 5 === 0 ? OTHER_WORKER : WORKER));
      }
      const outcomes: GenerationOutcome[] = [
        { status: "SUCCEEDED", cost: { usd: "0.040000", isEstimated: false } },
        { status: "FAILED", failure: FAILURE },
        { status: "SUCCEEDED" },
      ];
      const endOf = (index: number) => outcomes[index % outcomes.length] ?? { status: "SUCCEEDED" };
      const end = (id: string, index: number) =>
        records.finish(id, WORKER, endOf(index), FINISHED_AT, { image: imageOf(id, 0), generatedSize: SIZE });
      const ended = await Promise.all(IDS.map((id, index) => Promise.all([end(id, index), end(id, index)])));

      for (const [index, id] of IDS.entries()) {
        const isOwn = index % 5 !== 0;
        expect(ended[index]?.filter(Boolean)).toHaveLength(isOwn ? 1 : 0);
        const { status } = isOwn ? endOf(index) : { status: "RUNNING" };
        expect(await find(records, id)).toMatchObject({ status });
        expect(await records.findImagesOf([id])).toEqual(isOwn ? [imageOf(id, 0)] : []);
      }
    });
  });
}
