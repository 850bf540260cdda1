import type { Kysely } from "kysely";
import type { RateRefusal, RateRule, RateStatus, RateUnit } from "../../../ports/projects/rates.ts";
import type { GenerationOrder } from "../../../ports/records.ts";
import type { Database } from "../database.ts";
import { isUnfinished } from "../generations/unfinished.ts";
import { type Place, PreparedStatement, placeRows } from "../prepared.ts";

const MINUTE_MS = 60_000;
/** The age at which the counts of a network are useless, in minutes. More than clocks differ. */
const ADDRESS_MINUTES = 5;

/** One limit of a rule, and the order's position relative to it. */
interface Use extends Pick<RateStatus, "scope" | "unit" | "limit"> {
  /** The requests or images accepted before the order. */
  readonly used: number;
  /** The requests or images that the order needs. */
  readonly wanted: number;
}

/** What was accepted under a rule before these orders. */
interface Count {
  readonly rule: RateRule;
  readonly requests: number;
  readonly images: number;
  /** Generations that have not ended. 0 if the rule does not limit them, because they are not counted then. */
  readonly generations: number;
}

/** The sums of several orders. */
interface Demand {
  readonly requests: number;
  readonly images: number;
}

/**
 * Counts requests and images in each minute of the clock: one row for each project, API key and network. Every method
 * runs in the transaction that accepts the orders, so a refused or failed order counts nothing.
 *
 * {@link count} locks the rows, in the order of the rules, until the transaction ends. So two transactions neither pass
 * a limit together nor deadlock.
 */
export class SqlRates {
  /**
   * Counts orders, unless one of them exceeds a limit. Then none is counted.
   *
   * @param orders of one project and one API key, as if they came one after another
   * @param at by the clock that all processes share
   * @returns what is left after each order, or the first refusal
   */
  async count(
    database: Kysely<Database>,
    orders: readonly GenerationOrder[],
    rules: readonly RateRule[],
    at: Date,
  ): Promise<readonly (readonly RateStatus[])[] | RateRefusal> {
    if (rules.length === 0) return orders.map(() => []);
    const counts = await this.#add(database, orders, rules, at);
    const rates: (readonly RateStatus[])[] = [];
    const before = { requests: 0, images: 0 };
    for (const order of orders) {
      const uses = counts.flatMap((count) => usesOf(order, count, before));
      const exceeded = uses.find(({ limit, used, wanted }) => used + wanted > limit);
      if (exceeded) {
        await this.uncount(database, orders, rules);
        return { exceeded: toStatus(exceeded, 0, at), rates: uses.map((use) => toStatus(use, 0, at)) };
      }
      rates.push(uses.map((use) => toStatus(use, use.wanted, at)));
      before.requests += 1;
      before.images += order.n;
    }
    return rates;
  }

  /** Undoes what {@link count} counted in the same transaction. */
  async uncount(
    database: Kysely<Database>,
    orders: readonly GenerationOrder[],
    rules: readonly RateRule[],
  ): Promise<void> {
    if (rules.length === 0) return;
    const { requests, images } = demandOf(orders);
    await database
      .updateTable("rate_counts")
      .set((row) => ({ requests: row("requests", "-", requests), images: row("images", "-", images) }))
      .where("id", "in", rules.map(keyOf))
      .execute();
  }

  /** Removes the counts of networks. The sweep does this, because otherwise every address would be kept forever. */
  async forgetAddresses(database: Kysely<Database>, at: Date): Promise<void> {
    await database
      .deleteFrom("rate_counts")
      .where("scope", "=", "ADDRESS")
      .where("minute", "<", minuteOf(at) - ADDRESS_MINUTES)
      .execute();
  }

