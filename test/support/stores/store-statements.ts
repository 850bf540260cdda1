import { DatabaseSync, type StatementSync } from "node:sqlite";

/** The statements that the embedded store runs on these tables while the work goes on, as SQL. */
export async function statementsDuring(tables: readonly string[], work: () => Promise<unknown>): Promise<string[]> {
  const statements: string[] = [];
  const prototype = statementPrototype();
  const original = { all: prototype.all, run: prototype.run };
  for (const method of ["all", "run"] as const) {
    prototype[method] = function (this: StatementSync, ...parameters: never[]) {
      if (tables.some((table) => this.sourceSQL.includes(`"${table}"`))) statements.push(this.sourceSQL);
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
