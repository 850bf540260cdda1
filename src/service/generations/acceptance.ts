import { createHash } from "node:crypto";
import type { Logger } from "pino";
import { GatewayError } from "../../errors.ts";
import type { Events } from "../../ports/events.ts";
import type { ModelDescription, Operation } from "../../ports/image-provider.ts";
import type { JobQueue } from "../../ports/job-queue.ts";
import type { Metrics } from "../../ports/metrics.ts";
import type { RateRule, RateStatus } from "../../ports/projects/rates.ts";
import type {
  AcceptanceTerms,
  BudgetExceeded,
  EditOrder,
  Generation,
  GenerationOrder,
  Records,
  Refusal,
} from "../../ports/records.ts";
import type { Traces } from "../../ports/traces.ts";
import { checkEdit, completeEdit, draftEdit, type EditInput, hashEdit } from "../edits/edit-input.ts";
import type { EditIntake } from "../edits/edit-intake.ts";
import type { StorageBudget } from "../images/storage-budget.ts";
import { budgetExceeded, costUnbounded, type DailyBudget, fixPrices, type PriceTerms } from "../models/budget.ts";
import { canDo } from "../models/can-do.ts";
import type { ModelCatalogue } from "../models/model-catalogue.ts";
import type { AppliedLimits, ScopedLimits } from "../projects/applied-limits.ts";
import type { Caller } from "../projects/caller.ts";
import { allowsModel, checkModel, checkOperation } from "../projects/permissions.ts";
import { rateLimited, rateRulesOf } from "../projects/rate-limits.ts";
import { UsedUpRates } from "../projects/used-up-rates.ts";
import { type CheckedInput, checkInput, type GenerationInput } from "./generation-input.ts";
import { type GenerationPlan, type PlanDraft, planGeneration } from "./generation-plan.ts";
import { REPETITION_MS, RetryDeduplicator } from "./retry-deduplicator.ts";
import { isEnded } from "./running/generation-end.ts";
import type { ImmediateStart } from "./running/immediate-start.ts";

export interface AcceptanceOptions {
  readonly records: Records;
  readonly queue: JobQueue;
  /** Called with a generation that was just stored, before its job is queued. */
  readonly expect: (generation: Generation) => void;
  /** Prepares the start of an order. `undefined` if its job has to be queued. */
  readonly prepare: (order: GenerationOrder) => ImmediateStart | undefined;
  readonly events: Events;
  readonly catalogue: ModelCatalogue;
  readonly edits: EditIntake;
  readonly limits: AppliedLimits;
  readonly storage: Pick<StorageBudget, "checkFree">;
  readonly metrics: Metrics;
  readonly traces: Traces;
  readonly logger: Logger;
  readonly now: () => Date;
  readonly newGenerationId: () => string;
  /** How many generations may wait before more are refused. */
  readonly maxQueued: number;
  /** `undefined` for none. */
  readonly dailyBudget: DailyBudget | undefined;
}

/** The facts by which a retry of a request is recognised. */
type AskedBefore = Pick<CheckedInput, "idempotencyKey" | "attempt" | "inputHash">;

/** Called with the rest of the caller's rate limits, whether the request is accepted or refused. */
export type OnRates = (rates: readonly RateStatus[]) => void;

/** The caller of a request, and the limits that apply. */
interface Sender {
  readonly caller: Caller;
  readonly limits: readonly ScopedLimits[];
  readonly rules: readonly RateRule[];
  readonly onRates: OnRates;
}

/** A plan with its prices, ready to be accepted, or refused by a limit. */
interface PricedPlan extends GenerationPlan, PriceTerms {
  readonly edit?: EditOrder;
  readonly createdAt: Date;
  /** The models that may run it, beginning with the planned one. */
  readonly models: readonly [ModelDescription, ...ModelDescription[]];
}

const FULL_RETRY_SECONDS = 30;
/** The most generations with the same input that are searched for the one that a retry belongs to. */
const MAX_CANDIDATES = 100;
/** The most budgets that are remembered as logged. */
const MAX_REPORTED = 1000;
const IDEMPOTENCY_MS = 24 * 60 * 60 * 1000;

/** Turns a request into a generation: it stores a new one, or returns the earlier one if the request is a retry. */
export class Acceptance {
  readonly #options: AcceptanceOptions;
  readonly #usedUp = new UsedUpRates();
  readonly #deduplicator: RetryDeduplicator;
  /** The budgets whose refusals were logged, each with its window. */
  readonly #reported = new Set<string>();

