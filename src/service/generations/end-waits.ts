import { GatewayError } from "../../errors.ts";
import type { Events, GenerationNotice } from "../../ports/events.ts";
import type { Generation, Records } from "../../ports/records.ts";
import { isEnded } from "./generation-end.ts";

const UNRECORDED_RETRY_SECONDS = 5;

/** Everyone who waits for the end of a generation. */
export class EndWaits {
  readonly #records: Records;
  readonly #events: Events;
  readonly #drained: AbortSignal;
  readonly #waits = new Set<Promise<Generation>>();

  /** @param drained lets everyone go */
  constructor(records: Records, events: Events, drained: AbortSignal) {
    this.#records = records;
    this.#events = events;
    this.#drained = drained;
  }

  /** @see ImageService.wait */
  async wait(generation: Generation, timeoutMs: number): Promise<Generation> {
    if (isEnded(generation) || timeoutMs <= 0 || this.#drained.aborted) return generation;
    const waiting = this.#waitForEnd(generation, timeoutMs);
    this.#waits.add(waiting);
    return waiting.finally(() => this.#waits.delete(waiting));
  }

  /** Resolves when everyone has been let go. */
  async onIdle(): Promise<void> {
    await Promise.allSettled(this.#waits);
  }

  async #waitForEnd(generation: Generation, timeoutMs: number): Promise<Generation> {
    const isOver = Promise.withResolvers<void>();
    const stop = () => isOver.resolve();
    let latest = generation;
    const refresh = async () => {
      const [found] = await this.#records.findGenerations([generation.id]);
      if (found) latest = found;
      if (!found || isEnded(found)) stop();
    };
    const look = () => void refresh().catch(isOver.reject);
    const onNotice = ({ isUnrecorded }: GenerationNotice) => (isUnrecorded ? isOver.reject(unrecorded()) : look());
    const timer = setTimeout(stop, timeoutMs);
    const unsubscribe = this.#events.subscribe(generation.id, onNotice);
    this.#drained.addEventListener("abort", stop);
    try {
      look();
      await isOver.promise;
      // The last generations end just before the wait does: what their notice led to may not have been read yet.
      if (!isEnded(latest)) await refresh();
      return latest;
    } finally {
      clearTimeout(timer);
      unsubscribe();
      this.#drained.removeEventListener("abort", stop);
    }
  }
}

function unrecorded(): GatewayError {
  const message = "the store cannot record how this generation ended; ask for it again by its id or idempotency key";
  return new GatewayError("OVERLOADED", message, { retryAfterSeconds: UNRECORDED_RETRY_SECONDS });
}
