/**
 * How long an answer of the store may be used again, in milliseconds. Other processes change projects and keys too, and
 * every process must notice within a second.
 */
const MAX_AGE_MS = 800;
/** The most answers that are kept. The oldest are dropped first. */
const MAX_ENTRIES = 10_000;

interface Entry<Value> {
  readonly value: Promise<Value>;
  readonly readAtMs: number;
}

/** Caches the store's answers for less than a second, so that a busy caller does not cost a read each time. */
export class ShortCache<Value> {
  readonly #entries = new Map<string, Entry<Value>>();

  /** Returns the kept answer, or reads it. A read that fails is not kept. */
  get(key: string, read: () => Promise<Value>): Promise<Value> {
    // Monotonic: setting the clock back does not extend the life of an answer.
    const nowMs = performance.now();
    const known = this.#entries.get(key);
    if (known && nowMs - known.readAtMs < MAX_AGE_MS) return known.value;
    const entry = { value: read(), readAtMs: nowMs };
    entry.value.catch(() => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    });
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined && this.#entries.size > MAX_ENTRIES) this.#entries.delete(oldest);
    return entry.value;
  }

  /** Drops all answers, because something was changed in this process. */
  clear(): void {
    this.#entries.clear();
  }
}
