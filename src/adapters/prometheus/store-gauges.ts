import { setTimeout as delay } from "node:timers/promises";
import { Gauge, type Registry } from "prom-client";
import type { StoreLevels } from "../../ports/metrics.ts";

export interface StoreGaugesOptions {
  readonly read: () => Promise<StoreLevels>;
  readonly registry: Registry;
  /** What the names of the metrics begin with. */
  readonly prefix: string;
  /** The label of a model. */
  readonly labelOf: (model: string) => string;
}

/** How long the levels count as current. Several programs may read the metrics of several processes. */
const FRESH_MS = 10_000;
/** The longest wait for the store. Prometheus waits for ten seconds, and the other metrics do not need the store. */
const WAIT_MS = 1_000;

/** The levels that are read from the store. While it does not answer, they are absent, and everything else is written. */
export class StoreGauges {
  readonly #options: StoreGaugesOptions;
  readonly #queued: Gauge<"model">;
  readonly #held: Gauge<"model">;
  readonly #waiting: Gauge;
  readonly #oldest: Gauge;
  /** The models that had a backlog before. They have 0 while they have none. */
  readonly #seen = new Set<string>();
  #readAtMs: number | undefined;
  #reading: Promise<void> | undefined;

  constructor(options: StoreGaugesOptions) {
    this.#options = options;
    this.#queued = this.#gauge("queued", "Generations that wait, in the whole store.", ["model"]);
    this.#held = this.#gauge("held_usd", "US dollars held for generations that have not ended.", ["model"]);
    this.#waiting = this.#gauge("webhook_deliveries_waiting", "Deliveries of webhooks that have not ended.", []);
    this.#oldest = this.#gauge("webhook_oldest_timestamp_seconds", "When the oldest of them was stored.", []);
    this.#clear();
  }

  /** Reads the levels if those of the last time are old. Never rejects, and waits for a second at most. */
  async refresh(): Promise<void> {
    if (this.#readAtMs !== undefined && performance.now() - this.#readAtMs < FRESH_MS) return;
    // One at a time, however long the store takes.
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    const over = new AbortController();
    const isRead = await Promise.race([
      this.#reading.then(() => true),
      delay(WAIT_MS, false, { signal: over.signal }).catch(() => true),
    ]);
    over.abort();
    if (!isRead) this.#clear();
  }

  async #read(): Promise<void> {
    try {
      this.#show(await this.#options.read());
      this.#readAtMs = performance.now();
    } catch {
      // The store reports its failures itself.
      this.#clear();
    }
  }

  #show({ models, deliveries }: StoreLevels): void {
    this.#clear();
    const { labelOf } = this.#options;
    for (const { model } of models) this.#seen.add(labelOf(model));
    for (const model of this.#seen) {
      this.#queued.set({ model }, 0);
      this.#held.set({ model }, 0);
    }
    for (const { model: name, queued, heldUsd } of models) {
      // Several models may have the same label.
      const model = labelOf(name);
      this.#queued.inc({ model }, queued);
      this.#held.inc({ model }, heldUsd);
    }
    this.#waiting.set(deliveries.waiting);
    if (deliveries.oldestAt) this.#oldest.set(deliveries.oldestAt.getTime() / 1000);
  }

  #clear(): void {
    this.#queued.reset();
    this.#held.reset();
    this.#waiting.remove();
    this.#oldest.remove();
  }

  #gauge<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Gauge<Label> {
    const { prefix, registry } = this.#options;
    return new Gauge({ name: prefix + name, help, labelNames: [...labelNames], registers: [registry] });
  }
}
