import type { Compilable, CompiledQuery, Kysely, QueryResult } from "kysely";
import type { Database } from "./database.ts";

/** The values of a statement: cells, and lists and objects of them. `undefined` stands for a part that is left out. */
type Values = object;

/** The most statements that are kept of one database; the oldest goes first. */
const MAX_COMPILED = 500;
/** Statements by name and shape, for each database. Transactions have the adapter of their database. */
const compiledFor = new WeakMap<object, Map<string, CompiledQuery>>();

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
  const statement = compiledOf(database, `${name} ${shapeOf(values)}`, () =>
    build(database, placeholdersOf(values) as Given).compile(),
  );
  const parameters = statement.parameters.map((parameter) =>
    parameter instanceof Placeholder ? parameter.read(values) : parameter,
  );
  return database.executeQuery({ ...statement, parameters });
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
  if (Array.isArray(value)) return `[${value.map(shapeOf).join()}]`;
  let shape = "{";
  for (const key in value) shape += `${key}${shapeOf((value as Readonly<Record<string, unknown>>)[key])},`;
  return `${shape}}`;
}
