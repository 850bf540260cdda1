import { setTimeout as delay } from "node:timers/promises";
import { GatewayError } from "../../../errors.ts";
import type { GenerationNotice } from "../../../ports/events.ts";
import type { ImageProvider } from "../../../ports/image-provider.ts";
import type { Claim, Generation, GenerationOrder, GenerationOutcome, UnrecordedImage } from "../../../ports/records.ts";
import type { SpanStart } from "../../../ports/traces.ts";
import { isFree, priceOf } from "../../models/cost.ts";
import { logEnd } from "../end-log.ts";
import { UsualDurations } from "../usual-durations.ts";
import { Execution, type ExecutionOptions, type PaidCall } from "./execution.ts";
import { toEnded } from "./generation-end.ts";
import { ImageRate } from "./image-rate.ts";
import { type Lease, Leases, type LeasesOptions } from "./leases.ts";
import { ProviderLanes, Seat } from "./provider-lanes.ts";
import { StoreRetries } from "./store-retries.ts";

export interface RunnerOptions extends Omit<ExecutionOptions, "store" | "rate" | "durations">, LeasesOptions {
  /** The most images that this process submits to paid providers in a minute. */
  readonly maxImagesPerMinute: number;
  /** The most calls at once of all providers without a limit of their own. */
  readonly maxConcurrency: number;
}

/** The most accepted generations that are remembered until they start. More wait in the queue, and are read. */
const MAX_EXPECTED = 64;

/** What a generation starts with. */
interface Started {
  readonly generation: Generation;
  /** Whether the image rate has counted its images. */
  readonly isCounted: boolean;
}

/** A run that begins as soon as its generation is accepted. Call exactly one of the methods. */
export interface PreparedRun {
  readonly claim: Claim;
  /** Runs the generation to its end. Never rejects. */
  begin(generation: Generation): Promise<void>;
  giveBack(): void;
}

