import { setImmediate } from "node:timers";
import { GatewayError } from "../errors.ts";

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

export interface BatchOptions<Item, Result> {
  /** Works on at least two items in one step. Its results are in the order of the items. */
  readonly together: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** Works on one item. */
  readonly alone: (item: Item) => Promise<Result>;
  /**
   * Whether each item of a batch that failed is tried alone. Otherwise all fail with the error of the batch.
   */
  readonly mayRepeat: (error: unknown) => boolean;
  /** Called whenever nothing waits or runs any more. */
  readonly onIdle?: () => void;
}

/** The most items of one batch. More share the next one. */
const MAX_ITEMS = 64;
/** The most batches at once. While one waits for the disk, the next one is written. */
const MAX_RUNNING = 2;
/** The most items that wait. More are refused immediately, because each holds memory. */
const MAX_WAITING = 5_000;
const RETRY_AFTER_SECONDS = 5;

/**
 * Works on the items that wait at the same moment in one step: those of the same turn of the event loop, and those that
 * arrive while earlier steps run. If a step fails for one item, the others do not fail with it.
 */
export class Batches<Item, Result> {
  readonly #options: BatchOptions<Item, Result>;
  #waiting: Waiting<Item, Result>[] = [];
  #running = 0;

  constructor(options: BatchOptions<Item, Result>) {
    this.#options = options;
  }

  /** Resolves with the result of this item. @throws OVERLOADED at once when too many wait */
  async add(item: Item): Promise<Result> {
    if (this.#waiting.length >= MAX_WAITING) {
      throw new GatewayError(
        "OVERLOADED",
        "too many writes wait for the gateway's store; send the request again later",
        {
          retryAfterSeconds: RETRY_AFTER_SECONDS,
        },
      );
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      // When the first one is added, others of this turn may follow.
      if (this.#waiting.length === 1) setImmediate(() => this.#start());
    });
  }

  #start(): void {
    while (this.#running < MAX_RUNNING && this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MAX_ITEMS);
      this.#running++;
      void this.#work(batch).finally(() => {
        this.#running--;
        this.#start();
        if (this.#running === 0) this.#options.onIdle?.();
      });
    }
  }

  async #work(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    const { together, mayRepeat } = this.#options;
    if (batch.length > 1) {
      try {
        const results = await together(batch.map(({ item }) => item));
        for (const [index, { resolve }] of batch.entries()) resolve(results[index] as Result);
        return;
      } catch (error) {
        if (!mayRepeat(error)) {
          for (const { reject } of batch) reject(error);
          return;
        }
      }
    }
    await Promise.all(batch.map((one) => this.#workAlone(one)));
  }

  async #workAlone({ item, resolve, reject }: Waiting<Item, Result>): Promise<void> {
    try {
      resolve(await this.#options.alone(item));
    } catch (error) {
      reject(error);
    }
  }
}
