import type { Operation } from "../image-provider.ts";
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

/** What usage can be told apart by. */
export const USAGE_DIMENSIONS = ["DAY", "MODEL", "OPERATION", "PROJECT", "API_KEY", "END_USER"] as const;
export type UsageDimension = (typeof USAGE_DIMENSIONS)[number];

/** Which generations to count, and how. Only those count that have ended, on the day on which they were accepted. */
export interface UsageQuery {
  /** The first UTC day, `2026-11-30`. */
  readonly firstDay: string;
  /** The last UTC day, itself included. */
  readonly lastDay: string;
  /** `undefined` for all projects. */
  readonly projectId?: string | undefined;
  /** `undefined` for all end users, and for nobody in particular. */
  readonly endUser?: string | undefined;
  readonly by: readonly UsageDimension[];
  /** The most rows of the answer. */
  readonly limit: number;
}

/** The generations that have these dimensions in common; those that were not asked for are `undefined`. */
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
  /** Erases the name of an end user of a project. Their generations count as nobody's from then on. */
  forgetEndUser(projectId: string, endUser: string): Promise<void>;
}