/** Carries out accepted generations. A generation continues when its client disconnects. */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #shared: ExecutionOptions;
  readonly #stop = new AbortController();
  readonly #draining = new AbortController();
  /** Of the generations that run here, wait for the rate limit, or are about to be accepted. */
  readonly #leases: Leases;
  readonly #expected = new Map<string, Generation>();
  readonly #lanes: ProviderLanes;
  /** The generations that wait for a place of a provider with a limit of its own, or have had one. */
  readonly #inLanes = new Map<string, Promise<void>>();

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#leases = new Leases(options);
    this.#lanes = new ProviderLanes(options.maxConcurrency);
    this.#shared = {
      ...options,
      store: new StoreRetries(options.events, options.logger, this.#stop.signal),
      rate: new ImageRate(options.maxImagesPerMinute),
      durations: new UsualDurations(),
    };
  }

  /**
   * Remembers a generation that was just accepted here and whose job will be queued now, so that it need not be read
   * before it starts. The start itself checks that the generation is still queued.
   */
  expect(generation: Generation): void {
    const [oldest] = this.#expected.keys();
    if (this.#expected.size >= MAX_EXPECTED && oldest !== undefined) this.#expected.delete(oldest);
    this.#expected.set(generation.id, generation);
  }

  /**
   * Prepares to run a generation that is about to be accepted. `undefined` if it has to wait for the rate limit, or may
   * have to wait for a place of its provider.
   */
  prepare(order: GenerationOrder): PreparedRun | undefined {
    const { catalogue } = this.#options;
    const { rate } = this.#shared;
    const { id, n } = order;
    if (this.#draining.signal.aborted || catalogue.hasLimitedProvider) return undefined;
    const isCounted = this.#mayCost(order);
    if (isCounted && !rate.takeNow(n)) return undefined;
    const claim = this.#leases.newClaim();
    const lease = this.#leases.keep(id);
    const started = async (generation: Generation) => this.#toStarted(generation, claim, isCounted);
    return {
      claim,
      begin: (generation) => this.#carryOut(id, new Seat(this.#lanes), lease, () => started(generation)),
      giveBack: () => {
        lease.release();
        if (isCounted) rate.giveBack(n);
      },
    };
  }

  /**
   * Runs one generation to its end. Never rejects. Does nothing if the generation is not queued, or no longer queued.
   *
   * Resolves when the queue may start another generation. After an aborted call, this is when the provider has probably
   * stopped working on it. If the provider has its own places, this is immediately: the generation waits for a place
   * outside the queue.
   */
  async run(generationId: string): Promise<void> {
    // A job may be delivered twice. The second delivery must not drop the lease of the first.
    if (this.#leases.has(generationId) || this.#inLanes.has(generationId)) return;
    const provider = await this.#limitedProviderOf(generationId);
    if (this.#inLanes.has(generationId)) return;
    const seat = new Seat(this.#lanes);
    if (provider) {
      this.#handOver(generationId, seat, this.#runInTurn(seat, provider, generationId));
      return;
    }
    const done = this.#runIn(seat, generationId);
    const isDone = await Promise.race([done.then(() => true), seat.movedToLimited.then(() => false)]);
    if (!isDone) this.#handOver(generationId, seat, done);
  }

  /** The provider of a generation's model, if it has places of its own. */
  async #limitedProviderOf(generationId: string): Promise<ImageProvider | undefined> {
    const { catalogue } = this.#options;
    if (!catalogue.hasLimitedProvider) return undefined;
    // If the store cannot be read, the run itself reports it.
    const generation = this.#expected.get(generationId) ?? (await this.#find(generationId).catch(() => undefined));
    const provider = generation && catalogue.find(generation.model)?.provider;
    return provider?.concurrency === undefined ? undefined : provider;
  }

  #handOver(generationId: string, seat: Seat, work: Promise<void>): void {
    const done = work.finally(() => {
      seat.leave();
      this.#inLanes.delete(generationId);
    });
    this.#inLanes.set(generationId, done);
  }

  async #runInTurn(seat: Seat, provider: ImageProvider, generationId: string): Promise<void> {
    await seat.moveTo(provider, this.#draining.signal);
    if (!this.#draining.signal.aborted) await this.#runIn(seat, generationId);
  }

  async #runIn(seat: Seat, generationId: string): Promise<void> {
    if (this.#leases.has(generationId)) return;
    const lease = this.#leases.keep(generationId);
    await this.#carryOut(generationId, seat, lease, () => this.#start(generationId, lease.signal));
  }

  async #carryOut(
    generationId: string,
    seat: Seat,
    lease: Lease,
    start: () => Promise<Started | undefined>,
  ): Promise<void> {
    lease.watch();
    const cutOff = await this.#bringToEnd(generationId, seat, lease, start);
    if (cutOff) await this.#keepPlace(cutOff);
    seat.leave();
  }

  /**
   * Stops starting generations: those that wait for the rate limit or for a place of their provider stay queued. Places
   * are no longer kept after calls.
   *
   * @returns the generations that waited for a place of their provider; another process may run them
   */
  drain(): readonly string[] {
    const waiting = [...this.#inLanes.keys()].filter((id) => !this.#leases.has(id));
    this.#draining.abort();
    return waiting;
  }

  /** Resolves when no generation runs outside the queue. Call this when the queue starts no more. */
  async idle(): Promise<void> {
    // One that runs may fall back to another provider meanwhile.
    while (this.#inLanes.size > 0) await Promise.all(this.#inLanes.values());
  }

  /**
   * Cuts off every running provider call; their generations end as `INTERRUPTED`. Generations that are between two
   * attempts, with no call at a provider, are queued again for the next start.
   */
  interrupt(): void {
    this.#stop.abort(new GatewayError("INTERRUPTED", "the gateway was stopped while the provider was working"));
    this.#leases.stopAll(this.#stop.signal.reason);
  }

  /** Removes the previews. Call this once no generation runs any more. */
  tidy(): Promise<void> {
    return this.#options.previews.close();
  }

  /** The generations that run here, wait for the rate limit, or are about to be accepted. */
  get count(): number {
    return this.#leases.count;
  }

  /** @returns the call that was cut off while the provider was working on it, if any; the provider may charge for it */
  async #bringToEnd(
    generationId: string,
    seat: Seat,
    lease: Lease,
    start: () => Promise<Started | undefined>,
  ): Promise<PaidCall | undefined> {
    const { events, traces, logger, worker } = this.#options;
    let cutOff: PaidCall | undefined;
    let end: Pick<GenerationNotice, "end"> | undefined;
    try {
      const started = await start();
      if (!started) return undefined;
      events.publish({ generationId, worker, isRunning: true });
      const { generation, isCounted } = started;
      const execution = new Execution(this.#shared, generation, { signal: lease.signal, seat, isCounted });
      end = await traces.within(runSpanOf(generation), async (span) => {
        const outcome = await execution.run();
        if (isCutOff(outcome)) cutOff = execution.lastPaidCall;
        if (outcome.status === "FAILED") span.fail(outcome.failure.code);
        return this.#record(execution, outcome);
      });
      if (!end) return undefined;
    } catch (error) {
      logger.error({ generationId, err: error }, "generation could not be recorded");
      events.publish({ generationId, isUnrecorded: true });
      return cutOff;
    } finally {
      lease.release();
    }
    events.publish({ generationId, worker, ...end });
    return cutOff;
  }

  /** Starts a generation as soon as the rate limit allows its images. `undefined` when it is not queued (any more). */
  async #start(generationId: string, canceled: AbortSignal): Promise<Started | undefined> {
    const { records } = this.#options;
    const { store, rate } = this.#shared;
    const queued = this.#takeExpected(generationId) ?? (await this.#find(generationId));
    if (queued?.status !== "QUEUED") return undefined;
    const isCounted = this.#mayCost(queued);
    if (isCounted && !(await this.#waitForRate(queued.n, canceled))) return undefined;
    const claim = this.#leases.newClaim();
    const generation = await store.retryWhileStoreDown(generationId, () => records.start(generationId, claim));
    if (generation) return this.#toStarted(generation, claim, isCounted);
    if (isCounted) rate.giveBack(queued.n);
    return undefined;
  }

  /** Counts and records how long the generation waited. */
  #toStarted(generation: Generation, { at }: Claim, isCounted: boolean): Started {
    const { metrics, traces } = this.#options;
    const { createdAt, traceContext } = generation;
    metrics.generationStarted(at.getTime() - createdAt.getTime());
    traces.record({ name: "wait in queue", parent: traceContext, startedAt: createdAt }, at);
    return { generation, isCounted };
  }

  /** @returns false when the generation is given up before the rate limit allows its images */
  async #waitForRate(imageCount: number, canceled: AbortSignal): Promise<boolean> {
    const { rate } = this.#shared;
    const givenUp = [this.#draining.signal, canceled];
    if (givenUp.some(({ aborted }) => aborted)) return false;
    // Usually nothing waits, and a combined signal costs more than the count.
    return rate.takeNow(imageCount) || rate.take(imageCount, AbortSignal.any(givenUp));
  }

  #takeExpected(generationId: string): Generation | undefined {
    const expected = this.#expected.get(generationId);
    this.#expected.delete(generationId);
    return expected;
  }

  async #find(generationId: string): Promise<Generation | undefined> {
    const find = () => this.#options.records.findGenerations([generationId]);
    const [found] = await this.#shared.store.retryWhileStoreDown(generationId, find);
    return found;
  }

  #mayCost(generation: GenerationOrder): boolean {
    const description = this.#options.catalogue.find(generation.model)?.description;
    return !description || !isFree(priceOf(generation, description));
  }

  /**
   * Parks a generation that was stopped before the provider began, or else records its end.
   * @returns the end for the notice about it; `undefined` if the generation was parked
   */
  async #record(execution: Execution, outcome: GenerationOutcome): Promise<Pick<GenerationNotice, "end"> | undefined> {
    const { records, edits, metrics, logger, worker, now } = this.#options;
    const { store } = this.#shared;
    const { generation, unrecorded } = execution;
    const { id: generationId } = generation;
    const at = now();
    if (this.#stop.signal.aborted && isUnbegun(outcome) && (await records.park(generationId, worker))) {
      logger.info({ generationId }, "generation parked");
      return undefined;
    }
    const finish = () => records.finish(generationId, worker, outcome, at, unrecorded);
    const isFinished = await store.retryWhileStoreDown(generationId, finish);
    const { cost, imageCount } = outcome;
    if (!isFinished && cost?.isEstimated === false) {
      // Another process ended it with an estimated cost. This is the real cost.
      await store.retryWhileStoreDown(generationId, () => records.correctCost(generationId, cost, imageCount));
    }
    // The source images of an edit are not needed after its end.
    if (generation.edit) await edits.discard(generation.edit);
    if (!isFinished) {
      if (unrecorded) await this.#discardUnlessRecorded(generationId, unrecorded);
      return {};
    }
    if (unrecorded) metrics.imageStored(generation.model, unrecorded.image.byteSize);
    this.#count(generation, outcome);
    const ended = toEnded(generation, outcome, at, execution.generatedSize);
    const { storedCount, providerMs } = execution;
    logEnd(logger, ended, { imageCount: storedCount, providerMs });
    // The previews are not known here.
    if (generation.partialImages) return {};
    // An image that was recorded before may have been deleted since.
    const images = unrecorded && generation.n === 1 ? [unrecorded.image] : undefined;
    return { end: { generation: ended, ...(images && { images }) } };
  }

  /** The store may have written the end, and its answer may have been lost. Then the image is recorded. */
  async #discardUnlessRecorded(generationId: string, image: UnrecordedImage): Promise<void> {
    const { records, intake } = this.#options;
    const find = () => records.findImages([image.image.id]);
    const [recorded] = await this.#shared.store.retryWhileStoreDown(generationId, find);
    if (!recorded) await intake.discard(image);
  }

  #count({ model, edit, n }: Generation, outcome: GenerationOutcome): void {
    const { metrics, catalogue } = this.#options;
    const { status, cost } = outcome;
    metrics.generationEnded({
      model,
      provider: catalogue.find(model)?.provider.name,
      operation: edit ? "EDIT" : "GENERATE",
      outcome: status === "FAILED" ? outcome.failure.code : status,
      costUsd: cost?.usd,
      unpricedImages: status === "SUCCEEDED" && !cost ? n : 0,
    });
  }

  /**
   * Keeps the place of a call that was cut off for as long as a call of the model usually takes, because the provider
   * may keep working on it and charge for it. Otherwise a client that generates and cancels in a loop could have more
   * calls at the provider than there are places.
   */
  async #keepPlace({ model, startedAtMs, closed }: PaidCall): Promise<void> {
    const { upstreamTimeoutMs, catalogue } = this.#options;
    const timeoutMs = catalogue.find(model)?.provider.timeoutMs ?? upstreamTimeoutMs;
    const over = new AbortController();
    const signal = AbortSignal.any([this.#draining.signal, this.#stop.signal, over.signal]);
    const until = async (ms: number): Promise<void> => {
      const leftMs = startedAtMs + ms - performance.now();
      if (leftMs > 0) await delay(leftMs, undefined, { signal }).catch(() => {});
    };
    const isClosed = Promise.race([closed, until(timeoutMs)]);
    await Promise.all([isClosed, until(this.#shared.durations.of(model))]);
    over.abort();
  }
}

/** The span of a run continues the trace of the request, which another process may have accepted. */
function runSpanOf({ id, edit, traceContext }: Generation): SpanStart {
  const attributes = { "pictograph.generation.id": id, "pictograph.operation": edit ? "EDIT" : "GENERATE" };
  return { name: "run generation", kind: "CONSUMER", parent: traceContext, attributes };
}

/** Whether the generation was stopped while no call was at a provider. */
function isUnbegun(outcome: GenerationOutcome): boolean {
  return outcome.status === "FAILED" && outcome.failure.code === "INTERRUPTED" && outcome.failure.billed === "NO";
}

/** Whether the generation was stopped while the provider was working on it. */
function isCutOff(outcome: GenerationOutcome): boolean {
  return outcome.status === "FAILED" && outcome.failure.code === "INTERRUPTED" && outcome.failure.billed !== "NO";
}
