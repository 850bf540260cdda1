import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { RateRefusal, RateRule, RateStatus } from "../../src/ports/projects/rates.ts";
import { type AcceptedGeneration, PUBLIC_PROJECT, type Records } from "../../src/ports/records.ts";
import {
  accept,
  claimOf,
  FAILURE,
  FINISHED_AT,
  find,
  keyOf,
  NO_LIMITS,
  type OpenedRecords,
  orderOf,
  WORKER,
} from "./record-samples.ts";

const PROJECT = { scope: "PROJECT", id: PUBLIC_PROJECT } as const;
const KEY = { scope: "API_KEY", id: "key_1" } as const;
const ADDRESS = { scope: "ADDRESS", id: `${PUBLIC_PROJECT} 192.0.2.1` } as const;
const MINUTE_SECONDS = 60;

/** What every {@link Records} promises about rate limits. The adapter's minute may end during any test. */
export function recordRatesContract(name: string, open: () => Promise<OpenedRecords>): void {
  describe(`${name} under rate limits`, () => {
    let opened: OpenedRecords;
    let records: Records;

    beforeEach(async () => {
      opened = await open();
      records = opened.records;
    });

    afterEach(() => opened.close());

    type Answer = AcceptedGeneration | RateRefusal;
    const order = (id: string, n = 2) => ({ ...orderOf(id), n });
    const send = async (id: string, rates: readonly RateRule[], n = 2, more = {}): Promise<Answer> =>
      (await records.accept({ ...order(id, n), ...more }, { ...NO_LIMITS, rates })) as Answer;
    const isAccepted = (answer: Answer): answer is AcceptedGeneration => "generation" in answer;
    const statusOf = ({ rates }: Answer, unit: RateStatus["unit"]) => rates.find((rate) => rate.unit === unit);

    /** Sends requests one after the other. Starts again if the adapter's minute ends in between. */
    async function sendInOneMinute(count: number, rates: readonly RateRule[], n = 2): Promise<Answer[]> {
      for (let attempt = 0; attempt < 3; attempt++) {
        const answers: Answer[] = [];
        const fresh = rates.map((rule) => ({ ...rule, id: `${rule.id} ${attempt}` }));
        for (let i = 0; i < count; i++) answers.push(await send(`gen_${attempt}_${i}`, fresh, n));
        if (countMinutes(answers) === 1) return answers;
      }
      throw new Error("the minute ended three times");
    }

    test("accepts as many requests per minute as the limit allows, and reports what is left", async () => {
      const answers = await sendInOneMinute(4, [{ ...PROJECT, requestsPerMinute: 3 }]);

      expect(answers.map(isAccepted)).toEqual([true, true, true, false]);
      expect(answers.map((answer) => statusOf(answer, "REQUESTS")?.remaining)).toEqual([2, 1, 0, 0]);
      expect(answers[3]).toMatchObject({ exceeded: { scope: "PROJECT", unit: "REQUESTS", limit: 3, remaining: 0 } });
    });

    test("counts images, but none of a refused request", async () => {
      const rules = [{ ...PROJECT, imagesPerMinute: 5 }];
      const answers = await sendInOneMinute(3, rules, 2);
      expect(answers.map(isAccepted)).toEqual([true, true, false]);
      expect(statusOf(answers[2] as Answer, "IMAGES")).toMatchObject({ remaining: 1 });

      const large = await send("gen_large", [{ ...KEY, imagesPerMinute: 5 }], 6);
      expect(large).toMatchObject({ exceeded: { unit: "IMAGES", limit: 5, remaining: 5 } });
      expect(await find(records, "gen_large")).toBeUndefined();
    });

    test("accepts a small request if a large one does not fit", async () => {
      const rule = { ...PROJECT, imagesPerMinute: 5 };
      const answers = [await send("gen_1", [rule], 3), await send("gen_2", [rule], 3), await send("gen_3", [rule], 2)];
      if (countMinutes(answers) === 1) expect(answers.map(isAccepted)).toEqual([true, false, true]);
    });

    test("counts nothing for the project if the key refuses, and for both if the budget or the queue does", async () => {
      const rules = [
        { ...PROJECT, requestsPerMinute: 100, imagesPerMinute: 100 },
        { ...KEY, requestsPerMinute: 1 },
      ];
      const [first, second] = await sendInOneMinute(2, rules);
      expect(second).toMatchObject({ exceeded: { scope: "API_KEY", unit: "REQUESTS" } });
      const keyed = [{ ...PROJECT, id: "proj_other", requestsPerMinute: 100 }];
      expect(
        await records.accept({ ...order("gen_b"), maxCost: "2" }, { ...NO_LIMITS, dailyBudget: "1", rates: keyed }),
      ).toHaveProperty("budget");
      expect(await records.accept(order("gen_q"), { ...NO_LIMITS, maxQueued: 0, rates: keyed })).toBe("QUEUE_FULL");
      const third = await send("gen_c", keyed);

      expect(first && isAccepted(first)).toBe(true);
      expect(statusOf(third, "REQUESTS")).toMatchObject({ remaining: 99 });
    });

    test("counts nothing for repetitions, even 20 at the same time", async () => {
      const rates = [{ ...PROJECT, requestsPerMinute: 1, concurrentGenerations: 1 }];
      const idempotency = keyOf("k");
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => send(`gen_${i}`, rates, 2, { idempotency })),
      );
      expect(answers.filter((answer) => isAccepted(answer) && answer.isNew)).toHaveLength(1);
      expect(answers.every(isAccepted)).toBe(true);
    });

    test("accepts no more requests at the same time than one after another", async () => {
      const rates = [
        { ...PROJECT, imagesPerMinute: 20 },
        { ...KEY, requestsPerMinute: 100 },
        { ...ADDRESS, requestsPerMinute: 100 },
      ];
      const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => send(`gen_${i}`, rates)));
      const images = answers.filter(isAccepted).length * 2;

      if (countMinutes(answers) === 1) expect(images).toBe(20);
      expect(images).toBeLessThanOrEqual(20 * countMinutes(answers));
    });

    test("counts queued and running generations of the project and of the key", async () => {
      const rates = [
        { ...PROJECT, concurrentGenerations: 3 },
        { ...KEY, concurrentGenerations: 2 },
      ];
      const ofKey = { apiKeyId: KEY.id };
      await accept(records, { ...order("gen_1"), ...ofKey });
      await records.start("gen_1", claimOf());
      expect(await send("gen_2", rates, 2, ofKey)).toMatchObject({ isNew: true });
      expect(await send("gen_3", rates, 2, ofKey)).toMatchObject({
        exceeded: { scope: "API_KEY", unit: "GENERATIONS", limit: 2, remaining: 0 },
      });
      expect(await send("gen_4", rates.slice(0, 1))).toMatchObject({ isNew: true });
      expect(await send("gen_5", rates.slice(0, 1))).toMatchObject({ exceeded: { scope: "PROJECT", limit: 3 } });

      await records.finish("gen_1", WORKER, { status: "FAILED", failure: FAILURE }, FINISHED_AT);
      expect(await send("gen_6", rates, 2, ofKey)).toMatchObject({ isNew: true });
      await records.cancel("gen_2", FAILURE, FINISHED_AT);
      await records.remove("gen_6");
      expect(await send("gen_7", rates, 2, ofKey)).toMatchObject({ isNew: true });
    });

    test("accepts no more of 40 simultaneous generations than may run at once", async () => {
      const rates = [{ ...PROJECT, concurrentGenerations: 7 }];
      const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => send(`gen_${i}`, rates)));

      expect(answers.filter(isAccepted)).toHaveLength(7);
    });

    test("keeps the counts of projects when it removes those of addresses", async () => {
      const rates = [
        { ...PROJECT, requestsPerMinute: 9 },
        { ...ADDRESS, requestsPerMinute: 9 },
      ];
      const first = await send("gen_1", rates);
      await records.forgetAddresses(new Date(orderOf("gen_1").createdAt.getTime() + 10 * MINUTE_SECONDS * 1000));
      const second = await send("gen_2", rates);

      if (countMinutes([first, second]) > 1) return;
      expect(second.rates.find(({ scope }) => scope === "PROJECT")).toMatchObject({ remaining: 7 });
    });
  });
}

/**
 * Returns how many minutes of the adapter's clock the answers span: within a minute, the seconds left only decrease.
 */
function countMinutes(answers: readonly { readonly rates: readonly RateStatus[] }[]): number {
  const resets = answers.flatMap(({ rates }) => rates.flatMap(({ resetSeconds }) => resetSeconds ?? []));
  return Math.max(...resets) - Math.min(...resets) > MINUTE_SECONDS / 2 ? 2 : 1;
}
