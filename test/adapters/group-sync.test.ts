import { expect, test } from "@jest/globals";
import { GroupSync } from "../../src/adapters/group-sync.ts";

/** A sync whose runs the test ends by hand. */
function syncByHand() {
  const runs: PromiseWithResolvers<void>[] = [];
  const group = new GroupSync(() => {
    const run = Promise.withResolvers<void>();
    runs.push(run);
    return run.promise;
  });
  const ended: string[] = [];
  const change = async (name: string) => {
    group.note();
    await group.untilDurable();
    ended.push(name);
  };
  return { group, runs, ended, change };
}

test("changes during a sync share the next sync and do not rely on the running one", async () => {
  const { runs, ended, change } = syncByHand();
  const first = change("first");
  const others = Promise.all([change("second"), change("third")]);

  expect(runs).toHaveLength(1);
  runs[0]?.resolve();
  await first;
  expect(ended).toEqual(["first"]);
  expect(runs).toHaveLength(2);
  runs[1]?.resolve();
  await others;
  expect(runs).toHaveLength(2);
});

test("a reader waits for the running sync, and does not wait if everything is durable", async () => {
  const { group, runs, ended, change } = syncByHand();
  await group.untilDurable();
  const changed = change("change");
  const read = group.untilDurable().then(() => ended.push("read"));

  runs[0]?.resolve();
  await Promise.all([changed, read]);
  await group.untilDurable();
  expect(runs).toHaveLength(1);
  expect(ended).toHaveLength(2);
});

test("a failure reaches all changes of that sync; the next change starts a new one", async () => {
  const { runs, ended, change } = syncByHand();
  const failed = change("failed");
  runs[0]?.reject(new Error("no space"));
  await expect(failed).rejects.toThrow("no space");

  const later = change("later");
  runs[1]?.resolve();
  await later;
  expect(ended).toEqual(["later"]);
});
