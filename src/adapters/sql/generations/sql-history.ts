import { type Expression, expressionBuilder, type Kysely, type SelectQueryBuilder, type SqlBool, sql } from "kysely";
import type { GenerationSlice, History, HistoryFilter, ImagePlace, ImageSlice } from "../../../ports/history.ts";
import type { Generation, Image } from "../../../ports/records.ts";
import type { Database, GenerationRow, ImageRow } from "../database.ts";
import type { SearchEngine, SearchEntryRow } from "../engine.ts";
import { toGeneration, toImage } from "./rows.ts";
import type { SearchEntries } from "./search-entries.ts";
import { toSearchTerms } from "./search-terms.ts";
import { hasStatus } from "./unfinished.ts";

/** The tables of a query: generations, their search entries if it searches, and their images. */
interface Tables {
  readonly g: GenerationRow;
  readonly e: SearchEntryRow;
  readonly i: ImageRow;
}
type Query<Alias extends keyof Tables> = SelectQueryBuilder<Tables, Alias, object>;
/** The selection of a list, and the id column by which it is ordered and cut. */
interface Selection<Alias extends keyof Tables> {
  readonly query: Query<Alias>;
  readonly id: "g.id";
}

const row = expressionBuilder<Tables, keyof Tables>();
/** A literal in the statement: SQLite uses the index of favorites only if it can see the value. */
const MARKED = sql.lit(1);

/**
 * {@link History} in SQL, with the same statements on every engine. SQLite joins tables in the order in which a `cross
 * join` names them. So it walks a narrow index in the order of the list, and reads long rows only for matches.
 */
export class SqlHistory implements History {
  readonly #database: Kysely<Database>;
  readonly #search: SearchEngine;
  readonly #entries: Pick<SearchEntries, "untilEntered">;

  /** @param entries the entries that searches find */
  constructor(database: Kysely<Database>, search: SearchEngine, entries: Pick<SearchEntries, "untilEntered">) {
    this.#database = database;
    this.#search = search;
    this.#entries = entries;
  }

  async listGenerations(slice: GenerationSlice): Promise<readonly Generation[]> {
    const { olderThan, newerThan, includesBounds = false, from, limit } = slice;
    const { query, id } = await this.#generations(slice, true);
    let range = query.selectAll("g");
    if (olderThan !== undefined) range = range.where(id, includesBounds ? "<=" : "<", olderThan);
    if (newerThan !== undefined) range = range.where(id, includesBounds ? ">=" : ">", newerThan);
    const rows = await range
      .orderBy(id, from === "newest" ? "desc" : "asc")
      .limit(limit)
      .execute();
    const generations = rows.map(toGeneration);
    return from === "newest" ? generations : generations.reverse();
  }

  async countGenerations(filter: HistoryFilter, limit: number): Promise<number> {
    return this.#count((await this.#generations(filter, false)).query, limit);
  }

  async listImages(slice: ImageSlice): Promise<readonly Image[]> {
    const { after, before, includesBounds = false, from, limit } = slice;
    const { query, id } = await this.#images(slice);
    let range = query.selectAll("i");
    if (after) range = range.where(id, "<=", after.generationId).where(isAfter(id, after, includesBounds));
    if (before) range = range.where(id, ">=", before.generationId).where(isBefore(id, before, includesBounds));
    const isFromStart = from === "start";
    const rows = await range
      .orderBy(id, isFromStart ? "desc" : "asc")
      .orderBy("i.position", isFromStart ? "asc" : "desc")
      .limit(limit)
      .execute();
    const images = rows.map(toImage);
    return isFromStart ? images : images.reverse();
  }

  async countImages(filter: HistoryFilter, limit: number): Promise<number> {
    return this.#count((await this.#images(filter)).query, limit);
  }

