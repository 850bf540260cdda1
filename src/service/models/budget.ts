import { GatewayError } from "../../errors.ts";
import type { ModelDescription, ModelPrice } from "../../ports/image-provider.ts";
import { toAmount, toUsd } from "../../ports/projects/money.ts";
import type { BudgetWindow } from "../../ports/projects/projects.ts";
import type { BudgetExceeded, GenerationOrder } from "../../ports/records.ts";
import { priceAt } from "./cost.ts";
import { maxCostOf } from "./quote.ts";

/** The budget of a UTC day. */
export interface DailyBudget {
  /** US dollars as a decimal string. */
  readonly usd: string;
  /** Whether it is the default. Models whose cost has no known bound are then allowed, at a flat rate. */
  readonly isDefault: boolean;
}

/** The prices and the highest cost, which are fixed when a generation is accepted. */
export type PriceTerms = Required<Pick<GenerationOrder, "prices" | "maxCost">>;

type Priced = Parameters<typeof maxCostOf>[0];

const SETTING = "PICTOGRAPH_DAILY_BUDGET_USD";
/** The flat rate of an image whose cost has no known bound, under the default budget. */
const UNBOUNDED_IMAGE_USD = "0.50";

/**
 * Fixes the prices of the day, and the amount to hold.
 *
 * @param models all models that may run the generation, the planned one first
 */
export function fixPrices(
  order: Priced,
  models: readonly [ModelDescription, ...ModelDescription[]],
  at: Date,
  budget: DailyBudget | undefined,
): PriceTerms {
  const prices: Record<string, ModelPrice> = {};
  for (const model of models) {
    const price = priceAt(model, at);
    if (price) prices[model.id] = price;
  }
  const maxCost = maxCostOf(order, models, prices);
  if (maxCost !== undefined || !budget?.isDefault) return { prices, maxCost };
  return { prices, maxCost: toUsd(toAmount(UNBOUNDED_IMAGE_USD) * BigInt(order.n)) };
}

/**
 * The error for a cost without a known bound, under a budget that someone set.
 *
 * @param models all models that may run the generation
 */
export function costUnbounded(
  order: Priced,
  models: readonly [ModelDescription, ...ModelDescription[]],
  { prices = {} }: PriceTerms,
): GatewayError {
  const unbounded = models.find((model) => maxCostOf(order, [model], prices) === undefined) ?? models[0];
  return new GatewayError(
    "MODEL_UNAVAILABLE",
    `the cost of this request with ${unbounded.id} has no known bound, and a budget of US dollars applies; name another model, or ask the operator to add prices for this one to the file that PICTOGRAPH_MODELS_FILE names`,
    { field: "model" },
  );
}

/** Whether the amount held for a generation covers another model than those it was accepted for. */
export function isHoldEnough(
  order: Priced & Partial<PriceTerms>,
  from: ModelDescription,
  to: ModelDescription,
  prices: Readonly<Record<string, ModelPrice | undefined>>,
): boolean {
  if (order.maxCost === undefined) return true;
  const most = maxCostOf(order, [to], prices);
  if (most !== undefined) return toAmount(most) <= toAmount(order.maxCost);
  // For a model whose cost has no known bound, a flat rate is held. It is the same for another such model.
  return maxCostOf(order, [from], order.prices ?? {}) === undefined;
}

const PERIODS: Readonly<Record<BudgetWindow, string>> = {
  DAY: "of the day",
  WEEK: "of the week",
  MONTH: "of the month",
  TOTAL: "in total",
};

/** @param daily the budget of the gateway itself */
export function budgetExceeded(
  { budget, resetsInMs }: BudgetExceeded,
  { n, maxCost = "0" }: Pick<GenerationOrder, "n" | "maxCost">,
  daily: DailyBudget | undefined,
): GatewayError {
  const { scope, window, limitUsd, limitImages, spentUsd, heldUsd, spentImages, heldImages, resetsAt } = budget;
  const owner = scope === "PROJECT" ? "the project's" : "the API key's";
  const isOfGateway = scope === "PROJECT" && window === "DAY" && limitUsd !== undefined && limitUsd === daily?.usd;
  const limits = [
    ...(limitUsd === undefined ? [] : [`${limitUsd} US dollars${isOfGateway ? ` (${SETTING})` : ""}`]),
    ...(limitImages === undefined ? [] : [imagesOf(limitImages)]),
  ].join(" and ");
  const what = `this request, which may cost ${maxCost} for ${imagesOf(n)}`;
  const then = resetsAt ? `send it again after ${resetsAt.toISOString()}` : "ask the operator to raise the budget";
  return new GatewayError(
    "BUDGET_EXCEEDED",
    `${owner} budget ${PERIODS[window]}, ${limits}, does not cover ${what}; ${then}`,
    {
      ...(resetsInMs !== undefined && { retryAfterSeconds: Math.ceil(resetsInMs / 1000) }),
      budget: {
        scope,
        window,
        limitUsd: limitUsd ?? null,
        limitImages: limitImages ?? null,
        spentUsd,
        heldUsd,
        spentImages,
        heldImages,
        resetsAt: resetsAt?.toISOString() ?? null,
      },
    },
  );
}

function imagesOf(count: number): string {
  return `${count} ${count === 1 ? "image" : "images"}`;
}
