import type { Kysely } from "kysely";
import type { Generation, GenerationOrder } from "../../../ports/records.ts";
import type { Database, GenerationRow } from "../database.ts";
import { type Place, PreparedStatement, padded, placeList } from "../prepared.ts";
import { toGeneration } from "./rows.ts";

/** The results for the idempotency keys of orders. */
export interface Repetitions {
  /**
   * The earlier generation that each order repeats, in the order of the orders; `undefined` for orders that repeat
   * none.
   */
  readonly earlier: readonly (Generation | undefined)[];
  /** The generations with expired keys. The keys must be removed before they are used again. */
  readonly expiredIds: readonly string[];
}

/** Finds the earlier generations that orders repeat. @param orders of one project */
export async function findRepeated(
  transaction: Kysely<Database>,
  orders: readonly GenerationOrder[],
): Promise<Repetitions> {
  const keys = orders.flatMap(({ idempotency }) => idempotency?.key ?? []);
  if (keys.length === 0) return { earlier: orders.map(() => undefined), expiredIds: [] };
  const rows = await findByKeys(transaction, orders[0]?.projectId ?? "", keys);
  const byKey = new Map(rows.map((row) => [row.idempotency_key, toGeneration(row)]));
  const expiredIds: string[] = [];
  const earlier = orders.map(({ idempotency, createdAt }) => {
    const generation = idempotency && byKey.get(idempotency.key);
    if (!generation?.idempotency || generation.idempotency.expiresAt > createdAt) return generation;
    expiredIds.push(generation.id);
    return undefined;
  });
  return { earlier, expiredIds };
}

/** Forgets the idempotency keys of generations, whose rows it locks. */
export async function forgetKeys(
  transaction: Kysely<Database>,
  generationIds: readonly string[],
  hasRowLocks: boolean,
): Promise<void> {
  if (generationIds.length === 0) return;
  await transaction
    .updateTable("generations")
    .set({ idempotency_key: null })
    .where("id", "in", ({ selectFrom }) => {
      const own = selectFrom("generations").select("id").where("id", "in", generationIds);
      return hasRowLocks ? own.orderBy("id").forUpdate() : own;
    })
    .execute();
}

/** Finds the rows of a project's generations by their idempotency keys, even of keys that have expired. */
export async function findByKeys(
  database: Kysely<Database>,
  projectId: string,
  keys: readonly string[],
): Promise<readonly GenerationRow[]> {
  if (keys.length === 0) return [];
  const values = { projectId, keys: padded(keys) };
  const { rows } = await FIND_BY_KEYS.run(database, values, { keys: values.keys.length });
  return rows;
}

interface ProjectKeys {
  readonly projectId: string;
  readonly keys: readonly string[];
}

const FIND_BY_KEYS = new PreparedStatement((database, place: Place<ProjectKeys>, { keys }: { readonly keys: number }) =>
  database
    .selectFrom("generations")
    .selectAll()
    .where(
      "project_id",
      "=",
      place(({ projectId }) => projectId),
    )
    .where(
      "idempotency_key",
      "in",
      placeList(place, keys, (values) => values.keys),
    ),
);
