/**
 * Runs accepted generations. A job is only a wake-up call; the records decide what is done. A job may be delivered
 * twice. If a job is lost, its generation is enqueued again later.
 */
export interface JobQueue {
  enqueue(generationId: string): Promise<void>;
  /**
   * Takes a place for a job that need not wait. `undefined` if no place is free or other jobs wait.
   * @defaultValue every job is enqueued, because other processes may run it
   */
  takePlace?(): JobPlace | undefined;
  /** Starts passing jobs to `run`, at most the configured number at once. `run` never rejects. */
  start(run: (generationId: string) => Promise<void>): Promise<void>;
  /** Starts no further job. Resolves when no job is running. */
  drain(): Promise<void>;
}

/** A place that is kept until it is used or given back. Call exactly one of the methods. */
export interface JobPlace {
  /** Uses the place until the job is done. It may not reject. */
  use(job: Promise<void>): void;
  giveBack(): void;
}
