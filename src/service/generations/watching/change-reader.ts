import { setTimeout as delay, setImmediate as turn } from "node:timers/promises";
import type { Logger } from "pino";
import type { Generation, Image, Records } from "../../../ports/records.ts";

/** How often the records are read without a notice: a process may die between a change and its notice. */
const POLL_MS = 30_000;
/** How long to wait after a read that failed. */
const RETRY_MS = 1_000;
/** How long the last read may take. */
const LAST_READ_MS = 1_000;
/** How many generations are read at once. */
export const MAX_IDS = 500;

export interface ChangeReaderOptions {
  readonly records: Pick<Records, "findGenerations" | "findImagesOf">;
  readonly logger: Logger;
  /** How often `poll` is called, in milliseconds. @defaultValue 30 000 */
  readonly pollMs?: number | undefined;
  /** Asks for everything that may have changed without a notice. It is called regularly while there are viewers. */
  poll(): void;
  /** Whether somebody watches this generation. It is not read otherwise. */
  isWatched(generationId: string): boolean;
  /** Receives the records of a generation. @param generation `undefined` if it was removed */
  show(generationId: string, generation: Generation | undefined, images: readonly Image[]): void;
}

/**
 * Reads the generations that may have changed: once for all viewers, and again until the store answers. All that
 * changed in the same turn of the event loop is read together.
 */
export class ChangeReader {
  readonly #options: ChangeReaderOptions;
  readonly #stale = new Set<string>();
  readonly #closing = new AbortController();
  #isReading = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ChangeReaderOptions) {
    this.#options = options;
  }

  /** `true` after `close`. */
  get isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Starts to poll. It does nothing if it polls already. */
  startPolling(): void {
    const { poll, pollMs = POLL_MS } = this.#options;
    this.#timer ??= setInterval(poll, pollMs).unref();
  }

  stopPolling(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Reads these generations soon. */
  read(generationIds: Iterable<string>): void {
    for (const id of generationIds) this.#stale.add(id);
    if (this.#isReading) return;
    this.#isReading = true;
    void this.#readStale();
  }

  /** Reads these generations now, and shows them if the store answers within a second. */
  async readLast(generationIds: readonly string[]): Promise<void> {
    const read = this.#show(generationIds).catch((err) => {
      this.#options.logger.warn({ err }, "viewers may have missed the last events: the store did not answer");
    });
    await Promise.race([read, delay(LAST_READ_MS, undefined, { ref: false })]);
    await turn();
  }

  /** Reads nothing more. */
  close(): void {
    this.#closing.abort();
    this.stopPolling();
  }

  async #readStale(): Promise<void> {
    while (this.#stale.size > 0 && !this.isClosed) {
      await turn();
      const ids = [...this.#stale].slice(0, MAX_IDS);
      for (const id of ids) this.#stale.delete(id);
      try {
        await this.#show(ids);
      } catch (err) {
        this.#options.logger.warn({ err }, "the store does not answer; viewers get their events when it is back");
        for (const id of ids) this.#stale.add(id);
        await delay(RETRY_MS, undefined, { signal: this.#closing.signal, ref: false }).catch(() => {});
      }
    }
    this.#isReading = false;
  }

  async #show(generationIds: readonly string[]): Promise<void> {
    const { records, isWatched, show } = this.#options;
    const ids = generationIds.filter(isWatched);
    if (ids.length === 0) return;
    // In this order: when a generation has ended, all its images are stored.
    const generations = new Map((await records.findGenerations(ids)).map((found) => [found.id, found]));
    const images = await imagesOf(records, [...generations.values()]);
    for (const id of ids) show(id, generations.get(id), images.get(id) ?? []);
  }
}

/** The images of each of these generations. */
export async function imagesOf(
  records: Pick<Records, "findImagesOf">,
  generations: readonly Generation[],
): Promise<ReadonlyMap<string, readonly Image[]>> {
  const images = await records.findImagesOf(generations.map(({ id }) => id));
  return Map.groupBy(images, ({ generationId }) => generationId);
}
