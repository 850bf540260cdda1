import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import { GroupSync } from "../../src/adapters/group-sync.ts";

/** A sync whose runs the test ends by hand. */
function syncByHand() {
  const runs: PromiseWithResolvers<void>[] = [];
  let begun = Promise.withResolvers<void>();
  const group = new GroupSync(() => {
    const run = Promise.withResolvers<void>();
    runs.push(run);
    begun.resolve();
    begun = Promise.withResolvers();
    return run.promise;
  });
  const ended: string[] = [];
  const change = async (name: string) => {
    group.note();
    await group.untilDurable();
    ended.push(name);
  };
  /** Resolves when the next sync begins. */
  const beginning = () => begun.promise;
  return { group, runs, ended, change, beginning };
}

test("changes during a sync share the next sync and do not rely on the running one", async () => {
  const { runs, ended, change, beginning } = syncByHand();
  const first = change("first");
  await beginning();
  const others = Promise.all([change("second"), change("third")]);
  await nextTurn();

  expect(runs).toHaveLength(1);
  runs[0]?.resolve();
  await first;
  await beginning();
  expect(ended).toEqual(["first"]);
  expect(runs).toHaveLength(2);
  runs[1]?.resolve();
  await others;
  expect(runs).toHaveLength(2);
});

test("changes of the same turn of the event loop share a sync", async () => {
  const { runs, ended, change, beginning } = syncByHand();
  const changes = Promise.all([change("first"), change("second")]);
  await Promise.resolve();
  const last = change("third");
  expect(runs).toEqual([]);
  await beginning();
  runs[0]?.resolve();
  await Promise.all([changes, last]);

  expect(runs).toHaveLength(1);
  expect(ended).toEqual(["first", "second", "third"]);
});

test("a reader waits for the running sync, and does not wait if everything is durable", async () => {
  const { group, runs, ended, change, beginning } = syncByHand();
  await group.untilDurable();
  const changed = change("change");
  const read = group.untilDurable().then(() => ended.push("read"));
  await beginning();

  runs[0]?.resolve();
  await Promise.all([changed, read]);
  await group.untilDurable();
  expect(runs).toHaveLength(1);
  expect(ended).toHaveLength(2);
});

test("a failure reaches all changes of that sync; the next change starts a new one", async () => {
  const { runs, ended, change, beginning } = syncByHand();
  const failed = change("failed");
  await beginning();
  runs[0]?.reject(new Error("no space"));
  await expect(failed).rejects.toThrow("no space");

  const later = change("later");
  await beginning();
  runs[1]?.resolve();
  await later;
  expect(ended).toEqual(["later"]);
});
