import { expect, test } from "@jest/globals";
import { SharedSync } from "../../../src/adapters/disk/shared-sync.ts";

/** A sync whose runs are ended by hand. */
function syncByHand() {
  const runs: PromiseWithResolvers<void>[] = [];
  const shared = new SharedSync(() => {
    const run = Promise.withResolvers<void>();
    runs.push(run);
    return run.promise;
  });
  return { shared, runs };
}

test("a caller during a run shares the next run, and does not rely on the current one", async () => {
  const { shared, runs } = syncByHand();
  const ended: string[] = [];
  const ask = (name: string) => shared.sync().then(() => ended.push(name));
  const first = ask("first");
  const [second, third] = [ask("second"), ask("third")];

  expect(runs).toHaveLength(1);
  runs[0]?.resolve();
  await first;
  expect(ended).toEqual(["first"]);
  expect(runs).toHaveLength(2);
  runs[1]?.resolve();
  await Promise.all([second, third]);
  expect(runs).toHaveLength(2);
});

test("a failure reaches the callers that shared the run, and no others", async () => {
  const { shared, runs } = syncByHand();
  const failed = shared.sync();
  const later = shared.sync();
  runs[0]?.reject(new Error("no space"));

  await expect(failed).rejects.toThrow("no space");
  runs[1]?.resolve();
  await later;
});
