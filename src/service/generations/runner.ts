import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { GatewayError } from "../../errors.ts";
import type { Events } from "../../ports/events.ts";
import type {
  GenerateRequest,
  ImageFormat,
  ModelDescription,
  ModelPrice,
  ProviderEvent,
  ProviderWarning,
  TokenUsage,
} from "../../ports/image-provider.ts";
import { toAmount } from "../../ports/money.ts";
import {
  type Cost,
  FAILURE_CODES,
  type Generation,
  type GenerationFailure,
  type GenerationOutcome,
  type Records,
  type Warning,
} from "../../ports/records.ts";
import type { EditIntake } from "../edits/edit-intake.ts";
import type { ImageIntake } from "../images/image-intake.ts";
import { nearestModelSize } from "../images/sizes.ts";
import { isHoldEnough } from "../models/budget.ts";
import { canDo } from "../models/can-do.ts";
import { costOf, priceAt } from "../models/cost.ts";
import type { CataloguedModel, ModelCatalogue, ResolvedModel } from "../models/model-catalogue.ts";
import { INTERRUPTED } from "./generation-end.ts";
import { fitPreviews } from "./generation-plan.ts";
import type { Previews } from "./previews.ts";
import type { ProviderCalls } from "./provider-calls.ts";
import { untilAborted } from "./until-aborted.ts";

export interface RunnerOptions {
  readonly records: Records;
  readonly events: Events;
  readonly catalogue: ModelCatalogue;
  readonly intake: ImageIntake;
  readonly edits: EditIntake;
  readonly previews: Previews;
  readonly calls: ProviderCalls;
  readonly logger: Logger;
  readonly now: () => Date;
  /** This process among all that share the records: `run_…`. */
  readonly worker: string;
  /** How long one provider call may take. */
  readonly upstreamTimeoutMs: number;
  /** How long others wait before they presume that this process is dead. */
  readonly leaseMs: number;
}

/** How often a process says that it lives while a lease lasts. */
const HEARTBEATS_A_LEASE = 4;
/** How long the store may be away before what a provider made is given up. */
const INSIST_MS = 10 * 60_000;
const INSIST_PAUSE_MS = 1_000;
/** What a provider warns of is kept, as much as fits into an answer's headers. */
const MAX_PROVIDER_WARNINGS = 5;
const MAX_PROVIDER_WARNING_LENGTH = 300;

