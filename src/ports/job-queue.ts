/**
 * Runs accepted generations. A job is only a wake-up call; the records decide what is done. A job may be delivered
 * twice. If a job is lost, its generation is enqueued again later.
 */
export interface JobQueue {
  enqueue(generationId: string): Promise<void>;
  /** Starts passing jobs to `run`, at most the configured number at once. `run` never rejects. */
  start(run: (generationId: string) => Promise<void>): Promise<void>;
  /** Starts no further job. Resolves when no job is running. */
  drain(): Promise<void>;
}
