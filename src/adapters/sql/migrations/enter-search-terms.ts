import type { Kysely } from "kysely";
import type { SearchEngine, SearchEntryRow } from "../engine.ts";
import { termsOf } from "../generations/search-terms.ts";

/** The tables as they are at this migration. Later migrations may change them. */
interface Tables {
  generations: { id: string; project_id: string; end_user: string | null; prompt: string; metadata: string | null };
  search_entries: SearchEntryRow;
}

/** The most generations that are read at once. */
const BATCH_SIZE = 500;

/** Adds generations to the search index that were accepted before it existed. */
export async function enterSearchTerms(database: Kysely<Tables>, search: SearchEngine): Promise<void> {
  for (let last = ""; ; ) {
    const generations = await database
      .selectFrom("generations")
      .select(["id", "project_id", "end_user", "prompt", "metadata"])
      .where("id", ">", last)
      .orderBy("id")
      .limit(BATCH_SIZE)
      .execute();
    for (const { id, project_id, end_user, prompt, metadata } of generations) {
      const terms = termsOf({ prompt, metadata: metadata === null ? undefined : JSON.parse(metadata) });
      await database
        .insertInto("search_entries")
        .values({ generation_id: id, project_id, end_user, terms: search.toColumn(terms.join(" ")) })
        .execute();
    }
    last = generations.at(-1)?.id ?? "";
    if (generations.length < BATCH_SIZE) return;
  }
}
