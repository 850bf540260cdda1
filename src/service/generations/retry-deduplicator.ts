/** One of the requests that a client sends for the same thing, because it did not get the answer of the one before. */
export interface Attempt {
  /** Whether there was one before. */
  readonly isRepetition: boolean;
  /** What tells one client from another, as far as anything does. It is only ever hashed. */
  readonly client: string;
  /** Settles when the connection is over: whether its client has got its answer, and will not ask again. */
  readonly isAnswered: Promise<boolean>;
}

/** How long after its end a generation may still be what a client without a key asks for again. */
export const REPETITION_MS = 5 * 60 * 1000;

/**
 * Which generations no repetition may be given: those that another request still waits for, and those whose answer has
 * gone out. So of several requests that are alike each gets images of its own, also when they are sent again.
 *
 * It knows of this process alone. What it has not heard of, from another process or from before a crash, may be given.
 */
export class RetryDeduplicator {
  readonly #awaited = new Set<string>();
  /** Those that were answered, in that order, and when. */
  readonly #answered = new Map<string, number>();
  readonly #now: () => Date;

  constructor(now: () => Date) {
    this.#now = now;
  }

  has(generationId: string): boolean {
    return this.#awaited.has(generationId) || this.#answered.has(generationId);
  }

  /** Keeps a generation for a client, until it turns out to have left without its answer. */
  keepFor(generationId: string, { isAnswered }: Attempt): void {
    this.#forgetOld();
    this.#awaited.add(generationId);
    void isAnswered.then((isOver) => {
      this.#awaited.delete(generationId);
      if (isOver) this.#answered.set(generationId, this.#now().getTime());
    });
  }

  /** After so long its record alone tells that it is nobody's any more. */
  #forgetOld(): void {
    const before = this.#now().getTime() - REPETITION_MS;
    for (const [generationId, at] of this.#answered) {
      if (at > before) return;
      this.#answered.delete(generationId);
    }
  }
}
