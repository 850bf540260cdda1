import { setTimeout as delay } from "node:timers/promises";
import { GatewayError } from "../../errors.ts";
import type { GenerationNotice } from "../../ports/events.ts";
import type { Generation, GenerationOutcome } from "../../ports/records.ts";
import { isFree } from "../models/cost.ts";
import { Execution, type ExecutionOptions, type PaidCall, priceOf } from "./execution.ts";
import { INTERRUPTED } from "./generation-end.ts";
import { ImageRate } from "./image-rate.ts";
import { StoreRetries } from "./store-retries.ts";
import { UsualDurations } from "./usual-durations.ts";

export interface RunnerOptions extends Omit<ExecutionOptions, "store" | "rate" | "durations"> {
  readonly now: () => Date;
  /** How long others wait before they presume that this process is dead. */
  readonly leaseMs: number;
  /** How many images this process submits to paid providers in a minute. */
  readonly maxImagesPerMinute: number;
}

/** How often a process says that it lives while a lease lasts. */
const HEARTBEATS_A_LEASE = 4;

/** Carries out accepted generations. Clients may disconnect; the generation continues. */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #shared: ExecutionOptions;
  readonly #stop = new AbortController();
  readonly #draining = new AbortController();
  /** What runs here, or waits for the rate of images, each with what gives it up. */
  readonly #running = new Map<string, AbortController>();
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#shared = {
      ...options,
      store: new StoreRetries(options.events, options.logger, this.#stop.signal),
      rate: new ImageRate(options.maxImagesPerMinute),
      durations: new UsualDurations(),
    };
  }

  /**
   * Brings one generation to its end. Never rejects; does nothing when the generation is not queued (any more).
   *
   * Resolves when its place is free for another: after a call that was cut off, not before the provider is likely to have
   * stopped working on it.
   */
  async run(generationId: string): Promise<void> {
    // A job that is delivered twice must not end the lease of the first delivery when it finds nothing to do.
    if (this.#running.has(generationId)) return;
    const cutOff = await this.#bringToEnd(generationId);
    if (cutOff) await this.#keepPlace(cutOff);
  }

  /** No job is handed out any more: what waits for the rate of images stays queued, and places are not kept. */
  drain(): void {
    this.#draining.abort();
  }

  /**
   * Cuts off every running provider call; their generations end as `INTERRUPTED`. Those of which no provider has
   * anything in hand, between two attempts, wait for the next start.
   */
  interrupt(): void {
    this.#stop.abort(new GatewayError("INTERRUPTED", "the gateway was stopped while the provider was at work"));
  }

  /** Removes what was shown while generations ran, once none runs any more. */
  tidy(): Promise<void> {
    return this.#options.previews.close();
  }

  /** @returns a call that was given up while its provider was at work, and may be charged */
  async #bringToEnd(generationId: string): Promise<PaidCall | undefined> {
    const { events, logger, worker } = this.#options;
    const canceling = new AbortController();
    const unsubscribe = events.subscribe(generationId, (notice) => this.#hear(notice));
    this.#keepLease(generationId, canceling);
    let cutOff: PaidCall | undefined;
    try {
      const started = await this.#start(generationId, canceling.signal);
      if (!started) return undefined;
      events.publish({ generationId, worker });
      const { generation, isCounted } = started;
      const signal = AbortSignal.any([this.#stop.signal, canceling.signal]);
      const execution = new Execution(this.#shared, generation, signal, isCounted);
      const outcome = await execution.run();
      if (isCutOff(outcome)) cutOff = execution.lastPaidCall;
      if (!(await this.#record(generation, outcome))) return undefined;
    } catch (error) {
      logger.error({ generationId, err: error }, "generation could not be recorded");
      events.publish({ generationId, isUnrecorded: true });
      return cutOff;
    } finally {
      unsubscribe();
      this.#dropLease(generationId);
    }
    events.publish({ generationId, worker });
    return cutOff;
  }

  /** Starts a generation as soon as its images may be submitted. `undefined` when it is not queued (any more). */
  async #start(
    generationId: string,
    canceled: AbortSignal,
  ): Promise<{ readonly generation: Generation; readonly isCounted: boolean } | undefined> {
    const { records, worker, now, leaseMs } = this.#options;
    const { store, rate } = this.#shared;
    const [queued] = await store.retryWhileStoreDown(generationId, () => records.findGenerations([generationId]));
    if (queued?.status !== "QUEUED") return undefined;
    const isCounted = this.#mayCost(queued);
    const givenUp = AbortSignal.any([this.#draining.signal, this.#stop.signal, canceled]);
    if (isCounted && !(await rate.take(queued.n, givenUp))) return undefined;
    const at = now();
    const claim = { worker, at, leaseUntil: new Date(at.getTime() + leaseMs) };
    const generation = await store.retryWhileStoreDown(generationId, () => records.start(generationId, claim));
    if (generation) return { generation, isCounted };
    if (isCounted) rate.giveBack(queued.n);
    return undefined;
  }

  #mayCost(generation: Generation): boolean {
    const description = this.#options.catalogue.find(generation.model)?.description;
    return !description || !isFree(priceOf(generation, description));
  }

  /** Parks a generation that was stopped before its provider began, and records the end of any other. `false` if parked. */
  async #record(generation: Generation, outcome: GenerationOutcome): Promise<boolean> {
    const { records, edits, logger, worker, now } = this.#options;
    const { store } = this.#shared;
    const { id: generationId } = generation;
    if (this.#stop.signal.aborted && isUnbegun(outcome) && (await records.park(generationId, worker))) {
      logger.info({ generationId }, "generation parked");
      return false;
    }
    const finish = () => records.finish(generationId, worker, outcome, now());
    const isFinished = await store.retryWhileStoreDown(generationId, finish);
    const { cost } = outcome;
    if (!isFinished && cost?.isEstimated === false) {
      // Others ended it with an estimate, and this is the truth.
      await store.retryWhileStoreDown(generationId, () => records.correctCost(generationId, cost));
    }
    // However it ended, nobody edits these again.
    if (generation.edit) await edits.discard(generation.edit);
    if (isFinished) logger.info({ generationId, status: outcome.status, ...failureFacts(outcome) }, "generation ended");
    return true;
  }

  /**
   * A provider may go on, and charge, after its call was cut off. Whoever generates and cancels in a loop must not have
   * more calls in its hands than there are places: this one stays taken as long as a call of the model usually takes.
   */
  async #keepPlace({ model, startedAtMs, closed }: PaidCall): Promise<void> {
    const { upstreamTimeoutMs } = this.#options;
    const over = new AbortController();
    const signal = AbortSignal.any([this.#draining.signal, this.#stop.signal, over.signal]);
    const until = async (ms: number): Promise<void> => {
      const leftMs = startedAtMs + ms - performance.now();
      if (leftMs > 0) await delay(leftMs, undefined, { signal }).catch(() => {});
    };
    const isClosed = Promise.race([closed, until(upstreamTimeoutMs)]);
    await Promise.all([isClosed, until(this.#shared.durations.of(model))]);
    over.abort();
  }

  #keepLease(generationId: string, canceling: AbortController): void {
    this.#running.set(generationId, canceling);
    const everyMs = this.#options.leaseMs / HEARTBEATS_A_LEASE;
    this.#heartbeat ??= setInterval(() => void this.#extendLeases(), everyMs);
  }

  #dropLease(generationId: string): void {
    this.#running.delete(generationId);
    if (this.#running.size > 0) return;
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
  }

  async #extendLeases(): Promise<void> {
    const { records, events, worker, now, logger, leaseMs } = this.#options;
    try {
      const leased = await records.extendLeases(worker, new Date(now().getTime() + leaseMs));
      // Its start was recorded, and the store's answer lost: nobody carries it out.
      for (const generationId of leased.filter((id) => !this.#running.has(id))) {
        await records.finish(generationId, worker, { status: "FAILED", failure: INTERRUPTED }, now());
        events.publish({ generationId, worker });
      }
      await this.#giveUpCanceled([...this.#running.keys()]);
    } catch (error) {
      logger.warn({ err: error }, "the leases could not be extended");
    }
  }

  /** Something changed about a generation that runs here. What this process wrote itself is no news. */
  #hear({ generationId, worker }: GenerationNotice): void {
    if (worker === this.#options.worker) return;
    this.#giveUpCanceled([generationId]).catch((error: unknown) => {
      this.#options.logger.warn({ generationId, err: error }, "the generation could not be looked up");
    });
  }

  /** Gives up those of these generations that were canceled or removed. */
  async #giveUpCanceled(generationIds: readonly string[]): Promise<void> {
    const found = await this.#options.records.findGenerations(generationIds);
    const kept = new Set(found.filter(({ status }) => status !== "CANCELED").map(({ id }) => id));
    for (const id of generationIds.filter((candidate) => !kept.has(candidate))) {
      this.#running.get(id)?.abort(canceled());
    }
  }
}

/** Whether it was stopped while no provider had it in hand. */
function isUnbegun(outcome: GenerationOutcome): boolean {
  return outcome.status === "FAILED" && outcome.failure.code === "INTERRUPTED" && outcome.failure.billed === "NO";
}

/** Whether its provider was at work when it was given up. */
function isCutOff(outcome: GenerationOutcome): boolean {
  return outcome.status === "FAILED" && outcome.failure.code === "INTERRUPTED" && outcome.failure.billed !== "NO";
}

function canceled(): GatewayError {
  return new GatewayError("INTERRUPTED", "the generation was canceled while the provider was at work");
}

function failureFacts(outcome: GenerationOutcome): { code?: string; billed?: string } {
  return outcome.status === "FAILED" ? { code: outcome.failure.code, billed: outcome.failure.billed } : {};
}
