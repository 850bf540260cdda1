import { type Kysely, sql } from "kysely";
import type { ModelBacklog } from "../../ports/records.ts";
import type { Database } from "./database.ts";
import { isUnfinished } from "./generations/unfinished.ts";

/** The divisor that turns an amount in the ledger into US dollars. */
const AMOUNTS_PER_USD = 1e12;

/** Counts the generations that have not ended, by model, and adds up what is held for them. */
export async function readBacklog(database: Kysely<Database>): Promise<readonly ModelBacklog[]> {
  const rows = await database
    .selectFrom("generations")
    .innerJoin("ledger", "ledger.generation_id", "generations.id")
    .select("generations.model")
    .select(sql<number | string>`sum(case when generations.status = 'QUEUED' then 1 else 0 end)`.as("queued"))
    // Rounded, because only sums of integers could overflow the engine's numbers.
    .select(sql<number | string | null>`sum(ledger.held / ${sql.lit(AMOUNTS_PER_USD)}.0)`.as("held_usd"))
    .where(isUnfinished())
    .groupBy("generations.model")
    .execute();
  return rows.map(({ model, queued, held_usd: heldUsd }) => ({
    model,
    queued: Number(queued),
    heldUsd: Number(heldUsd ?? 0),
  }));
}
