import { openSqliteRecords } from "../adapters/sql/sqlite/sqlite.ts";
import { readSqliteRecords, schemaAgeOf } from "../adapters/sql/sqlite/sqlite-copy.ts";
import type { Config } from "../config.ts";
import { createLogger } from "../log.ts";
import type { DerivativeRecords } from "../ports/derivative-records.ts";
import type { Inventory } from "../ports/inventory.ts";
import type { Records } from "../ports/records.ts";
import { pathsIn } from "../wiring/data-directory.ts";
import { BackupError } from "./backup-error.ts";

/** Records that are compared with bytes. */
export interface VerifiedRecords extends Pick<Records, "findImages" | "findGenerations" | "begunAt" | "close"> {
  readonly inventory: Inventory;
  readonly derivatives: Pick<DerivativeRecords, "remove">;
}

/**
 * Opens the records beside a gateway that may be using them. An embedded store can be mended only while no gateway runs,
 * because it has one writer.
 *
 * @throws BackupError or StartError when they cannot be read, are of another version, or cannot be mended now
 */
export async function openVerifiedRecords(config: Config, mends: boolean): Promise<VerifiedRecords> {
  if (config.databaseUrl !== undefined) {
    const { connectPostgresRecords } = await import("../adapters/sql/postgres/postgres.ts");
    return connectPostgresRecords(config.databaseUrl, createLogger("silent"));
  }
  const path = pathsIn(config.dataDir).database;
  checkAge(path, config.dataDir);
  return mends ? openSqliteRecords(path) : readSqliteRecords(path);
}

/** @throws BackupError when there is no database of this version */
export function checkAge(path: string, dataDir: string): void {
  let age: ReturnType<typeof schemaAgeOf>;
  try {
    age = schemaAgeOf(path);
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new BackupError(
      `${dataDir} has no gateway whose database can be read (${reason}): name its directory in PICTOGRAPH_DATA_DIR`,
      { cause },
    );
  }
  if (age === "same") return;
  throw new BackupError(
    `${path} is of ${age === "newer" ? "a newer" : "an older"} version of Pictograph: use the \`pictograph\` of the gateway itself`,
  );
}
