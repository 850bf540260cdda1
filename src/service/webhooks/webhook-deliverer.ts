import type { Logger } from "pino";
import type { WebhookEndpoint, Webhooks } from "../../ports/webhooks.ts";
import { CLAIM_MS, type WebhookAttempts } from "./webhook-attempts.ts";

export interface WebhookDelivererOptions {
  readonly webhooks: Webhooks;
  readonly attempts: WebhookAttempts;
  readonly logger: Logger;
  readonly now: () => Date;
}

/** How often deliveries are looked for that another process stored, or whose time has come. */
const LOOK_EVERY_MS = 1000;
/** A search waits this long for further requests for one, so that many deliveries are claimed together. */
const GATHER_MS = 5;
/** How long a stop waits for the attempts that are under way. */
const STOP_MS = 2_000;
/** The most simultaneous attempts of this process, and to one endpoint. */
const MAX_ATTEMPTS = 256;
const MAX_ATTEMPTS_PER_ENDPOINT = 16;
/** With more attempts under way, each endpoint gets only one, so that slow receivers leave room for others. */
const BUSY_ATTEMPTS = MAX_ATTEMPTS / 2;

/**
 * Delivers stored webhooks, together with the other processes that share the store. A failing receiver gets one attempt
 * at a time, so that a slow one neither occupies the process nor is flooded.
 */
export class WebhookDeliverer {
  readonly #options: WebhookDelivererOptions;
  /** The attempts under way, by endpoint. */
  readonly #underWay = new Map<string, number>();
  readonly #working = new Set<Promise<void>>();
  readonly #stopped = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #gathering: NodeJS.Timeout | undefined;
  #looking = Promise.resolve();
  #isStopping = false;
  #hasFailed = false;
  #stopListening: () => void = () => {};

  constructor(options: WebhookDelivererOptions) {
    this.#options = options;
  }

  start(): void {
    this.#stopListening = this.#options.webhooks.onStored(() => this.#look());
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
    this.#look();
  }

  /**
   * Starts no further attempt, waits a short time for those that are under way, and gives up their claims.
   *
   * @param isOver aborts the wait
   */
  async stop(isOver: AbortSignal): Promise<void> {
    this.#isStopping = true;
    this.#stopListening();
    clearInterval(this.#timer);
    clearTimeout(this.#gathering);
    await this.#looking;
    const abort = () => this.#stopped.abort(new Error("the gateway stops"));
    const timer = setTimeout(abort, isOver.aborted ? 0 : STOP_MS);
    isOver.addEventListener("abort", abort, { once: true });
    await Promise.all(this.#working);
    clearTimeout(timer);
    isOver.removeEventListener("abort", abort);
  }

  /** Looks soon. */
  #look(): void {
    if (this.#isStopping || this.#gathering) return;
    this.#gathering = setTimeout(() => {
      this.#gathering = undefined;
      this.#looking = this.#looking.then(() => this.#begin());
    }, GATHER_MS).unref();
  }

  /** Begins the attempts for which there is room. */
  async #begin(): Promise<void> {
    const { webhooks, attempts, logger, now } = this.#options;
    try {
      for (const endpoint of await webhooks.findDue(now())) {
        const limit = this.#roomFor(endpoint);
        if (limit <= 0 || this.#isStopping) continue;
        const at = now();
        const until = new Date(at.getTime() + CLAIM_MS);
        const claimed = await webhooks.claim(endpoint.id, { at, until, limit });
        this.#count(endpoint.id, claimed.length);
        const work = attempts.attemptAll(endpoint, claimed, this.#stopped.signal, () => {
          this.#count(endpoint.id, -1);
          this.#look();
        });
        this.#working.add(work);
        void work.finally(() => this.#working.delete(work));
      }
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed) logger.warn({ err: error }, "webhooks could not be read from the store; trying again");
      this.#hasFailed = true;
    }
  }

  #roomFor({ id, failingSince }: WebhookEndpoint): number {
    const total = [...this.#underWay.values()].reduce((sum, count) => sum + count, 0);
    const most = failingSince === undefined && total < BUSY_ATTEMPTS ? MAX_ATTEMPTS_PER_ENDPOINT : 1;
    return Math.min(most - (this.#underWay.get(id) ?? 0), MAX_ATTEMPTS - total);
  }

  #count(endpointId: string, change: number): void {
    const count = (this.#underWay.get(endpointId) ?? 0) + change;
    if (count > 0) this.#underWay.set(endpointId, count);
    else this.#underWay.delete(endpointId);
  }
}
