import type { Logger } from "pino";
import { type ErrorCode, GatewayError } from "../../../errors.ts";
import type { Events } from "../../../ports/events.ts";
import type { PixelSize, ProviderEvent, TokenUsage } from "../../../ports/image-provider.ts";
import type { Metrics } from "../../../ports/metrics.ts";
import { toAmount } from "../../../ports/projects/money.ts";
import type {
  Generation,
  GenerationFailure,
  GenerationOutcome,
  Records,
  UnrecordedImage,
  Warning,
} from "../../../ports/records.ts";
import type { Span, Traces } from "../../../ports/traces.ts";
import type { EditIntake } from "../../edits/edit-intake.ts";
import type { ImageIntake } from "../../images/image-intake.ts";
import { nearestModelSize } from "../../images/sizes.ts";
import { isHoldEnough } from "../../models/budget.ts";
import { canDo } from "../../models/can-do.ts";
import { costOf, isFree, priceOf } from "../../models/cost.ts";
import type { CataloguedModel, ModelCatalogue, ResolvedModel } from "../../models/model-catalogue.ts";
import { fitPreviews } from "../generation-plan.ts";
import type { UsualDurations } from "../usual-durations.ts";
import { untilAborted } from "../watching/until-aborted.ts";
import type { ImageRate } from "./image-rate.ts";
import { LastImage } from "./last-image.ts";
import type { Previews } from "./previews.ts";
import type { ProviderCalls } from "./provider-calls.ts";
import type { Seat } from "./provider-lanes.ts";
import { toRequest } from "./provider-request.ts";
import { providerSpanOf, setUsage } from "./provider-span.ts";
import { ended, isOutage, toFailure, toWarning, unavailable, upstreamTimeout } from "./run-failures.ts";
import type { StoreRetries } from "./store-retries.ts";

/** The parts that all executions of a process share. */
export interface ExecutionOptions {
  readonly records: Records;
  readonly events: Events;
  readonly catalogue: ModelCatalogue;
  readonly intake: ImageIntake;
  readonly edits: EditIntake;
  readonly previews: Previews;
  readonly calls: ProviderCalls;
  readonly metrics: Metrics;
  readonly traces: Traces;
  readonly logger: Logger;
  /** The id of this process among all that share the records: `run_…`. */
  readonly worker: string;
  /** The time limit of one call to a provider that has none of its own, in milliseconds. */
  readonly upstreamTimeoutMs: number;
  readonly store: StoreRetries;
  readonly rate: ImageRate;
  readonly durations: UsualDurations;
}

/** A provider call that may be charged. */
export interface PaidCall {
  readonly model: string;
  /** The start, in milliseconds of `performance.now()`. */
  readonly startedAtMs: number;
  /** Resolves when the provider's answer has ended or was abandoned. */
  readonly closed: Promise<void>;
}

/** What one execution starts with. */
export interface Start {
  /** Abandons the generation. */
  readonly signal: AbortSignal;
  /** Its place, which it changes with its provider. */
  readonly seat: Seat;
  /** Whether the image rate has already counted the first call. */
  readonly isCounted: boolean;
}

/** The most warnings of a provider that are kept: as many as fit into an answer's headers. */
const MAX_PROVIDER_WARNINGS = 5;

/** Runs one generation: model → storage → records. */
export class Execution {
  readonly #options: ExecutionOptions;
  readonly #signal: AbortSignal;
  readonly #seat: Seat;
  #generation: Generation;
  #isCounted: boolean;
  #lastPaidCall: PaidCall | undefined;
  #lastImage: LastImage | undefined;
  #unrecorded: UnrecordedImage | undefined;
  #generatedSize: PixelSize | undefined;
  #storedCount = 0;
  #providerMs: number | undefined;

  constructor(options: ExecutionOptions, generation: Generation, { signal, seat, isCounted }: Start) {
    this.#options = options;
    this.#generation = generation;
    this.#signal = signal;
    this.#seat = seat;
    this.#isCounted = isCounted;
  }

