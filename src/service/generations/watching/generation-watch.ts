import type { Logger } from "pino";
import type { Events } from "../../../ports/events.ts";
import type { Generation, Image, Records } from "../../../ports/records.ts";
import { isEnded } from "../running/generation-end.ts";
import { ChangeReader } from "./change-reader.ts";
import { EventQueue } from "./event-queue.ts";
import { type GenerationEvent, GenerationProgress } from "./generation-progress.ts";

/**
 * Sends viewers the events of generations. A notice only says which generation to read: its records are read once for
 * all viewers, and each viewer gets the events that it has not seen. So no event is sent twice, and the next read finds
 * what a lost notice was about.
 */
export class GenerationWatch {
  readonly #events: Events;
  readonly #reader: ChangeReader;
  readonly #watched = new Map<string, { readonly viewers: Set<Viewer>; readonly unsubscribe: () => void }>();
  #count = 0;

  /** @param pollMs how often the records are read without a notice, in milliseconds. Default: 30 000 */
  constructor(records: Records, events: Events, logger: Logger, pollMs?: number) {
    this.#events = events;
    this.#reader = new ChangeReader({
      records,
      logger,
      pollMs,
      poll: () => this.#reader.read(this.#watched.keys()),
      isWatched: (id) => this.#watched.has(id),
      show: (id, generation, images) => {
        for (const viewer of this.#watched.get(id)?.viewers ?? []) viewer.see(generation, images);
      },
    });
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
    if (this.#reader.isClosed || signal?.aborted) viewer.end();
    else this.#join(generationId, viewer);
    return viewer;
  }

  /** The number of viewers. */
  get count(): number {
    return this.#count;
  }

  /** Sends everything that has happened by now, if the store answers within a second. */
  settle(): Promise<void> {
    return this.#reader.readLast([...this.#watched.keys()]);
  }

  /** Ends every iteration. */
  close(): void {
    this.#reader.close();
    for (const { viewers } of [...this.#watched.values()]) for (const viewer of [...viewers]) viewer.end();
  }

  #join(generationId: string, viewer: Viewer): void {
    this.#count++;
    const watched = this.#watched.get(generationId);
    if (watched) watched.viewers.add(viewer);
    else {
      const unsubscribe = this.#events.subscribe(generationId, () => this.#reader.read([generationId]));
      this.#watched.set(generationId, { viewers: new Set([viewer]), unsubscribe });
    }
    this.#reader.startPolling();
    this.#reader.read([generationId]);
  }

  #leave(generationId: string, viewer: Viewer): void {
    const watched = this.#watched.get(generationId);
    if (!watched?.viewers.delete(viewer)) return;
    this.#count--;
    if (watched.viewers.size > 0) return;
    watched.unsubscribe();
    this.#watched.delete(generationId);
    if (this.#watched.size === 0) this.#reader.stopPolling();
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
