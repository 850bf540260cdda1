import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, jest, test } from "@jest/globals";
import { untilAborted } from "../../src/service/until-aborted.ts";

/** How many of these are still held on to by somebody: counted after a collection. */
async function countHeld(pieces: readonly WeakRef<Uint8Array>[]): Promise<number> {
  // A weak reference that was looked at keeps its target until the turn ends.
  await nextTurn();
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return pieces.filter((piece) => piece.deref()).length;
}

test("what passes is let go of piece by piece, not held until the end", async () => {
  const passed: WeakRef<Uint8Array>[] = [];
  async function* source(): AsyncGenerator<Uint8Array> {
    for (let count = 0; count < 20; count++) yield new Uint8Array(1000);
  }
  let mostHeld = 0;
  for await (const piece of untilAborted(source(), new AbortController().signal)) {
    passed.push(new WeakRef(piece));
    mostHeld = Math.max(mostHeld, await countHeld(passed));
  }
  expect(passed).toHaveLength(20);
  expect(mostHeld).toBeLessThanOrEqual(2);
});

test("it ends with the signal's reason although the source does not heed it", async () => {
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

test("it asks for nothing when the signal has aborted already", async () => {
  const reason = new Error("too late");
  const next = jest.fn(async () => ({ done: true as const, value: undefined }));
  const source = { [Symbol.asyncIterator]: () => ({ next }) };
  await expect(Array.fromAsync(untilAborted(source, AbortSignal.abort(reason)))).rejects.toBe(reason);
  expect(next).not.toHaveBeenCalled();
});
