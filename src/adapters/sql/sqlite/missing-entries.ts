import { type Kysely, sql } from "kysely";
import type { Database } from "../database.ts";
import { toGeneration } from "../generations/rows.ts";
import { toEntry } from "../generations/search-entries.ts";

/**
 * Enters in the full-text index what waited for it when the process died: the generations that were stored after the
 * last one with an entry. Rows without a numeric key are numbered in the order in which they are stored.
 */
export async function enterMissing(database: Kysely<Database>): Promise<void> {
  const lastEntered = sql<number>`coalesce((
    select generations.rowid from search_entries inner join generations on generations.id = generation_id
    order by search_entries.id desc limit 1
  ), 0)`;
  const rows = await database
    .selectFrom("generations")
    .selectAll()
    .where(sql.ref("generations.rowid"), ">", lastEntered)
    .where(({ exists, not, selectFrom }) =>
      not(exists(selectFrom("search_entries").select("id").whereRef("generation_id", "=", "generations.id"))),
    )
    .execute();
  for (const row of rows)
    await database
      .insertInto("search_entries")
      .values(toEntry(toGeneration(row)))
      .execute();
}
