import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { RateRefusal, RateRule } from "../../src/ports/projects/rates.ts";
import {
  type AcceptanceTerms,
  type AcceptedGeneration,
  type GenerationOrder,
  type GenerationOutcome,
  PUBLIC_PROJECT,
} from "../../src/ports/records.ts";
import {
  ACCEPTED_AT,
  accept,
  type BookedRecords,
  begin,
  claimOf,
  DAY_MS,
  dollarsOf,
  FAILURE,
  FINISHED_AT,
  find,
  imageOf,
  keyOf,
  NO_LIMITS,
  type OpenedRecords,
  OTHER_WORKER,
  orderOf,
  SIZE,
  WORKER,
} from "./record-samples.ts";

/** More than one batch. */
const IDS = Array.from({ length: 150 }, (_, index) => `gen_${String(index).padStart(3, "0")}`);

/** What {@link Records} promise for simultaneous writes: each has its own result. */
export function recordBatchesContract(name: string, open: () => Promise<OpenedRecords>): void {
  describe(`${name} as records written at the same moment`, () => {
    let opened: OpenedRecords;
    let records: BookedRecords;

    beforeEach(async () => {
      opened = await open();
      records = opened.records;
    });

    afterEach(() => opened.close());

    test("accept each generation with its own values", async () => {
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

    type Answer = AcceptedGeneration | RateRefusal;
    const acceptAll = (orders: readonly GenerationOrder[], terms: Partial<AcceptanceTerms>) =>
      Promise.all(orders.map((order) => records.accept(order, { ...NO_LIMITS, ...terms }) as Promise<Answer>));
    /** Accepts orders under limits. If the clock's minute ends meanwhile, repeats with new limits. */
    async function acceptInOneMinute(prefix: string, rules: readonly RateRule[], more: Partial<AcceptanceTerms> = {}) {
      for (let attempt = 0; attempt < 3; attempt++) {
        const rates = rules.map((rule) => ({ ...rule, id: `${rule.id} ${attempt}` }));
        const orders = IDS.map((id, index) => ({ ...orderOf(`${prefix}_${attempt}_${id}`), n: 1 + (index % 3) }));
        const answers = await acceptAll(orders, { ...more, rates });
        const resets = answers.flatMap((answer) => ("rates" in answer ? answer.rates : []));
        const seconds = resets.flatMap(({ resetSeconds }) => resetSeconds ?? []);
        if (Math.max(...seconds) - Math.min(...seconds) < 30) return { orders, answers, rates };
        // Those that were accepted would count as active in the next attempt.
        for (const { id } of orders) await records.remove(id);
      }
      throw new Error("the minute ended three times");
    }
    const isAccepted = (answer: Answer): answer is AcceptedGeneration => "generation" in answer;
    const remainingOf = ({ rates }: Answer, unit: string) => rates.find((rate) => rate.unit === unit)?.remaining ?? NaN;

    test("count against rate limits as if they came one after another", async () => {
      const limits = { requestsPerMinute: 200, imagesPerMinute: 500, concurrentGenerations: 300 };
      const { answers } = await acceptInOneMinute("gen", [
        { scope: "PROJECT", id: PUBLIC_PROJECT, ...limits },
        { scope: "API_KEY", id: "key_1", requestsPerMinute: 1000 },
      ]);

      expect(answers.every(isAccepted)).toBe(true);
      const inTurn = answers.toSorted((a, b) => remainingOf(b, "REQUESTS") - remainingOf(a, "REQUESTS"));
      let images = 0;
      for (const [index, answer] of inTurn.entries()) {
        images += (answer as AcceptedGeneration).generation.n;
        expect(answer.rates.map(({ scope, unit, remaining }) => [scope, unit, remaining])).toEqual([
          ["PROJECT", "REQUESTS", 199 - index],
          ["PROJECT", "IMAGES", 500 - images],
          ["PROJECT", "GENERATIONS", 299 - index],
          ["API_KEY", "REQUESTS", 999 - index],
        ]);
      }
    });

    test.each([
      ["requests", { requestsPerMinute: 101 }, "REQUESTS"],
      ["generations at once", { concurrentGenerations: 101 }, "GENERATIONS"],
    ])("fill a limit of %s exactly, and a refusal undoes nothing", async (_what, limits, unit) => {
      const rule = { scope: "PROJECT", id: PUBLIC_PROJECT, imagesPerMinute: 100_000, ...limits } as const;
      const { orders, answers, rates } = await acceptInOneMinute("gen", [rule]);
      const [accepted, refused] = [answers.filter(isAccepted), answers.filter((answer) => !isAccepted(answer))];

      expect(accepted.map((answer) => remainingOf(answer, unit)).toSorted((a, b) => b - a)).toEqual(
        Array.from({ length: 101 }, (_, index) => 100 - index),
      );
      expect(refused).toHaveLength(IDS.length - 101);
      for (const answer of refused) expect(answer).toMatchObject({ exceeded: { unit, limit: 101, remaining: 0 } });
      const stored = await records.findGenerations(orders.map(({ id }) => id));
      expect(stored.map(({ id }) => id).toSorted()).toEqual(accepted.map(({ generation }) => generation.id).toSorted());
      const images = stored.reduce((sum, { n }) => sum + n, 0);
      expect(Math.min(...accepted.map((answer) => remainingOf(answer, "IMAGES")))).toBe(100_000 - images);
      // A refused request does not count.
      const [ofImages] = await acceptAll([{ ...orderOf("gen_next"), n: 1 }], {
        rates: rates.map(({ scope, id, imagesPerMinute }) => ({ scope, id, imagesPerMinute })),
      });
      expect(ofImages?.rates).toMatchObject([{ unit: "IMAGES", remaining: 100_000 - images - 1 }]);
    });

    test("do not count against rate limits if a budget refuses them", async () => {
      const rates = [{ scope: "PROJECT", id: PUBLIC_PROJECT, concurrentGenerations: 1000 }] as const;
      const limits = { dailyBudget: "2", rates };
      const orders = IDS.map((id) => ({ ...orderOf(id), maxCost: "0.1" }));
      const answers = await acceptAll(orders, limits);

      expect(answers.filter((answer) => "budget" in answer)).toHaveLength(IDS.length - 20);
      expect(answers.filter(isAccepted)).toHaveLength(20);
      expect(await dollarsOf(records)).toEqual({ settled: "0.000000", held: "2.000000" });
      const [free] = await acceptAll([{ ...orderOf("gen_free"), maxCost: "0" }], limits);
      expect(free?.rates).toMatchObject([{ unit: "GENERATIONS", remaining: 1000 - 21 }]);
    });

    test("are accepted once for each idempotency key, and found by a repeated key", async () => {
      const dayAfter = new Date(ACCEPTED_AT.getTime() + DAY_MS);
      const keyed = (id: string, key: string, createdAt = dayAfter): GenerationOrder => ({
        ...orderOf(id, createdAt),
        idempotency: keyOf(key, createdAt),
      });
      const rates = [{ scope: "PROJECT", id: PUBLIC_PROJECT, concurrentGenerations: 1000 }] as const;
      const expired = ["key_0", "key_1", "key_2"].map((key, index) => keyed(`gen_old_${index}`, key, ACCEPTED_AT));
      const remembered = ["key_3", "key_4"].map((key, index) =>
        keyed(`gen_new_${index}`, key, new Date(ACCEPTED_AT.getTime() + 1)),
      );
      await acceptAll([...expired, ...remembered], {});
      // Each key twice, some of them in the same batch.
      const orders = IDS.map((id, index) => keyed(id, `key_${index % 75}`));
      const answers = await acceptAll(orders, { rates });

      expect(answers.every(isAccepted)).toBe(true);
      const byKey = Map.groupBy(answers.filter(isAccepted), ({ generation }) => generation.idempotency?.key ?? "");
      expect(byKey.size).toBe(75);
      for (const [key, both] of byKey) {
        expect(new Set(both.map(({ generation }) => generation.id)).size).toBe(1);
        const earlier = remembered.find(({ idempotency }) => idempotency?.key === key);
        expect(both.filter(({ isNew }) => isNew)).toHaveLength(earlier ? 0 : 1);
        if (earlier) expect(both[0]?.generation.id).toBe(earlier.id);
      }
      for (const { id } of expired) expect((await find(records, id))?.idempotency).toBeUndefined();
      const stored = await records.findGenerations(IDS);
      expect(stored).toHaveLength(73);
      const counted = answers.filter(isAccepted).flatMap(({ rates: [rate] }) => rate?.remaining ?? []);
      // Five had been accepted before.
      expect(counted.toSorted((a, b) => b - a)).toEqual(Array.from({ length: 73 }, (_, index) => 994 - index));
    });

    test("of two projects are each held to their own limits", async () => {
      const owners = ["a", "b"].map((name, index) => ({
        owner: { projectId: `proj_${name}`, apiKeyId: `key_${name}` },
        rates: [{ scope: "API_KEY", id: `key_${name}`, concurrentGenerations: 30 + index }] as const,
      }));
      const answers = await Promise.all(
        IDS.map(async (id, index) => {
          const { owner, rates } = owners[index % 2]!;
          // The same keys, which belong to another project.
          const order = { ...orderOf(id), ...owner, idempotency: keyOf(`key_${Math.floor(index / 2)}`) };
          return records.accept(order, { ...NO_LIMITS, rates }) as Promise<Answer>;
        }),
      );

      const counts = Map.groupBy(answers.filter(isAccepted), ({ generation }) => generation.projectId);
      expect([...counts].map(([projectId, { length }]) => [projectId, length]).toSorted()).toEqual([
        ["proj_a", 30],
        ["proj_b", 31],
      ]);
    });

    test("accept as many of 500 as the limit allows", async () => {
      const rates = [{ scope: "PROJECT", id: PUBLIC_PROJECT, concurrentGenerations: 40 }] as const;
      const orders = Array.from({ length: 500 }, (_, index) => orderOf(`gen_${index}`));
      const answers = await acceptAll(orders, { rates });

      expect(answers.filter(isAccepted)).toHaveLength(40);
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
