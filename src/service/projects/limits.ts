import { badInput } from "../../errors.ts";
import { isUsd, MAX_BUDGET_USD, toAmount } from "../../ports/projects/money.ts";
import type { BudgetLimit, Limits } from "../../ports/projects/projects.ts";

/** A change of limits. Absent limits do not change, `null` removes a limit, and a list replaces the list before. */
export type LimitsChange = { readonly [Name in keyof Limits]?: Limits[Name] | null };

/** The largest limit: the largest `Int` of GraphQL. */
const MAX_LIMIT = 2_147_483_647;
/** The most names in `models`. */
const MAX_MODELS = 100;
/** The longest name of a model, in characters. */
const MAX_MODEL_LENGTH = 200;
const COUNTS = [
  "requestsPerMinute",
  "requestsPerMinutePerAddress",
  "imagesPerMinute",
  "concurrentGenerations",
] as const satisfies readonly (keyof Limits)[];

/**
 * Returns the limits after a change.
 *
 * @param change `null` removes all limits
 * @throws BAD_USER_INPUT naming the limit that is out of range
 */
export function changeLimits(limits: Limits, change: LimitsChange | null): Limits {
  const merged = change === null ? {} : { ...limits, ...withoutAbsent(change) };
  return checkLimits(Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null)));
}

function withoutAbsent(change: LimitsChange): LimitsChange {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}

function checkLimits(limits: Limits): Limits {
  for (const name of COUNTS) checkCount(name, limits[name], 1);
  for (const limit of limits.budgets ?? []) checkBudget(limit);
  const windows = (limits.budgets ?? []).map(({ window }) => window);
  if (new Set(windows).size < windows.length) throw badInput("budgets", "budgets must have each window only once");
  const { models = [] } = limits;
  if (models.length > MAX_MODELS) throw badInput("models", `models must have at most ${MAX_MODELS} names`);
  if (models.some((name) => name.length === 0 || name.length > MAX_MODEL_LENGTH)) {
    throw badInput("models", `each of models must have 1 to ${MAX_MODEL_LENGTH} characters`);
  }
  return limits;
}

function checkBudget({ limitUsd, limitImages }: BudgetLimit): void {
  if (limitUsd === undefined && limitImages === undefined) {
    throw badInput("budgets", "each budget needs limitUsd, limitImages or both");
  }
  if (limitUsd !== undefined && !(isUsd(limitUsd) && toAmount(limitUsd) <= toAmount(MAX_BUDGET_USD))) {
    throw badInput(
      "limitUsd",
      `limitUsd must be US dollars from "0" to "${MAX_BUDGET_USD}" with at most twelve decimals, such as "12.50"`,
    );
  }
  checkCount("limitImages", limitImages, 0);
}

function checkCount(name: string, value: number | undefined, min: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= min && value <= MAX_LIMIT)) return;
  throw badInput(name, `${name} must be a whole number from ${min} to ${MAX_LIMIT}`);
}
