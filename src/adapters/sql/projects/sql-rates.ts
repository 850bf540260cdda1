import { type Kysely, sql } from "kysely";
import type { RateRefusal, RateRule, RateStatus, RateUnit } from "../../../ports/projects/rates.ts";
import type { GenerationOrder } from "../../../ports/records.ts";
import type { Database } from "../database.ts";
import { runPrepared } from "../prepared.ts";

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
 * {@link count} locks the rows, in the order of the rules, until the transaction ends. So two transactions neither pass
 * a limit together nor deadlock.
 */
export class SqlRates {
  /**
   * Counts an order, unless it exceeds a limit. Then nothing is counted.
   *
   * @param at by the clock that all processes share
   * @returns what is left once the order is counted, or a refusal
   */
  async count(
    database: Kysely<Database>,
    order: GenerationOrder,
    rules: readonly RateRule[],
    at: Date,
  ): Promise<readonly RateStatus[] | RateRefusal> {
    if (rules.length === 0) return [];
    const uses = await this.#addUses(database, order, rules, at);
    const exceeded = uses.find(({ limit, used, wanted }) => used + wanted > limit);
    const rates = uses.map((use) => toStatus(use, exceeded ? 0 : use.wanted, at));
    if (!exceeded) return rates;
    await this.uncount(database, order, rules);
    return { exceeded: toStatus(exceeded, 0, at), rates };
  }

  /** Takes back what {@link count} counted in the same transaction. */
  async uncount(database: Kysely<Database>, { n }: GenerationOrder, rules: readonly RateRule[]): Promise<void> {
    if (rules.length === 0) return;
    await database
      .updateTable("rate_counts")
      .set((row) => ({ requests: row("requests", "-", 1), images: row("images", "-", n) }))
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

  async #addUses(
    database: Kysely<Database>,
    order: GenerationOrder,
    rules: readonly RateRule[],
    at: Date,
  ): Promise<readonly Use[]> {
    const counts = await this.#addTo(database, order, rules, at);
    const uses: Use[] = [];
    for (const rule of rules) {
      const { scope, requestsPerMinute, imagesPerMinute, concurrentGenerations } = rule;
      const { requests = 1, images = order.n } = counts.get(keyOf(rule)) ?? {};
      const add = (unit: RateUnit, limit: number | undefined, used: number, wanted: number) => {
        if (limit !== undefined) uses.push({ scope, unit, limit, used, wanted });
      };
      add("REQUESTS", requestsPerMinute, requests - 1, 1);
      add("IMAGES", imagesPerMinute, images - order.n, order.n);
      if (concurrentGenerations === undefined) continue;
      add("GENERATIONS", concurrentGenerations, await this.#countActive(database, order, rule), 1);
    }
    return uses;
  }

  /**
   * Adds an order to the counts, locks them, and returns them. Those of another minute begin at zero. A transaction that
   * waited for the lock may come from the minute before: it counts in the minute that has begun. A clock that jumps
   * further starts from zero.
   */
  async #addTo(
    database: Kysely<Database>,
    order: GenerationOrder,
    rules: readonly RateRule[],
    at: Date,
  ): Promise<ReadonlyMap<string, Pick<Database["rate_counts"], "requests" | "images">>> {
    const minute = minuteOf(at);
    const counted = rules.map((rule) => ({
      id: keyOf(rule),
      scope: rule.scope,
      minute,
      requests: 1,
      images: order.n,
    }));
    const values = { counted, minute, nextMinute: minute + 1 };
    const { rows } = await runPrepared(database, "count rates", values, (prepared, value) =>
      prepared
        .insertInto("rate_counts")
        .values(value.counted)
        .onConflict((conflict) =>
          conflict.column("id").doUpdateSet((row) => {
            const isOfThisMinute = row("rate_counts.minute", "in", [value.minute, value.nextMinute]);
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
    );
    return new Map(rows.map((row) => [row.id, row]));
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
