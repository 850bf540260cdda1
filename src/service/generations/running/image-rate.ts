const MINUTE_MS = 60_000;

/** A number of images that were submitted together, and when, in milliseconds of `performance.now()`. */
interface Submission {
  readonly atMs: number;
  readonly imageCount: number;
}

interface Waiter {
  readonly imageCount: number;
  resolve(isCounted: boolean): void;
}

/**
 * Limits how many images this process submits to paid providers in any minute. Further images wait, first come, first
 * served.
 */
export class ImageRate {
  readonly #maxImages: number;
  readonly #windowMs: number;
  readonly #waiting = new Set<Waiter>();
  /** The submissions of the last minute, the oldest first. */
  readonly #submissions: Submission[] = [];
  /** How many images these are together. */
  #submitted = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param maxImages the limit for each minute, at least as many as one call can make */
  constructor(maxImages: number, windowMs = MINUTE_MS) {
    this.#maxImages = maxImages;
    this.#windowMs = windowMs;
  }

  /** Counts this many more images if they may be submitted now. @returns false, and nothing is counted, if not */
  takeNow(imageCount: number): boolean {
    this.#forgetBefore(performance.now() - this.#windowMs);
    if (this.#waiting.size > 0 || this.#submitted + imageCount > this.#maxImages) return false;
    this.note(imageCount);
    return true;
  }

  /**
   * Waits until this many more images may be submitted, and counts them.
   *
   * @returns false, and nothing is counted, when the signal aborts first
   */
  take(imageCount: number, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const leave = () => waiter.resolve(false);
      const waiter: Waiter = {
        imageCount,
        resolve: (isCounted) => {
          signal.removeEventListener("abort", leave);
          this.#waiting.delete(waiter);
          resolve(isCounted);
          if (!isCounted) this.#serve();
        },
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.add(waiter);
      this.#serve();
    });
  }

  /** Counts images without waiting, for a call that is repeated because its provider did no work. */
  note(imageCount: number): void {
    this.#submissions.push({ atMs: performance.now(), imageCount });
    this.#submitted += imageCount;
  }

  /** Stops counting images that were not submitted. */
  giveBack(imageCount: number): void {
    const index = this.#submissions.findLastIndex((submission) => submission.imageCount === imageCount);
    if (index >= 0) {
      this.#submissions.splice(index, 1);
      this.#submitted -= imageCount;
    }
    this.#serve();
  }

  #serve(): void {
    clearTimeout(this.#timer);
    const nowMs = performance.now();
    this.#forgetBefore(nowMs - this.#windowMs);
    for (const waiter of this.#waiting) {
      if (this.#submitted + waiter.imageCount > this.#maxImages) {
        const oldestMs = this.#submissions[0]?.atMs ?? nowMs;
        this.#timer = setTimeout(() => this.#serve(), Math.ceil(oldestMs + this.#windowMs - nowMs));
        return;
      }
      this.note(waiter.imageCount);
      waiter.resolve(true);
    }
  }

  #forgetBefore(startMs: number): void {
    for (let oldest = this.#submissions[0]; oldest && oldest.atMs <= startMs; oldest = this.#submissions[0]) {
      this.#submissions.shift();
      this.#submitted -= oldest.imageCount;
    }
  }
}
