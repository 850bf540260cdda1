import type { Kysely } from "kysely";
import type { GenerationOrder } from "../../../ports/records.ts";
import { GroupSync } from "../../group-sync.ts";
import type { Database } from "../database.ts";
import type { Engine, SearchEngine, SearchEntryRow } from "../engine.ts";
import { inParts, inTransaction, type Place, PreparedStatement, placeRows } from "../prepared.ts";
import { termsOf } from "./search-terms.ts";

/** From this number of waiting entries on, the next acceptance writes them first. */
const MAX_WAITING = 32;

/**
 * Enters generations in the full-text index.
 *
 * Thirty entries change few more pages than one. So a process that has its database to itself keeps entries in memory
 * until there are {@link MAX_WAITING}, or until a search needs them. After a crash, the next start enters those that were
 * lost. Where other processes search too, each entry is written in the transaction that accepts its generation.
 */
export class SearchEntries {
  readonly #database: Kysely<Database>;
  readonly #isShared: boolean;
  readonly #insert: ReturnType<typeof prepareInsert>;
  readonly #waiting: SearchEntryRow[] = [];
  readonly #writes = new GroupSync(() => this.#write());

  constructor(database: Kysely<Database>, { isShared, search }: Engine) {
    this.#database = database;
    this.#isShared = isShared;
    this.#insert = prepareInsert(search);
  }

  /** Resolves when there is room for more entries. */
  async makeRoom(): Promise<void> {
    if (this.#waiting.length >= MAX_WAITING) await this.untilEntered();
  }

  /** Enters generations that this transaction accepts. */
  async add(transaction: Kysely<Database>, orders: readonly GenerationOrder[]): Promise<void> {
    const rows = orders.map(toEntry);
    if (this.#isShared) return this.#insertAll(transaction, rows);
    this.#waiting.push(...rows);
    this.#writes.note();
  }

  /** Resolves when all generations that were accepted before can be found. */
  untilEntered(): Promise<void> {
    return this.#writes.untilDurable();
  }

  async #write(): Promise<void> {
    const count = await inTransaction(this.#database, async (transaction) => {
      // Copied in the transaction, so that no generation that was stored before another is entered after it.
      const rows = [...this.#waiting];
      const ids = rows.map((row) => row.generation_id);
      // Some were not accepted after all, or are removed already.
      const stored = await transaction.selectFrom("generations").select("id").where("id", "in", ids).execute();
      const storedIds = new Set(stored.map(({ id }) => id));
      await this.#insertAll(
        transaction,
        rows.filter((row) => storedIds.has(row.generation_id)),
      );
      return rows.length;
    });
    this.#waiting.splice(0, count);
  }

  async #insertAll(transaction: Kysely<Database>, rows: readonly SearchEntryRow[]): Promise<void> {
    for (const part of inParts(rows)) await this.#insert.run(transaction, part, { rows: part.length });
  }
}

const COLUMNS = ["generation_id", "project_id", "end_user", "terms"] as const;

function prepareInsert(search: SearchEngine) {
  return new PreparedStatement(
    (database, place: Place<readonly SearchEntryRow[]>, { rows }: { readonly rows: number }) =>
      database
        .insertInto("search_entries")
        .values(placeRows(place, COLUMNS, rows).map((entry) => ({ ...entry, terms: search.toColumn(entry.terms) })))
        // A generation waits twice if a first attempt to accept it was undone.
        .onConflict((conflict) => conflict.column("generation_id").doNothing()),
    { keepsPlan: true },
  );
}

/** What the entry of a generation is made from. */
type Searchable = Pick<GenerationOrder, "id" | "projectId" | "endUser" | "prompt" | "metadata">;

/** The entry of a generation. */
export function toEntry(generation: Searchable): SearchEntryRow {
  const { id, projectId, endUser } = generation;
  return {
    generation_id: id,
    project_id: projectId,
    end_user: endUser ?? null,
    terms: termsOf(generation).join(" "),
  };
}
