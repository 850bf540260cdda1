import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { toAmount, toUsd } from "../../src/ports/projects/money.ts";
import {
  accept,
  type BookedRecords,
  begin,
  claimOf,
  dollarsOf,
  END_OF_TIME,
  FAILURE,
  FINISHED_AT,
  find,
  INTERRUPTED,
  keyOf,
  NO_LIMITS,
  type OpenedRecords,
  OTHER_WORKER,
  orderOf,
  WORKER,
} from "./record-samples.ts";

const NOTHING = { settled: "0.000000", held: "0.000000" };
/** An amount whose last digit a floating-point number would lose. */
const MAX_COST = "1234.000000000001";
const EXCEEDED = { budget: { scope: "PROJECT", window: "DAY" } };
const COST = { usd: "0.000000000003", isEstimated: false };

/** What every {@link Records} promises about money. */
export function recordLedgerContract(name: string, open: () => Promise<OpenedRecords>): void {
  describe(`${name} as a ledger`, () => {
    let opened: OpenedRecords;
    let records: BookedRecords;

    beforeEach(async () => {
      opened = await open();
      records = opened.records;
    });

    afterEach(() => opened.close());

    const order = (id: string, maxCost: string | undefined = MAX_COST) => ({ ...orderOf(id), maxCost });
    const spent = () => dollarsOf(records);
    const settled = (usd: string) => ({ ...NOTHING, settled: usd });
    const held = (usd: string) => ({ ...NOTHING, held: usd });
    const within = (dailyBudget: string) => ({ ...NO_LIMITS, dailyBudget });

    test("reports for each model how many generations wait, and how much is held", async () => {
      expect(await records.backlog()).toEqual([]);
      for (const id of ["gen_1", "gen_3"]) await accept(records, order(id, "0.25"));
      await begin(records, order("gen_2", "0.25"));
      await accept(records, { ...orderOf("gen_4"), model: "unpriced-1" });
      const backlog = async () => (await records.backlog()).toSorted((a, b) => a.model.localeCompare(b.model));

      expect(await backlog()).toEqual([
        { model: "scripted-1", queued: 2, heldUsd: 0.75 },
        { model: "unpriced-1", queued: 1, heldUsd: 0 },
      ]);
      await records.finish("gen_2", WORKER, { status: "SUCCEEDED", cost: COST }, FINISHED_AT);
      await records.cancel("gen_4", FAILURE, FINISHED_AT);
      expect(await backlog()).toEqual([{ model: "scripted-1", queued: 2, heldUsd: 0.5 }]);
    });

    describe("accepting", () => {
      test("holds the maximum cost of a generation, to the last digit", async () => {
        expect(await spent()).toEqual(NOTHING);
        for (const id of ["gen_1", "gen_2"]) await accept(records, order(id));

        expect(await spent()).toEqual(held("2468.000000000002"));
        records = await opened.reopen();
        expect(await spent()).toEqual(held("2468.000000000002"));
        expect(await find(records, "gen_1")).toStrictEqual({ ...order("gen_1"), status: "QUEUED" });
      });

      test("keeps the prices", async () => {
        const prices = { "scripted-1": { from: "2026-01-01", source: "a test", perImage: "0.04" } };
        await accept(records, { ...order("gen_1"), prices });

        expect(await find(records, "gen_1")).toMatchObject({ prices });
      });

      test("holds nothing for repetitions, even 50 at the same time", async () => {
        const repeated = Array.from({ length: 50 }, (_, i) => ({ ...order(`gen_${i}`), idempotency: keyOf("k") }));
        await Promise.all(repeated.map((one) => accept(records, one)));
        await accept(records, { ...order("gen_x", "5"), idempotency: keyOf("k") });

        expect(await spent()).toEqual(held(MAX_COST));
      });

      test("accepts free generations whatever was spent, and refuses an unknown cost", async () => {
        await accept(records, order("gen_1", "3"), within("3"));
        await accept(records, order("gen_2", "0.000000"), within("3"));
        expect(await records.accept(orderOf("gen_3"), within("3"))).toBe("COST_UNBOUNDED");

        expect(await spent()).toEqual(held("3.000000"));
      });

      test("accepts up to the budget, and stores nothing of refused generations", async () => {
        await accept(records, order("gen_1", "0.9"), within("1"));
        const refused = { ...order("gen_2", "0.100000000001"), idempotency: keyOf("k") };

        expect(await records.accept(refused, within("1"))).toMatchObject(EXCEEDED);
        expect(await find(records, "gen_2")).toBeUndefined();
        expect(await spent()).toEqual(held("0.900000"));
        await accept(records, { ...order("gen_3", "0.1"), idempotency: keyOf("k") }, within("1"));
        expect(await records.accept(order("gen_4", "0.000000000001"), within("1"))).toMatchObject(EXCEEDED);
        expect(await spent()).toEqual(held("1.000000"));
      });

      test("refuses a cost beyond the whole budget, and every cost if the budget is zero", async () => {
        expect(await records.accept(order("gen_1", "1.000000000001"), within("1"))).toMatchObject(EXCEEDED);
        expect(await records.accept(order("gen_1", "0.000000000001"), within("0"))).toMatchObject(EXCEEDED);
        expect(await spent()).toEqual(NOTHING);
      });

      test("still answers repetitions if the budget is used up", async () => {
        await accept(records, { ...order("gen_1", "1"), idempotency: keyOf("k") }, within("1"));
        const again = await records.accept({ ...order("gen_2", "1"), idempotency: keyOf("k") }, within("1"));

        expect(again).toMatchObject({ generation: { id: "gen_1" }, isNew: false });
      });

      test("accepts exactly as many of 200 generations as the budget covers", async () => {
        const answers = await Promise.all(
          Array.from({ length: 200 }, (_, i) => records.accept(order(`gen_${i}`, "0.1"), within("1"))),
        );

        expect(answers.filter((answer) => typeof answer === "object" && "generation" in answer)).toHaveLength(10);
        expect(await spent()).toEqual(held("1.000000"));
      });

      test("counts the real cost of a generation from its end on", async () => {
        await begin(records, order("gen_1", "1"));
        expect(await records.accept(order("gen_2", "0.6"), within("1"))).toMatchObject(EXCEEDED);
        const cost = { usd: "0.4", isEstimated: false };
        await records.finish("gen_1", WORKER, { status: "SUCCEEDED", cost }, FINISHED_AT);

        await accept(records, order("gen_2", "0.6"), within("1"));
        expect(await spent()).toEqual({ settled: "0.400000", held: "0.600000" });
      });
    });

    describe("an end", () => {
      test("settles at the cost", async () => {
        await begin(records, order("gen_1"));
        await records.finish("gen_1", WORKER, { status: "SUCCEEDED", cost: COST }, FINISHED_AT);

        expect(await spent()).toEqual(settled(COST.usd));
        const generation = await find(records, "gen_1");
        expect(generation).toMatchObject({ cost: COST.usd });
        expect(generation).not.toHaveProperty("costIsEstimated");
      });

      test("settles at the cost, even if less or nothing was held", async () => {
        const cost = { usd: "2000.5", isEstimated: false };
        await begin(records, order("gen_1"));
        await begin(records, orderOf("gen_2"));
        for (const id of ["gen_1", "gen_2"]) {
          await records.finish(id, WORKER, { status: "FAILED", failure: FAILURE, cost }, FINISHED_AT);
        }

        expect(await spent()).toEqual(settled("4001.000000"));
      });

      test("settles at the held amount, as an estimate, if the cost is unknown", async () => {
        await begin(records, order("gen_1"));
        await records.finish("gen_1", WORKER, { status: "FAILED", failure: FAILURE }, FINISHED_AT);

        expect(await spent()).toEqual(settled(MAX_COST));
        expect(await find(records, "gen_1")).toMatchObject({ cost: MAX_COST, costIsEstimated: true });
      });

      test("leaves the cost unknown if nothing was held either", async () => {
        await begin(records, orderOf("gen_1"));
        await records.finish("gen_1", WORKER, { status: "SUCCEEDED" }, FINISHED_AT);

        expect(await spent()).toEqual(NOTHING);
        const generation = await find(records, "gen_1");
        for (const property of ["cost", "costIsEstimated"]) expect(generation).not.toHaveProperty(property);
      });

      test("settles nothing if a generation is parked, and only once if it is finished twice", async () => {
        await begin(records, order("gen_1"));
        await records.park("gen_1", WORKER);
        expect(await spent()).toEqual(held(MAX_COST));

        await records.start("gen_1", claimOf(OTHER_WORKER));
        const finish = () => records.finish("gen_1", OTHER_WORKER, { status: "SUCCEEDED", cost: COST }, FINISHED_AT);
        expect((await Promise.all([finish(), finish()])).sort()).toEqual([false, true]);
        expect(await spent()).toEqual(settled(COST.usd));
      });

      test("by cancellation costs nothing before the start, and up to the held amount after it", async () => {
        await accept(records, order("gen_1"));
        await records.cancel("gen_1", FAILURE, FINISHED_AT);
        expect(await spent()).toEqual(NOTHING);
        const waited = await find(records, "gen_1");
        expect(waited).toMatchObject({ cost: "0.000000" });
        expect(waited).not.toHaveProperty("costIsEstimated");

        await begin(records, order("gen_2"));
        await records.cancel("gen_2", FAILURE, FINISHED_AT);
        expect(await spent()).toEqual(settled(MAX_COST));
        expect(await find(records, "gen_2")).toMatchObject({ cost: MAX_COST, costIsEstimated: true });
      });

      test("by removal costs the same", async () => {
        await accept(records, order("gen_1"));
        await records.remove("gen_1");
        expect(await spent()).toEqual(NOTHING);

        await begin(records, order("gen_2"));
        await records.remove("gen_2");
        expect(await spent()).toEqual(settled(MAX_COST));
      });

      test("after a worker died settles at the held amount, until the worker reports the cost", async () => {
        for (const id of ["gen_1", "gen_2", "gen_3"]) await begin(records, order(id, "2"));
        await records.interruptExpired(INTERRUPTED, END_OF_TIME);
        expect(await spent()).toEqual(settled("6.000000"));
        expect(await find(records, "gen_1")).toMatchObject({ cost: "2", costIsEstimated: true });

        await records.finish("gen_1", WORKER, { status: "SUCCEEDED", cost: COST }, FINISHED_AT);
        const dearer = { usd: "3", isEstimated: false };
        await records.finish("gen_2", WORKER, { status: "FAILED", failure: FAILURE, cost: dearer }, FINISHED_AT);
        await records.finish("gen_3", WORKER, { status: "FAILED", failure: FAILURE }, FINISHED_AT);
        expect(await spent()).toEqual(settled("5.000000000003"));
        const generation = await find(records, "gen_1");
        expect(generation).toMatchObject({ status: "SUCCEEDED", cost: COST.usd });
        expect(generation).not.toHaveProperty("costIsEstimated");
      });
    });

    describe("a cost that is known later", () => {
      test("replaces the estimate of a generation canceled or removed while it ran", async () => {
        for (const id of ["gen_1", "gen_2"]) await begin(records, order(id));
        await records.cancel("gen_1", FAILURE, FINISHED_AT);
        await records.remove("gen_2");
        for (const id of ["gen_1", "gen_2"]) await records.correctCost(id, COST);

        expect(await spent()).toEqual(settled("0.000000000006"));
        const canceled = await find(records, "gen_1");
        expect(canceled).toMatchObject({ status: "CANCELED", cost: COST.usd });
        expect(canceled).not.toHaveProperty("costIsEstimated");
      });

      test("replaces no known cost, and has no effect on an unknown generation", async () => {
        await begin(records, order("gen_1"));
        await records.finish("gen_1", WORKER, { status: "SUCCEEDED", cost: COST }, FINISHED_AT);
        await accept(records, order("gen_2", "7"));
        for (const id of ["gen_0", "gen_1", "gen_2"]) await records.correctCost(id, { usd: "9", isEstimated: false });

        expect(await spent()).toEqual({ settled: COST.usd, held: "7.000000" });
        expect(await find(records, "gen_1")).toMatchObject({ cost: COST.usd });
      });
    });

    test("removing a generation does not change what was spent", async () => {
      await begin(records, order("gen_1"));
      await records.finish("gen_1", WORKER, { status: "SUCCEEDED", cost: COST }, FINISHED_AT);
      await records.remove("gen_1");

      expect(await spent()).toEqual(settled(COST.usd));
      await records.correctCost("gen_1", { usd: "9", isEstimated: false });
      expect(await spent()).toEqual(settled(COST.usd));
    });

    test("any cost that a provider reports can be recorded", async () => {
      const absurd = { usd: "999999999999.999999999999", isEstimated: false };
      for (let i = 0; i < 95; i++) {
        await begin(records, order(`gen_${i}`));
        await records.finish(`gen_${i}`, WORKER, { status: "SUCCEEDED", cost: absurd }, FINISHED_AT);
      }

      expect(await spent()).toEqual(settled("9000000.000000"));
      expect(await records.accept(order("gen_x", "1"), within("1000000"))).toMatchObject(EXCEEDED);
      expect(await find(records, "gen_1")).toMatchObject({ cost: absurd.usd });
    });

    test("each project has its own ledger", async () => {
      await accept(records, { ...order("gen_1", "1"), projectId: "proj_other" }, within("1"));
      await accept(records, order("gen_2", "1"), within("1"));

      expect(await spent()).toEqual(held("1.000000"));
      expect(await dollarsOf(records, "proj_other")).toEqual(held("1.000000"));
    });

    test("holds nothing after all generations have ended at the same time, whoever ended them", async () => {
      const ids = Array.from({ length: 60 }, (_, i) => `gen_${i}`);
      await Promise.all(ids.map((id) => accept(records, order(id, "1"))));
      await Promise.all(
        ids.flatMap((id) => [
          records
            .start(id, claimOf())
            .then(() => records.finish(id, WORKER, { status: "SUCCEEDED", cost: COST }, FINISHED_AT)),
          records.cancel(id, FAILURE, FINISHED_AT),
          records.interruptExpired(INTERRUPTED, END_OF_TIME),
          records.accept(order(`${id}_more`, "0"), within("100")),
        ]),
      );

      const generations = await records.findGenerations(ids);
      const charged = generations.map(({ cost = "unknown" }) => toAmount(cost));
      expect(generations.every(({ status }) => status !== "QUEUED" && status !== "RUNNING")).toBe(true);
      const { settled: total, held: left } = await spent();
      expect(left).toBe("0.000000");
      expect(total).toBe(toUsd(charged.reduce((sum, one) => sum + one, 0n)));
    });
  });
}
