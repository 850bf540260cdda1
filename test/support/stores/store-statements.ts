import { DatabaseSync, type StatementSync } from "node:sqlite";

/**
 * The statements that the embedded store runs while the work goes on, as SQL.
 *
 * @param tables those that the statements have to name; `undefined` for all statements, and the ends of transactions
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

/** What all statements of the process inherit from. */
function statementPrototype(): StatementSync {
  const database = new DatabaseSync(":memory:");
  const prototype = Object.getPrototypeOf(database.prepare("SELECT 1"));
  database.close();
  return prototype;
}
