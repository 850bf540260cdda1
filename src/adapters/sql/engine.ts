import type { Expression, Kysely, RawBuilder, SqlBool } from "kysely";
import type { SearchTerm } from "./search-terms.ts";

/** Where the engines differ. */
export interface Engine {
  readonly idType: IdType;
  readonly search: SearchEngine;
}

/** How an engine declares text that is compared byte by byte. */
export type IdType = "text" | RawBuilder<unknown>;

/**
 * The full-text index of an engine. It has one entry for each generation. The entry is removed with its generation, and
 * its terms with it.
 */
export interface SearchEngine {
  /** Creates the table `search_entries`, and what else the engine needs. */
  // biome-ignore lint/suspicious/noExplicitAny: each migration knows the tables of its own time
  createTables(database: Kysely<any>): Promise<void>;
  /** The terms of an entry, as the column `terms` holds them. */
  toColumn(terms: readonly string[]): Expression<string>;
  /** Whether an entry has all these terms. `entry` is the name of `search_entries` in the query. */
  hasTerms(entry: string, terms: readonly SearchTerm[]): Expression<SqlBool>;
}

/** By which terms a generation is found. */
export interface SearchEntryRow {
  readonly generation_id: string;
  readonly project_id: string;
  readonly end_user: string | null;
  readonly terms: string;
}
