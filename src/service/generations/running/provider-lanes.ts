import type { ImageProvider } from "../../../ports/image-provider.ts";

interface Lane {
  readonly placeCount: number;
  taken: number;
  /** The waiting calls, in order of arrival. Calling one gives it the place. */
  readonly waiting: Set<() => void>;
}

/** The places for calls: those of each provider that limits its own calls, and those that all others share. */
export class ProviderLanes {
  readonly #shared: Lane;
  readonly #own = new Map<ImageProvider, Lane>();

  /** @param sharedCount the most calls at once of all providers without a limit of their own */
  constructor(sharedCount: number) {
    this.#shared = { placeCount: sharedCount, taken: 0, waiting: new Set() };
  }

  /** Waits for a place of a provider, in order of arrival. Resolves to `false` if the signal aborts first. */
  async take(provider: ImageProvider, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    const lane = this.#laneOf(provider);
    if (lane.taken < lane.placeCount) {
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

  /** Gives a place back. The first waiting call gets it. */
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

  /** Whether a place of one provider is also a place of the other. */
  areShared(one: ImageProvider, other: ImageProvider): boolean {
    return this.#laneOf(one) === this.#laneOf(other);
  }

  #laneOf(provider: ImageProvider): Lane {
    if (provider.concurrency === undefined) return this.#shared;
    const known = this.#own.get(provider);
    if (known) return known;
    const lane: Lane = { placeCount: provider.concurrency, taken: 0, waiting: new Set() };
    this.#own.set(provider, lane);
    return lane;
  }
}

/** The place of one generation: at most one at a time, so that generations never wait for each other in a circle. */
export class Seat {
  readonly #lanes: ProviderLanes;
  readonly #movedToLimited = Promise.withResolvers<void>();
  #provider: ImageProvider | undefined;

  constructor(lanes: ProviderLanes) {
    this.#lanes = lanes;
  }

  /** Resolves when the generation waits for a place of a provider with a limit of its own. It may never resolve. */
  get movedToLimited(): Promise<void> {
    return this.#movedToLimited.promise;
  }

  /** Leaves the present place and waits for one of this provider, unless the present place is one. */
  async moveTo(provider: ImageProvider, signal: AbortSignal): Promise<void> {
    if (this.#provider && this.#lanes.areShared(provider, this.#provider)) return;
    this.leave();
    if (provider.concurrency !== undefined) this.#movedToLimited.resolve();
    if (await this.#lanes.take(provider, signal)) this.#provider = provider;
  }

  leave(): void {
    if (this.#provider) this.#lanes.giveBack(this.#provider);
    this.#provider = undefined;
  }
}
