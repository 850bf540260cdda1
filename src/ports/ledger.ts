import type { BudgetLimit, BudgetWindow } from "./projects.ts";

/** Whose money a budget limits. */
export const BUDGET_SCOPES = ["PROJECT", "API_KEY"] as const;
export type BudgetScope = (typeof BUDGET_SCOPES)[number];

/** What was spent in a window, and what is held in it. Dollars are exact decimal strings. */
export interface Spending {
  /** For generations that have ended. */
  readonly spentUsd: string;
  /** For generations that have not ended: the most that they can cost. */
  readonly heldUsd: string;
  /** Images of generations that have ended. */
  readonly spentImages: number;
  /** Images that were asked for, of generations that have not ended. */
  readonly heldImages: number;
}

/** A budget, and how much of it is used. */
export interface BudgetState extends BudgetLimit, Spending {
  readonly scope: BudgetScope;
  /** When its window ends; `undefined` for never. */
  readonly resetsAt?: Date | undefined;
}

/** What a project or an API key has spent in the windows of now. */
export interface ScopeSpending {
  /** `proj_…` or `key_…` */
  readonly scopeId: string;
  /** The moment that decides which windows these are. */
  readonly at: Date;
  readonly windows: Readonly<Record<BudgetWindow, Spending>>;
}

/**
 * What the ledger says was spent. Budgets and usage are computed from its rows, by the transactions that write them.
 */
export interface Ledger {
  /**
   * What these projects and API keys have spent, in the same order.
   *
   * @param at decides the windows, unless several processes share the ledger: then the database's clock does
   */
  spendingOf(scopeIds: readonly string[], at: Date): Promise<readonly ScopeSpending[]>;
}
