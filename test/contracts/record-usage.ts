import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { UsageQuery } from "../../src/ports/projects/ledger.ts";
import type { GenerationOrder } from "../../src/ports/records.ts";
import {
  accept,
  type BookedRecords,
  begin,
  FAILURE,
  FINISHED_AT,
  type OpenedRecords,
  orderOf,
  WORKER,
} from "./record-samples.ts";

const EVER = { firstDay: "2000-01-01", lastDay: "2999-12-31", limit: 100 };

/** What every ledger promises about usage. */
export function recordUsageContract(name: string, open: () => Promise<OpenedRecords>): void {
  describe(`${name} and usage`, () => {
    let opened: OpenedRecords;
    let records: BookedRecords;

    beforeEach(async () => {
      opened = await open();
      records = opened.records;
    });

    afterEach(() => opened.close());

    /** Adds a generation of two images that held a dollar and cost `usd`, or an estimate if it is omitted. */
    const end = async (id: string, more: Partial<GenerationOrder>, usd?: string) => {
      await begin(records, { ...orderOf(id), maxCost: "1", ...more });
      const cost = usd === undefined ? {} : { cost: { usd, isEstimated: false } };
      await records.finish(id, WORKER, { status: "SUCCEEDED", ...cost }, FINISHED_AT);
    };
    const usage = (query: Partial<UsageQuery> & Pick<UsageQuery, "by">) => records.ledger.usage({ ...EVER, ...query });

    test("sums ended generations by every dimension", async () => {
      await end("gen_1", { projectId: "proj_a", apiKeyId: "key_a", endUser: "ann" }, "0.000000000001");
      await end("gen_2", { projectId: "proj_a", apiKeyId: "key_a", endUser: "bob", model: "other-1" }, "0.25");
      await end("gen_3", { projectId: "proj_a", endUser: "ann", edit: { images: [] } });
      await end("gen_4", { projectId: "proj_b" }, "2");
      await accept(records, { ...orderOf("gen_5"), projectId: "proj_b", maxCost: "1" });
      const sums = (generations: number, costUsd: string, estimatedUsd = "0.000000") => ({
        generations,
        images: 2 * generations,
        costUsd,
        estimatedUsd,
      });

      expect(await usage({ by: [] })).toEqual([sums(4, "3.250000000001", "1.000000")]);
      expect(await usage({ by: ["PROJECT"] })).toEqual([
        { projectId: "proj_a", ...sums(3, "1.250000000001", "1.000000") },
        { projectId: "proj_b", ...sums(1, "2.000000") },
      ]);
      expect(await usage({ by: ["API_KEY"], projectId: "proj_a" })).toEqual([
        sums(1, "1.000000", "1.000000"),
        { apiKeyId: "key_a", ...sums(2, "0.250000000001") },
      ]);
      expect(await usage({ by: ["MODEL", "OPERATION"], projectId: "proj_a" })).toEqual([
        { model: "other-1", operation: "GENERATE", ...sums(1, "0.250000") },
        { model: "scripted-1", operation: "EDIT", ...sums(1, "1.000000", "1.000000") },
        { model: "scripted-1", operation: "GENERATE", ...sums(1, "0.000000000001") },
      ]);
      expect(await usage({ by: ["API_KEY", "END_USER"], projectId: "proj_a" })).toEqual([
        { endUser: "ann", ...sums(1, "1.000000", "1.000000") },
        { apiKeyId: "key_a", endUser: "ann", ...sums(1, "0.000000000001") },
        { apiKeyId: "key_a", endUser: "bob", ...sums(1, "0.250000") },
      ]);
      expect(await usage({ by: ["MODEL"], projectId: "proj_a", endUser: "bob" })).toEqual([
        { model: "other-1", ...sums(1, "0.250000") },
      ]);
      expect(await usage({ by: ["PROJECT"], limit: 1 })).toHaveLength(1);
    });

    test("counts on the day of acceptance, and only the requested days", async () => {
      await end("gen_1", {}, "1");
      const [row] = await usage({ by: ["DAY"] });
      const day = row?.day ?? "";

      expect(day).toMatch(/^\d{4}-\d\d-\d\d$/);
      expect(await usage({ by: ["DAY"], firstDay: day, lastDay: day })).toEqual([row]);
      expect(await usage({ by: ["DAY"], lastDay: "2001-01-01" })).toEqual([]);
      expect(await usage({ by: ["END_USER"], lastDay: "2001-01-01" })).toEqual([]);
      expect(await usage({ by: [], firstDay: "2999-01-01" })).toMatchObject([{ generations: 0, costUsd: "0.000000" }]);
    });

    test("includes a cost that becomes known later, and the model that was fallen back to", async () => {
      const outcome = { status: "FAILED", failure: FAILURE } as const;
      await begin(records, { ...orderOf("gen_1"), maxCost: "1" });
      const next = { model: "other-1", modelSize: { width: 64, height: 64 }, warnings: [], fallbacks: [] };
      await records.changeModel("gen_1", WORKER, next);
      await records.finish("gen_1", WORKER, outcome, FINISHED_AT);
      const sums = { model: "other-1", generations: 1 };
      expect(await usage({ by: ["MODEL"] })).toEqual([
        { ...sums, images: 2, costUsd: "1.000000", estimatedUsd: "1.000000" },
      ]);

      await records.correctCost("gen_1", { usd: "0.2", isEstimated: false }, 1);
      expect(await usage({ by: ["MODEL"] })).toEqual([
        { ...sums, images: 1, costUsd: "0.200000", estimatedUsd: "0.000000" },
      ]);
    });

    test("sums beyond 64 bits", async () => {
      const absurd = "999999999999";
      for (let i = 0; i < 95; i++)
        await end(`gen_${i}`, { projectId: i % 2 ? "proj_a" : "proj_b", endUser: "ann" }, absurd);

      expect(await usage({ by: [] })).toMatchObject([{ generations: 95, costUsd: "9500000.000000" }]);
      expect(await usage({ by: ["END_USER"] })).toMatchObject([{ endUser: "ann", costUsd: "9500000.000000" }]);
    });

    test("forgets an end user's name in one project, and keeps the rows", async () => {
      await end("gen_1", { projectId: "proj_a", endUser: "ann" }, "1");
      await end("gen_2", { projectId: "proj_b", endUser: "ann" }, "1");
      await records.remove("gen_1");
      await records.ledger.forgetEndUser("proj_a", "ann");

      const rows = await usage({ by: ["PROJECT", "END_USER"] });
      expect(rows.map(({ projectId, endUser, costUsd }) => [projectId, endUser, costUsd])).toEqual([
        ["proj_a", undefined, "1.000000"],
        ["proj_b", "ann", "1.000000"],
      ]);
    });
  });
}
