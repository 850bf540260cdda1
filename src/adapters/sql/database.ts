import type { Kysely, RawBuilder } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import { StartError } from "../../errors.ts";
import type { GenerationStatus } from "../../ports/records.ts";

/**
 * The tables, the same on every engine. Times are milliseconds since 1970 UTC, nested values JSON text; ids begin with
 * a UUIDv7, so that their order is the order of creation.
 */
export interface Database {
  generations: GenerationRow;
  images: ImageRow;
  /** What one process does for all; `claimed_until` tells until when it is somebody's. */
  chores: { name: string; claimed_until: number };
  /** Kysely's own: which migrations were applied, and when, in ISO 8601. */
  kysely_migration: { name: string; timestamp: string };
}

export interface GenerationRow {
  id: string;
  owner: string;
  status: GenerationStatus;
  prompt: string;
  model: string;
  n: number;
  requested_width: number;
  requested_height: number;
  model_width: number;
  model_height: number;
  generated_width: number | null;
  generated_height: number | null;
  quality: string;
  format: string;
  background: string;
  seed: number | null;
  partial_images: number | null;
  /** Each as `image:preview` and a space, so that one more is a plain addition: `0:0 0:1 `. */
  previews: string | null;
  compression: number | null;
  moderation: string | null;
  safety_identifier: string | null;
  edit: string | null;
  warnings: string;
  failure: string | null;
  usage: string | null;
  /** US dollars as a decimal string: no engine's floating point number is exact. */
  cost: string | null;
  fallbacks: string | null;
  idempotency_key: string | null;
  input_hash: string | null;
  idempotency_expires_at: number | null;
  created_at: number;
  started_at: number | null;
  finished_at: number | null;
  /** Who runs, or ran it. */
  worker: string | null;
  /** Set while a worker may bring in results: until then, or longer where nobody noticed. */
  lease_until: number | null;
}

export interface ImageRow {
  id: string;
  generation_id: string;
  owner: string;
  position: number;
  object_key: string;
  original_key: string;
  width: number;
  height: number;
  format: string;
  byte_size: number;
  sha256: string;
  placeholder: string;
  provenance: string | null;
  created_at: number;
}

/** The chore of removing what is over. */
export const SWEEP = "sweep";

/** Text that is compared byte by byte, whatever language the database speaks. */
type IdType = "text" | RawBuilder<unknown>;

const createTables = (id: IdType): Migration => ({
  async up(database: Kysely<Database>) {
    await database.schema
      .createTable("generations")
      .addColumn("id", id, (column) => column.primaryKey())
      .addColumn("owner", "text", (column) => column.notNull())
      .addColumn("status", "text", (column) => column.notNull())
      .addColumn("prompt", "text", (column) => column.notNull())
      .addColumn("model", "text", (column) => column.notNull())
      .addColumn("n", "integer", (column) => column.notNull())
      .addColumn("requested_width", "integer", (column) => column.notNull())
      .addColumn("requested_height", "integer", (column) => column.notNull())
      .addColumn("model_width", "integer", (column) => column.notNull())
      .addColumn("model_height", "integer", (column) => column.notNull())
      .addColumn("generated_width", "integer")
      .addColumn("generated_height", "integer")
      .addColumn("quality", "text", (column) => column.notNull())
      .addColumn("format", "text", (column) => column.notNull())
      .addColumn("background", "text", (column) => column.notNull())
      .addColumn("seed", "integer")
      .addColumn("warnings", "text", (column) => column.notNull())
      .addColumn("failure", "text")
      .addColumn("usage", "text")
      .addColumn("idempotency_key", "text")
      .addColumn("input_hash", "text")
      .addColumn("idempotency_expires_at", "bigint")
      .addColumn("created_at", "bigint", (column) => column.notNull())
      .addColumn("started_at", "bigint")
      .addColumn("finished_at", "bigint")
      .execute();
    await database.schema.createIndex("generations_owner").on("generations").columns(["owner", "id"]).execute();
    await database.schema.createIndex("generations_status").on("generations").columns(["status", "id"]).execute();
    await database.schema
      .createIndex("generations_idempotency")
      .on("generations")
      .columns(["owner", "idempotency_key"])
      .unique()
      .execute();
    await database.schema
      .createTable("images")
      .addColumn("id", id, (column) => column.primaryKey())
      .addColumn("generation_id", id, (column) => column.notNull().references("generations.id").onDelete("cascade"))
      .addColumn("owner", "text", (column) => column.notNull())
      .addColumn("position", "integer", (column) => column.notNull())
      .addColumn("object_key", "text", (column) => column.notNull())
      .addColumn("original_key", "text", (column) => column.notNull())
      .addColumn("width", "integer", (column) => column.notNull())
      .addColumn("height", "integer", (column) => column.notNull())
      .addColumn("format", "text", (column) => column.notNull())
      .addColumn("byte_size", "integer", (column) => column.notNull())
      .addColumn("sha256", "text", (column) => column.notNull())
      .addColumn("placeholder", "text", (column) => column.notNull())
      .addColumn("created_at", "bigint", (column) => column.notNull())
      .execute();
    await database.schema
      .createIndex("images_generation")
      .on("images")
      .columns(["generation_id", "position"])
      .unique()
      .execute();
  },
});

