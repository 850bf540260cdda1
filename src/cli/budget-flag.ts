import { usageFailure } from "./command-failure.ts";
import type { Flags, Options } from "./flags.ts";
import { toDollars } from "./generation.ts";
import { printable } from "./printable.ts";

const WINDOWS = ["DAY", "WEEK", "MONTH", "TOTAL"] as const;

/** For commands that set budgets. */
export const BUDGET_OPTION = {
  budget: {
    value: "WINDOW=USD",
    isRepeatable: true,
    description: "what may be spent: day, week, month or total, such as month=50; can be repeated",
  },
} as const satisfies Options;

/** A budget, as `projects` and `keys` print it. */
export interface CliBudget {
  readonly window: string;
  readonly limitUsd: string | null;
  readonly limitImages: number | null;
  readonly spentUsd: string;
}

/** The fields of {@link CliBudget}. */
export const BUDGET_FIELDS = "budgets { window limitUsd limitImages spentUsd heldUsd spentImages heldImages resetsAt }";

/** Reads the `limits` of an input from `--budget`: nothing when it was not given. */
export function readLimits(flags: Flags): { readonly limits?: { readonly budgets: readonly object[] } } {
  const texts = flags.texts("budget");
  if (texts.length === 0) return {};
  const budgets = texts.map((text) => {
    const [, name = "", usd] = /^([a-z]+)=\$?([0-9]+(?:\.[0-9]+)?)$/i.exec(text) ?? [];
    const window = WINDOWS.find((each) => each === name.toUpperCase());
    if (!window) throw usageFailure("--budget must be a window and US dollars, such as month=50 or day=2.50");
    return { window, limitUsd: usd };
  });
  return { limits: { budgets } };
}

/** Writes budgets in one cell: `month: $12.5 of $50`. */
export function toBudgetText(budgets: readonly CliBudget[]): string {
  return budgets
    .map(({ window, limitUsd, limitImages, spentUsd }) => {
      const most = [limitUsd === null ? "" : toDollars(limitUsd), limitImages === null ? "" : `${limitImages} images`];
      return `${printable(window, 20).toLowerCase()}: ${toDollars(spentUsd)} of ${most.filter(Boolean).join(", ")}`;
    })
    .join("; ");
}
