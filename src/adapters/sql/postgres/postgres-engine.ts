import { sql } from "kysely";
import type { Engine } from "../engine.ts";

/**
 * PostgreSQL, with a GIN index. The terms have a table of their own: in a column of `generations`, each change of a
 * status would write them again. They are already split and folded, so no text search configuration is needed.
 *
 * @see https://www.postgresql.org/docs/current/textsearch-indexes.html
 */
export const POSTGRES: Engine = {
  idType: sql`text collate "C"`,
  inKeyOrder: undefined,
  isShared: true,
  hasRowLocks: true,
  sums: {
    needsIndexOrder: false,
    // With 4 MB, the default, PostgreSQL sorts the rows on disk, or reads them one by one in the order of an index.
    settings: sql`select set_config('work_mem', '32MB', true), set_config('enable_indexscan', 'off', true)`,
  },
  search: {
    async createTables({ schema }) {
      await schema
        .createTable("search_entries")
        .addColumn("generation_id", POSTGRES.idType, (column) =>
          column.primaryKey().references("generations.id").onDelete("cascade"),
        )
        .addColumn("project_id", "text", (column) => column.notNull())
        .addColumn("end_user", "text")
        .addColumn("terms", sql`tsvector`, (column) => column.notNull())
        .execute();
      await schema
        .createIndex("search_entries_project")
        .on("search_entries")
        .columns(["project_id", "generation_id"])
        .execute();
      await schema.createIndex("search_entries_terms").on("search_entries").using("gin").column("terms").execute();
    },
    toColumn: (terms) => sql`array_to_tsvector(string_to_array(${terms}, ' '))`,
    hasTerms(entry, terms) {
      const query = terms.map(({ text, isPrefix }) => `'${text}'${isPrefix ? ":*" : ""}`).join(" & ");
      return sql`${sql.ref(`${entry}.terms`)} @@ ${query}::tsquery`;
    },
  },
};
