import type { Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import { StartError } from "../../errors.ts";
import type { GenerationStatus } from "../../ports/records.ts";
import type { Engine, SearchEntryRow } from "./engine.ts";
import { migrationsFor, type Schema } from "./migrations/migrations.ts";

/**
 * The tables, the same on every engine. Times are milliseconds since 1970 UTC. Nested values are JSON text. Ids begin
 * with a UUIDv7, so their order is the order of creation. PostgreSQL returns a `bigint` as text.
 */
export interface Database extends Omit<Schema, "generations"> {
  generations: GenerationRow;
  search_entries: SearchEntryRow;
  /** Kysely's own: which migrations were applied, and when, in ISO 8601. */
  kysely_migration: { name: string; timestamp: string };
}

export type GenerationRow = Schema["generations"] & { status: GenerationStatus };
export type ImageRow = Schema["images"];

export interface MigrateOptions {
  /** The name of the database for the operator, used in the error. */
  readonly place: string;
  readonly engine: Engine;
  /** The schema of the tables. @defaultValue the engine's own */
  readonly schema?: string;
}

/**
 * Migrates the tables to this version. Where several processes may try at once, the engine locks them.
 *
 * @throws StartError when that fails, for example because a newer version has changed the tables; they are not changed
 */
export async function migrate(database: Kysely<Database>, options: MigrateOptions): Promise<void> {
  const { place, engine, schema } = options;
  const migrator = new Migrator({
    db: database,
    provider: { getMigrations: async () => migrationsFor(engine) },
    ...(schema !== undefined && { migrationTableSchema: schema }),
  });
  const { error } = await migrator.migrateToLatest();
  if (!error) return;
  throw new StartError([`${place}: this version cannot use the database (${(error as Error).message})`], {
    cause: error,
  });
}
