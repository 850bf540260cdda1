import type { Expression, ExpressionBuilder, Kysely } from "kysely";
import { type Amount, toAmount, toUsd } from "../../ports/money.ts";
import type { AcceptanceTerms, Cost, GenerationOrder, Spending } from "../../ports/records.ts";
import type { Database } from "./database.ts";

/**
 * The largest amount of one generation, 100,000 dollars. A provider may report any number of tokens, but a day's sum
 * must fit into 64 bits.
 */
const LARGEST_AMOUNT: Amount = 10n ** 17n;
/** The largest sum of a day's settlements, nine million dollars. A larger sum is cut to this. */
const LARGEST_SUM: Amount = 9n * 10n ** 18n;
/** How many rows one statement changes. */
const STEP = 500;

/** A change of a day's sums. */
interface Change {
  readonly project: string;
  readonly day: string;
  readonly settled: Amount;
  readonly held: Amount;
}

/**
 * The ledger and its daily sums. Every method runs in the transaction of the change that it records.
 *
 * Two such transactions must not deadlock. So each writes its generations first, their rows in the ledger second, and
 * the sums last, in the order of project and day. A transaction that accepts a generation changes only one sum.
 */
export class SqlLedger {
  readonly #dayOf: (at: Date) => Expression<string>;

  /** @param dayOf the UTC day on which something is accepted, `YYYY-MM-DD` */
  constructor(dayOf: (at: Date) => Expression<string>) {
    this.#dayOf = dayOf;
  }

