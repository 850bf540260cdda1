import { computed, effect, signal, untracked } from "@preact/signals";
import { request } from "../api/client.ts";
import { type BudgetStateFragment, BudgetsDocument } from "../generated/graphql.ts";
import { isMoreThanLeft } from "../words/format.ts";
import { viewer } from "./gateway.ts";
import { jobs } from "./generations.ts";

export type Budget = BudgetStateFragment;

/** How much of a budget is used, as shares of its limit from 0 to 1. */
export interface BudgetUse {
  readonly spent: number;
  /** What running generations may still spend. */
  readonly held: number;
}

/** How long the gateway rests between two questions about budgets: several generations may end together. */
const REST_MS = 400;

/** The budgets of whoever uses the studio. */
export const budgets = signal<readonly Budget[]>([]);

/** The budget that is used up first; `undefined` if there is none. */
export const tightestBudget = computed(() =>
  budgets.value.reduce<Budget | undefined>(
    (tightest, budget) => (tightest && shareLeft(tightest) <= shareLeft(budget) ? tightest : budget),
    undefined,
  ),
);

/**
 * Finds the first budget of which less is left than a click may need, and what of it is short.
 *
 * @param maxCost the most that the click may cost; `null` if that is not known
 * @param images how many images it makes
 */
export function shortBudget(
  maxCost: string | null,
  images: number,
): { readonly budget: Budget; readonly of: "dollars" | "images" } | undefined {
  for (const budget of budgets.value) {
    const { limitUsd, spentUsd, heldUsd, limitImages, spentImages, heldImages } = budget;
    if (limitUsd !== null && maxCost !== null && isMoreThanLeft(maxCost, limitUsd, spentUsd, heldUsd)) {
      return { budget, of: "dollars" };
    }
    if (limitImages !== null && images > limitImages - spentImages - heldImages) return { budget, of: "images" };
  }
  return undefined;
}

/** Returns how much of a budget is used. If it limits dollars and images, the one of which less is left. */
export function useOf({
  limitUsd,
  limitImages,
  spentUsd,
  heldUsd,
  spentImages,
  heldImages,
}: Omit<Budget, "scope" | "window">): BudgetUse {
  const money =
    limitUsd === null ? { spent: 0, held: 0 } : sharesOf(Number(limitUsd), Number(spentUsd), Number(heldUsd));
  const images = limitImages === null ? { spent: 0, held: 0 } : sharesOf(limitImages, spentImages, heldImages);
  return money.spent + money.held >= images.spent + images.held ? money : images;
}

function sharesOf(limit: number, spent: number, held: number): BudgetUse {
  if (limit === 0) return { spent: 1, held: 0 };
  const spentShare = Math.min(1, spent / limit);
  return { spent: spentShare, held: Math.min(1 - spentShare, held / limit) };
}

function shareLeft(budget: Budget): number {
  const { spent, held } = useOf(budget);
  return 1 - spent - held;
}

/** Asks again how much of the budgets is used. */
export async function loadBudgets(): Promise<void> {
  budgets.value = (await request(BudgetsDocument, {})).viewer.budgets;
}

// Accepting a generation holds money, and its end releases it.
effect(() => {
  const isKnown = viewer.value !== undefined;
  for (const { generation } of jobs.value) void generation.value.status;
  if (!isKnown) return;
  const timer = setTimeout(() => untracked(() => void loadBudgets().catch(() => {})), REST_MS);
  return () => clearTimeout(timer);
});
