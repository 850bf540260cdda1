import { GatewayError } from "../../errors.ts";
import type { ModelDescription, ModelPrice } from "../../ports/image-provider.ts";
import { toAmount, toUsd } from "../../ports/money.ts";
import type { GenerationOrder } from "../../ports/records.ts";
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
const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Fixes the prices of the day, and the most that is held.
 *
 * @param models all that may carry it out, the one it is planned for first
 * @throws MODEL_UNAVAILABLE when there is a budget that somebody chose, and the cost cannot be bounded
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
  if (maxCost !== undefined || !budget) return { prices, maxCost };
  if (budget.isDefault) return { prices, maxCost: toUsd(toAmount(UNBOUNDED_IMAGE_USD) * BigInt(order.n)) };
  const unbounded = models.find((model) => maxCostOf(order, [model], prices) === undefined) ?? models[0];
  throw new GatewayError(
    "MODEL_UNAVAILABLE",
    `what this costs with ${unbounded.id} cannot be bounded, and ${SETTING} limits what may be spent; name another model, or give this one prices in the file that PICTOGRAPH_MODELS_FILE names`,
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

/** @param at when the request came */
export function budgetExceeded({ usd }: DailyBudget, { maxCost = "0" }: PriceTerms, at: Date): GatewayError {
  const leftMs = DAY_MS - (at.getTime() % DAY_MS);
  return new GatewayError(
    "BUDGET_EXCEEDED",
    `today's budget of ${usd} US dollars (${SETTING}) does not cover this request, which may cost ${maxCost}; send it again after midnight UTC`,
    { retryAfterSeconds: Math.ceil(leftMs / 1000) },
  );
}
