import PQueue from "p-queue";
import type { JobQueue } from "../ports/job-queue.ts";

/**
 * The jobs of one process, first come first served. They are forgotten with the process; the records, from which the
 * queue is filled again, are not.
 */
export class MemoryJobQueue implements JobQueue {
  readonly #queue: PQueue;
  #run: ((generationId: string) => Promise<void>) | undefined;

  constructor(concurrency: number) {
    this.#queue = new PQueue({ concurrency, autoStart: false });
  }

  async enqueue(generationId: string): Promise<void> {
    void this.#queue.add(() => this.#run?.(generationId));
  }

  async start(run: (generationId: string) => Promise<void>): Promise<void> {
    this.#run = run;
    this.#queue.start();
  }

  async drain(): Promise<void> {
    this.#queue.pause();
    await this.#queue.onPendingZero();
  }
}
