import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import { Batches } from "../../src/adapters/batches.ts";

/** Batches of numbers, each doubled when the test allows it. */
function doubling({ refused = [] as readonly number[], mayRepeat = true } = {}) {
  const steps: (readonly number[])[] = [];
  const opened = Promise.withResolvers<void>();
  const idle = Promise.withResolvers<void>();
  const work = async (items: readonly number[]): Promise<readonly number[]> => {
    steps.push(items);
    await opened.promise;
    if (items.some((item) => refused.includes(item))) throw new Error(`one of ${items} is refused`);
    return items.map((item) => 2 * item);
  };
  const batches = new Batches<number, number>({
    together: work,
    alone: async (item) => (await work([item]))[0] ?? Number.NaN,
    mayRepeat: () => mayRepeat,
    onIdle: idle.resolve,
  });
  return { batches, steps, open: opened.resolve, idle: idle.promise };
}

/** Adds each list of items in a turn of the event loop of its own. */
async function addInTurns(batches: Batches<number, number>, turns: readonly (readonly number[])[]) {
  const results: Promise<PromiseSettledResult<number>[]>[] = [];
  for (const items of turns) {
    results.push(Promise.allSettled(items.map((item) => batches.add(item))));
    await nextTurn();
  }
  return async () => (await Promise.all(results)).flat();
}

test("items of the same turn of the event loop share a batch, and each gets its own result", async () => {
  const { batches, steps, open, idle } = doubling();
  const results = [1, 2, 3].map((item) => batches.add(item));
  expect(steps).toEqual([]);
  open();

  expect(await Promise.all(results)).toEqual([2, 4, 6]);
  expect(steps).toEqual([[1, 2, 3]]);
  await idle;
});

test("items that arrive while two batches run share the next one", async () => {
  const { batches, steps, open, idle } = doubling();
  const results = await addInTurns(batches, [[1], [2], [3], [4, 5]]);
  expect(steps).toEqual([[1], [2]]);
  open();

  const values = (await results()).map((result) => result.status === "fulfilled" && result.value);
  expect(values).toEqual([2, 4, 6, 8, 10]);
  expect(steps).toEqual([[1], [2], [3, 4, 5]]);
  await idle;
});

test("a failed batch is repeated item by item, and only the faulty item fails", async () => {
  const { batches, steps, open } = doubling({ refused: [4] });
  const results = await addInTurns(batches, [[1], [2], [3, 4, 5]]);
  open();

  expect(await results()).toEqual([
    { status: "fulfilled", value: 2 },
    { status: "fulfilled", value: 4 },
    { status: "fulfilled", value: 6 },
    { status: "rejected", reason: new Error("one of 4 is refused") },
    { status: "fulfilled", value: 10 },
  ]);
  expect(steps.slice(2)).toEqual([[3, 4, 5], [3], [4], [5]]);
});

test("a batch that may have been carried out is not repeated", async () => {
  const { batches, steps, open } = doubling({ refused: [4], mayRepeat: false });
  const results = await addInTurns(batches, [[1], [2], [3, 4]]);
  open();

  const error = new Error("one of 3,4 is refused");
  expect((await results()).slice(2)).toEqual([
    { status: "rejected", reason: error },
    { status: "rejected", reason: error },
  ]);
  expect(steps).toEqual([[1], [2], [3, 4]]);
});

test("items above the maximum are refused immediately", async () => {
  const { batches, open } = doubling();
  const results = Array.from({ length: 5_000 }, (_, index) => batches.add(index));

  await expect(batches.add(-1)).rejects.toMatchObject({ code: "OVERLOADED" });
  open();
  expect(await Promise.all(results)).toHaveLength(5_000);
});