  /** The generation with the model that carries it out now. */
  get generation(): Generation {
    return this.#generation;
  }

  /** The last image, if it is stored and has to be recorded with the end. Read it after the run. */
  get unrecorded(): UnrecordedImage | undefined {
    return this.#unrecorded;
  }

  /** The size that the model made; `undefined` if it made no image. */
  get generatedSize(): PixelSize | undefined {
    return this.#generatedSize;
  }

  /** How many images the last call has brought. */
  get storedCount(): number {
    return this.#storedCount;
  }

  /** How long all calls took together, in milliseconds; `undefined` if there was none. */
  get providerMs(): number | undefined {
    return this.#providerMs;
  }

  /** The last call that may be charged; `undefined` if there was none. */
  get lastPaidCall(): PaidCall | undefined {
    return this.#lastPaidCall;
  }

  /**
   * Runs the generation to its end. While the provider of a model is not available, the next fallback model is used.
   *
   * @throws only errors of the store, if it is unavailable for too long
   */
  async run(): Promise<GenerationOutcome> {
    try {
      await this.#replaceRetiredModel();
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      return this.#withCost({ status: "FAILED", failure: toFailure(error, this.#generation.id, this.#options.logger) });
    }
    for (;;) {
      const outcome = await this.#callModel();
      const goesOn = isOutage(outcome) && !this.#signal.aborted && (await this.#fallBack(outcome.failure));
      if (!goesOn) return this.#withCost(outcome);
    }
  }

  /**
   * If the model shut down while the generation waited, gives the generation to the replacement.
   *
   * @throws MODEL_UNAVAILABLE when no replacement supports the request at a cost that the held amount covers
   */
  async #replaceRetiredModel(): Promise<void> {
    const { logger, catalogue } = this.#options;
    const generation = this.#generation;
    const { id: generationId, model: from } = generation;
    const { model, warnings } = this.#resolve(from);
    const { id: to } = model.description;
    if (to === from) return;
    const shutDown = `the model ${from} shut down while the generation waited`;
    if (!canDo(model.description, generation)) {
      throw unavailable(`${shutDown}, and ${to} does not support the request`);
    }
    const [before, prices] = [catalogue.find(from)?.description, { [to]: priceOf(generation, model.description) }];
    if (before && !isHoldEnough(generation, before, model.description, prices)) {
      throw unavailable(
        `${shutDown}, and ${to} may cost more than the ${generation.maxCost} US dollars that are held for it`,
      );
    }
    const codes = warnings.map(({ code }) => code);
    logger.warn({ generationId, from, to, codes }, "the model shut down while the generation waited");
    if (!(await this.#changeModel(model, warnings, generation.fallbacks))) throw ended();
  }

  #resolve(id: string): ResolvedModel {
    try {
      return this.#options.catalogue.resolve(id);
    } catch (error) {
      throw unavailable((error as Error).message);
    }
  }

  /** Gives the generation to its next fallback model that supports the request. @returns false if there is none */
  async #fallBack({ code }: GenerationFailure): Promise<boolean> {
    const { catalogue, logger, metrics } = this.#options;
    const { id: generationId, model: from, fallbacks = [] } = this.#generation;
    const able = catalogue.livingOf(fallbacks).filter(({ description }) => canDo(description, this.#generation));
    const [model, ...left] = able;
    if (!model) return false;
    const { id: to } = model.description;
    logger.warn({ generationId, code, from, to }, "the generation continues with another model");
    metrics.generationFellBack(from);
    const message = `the provider of ${from} was not available (${code}, not billed); ${to} was used instead`;
    const warnings = [{ code: "MODEL_FELL_BACK", message }, ...catalogue.warningsOf(model.description)];
    return this.#changeModel(
      model,
      warnings,
      left.map(({ description }) => description.id),
    );
  }

