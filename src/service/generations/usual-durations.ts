/** The assumed duration of a call of a model of which no call has ended, in milliseconds. */
const ASSUMED_MS = 60_000;
/** How many recent calls of each model are remembered. */
const MAX_REMEMBERED = 15;

/** The usual duration of calls of each model: the median of its recent successful calls. */
export class UsualDurations {
  readonly #lastOf = new Map<string, number[]>();

  /** Remembers a call. @param durationMs the duration of a call that returned all its images */
  learn(model: string, durationMs: number): void {
    this.#lastOf.set(model, [...(this.#lastOf.get(model) ?? []), durationMs].slice(-MAX_REMEMBERED));
  }

  /** The usual duration of a call of this model, in milliseconds. */
  of(model: string): number {
    const sorted = this.#lastOf.get(model)?.toSorted((a, b) => a - b) ?? [];
    return sorted[Math.floor(sorted.length / 2)] ?? ASSUMED_MS;
  }
}
