import { DatabaseSync, type StatementSync } from "node:sqlite";

/**
 * Returns the SQL statements that the embedded store runs during the work.
 * @param tables the tables that a statement must name to count; `undefined` means all statements, including the ends of
 * transactions
 */
export async function statementsDuring(
  tables: readonly string[] | undefined,
  work: () => Promise<unknown>,
): Promise<string[]> {
  const statements: string[] = [];
  const prototype = statementPrototype();
  const original = { all: prototype.all, run: prototype.run };
  for (const method of ["all", "run"] as const) {
    prototype[method] = function (this: StatementSync, ...parameters: never[]) {
      if (!tables || tables.some((table) => this.sourceSQL.includes(`"${table}"`))) statements.push(this.sourceSQL);
      return (original[method] as (...parameters: never[]) => never).apply(this, parameters);
    };
  }
  try {
    await work();
  } finally {
    Object.assign(prototype, original);
  }
  return statements;
}

/** The prototype of all statements in the process. */
function statementPrototype(): StatementSync {
  const database = new DatabaseSync(":memory:");
  const prototype = Object.getPrototypeOf(database.prepare("SELECT 1"));
  database.close();
  return prototype;
}
