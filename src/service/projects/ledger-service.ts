import { badInput, GatewayError } from "../../errors.ts";
import { dayOf, windowEnd } from "../../ports/projects/budget-windows.ts";
import {
  type BudgetScope,
  type BudgetState,
  type Ledger,
  type ScopeSpending,
  USAGE_DIMENSIONS,
  type UsageDimension,
  type UsageSums,
} from "../../ports/projects/ledger.ts";
import type { Limits } from "../../ports/projects/projects.ts";
import type { DailyBudget } from "../models/budget.ts";
import type { Caller } from "./caller.ts";

/** The requested usage. */
export interface UsageRequest {
  /** Counted from the UTC day that this moment is in. */
  readonly from: Date;
  /** Counted until the UTC day that ends then, or that this moment is in. @defaultValue now */
  readonly to?: Date | undefined;
  readonly by: readonly UsageDimension[];
  /** @defaultValue every project that the caller may see */
  readonly projectId?: string | undefined;
}

export interface LedgerServiceOptions {
  readonly ledger: Ledger;
  /** What an open gateway may spend; `undefined` for any amount. */
  readonly dailyBudget: DailyBudget | undefined;
  readonly now: () => Date;
}

/** The most rows of one answer. */
const MAX_USAGE_ROWS = 10_000;
/** The most days of usage by end user, which is computed from every row of the ledger. */
const MAX_END_USER_DAYS = 31;
const DAY_MS = 24 * 60 * 60 * 1000;

/** The spending: how much of each budget is used, and for what. */
export class LedgerService {
  readonly #options: LedgerServiceOptions;

  constructor(options: LedgerServiceOptions) {
    this.#options = options;
  }

  /** The spending of these projects and API keys, in the same order. The caller may see each of them. */
  spendingOf(scopeIds: readonly string[]): Promise<readonly ScopeSpending[]> {
    const { ledger, now } = this.#options;
    return ledger.spendingOf(scopeIds, now());
  }

  /** The budgets of a project or an API key, and how much of each is used. */
  budgetsOf(scope: BudgetScope, { budgets = [] }: Limits, { at, windows }: ScopeSpending): BudgetState[] {
    const { dailyBudget } = this.#options;
    const ofGateway = dailyBudget && scope === "PROJECT" ? [{ window: "DAY" as const, limitUsd: dailyBudget.usd }] : [];
    return [...ofGateway, ...budgets].map((limit) => {
      const resetsAt = windowEnd(limit.window, at);
      return { ...limit, scope, ...windows[limit.window], resetsAt };
    });
  }

  /**
   * Sums the usage. A caller with an end user sees only this end user's usage.
   * @throws BAD_USER_INPUT, NOT_FOUND if the caller may not see the project
   */
  async usage(caller: Caller, { from, to, by, projectId }: UsageRequest): Promise<readonly UsageSums[]> {
    const { ledger, now } = this.#options;
    const until = to ?? now();
    if (from >= until) throw badInput("from", "from must be before to");
    const { endUser } = caller;
    const lastMoment = new Date(until.getTime() - 1);
    const [firstDay, lastDay] = [dayOf(from), dayOf(lastMoment)];
    const dayCount = (Date.parse(lastDay) - Date.parse(firstDay)) / DAY_MS + 1;
    if ((by.includes("END_USER") || endUser !== undefined) && dayCount > MAX_END_USER_DAYS) {
      throw badInput("from", `usage of end users covers at most ${MAX_END_USER_DAYS} days; these are ${dayCount}`);
    }
    const rows = await ledger.usage({
      firstDay,
      lastDay,
      projectId: ownProject(caller, projectId),
      endUser,
      by: USAGE_DIMENSIONS.filter((dimension) => by.includes(dimension)),
      limit: MAX_USAGE_ROWS + 1,
    });
    if (rows.length <= MAX_USAGE_ROWS) return rows;
    throw badInput("by", `the answer would have more than ${MAX_USAGE_ROWS} rows; ask for fewer days or dimensions`);
  }
}

/** The project whose usage a caller sees; `undefined` for all of them. */
function ownProject(caller: Caller, asked: string | undefined): string | undefined {
  const seesAll = caller.isAdmin && caller.endUser === undefined;
  if (seesAll) return asked;
  if (asked === undefined || asked === caller.projectId) return caller.projectId;
  throw new GatewayError("NOT_FOUND", "there is no such project", { field: "projectId" });
}