  /**
   * The query for the generations that match a filter.
   *
   * @param needsRows whether it needs their rows; a search can often do without
   */
  async #generations(filter: HistoryFilter, needsRows: boolean): Promise<Selection<"g">> {
    const terms = toSearchTerms(filter);
    if (terms.length === 0) {
      const all = this.#database.selectFrom("generations as g") as unknown as Query<"g">;
      return { query: all.where(this.#matches(filter, "g")), id: "g.id" };
    }
    await this.#entries.untilEntered();
    if (isRare(filter)) {
      const rare = this.#database
        .selectFrom("generations as g")
        .where(this.#matches(filter, "g") as Expression<SqlBool>);
      const found = rare.crossJoin("search_entries as e").whereRef("e.generation_id", "=", "g.id");
      return { query: found.where(this.#search.hasTerms("e", terms)) as unknown as Query<"g">, id: "g.id" };
    }
    const entries = this.#database.selectFrom("search_entries as e").where(this.#search.hasTerms("e", terms));
    const found = (needsRows || readsRows(filter)
      ? entries.crossJoin("generations as g").whereRef("g.id", "=", "e.generation_id")
      : entries) as unknown as Query<"g">;
    // The two columns are equal. The type knows only the one that most queries have.
    return { query: found.where(this.#matches(filter, "e")), id: "e.generation_id" as "g.id" };
  }

  /** The query for the images of the generations that match a filter. */
  async #images({ isFavorite, ...filter }: HistoryFilter): Promise<Selection<"g" | "i">> {
    const { query, id } = await this.#generations(isFavorite ? { ...filter, isFavorite } : filter, false);
    const images = (query as unknown as SelectQueryBuilder<Database & Tables, "g", object>)
      .crossJoin("images as i")
      .whereRef("i.generation_id", "=", id) as unknown as Query<"g" | "i">;
    if (isFavorite === undefined) return { query: images, id };
    return { query: images.where("i.is_favorite", isFavorite ? "=" : "is", isFavorite ? MARKED : null), id };
  }

  /** @param owner the table with the owner of each generation; its indexes have the order of the list */
  #matches(filter: HistoryFilter, owner: "g" | "e"): Expression<SqlBool> {
    const { projectId, endUser, status, model, operation, isFavorite, createdFrom, createdBefore } = filter;
    const conditions: Expression<SqlBool>[] = [];
    if (projectId !== undefined) conditions.push(row(`${owner}.project_id`, "=", projectId));
    if (endUser !== undefined) conditions.push(row(`${owner}.end_user`, "=", endUser));
    if (status) conditions.push(hasStatus(status, "g"));
    if (model !== undefined) conditions.push(row("g.model", "=", model));
    if (operation) conditions.push(row("g.edit", operation === "EDIT" ? "is not" : "is", null));
    if (createdFrom) conditions.push(row("g.created_at", ">=", createdFrom.getTime()));
    if (createdBefore) conditions.push(row("g.created_at", "<", createdBefore.getTime()));
    if (isFavorite !== undefined) conditions.push(this.#hasFavorite(isFavorite, owner));
    return row.and(conditions);
  }

  #hasFavorite(isFavorite: boolean, owner: "g" | "e"): Expression<SqlBool> {
    const marked = this.#database.selectFrom("images").where("is_favorite", "=", MARKED);
    // SQLite reads a list of ids first and looks up each one. A search already has such a list, and two would multiply.
    if (owner === "g") return row("g.id", isFavorite ? "in" : "not in", marked.select("generation_id"));
    const ofGeneration = row.exists(
      marked.select(MARKED.as("one")).whereRef("generation_id", "=", sql.ref("e.generation_id")),
    );
    return isFavorite ? ofGeneration : row.not(ofGeneration);
  }

  async #count(query: Query<"g"> | Query<"g" | "i">, limit: number): Promise<number> {
    const found = (query as Query<"g">).select(sql.lit(1).as("one")).limit(limit).as("found");
    const { count } = await this.#database
      .selectFrom(found)
      .select(({ fn }) => fn.countAll().as("count"))
      .executeTakeFirstOrThrow();
    return Number(count);
  }
}

/** Whether a filter needs the rows of generations. */
function readsRows({ status, model, operation, createdFrom, createdBefore }: HistoryFilter): boolean {
  return [status, model, operation, createdFrom, createdBefore].some((condition) => condition !== undefined);
}

/**
 * Whether few generations match the other conditions of a filter. A search then looks up the entries of those few.
 * Otherwise it reads the entries in order, and looks up the generations whose entries have the terms.
 */
function isRare({ status, operation, isFavorite }: HistoryFilter): boolean {
  return isFavorite === true || operation === "EDIT" || (status !== undefined && status !== "SUCCEEDED");
}

function isAfter(id: "g.id", { generationId, index }: ImagePlace, includesPlace: boolean): Expression<SqlBool> {
  return row.or([row(id, "<", generationId), row("i.position", includesPlace ? ">=" : ">", index)]);
}

function isBefore(id: "g.id", { generationId, index }: ImagePlace, includesPlace: boolean): Expression<SqlBool> {
  return row.or([row(id, ">", generationId), row("i.position", includesPlace ? "<=" : "<", index)]);
}
