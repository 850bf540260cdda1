import { describe, expect, test } from "@jest/globals";
import { RenderQueue } from "../../../src/service/images/render-queue.ts";

const MILLION = 1_000_000;

/** Renderings that take until they are told to end. */
function heldRenderings() {
  const started: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const hold = (name: string) => async () => {
    started.push(name);
    await promise;
    return name;
  };
  return { started, hold, release: resolve };
}

describe("the queue of renderings", () => {
  test("carries everything out, a slow one at a time, and lets no quick one wait behind them", async () => {
    const queue = new RenderQueue();
    const { started, hold, release } = heldRenderings();
    const slow = ["a", "b"].map((name) => queue.run("slow", MILLION, hold(name)));
    const quick = queue.run("quick", MILLION, async () => "quick");

    expect(await quick).toBe("quick");
    expect(started).toEqual(["a"]);
    release();
    expect(await Promise.all(slow)).toEqual(["a", "b"]);
  });

  test.each([
    ["slow", 32],
    ["quick", 300],
  ] as const)("refuses in the %s lane what would make more than %i million pixels wait", async (lane, most) => {
    const queue = new RenderQueue();
    const { started, hold, release } = heldRenderings();
    const accepted = [queue.run(lane, 1000 * MILLION, hold("running"))];
    // As many run at once as there are threads for.
    for (let known = 0; known < started.length; ) {
      known = started.length;
      const next = queue.run(lane, MILLION, hold("also"));
      accepted.push(next);
      if (started.length === known) break;
    }
    const waiting = accepted.length - started.length;
    accepted.push(queue.run(lane, (most - waiting) * MILLION, hold("waits")));

    await expect(queue.run(lane, 1, hold("too much"))).rejects.toMatchObject({
      code: "OVERLOADED",
      details: { retryAfterSeconds: 5 },
    });
    release();
    await Promise.all(accepted);
    await queue.onIdle();
    expect(await queue.run(lane, 1, async () => "again")).toBe("again");
  });

  test("never refuses what may run at once, however large", async () => {
    const queue = new RenderQueue();

    expect(await queue.run("slow", 1000 * MILLION, async () => "done")).toBe("done");
  });

  test("makes room when a rendering fails, and passes its error on", async () => {
    const queue = new RenderQueue();
    const failure = new Error("damaged");
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, () => queue.run("slow", 4 * MILLION, () => Promise.reject(failure))),
    );

    expect(outcomes.every((outcome) => outcome.status === "rejected" && outcome.reason === failure)).toBe(true);
    expect(await queue.run("slow", 32 * MILLION, async () => "done")).toBe("done");
  });
});
