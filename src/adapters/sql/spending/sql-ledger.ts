import type { Expression, Kysely, SelectQueryBuilder } from "kysely";
import { dayOf, windowEnd, windowStart } from "../../../ports/projects/budget-windows.ts";
import type {
  BudgetState,
  Ledger,
  ScopeSpending,
  Spending,
  UsageQuery,
  UsageSums,
} from "../../../ports/projects/ledger.ts";
import { type Amount, toAmount } from "../../../ports/projects/money.ts";
import { BUDGET_WINDOWS, type BudgetLimit, type BudgetWindow, type Limits } from "../../../ports/projects/projects.ts";
import type { AcceptanceTerms, BudgetExceeded, Cost, GenerationOrder, Refusal } from "../../../ports/records.ts";
import type { Database } from "../database.ts";
import type { Engine } from "../engine.ts";
import { inParts } from "../prepared.ts";
import type { WebhookOutbox } from "../webhooks/webhook-outbox.ts";
import { type AppliedBudget, exhaustionOf, thresholdsOf, toSpending } from "./budget-events.ts";
import { asText, ENTER, ENTRY, type Entry, prepareGate, SETTLE } from "./ledger-statements.ts";
import { readUsage } from "./read-usage.ts";
import { addTo, forgetWindows, holdIn, readWindows } from "./spending-windows.ts";
import { addUsage } from "./usage-days.ts";
import { type Ceiling, isWithin, keyOf, LARGEST_SUM, NO_SUMS, type Sums, windowsAt } from "./window-sums.ts";

/** The largest amount of one generation, 100,000 dollars: a provider may report any number of tokens. */
const LARGEST_AMOUNT: Amount = 10n ** 17n;
/** The most rows that one statement changes. */
const BATCH_SIZE = 500;

/** The facts that decide whether an order is accepted, read at the start of its acceptance. */
export interface Gate {
  /** The time that decides which windows count. */
  readonly at: Date;
  /** The number of waiting generations. */
  readonly queued: number;
  readonly budgets: readonly AppliedBudget[];
  /** Whether the project has endpoints of webhooks. */
  readonly hasEndpoints: boolean;
}

/** A hold for an order, in these windows. */
interface Held {
  /** Their sums, in which the order is included, by {@link keyOf}. */
  readonly windows: ReadonlyMap<string, Sums>;
}

/** How the sums of an entry change when it is settled. */
interface Settlement extends Sums {
  readonly generations: number;
  readonly estimated: Amount;
}

type Settled = readonly [Entry, Settlement];

/** The end of a generation, as the ledger charges it. */
interface End {
  readonly id: string;
  /** `undefined` if not known. */
  readonly cost?: Cost | undefined;
  /** `undefined` for all that were asked for. */
  readonly imageCount?: number | undefined;
}

/**
 * The ledger, and everything computed from it: the sums of windows and the usage of days. The methods that write run in
 * the transaction of the change that they record.
 *
 * Two such transactions must not deadlock. Each therefore writes its generations first, then their ledger rows, then
 * the windows, and last the days, always in the order of their keys. A transaction that accepts a generation locks the
 * windows before it inserts the generation and its row, which no other transaction knows yet. The file is long so that
 * this order can be checked in one place.
 */
export class SqlLedger implements Ledger {
  readonly #database: Kysely<Database>;
  readonly #momentOf: (atMs: number) => Expression<number>;
  readonly #outbox: WebhookOutbox;
  readonly #engine: Engine;
  readonly #readGate: ReturnType<typeof prepareGate>;

  /**
   * @param momentOf converts `atMs`, a time by this process's clock in milliseconds since 1970 UTC, to the time that
   * decides the windows
   */
  constructor(
    database: Kysely<Database>,
    momentOf: (atMs: number) => Expression<number>,
    outbox: WebhookOutbox,
    engine: Engine,
  ) {
    this.#database = database;
    this.#momentOf = momentOf;
    this.#outbox = outbox;
    this.#engine = engine;
    this.#readGate = prepareGate(momentOf, outbox);
  }

  /** Reads the facts that decide whether an order is accepted. */
  async readGate(database: Kysely<Database>, order: GenerationOrder, { dailyBudget }: AcceptanceTerms): Promise<Gate> {
    const { projectId, apiKeyId = "", createdAt } = order;
    const values = { projectId, apiKeyId, createdAtMs: createdAt.getTime() };
    const { rows } = await this.#readGate.run(database, values, {});
    const gate = rows[0]!;
    const ofProject = [
      ...(dailyBudget === undefined ? [] : [{ window: "DAY" as const, limitUsd: dailyBudget }]),
      ...budgetsIn(gate.project_limits),
    ];
    return {
      at: new Date(Number(gate.moment)),
      queued: Number(gate.queued),
      hasEndpoints: Number(gate.endpoint_count) > 0,
      budgets: [
        ...ofProject.map((limit) => ({ scope: "PROJECT" as const, scopeId: projectId, limit })),
        ...budgetsIn(gate.key_limits).map((limit) => ({ scope: "API_KEY" as const, scopeId: apiKeyId, limit })),
      ],
    };
  }

