import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import { MemoryJobQueue } from "../../../src/adapters/memory/memory-job-queue.ts";
import { jobQueueContract } from "../../contracts/job-queue.ts";

jobQueueContract("memory", async (concurrency) => ({
  queue: new MemoryJobQueue(concurrency),
  close: async () => {},
}));

describe("a place of the memory queue", () => {
  /** A queue with one place, whose jobs are noted and never end. */
  async function startQueue(): Promise<{ queue: MemoryJobQueue; begun: string[] }> {
    const queue = new MemoryJobQueue(1);
    const begun: string[] = [];
    await queue.start((id) => {
      begun.push(id);
      return new Promise(() => {});
    });
    return { queue, begun };
  }

  test("is kept from other jobs until its job is done", async () => {
    const { queue, begun } = await startQueue();
    const place = queue.takePlace();
    await queue.enqueue("gen_2");
    expect(queue.takePlace()).toBeUndefined();
    const job = Promise.withResolvers<void>();
    place?.use(job.promise);
    expect(begun).toEqual([]);
    job.resolve();
    await setImmediate();

    expect(begun).toEqual(["gen_2"]);
    expect(queue.takePlace()).toBeUndefined();
  });

  test("goes to the next job when it is given back", async () => {
    const { queue, begun } = await startQueue();
    const place = queue.takePlace();
    await queue.enqueue("gen_2");
    place?.giveBack();
    await setImmediate();

    expect(begun).toEqual(["gen_2"]);
  });

  test("is not given before the start and after the end, and the end waits for it", async () => {
    const queue = new MemoryJobQueue(1);
    expect(queue.takePlace()).toBeUndefined();
    await queue.start(async () => {});
    const place = queue.takePlace();
    let isDrained = false;
    const drained = queue.drain().then(() => {
      isDrained = true;
    });
    expect(queue.takePlace()).toBeUndefined();
    await setImmediate();
    expect(isDrained).toBe(false);
    place?.use(Promise.resolve());

    await drained;
  });
});
