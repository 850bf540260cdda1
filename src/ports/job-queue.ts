/**
 * Runs accepted generations. The records are the truth and a job is only a wake-up call: it may be delivered twice, and
 * a generation whose job got lost is enqueued again when a process starts.
 */
export interface JobQueue {
  enqueue(generationId: string): Promise<void>;
  /** Begins to hand jobs to `run`, at most the configured number at once. `run` never rejects. */
  start(run: (generationId: string) => Promise<void>): Promise<void>;
  /** Hands out no further job and resolves when none runs any more. */
  drain(): Promise<void>;
}