  /**
   * Holds the images of orders and their highest possible cost. If they are refused, nothing is held.
   * @param orders of one project and one API key
   */
  async hold(
    database: Kysely<Database>,
    orders: readonly GenerationOrder[],
    { at, budgets }: Gate,
  ): Promise<Held | { refusal: Refusal }> {
    const isUnbounded = orders.some((order) => heldBy(order) === undefined);
    if (isUnbounded && budgets.some(({ limit }) => limit.limitUsd !== undefined)) return { refusal: "COST_UNBOUNDED" };
    const hold = holdOf(orders);
    const ceilings = budgets.map((budget) => toCeiling(budget, at, hold.held));
    const windows = windowsAt(scopesOf(orders), at);
    const after = await holdIn(database, windows, hold, ceilings);
    if (after) return { windows: after };
    return { refusal: toRefusal(budgets, ceilings, await readWindows(database, ceilings), hold, at) };
  }

  /** Stores webhooks for budgets that are largely used, after an order was held. */
  async tellOfThresholds(
    database: Kysely<Database>,
    order: GenerationOrder,
    gate: Gate,
    windows: Held["windows"],
  ): Promise<void> {
    const { at, budgets, hasEndpoints } = gate;
    if (!hasEndpoints || budgets.length === 0) return;
    const events = budgets.flatMap((budget) => {
      const sums = windows.get(keyOf(toCeiling(budget, at, 0n))) ?? NO_SUMS;
      return thresholdsOf(budget, sums, at);
    });
    await this.#outbox.addOfBudgets(database, order.projectId, events, order.createdAt);
  }

  /** Stores a webhook for a budget that refuses an order, unless it has refused one before in this window. */
  async tellOfRefusal(database: Kysely<Database>, order: GenerationOrder, gate: Gate, refusal: Refusal): Promise<void> {
    if (!gate.hasEndpoints || typeof refusal === "string" || !("budget" in refusal)) return;
    const event = exhaustionOf(refusal, order, gate.at);
    await this.#outbox.addOfBudgets(database, order.projectId, [event], order.createdAt);
  }

  /** Enters orders that are held. */
  async enter(database: Kysely<Database>, orders: readonly GenerationOrder[], { at }: Gate): Promise<void> {
    const entries = orders.map((order) => ({
      generation_id: order.id,
      project: order.projectId,
      api_key_id: order.apiKeyId ?? null,
      end_user: order.endUser ?? null,
      model: order.model,
      operation: order.edit ? "EDIT" : "GENERATE",
      images: order.n,
      accepted_at: order.createdAt.getTime(),
      day: dayOf(at),
      state: "HELD",
      held: heldBy(order) ?? null,
      settled: null,
      settled_images: null,
      is_estimated: 0,
    }));
    for (const rows of inParts(entries)) await ENTER.run(database, rows, { rows: rows.length });
  }

  /** Releases the amounts held for orders that were not entered. */
  async release(database: Kysely<Database>, orders: readonly GenerationOrder[], { at }: Gate): Promise<void> {
    const { held, heldImages } = holdOf(orders);
    const released = { ...NO_SUMS, held: -held, heldImages: -heldImages };
    await addTo(
      database,
      windowsAt(scopesOf(orders), at).map((window) => ({ ...window, ...released })),
    );
  }

  /** Records that another model runs the generation. */
  async changeModel(database: Kysely<Database>, id: string, model: string): Promise<void> {
    await database.updateTable("ledger").set({ model }).where("generation_id", "=", id).execute();
  }

  /**
   * Settles a generation at its cost, instead of what was held or settled before.
   *
   * @param imageCount `undefined` for all that were asked for
   */
  async settle(database: Kysely<Database>, id: string, cost: Cost, imageCount?: number): Promise<void> {
    await this.#add(database, await this.#settleEntry(database, id, cost, imageCount));
  }

  /**
   * Settles generations whose ends are written together: each at its cost, or as {@link settleAsHeld} if that is not
   * known.
   */
  async settleAll(database: Kysely<Database>, ends: readonly End[]): Promise<void> {
    const settlements: Settled[] = [];
    for (const { id, cost, imageCount } of ends.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
      const settled = cost
        ? await this.#settleEntry(database, id, cost, imageCount)
        : await this.#settleEntriesAsHeld(database, [id]);
      settlements.push(...settled);
    }
    await this.#add(database, settlements);
  }

