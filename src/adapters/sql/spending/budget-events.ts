import { windowEnd, windowStart } from "../../../ports/projects/budget-windows.ts";
import type { BudgetScope, Spending } from "../../../ports/projects/ledger.ts";
import { toAmount, toUsd } from "../../../ports/projects/money.ts";
import type { BudgetLimit } from "../../../ports/projects/projects.ts";
import type { BudgetExceeded, GenerationOrder } from "../../../ports/records.ts";
import type { BudgetEvent } from "../webhooks/webhook-outbox.ts";
import type { Sums } from "./window-sums.ts";

/** A budget and its owner. */
export interface AppliedBudget {
  readonly scope: BudgetScope;
  /** `proj_…` or `key_…` */
  readonly scopeId: string;
  readonly limit: BudgetLimit;
}

/** The percentages at which a budget's project gets a webhook. */
const THRESHOLDS = [50, 80] as const;

/**
 * The thresholds that a budget has reached in its present window. Held amounts count, because they count for refusals
 * too.
 */
export function thresholdsOf({ scope, scopeId, limit }: AppliedBudget, sums: Sums, at: Date): BudgetEvent[] {
  const budget = {
    ...limit,
    scope,
    ...(scope === "API_KEY" && { apiKeyId: scopeId }),
    ...toSpending(sums),
    resetsAt: windowEnd(limit.window, at),
  };
  return THRESHOLDS.filter((percent) => isUsed(percent, limit, sums)).map((thresholdPercent) => ({
    key: keyOf(scopeId, limit, at, String(thresholdPercent)),
    endsAt: budget.resetsAt,
    event: { type: "budget.threshold", budget, thresholdPercent },
  }));
}

/** The refusal of an order by a budget. */
export function exhaustionOf(
  { budget }: BudgetExceeded,
  { projectId, apiKeyId }: GenerationOrder,
  at: Date,
): BudgetEvent {
  const isOfKey = budget.scope === "API_KEY" && apiKeyId !== undefined;
  return {
    key: keyOf(isOfKey ? apiKeyId : projectId, budget, at, "exhausted"),
    endsAt: budget.resetsAt,
    event: { type: "budget.exhausted", budget: { ...budget, ...(isOfKey && { apiKeyId }) } },
  };
}

export function toSpending({ settled, held, settledImages, heldImages }: Sums): Spending {
  return { spentUsd: toUsd(settled), heldUsd: toUsd(held), spentImages: settledImages, heldImages };
}

function isUsed(percent: number, { limitUsd, limitImages }: BudgetLimit, sums: Sums): boolean {
  const amount = limitUsd === undefined ? 0n : toAmount(limitUsd);
  const images = limitImages ?? 0;
  const isReached = (sums.settled + sums.held) * 100n >= amount * BigInt(percent);
  return (amount > 0n && isReached) || (images > 0 && (sums.settledImages + sums.heldImages) * 100 >= images * percent);
}

/** A budget with another limit counts as another budget. */
function keyOf(scopeId: string, { window, limitUsd, limitImages }: BudgetLimit, at: Date, what: string): string {
  return [scopeId, window, windowStart(window, at), limitUsd, limitImages, what].join(" ");
}