/** Carries out accepted generations: provider → storage → records. Whoever asked for them may be gone. */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #stop = new AbortController();
  readonly #running = new Map<string, AbortController>();
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** Brings one generation to its end. Never rejects; does nothing when the generation is not queued (any more). */
  async run(generationId: string): Promise<void> {
    const { records, events, edits, logger, worker, now, leaseMs } = this.#options;
    // A job that is delivered twice must not end the lease of the first delivery when it finds nothing to do.
    if (this.#running.has(generationId)) return;
    const canceling = new AbortController();
    const unsubscribe = events.subscribe(generationId, () => void this.#checkCanceled(generationId, canceling));
    try {
      const at = now();
      const claim = { worker, at, leaseUntil: new Date(at.getTime() + leaseMs) };
      this.#keepLease(generationId, canceling);
      const generation = await this.#insist(generationId, () => records.start(generationId, claim));
      if (!generation) return;
      events.publish({ generationId });
      const outcome = await this.#carryOut(generation, canceling.signal);
      const isParked = this.#stop.signal.aborted && isUnbegun(outcome) && (await records.park(generationId, worker));
      if (isParked) return logger.info({ generationId }, "generation parked");
      const isFinished = await this.#insist(generationId, () => records.finish(generationId, worker, outcome, now()));
      // Others ended it with an estimate, and this is the truth.
      if (!isFinished && outcome.cost?.isEstimated === false) await this.#correctCost(generationId, outcome.cost);
      // However it ended, nobody edits these again.
      if (generation.edit) await edits.discard(generation.edit);
      if (isFinished)
        logger.info({ generationId, status: outcome.status, ...failureFacts(outcome) }, "generation ended");
    } catch (error) {
      logger.error({ generationId, err: error }, "generation could not be recorded");
      events.publish({ generationId, isUnrecorded: true });
      return;
    } finally {
      unsubscribe();
      this.#dropLease(generationId);
    }
    events.publish({ generationId });
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

  /** Goes on with the next model as long as the provider of the last one is out of order. */
  async #carryOut(generation: Generation, canceled: AbortSignal): Promise<GenerationOutcome> {
    let current = generation;
    try {
      current = await this.#moveOn(generation);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      return this.#withCost(generation, { status: "FAILED", failure: this.#toFailure(generation, error) });
    }
    for (;;) {
      const outcome = await this.#ask(current, canceled);
      const next = isOutage(outcome) && !canceled.aborted ? await this.#fallBack(current, outcome.failure) : undefined;
      if (!next) return this.#withCost(current, outcome);
      current = next;
    }
  }

  /**
   * The generation with the model that is asked for it today: what replaces its own, if that ended while it waited.
   *
   * @throws MODEL_UNAVAILABLE when nothing does that can do what was asked
   */
  async #moveOn(generation: Generation): Promise<Generation> {
    const { logger, catalogue } = this.#options;
    const { id: generationId, model: from } = generation;
    const { model, warnings } = this.#resolve(from);
    const { id: to } = model.description;
    if (to === from) return generation;
    if (!canDo(model.description, generation)) {
      const message = `the model ${from} shut down while this waited, and ${to} cannot do what was asked of it`;
      throw new GatewayError("MODEL_UNAVAILABLE", message, { billed: "NO" });
    }
    const [before, prices] = [catalogue.find(from)?.description, { [to]: priceOf(generation, model.description) }];
    if (before && !isHoldEnough(generation, before, model.description, prices)) {
      const message = `the model ${from} shut down while this waited, and ${to} may cost more than the ${generation.maxCost} US dollars that are held for it`;
      throw new GatewayError("MODEL_UNAVAILABLE", message, { billed: "NO" });
    }
    const codes = warnings.map(({ code }) => code);
    logger.warn({ generationId, from, to, codes }, "the model shut down while the generation waited");
    const moved = await this.#giveTo(generation, model, warnings, generation.fallbacks);
    if (!moved) throw ended();
    return moved;
  }

  #resolve(id: string): ResolvedModel {
    try {
      return this.#options.catalogue.resolve(id);
    } catch (error) {
      throw new GatewayError("MODEL_UNAVAILABLE", (error as Error).message, { billed: "NO" });
    }
  }

  /** The generation with its next model that can do what was asked; `undefined` when there is none. */
  async #fallBack(generation: Generation, { code }: GenerationFailure): Promise<Generation | undefined> {
    const { catalogue, logger } = this.#options;
    const { id: generationId, model: from, fallbacks = [] } = generation;
    const [model, ...left] = catalogue.livingOf(fallbacks).filter(({ description }) => canDo(description, generation));
    if (!model) return undefined;
    const { id: to } = model.description;
    logger.warn({ generationId, code, from, to }, "going on with another model");
    const message = `the provider of ${from} was out of order (${code}, not billed); ${to} was used instead`;
    const warnings = [{ code: "MODEL_FELL_BACK", message }, ...catalogue.warningsOf(model.description)];
    return this.#giveTo(
      generation,
      model,
      warnings,
      left.map(({ description }) => description.id),
    );
  }

  /** On disk before the model is called; `undefined` when this process does not run the generation any more. */
  async #giveTo(
    generation: Generation,
    { description }: CataloguedModel,
    added: readonly Warning[],
    fallbacks: readonly string[] = [],
  ): Promise<Generation | undefined> {
    const { records, events, worker } = this.#options;
    const { id: generationId, n, requestedSize, partialImages = 0, warnings } = generation;
    const next = {
      model: description.id,
      modelSize: nearestModelSize(requestedSize, description.sizes),
      warnings: [...warnings, ...added, ...fitPreviews(partialImages, n, description).warnings],
      fallbacks: fallbacks.filter((id) => id !== description.id),
    };
    const given = await this.#insist(generationId, () => records.changeModel(generationId, worker, next));
    if (given) events.publish({ generationId });
    return given;
  }

  async #ask(generation: Generation, canceled: AbortSignal): Promise<GenerationOutcome> {
    const storedIndexes = new Set<number>();
    const previews = this.#options.previews.begin(generation);
    const warned: Warning[] = [];
    let usage: TokenUsage | undefined;
    const facts = () => ({
      ...(usage && { usage }),
      ...(warned.length > 0 && { warnings: [...generation.warnings, ...warned.slice(0, MAX_PROVIDER_WARNINGS)] }),
    });
    const signal = AbortSignal.any([this.#stop.signal, canceled]);
    try {
      const model = this.#modelOf(generation);
      const attempt = () =>
        this.#withTimeout(signal, async (timed) => {
          const events = model.provider.generate(this.#toRequest(generation, model), timed);
          for await (const event of untilAborted(events, timed)) {
            if (event.type === "usage") usage = event.usage;
            if (event.type === "partial") await previews.take({ ...event, bytes: untilAborted(event.bytes, timed) });
            if (event.type === "image" && event.index < generation.n && !storedIndexes.has(event.index)) {
              await this.#take(generation, { ...event, bytes: untilAborted(event.bytes, timed) });
              storedIndexes.add(event.index);
              warned.push(...(event.warnings ?? []).map(toWarning));
              previews.finish(event.index);
            }
          }
        });
      await this.#options.calls.call(model.provider, attempt, signal);
      if (storedIndexes.size < generation.n) {
        const message = `the provider answered with ${storedIndexes.size} of ${generation.n} images`;
        throw new GatewayError("UPSTREAM_FAILED", message, { billed: storedIndexes.size > 0 ? "YES" : "UNKNOWN" });
      }
      return { status: "SUCCEEDED", ...facts() };
    } catch (error) {
      const failure = this.#toFailure(generation, error);
      const billed = storedIndexes.size > 0 ? "YES" : failure.billed;
      return { status: "FAILED", failure: { ...failure, billed }, ...facts() };
    } finally {
      previews.end();
    }
  }

  async #correctCost(generationId: string, cost: Cost): Promise<void> {
    await this.#insist(generationId, () => this.#options.records.correctCost(generationId, cost));
  }

  #withCost(generation: Generation, outcome: GenerationOutcome): GenerationOutcome {
    const { id: generationId, model, maxCost: maxCostUsd } = generation;
    const description = this.#options.catalogue.find(model)?.description;
    const cost = costOf(description && priceOf(generation, description), generation, outcome);
    if (cost && maxCostUsd !== undefined && toAmount(cost.usd) > toAmount(maxCostUsd)) {
      const facts = { generationId, model, costUsd: cost.usd, maxCostUsd };
      this.#options.logger.warn(facts, "the provider charged more than its prices allow for; all of it is charged");
    }
    return cost === undefined ? outcome : { ...outcome, cost };
  }

  #modelOf(generation: Generation): CataloguedModel {
    const model = this.#options.catalogue.find(generation.model);
    if (!model) throw new GatewayError("MODEL_UNAVAILABLE", "the model is not configured any more", { billed: "NO" });
    return model;
  }

  #toRequest(generation: Generation, { description }: CataloguedModel): GenerateRequest {
    const { model, prompt, n, modelSize: size, quality, format, background } = generation;
    const { seed, compression, moderation, safetyIdentifier, partialImages = 0, edit } = generation;
    const formatAskedFor = formatToAskFor(format, description.formats);
    return {
      model,
      prompt,
      n,
      size,
      quality,
      format: formatAskedFor,
      background,
      partialImages: fitPreviews(partialImages, n, description).partialImages,
      ...(seed !== undefined && { seed }),
      ...(compression !== undefined && formatAskedFor === format && { compression }),
      ...(moderation !== undefined && { moderation }),
      ...(safetyIdentifier !== undefined && { safetyIdentifier }),
      ...(edit && { edit: this.#options.edits.open(edit) }),
    };
  }

  async #take(generation: Generation, event: Extract<ProviderEvent, { type: "image" }>): Promise<void> {
    const { records, events, intake, worker } = this.#options;
    const isTaken = await intake.take(generation, event, (image, generatedSize) =>
      this.#insist(generation.id, () => records.addImage(image, generatedSize, worker)),
    );
    if (!isTaken) throw ended();
    events.publish({ generationId: generation.id });
  }

  async #withTimeout(signal: AbortSignal, work: (timed: AbortSignal) => Promise<void>): Promise<void> {
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(upstreamTimeout()), this.#options.upstreamTimeoutMs);
    try {
      await work(AbortSignal.any([signal, timeout.signal]));
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * What a provider made is not given up because the store is away for a while. Who waits for it is told at once: the
   * store may be away for longer than they can wait.
   */
  async #insist<Result>(generationId: string, write: () => Promise<Result>): Promise<Result> {
    const giveUpAt = performance.now() + INSIST_MS;
    for (;;) {
      try {
        return await write();
      } catch (error) {
        if (this.#stop.signal.aborted || performance.now() > giveUpAt) throw error;
        this.#options.logger.warn({ generationId, err: error }, "the store does not answer; trying again");
        this.#options.events.publish({ generationId, isUnrecorded: true });
        await delay(INSIST_PAUSE_MS, undefined, { signal: this.#stop.signal }).catch(() => {});
      }
    }
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
        events.publish({ generationId });
      }
      for (const [generationId, canceling] of this.#running) await this.#checkCanceled(generationId, canceling);
    } catch (error) {
      logger.warn({ err: error }, "the leases could not be extended");
    }
  }

  async #checkCanceled(generationId: string, canceling: AbortController): Promise<void> {
    try {
      const [generation] = await this.#options.records.findGenerations([generationId]);
      if (generation && generation.status !== "CANCELED") return;
      canceling.abort(new GatewayError("INTERRUPTED", "the generation was canceled while the provider was at work"));
    } catch (error) {
      this.#options.logger.warn({ generationId, err: error }, "the generation could not be looked up");
    }
  }

  #toFailure({ id }: Generation, error: unknown): GenerationFailure {
    const known = error instanceof GatewayError ? FAILURE_CODES.find((code) => code === error.code) : undefined;
    if (error instanceof GatewayError && known) {
      const { billed = "UNKNOWN", field, retryAfterSeconds } = error.details;
      this.#options.logger.warn({ generationId: id, err: error }, "provider call failed");
      return {
        code: known,
        message: error.message,
        retryable: error.isRetryable,
        billed,
        ...(field !== undefined && { field }),
        ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
      };
    }
    this.#options.logger.error({ generationId: id, err: error }, "generation failed");
    const message = `an internal error stopped this generation; the operator finds it under ${id}`;
    return { code: "INTERNAL", message, retryable: false, billed: "UNKNOWN" };
  }
}

