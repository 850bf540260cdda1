import type { Expression, Kysely, RawBuilder, SqlBool } from "kysely";
import type { SearchTerm } from "./generations/search-terms.ts";

/** The parts in which the database engines differ. */
export interface Engine {
  readonly idType: IdType;
  readonly search: SearchEngine;
  readonly sums: SumEngine;
  /** Makes a new table keep its rows in the order of its primary key; `undefined` where an engine cannot. */
  readonly inKeyOrder: RawBuilder<unknown> | undefined;
  /** Whether several processes may use a database at once, also of different versions. */
  readonly isShared: boolean;
  /** Whether rows can be locked. SQLite has one writer at a time, so it needs no locks. */
  readonly hasRowLocks: boolean;
}

/** How an engine declares text that is compared byte by byte. */
export type IdType = "text" | RawBuilder<unknown>;

/** How an engine adds up hundreds of thousands of rows quickly. */
export interface SumEngine {
  /** Whether it groups quickly only in the order of an index. Others group with a hash table. */
  readonly needsIndexOrder: boolean;
  /** Runs before the sums, in the same transaction; `undefined` for nothing. */
  readonly settings: RawBuilder<unknown> | undefined;
}

/**
 * The full-text index of an engine. It has one entry for each generation. Deleting a generation removes its entry and
 * terms.
 */
export interface SearchEngine {
  /** Creates the table `search_entries` and everything else that the engine needs. */
  // biome-ignore lint/suspicious/noExplicitAny: each migration knows the tables of its own time
  createTables(database: Kysely<any>): Promise<void>;
  /** Converts the terms of an entry, separated by spaces, to the value of the column `terms`. */
  toColumn(terms: string): Expression<string>;
  /** Whether an entry has all these terms. `entry` is the name of `search_entries` in the query. */
  hasTerms(entry: string, terms: readonly SearchTerm[]): Expression<SqlBool>;
}

/** The terms by which a generation is found. */
export interface SearchEntryRow {
  readonly generation_id: string;
  readonly project_id: string;
  readonly end_user: string | null;
  readonly terms: string;
}
