import type { Logger } from "pino";
import type { Events } from "../../../ports/events.ts";
import type { History } from "../../../ports/history.ts";
import type { Generation, Image, Records } from "../../../ports/records.ts";
import { type Caller, mayAccess, scopeOf } from "../../projects/caller.ts";
import { isEnded } from "../running/generation-end.ts";
import { ChangeReader, imagesOf, MAX_IDS } from "./change-reader.ts";
import { EventQueue } from "./event-queue.ts";
import { type GenerationEvent, GenerationProgress } from "./generation-progress.ts";

export interface GenerationFeedOptions {
  readonly records: Pick<Records, "findGenerations" | "findImagesOf">;
  readonly history: Pick<History, "listGenerations">;
  readonly events: Events;
  readonly logger: Logger;
  readonly now: () => Date;
  /** How often the records are read without a notice, in milliseconds. @defaultValue 30 000 */
  readonly pollMs?: number;
  /** A viewer with more unread events than this counts as gone. @defaultValue 5 000 */
  readonly maxWaitingEvents?: number;
}

const MAX_WAITING_EVENTS = 5_000;
/** The most ended generations that are remembered for each viewer, because a notice about one of them may come late. */
const MAX_REMEMBERED = 1_000;

/**
 * Sends viewers the events of all generations that they may see, from the moment they connect.
 *
 * A notice only says which generation to read. Its records are read once for all viewers, and each viewer gets what it
 * has not seen. The generations that are running when a viewer connects are read first, so that their present state
 * does not count as an event.
 */
export class GenerationFeed {
  readonly #options: GenerationFeedOptions;
  readonly #followers = new Set<Follower>();
  readonly #reader: ChangeReader;
  /** The id of the newest generation that was read. When notices may have been lost, newer generations are searched. */
  #newestId = "";
  #stopListening: (() => void) | undefined;

  constructor(options: GenerationFeedOptions) {
    this.#options = options;
    this.#reader = new ChangeReader({
      ...options,
      poll: () => this.#catchUp(),
      isWatched: () => this.#followers.size > 0,
      show: (id, generation, images) => this.#show(id, generation, images),
    });
  }

  /** The number of viewers. */
  get count(): number {
    return this.#followers.size;
  }

  /**
   * Yields each event of the caller's generations until the viewer leaves. Once the promise resolves, no event is
   * missed.
   *
   * @param signal ends the iteration when it aborts
   */
  async follow(caller: Caller, signal?: AbortSignal): Promise<AsyncIterableIterator<GenerationEvent, undefined>> {
    const leave = () => void follower.return();
    const follower = new Follower(caller, this.#options.now(), () => {
      signal?.removeEventListener("abort", leave);
      this.#leave(follower);
    });
    signal?.addEventListener("abort", leave);
    if (this.#reader.isClosed || signal?.aborted) {
      follower.end();
      return follower;
    }
    this.#join(follower);
    try {
      await this.#begin(follower);
    } catch (error) {
      follower.end();
      throw error;
    }
    return follower;
  }

  /** Sends everything that has happened by now, if the store answers within a second. */
  settle(): Promise<void> {
    return this.#reader.readLast(this.#known());
  }

  /** Ends every iteration. */
  close(): void {
    this.#reader.close();
    for (const follower of [...this.#followers]) follower.end();
  }

  #join(follower: Follower): void {
    this.#followers.add(follower);
    this.#stopListening ??= this.#options.events.subscribeToAll((notice) =>
      notice ? this.#reader.read([notice.generationId]) : this.#catchUp(),
    );
    this.#reader.startPolling();
  }

  #leave(follower: Follower): void {
    this.#followers.delete(follower);
    if (this.#followers.size > 0) return;
    this.#stopListening?.();
    this.#stopListening = undefined;
    this.#reader.stopPolling();
  }

  /** Reads the running generations, so that the viewer gets only later changes. */
  async #begin(follower: Follower): Promise<void> {
    const { history, records } = this.#options;
    const scope = scopeOf(follower.caller);
    const slice = { from: "newest", limit: MAX_IDS } as const;
    const [[newest], queued, running] = await Promise.all([
      history.listGenerations({ from: "newest", limit: 1 }),
      history.listGenerations({ ...scope, ...slice, status: "QUEUED" }),
      history.listGenerations({ ...scope, ...slice, status: "RUNNING" }),
    ]);
    this.#noteNewest(newest?.id);
    const active = [...queued, ...running];
    const images = await imagesOf(records, active);
    for (const generation of active) follower.know(generation, images.get(generation.id) ?? []);
    this.#reader.read(follower.begin());
  }

  #noteNewest(id = ""): void {
    if (id > this.#newestId) this.#newestId = id;
  }

  #known(): string[] {
    return [...new Set([...this.#followers].flatMap((follower) => follower.following))];
  }

  /** Reads everything that may have changed without a notice. */
  #catchUp(): void {
    const newerThan = this.#newestId;
    this.#reader.read(this.#known());
    this.#options.history.listGenerations({ newerThan, from: "oldest", limit: MAX_IDS }).then(
      (newer) => this.#reader.read(newer.map(({ id }) => id)),
      (err) =>
        this.#options.logger.warn({ err }, "the store does not answer; viewers get their events when it is back"),
    );
  }

  #show(id: string, generation: Generation | undefined, images: readonly Image[]): void {
    const { maxWaitingEvents = MAX_WAITING_EVENTS } = this.#options;
    this.#noteNewest(generation?.id);
    for (const follower of [...this.#followers]) {
      follower.see(id, generation, images);
      if (follower.length > maxWaitingEvents) follower.end();
    }
  }
}