  /**
   * Changes the model of the generation. The change is on disk before the model is called. @returns false if this
   * process no longer runs the generation
   */
  async #changeModel(
    { description }: CataloguedModel,
    added: readonly Warning[],
    fallbacks: readonly string[] = [],
  ): Promise<boolean> {
    const { records, store, worker } = this.#options;
    const { id: generationId, n, requestedSize, partialImages = 0, warnings } = this.#generation;
    const next = {
      model: description.id,
      modelSize: nearestModelSize(requestedSize, description.sizes),
      warnings: [...warnings, ...added, ...fitPreviews(partialImages, n, description).warnings],
      fallbacks: fallbacks.filter((id) => id !== description.id),
    };
    const given = await store.retryWhileStoreDown(generationId, () => records.changeModel(generationId, worker, next));
    if (!given) return false;
    this.#generation = given;
    this.#publish();
    return true;
  }

  async #callModel(): Promise<GenerationOutcome> {
    const generation = this.#generation;
    const storedIndexes = new Set<number>();
    const previews = this.#options.previews.begin(generation);
    const warned: Warning[] = [];
    let usage: TokenUsage | undefined;
    const facts = () => ({
      ...(usage && { usage }),
      ...(warned.length > 0 && { warnings: [...generation.warnings, ...warned.slice(0, MAX_PROVIDER_WARNINGS)] }),
    });
    try {
      const model = this.#model();
      await this.#seat.moveTo(model.provider, this.#signal);
      const attempt = (span: Span) =>
        this.#withTimeout(model, async (timed) => {
          for await (const event of untilAborted(this.#call(model, timed), timed)) {
            if (event.type === "usage") {
              usage = event.usage;
              setUsage(span, usage);
            }
            if (event.type === "partial") await previews.take({ ...event, bytes: untilAborted(event.bytes, timed) });
            if (event.type === "image" && event.index < generation.n && !storedIndexes.has(event.index)) {
              const isLast = storedIndexes.size === generation.n - 1;
              await this.#take({ ...event, bytes: untilAborted(event.bytes, timed) }, isLast);
              storedIndexes.add(event.index);
              warned.push(...(event.warnings ?? []).map(toWarning));
              previews.finish(event.index);
            }
          }
        });
      await this.#options.calls.call(model.provider, () => this.#measured(model, attempt), this.#signal);
      if (storedIndexes.size < generation.n) {
        const message = `the provider answered with ${storedIndexes.size} of ${generation.n} images`;
        throw new GatewayError("UPSTREAM_FAILED", message, { billed: storedIndexes.size > 0 ? "YES" : "UNKNOWN" });
      }
      this.#unrecorded = await this.#lastImage?.claim();
      this.#learnDuration();
      return { status: "SUCCEEDED", ...facts() };
    } catch (error) {
      this.#unrecorded = await this.#lastImage?.claim().catch(() => {
        if (this.#lastImage) storedIndexes.delete(this.#lastImage.index);
        return undefined;
      });
      const failure = toFailure(error, this.#generation.id, this.#options.logger);
      const billed = storedIndexes.size > 0 ? "YES" : failure.billed;
      return { status: "FAILED", failure: { ...failure, billed }, ...facts() };
    } finally {
      previews.end();
      this.#storedCount = storedIndexes.size;
    }
  }

  /** Measures one submission to a provider, and records it as a span. */
  async #measured(model: CataloguedModel, attempt: (span: Span) => Promise<void>): Promise<void> {
    const startedAtMs = performance.now();
    const end = (outcome: "SUCCEEDED" | ErrorCode) => {
      const durationMs = performance.now() - startedAtMs;
      this.#providerMs = (this.#providerMs ?? 0) + durationMs;
      const { description, provider } = model;
      this.#options.metrics.providerCallEnded({ model: description.id, provider: provider.name, outcome, durationMs });
    };
    try {
      await this.#options.traces.within(providerSpanOf(this.#generation, model), async (span) => {
        await attempt(span);
        // Providers do not name the model that answered, so it is the one that was called.
        span.set({ "gen_ai.response.model": model.description.id });
      });
    } catch (error) {
      end(error instanceof GatewayError ? error.code : "INTERNAL");
      throw error;
    }
    end("SUCCEEDED");
  }

  #model(): CataloguedModel {
    const model = this.#options.catalogue.find(this.#generation.model);
    if (!model) throw unavailable("the model is no longer configured");
    return model;
  }

  /** Calls the provider. If the call may be charged, remembers its start and its end. */
  #call(model: CataloguedModel, signal: AbortSignal): AsyncIterable<ProviderEvent> {
    const { edit } = this.#generation;
    const request = toRequest(this.#generation, model.description, edit && this.#options.edits.open(edit));
    const events = model.provider.generate(request, signal);
    if (isFree(priceOf(this.#generation, model.description))) return events;
    if (!this.#isCounted) this.#options.rate.note(this.#generation.n);
    this.#isCounted = false;
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    this.#lastPaidCall = { model: model.description.id, startedAtMs: performance.now(), closed };
    return (async function* () {
      try {
        yield* events;
      } finally {
        resolve();
      }
    })();
  }

  #learnDuration(): void {
    if (!this.#lastPaidCall) return;
    const { model, startedAtMs } = this.#lastPaidCall;
    this.#options.durations.learn(model, performance.now() - startedAtMs);
  }

  async #take(event: Extract<ProviderEvent, { type: "image" }>, isLast: boolean): Promise<void> {
    const { intake, traces } = this.#options;
    const attributes = { "pictograph.image.index": event.index };
    const taken = await traces.within({ name: "store image", attributes }, async (span) => {
      const stored = await intake.take(this.#generation, event);
      span.set({ "pictograph.image.id": stored.image.id, "pictograph.image.byte_size": stored.image.byteSize });
      return stored;
    });
    this.#generatedSize = taken.generatedSize;
    if (isLast) this.#lastImage = new LastImage(taken, () => this.#recordImage(taken));
    else await this.#recordImage(taken);
  }

  async #recordImage(taken: UnrecordedImage): Promise<void> {
    const { records, store, intake, metrics, worker } = this.#options;
    const { image, generatedSize } = taken;
    const add = () => records.addImage(image, generatedSize, worker);
    if (!(await store.retryWhileStoreDown(this.#generation.id, add))) {
      await intake.discard(taken);
      throw ended();
    }
    metrics.imageStored(this.#generation.model, image.byteSize);
    this.#publish();
  }

  #publish(): void {
    const { events, worker } = this.#options;
    events.publish({ generationId: this.#generation.id, worker, isRunning: true });
  }

  async #withTimeout({ provider }: CataloguedModel, work: (timed: AbortSignal) => Promise<void>): Promise<void> {
    const timed = new AbortController();
    const timeoutMs = provider.timeoutMs ?? this.#options.upstreamTimeoutMs;
    const timer = setTimeout(() => timed.abort(upstreamTimeout()), timeoutMs);
    // A listener costs less than a combined signal.
    const abandon = () => timed.abort(this.#signal.reason);
    this.#signal.addEventListener("abort", abandon);
    if (this.#signal.aborted) abandon();
    try {
      await work(timed.signal);
    } finally {
      clearTimeout(timer);
      this.#signal.removeEventListener("abort", abandon);
    }
  }

  #withCost(outcome: GenerationOutcome): GenerationOutcome {
    const { id: generationId, model, maxCost: maxCostUsd } = this.#generation;
    const description = this.#options.catalogue.find(model)?.description;
    const cost = costOf(description && priceOf(this.#generation, description), this.#generation, outcome);
    if (cost && maxCostUsd !== undefined && toAmount(cost.usd) > toAmount(maxCostUsd)) {
      const facts = { generationId, model, costUsd: cost.usd, maxCostUsd };
      this.#options.metrics.billExceededHold(model);
      this.#options.logger.warn(facts, "the provider charged more than its prices allow; the whole amount is charged");
    }
    if (cost === undefined) return outcome;
    const isBrokenOff = outcome.status === "FAILED" && !cost.isEstimated;
    return { ...outcome, cost, ...(isBrokenOff && { imageCount: this.#storedCount }) };
  }
}
