import type { Kysely } from "kysely";
import type { Migration, MigrationProvider } from "kysely/migration";
import type { GenerationStatus } from "../ports/records.ts";

/**
 * The tables, the same on every engine. Times are milliseconds since 1970 UTC, nested values JSON text; ids begin with
 * a UUIDv7, so that their order is the order of creation.
 */
export interface Database {
  generations: GenerationRow;
  images: ImageRow;
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
  warnings: string;
  failure: string | null;
  usage: string | null;
  idempotency_key: string | null;
  input_hash: string | null;
  idempotency_expires_at: number | null;
  created_at: number;
  started_at: number | null;
  finished_at: number | null;
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
  created_at: number;
}

const createTables: Migration = {
  async up(database: Kysely<Database>) {
    await database.schema
      .createTable("generations")
      .addColumn("id", "text", (column) => column.primaryKey())
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
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("generation_id", "text", (column) => column.notNull().references("generations.id").onDelete("cascade"))
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
};

/** In order of name; a released migration is never changed, only followed by another. */
export const MIGRATIONS: MigrationProvider = {
  getMigrations: async () => ({ "0001-create-tables": createTables }),
};