/** One viewer, who follows all generations of a caller. */
class Follower extends EventQueue<GenerationEvent> {
  readonly caller: Caller;
  readonly #since: Date;
  readonly #progress = new Map<string, GenerationProgress>();
  readonly #ended = new Set<string>();
  /** The generations that changed while this viewer's start was being read; `undefined` after that. */
  #early: Set<string> | undefined = new Set();

  constructor(caller: Caller, since: Date, leave: () => void) {
    super(leave);
    this.caller = caller;
    this.#since = since;
  }

  /** The ids of the generations that have not ended. */
  get following(): string[] {
    return [...this.#progress.keys()];
  }

  /** Remembers the state of a generation without sending an event. */
  know(generation: Generation, images: readonly Image[]): void {
    const progress = new GenerationProgress();
    progress.advance(generation, images);
    this.#progress.set(generation.id, progress);
  }

  /** Starts sending events to the viewer. @returns the generations that changed before */
  begin(): Iterable<string> {
    const early = this.#early ?? [];
    this.#early = undefined;
    return early;
  }

  /** @param generation `undefined` if it was removed */
  see(id: string, generation: Generation | undefined, images: readonly Image[]): void {
    if (this.isOver) return;
    if (this.#early) this.#early.add(id);
    else if (!generation) this.#progress.delete(id);
    else if (mayAccess(this.caller, generation)) this.#send(generation, images);
  }

  #send(generation: Generation, images: readonly Image[]): void {
    const { id } = generation;
    const known = this.#progress.get(id);
    const hasEnded = isEnded(generation);
    // This is a late notice about an end. The viewer already knows of it, or connected after it.
    if (this.#ended.has(id) || (hasEnded && !known && this.#cameAfter(generation))) return;
    const progress = known ?? new GenerationProgress();
    for (const event of progress.advance(generation, images)) this.push(event);
    if (hasEnded) this.#forget(id);
    else this.#progress.set(id, progress);
  }

  #cameAfter({ finishedAt }: Generation): boolean {
    return finishedAt !== undefined && finishedAt < this.#since;
  }

  #forget(id: string): void {
    this.#progress.delete(id);
    this.#ended.add(id);
    const [oldest] = this.#ended;
    if (oldest !== undefined && this.#ended.size > MAX_REMEMBERED) this.#ended.delete(oldest);
  }
}