  async #settleEntry(
    database: Kysely<Database>,
    id: string,
    cost: Cost,
    imageCount?: number,
  ): Promise<readonly Settled[]> {
    const settled = writable(cost.usd);
    const values = { id, settled, imageCount, isEstimated: Number(cost.isEstimated) };
    const update = async (isFirst: boolean) => {
      const { rows } = await SETTLE.run(database, values, { isFirst, countsAll: imageCount === undefined });
      return rows[0];
    };
    const estimated = cost.isEstimated ? settled : 0n;
    const first = await update(true);
    if (first) return [[first, { ...fromHeld(first), settled, estimated }]];
    const before = await database
      .selectFrom("ledger")
      .select((row) => [asText(row, "settled"), "settled_images", "is_estimated"])
      .where("generation_id", "=", id)
      .executeTakeFirst();
    const after = before && (await update(false));
    if (!after) return [];
    const settledBefore = BigInt(before.settled ?? 0);
    const change = {
      ...NO_SUMS,
      generations: 0,
      settled: settled - settledBefore,
      settledImages: (after.settled_images ?? 0) - (before.settled_images ?? 0),
      estimated: estimated - (before.is_estimated ? settledBefore : 0n),
    };
    return [[after, change]];
  }

  /** Settles a generation at its cost if it is settled as an estimate. */
  async correct(database: Kysely<Database>, id: string, cost: Cost, imageCount?: number): Promise<void> {
    const estimated = await database
      .selectFrom("ledger")
      .select("generation_id")
      .where("generation_id", "=", id)
      .where("is_estimated", "=", 1)
      .executeTakeFirst();
    if (estimated) await this.settle(database, id, cost, imageCount);
  }

  /** Settles those of these generations that are not settled yet, at the held amount, as an estimate. */
  async settleAsHeld(database: Kysely<Database>, ids: readonly string[]): Promise<void> {
    await this.#add(database, await this.#settleEntriesAsHeld(database, ids));
  }

  async #settleEntriesAsHeld(database: Kysely<Database>, ids: readonly string[]): Promise<readonly Settled[]> {
    const settlements: Settled[] = [];
    for (let start = 0; start < ids.length; start += BATCH_SIZE) {
      const rows = await database
        .updateTable("ledger")
        .set((row) => ({
          state: "SETTLED",
          settled: row.ref("held"),
          settled_images: row.ref("images"),
          is_estimated: 1,
        }))
        .where("generation_id", "in", ({ selectFrom }) => {
          const held = selectFrom("ledger")
            .select("generation_id")
            .where("generation_id", "in", ids.slice(start, start + BATCH_SIZE))
            .where("state", "=", "HELD");
          return this.#locked(held);
        })
        .returning((row) => [...ENTRY, "images", asText(row, "held"), "settled_images"])
        .execute();
      for (const row of rows) {
        const settled = BigInt(row.held ?? 0);
        settlements.push([row, { ...fromHeld(row), settled, estimated: settled }]);
      }
    }
    return settlements;
  }

  async spendingOf(scopeIds: readonly string[], at: Date): Promise<readonly ScopeSpending[]> {
    if (scopeIds.length === 0) return [];
    const { moment } = await this.#database
      .selectNoFrom((row) => row.cast<string>(this.#momentOf(at.getTime()), "text").as("moment"))
      .executeTakeFirstOrThrow();
    const now = new Date(Number(moment));
    const sums = await readWindows(this.#database, windowsAt([...new Set(scopeIds)], now));
    const byKey = new Map(sums.map((one) => [keyOf(one), one]));
    return scopeIds.map((scopeId) => {
      const windows = BUDGET_WINDOWS.map((window) => {
        const found = byKey.get(keyOf({ scopeId, window, startsOn: windowStart(window, now) }));
        return [window, toSpending(found ?? NO_SUMS)] as const;
      });
      return { scopeId, at: now, windows: Object.fromEntries(windows) as Record<BudgetWindow, Spending> };
    });
  }

  async usage(query: UsageQuery): Promise<readonly UsageSums[]> {
    return readUsage(this.#database, this.#engine.sums, query);
  }

  async forgetWindows(before: Date, limit: number): Promise<number> {
    return this.#database
      .transaction()
      .execute((transaction) => forgetWindows(transaction, dayOf(before), limit, this.#engine.hasRowLocks));
  }

  async forgetEndUser(projectId: string, endUser: string): Promise<void> {
    await this.#database
      .updateTable("ledger")
      .set({ end_user: null })
      .where("generation_id", "in", ({ selectFrom }) => {
        const own = selectFrom("ledger")
          .select("generation_id")
          .where("project", "=", projectId)
          .where("end_user", "=", endUser);
        return this.#locked(own);
      })
      .execute();
  }

  /** Makes a query for ids lock their rows, in the order of the ids. */
  #locked(ids: SelectQueryBuilder<Database, "ledger", { generation_id: string }>) {
    return this.#engine.hasRowLocks ? ids.orderBy("generation_id").forUpdate() : ids;
  }

  /** Changes the sums that settlements change. */
  async #add(database: Kysely<Database>, settlements: readonly Settled[]): Promise<void> {
    await addTo(
      database,
      settlements.flatMap(([{ project, api_key_id, day }, { generations: _, estimated: __, ...sums }]) => {
        const scopes = api_key_id === null ? [project] : [project, api_key_id];
        return windowsAt(scopes, new Date(day)).map((window) => ({ ...window, ...sums }));
      }),
    );
    await addUsage(
      database,
      settlements.map(([entry, { generations, settledImages, settled, estimated }]) => ({
        projectId: entry.project,
        day: entry.day,
        apiKeyId: entry.api_key_id ?? "",
        model: entry.model,
        operation: entry.operation,
        generations,
        images: settledImages,
        settled,
        estimated,
      })),
    );
  }
}

/** What a settlement changes besides amounts, when it is the first of its generation. */
function fromHeld(row: {
  readonly images: number;
  readonly held: string | null;
  readonly settled_images: number | null;
}) {
  return {
    generations: 1,
    held: -BigInt(row.held ?? 0),
    heldImages: -row.images,
    settledImages: row.settled_images ?? 0,
  };
}

/** The project of these orders, and their API key if they have one. All of them have the same. */
function scopesOf(orders: readonly GenerationOrder[]): readonly string[] {
  const [order] = orders;
  if (!order) return [];
  const { projectId, apiKeyId } = order;
  return apiKeyId === undefined ? [projectId] : [projectId, apiKeyId];
}

function budgetsIn(limits: string | null): readonly BudgetLimit[] {
  return limits === null ? [] : ((JSON.parse(limits) as Limits).budgets ?? []);
}

/** The ceiling of a budget. An order that costs nothing is not refused for dollars. */
function toCeiling({ scopeId, limit }: AppliedBudget, at: Date, held: Amount): Ceiling {
  const { window, limitUsd, limitImages: images } = limit;
  const asked = limitUsd === undefined || held === 0n ? undefined : toAmount(limitUsd);
  const amount = asked !== undefined && asked > LARGEST_SUM ? LARGEST_SUM : asked;
  return { scopeId, window, startsOn: windowStart(window, at), amount, images };
}

/**
 * Chooses, of the budgets that do not cover a hold, the one that resets last. The request cannot succeed before that.
 */
function toRefusal(
  budgets: readonly AppliedBudget[],
  ceilings: readonly Ceiling[],
  sums: readonly Sums[],
  { held, heldImages }: Pick<Sums, "held" | "heldImages">,
  at: Date,
): BudgetExceeded {
  const refusals = budgets.map(({ scope, limit }, index) => {
    const [ceiling, spent = NO_SUMS] = [ceilings[index], sums[index]];
    const needed = { ...spent, held: spent.held + held, heldImages: spent.heldImages + heldImages };
    const budget: BudgetState = { ...limit, scope, ...toSpending(spent), resetsAt: windowEnd(limit.window, at) };
    return { budget, isExceeded: ceiling !== undefined && !isWithin(ceiling, needed) };
  });
  // If others released amounts in the meantime, no budget may be exceeded any more. Then any of them is named.
  const exceeded = refusals.filter(({ isExceeded }) => isExceeded);
  const [last] = (exceeded.length > 0 ? exceeded : refusals).toSorted((a, b) => resetOf(b.budget) - resetOf(a.budget));
  if (!last) throw new Error("a budget that does not exist refused an order");
  const { budget } = last;
  return { budget, resetsInMs: budget.resetsAt && budget.resetsAt.getTime() - at.getTime() };
}

function resetOf({ resetsAt }: BudgetState): number {
  return resetsAt?.getTime() ?? Number.MAX_SAFE_INTEGER;
}

/** What orders hold together: their images, and the most that they can cost, as far as that is known. */
function holdOf(orders: readonly GenerationOrder[]): Pick<Sums, "held" | "heldImages"> {
  return {
    held: orders.reduce((sum, order) => sum + (heldBy(order) ?? 0n), 0n),
    heldImages: orders.reduce((sum, { n }) => sum + n, 0),
  };
}

function heldBy({ maxCost }: GenerationOrder): Amount | undefined {
  return maxCost === undefined ? undefined : writable(maxCost);
}

function writable(usd: string): Amount {
  const amount = toAmount(usd);
  return amount < LARGEST_AMOUNT ? amount : LARGEST_AMOUNT;
}
