import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { BudgetLimit, BudgetWindow } from "../../src/ports/projects/projects.ts";
import type { GenerationOrder } from "../../src/ports/records.ts";
import {
  ACCEPTED_AT,
  accept,
  type BookedRecords,
  begin,
  claimOf,
  DAY_MS,
  END_OF_TIME,
  FAILURE,
  FINISHED_AT,
  INTERRUPTED,
  keyOf,
  NO_LIMITS,
  type OpenedRecords,
  orderOf,
  WORKER,
} from "./record-samples.ts";

const PROJECT = "proj_a";
const KEY = "key_a";
const OTHER_KEY = "key_b";
const ENTRY = { actor: "admin:00000000", action: "test", changes: [], createdAt: ACCEPTED_AT };
const COST = { usd: "0.4", isEstimated: false };

/** What every {@link Records} promises about the budgets of projects and API keys. */
export function recordBudgetsContract(name: string, open: () => Promise<OpenedRecords>): void {
  describe(`${name} with budgets`, () => {
    let opened: OpenedRecords;
    let records: BookedRecords;
    let entries = 0;
    const entry = () => ({ ...ENTRY, id: `log_${entries++}` });

    beforeEach(async () => {
      opened = await open();
      records = opened.records;
      const common = { name: "a", isDisabled: false, limits: {}, createdAt: ACCEPTED_AT };
      await records.projects.create({ ...common, id: PROJECT, allowsAnonymous: false }, entry());
      for (const id of [KEY, OTHER_KEY]) {
        const token = { hash: id, prefix: "pgk_", createdAt: ACCEPTED_AT };
        await records.projects.createApiKey({ ...common, id, projectId: PROJECT, prefix: "pgk_" }, token, entry());
      }
    });

    afterEach(() => opened.close());

    /** Sets these budgets for the project or the key. */
    const limit = async (id: string, ...budgets: BudgetLimit[]) => {
      const change = () => ({ limits: { budgets } });
      if (id === PROJECT) await records.projects.update(id, change, entry());
      else await records.projects.updateApiKey(id, change, entry());
    };
    /** Each generation has two images. */
    const order = (id: string, maxCost = "1", more: Partial<GenerationOrder> = {}): GenerationOrder => ({
      ...orderOf(id),
      projectId: PROJECT,
      apiKeyId: KEY,
      maxCost,
      ...more,
    });
    const tryToAccept = (one: GenerationOrder) => records.accept(one, NO_LIMITS);
    const spending = async (scopeId: string, window: BudgetWindow = "TOTAL") => {
      const [found] = await records.ledger.spendingOf([scopeId], ACCEPTED_AT);
      return found?.windows[window];
    };

    const BOTH = [
      ["project", PROJECT, "PROJECT"],
      ["API key", KEY, "API_KEY"],
    ] as const;
    const WINDOWS = ["DAY", "WEEK", "MONTH", "TOTAL"] as const;

    test("forget ended windows that hold nothing, and keep the total", async () => {
      await begin(records, order("gen_1"), claimOf());
      const dayAfter = new Date(Date.now() + 366 * DAY_MS);
      expect(await records.ledger.forgetWindows(dayAfter, 100)).toBe(0);
      await records.finish("gen_1", WORKER, { status: "SUCCEEDED", cost: COST }, FINISHED_AT);

      expect(await records.ledger.forgetWindows(new Date("2020-01-01T00:00:00Z"), 100)).toBe(0);
      // A day, a week and a month, each for the project and the key.
      expect(await records.ledger.forgetWindows(dayAfter, 4)).toBe(4);
      expect(await records.ledger.forgetWindows(dayAfter, 4)).toBe(2);
      expect(await records.ledger.forgetWindows(dayAfter, 4)).toBe(0);
      expect(await spending(PROJECT)).toMatchObject({ spentUsd: "0.400000", spentImages: 2 });
    });

    describe.each(BOTH)("of the %s", (_name, id, scope) => {
      test.each(WINDOWS)("accepts up to its dollars of a %s and no more", async (window) => {
        await limit(id, { window, limitUsd: "2.5" });
        for (const one of ["gen_1", "gen_2"]) await accept(records, order(one));

        expect(await tryToAccept(order("gen_3", "0.500000000001"))).toMatchObject({
          budget: { scope, window, limitUsd: "2.5", heldUsd: "2.000000", spentUsd: "0.000000", heldImages: 4 },
        });
        await accept(records, order("gen_3", "0.5"));
        expect(await spending(id, window)).toEqual({
          spentUsd: "0.000000",
          heldUsd: "2.500000",
          spentImages: 0,
          heldImages: 6,
        });
      });

      test.each(WINDOWS)("accepts up to its images of a %s and no more, including free ones", async (window) => {
        await limit(id, { window, limitImages: 5 });
        for (const one of ["gen_1", "gen_2"]) await accept(records, order(one, "0"));

        expect(await tryToAccept(order("gen_3", "0"))).toMatchObject({
          budget: { scope, window, limitImages: 5, heldImages: 4 },
        });
        await accept(records, order("gen_3", "0", { n: 1 }));
      });

      test("refuses a generation beyond the whole budget, and every image if the budget is zero", async () => {
        await limit(id, { window: "TOTAL", limitUsd: "1", limitImages: 0 });
        expect(await tryToAccept(order("gen_1", "1.1"))).toMatchObject({ budget: { scope } });
        expect(await tryToAccept(order("gen_1", "0", { n: 1 }))).toMatchObject({ budget: { scope } });
        expect(await spending(id)).toMatchObject({ heldUsd: "0.000000", heldImages: 0 });
      });

      test("refuses a cost without a bound if it limits dollars, and accepts it if it limits images", async () => {
        const unbounded = { ...order("gen_1"), maxCost: undefined };
        await limit(id, { window: "DAY", limitUsd: "1000" });
        expect(await tryToAccept(unbounded)).toBe("COST_UNBOUNDED");
        await limit(id, { window: "DAY", limitImages: 2 });
        await accept(records, unbounded);
      });

      test("counts what was spent and held before it was set", async () => {
        await begin(records, order("gen_1"));
        await records.finish("gen_1", WORKER, { status: "SUCCEEDED", cost: COST }, FINISHED_AT);
        await accept(records, order("gen_2"));
        await limit(id, { window: "MONTH", limitUsd: "2" });

        expect(await tryToAccept(order("gen_3"))).toMatchObject({
          budget: { scope, spentUsd: "0.400000", heldUsd: "1.000000", spentImages: 2, heldImages: 2 },
        });
        await accept(records, order("gen_3", "0.6"));
      });

      test("that is lowered below what is spent and held refuses new generations", async () => {
        for (const one of ["gen_1", "gen_2"]) await begin(records, order(one));
        await records.finish("gen_1", WORKER, { status: "SUCCEEDED", cost: COST }, FINISHED_AT);
        await limit(id, { window: "TOTAL", limitUsd: "0.1", limitImages: 1 });

        expect(await tryToAccept(order("gen_3", "0.000000000001", { n: 1 }))).toMatchObject({ budget: { scope } });
        expect(await records.finish("gen_2", WORKER, { status: "SUCCEEDED", cost: COST }, FINISHED_AT)).toBe(true);
        expect(await spending(id)).toMatchObject({ spentUsd: "0.800000", heldUsd: "0.000000", spentImages: 4 });
        await limit(id, { window: "TOTAL", limitUsd: "1", limitImages: 6 });
        await accept(records, order("gen_3", "0.2"));
      });
    });

    test("holds in all budgets or in none: if one refuses, no other holds", async () => {
      await limit(PROJECT, { window: "DAY", limitUsd: "10" }, { window: "TOTAL", limitImages: 100 });
      await limit(KEY, { window: "WEEK", limitUsd: "1" });
      await accept(records, order("gen_1"));

      expect(await tryToAccept({ ...order("gen_2"), idempotency: keyOf("k") })).toMatchObject({
        budget: { scope: "API_KEY", window: "WEEK" },
      });
      for (const id of [PROJECT, KEY]) {
        expect(await spending(id)).toMatchObject({ heldUsd: "1.000000", heldImages: 2 });
      }
      expect(await records.findGenerations(["gen_2"])).toEqual([]);
      await accept(records, { ...order("gen_2", "9", { apiKeyId: OTHER_KEY }), idempotency: keyOf("k") });
      expect(await tryToAccept(order("gen_3", "0.1", { apiKeyId: OTHER_KEY }))).toMatchObject({
        budget: { scope: "PROJECT", window: "DAY" },
      });
    });

    test("names the budget that resets last if several refuse", async () => {
      await limit(PROJECT, { window: "DAY", limitImages: 0 }, { window: "MONTH", limitImages: 0 });
      await limit(KEY, { window: "TOTAL", limitUsd: "0" });

      expect(await tryToAccept(order("gen_1"))).toEqual({
        budget: {
          scope: "API_KEY",
          window: "TOTAL",
          limitUsd: "0",
          spentUsd: "0.000000",
          heldUsd: "0.000000",
          spentImages: 0,
          heldImages: 0,
          resetsAt: undefined,
        },
        resetsInMs: undefined,
      });
    });

    test("holds nothing for repetitions, even 50 at the same time, and answers them even if it is used up", async () => {
      await limit(PROJECT, { window: "DAY", limitUsd: "1", limitImages: 2 });
      const repeated = Array.from({ length: 50 }, (_, i) => order(`gen_${i}`, "1", { idempotency: keyOf("k") }));
      const accepted = await Promise.all(repeated.map((one) => accept(records, one)));

      expect(new Set(accepted.map(({ generation }) => generation.id)).size).toBe(1);
      for (const id of [PROJECT, KEY]) {
        expect(await spending(id)).toMatchObject({ heldUsd: "1.000000", heldImages: 2 });
      }
    });

    test.each(BOTH)(
      "accepts exactly as many of 200 generations as a budget of the %s covers",
      async (_name, id, _scope) => {
        await limit(id, { window: "WEEK", limitImages: 20 });
        const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => tryToAccept(order(`gen_${i}`, "0.1"))));

        expect(answers.filter((answer) => typeof answer === "object" && "generation" in answer)).toHaveLength(10);
        for (const scopeId of [PROJECT, KEY]) {
          expect(await spending(scopeId)).toMatchObject({ heldUsd: "1.000000", heldImages: 20 });
        }
      },
    );

    describe("an end settles both scopes", () => {
      const settled = async (spentUsd: string, spentImages: number) => {
        for (const id of [PROJECT, KEY]) {
          for (const window of WINDOWS) {
            expect(await spending(id, window)).toEqual({ spentUsd, heldUsd: "0.000000", spentImages, heldImages: 0 });
          }
        }
      };

      test("at its cost and number of images", async () => {
        await begin(records, order("gen_1"));
        await records.finish("gen_1", WORKER, { status: "SUCCEEDED", cost: COST }, FINISHED_AT);
        await settled("0.400000", 2);
      });

      test("at nothing if it certainly cost nothing", async () => {
        await begin(records, order("gen_1"));
        const cost = { usd: "0", isEstimated: false };
        await records.finish("gen_1", WORKER, { status: "FAILED", failure: FAILURE, cost, imageCount: 0 }, FINISHED_AT);
        await accept(records, order("gen_2"));
        await records.cancel("gen_2", FAILURE, FINISHED_AT);
        await accept(records, order("gen_3"));
        await records.remove("gen_3");
        await settled("0.000000", 0);
      });

      test("at the images that arrived if it was interrupted", async () => {
        await begin(records, order("gen_1"));
        const outcome = { status: "FAILED", failure: FAILURE, cost: COST, imageCount: 1 } as const;
        await records.finish("gen_1", WORKER, outcome, FINISHED_AT);
        await settled("0.400000", 1);
      });

      test("at everything held if the cost is unknown", async () => {
        for (const id of ["gen_1", "gen_2", "gen_3", "gen_4"]) await begin(records, order(id));
        await records.finish("gen_1", WORKER, { status: "FAILED", failure: FAILURE }, FINISHED_AT);
        await records.cancel("gen_2", FAILURE, FINISHED_AT);
        await records.remove("gen_3");
        await records.interruptExpired(INTERRUPTED, END_OF_TIME);
        await settled("4.000000", 8);
      });

      test("at the real cost if that becomes known later", async () => {
        for (const id of ["gen_1", "gen_2"]) await begin(records, order(id));
        await records.interruptExpired(INTERRUPTED, END_OF_TIME);
        await records.finish("gen_1", WORKER, { status: "SUCCEEDED", cost: COST }, FINISHED_AT);
        await records.correctCost("gen_2", { usd: "0.1", isEstimated: false }, 1);
        await records.correctCost("gen_2", { usd: "9", isEstimated: false }, 2);
        await settled("0.500000", 3);
      });
    });

    test("keeps the held amount through a restart", async () => {
      await limit(PROJECT, { window: "TOTAL", limitUsd: "1" });
      await accept(records, order("gen_1"));
      records = await opened.reopen();

      expect(await tryToAccept(order("gen_2", "0.1"))).toMatchObject({ budget: { heldUsd: "1.000000" } });
    });

    test("never deadlocks, and its sums are right, under simultaneous changes in several projects and keys", async () => {
      const ids = Array.from({ length: 80 }, (_, i) => `gen_${i}`);
      const owners = [
        { projectId: PROJECT, apiKeyId: KEY },
        { projectId: PROJECT, apiKeyId: OTHER_KEY },
        { projectId: "proj_public", apiKeyId: KEY },
        { projectId: PROJECT, apiKeyId: undefined },
      ];
      await Promise.all(ids.map((id, i) => accept(records, order(id, "1", owners[i % owners.length]))));
      await Promise.all(
        ids.flatMap((id, i) => [
          records
            .start(id, claimOf())
            .then(() => records.finish(id, WORKER, { status: "SUCCEEDED", cost: COST }, FINISHED_AT)),
          records.cancel(id, FAILURE, FINISHED_AT),
          records.interruptExpired(INTERRUPTED, END_OF_TIME),
          tryToAccept(order(`${id}_more`, "0", { ...owners[(i + 1) % owners.length], n: 1 })),
        ]),
      );

      const generations = await records.findGenerations(ids);
      const charged = (own: (one: GenerationOrder) => boolean) =>
        generations
          .filter(own)
          .reduce((sum, { cost }) => sum + Number(cost), 0)
          .toFixed(6);
      expect(await spending(PROJECT)).toMatchObject({
        spentUsd: charged(({ projectId }) => projectId === PROJECT),
        heldUsd: "0.000000",
        heldImages: 60,
      });
      expect(await spending(KEY)).toMatchObject({
        spentUsd: charged(({ apiKeyId }) => apiKeyId === KEY),
        heldUsd: "0.000000",
        heldImages: 40,
      });
    });
  });
}
