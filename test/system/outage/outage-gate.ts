/** A gate that holds the provider's answers while it is closed. */
export class OutageGate {
  #isShut = false;
  #waiting: (() => void)[] = [];

  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Resolves immediately if the gate is open, and otherwise when the caller is let through. */
  pass(): Promise<void> {
    if (!this.#isShut) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    return promise;
  }

  shut(): void {
    this.#isShut = true;
  }

  /** Lets the callers through that have waited longest; the gate stays as it is. */
  letThrough(count: number): void {
    for (const resolve of this.#waiting.splice(0, count)) resolve();
  }

  open(): void {
    this.#isShut = false;
    this.letThrough(this.#waiting.length);
  }
}
