import type { Kysely } from "kysely";
import type { Amount } from "../../../ports/projects/money.ts";
import { PUBLIC_PROJECT } from "../../../ports/records.ts";

/** The tables as they are at this migration. Later migrations may change them. */
interface Tables {
  generations: {
    id: string;
    status: string;
    model: string;
    n: number;
    edit: string | null;
    cost: string | null;
    created_at: number;
  };
  ledger: {
    generation_id: string;
    project: string;
    model: string;
    operation: string;
    images: number;
    accepted_at: number;
    day: string;
    state: string;
    held: Amount | null;
    settled: Amount | null;
    is_estimated: number;
  };
  spending: { project: string; day: string; settled: Amount; held: Amount };
}

/** The most generations that are read at once. */
const BATCH_SIZE = 500;
const LARGEST_AMOUNT: Amount = 10n ** 17n;

/** Adds generations to the ledger that were accepted before it existed. Nothing is held for those that still run. */
export async function enterGenerations(database: Kysely<Tables>): Promise<void> {
  const project = PUBLIC_PROJECT;
  const sums = new Map<string, Amount>();
  for (let last = ""; ; ) {
    const generations = await database
      .selectFrom("generations")
      .select(["id", "status", "model", "n", "edit", "cost", "created_at"])
      .where("id", ">", last)
      .orderBy("id")
      .limit(BATCH_SIZE)
      .execute();
    const rows = generations.map(({ id, status, model, n, edit, cost, created_at }): Tables["ledger"] => {
      const acceptedAt = Number(created_at);
      const day = new Date(acceptedAt).toISOString().slice(0, 10);
      const settled = cost === null ? null : roundUp(cost);
      if (settled) sums.set(day, (sums.get(day) ?? 0n) + settled);
      const hasEnded = status !== "QUEUED" && status !== "RUNNING";
      return {
        generation_id: id,
        project,
        model,
        operation: edit === null ? "GENERATE" : "EDIT",
        images: n,
        accepted_at: acceptedAt,
        day,
        state: hasEnded ? "SETTLED" : "HELD",
        held: null,
        settled,
        is_estimated: 0,
      };
    });
    if (rows.length > 0) await database.insertInto("ledger").values(rows).execute();
    last = generations.at(-1)?.id ?? "";
    if (generations.length < BATCH_SIZE) break;
  }
  for (const [day, settled] of sums) {
    await database.insertInto("spending").values({ project, day, settled, held: 0n }).execute();
  }
}

/** @param usd a decimal string of any number of decimals, as costs were written before */
function roundUp(usd: string): Amount {
  const [whole = "", fraction = ""] = usd.split(".");
  const amount = BigInt(whole + fraction.slice(0, 12).padEnd(12, "0"));
  const rounded = /[1-9]/.test(fraction.slice(12)) ? amount + 1n : amount;
  return rounded < LARGEST_AMOUNT ? rounded : LARGEST_AMOUNT;
}
