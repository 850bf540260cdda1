import { type Kysely, sql } from "kysely";
import type { RateRefusal, RateRule, RateStatus, RateUnit } from "../../../ports/projects/rates.ts";
import type { GenerationOrder } from "../../../ports/records.ts";
import type { Database } from "../database.ts";

const MINUTE_MS = 60_000;
/** The age at which the counts of a network are useless, in minutes. More than clocks differ. */
const ADDRESS_MINUTES = 5;

/** One limit of a rule, and how an order stands to it. */
interface Use extends Pick<RateStatus, "scope" | "unit" | "limit"> {
  /** What the limit has let in before the order. */
  readonly used: number;
  /** What the order needs. */
  readonly wanted: number;
}

/**
 * Counts requests and images in each minute of the clock: one row for each project, API key and network. Every method
 * runs in the transaction that accepts the order, so a refused or failed order counts nothing.
 *
 * {@link check} locks the rows, in the order of the rules, until the transaction ends. So two transactions neither pass
 * a limit together nor deadlock.
 */
export class SqlRates {
  /**
   * Checks that an order is within the limits, and locks their counts.
   *
   * @param at by the clock that all processes share
   * @returns what is left once the order is counted, or a refusal
   */
  async check(
    database: Kysely<Database>,
    order: GenerationOrder,
    rules: readonly RateRule[],
    at: Date,
  ): Promise<readonly RateStatus[] | RateRefusal> {
    if (rules.length === 0) return [];
    const uses = await this.#readUses(database, order, rules, at);
    const exceeded = uses.find(({ limit, used, wanted }) => used + wanted > limit);
    const rates = uses.map((use) => toStatus(use, exceeded ? 0 : use.wanted, at));
    return exceeded ? { exceeded: toStatus(exceeded, 0, at), rates } : rates;
  }

  /** Counts an order that was checked in the same transaction. */
  async count(database: Kysely<Database>, { n }: GenerationOrder, rules: readonly RateRule[]): Promise<void> {
    if (rules.length === 0) return;
    await database
      .updateTable("rate_counts")
      .set((row) => ({ requests: row("requests", "+", 1), images: row("images", "+", n) }))
      .where("id", "in", rules.map(keyOf))
      .execute();
  }

  /** Removes the counts of networks. The sweep does this, because otherwise every address would be kept for ever. */
  async forgetAddresses(database: Kysely<Database>, at: Date): Promise<void> {
    await database
      .deleteFrom("rate_counts")
      .where("scope", "=", "ADDRESS")
      .where("minute", "<", minuteOf(at) - ADDRESS_MINUTES)
      .execute();
  }

  async #readUses(
    database: Kysely<Database>,
    order: GenerationOrder,
    rules: readonly RateRule[],
    at: Date,
  ): Promise<readonly Use[]> {
    await this.#beginMinute(database, rules, at);
    const rows = await database
      .selectFrom("rate_counts")
      .select(["id", "requests", "images"])
      .where("id", "in", rules.map(keyOf))
      .execute();
    const uses: Use[] = [];
    for (const rule of rules) {
      const { scope, requestsPerMinute, imagesPerMinute, concurrentGenerations } = rule;
      const { requests, images } = rows.find(({ id }) => id === keyOf(rule)) ?? { requests: 0, images: 0 };
      const add = (unit: RateUnit, limit: number | undefined, used: number, wanted: number) => {
        if (limit !== undefined) uses.push({ scope, unit, limit, used, wanted });
      };
      add("REQUESTS", requestsPerMinute, requests, 1);
      add("IMAGES", imagesPerMinute, images, order.n);
      if (concurrentGenerations === undefined) continue;
      add("GENERATIONS", concurrentGenerations, await this.#countActive(database, order, rule), 1);
    }
    return uses;
  }

  /**
   * Locks the counts, and sets those of another minute to zero. A transaction that waited for the lock may come from
   * the minute before: it counts in the minute that has begun. A clock that jumps further starts from zero.
   */
  async #beginMinute(database: Kysely<Database>, rules: readonly RateRule[], at: Date): Promise<void> {
    const minute = minuteOf(at);
    await database
      .insertInto("rate_counts")
      .values(rules.map((rule) => ({ id: keyOf(rule), scope: rule.scope, minute, requests: 0, images: 0 })))
      .onConflict((conflict) =>
        conflict
          .column("id")
          .doUpdateSet({ minute, requests: 0, images: 0 })
          .where("rate_counts.minute", "not in", [minute, minute + 1]),
      )
      .execute();
  }

  /** Counts the generations of the rule's project or API key that have not ended. */
  async #countActive(
    database: Kysely<Database>,
    { projectId }: GenerationOrder,
    { scope, id }: RateRule,
  ): Promise<number> {
    const active = database
      .selectFrom("generations")
      .select((row) => row.fn.countAll().as("count"))
      .where("project_id", "=", projectId)
      // Literals: with parameters the engine could not use the index of these generations.
      .where(sql<boolean>`status in ('QUEUED', 'RUNNING')`);
    const counted = scope === "API_KEY" ? active.where("api_key_id", "=", id) : active;
    return Number((await counted.executeTakeFirstOrThrow()).count);
  }
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
function minuteOf(at: Date): number {
  return Math.floor(at.getTime() / MINUTE_MS);
}
