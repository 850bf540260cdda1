import { type Expression, type SqlBool, sql } from "kysely";
import type { GenerationStatus } from "../../../ports/records.ts";

/** The statuses of generations that have not ended. */
const UNFINISHED: readonly GenerationStatus[] = ["QUEUED", "RUNNING"];

/**
 * Whether a generation has not ended. Only few have not, and an index has only those. SQLite uses that index if a
 * statement has the same condition as the index, with literals.
 *
 * @param generations the name of the table in the statement
 */
export function isUnfinished(generations = "generations"): Expression<SqlBool> {
  return sql`${sql.ref(`${generations}.status`)} in (${sql.join(UNFINISHED.map((status) => sql.lit(status)))})`;
}

/** Whether a generation has a status. @param generations the name of the table in the statement */
export function hasStatus(status: GenerationStatus, generations = "generations"): Expression<SqlBool> {
  const isEqual = sql<SqlBool>`${sql.ref(`${generations}.status`)} = ${status}`;
  return UNFINISHED.includes(status) ? sql`(${isEqual} and ${isUnfinished(generations)})` : isEqual;
}
