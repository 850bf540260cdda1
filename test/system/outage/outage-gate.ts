/** Where the provider's answers wait while it is shut. */
export class OutageGate {
  #isShut = false;
  #waiting: (() => void)[] = [];

  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Resolves at once, or as soon as whoever waits is let through. */
  pass(): Promise<void> {
    if (!this.#isShut) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    return promise;
  }

  shut(): void {
    this.#isShut = true;
  }

  /** Those who have waited longest; the gate stays as it is. */
  letThrough(count: number): void {
    for (const resolve of this.#waiting.splice(0, count)) resolve();
  }

  open(): void {
    this.#isShut = false;
    this.letThrough(this.#waiting.length);
  }
}
