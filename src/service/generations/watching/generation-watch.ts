import { setTimeout as delay, setImmediate as turn } from "node:timers/promises";
import type { Logger } from "pino";
import type { Events } from "../../../ports/events.ts";
import type { Generation, Image, Records } from "../../../ports/records.ts";
import { isEnded } from "../running/generation-end.ts";
import { EventQueue } from "./event-queue.ts";
import { type GenerationEvent, GenerationProgress } from "./generation-progress.ts";

/** How often the records are read without a notice: a process may die between a change and its notice. */
const POLL_MS = 30_000;
/** How long to wait after a read that failed. */
const RETRY_MS = 1_000;
/** How long the last read may take. */
const LAST_READ_MS = 1_000;
/** How many generations are read at once. */
const MAX_IDS = 500;

/**
 * Sends viewers the events of generations. A notice only says which generation to read: its records are read once for
 * all viewers, and each viewer gets the events that it has not seen. So no event is sent twice, and the next read finds
 * what a lost notice was about.
 */
export class GenerationWatch {
  readonly #records: Records;
  readonly #events: Events;
  readonly #logger: Logger;
  readonly #pollMs: number;
  readonly #watched = new Map<string, { readonly viewers: Set<Viewer>; readonly unsubscribe: () => void }>();
  readonly #stale = new Set<string>();
  readonly #closing = new AbortController();
  #count = 0;
  #isReading = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param pollMs how often the records are read without a notice, in milliseconds */
  constructor(records: Records, events: Events, logger: Logger, pollMs = POLL_MS) {
    this.#records = records;
    this.#events = events;
    this.#logger = logger;
    this.#pollMs = pollMs;
  }

  /**
   * Yields the present state, then each event, until the generation has ended or is removed, or the viewer leaves. For
   * a viewer that does not read, at most all events of one generation are kept.
   *
   * @param signal ends the iteration when it aborts
   */
  watch(generationId: string, signal?: AbortSignal): AsyncIterableIterator<GenerationEvent, undefined> {
    const leave = () => void viewer.return();
    const viewer = new Viewer(() => {
      signal?.removeEventListener("abort", leave);
      this.#leave(generationId, viewer);
    });
    signal?.addEventListener("abort", leave);
    if (this.#closing.signal.aborted || signal?.aborted) viewer.end();
    else this.#join(generationId, viewer);
    return viewer;
  }

  /** The number of viewers. */
  get count(): number {
    return this.#count;
  }

  /** Sends everything that has happened by now, if the store answers within a second. */
  async settle(): Promise<void> {
    const read = this.#show([...this.#watched.keys()]).catch((err) => {
      this.#logger.warn({ err }, "viewers may have missed the last events: the store did not answer");
    });
    await Promise.race([read, delay(LAST_READ_MS, undefined, { ref: false })]);
    await turn();
  }

  /** Ends every iteration. */
  close(): void {
    this.#closing.abort();
    for (const { viewers } of [...this.#watched.values()]) for (const viewer of [...viewers]) viewer.end();
  }

  #join(generationId: string, viewer: Viewer): void {
    this.#count++;
    const watched = this.#watched.get(generationId);
    if (watched) watched.viewers.add(viewer);
    else {
      const unsubscribe = this.#events.subscribe(generationId, () => this.#refresh([generationId]));
      this.#watched.set(generationId, { viewers: new Set([viewer]), unsubscribe });
    }
    this.#timer ??= setInterval(() => this.#refresh(this.#watched.keys()), this.#pollMs).unref();
    this.#refresh([generationId]);
  }

  #leave(generationId: string, viewer: Viewer): void {
    const watched = this.#watched.get(generationId);
    if (!watched?.viewers.delete(viewer)) return;
    this.#count--;
    if (watched.viewers.size > 0) return;
    watched.unsubscribe();
    this.#watched.delete(generationId);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #refresh(generationIds: Iterable<string>): void {
    for (const id of generationIds) this.#stale.add(id);
    if (this.#isReading) return;
    this.#isReading = true;
    void this.#readStale();
  }

  async #readStale(): Promise<void> {
    while (this.#stale.size > 0 && !this.#closing.signal.aborted) {
      // Viewers that join in the same turn share a read.
      await turn();
      const ids = [...this.#stale].slice(0, MAX_IDS);
      for (const id of ids) this.#stale.delete(id);
      try {
        await this.#show(ids.filter((id) => this.#watched.has(id)));
      } catch (err) {
        this.#logger.warn({ err }, "the store does not answer; viewers get their events when it is back");
        for (const id of ids) this.#stale.add(id);
        await delay(RETRY_MS, undefined, { signal: this.#closing.signal, ref: false }).catch(() => {});
      }
    }
    this.#isReading = false;
  }

  async #show(ids: readonly string[]): Promise<void> {
    // In this order: when a generation has ended, all its images are stored.
    const generations = new Map((await this.#records.findGenerations(ids)).map((found) => [found.id, found]));
    const images = Map.groupBy(await this.#records.findImagesOf(ids), ({ generationId }) => generationId);
    for (const id of ids) {
      const viewers = this.#watched.get(id)?.viewers ?? [];
      for (const viewer of viewers) viewer.see(generations.get(id), images.get(id) ?? []);
    }
  }
}

/** One viewer of a generation. */
class Viewer extends EventQueue<GenerationEvent> {
  readonly #progress = new GenerationProgress();

  /** @param generation `undefined` if it was removed */
  see(generation: Generation | undefined, images: readonly Image[]): void {
    if (this.isOver) return;
    for (const event of generation ? this.#progress.advance(generation, images) : []) this.push(event);
    if (!generation || isEnded(generation)) this.end();
  }
}
