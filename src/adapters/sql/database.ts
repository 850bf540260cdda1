import type { Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import { StartError } from "../../errors.ts";
import type { GenerationStatus } from "../../ports/records.ts";
import type { Engine, SearchEntryRow } from "./engine.ts";
import { migrationsFor, NEEDED_MIGRATIONS, type Schema } from "./migrations/migrations.ts";

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
  const { error: cause } = await migrator.migrateToLatest();
  if (!cause) return;
  const unknown = await unknownMigrations(schema === undefined ? database : database.withSchema(schema));
  const problem =
    unknown.length === 0
      ? `this version cannot use the database (${(cause as Error).message})`
      : `a newer version of Pictograph has migrated the database (${unknown.join(", ")}); use that version, or restore a backup of this one`;
  throw new StartError([`${place}: ${problem}`], { cause });
}

/** The applied migrations that this version does not know; none if that cannot be read. */
async function unknownMigrations(database: Kysely<Database>): Promise<readonly string[]> {
  try {
    const applied = await database.selectFrom("kysely_migration").select("name").orderBy("name").execute();
    return applied.map(({ name }) => name).filter((name) => !NEEDED_MIGRATIONS.includes(name));
  } catch {
    return [];
  }
}