const leaseToWorkers: Migration = {
  async up(database: Kysely<Database>) {
    await database.schema.alterTable("generations").addColumn("worker", "text").execute();
    await database.schema.alterTable("generations").addColumn("lease_until", "bigint").execute();
    await database.schema.createIndex("generations_worker").on("generations").columns(["worker", "status"]).execute();
    await database.updateTable("generations").set({ lease_until: 0 }).where("status", "=", "RUNNING").execute();
  },
};

const showPreviews: Migration = {
  async up(database: Kysely<Database>) {
    await database.schema.alterTable("generations").addColumn("partial_images", "integer").execute();
    await database.schema.alterTable("generations").addColumn("previews", "text").execute();
  },
};

const rememberProvenance: Migration = {
  async up(database: Kysely<Database>) {
    await database.schema.alterTable("images").addColumn("provenance", "text").execute();
  },
};

const addEdits: Migration = {
  async up(database: Kysely<Database>) {
    await database.schema.alterTable("generations").addColumn("edit", "text").execute();
  },
};

const openaiParameters: Migration = {
  async up(database: Kysely<Database>) {
    await database.schema.alterTable("generations").addColumn("compression", "integer").execute();
    await database.schema.alterTable("generations").addColumn("moderation", "text").execute();
    await database.schema.alterTable("generations").addColumn("safety_identifier", "text").execute();
    await database.schema.createIndex("generations_input").on("generations").columns(["owner", "input_hash"]).execute();
  },
};

const keepCosts: Migration = {
  async up(database: Kysely<Database>) {
    await database.schema.alterTable("generations").addColumn("cost", "text").execute();
    await database.schema.alterTable("generations").addColumn("fallbacks", "text").execute();
  },
};

const shareChores: Migration = {
  async up(database: Kysely<Database>) {
    await database.schema
      .createTable("chores")
      .addColumn("name", "text", (column) => column.primaryKey())
      .addColumn("claimed_until", "bigint", (column) => column.notNull())
      .execute();
    await database.insertInto("chores").values({ name: SWEEP, claimed_until: 0 }).execute();
  },
};

/** In order of name; a released migration is never changed, only followed by another. */
export const migrationsWith = (id: IdType): Record<string, Migration> => ({
  "0001-create-tables": createTables(id),
  "0002-lease-to-workers": leaseToWorkers,
  "0003-partial-images": showPreviews,
  "0004-provenance": rememberProvenance,
  "0005-cost": keepCosts,
  "0006-edits": addEdits,
  "0007-openai-parameters": openaiParameters,
  "0008-chores": shareChores,
});

/** What was applied to tables that this version can use; a newer version may have added more. */
export const NEEDED_MIGRATIONS: readonly string[] = Object.keys(migrationsWith("text"));

export interface MigrateOptions {
  /** The database as its operator knows it, for the error. */
  readonly place: string;
  readonly idType: IdType;
  /** The schema of the tables. @defaultValue the engine's own */
  readonly schema?: string;
}

/**
 * Brings the tables up to date, under the engine's lock where several may try at once.
 *
 * @throws StartError when they cannot be, a newer version having changed them among other reasons; they stay as they are
 */
export async function migrate(database: Kysely<Database>, options: MigrateOptions): Promise<void> {
  const { place, idType, schema } = options;
  const migrator = new Migrator({
    db: database,
    provider: { getMigrations: async () => migrationsWith(idType) },
    ...(schema !== undefined && { migrationTableSchema: schema }),
  });
  const { error } = await migrator.migrateToLatest();
  if (!error) return;
  throw new StartError([`${place}: this version cannot use the database (${(error as Error).message})`], {
    cause: error,
  });
}
