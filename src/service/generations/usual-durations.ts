/** How long a call of a model is thought to take while none has ended, in milliseconds. */
const UNKNOWN_MS = 60_000;
/** How many of the last calls of a model count. */
const REMEMBERED = 15;

/** How long calls of each model usually take: the median of the last ones that brought their images. */
export class UsualDurations {
  readonly #lastOf = new Map<string, number[]>();

  /** @param durationMs of a call that brought all its images */
  learn(model: string, durationMs: number): void {
    this.#lastOf.set(model, [...(this.#lastOf.get(model) ?? []), durationMs].slice(-REMEMBERED));
  }

  /** In milliseconds. */
  of(model: string): number {
    const sorted = this.#lastOf.get(model)?.toSorted((a, b) => a - b) ?? [];
    return sorted[Math.floor(sorted.length / 2)] ?? UNKNOWN_MS;
  }
}
