import { afterEach, describe, expect, test } from "@jest/globals";
import type { JobQueue } from "../../src/ports/job-queue.ts";

/** An adapter on its own empty storage. */
export interface OpenedJobQueue {
  readonly queue: JobQueue;
  /** Removes the storage. Runs after the queue was drained. */
  close(): Promise<void>;
}

/**
 * What every {@link JobQueue} promises. A job may be delivered twice, so these tests check which jobs ran, and never
 * how often.
 */
export function jobQueueContract(name: string, open: (concurrency: number) => Promise<OpenedJobQueue>): void {
  describe(`${name} as a job queue`, () => {
    let opened: OpenedJobQueue;
    let work: Work;

    async function openQueue(concurrency: number): Promise<JobQueue> {
      opened = await open(concurrency);
      work = new Work();
      return opened.queue;
    }

    afterEach(async () => {
      work.letAllEnd();
      await opened.queue.drain();
      await opened.close();
    });

    test("runs jobs that were enqueued before the start, once it has started", async () => {
      const queue = await openQueue(2);
      for (const id of ["gen_1", "gen_2", "gen_3"]) await queue.enqueue(id);
      expect(work.begun).toEqual([]);
      work.letAllEnd();
      await queue.start(work.run);

      await work.ended("gen_1", "gen_2", "gen_3");
    });

    test("runs jobs enqueued while it runs, also after an idle time", async () => {
      const queue = await openQueue(2);
      work.letAllEnd();
      await queue.start(work.run);
      await queue.enqueue("gen_1");
      await work.ended("gen_1");
      await queue.enqueue("gen_2");
      await work.ended("gen_2");
    });

    test("accepts jobs from within a job", async () => {
      const queue = await openQueue(1);
      await queue.start(async (id) => {
        if (id === "gen_1") await queue.enqueue("gen_2");
        await work.run(id);
      });
      work.letAllEnd();
      await queue.enqueue("gen_1");

      await work.ended("gen_1", "gen_2");
    });

    test("runs a job that was enqueued twice at least once", async () => {
      const queue = await openQueue(1);
      for (const id of ["gen_1", "gen_1", "gen_2", "gen_1"]) await queue.enqueue(id);
      work.letAllEnd();
      await queue.start(work.run);
      await work.ended("gen_1", "gen_2");
      await queue.enqueue("gen_1");
      await queue.enqueue("gen_3");
      await work.ended("gen_3");

      expect(new Set(work.begun)).toEqual(new Set(["gen_1", "gen_2", "gen_3"]));
    });

    test("runs a job again if it is enqueued again after it ran", async () => {
      const queue = await openQueue(1);
      work.letAllEnd();
      await queue.start(work.run);
      for (let count = 1; count <= 3; count++) {
        await queue.enqueue("gen_1");
        await work.endedTimes("gen_1", count);
      }
    });

    test.each([1, 2, 5])(
      "runs at most %i jobs at the same time, and exactly that many if enough wait",
      async (limit) => {
        const queue = await openQueue(limit);
        const ids = Array.from({ length: 12 }, (_, i) => `gen_${i}`);
        for (const id of ids) await queue.enqueue(id);
        await queue.start(work.run);

        for (let done = 0; done < ids.length; done++) {
          await work.inFlight(Math.min(limit, ids.length - done));
          work.letOneEnd();
        }

        await work.ended(...ids);
        expect(work.mostInFlight).toBe(limit);
      },
    );

    test("is drained when the running jobs have ended, and starts no more", async () => {
      const queue = await openQueue(2);
      for (const id of ["gen_1", "gen_2", "gen_3", "gen_4"]) await queue.enqueue(id);
      await queue.start(work.run);
      await work.inFlight(2);
      const begun = [...work.begun];

      let isDrained = false;
      const draining = queue.drain().then(() => {
        isDrained = true;
      });
      work.letOneEnd();
      await work.ended(begun[0] as string);
      expect(isDrained).toBe(false);
      work.letOneEnd();
      await draining;

      expect(work.begun).toEqual(begun);
      expect(work.inFlightNow).toBe(0);
    });

    test("is drained immediately if nothing runs, before and after its start, and a second time", async () => {
      const queue = await openQueue(2);
      await queue.drain();
      await queue.drain();
      expect(work.begun).toEqual([]);

      await opened.close();
      const another = await openQueue(2);
      await another.start(work.run);
      await another.drain();
      expect(work.begun).toEqual([]);
    });

    test("runs nothing that is enqueued after it was drained", async () => {
      const queue = await openQueue(2);
      work.letAllEnd();
      await queue.start(work.run);
      await queue.enqueue("gen_1");
      await work.ended("gen_1");
      await queue.drain();
      await queue.enqueue("gen_2");
      await queue.drain();

      expect(work.begun).toEqual(["gen_1"]);
    });
  });
}

/** Jobs that end when the test allows it. */
class Work {
  readonly begun: string[] = [];
  mostInFlight = 0;
  #isFree = false;
  readonly #running: PromiseWithResolvers<void>[] = [];
  readonly #ended: string[] = [];
  #changed = Promise.withResolvers<void>();

  readonly run = async (id: string): Promise<void> => {
    const end = Promise.withResolvers<void>();
    this.begun.push(id);
    this.#running.push(end);
    this.mostInFlight = Math.max(this.mostInFlight, this.#running.length);
    this.#tell();
    if (!this.#isFree) await end.promise;
    const place = this.#running.indexOf(end);
    if (place >= 0) this.#running.splice(place, 1);
    this.#ended.push(id);
    this.#tell();
  };

  get inFlightNow(): number {
    return this.#running.length;
  }

  letOneEnd(): void {
    this.#running.shift()?.resolve();
  }

  letAllEnd(): void {
    this.#isFree = true;
    while (this.#running.length > 0) this.letOneEnd();
  }

  async inFlight(count: number): Promise<void> {
    while (this.#running.length !== count) await this.#changed.promise;
  }

  async ended(...ids: readonly string[]): Promise<void> {
    while (!ids.every((id) => this.#ended.includes(id))) await this.#changed.promise;
  }

  async endedTimes(id: string, count: number): Promise<void> {
    while (this.#ended.filter((ended) => ended === id).length < count) await this.#changed.promise;
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}
