import { GatewayError } from "../../../errors.ts";
import type { Events, GenerationNotice } from "../../../ports/events.ts";
import type { Generation, Image, Records } from "../../../ports/records.ts";
import { isEnded } from "../running/generation-end.ts";

const UNRECORDED_RETRY_SECONDS = 5;
/** How many generations are read at once. */
const MAX_IDS = 500;
/** The most accepted generations that are remembered until their callers wait for them. Others are read. */
const MAX_EXPECTED = 64;

/** The callers that wait for a generation to end. */
export class EndWaits {
  readonly #records: Records;
  readonly #events: Events;
  readonly #releasing: AbortSignal;
  readonly #waits = new Set<Wait>();
  /** The generations that were just accepted here, each with the last notice about it. */
  readonly #expected = new Map<string, GenerationNotice | undefined>();
  /** The images of generations that this process has just ended. */
  readonly #images = new WeakMap<Generation, readonly Image[]>();

  /** @param releasing ends every wait */
  constructor(records: Records, events: Events, releasing: AbortSignal) {
    this.#records = records;
    this.#events = events;
    this.#releasing = releasing;
    releasing.addEventListener("abort", () => {
      for (const { over } of this.#waits) over.resolve();
    });
    events.subscribeToAll((notice) => {
      // Notices may have been lost.
      if (!notice) this.#expected.clear();
      else if (!notice.isNew && this.#expected.has(notice.generationId))
        this.#expected.set(notice.generationId, notice);
    });
  }

  /**
   * Call it before a generation that was just accepted can run: the next caller that waits for it need not read it
   * first.
   */
  expect({ id }: Generation): void {
    const [oldest] = this.#expected.keys();
    if (this.#expected.size >= MAX_EXPECTED && oldest !== undefined) this.#expected.delete(oldest);
    this.#expected.set(id, undefined);
  }

  /** The images of a generation that {@link wait} returned; `undefined` if they have to be read. */
  imagesOf(generation: Generation): readonly Image[] | undefined {
    return this.#images.get(generation);
  }

  /** @see ImageService.wait */
  async wait(generation: Generation, timeoutMs: number): Promise<Generation> {
    if (isEnded(generation) || timeoutMs <= 0 || this.#releasing.aborted) return generation;
    const wait: Wait = { latest: generation, over: Promise.withResolvers<void>() };
    this.#waits.add(wait);
    try {
      return await this.#waitForEnd(wait, timeoutMs);
    } finally {
      this.#waits.delete(wait);
    }
  }

  /**
   * Resolves when no caller waits for a running generation, whichever process runs it, or when `giveUp` aborts. Callers
   * that wait for a queued one keep waiting.
   */
  async untilNoneRuns(giveUp: AbortSignal): Promise<void> {
    const isGivenUp = aborted(giveUp);
    // If the store does not answer, the state of the last notice counts.
    await this.#refreshAll().catch(() => {});
    for (;;) {
      const running = [...this.#waits].filter(({ latest }) => latest.status === "RUNNING");
      if (running.length === 0 || giveUp.aborted) return;
      await Promise.race([isGivenUp, Promise.allSettled(running.map(({ over }) => over.promise))]);
    }
  }

  /** Another process may have started a generation, and its notice may still be on its way. */
  async #refreshAll(): Promise<void> {
    const waits = [...this.#waits];
    for (let start = 0; start < waits.length; start += MAX_IDS) {
      const some = waits.slice(start, start + MAX_IDS);
      const found = await this.#records.findGenerations(some.map(({ latest }) => latest.id));
      const byId = new Map(found.map((generation) => [generation.id, generation]));
      for (const wait of some) wait.latest = byId.get(wait.latest.id) ?? wait.latest;
    }
  }

  async #waitForEnd(wait: Wait, timeoutMs: number): Promise<Generation> {
    const { id } = wait.latest;
    const { over } = wait;
    const stop = () => over.resolve();
    const refresh = async () => {
      const [found] = await this.#records.findGenerations([id]);
      if (found) wait.latest = found;
      if (!found || isEnded(found)) stop();
    };
    const look = () => void refresh().catch(over.reject);
    const onNotice = ({ isUnrecorded, isRunning, end }: GenerationNotice) => {
      if (isUnrecorded) return over.reject(unrecorded());
      if (isRunning) wait.latest = { ...wait.latest, status: "RUNNING" };
      else if (end) {
        wait.latest = end.generation;
        if (end.images) this.#images.set(end.generation, end.images);
        stop();
      } else look();
    };
    const isExpected = this.#expected.has(id);
    const missed = this.#expected.get(id);
    this.#expected.delete(id);
    const timer = setTimeout(stop, timeoutMs);
    const unsubscribe = this.#events.subscribe(id, onNotice);
    try {
      if (missed) onNotice(missed);
      else if (!isExpected) look();
      await over.promise;
      // The generation may have ended just before the wait did, and its notice may not have been handled yet.
      if (!isEnded(wait.latest)) await refresh();
      return wait.latest;
    } finally {
      clearTimeout(timer);
      unsubscribe();
    }
  }
}

interface Wait {
  /** The generation at the last read. */
  latest: Generation;
  readonly over: PromiseWithResolvers<void>;
}

/** Resolves when the signal aborts. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function unrecorded(): GatewayError {
  const message = "the store cannot record how this generation ended; ask for it again by its id or idempotency key";
  return new GatewayError("OVERLOADED", message, { retryAfterSeconds: UNRECORDED_RETRY_SECONDS });
}
