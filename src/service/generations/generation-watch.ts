import { setTimeout as delay, setImmediate as turn } from "node:timers/promises";
import type { Logger } from "pino";
import type { Events } from "../../ports/events.ts";
import type { Generation, GenerationStatus, Image, Preview, Records } from "../../ports/records.ts";
import { isEnded } from "./generation-end.ts";

/** Something that happened to a generation. */
export type GenerationEvent =
  | { readonly type: "status"; readonly generation: Generation }
  | ({ readonly type: "partial"; readonly generation: Generation } & Preview)
  | { readonly type: "image"; readonly generation: Generation; readonly image: Image };

/** How often is looked without a notice: a process may die between a change and its notice. */
const LOOK_EVERY_MS = 30_000;
/** How long after a look that failed the next one is. */
const LOOK_AGAIN_MS = 1_000;
/** How long the last look may take. */
const LAST_LOOK_MS = 1_000;
/** How many generations one look reads. */
const MAX_IDS = 500;

/**
 * Tells viewers what happens to generations. A notice only says where to look: the records are read, once for all
 * viewers, and each viewer is told what it has not seen. So nothing is told twice, and what a lost notice was about is
 * seen with the next look.
 */
export class GenerationWatch {
  readonly #records: Records;
  readonly #events: Events;
  readonly #logger: Logger;
  readonly #lookEveryMs: number;
  readonly #watched = new Map<string, { readonly viewers: Set<Viewer>; readonly unsubscribe: () => void }>();
  readonly #stale = new Set<string>();
  readonly #closing = new AbortController();
  #count = 0;
  #isLooking = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param lookEveryMs how often is looked without a notice */
  constructor(records: Records, events: Events, logger: Logger, lookEveryMs = LOOK_EVERY_MS) {
    this.#records = records;
    this.#events = events;
    this.#logger = logger;
    this.#lookEveryMs = lookEveryMs;
  }

  /**
   * The present state, then what happens, until the generation has ended or is removed, or the viewer leaves. A viewer
   * that does not ask for more costs no more than what a generation can tell.
   *
   * @param signal makes the viewer leave
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

  /** How many viewers there are. */
  get count(): number {
    return this.#count;
  }

