import type { Kysely } from "kysely";
import type { SearchEngine, SearchEntryRow } from "./engine.ts";
import { termsOf } from "./search-terms.ts";

/** The tables as far as this migration knows them; later ones may change them. */
interface Tables {
  generations: { id: string; project_id: string; end_user: string | null; prompt: string; metadata: string | null };
  search_entries: SearchEntryRow;
}

/** How many generations are read at once. */
const STEP = 500;

/** Enters the generations into the search index that were accepted before it existed. */
export async function enterSearchTerms(database: Kysely<Tables>, search: SearchEngine): Promise<void> {
  for (let last = ""; ; ) {
    const generations = await database
      .selectFrom("generations")
      .select(["id", "project_id", "end_user", "prompt", "metadata"])
      .where("id", ">", last)
      .orderBy("id")
      .limit(STEP)
      .execute();
    for (const { id, project_id, end_user, prompt, metadata } of generations) {
      const terms = termsOf({ prompt, metadata: metadata === null ? undefined : JSON.parse(metadata) });
      await database
        .insertInto("search_entries")
        .values({ generation_id: id, project_id, end_user, terms: search.toColumn(terms) })
        .execute();
    }
    last = generations.at(-1)?.id ?? "";
    if (generations.length < STEP) return;
  }
}
