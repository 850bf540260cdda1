/** One of several requests that a client sends for the same images because the one before got no answer. */
export interface Attempt {
  /** Whether the client says that it sent an attempt before this one. */
  readonly isRepetition: boolean;
  /** Identifies the client as well as possible. It is stored only as a hash. */
  readonly client: string;
  /** Resolves when the connection closes: true if the client received its answer, and so will not retry. */
  readonly isAnswered: Promise<boolean>;
}

/** How long after its end a generation may still answer a retry without an idempotency key. */
export const REPETITION_MS = 5 * 60 * 1000;

/**
 * Remembers which generations must not answer a retry: those that another request still waits for, and those whose
 * answer was received. So each of several identical requests gets its own images, also when they are retried.
 *
 * It knows only this process. A generation of another process, or from before a crash, may answer a retry.
 */
export class RetryDeduplicator {
  readonly #awaited = new Set<string>();
  /** When each generation was answered, in milliseconds since 1970, oldest first. */
  readonly #answered = new Map<string, number>();
  readonly #now: () => Date;

  constructor(now: () => Date) {
    this.#now = now;
  }

  has(generationId: string): boolean {
    return this.#awaited.has(generationId) || this.#answered.has(generationId);
  }

  /** Reserves a generation for a client, until the client disconnects without its answer. */
  keepFor(generationId: string, { isAnswered }: Attempt): void {
    this.#forgetOld();
    this.#awaited.add(generationId);
    void isAnswered.then((isOver) => {
      this.#awaited.delete(generationId);
      if (isOver) this.#answered.set(generationId, this.#now().getTime());
    });
  }

  /** Older generations never answer a retry, so they need not be remembered. */
  #forgetOld(): void {
    const before = this.#now().getTime() - REPETITION_MS;
    for (const [generationId, at] of this.#answered) {
      if (at > before) return;
      this.#answered.delete(generationId);
    }
  }
}
