/** How long the bytes of a new file are certainly still in memory, in milliseconds. */
const FRESH_MS = 10_000;
/** The most files that count as new: the answers to 64 callers of four images. */
const MAX_KEYS = 256;

/** Remembers which objects this process has just stored. Their bytes are in the caches of the kernel. */
export class FreshKeys {
  /** When each object was stored, in milliseconds of `performance.now()`; the oldest first. */
  readonly #storedAtMs = new Map<string, number>();

  add(key: string): void {
    this.#storedAtMs.delete(key);
    this.#storedAtMs.set(key, performance.now());
    const [oldest] = this.#storedAtMs.keys();
    if (oldest !== undefined && this.#storedAtMs.size > MAX_KEYS) this.#storedAtMs.delete(oldest);
  }

  has(key: string): boolean {
    const storedAtMs = this.#storedAtMs.get(key);
    return storedAtMs !== undefined && performance.now() - storedAtMs < FRESH_MS;
  }
}
