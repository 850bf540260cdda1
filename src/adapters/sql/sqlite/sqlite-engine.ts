import { sql } from "kysely";
import type { Engine } from "../engine.ts";

/**
 * SQLite, with its full-text index FTS5.
 *
 * The index `search_index` reads its terms from `search_entries`, and triggers keep the two alike. The terms are already
 * split and folded, so the tokenizer only has to split at spaces. `secure-delete` removes the terms of a deleted entry
 * from the index at once; otherwise they stay in its pages until FTS5 merges them. The index of prefixes of one character
 * serves those who are typing the first letter.
 *
 * @see https://www.sqlite.org/fts5.html
 */
export const SQLITE: Engine = {
  idType: "text",
  inKeyOrder: sql`without rowid`,
  isShared: false,
  hasRowLocks: false,
  sums: { needsIndexOrder: true, settings: undefined },
  search: {
    async createTables(database) {
      await sql`create table search_entries (
        id integer primary key,
        generation_id text not null unique references generations (id) on delete cascade,
        project_id text not null,
        end_user text,
        terms text not null
      )`.execute(database);
      await sql`create index search_entries_project on search_entries (project_id, generation_id)`.execute(database);
      await sql`create virtual table search_index using fts5 (
        terms, content = 'search_entries', content_rowid = 'id', tokenize = 'ascii', detail = none, columnsize = 0, prefix = '1'
      )`.execute(database);
      await sql`insert into search_index (search_index, rank) values ('secure-delete', 1)`.execute(database);
      await sql`create trigger search_entries_added after insert on search_entries begin
        insert into search_index (rowid, terms) values (new.id, new.terms);
      end`.execute(database);
      await sql`create trigger search_entries_removed after delete on search_entries begin
        insert into search_index (search_index, rowid, terms) values ('delete', old.id, old.terms);
      end`.execute(database);
    },
    toColumn: (terms) => sql.val(terms),
    hasTerms(entry, terms) {
      const query = terms.map(({ text, isPrefix }) => `"${text}"${isPrefix ? "*" : ""}`).join(" AND ");
      // The plus keeps SQLite from looking up each match: it walks an index in the order of the list instead.
      return sql`+${sql.ref(`${entry}.id`)} in (select rowid from search_index where search_index match ${query})`;
    },
  },
};
