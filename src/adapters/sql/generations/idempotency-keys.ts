import type { Kysely } from "kysely";
import type { Generation, GenerationOrder } from "../../../ports/records.ts";
import type { Database, GenerationRow } from "../database.ts";
import { padded, runPrepared } from "../prepared.ts";
import { toGeneration } from "./rows.ts";

/**
 * Finds the earlier generation that each order repeats, by its idempotency key. Forgets those of these keys that have
 * expired.
 *
 * @param orders of one project
 * @returns `undefined` for each order that repeats none, in the order of `orders`
 */
export async function findRepeated(
  transaction: Kysely<Database>,
  orders: readonly GenerationOrder[],
  hasRowLocks: boolean,
): Promise<readonly (Generation | undefined)[]> {
  const projectId = orders[0]?.projectId ?? "";
  const keys = orders.flatMap(({ idempotency }) => idempotency?.key ?? []);
  const rows = await findByKeys(transaction, projectId, keys);
  const byKey = new Map(rows.map((row) => [row.idempotency_key, toGeneration(row)]));
  const expiredIds: string[] = [];
  const repeated = orders.map(({ idempotency, createdAt }) => {
    const earlier = idempotency && byKey.get(idempotency.key);
    if (!earlier?.idempotency || earlier.idempotency.expiresAt > createdAt) return earlier;
    expiredIds.push(earlier.id);
    return undefined;
  });
  if (expiredIds.length > 0) await forgetKeys(transaction, expiredIds, hasRowLocks);
  return repeated;
}

/** Finds the rows of a project's generations by their idempotency keys, even of keys that have expired. */
export async function findByKeys(
  database: Kysely<Database>,
  projectId: string,
  keys: readonly string[],
): Promise<readonly GenerationRow[]> {
  if (keys.length === 0) return [];
  const values = { projectId, keys: padded(keys) };
  const { rows } = await runPrepared(database, "find by keys", values, (prepared, value) =>
    prepared
      .selectFrom("generations")
      .selectAll()
      .where("project_id", "=", value.projectId)
      .where("idempotency_key", "in", value.keys),
  );
  return rows;
}

async function forgetKeys(
  transaction: Kysely<Database>,
  generationIds: readonly string[],
  hasRowLocks: boolean,
): Promise<void> {
  await transaction
    .updateTable("generations")
    .set({ idempotency_key: null })
    .where("id", "in", ({ selectFrom }) => {
      const own = selectFrom("generations").select("id").where("id", "in", generationIds);
      return hasRowLocks ? own.orderBy("id").forUpdate() : own;
    })
    .execute();
}
