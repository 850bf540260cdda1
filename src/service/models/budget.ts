import { GatewayError } from "../../errors.ts";
import type { ModelDescription, ModelPrice } from "../../ports/image-provider.ts";
import { toAmount, toUsd } from "../../ports/money.ts";
import type { BudgetWindow } from "../../ports/projects.ts";
import type { BudgetExceeded, GenerationOrder } from "../../ports/records.ts";
import { priceAt } from "./cost.ts";
import { maxCostOf } from "./quote.ts";

/** What the gateway may spend in a UTC day. */
export interface DailyBudget {
  /** US dollars as a decimal string. */
  readonly usd: string;
  /** Whether nobody chose it: models whose cost cannot be bounded are then let in at a flat rate. */
  readonly isDefault: boolean;
}

/** What is fixed when a generation is accepted. */
export type PriceTerms = Required<Pick<GenerationOrder, "prices" | "maxCost">>;

type Priced = Parameters<typeof maxCostOf>[0];

const SETTING = "PICTOGRAPH_DAILY_BUDGET_USD";
/** What an image counts whose cost cannot be bounded, while the budget is the default. */
const UNBOUNDED_IMAGE_USD = "0.50";

/**
 * Fixes the prices of the day, and the most that is held. Under the default budget, each image of a model whose cost
 * cannot be bounded is held at a flat rate.
 *
 * @param models all that may carry it out, the one it is planned for first
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

/** @param models those that may carry it out */
export function costUnbounded(
  order: Priced,
  models: readonly [ModelDescription, ...ModelDescription[]],
  { prices = {} }: PriceTerms,
): GatewayError {
  const unbounded = models.find((model) => maxCostOf(order, [model], prices) === undefined) ?? models[0];
  return new GatewayError(
    "MODEL_UNAVAILABLE",
    `what this costs with ${unbounded.id} cannot be bounded, and a budget of US dollars applies; name another model, or have the operator give this one prices in the file that PICTOGRAPH_MODELS_FILE names`,
    { field: "model" },
  );
}

/** Whether what is held for a generation covers another model than those it was accepted for. */
export function isHoldEnough(
  order: Priced & Partial<PriceTerms>,
  from: ModelDescription,
  to: ModelDescription,
  prices: Readonly<Record<string, ModelPrice | undefined>>,
): boolean {
  if (order.maxCost === undefined) return true;
  const most = maxCostOf(order, [to], prices);
  if (most !== undefined) return toAmount(most) <= toAmount(order.maxCost);
  // A flat rate is held for a model whose cost cannot be bounded: it is the same for another one.
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
    ...(limitImages === undefined ? [] : [`${limitImages} images`]),
  ].join(" and ");
  const what = `this request, which may cost ${maxCost} for ${n} ${n === 1 ? "image" : "images"}`;
  const then = resetsAt ? `send it again after ${resetsAt.toISOString()}` : "have the operator raise the budget";
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