  /** Adds orders to the counts of rules. @returns the counts before */
  async #add(
    database: Kysely<Database>,
    orders: readonly GenerationOrder[],
    rules: readonly RateRule[],
    at: Date,
  ): Promise<readonly Count[]> {
    const demand = demandOf(orders);
    const sums = await this.#addTo(database, demand, rules, at);
    const counts: Count[] = [];
    for (const rule of rules) {
      const { requests, images } = sums.get(keyOf(rule)) ?? demand;
      const isLimited = rule.concurrentGenerations !== undefined;
      const generations = isLimited ? await this.#countActive(database, orders[0]!.projectId, rule) : 0;
      counts.push({ rule, requests: requests - demand.requests, images: images - demand.images, generations });
    }
    return counts;
  }

  /**
   * Adds to the counts, locks them, and returns them. Those of another minute begin at zero. A transaction that waited
   * for the lock may come from the minute before: it counts in the minute that has begun. A clock that jumps further
   * starts from zero.
   */
  async #addTo(
    database: Kysely<Database>,
    demand: Demand,
    rules: readonly RateRule[],
    at: Date,
  ): Promise<ReadonlyMap<string, Demand>> {
    const minute = minuteOf(at);
    const counted = rules.map((rule) => ({ id: keyOf(rule), scope: rule.scope, minute, ...demand }));
    const { rows } = await ADD_COUNTS.run(database, counted, { rows: counted.length });
    return new Map(rows.map((row) => [row.id, row]));
  }

  /** Counts the generations of the rule's project or API key that have not ended. */
  async #countActive(database: Kysely<Database>, projectId: string, { scope, id }: RateRule): Promise<number> {
    const active = database
      .selectFrom("generations")
      .select((row) => row.fn.countAll().as("count"))
      .where("project_id", "=", projectId)
      .where(isUnfinished());
    const counted = scope === "API_KEY" ? active.where("api_key_id", "=", id) : active;
    return Number((await counted.executeTakeFirstOrThrow()).count);
  }
}

type CountRow = Database["rate_counts"];

/** Adds to counts. All rows are of the same minute. */
const ADD_COUNTS = new PreparedStatement(
  (database, place: Place<readonly CountRow[]>, { rows }: { readonly rows: number }) =>
    database
      .insertInto("rate_counts")
      .values(placeRows(place, ["id", "scope", "minute", "requests", "images"], rows))
      .onConflict((conflict) =>
        conflict.column("id").doUpdateSet((row) => {
          const minutes = [place(([first]) => first!.minute), place(([first]) => first!.minute + 1)];
          const isOfThisMinute = row("rate_counts.minute", "in", minutes);
          const plus = (name: "requests" | "images") =>
            row
              .case()
              .when(isOfThisMinute)
              .then(row(`rate_counts.${name}`, "+", row.ref(`excluded.${name}`)))
              .else(row.ref(`excluded.${name}`))
              .end();
          const kept = row.case().when(isOfThisMinute).then(row.ref("rate_counts.minute"));
          return {
            minute: kept.else(row.ref("excluded.minute")).end(),
            requests: plus("requests"),
            images: plus("images"),
          };
        }),
      )
      .returning(["id", "requests", "images"]),
  { keepsPlan: true },
);

function demandOf(orders: readonly GenerationOrder[]): Demand {
  return { requests: orders.length, images: orders.reduce((sum, { n }) => sum + n, 0) };
}

/**
 * Compares an order with the limits of a rule. @param before the orders counted together with it that come before it
 */
function usesOf({ n }: GenerationOrder, { rule, ...count }: Count, before: Demand): readonly Use[] {
  const { scope, requestsPerMinute, imagesPerMinute, concurrentGenerations } = rule;
  const uses: Use[] = [];
  const add = (unit: RateUnit, limit: number | undefined, used: number, wanted: number) => {
    if (limit !== undefined) uses.push({ scope, unit, limit, used, wanted });
  };
  add("REQUESTS", requestsPerMinute, count.requests + before.requests, 1);
  add("IMAGES", imagesPerMinute, count.images + before.images, n);
  add("GENERATIONS", concurrentGenerations, count.generations + before.requests, 1);
  return uses;
}

function toStatus({ scope, unit, limit, used }: Use, counted: number, at: Date): RateStatus {
  const status = { scope, unit, limit, remaining: Math.max(0, limit - used - counted) };
  if (unit === "GENERATIONS") return status;
  return { ...status, resetSeconds: Math.ceil(((minuteOf(at) + 1) * MINUTE_MS - at.getTime()) / 1000) };
}

function keyOf({ scope, id }: RateRule): string {
  return `${scope} ${id}`;
}

/** The number of a minute since 1970, UTC. */
export function minuteOf(at: Date): number {
  return Math.floor(at.getTime() / MINUTE_MS);
}