/** The price at which a generation was accepted; versions that did not keep it took that of the day. */
function priceOf({ prices, createdAt }: Generation, model: ModelDescription): ModelPrice | undefined {
  return prices ? prices[model.id] : priceAt(model, createdAt);
}

/** Whether it was stopped while no provider had it in hand. */
function isUnbegun(outcome: GenerationOutcome): boolean {
  return outcome.status === "FAILED" && outcome.failure.code === "INTERRUPTED" && outcome.failure.billed === "NO";
}

/** A refusal is none, and neither is a call that may have been charged. */
function isOutage(outcome: GenerationOutcome): outcome is Extract<GenerationOutcome, { status: "FAILED" }> {
  if (outcome.status !== "FAILED") return false;
  const { code, retryable, billed } = outcome.failure;
  return retryable && billed === "NO" && (code === "UPSTREAM_FAILED" || code === "UPSTREAM_TIMEOUT");
}

function toWarning(warning: string | ProviderWarning): Warning {
  const { code, message } = typeof warning === "string" ? { code: "PROVIDER_WARNING", message: warning } : warning;
  return { code, message: message.slice(0, MAX_PROVIDER_WARNING_LENGTH).toWellFormed() };
}

function ended(): GatewayError {
  return new GatewayError("INTERRUPTED", "the generation was ended by others while it was carried out");
}

function upstreamTimeout(): GatewayError {
  return new GatewayError("UPSTREAM_TIMEOUT", "the provider did not answer in time");
}

/** A format the model does not make is made here, from the one that loses nothing where it makes that. */
function formatToAskFor(wanted: ImageFormat, offered: readonly ImageFormat[]): ImageFormat {
  return [wanted, "PNG" as const].find((format) => offered.includes(format)) ?? offered[0] ?? "PNG";
}

function failureFacts(outcome: GenerationOutcome): { code?: string; billed?: string } {
  return outcome.status === "FAILED" ? { code: outcome.failure.code, billed: outcome.failure.billed } : {};
}
