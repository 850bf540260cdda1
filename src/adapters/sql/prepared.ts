import type { Compilable, CompiledQuery, DatabaseConnection, Kysely, QueryResult, Transaction } from "kysely";
import type { Database } from "./database.ts";

/** What decides the text of a statement, besides its builder: how many rows it inserts, for example. */
type Shape = Readonly<Record<string, string | number | boolean>>;

/** Puts a value into a statement: the one that `read` finds among the values with which the statement runs. */
export type Place<Values> = <Value>(read: (values: Values) => Value) => Value;

type Build<Values, Row, Of extends Shape> = (
  database: Kysely<Database>,
  place: Place<Values>,
  shape: Of,
) => Compilable<Row>;

export interface PreparedStatementOptions {
  /**
   * Whether PostgreSQL keeps the plan of the statement. To plan a statement costs as much as to run it. Only for
   * statements that have one good plan whatever their tables hold, because they insert rows or change one by its primary
   * key. They may not return all columns: a newer version adds some while this one runs. @defaultValue false
   */
  readonly keepsPlan?: boolean;
}

/** A compiled statement, and functions that read its parameters from the values. */
interface Compiled<Values, Row> {
  readonly query: CompiledQuery<Row>;
  readonly readers: readonly ((values: Values) => unknown)[];
}

/** The most shapes of a statement that are kept; the oldest is removed first. */
const MAX_SHAPES = 100;
/** The most statements whose plans PostgreSQL keeps. Each takes up to a megabyte of every connection. */
const MAX_PLANNED = 200;
/** The names of statements whose plans are kept, by their SQL. */
const planNames = new Map<string, string>();
/** The connections of the transactions that run now. */
const connections = new WeakMap<Kysely<Database>, DatabaseConnection>();

/**
 * A statement that is built only once for each shape. To build and compile a statement costs more than to run it. The
 * builder never sees values, so that it cannot depend on them.
 */
export class PreparedStatement<Values, Row, Of extends Shape = Readonly<Record<never, never>>> {
  readonly #build: Build<Values, Row, Of>;
  readonly #keepsPlan: boolean;
  /** The compiled statements by shape, for each database. Transactions have the adapter of their database. */
  readonly #compiled = new WeakMap<object, Map<string, Compiled<Values, Row>>>();

  constructor(build: Build<Values, Row, Of>, { keepsPlan = false }: PreparedStatementOptions = {}) {
    this.#build = build;
    this.#keepsPlan = keepsPlan;
  }

  /** Runs the statement. In a transaction of {@link inTransaction} it goes straight to the connection. */
  run(database: Kysely<Database>, values: Values, shape: Of): Promise<QueryResult<Row>> {
    const { query, readers } = this.#compiledFor(database, shape);
    const statement = { ...query, parameters: readers.map((read) => read(values)) };
    return (connections.get(database) ?? database).executeQuery(statement);
  }

  #compiledFor(database: Kysely<Database>, shape: Of): Compiled<Values, Row> {
    const { adapter } = database.getExecutor();
    let byShape = this.#compiled.get(adapter);
    if (!byShape) {
      byShape = new Map();
      this.#compiled.set(adapter, byShape);
    }
    let key = "";
    for (const name in shape) key += `${shape[name]} `;
    const known = byShape.get(key);
    if (known) return known;
    const [oldest] = byShape.keys();
    if (byShape.size >= MAX_SHAPES && oldest !== undefined) byShape.delete(oldest);
    const compiled = this.#compile(database, shape);
    byShape.set(key, compiled);
    return compiled;
  }

  #compile(database: Kysely<Database>, shape: Of): Compiled<Values, Row> {
    const place: Place<Values> = <Value>(read: (values: Values) => Value) => new Placeholder(read) as Value;
    const query = this.#build(database, place, shape).compile();
    const { sql } = query;
    if (this.#keepsPlan && !planNames.has(sql) && planNames.size < MAX_PLANNED) {
      planNames.set(sql, `pictograph_${planNames.size}`);
    }
    const readers = query.parameters.map((parameter) =>
      parameter instanceof Placeholder ? (parameter as Placeholder<Values>).read : () => parameter,
    );
    return { query, readers };
  }
}

class Placeholder<Values> {
  readonly read: (values: Values) => unknown;

  constructor(read: (values: Values) => unknown) {
    this.read = read;
  }
}

/** Returns the name under which PostgreSQL keeps the plan of a statement; `undefined` if it plans it each time. */
export function planNameOf(sql: string): string | undefined {
  return planNames.get(sql);
}

/**
 * Runs a transaction. Its prepared statements go straight to its connection, because Kysely passes each query of a
 * transaction through ten promises. So they must not run at the same time.
 */
export async function inTransaction<Result>(
  database: Kysely<Database>,
  work: (transaction: Transaction<Database>) => Promise<Result>,
): Promise<Result> {
  return database.transaction().execute(async (transaction) => {
    connections.set(transaction, await transaction.getExecutor().provideConnection(async (connection) => connection));
    try {
      return await work(transaction);
    } finally {
      connections.delete(transaction);
    }
  });
}

/** The most rows that a prepared statement inserts at once. */
const MAX_ROWS = 32;

/**
 * Splits rows into parts whose lengths are powers of two, the largest first. Otherwise there would be a statement for
 * each number of rows.
 */
export function inParts<Row>(rows: readonly Row[]): readonly (readonly Row[])[] {
  if (rows.length === 1) return [rows];
  const parts: (readonly Row[])[] = [];
  for (let start = 0; start < rows.length; ) {
    const length = Math.min(MAX_ROWS, 2 ** Math.floor(Math.log2(rows.length - start)));
    parts.push(rows.slice(start, start + length));
    start += length;
  }
  return parts;
}

/** Returns the rows of an insert, with a place for each cell. */
export function placeRows<Row extends object>(
  place: Place<readonly Row[]>,
  columns: readonly (keyof Row)[],
  count: number,
): Row[] {
  return Array.from({ length: count }, (_, index) => {
    const cells = columns.map((column) => [column, place((rows) => rows[index]![column])] as const);
    return Object.fromEntries(cells) as Row;
  });
}

/** Returns a place for each value of a list. */
export function placeList<Values, Value>(
  place: Place<Values>,
  count: number,
  listOf: (values: Values) => readonly Value[],
): Value[] {
  return Array.from({ length: count }, (_, index) => place((values) => listOf(values)[index]!));
}

/**
 * Repeats the last id until the number of ids is a power of two. Otherwise there would be a statement for each number of
 * ids.
 */
export function padded(ids: readonly string[]): readonly string[] {
  const length = 2 ** Math.ceil(Math.log2(ids.length));
  return length === ids.length ? ids : [...ids, ...Array<string>(length - ids.length).fill(ids.at(-1) ?? "")];
}
