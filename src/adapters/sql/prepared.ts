import type { Compilable, CompiledQuery, Kysely, QueryResult } from "kysely";
import type { Database } from "./database.ts";

/** The values of a statement: cells, and lists and objects of cells. `undefined` means that a part is left out. */
type Values = object;

/** The most statements that are kept for one database; the oldest is removed first. */
const MAX_COMPILED = 500;
/** Statements by name and shape, for each database. Transactions have the adapter of their database. */
const compiledFor = new WeakMap<object, Map<string, CompiledQuery>>();

/** The most statements whose plans PostgreSQL keeps. Each takes up to a megabyte of every connection. */
const MAX_PLANNED = 200;
/** The names of statements whose plans are kept, by their SQL. */
const planNames = new Map<string, string>();

/**
 * Runs a statement that is built only once for each shape of its values: the keys of its objects, the lengths of its
 * lists, and what is `undefined`. To build and compile a statement costs more than to run it.
 *
 * @param name of the statement, unique among all
 * @param build builds the statement with placeholders in place of the values. It may look at the shape of the values,
 *   but not compute with them
 */
export async function runPrepared<Given extends Values, Row>(
  database: Kysely<Database>,
  name: string,
  values: Given,
  build: (database: Kysely<Database>, values: Given) => Compilable<Row>,
): Promise<QueryResult<Row>> {
  return database.executeQuery(prepare(database, name, values, build));
}

/**
 * Runs a statement as {@link runPrepared} does, and lets PostgreSQL keep its plan. To plan a statement costs as much as to
 * run it. Only for statements that have one good plan whatever their tables hold, because they insert rows or change one
 * by its primary key. They may not return all columns: a newer version adds some while this one runs.
 */
export async function runPlanned<Given extends Values, Row>(
  database: Kysely<Database>,
  name: string,
  values: Given,
  build: (database: Kysely<Database>, values: Given) => Compilable<Row>,
): Promise<QueryResult<Row>> {
  const statement = prepare(database, name, values, build);
  const { sql } = statement;
  if (!planNames.has(sql) && planNames.size < MAX_PLANNED) planNames.set(sql, `pictograph_${planNames.size}`);
  return database.executeQuery(statement);
}

/** Returns the name under which PostgreSQL keeps the plan of a statement; `undefined` if it plans it each time. */
export function planNameOf(sql: string): string | undefined {
  return planNames.get(sql);
}

function prepare<Given extends Values, Row>(
  database: Kysely<Database>,
  name: string,
  values: Given,
  build: (database: Kysely<Database>, values: Given) => Compilable<Row>,
): CompiledQuery<Row> {
  const statement = compiledOf(database, `${name} ${shapeOf(values)}`, () =>
    build(database, placeholdersOf(values) as Given).compile(),
  );
  const parameters = statement.parameters.map((parameter) =>
    parameter instanceof Placeholder ? parameter.read(values) : parameter,
  );
  return { ...statement, parameters };
}

/** The most rows that a prepared statement inserts at once. */
const MAX_ROWS = 32;

/**
 * Splits rows into parts whose lengths are powers of two, the largest first. Otherwise there would be a statement for
 * each number of rows.
 */
export function* inParts<Row>(rows: readonly Row[]): Generator<readonly Row[]> {
  for (let start = 0; start < rows.length; ) {
    const length = Math.min(MAX_ROWS, 2 ** Math.floor(Math.log2(rows.length - start)));
    yield rows.slice(start, start + length);
    start += length;
  }
}

/**
 * Repeats the last id until the number of ids is a power of two. Otherwise there would be a statement for each number of
 * ids.
 */
export function padded(ids: readonly string[]): readonly string[] {
  const length = 2 ** Math.ceil(Math.log2(ids.length));
  return [...ids, ...Array<string>(length - ids.length).fill(ids.at(-1) ?? "")];
}

function compiledOf<Row>(
  database: Kysely<Database>,
  key: string,
  compile: () => CompiledQuery<Row>,
): CompiledQuery<Row> {
  const { adapter } = database.getExecutor();
  const compiled = compiledFor.get(adapter) ?? new Map<string, CompiledQuery>();
  const known = compiled.get(key);
  if (known) return known as CompiledQuery<Row>;
  const [oldest] = compiled.keys();
  if (compiled.size >= MAX_COMPILED && oldest !== undefined) compiled.delete(oldest);
  const statement = compile();
  compiledFor.set(adapter, compiled.set(key, statement));
  return statement;
}

class Placeholder {
  readonly #path: readonly string[];

  constructor(path: readonly string[]) {
    this.#path = path;
  }

  read(values: Values): unknown {
    let value: unknown = values;
    for (const step of this.#path) value = (value as Readonly<Record<string, unknown>>)[step];
    return value;
  }
}

/** The same lists and objects with placeholders in place of the cells. */
function placeholdersOf(value: unknown, path: readonly string[] = []): unknown {
  if (value === undefined) return undefined;
  if (Array.isArray(value)) return value.map((item, index) => placeholdersOf(item, [...path, String(index)]));
  if (typeof value !== "object" || value === null) return new Placeholder(path);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, placeholdersOf(item, [...path, key])]));
}

function shapeOf(value: unknown): string {
  if (value === undefined) return "-";
  if (typeof value !== "object" || value === null) return "";
  if (Array.isArray(value)) {
    const shapes = value.map(shapeOf);
    // Rows have the same columns, so their shape is named once. The text would be long otherwise.
    return shapes.every((shape) => shape === shapes[0]) ? `[${shapes.length}*${shapes[0]}]` : `[${shapes.join()}]`;
  }
  let shape = "{";
  for (const key in value) shape += `${key}${shapeOf((value as Readonly<Record<string, unknown>>)[key])},`;
  return `${shape}}`;
}
