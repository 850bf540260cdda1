import type { ImageProvider } from "../../../ports/image-provider.ts";

interface Lane {
  taken: number;
  /** Those who wait for a place, in order of arrival. Calling one gives it the place. */
  readonly waiting: Set<() => void>;
}

/** The places of each provider that limits its own calls. Whoever comes first is served first. */
export class ProviderLanes {
  readonly #lanes = new Map<ImageProvider, Lane>();

  /** Waits for a place of a provider. Resolves to `false` if the signal aborts first. */
  async take(provider: ImageProvider, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    const lane = this.#laneOf(provider);
    if (lane.taken < (provider.concurrency ?? Number.POSITIVE_INFINITY)) {
      lane.taken++;
      return true;
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const giveUp = (): void => {
      lane.waiting.delete(enter);
      resolve(false);
    };
    const enter = (): void => {
      signal.removeEventListener("abort", giveUp);
      resolve(true);
    };
    lane.waiting.add(enter);
    signal.addEventListener("abort", giveUp, { once: true });
    return promise;
  }

  /** Gives a place back. The first one who waits gets it. */
  giveBack(provider: ImageProvider): void {
    const lane = this.#laneOf(provider);
    const [next] = lane.waiting;
    if (!next) {
      lane.taken--;
      return;
    }
    lane.waiting.delete(next);
    next();
  }

  #laneOf(provider: ImageProvider): Lane {
    const known = this.#lanes.get(provider);
    if (known) return known;
    const lane: Lane = { taken: 0, waiting: new Set() };
    this.#lanes.set(provider, lane);
    return lane;
  }
}

/** The place of one generation: at most one at a time, so that generations never wait for each other in a circle. */
export class Seat {
  readonly #lanes: ProviderLanes;
  #provider: ImageProvider | undefined;

  constructor(lanes: ProviderLanes) {
    this.#lanes = lanes;
  }

  /** Leaves the present place and waits for one of this provider. Does not wait if the provider has no limit. */
  async moveTo(provider: ImageProvider, signal: AbortSignal): Promise<void> {
    if (provider === this.#provider) return;
    this.leave();
    if (provider.concurrency === undefined) return;
    if (await this.#lanes.take(provider, signal)) this.#provider = provider;
  }

  leave(): void {
    if (this.#provider) this.#lanes.giveBack(this.#provider);
    this.#provider = undefined;
  }
}
