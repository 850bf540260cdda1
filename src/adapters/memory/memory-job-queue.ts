import type { JobPlace, JobQueue } from "../../ports/job-queue.ts";

/**
 * The jobs of one process, in order of arrival. A job is only an id, so tens of thousands can wait. Jobs end with the
 * process; the next one fills the queue again from the records.
 */
export class MemoryJobQueue implements JobQueue {
  readonly #concurrency: number;
  readonly #waiting = new Set<string>();
  readonly #running = new Set<Promise<void>>();
  #run: ((generationId: string) => Promise<void>) | undefined;

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  async enqueue(generationId: string): Promise<void> {
    this.#waiting.add(generationId);
    this.#fill();
  }

  takePlace(): JobPlace | undefined {
    if (!this.#run || this.#waiting.size > 0 || this.#running.size >= this.#concurrency) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#hold(promise);
    return { use: resolve, giveBack: resolve };
  }

  async start(run: (generationId: string) => Promise<void>): Promise<void> {
    this.#run = run;
    this.#fill();
  }

  async drain(): Promise<void> {
    this.#run = undefined;
    await Promise.all(this.#running);
  }

  #fill(): void {
    for (const generationId of this.#waiting) {
      if (!this.#run || this.#running.size >= this.#concurrency) return;
      this.#waiting.delete(generationId);
      this.#hold(this.#run(generationId));
    }
  }

  /** Takes a place until the job is done. */
  #hold(job: Promise<void>): void {
    const running = job.finally(() => {
      this.#running.delete(running);
      this.#fill();
    });
    this.#running.add(running);
  }
}
