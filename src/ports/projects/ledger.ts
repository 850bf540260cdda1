import type { Operation } from "../image-provider.ts";
import type { BudgetLimit, BudgetWindow } from "./projects.ts";

/** The owner of a budget. */
export const BUDGET_SCOPES = ["PROJECT", "API_KEY"] as const;
export type BudgetScope = (typeof BUDGET_SCOPES)[number];

/** The amounts spent and held in a window. Dollars are exact decimal strings. */
export interface Spending {
  /** By generations that have ended. */
  readonly spentUsd: string;
  /** By generations that have not ended: their highest possible cost. */
  readonly heldUsd: string;
  /** Images of generations that have ended. */
  readonly spentImages: number;
  /** Images requested by generations that have not ended. */
  readonly heldImages: number;
}

/** A budget, and how much of it is used. */
export interface BudgetState extends BudgetLimit, Spending {
  readonly scope: BudgetScope;
  /** When its window ends; `undefined` for never. */
  readonly resetsAt?: Date | undefined;
}

/** The amounts that a project or an API key has spent in the current windows. */
export interface ScopeSpending {
  /** `proj_…` or `key_…` */
  readonly scopeId: string;
  /** The time that decides which windows these are. */
  readonly at: Date;
  readonly windows: Readonly<Record<BudgetWindow, Spending>>;
}

/** The dimensions of usage. */
export const USAGE_DIMENSIONS = ["DAY", "MODEL", "OPERATION", "PROJECT", "API_KEY", "END_USER"] as const;
export type UsageDimension = (typeof USAGE_DIMENSIONS)[number];

/** The generations to count, and the dimensions. Only ended generations count, on their day of acceptance. */
export interface UsageQuery {
  /** The first UTC day, `2026-11-30`. */
  readonly firstDay: string;
  /** The last UTC day, inclusive. */
  readonly lastDay: string;
  /** `undefined` for all projects. */
  readonly projectId?: string | undefined;
  /** `undefined` for all generations, with any end user or none. */
  readonly endUser?: string | undefined;
  readonly by: readonly UsageDimension[];
  /** The most rows of the answer. */
  readonly limit: number;
}

/** The sums of the generations with equal dimensions. Dimensions that were not requested are `undefined`. */
export interface UsageSums {
  readonly day?: string | undefined;
  readonly model?: string | undefined;
  readonly operation?: Operation | undefined;
  readonly projectId?: string | undefined;
  readonly apiKeyId?: string | undefined;
  readonly endUser?: string | undefined;
  readonly generations: number;
  readonly images: number;
  /** US dollars as an exact decimal string. */
  readonly costUsd: string;
  /** The part of the cost that is an estimate. */
  readonly estimatedUsd: string;
}

/** Sums of the ledger. Budgets and usage are computed from its rows, in the transactions that write them. */
export interface Ledger {
  /**
   * The amounts that these projects and API keys have spent, in the same order.
   * @param at decides the windows. If several processes share the ledger, the database's clock decides instead
   */
  spendingOf(scopeIds: readonly string[], at: Date): Promise<readonly ScopeSpending[]>;
  /**
   * The sums in the order of their dimensions. Sums by end user, or of one, are computed from the rows of the ledger,
   * all others from the sums of each day.
   */
  usage(query: UsageQuery): Promise<readonly UsageSums[]>;
  /**
   * Removes windows that began before the day of `before` and in which nothing is held, at most `limit` of them. No budget
   * reads them any more. Returns how many were removed.
   */
  forgetWindows(before: Date, limit: number): Promise<number>;
  /** Erases an end user's name in a project. The end user's generations then belong to nobody. */
  forgetEndUser(projectId: string, endUser: string): Promise<void>;
}