  /** Holds the most that an order can cost. `false`, and nothing held, when the budget does not cover it. */
  async hold(database: Kysely<Database>, order: GenerationOrder, terms: AcceptanceTerms): Promise<boolean> {
    const held = heldBy(order) ?? 0n;
    if (held === 0n) return true;
    const { project, dailyBudget } = terms;
    const budget = dailyBudget === undefined ? undefined : toAmount(dailyBudget);
    if (budget !== undefined && held > budget) return false;
    const { numInsertedOrUpdatedRows } = await database
      .insertInto("spending")
      .values({ project, day: this.#dayOf(order.createdAt), settled: 0n, held })
      .onConflict((conflict) => {
        const added = conflict
          .columns(["project", "day"])
          .doUpdateSet((row) => ({ held: row("spending.held", "+", held) }));
        if (budget === undefined) return added;
        return added.where((row) => row(row("spending.settled", "+", row.ref("spending.held")), "<=", budget - held));
      })
      .executeTakeFirstOrThrow();
    return numInsertedOrUpdatedRows === 1n;
  }

  /** Enters an order whose cost is held. */
  async enter(database: Kysely<Database>, order: GenerationOrder, { project }: AcceptanceTerms): Promise<void> {
    await database
      .insertInto("ledger")
      .values({
        generation_id: order.id,
        project,
        model: order.model,
        operation: order.edit ? "EDIT" : "GENERATE",
        images: order.n,
        accepted_at: order.createdAt.getTime(),
        day: this.#dayOf(order.createdAt),
        state: "HELD",
        held: heldBy(order) ?? null,
        settled: null,
        is_estimated: 0,
      })
      .execute();
  }

  /** Takes back what was held for an order that was not entered. */
  async release(database: Kysely<Database>, order: GenerationOrder, { project }: AcceptanceTerms): Promise<void> {
    const held = heldBy(order) ?? 0n;
    if (held === 0n) return;
    await database
      .updateTable("spending")
      .set((row) => ({ held: row("held", "-", held) }))
      .where("project", "=", project)
      .where("day", "=", this.#dayOf(order.createdAt))
      .execute();
  }

  /** Records that another model carries out the generation. */
  async changeModel(database: Kysely<Database>, id: string, model: string): Promise<void> {
    await database.updateTable("ledger").set({ model }).where("generation_id", "=", id).execute();
  }

  /** Settles a generation at its cost, instead of what was held or settled before. */
  async settle(database: Kysely<Database>, id: string, cost: Cost): Promise<void> {
    const before = await database
      .selectFrom("ledger")
      .select((row) => ["project", "day", "state", asText(row, "held"), asText(row, "settled")])
      .where("generation_id", "=", id)
      .executeTakeFirst();
    if (!before) return;
    const settled = writable(cost.usd);
    await database
      .updateTable("ledger")
      .set({ state: "SETTLED", settled, is_estimated: Number(cost.isEstimated) })
      .where("generation_id", "=", id)
      .execute();
    const held = before.state === "HELD" ? -BigInt(before.held ?? 0) : 0n;
    await add(database, [{ ...before, held, settled: settled - BigInt(before.settled ?? 0) }]);
  }

  /** Settles a generation at its cost if it is settled as an estimate. */
  async correct(database: Kysely<Database>, id: string, cost: Cost): Promise<void> {
    const estimated = await database
      .selectFrom("ledger")
      .select("generation_id")
      .where("generation_id", "=", id)
      .where("is_estimated", "=", 1)
      .executeTakeFirst();
    if (estimated) await this.settle(database, id, cost);
  }

  /** Settles those of these generations that are not settled at what is held for them, as an estimate. */
  async settleAsHeld(database: Kysely<Database>, ids: readonly string[]): Promise<void> {
    const changes: Change[] = [];
    for (let start = 0; start < ids.length; start += STEP) {
      const settled = await database
        .updateTable("ledger")
        .set((row) => ({ state: "SETTLED", settled: row.ref("held"), is_estimated: 1 }))
        .where("generation_id", "in", ids.slice(start, start + STEP))
        .where("state", "=", "HELD")
        .returning((row) => ["project", "day", asText(row, "held")])
        .execute();
      changes.push(
        ...settled.map(({ project, day, held }) => {
          const amount = BigInt(held ?? 0);
          return { project, day, held: -amount, settled: amount };
        }),
      );
    }
    await add(database, changes);
  }

  async spendingOn(database: Kysely<Database>, project: string, day: string): Promise<Spending> {
    const sums = await database
      .selectFrom("spending")
      .select((row) => [asText(row, "settled"), asText(row, "held")])
      .where("project", "=", project)
      .where("day", "=", day)
      .executeTakeFirst();
    return { settled: toUsd(BigInt(sums?.settled ?? 0)), held: toUsd(BigInt(sums?.held ?? 0)) };
  }
}

function heldBy({ maxCost }: GenerationOrder): Amount | undefined {
  return maxCost === undefined ? undefined : writable(maxCost);
}

function writable(usd: string): Amount {
  const amount = toAmount(usd);
  return amount < LARGEST_AMOUNT ? amount : LARGEST_AMOUNT;
}

/** Selects an amount as text, which every engine returns without loss. */
function asText<Table extends "ledger" | "spending", Name extends "held" | "settled">(
  row: ExpressionBuilder<Database, Table>,
  name: Name,
) {
  return row.cast<string | null>(row.ref(name as never), "text").as(name);
}

/** Changes the sums of days, always in the same order. */
async function add(database: Kysely<Database>, changes: readonly Change[]): Promise<void> {
  const sums = new Map<string, Change>();
  for (const { project, day, settled, held } of changes) {
    const key = `${project} ${day}`;
    const { settled: settledBefore = 0n, held: heldBefore = 0n } = sums.get(key) ?? {};
    sums.set(key, { project, day, settled: settledBefore + settled, held: heldBefore + held });
  }
  for (const [, { project, day, settled, held }] of [...sums].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (settled === 0n && held === 0n) continue;
    await database
      .insertInto("spending")
      .values({ project, day, settled, held })
      .onConflict((conflict) =>
        conflict.columns(["project", "day"]).doUpdateSet((row) => ({
          held: row("spending.held", "+", held),
          settled: row
            .case()
            .when("spending.settled", ">", LARGEST_SUM - settled)
            .then(LARGEST_SUM)
            .else(row("spending.settled", "+", settled))
            .end(),
        })),
      )
      .execute();
  }
}