  /** Tells of everything that has happened by now, if the store answers soon. */
  async settle(): Promise<void> {
    const looked = this.#show([...this.#watched.keys()]).catch((err) => {
      this.#logger.warn({ err }, "the last look failed");
    });
    await Promise.race([looked, delay(LAST_LOOK_MS, undefined, { ref: false })]);
    await turn();
  }

  /** Lets every viewer go. */
  close(): void {
    this.#closing.abort();
    for (const { viewers } of [...this.#watched.values()]) for (const viewer of [...viewers]) viewer.end();
  }

  #join(generationId: string, viewer: Viewer): void {
    this.#count++;
    const watched = this.#watched.get(generationId);
    if (watched) watched.viewers.add(viewer);
    else {
      const unsubscribe = this.#events.subscribe(generationId, () => this.#look([generationId]));
      this.#watched.set(generationId, { viewers: new Set([viewer]), unsubscribe });
    }
    this.#timer ??= setInterval(() => this.#look(this.#watched.keys()), this.#lookEveryMs).unref();
    this.#look([generationId]);
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

  #look(generationIds: Iterable<string>): void {
    for (const id of generationIds) this.#stale.add(id);
    if (this.#isLooking) return;
    this.#isLooking = true;
    void this.#lookAtAll();
  }

  async #lookAtAll(): Promise<void> {
    while (this.#stale.size > 0 && !this.#closing.signal.aborted) {
      // Those who come together look together.
      await turn();
      const ids = [...this.#stale].slice(0, MAX_IDS);
      for (const id of ids) this.#stale.delete(id);
      try {
        await this.#show(ids.filter((id) => this.#watched.has(id)));
      } catch (err) {
        this.#logger.warn({ err }, "the store does not answer those who watch; asking again");
        for (const id of ids) this.#stale.add(id);
        await delay(LOOK_AGAIN_MS, undefined, { signal: this.#closing.signal, ref: false }).catch(() => {});
      }
    }
    this.#isLooking = false;
  }

  async #show(ids: readonly string[]): Promise<void> {
    // In this order: a generation that has ended has all its images when they are looked up.
    const generations = new Map((await this.#records.findGenerations(ids)).map((found) => [found.id, found]));
    const images = Map.groupBy(await this.#records.findImagesOf(ids), ({ generationId }) => generationId);
    for (const id of ids) {
      const viewers = this.#watched.get(id)?.viewers ?? [];
      for (const viewer of viewers) viewer.see(generations.get(id), images.get(id) ?? []);
    }
  }
}

type Step = IteratorResult<GenerationEvent, undefined>;

/** One who watches: what it has seen, and what it has not asked for yet. */
class Viewer implements AsyncIterableIterator<GenerationEvent, undefined> {
  readonly #leave: () => void;
  readonly #untold: GenerationEvent[] = [];
  readonly #asking: ((step: Step) => void)[] = [];
  /** Made when there is something: most viewers wait for long, and there are many. */
  #seen: Set<string> | undefined;
  /** Of previews and images, at the last look. */
  #count = 0;
  #status: GenerationStatus | undefined;
  #isOver = false;

  constructor(leave: () => void) {
    this.#leave = leave;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Step> {
    const event = this.#untold.shift();
    if (event) return Promise.resolve({ done: false, value: event });
    if (this.#isOver) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#asking.push(resolve));
  }

  async return(): Promise<Step> {
    this.#untold.length = 0;
    this.end();
    return { done: true, value: undefined };
  }

  /** Tells nothing new from now on. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#leave();
    for (const answer of this.#asking.splice(0)) answer({ done: true, value: undefined });
  }

  /** @param generation `undefined` when it was removed */
  see(generation: Generation | undefined, images: readonly Image[]): void {
    if (this.#isOver) return;
    if (!generation) {
      this.end();
      return;
    }
    const count = images.length + (generation.previews?.length ?? 0);
    // Most looks are for somebody else's sake.
    if (generation.status === this.#status && count === this.#count) return;
    this.#count = count;
    const isFirst = this.#status === undefined;
    const hasEnded = isEnded(generation);
    // What went by between two looks: whoever saw it wait sees it run before it ends.
    if (hasEnded && this.#status === "QUEUED" && generation.startedAt) this.#tellStatus(asItRan(generation));
    if (isFirst || !hasEnded) this.#tellStatus(generation);
    // Whoever comes when an image is there needs no preview of it; whoever was there is told before.
    const known = isFirst ? images.map(({ index }) => index) : [];
    const isLate = isFirst && hasEnded;
    for (const preview of isLate ? [] : (generation.previews ?? [])) {
      if (!known.includes(preview.imageIndex)) this.#tellPreview(generation, preview);
    }
    for (const image of images) {
      if (this.#isNew(`image ${image.index}`)) this.#tell({ type: "image", generation, image });
    }
    if (!hasEnded) return;
    this.#tellStatus(generation);
    this.end();
  }

  #tellStatus(generation: Generation): void {
    if (generation.status === this.#status) return;
    this.#status = generation.status;
    this.#tell({ type: "status", generation });
  }

  #tellPreview(generation: Generation, { imageIndex, partialIndex }: Preview): void {
    if (this.#seen?.has(`image ${imageIndex}`) || !this.#isNew(`preview ${imageIndex} ${partialIndex}`)) return;
    this.#tell({ type: "partial", generation, imageIndex, partialIndex });
  }

  #isNew(name: string): boolean {
    this.#seen ??= new Set();
    return this.#seen.size < this.#seen.add(name).size;
  }

  #tell(event: GenerationEvent): void {
    const answer = this.#asking.shift();
    if (answer) answer({ done: false, value: event });
    else this.#untold.push(event);
  }
}

function asItRan(generation: Generation): Generation {
  const { finishedAt: _finishedAt, failure: _failure, usage: _usage, ...running } = generation;
  return { ...running, status: "RUNNING" };
}
