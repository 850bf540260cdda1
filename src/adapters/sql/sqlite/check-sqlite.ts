import { DatabaseSync } from "node:sqlite";

/** What `checkSqlite` found: `busy` if another process uses the database. */
export type SqliteState = "sound" | "busy" | "damaged";

const SQLITE_BUSY = 5;

/**
 * Checks a database without changing it.
 *
 * @throws Error when the file cannot be read
 */
export function checkSqlite(path: string): SqliteState {
  let sqlite: DatabaseSync | undefined;
  try {
    sqlite = new DatabaseSync(path, { readOnly: true, timeout: 0 });
    const row = sqlite.prepare("PRAGMA quick_check(1)").get();
    return row?.quick_check === "ok" ? "sound" : "damaged";
  } catch (error) {
    const { errcode = 0 } = error as { errcode?: number };
    if ((errcode & 0xff) === SQLITE_BUSY) return "busy";
    if (DAMAGES.has(errcode & 0xff)) return "damaged";
    throw error;
  } finally {
    sqlite?.close();
  }
}

/** SQLITE_CORRUPT and SQLITE_NOTADB. @see https://www.sqlite.org/rescode.html */
const DAMAGES: ReadonlySet<number> = new Set([11, 26]);
