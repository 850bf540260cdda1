import { expect, jest, test } from "@jest/globals";
import { untilAborted } from "../../../../src/service/generations/watching/until-aborted.ts";
import { collectGarbage } from "../../../support/collect-garbage.ts";

test("values that have passed are released one by one, not held until the end", async () => {
  const passed: WeakRef<Uint8Array>[] = [];
  async function* source(): AsyncGenerator<Uint8Array> {
    for (let count = 0; count < 20; count++) yield new Uint8Array(1000);
  }
  for await (const piece of untilAborted(source(), new AbortController().signal)) {
    passed.push(new WeakRef(piece));
    if (passed.length < 20) continue;
    await collectGarbage();
    expect(passed.filter((weak) => weak.deref()).length).toBeLessThanOrEqual(2);
  }
  expect(passed).toHaveLength(20);
});

test("it ends with the signal's reason even if the source ignores the signal", async () => {
  const aborting = new AbortController();
  const reason = new Error("enough");
  let isLeft = false;
  const source: AsyncIterable<number> = {
    [Symbol.asyncIterator]: () => ({
      next: () => {
        aborting.abort(reason);
        return new Promise(() => {});
      },
      return: async () => {
        isLeft = true;
        return { done: true, value: undefined };
      },
    }),
  };
  await expect(Array.fromAsync(untilAborted(source, aborting.signal))).rejects.toBe(reason);
  expect(isLeft).toBe(true);
});

test("it reads nothing if the signal has already aborted", async () => {
  const reason = new Error("too late");
  const next = jest.fn(async () => ({ done: true as const, value: undefined }));
  const source = { [Symbol.asyncIterator]: () => ({ next }) };
  await expect(Array.fromAsync(untilAborted(source, AbortSignal.abort(reason)))).rejects.toBe(reason);
  expect(next).not.toHaveBeenCalled();
});
