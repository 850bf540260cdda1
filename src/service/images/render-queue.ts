import { availableParallelism } from "node:os";
import PQueue from "p-queue";
import { GatewayError } from "../../errors.ts";

/**
 * Renderings run on the four threads that Node shares among all its files: so many at most, so that files never wait
 * for pictures.
 */
const LANES = { quick: Math.min(2, availableParallelism()), slow: 1 } as const;
/** How much may wait in each lane, counted in pixels that go in and come out: about five seconds, and two. */
const MAX_WAITING_PIXELS = { quick: 300_000_000, slow: 32_000_000 } as const;
const RETRY_AFTER_SECONDS = 5;

/** `slow` for formats that take many times as long as others, so that no other rendering ever waits behind them. */
export type RenderLane = keyof typeof LANES;

/** Where renderings wait for their turn, and how many may. */
export class RenderQueue {
  readonly #lanes = {
    quick: { queue: new PQueue({ concurrency: LANES.quick }), waitingPixels: 0 },
    slow: { queue: new PQueue({ concurrency: LANES.slow }), waitingPixels: 0 },
  };

  /**
   * Carries out a rendering when its turn has come.
   *
   * @param pixels what goes in and comes out, the measure of its work
   * @throws OVERLOADED when too much waits already; what may run at once is never refused
   */
  async run<Result>(lane: RenderLane, pixels: number, render: () => Promise<Result>): Promise<Result> {
    const state = this.#lanes[lane];
    const isBusy = state.queue.pending >= LANES[lane];
    if (isBusy && state.waitingPixels + pixels > MAX_WAITING_PIXELS[lane]) throw overloaded();
    state.waitingPixels += pixels;
    return state.queue.add(() => {
      state.waitingPixels -= pixels;
      return render();
    });
  }

  /** Resolves when nothing is rendered and nothing waits. */
  async onIdle(): Promise<void> {
    await Promise.all(Object.values(this.#lanes).map(({ queue }) => queue.onIdle()));
  }
}

function overloaded(): GatewayError {
  const message = "too many images wait to be rendered; load this one again later";
  return new GatewayError("OVERLOADED", message, { retryAfterSeconds: RETRY_AFTER_SECONDS });
}