  constructor(options: AcceptanceOptions) {
    this.#options = options;
    this.#deduplicator = new RetryDeduplicator(options.now);
  }

  /** @see ImageService.submit */
  submit(caller: Caller, input: GenerationInput, onRates: OnRates = () => {}): Promise<Generation> {
    return this.#watched("GENERATE", () => this.#submit(caller, input, onRates));
  }

  /** @see ImageService.submitEdit */
  submitEdit(caller: Caller, input: EditInput, onRates: OnRates = () => {}): Promise<Generation> {
    return this.#watched("EDIT", () => this.#submitEdit(caller, input, onRates));
  }

  /** Counts refusals, and records a span, which the generation continues. */
  #watched(operation: Operation, submit: () => Promise<Generation>): Promise<Generation> {
    const { traces, metrics } = this.#options;
    const attributes = { "pictograph.operation": operation };
    return traces.within({ name: "accept generation", kind: "PRODUCER", attributes }, async (span) => {
      try {
        const generation = await submit();
        span.set({ "pictograph.generation.id": generation.id, "gen_ai.request.model": generation.model });
        return generation;
      } catch (error) {
        metrics.generationRefused(error instanceof GatewayError ? error.code : "INTERNAL");
        throw error;
      }
    });
  }

  async #submit(caller: Caller, input: GenerationInput, onRates: OnRates): Promise<Generation> {
    const { catalogue, storage, newGenerationId } = this.#options;
    const asked = forCaller(caller, checkInput(input));
    const sender = await this.#toSender(caller, onRates);
    const permit = (draft: PlanDraft) => permitted(draft, "GENERATE", sender.limits, catalogue);
    let plan: PricedPlan;
    try {
      plan = this.#price(planGeneration(asked, catalogue, permit));
      await storage.checkFree();
    } catch (error) {
      return this.#acceptedBefore(caller, asked, error);
    }
    const repeated = await this.#repeated(caller, plan);
    if (repeated) return repeated;
    // Only the store knows whether a key was used before. Then no limit applies.
    if (plan.idempotencyKey === undefined) this.#refuseIfUsedUp(sender, plan.n);
    return this.#accept(sender, newGenerationId(), plan);
  }

  async #submitEdit(caller: Caller, input: EditInput, onRates: OnRates): Promise<Generation> {
    const { catalogue, edits, storage, newGenerationId } = this.#options;
    const asked = forCaller(caller, checkEdit(input));
    const sender = await this.#toSender(caller, onRates);
    let draft: PlanDraft;
    try {
      draft = permitted(draftEdit(asked, input, catalogue), "EDIT", sender.limits, catalogue);
    } catch (error) {
      // A request that can be refused without its images is refused before they are read, unless its key is known.
      const kept = asked.idempotencyKey === undefined ? undefined : await this.#earlierEdit(caller, input, asked);
      if (!kept) throw error;
      return kept;
    }
    const earlier = await this.#earlierEdit(caller, input, asked);
    if (earlier) return earlier;
    this.#refuseIfUsedUp(sender, asked.n);
    await storage.checkFree();
    const id = newGenerationId();
    const edit = await edits.take(id, caller, input);
    let plan: PricedPlan;
    try {
      plan = this.#price(completeEdit(draft, input, edit), edit);
    } catch (error) {
      await edits.discard(edit);
      throw error;
    }
    const repeated = await this.#repeated(caller, plan);
    if (!repeated) return this.#accept(sender, id, plan);
    await edits.discard(edit);
    return repeated;
  }

  async #toSender(caller: Caller, onRates: OnRates): Promise<Sender> {
    const limits = await this.#options.limits.of(caller);
    return { caller, limits, rules: rateRulesOf(caller, limits), onRates };
  }

  /** @throws RATE_LIMITED when a rate limit was used up by earlier requests of this minute */
  #refuseIfUsedUp({ rules, onRates }: Sender, n: number): void {
    const refusal = this.#usedUp.find(rules, this.#options.now());
    if (!refusal) return;
    onRates(refusal.rates);
    throw rateLimited(refusal, n);
  }

  #price(plan: GenerationPlan, edit?: EditOrder): PricedPlan {
    const { catalogue, now, dailyBudget } = this.#options;
    const createdAt = now();
    const order = { ...plan, edit };
    const others = catalogue.othersFor(plan.model.description, plan.fallbacks).filter((model) => canDo(model, order));
    const models = [plan.model.description, ...others] as const;
    return { ...plan, ...fixPrices(order, models, createdAt, dailyBudget), ...(edit && { edit }), createdAt, models };
  }

  /**
   * Returns the generation that was accepted under the same key, even if it would be refused now, for example because
   * its model has shut down or the disk is full. Otherwise throws the refusal.
   */
  async #acceptedBefore({ projectId }: Caller, asked: AskedBefore, refusal: unknown): Promise<Generation> {
    const { records, now } = this.#options;
    const { idempotencyKey: key, inputHash } = asked;
    const earlier = key === undefined ? undefined : await records.findByIdempotencyKey(projectId, key, now());
    if (earlier?.inputHash !== inputHash) throw refusal;
    return earlier;
  }

  /** Finds the generation of an earlier, equal edit. Does not need the stored images, which may be deleted by now. */
  async #earlierEdit(caller: Caller, input: EditInput, asked: AskedBefore): Promise<Generation | undefined> {
    const { records, edits, now } = this.#options;
    const { idempotencyKey: key } = asked;
    const earlier = key === undefined ? undefined : await records.findByIdempotencyKey(caller.projectId, key, now());
    if (earlier) return refuseUnlessSame(earlier, hashEdit(asked, input, await edits.hashUploads(input)));
    const hasUploads = [...input.images, input.mask].some((image) => image && "bytes" in image);
    return hasUploads ? undefined : this.#repeated(caller, { ...asked, inputHash: hashEdit(asked, input, []) });
  }

  async #accept(sender: Sender, id: string, decided: PricedPlan): Promise<Generation> {
    const { caller, rules, onRates } = sender;
    const { events, edits, expect, traces, maxQueued, dailyBudget } = this.#options;
    const { model, models: _, idempotencyKey, attempt, endUser, ...plan } = decided;
    const { projectId } = caller;
    const { edit, createdAt } = plan;
    // Reserve the id before another request can find it.
    if (attempt) this.#deduplicator.keepFor(id, attempt);
    const order: GenerationOrder = {
      ...plan,
      id,
      projectId,
      endUser: caller.endUser ?? endUser,
      apiKeyId: caller.apiKeyId,
      model: model.description.id,
      traceContext: traces.current(),
      ...(idempotencyKey !== undefined && {
        idempotency: { key: idempotencyKey, expiresAt: new Date(createdAt.getTime() + IDEMPOTENCY_MS) },
      }),
    };
    const terms = { maxQueued, dailyBudget: dailyBudget?.usd, rates: rules };
    const start = this.#options.prepare(order);
    // If this throws, the order may have been accepted. The images stay, and are swept later if it was not.
    const accepted = await this.#record(order, terms, start);
    if (typeof accepted === "object" && "rates" in accepted && accepted.rates.length > 0) onRates(accepted.rates);
    const isRefused = typeof accepted === "string" || "budget" in accepted || "exceeded" in accepted;
    if (edit && (isRefused || !accepted.isNew)) await edits.discard(edit);
    if (isRefused || !accepted.isNew) start?.giveBack();
    if (isRefused) throw this.#toError(accepted, decided, sender);
    const { generation, isNew } = accepted;
    if (!isNew) return refuseUnlessSame(generation, plan.inputHash);
    events.publish({ generationId: generation.id, isNew: true });
    this.#warnOfPrice(generation);
    expect(generation);
    if (start) start.begin(generation);
    else await this.#enqueue(generation.id);
    return generation;
  }

  async #record(order: GenerationOrder, terms: AcceptanceTerms, start: ImmediateStart | undefined) {
    const { records } = this.#options;
    try {
      return await records.accept(order, terms, start?.claim);
    } catch (error) {
      start?.giveBack();
      // If it was stored after all, it waits again. If this fails too, its lease ends it.
      if (start) records.park(order.id, start.claim.worker).catch(() => {});
      throw error;
    }
  }

  #toError(refusal: Refusal, plan: PricedPlan, { caller, rules }: Sender): GatewayError {
    const { dailyBudget, maxQueued } = this.#options;
    if (refusal === "QUEUE_FULL") return full(maxQueued);
    if (refusal === "COST_UNBOUNDED") return costUnbounded(plan, plan.models, plan);
    if ("exceeded" in refusal) {
      this.#usedUp.note(rules, refusal, plan.createdAt);
      return rateLimited(refusal, plan.n);
    }
    this.#report(refusal, caller.projectId, caller.apiKeyId);
    return budgetExceeded(refusal, plan, dailyBudget);
  }

  /** Logs a budget once in its window, because a caller may send any number of requests that are refused. */
  #report({ budget }: BudgetExceeded, projectId: string, apiKeyId: string | undefined): void {
    const { scope, window, resetsAt } = budget;
    const key = [scope === "PROJECT" ? projectId : apiKeyId, window, resetsAt?.getTime()].join(" ");
    if (this.#reported.has(key)) return;
    this.#reported.add(key);
    const [oldest] = this.#reported;
    if (oldest !== undefined && this.#reported.size > MAX_REPORTED) this.#reported.delete(oldest);
    this.#options.logger.warn({ projectId, apiKeyId, budget }, "a budget refuses generations");
  }

  #warnOfPrice({ id: generationId, model, warnings }: Generation): void {
    const change = warnings.find(({ code }) => code === "PRICE_CLASS_CHANGED");
    if (change) this.#options.logger.warn({ generationId, model }, change.message);
  }

  /** For a retry without a key: finds a generation of the same client and input that no other request has claimed. */
  async #repeated({ projectId }: Caller, { attempt, inputHash }: AskedBefore): Promise<Generation | undefined> {
    if (!attempt?.isRepetition) return undefined;
    const { records, now } = this.#options;
    const at = now();
    const since = new Date(at.getTime() - IDEMPOTENCY_MS);
    const alike = await records.findLatestOf(projectId, inputHash, since, MAX_CANDIDATES);
    const unanswered = alike.find(
      (generation) => !this.#deduplicator.has(generation.id) && isWorthAnAnswer(generation, at),
    );
    if (unanswered) this.#deduplicator.keepFor(unanswered.id, attempt);
    return unanswered;
  }

  /**
   * Enqueues the job of an accepted generation. If that fails, the maintenance finds the missing job and makes it
   * later.
   */
  async #enqueue(generationId: string): Promise<void> {
    const { queue, logger } = this.#options;
    await queue.enqueue(generationId).catch((error: unknown) => {
      logger.warn({ generationId, err: error }, "the job could not be enqueued yet");
    });
  }
}

