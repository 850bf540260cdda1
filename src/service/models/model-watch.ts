import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import type { ImageProvider } from "../../ports/image-provider.ts";
import type { ModelCatalogue } from "./model-catalogue.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** How long a vendor may take to answer. */
const TIMEOUT_MS = 30_000;

/** Asks the vendors at the start, and then daily, which models they will shut down, and logs a warning for each. */
export class ModelWatch {
  readonly #providers: readonly ImageProvider[];
  readonly #catalogue: ModelCatalogue;
  readonly #logger: Logger;
  readonly #wait: (ms: number, signal: AbortSignal) => Promise<unknown>;
  readonly #stop = new AbortController();
  #isOver: Promise<void> = Promise.resolve();

  /** @param wait resolves after this many milliseconds, or rejects when the signal aborts. @defaultValue a timer */
  constructor(
    providers: readonly ImageProvider[],
    catalogue: ModelCatalogue,
    logger: Logger,
    wait = (ms: number, signal: AbortSignal): Promise<unknown> => delay(ms, undefined, { signal, ref: false }),
  ) {
    this.#providers = providers;
    this.#catalogue = catalogue;
    this.#logger = logger;
    this.#wait = wait;
  }

  /** Starts in the background. */
  start(): void {
    this.#isOver = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#isOver;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await Promise.all(this.#providers.map((provider) => this.#read(provider)));
      if (signal.aborted) return;
      this.#warn();
      this.#warnOfDefault();
      await this.#wait(DAY_MS, signal).catch(() => undefined);
    }
  }

  async #read(provider: ImageProvider): Promise<void> {
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(TIMEOUT_MS)]);
    try {
      const announcements = await provider.announcements?.(signal);
      if (announcements) this.#catalogue.announce(provider, announcements);
    } catch (err) {
      if (this.#stop.signal.aborted) return;
      this.#logger.warn({ provider: provider.name, err }, "the provider did not say which models it will shut down");
    }
  }

  /** Warns when callers that name no model get another model than the configured one, or none. */
  #warnOfDefault(): void {
    const { defaultModel } = this.#catalogue;
    try {
      for (const { code, message } of this.#catalogue.resolve(undefined).warnings) {
        if (code !== "MODEL_RETIRING") this.#logger.warn({ defaultModel }, message);
      }
    } catch (err) {
      this.#logger.error(
        { defaultModel, err },
        "the default model has shut down and has no replacement; set PICTOGRAPH_DEFAULT_MODEL",
      );
    }
  }

  #warn(): void {
    for (const model of this.#catalogue.living) {
      const { id, shutdownDate, replacement, snapshotOf } = model;
      const family = snapshotOf === undefined ? undefined : this.#catalogue.find(snapshotOf)?.description;
      // One line covers a model and all its snapshots.
      if (family && family.shutdownDate === shutdownDate) continue;
      for (const { message } of this.#catalogue.warningsOf(model)) {
        this.#logger.warn({ model: id, shutdownDate, replacement }, message);
      }
    }
  }
}
