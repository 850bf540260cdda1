import type { Logger } from "pino";
import { GatewayError } from "../../../errors.ts";
import type { Events, GenerationNotice } from "../../../ports/events.ts";
import type { Claim, Records } from "../../../ports/records.ts";
import { logRecordedEnds } from "../end-log.ts";
import { INTERRUPTED } from "./generation-end.ts";

export interface LeasesOptions {
  readonly records: Records;
  readonly events: Events;
  readonly logger: Logger;
  /** The id of this process among all that share the records: `run_…`. */
  readonly worker: string;
  readonly now: () => Date;
  /**
   * The duration of a lease, in milliseconds. If this process does not extend it in time, the others treat it as dead.
   */
  readonly leaseMs: number;
}

/** A generation whose lease is kept. */
export interface Lease {
  /** Aborts when the generation is to be stopped. */
  readonly signal: AbortSignal;
  /** Begins to watch whether the generation is canceled or deleted. Call it once the generation is stored. */
  watch(): void;
  release(): void;
}

interface Kept {
  readonly stopping: AbortController;
  /** Ends the watch; `undefined` before it begins. */
  unsubscribe?: () => void;
}

/** How many times a process extends its leases within the duration of one lease. */
const HEARTBEATS_PER_LEASE = 4;

/**
 * Extends the leases of the generations that run here, and stops those that were canceled or deleted meanwhile, by this
 * process or another.
 */
export class Leases {
  readonly #options: LeasesOptions;
  readonly #kept = new Map<string, Kept>();
  #heartbeat: NodeJS.Timeout | undefined;
  #stopReason: Error | undefined;

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#kept.size;
  }

  has(generationId: string): boolean {
    return this.#kept.has(generationId);
  }

  /** A claim by which the records lease a generation to this process from now on. */
  newClaim(): Claim {
    const { worker, now, leaseMs } = this.#options;
    const at = now();
    return { worker, at, leaseUntil: new Date(at.getTime() + leaseMs) };
  }

  /** Keeps the lease of a generation that this process is about to claim, until it is released. */
  keep(generationId: string): Lease {
    const { events, leaseMs } = this.#options;
    const stopping = new AbortController();
    if (this.#stopReason) stopping.abort(this.#stopReason);
    const kept: Kept = { stopping };
    this.#kept.set(generationId, kept);
    this.#heartbeat ??= setInterval(() => void this.#extend(), leaseMs / HEARTBEATS_PER_LEASE);
    return {
      signal: stopping.signal,
      watch: () => {
        kept.unsubscribe = events.subscribe(generationId, (notice) => this.#onNotice(notice));
      },
      release: () => {
        kept.unsubscribe?.();
        this.#kept.delete(generationId);
        if (this.#kept.size > 0) return;
        clearInterval(this.#heartbeat);
        this.#heartbeat = undefined;
      },
    };
  }

  /** Stops all generations that run here, and those whose leases are kept later. */
  stopAll(reason: Error): void {
    this.#stopReason = reason;
    for (const { stopping } of this.#kept.values()) stopping.abort(reason);
  }

  async #extend(): Promise<void> {
    const { records, events, worker, now, logger, leaseMs } = this.#options;
    try {
      const leased = await records.extendLeases(worker, new Date(now().getTime() + leaseMs));
      // Its start was recorded, but the store's response was lost. No process carries it out.
      for (const generationId of leased.filter((id) => !this.#kept.has(id))) {
        const outcome = { status: "FAILED", failure: INTERRUPTED } as const;
        if (await records.finish(generationId, worker, outcome, now())) {
          await logRecordedEnds({ records, logger }, [generationId]);
        }
        events.publish({ generationId, worker });
      }
      await this.#stopCanceled([...this.#kept.keys()]);
    } catch (error) {
      logger.warn({ err: error }, "the leases could not be extended");
    }
  }

  /** Handles a notice about a generation that runs here. Ignores notices that this process sent. */
  #onNotice({ generationId, worker }: GenerationNotice): void {
    if (worker === this.#options.worker) return;
    this.#stopCanceled([generationId]).catch((error: unknown) => {
      this.#options.logger.warn({ generationId, err: error }, "the generation could not be read");
    });
  }

  /** Stops those of the given generations that were canceled or deleted. */
  async #stopCanceled(generationIds: readonly string[]): Promise<void> {
    const watched = generationIds.filter((id) => this.#kept.get(id)?.unsubscribe);
    if (watched.length === 0) return;
    const found = await this.#options.records.findGenerations(watched);
    const living = new Set(found.filter(({ status }) => status !== "CANCELED").map(({ id }) => id));
    for (const id of watched.filter((candidate) => !living.has(candidate))) {
      this.#kept.get(id)?.stopping.abort(canceled());
    }
  }
}

function canceled(): GatewayError {
  return new GatewayError("INTERRUPTED", "the generation was canceled while the provider was working");
}