/**
 * Checks that the sender's limits allow the operation and the model, and drops fallback models that they do not allow.
 *
 * @throws FORBIDDEN, MODEL_UNAVAILABLE
 */
export function permitted(
  draft: PlanDraft,
  operation: Operation,
  limits: readonly ScopedLimits[],
  catalogue: ModelCatalogue,
): PlanDraft {
  const modelsOf = (name: string) => catalogue.modelsOf(name);
  checkOperation(limits, operation);
  checkModel(limits, draft.model.description.id, modelsOf);
  const candidates = draft.candidates.filter(({ description }) => allowsModel(limits, description.id, modelsOf));
  return { ...draft, candidates };
}

/** Separates the retries of a project's end users from each other. Idempotency keys contain no line feed. */
function forCaller({ endUser }: Caller, asked: CheckedInput): CheckedInput {
  if (endUser === undefined) return asked;
  const { idempotencyKey: key, inputHash } = asked;
  return {
    ...asked,
    idempotencyKey: key === undefined ? undefined : `${key}\n${endUser}`,
    inputHash: createHash("sha256")
      .update(JSON.stringify([inputHash, endUser]))
      .digest("hex"),
  };
}

/** Whether a retry may get this generation: it has not ended, or it ended recently and may have cost something. */
function isWorthAnAnswer(generation: Generation, at: Date): boolean {
  if (!isEnded(generation)) return true;
  const { status, failure, finishedAt } = generation;
  const isFree = status !== "SUCCEEDED" && (failure?.billed ?? "NO") === "NO";
  const isOld = finishedAt !== undefined && at.getTime() - finishedAt.getTime() > REPETITION_MS;
  return !isFree && !isOld;
}

function refuseUnlessSame(generation: Generation, inputHash: string): Generation {
  if (generation.inputHash === inputHash) return generation;
  throw new GatewayError("IDEMPOTENCY_CONFLICT", "this idempotency key was used for another input; use a new key", {
    field: "idempotencyKey",
  });
}

function full(maxQueued: number): GatewayError {
  return new GatewayError("OVERLOADED", `${maxQueued} generations are waiting already; send the request again later`, {
    retryAfterSeconds: FULL_RETRY_SECONDS,
  });
}
