import { type CreateTableBuilder, type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";
import { PUBLIC_PROJECT } from "../../../ports/records.ts";
import type { Engine, IdType, SearchEntryRow } from "../engine.ts";
import { countSpending } from "./count-spending.ts";
import { enterGenerations } from "./enter-generations.ts";
import { enterSearchTerms } from "./enter-search-terms.ts";

/**
 * SQL's types and two more. `id` is text that is compared byte by byte, whatever the language of the database. `amount`
 * is money: a `bigint` that JavaScript's numbers cannot represent, so it is read as text.
 */
type ColumnType = "id" | "text" | "integer" | "bigint" | "amount";
/** A column as a migration declares it. */
type Column =
  | `${ColumnType}${"" | " not null" | " primary key"}`
  | `id not null references ${"generations" | "images" | "projects" | "api_keys" | "webhook_endpoints"}`;

/** The additions of a migration. */
interface Addition {
  /** New tables, with their columns. */
  readonly create?: Tables<Column>;
  /** The primary keys of those that have several columns. Their rows are kept in the order of the key if possible. */
  readonly keys?: Readonly<Record<string, readonly string[]>>;
  /** New columns of existing tables. They can be null, because older versions have filled these tables. */
  readonly add?: Tables<ColumnType>;
  /** New names of columns, by their old ones. Indexes follow. */
  readonly rename?: Tables<string>;
  /** Tables that go, after the rows of the new ones were filled. */
  readonly drop?: readonly string[];
}
type Tables<AnyColumn> = Readonly<Record<string, Readonly<Record<string, AnyColumn>>>>;

/**
 * The migrations, in the order in which they are applied. The types of all rows are derived from here. A released
 * migration is never changed, only followed by another. So this file is longer than others: it is one list that only
 * grows.
 */
const ADDITIONS = {
  "0001-create-tables": {
    create: {
      generations: {
        id: "id primary key",
        owner: "text not null",
        status: "text not null",
        prompt: "text not null",
        model: "text not null",
        n: "integer not null",
        requested_width: "integer not null",
        requested_height: "integer not null",
        model_width: "integer not null",
        model_height: "integer not null",
        generated_width: "integer",
        generated_height: "integer",
        quality: "text not null",
        format: "text not null",
        background: "text not null",
        seed: "integer",
        warnings: "text not null",
        failure: "text",
        usage: "text",
        idempotency_key: "text",
        input_hash: "text",
        idempotency_expires_at: "bigint",
        created_at: "bigint not null",
        started_at: "bigint",
        finished_at: "bigint",
      },
      images: {
        id: "id primary key",
        generation_id: "id not null references generations",
        owner: "text not null",
        position: "integer not null",
        object_key: "text not null",
        original_key: "text not null",
        width: "integer not null",
        height: "integer not null",
        format: "text not null",
        byte_size: "integer not null",
        sha256: "text not null",
        placeholder: "text not null",
        created_at: "bigint not null",
      },
    },
  },
  "0002-lease-to-workers": { add: { generations: { worker: "text", lease_until: "bigint" } } },
  "0003-partial-images": { add: { generations: { partial_images: "integer", previews: "text" } } },
  "0004-provenance": { add: { images: { provenance: "text" } } },
  "0005-cost": { add: { generations: { cost: "text", fallbacks: "text" } } },
  "0006-edits": { add: { generations: { edit: "text" } } },
  "0007-openai-parameters": {
    add: { generations: { compression: "integer", moderation: "text", safety_identifier: "text" } },
  },
  "0008-chores": { create: { chores: { name: "text primary key", claimed_until: "bigint not null" } } },
  "0009-ledger": {
    create: {
      ledger: {
        generation_id: "id primary key",
        project: "text not null",
        model: "text not null",
        operation: "text not null",
        images: "integer not null",
        accepted_at: "bigint not null",
        day: "text not null",
        state: "text not null",
        held: "amount",
        settled: "amount",
        is_estimated: "integer not null",
      },
      spending: { project: "text not null", day: "text not null", settled: "amount not null", held: "amount not null" },
    },
    add: { generations: { prices: "text", max_cost: "text", cost_is_estimated: "integer" } },
  },
  "0010-derivatives": {
    create: {
      derivatives: {
        object_key: "text primary key",
        image_id: "id not null references images",
        byte_size: "bigint not null",
        used_at: "bigint not null",
      },
    },
  },
  "0011-projects": {
    rename: { generations: { owner: "project_id" }, images: { owner: "project_id" } },
    add: {
      generations: { end_user: "text", api_key_id: "text", metadata: "text" },
      images: { end_user: "text" },
    },
  },
  "0012-api-keys": {
    create: {
      projects: {
        id: "id primary key",
        name: "text not null",
        is_disabled: "integer not null",
        allows_anonymous: "integer not null",
        limits: "text not null",
        created_at: "bigint not null",
      },
      api_keys: {
        id: "id primary key",
        project_id: "id not null references projects",
        name: "text not null",
        prefix: "text not null",
        is_disabled: "integer not null",
        limits: "text not null",
        created_at: "bigint not null",
        expires_at: "bigint",
        revoked_at: "bigint",
        last_used_at: "bigint",
      },
      api_key_tokens: {
        hash: "id primary key",
        api_key_id: "id not null references api_keys",
        created_at: "bigint not null",
        expires_at: "bigint",
      },
      audit_log: {
        id: "id primary key",
        actor: "text not null",
        action: "text not null",
        project_id: "text",
        api_key_id: "text",
        changes: "text not null",
        created_at: "bigint not null",
      },
    },
  },
  "0013-history": { add: { images: { is_favorite: "integer" } } },
  "0014-budgets": {
    create: {
      spending_windows: {
        scope_id: "id not null",
        period: "text not null",
        starts_on: "text not null",
        settled: "amount not null",
        held: "amount not null",
        settled_images: "bigint not null",
        held_images: "bigint not null",
      },
      usage_days: {
        project_id: "id not null",
        day: "text not null",
        api_key_id: "id not null",
        model: "text not null",
        operation: "text not null",
        generations: "bigint not null",
        images: "bigint not null",
        settled: "amount not null",
        estimated: "amount not null",
      },
    },
    keys: {
      spending_windows: ["scope_id", "period", "starts_on"],
      usage_days: ["day", "model", "operation", "project_id", "api_key_id"],
    },
    add: { ledger: { api_key_id: "text", end_user: "text", settled_images: "integer" } },
    drop: ["spending"],
  },
  "0015-rate-counts": {
    create: {
      rate_counts: {
        id: "id primary key",
        scope: "text not null",
        minute: "bigint not null",
        requests: "integer not null",
        images: "integer not null",
      },
    },
  },
  "0016-webhooks": {
    create: {
      webhook_endpoints: {
        id: "id primary key",
        project_id: "id not null",
        url: "text not null",
        root_url: "text not null",
        events: "text",
        description: "text",
        secrets: "text not null",
        is_disabled: "integer not null",
        disabled_reason: "text",
        failing_since: "bigint",
        created_at: "bigint not null",
      },
      webhook_deliveries: {
        id: "id primary key",
        endpoint_id: "id not null references webhook_endpoints",
        event: "text not null",
        data: "text not null",
        status: "text not null",
        attempt_count: "integer not null",
        attempts: "text not null",
        next_attempt_at: "bigint",
        created_at: "bigint not null",
      },
      webhook_marks: { id: "id primary key", ends_at: "bigint" },
    },
    add: { audit_log: { webhook_endpoint_id: "text" } },
  },
  "0017-traces": { add: { generations: { trace_context: "text" } } },
  "0018-usage-of-scopes": {},
  "0019-narrow-indexes": {},
} as const satisfies Readonly<Record<string, Addition>>;

type MigrationName = keyof typeof ADDITIONS;

/**
 * The second part of a migration, after its columns were added: it creates indexes and fills the columns of existing
 * rows.
 */
const FOLLOW_UPS: {
  readonly [Name in MigrationName]?: (database: Kysely<EverySchema>, engine: Engine) => Promise<void>;
} = {
  async "0001-create-tables"({ schema }) {
    await schema.createIndex("generations_owner").on("generations").columns(["owner", "id"]).execute();
    await schema.createIndex("generations_status").on("generations").columns(["status", "id"]).execute();
    await schema
      .createIndex("generations_idempotency")
      .on("generations")
      .columns(["owner", "idempotency_key"])
      .unique()
      .execute();
    await schema
      .createIndex("images_generation")
      .on("images")
      .columns(["generation_id", "position"])
      .unique()
      .execute();
  },
  async "0002-lease-to-workers"(database) {
    await database.schema.createIndex("generations_worker").on("generations").columns(["worker", "status"]).execute();
    await database.updateTable("generations").set({ lease_until: 0 }).where("status", "=", "RUNNING").execute();
  },
  async "0007-openai-parameters"({ schema }) {
    await schema.createIndex("generations_input").on("generations").columns(["owner", "input_hash"]).execute();
  },
  async "0010-derivatives"({ schema }) {
    await schema.createIndex("derivatives_image").on("derivatives").columns(["image_id", "used_at"]).execute();
    await schema.createIndex("derivatives_used").on("derivatives").columns(["used_at", "byte_size"]).execute();
  },
  async "0008-chores"(database) {
    await database.insertInto("chores").values({ name: SWEEP, claimed_until: 0 }).execute();
  },
  async "0009-ledger"(database) {
    await database.schema.createIndex("spending_day").on("spending").columns(["project", "day"]).unique().execute();
    await enterGenerations(database);
  },
  async "0011-projects"(database) {
    const { schema } = database;
    const columns = ["project_id", "end_user", "id"];
    await schema.createIndex("generations_end_user").on("generations").columns(columns).execute();
    // Host programs set owners themselves. Each owner becomes an end user, so that nobody sees the images of others.
    await database
      .updateTable("generations")
      .set((row) => ({
        end_user: row.ref("project_id"),
        idempotency_key: sql`idempotency_key || ${"\n"} || project_id`,
      }))
      .where("project_id", "<>", OLD_PUBLIC_OWNER)
      .execute();
    await database
      .updateTable("images")
      .set((row) => ({ end_user: row.ref("project_id") }))
      .where("project_id", "<>", OLD_PUBLIC_OWNER)
      .execute();
    await database.updateTable("generations").set({ project_id: PUBLIC_PROJECT }).execute();
    await database.updateTable("images").set({ project_id: PUBLIC_PROJECT }).execute();
  },
  async "0012-api-keys"(database) {
    const { schema } = database;
    await schema.createIndex("api_keys_project").on("api_keys").columns(["project_id", "id"]).execute();
    await schema.createIndex("api_key_tokens_key").on("api_key_tokens").column("api_key_id").execute();
    const publicProject = { id: PUBLIC_PROJECT, name: "Public", is_disabled: 0, allows_anonymous: 0, limits: "{}" };
    await database
      .insertInto("projects")
      .values({ ...publicProject, created_at: Date.now() })
      .execute();
  },
  async "0013-history"(database, { search }) {
    const { schema } = database;
    // The filters that most generations fail read this index alone, and not the long rows.
    const columns = ["project_id", "id", "status", "model", "created_at"];
    await schema.createIndex("generations_history").on("generations").columns(columns).execute();
    await schema.dropIndex("generations_owner").execute();
    await schema
      .createIndex("generations_edits")
      .on("generations")
      .columns(["project_id", "id"])
      .where(sql.ref("edit"), "is not", null)
      .execute();
    await schema
      .createIndex("images_favorite")
      .on("images")
      .column("generation_id")
      .where(sql.ref("is_favorite"), "=", sql.lit(1))
      .execute();
    await search.createTables(database);
    await enterSearchTerms(database.withTables<{ search_entries: SearchEntryRow }>(), search);
  },
  async "0014-budgets"(database) {
    const { schema } = database;
    await schema.createIndex("usage_days_project").on("usage_days").columns(["project_id", "day"]).execute();
    await schema.createIndex("ledger_project").on("ledger").columns(["project", "day"]).execute();
    await schema
      .createIndex("ledger_end_user")
      .on("ledger")
      .columns(["project", "end_user"])
      .where(sql.ref("end_user"), "is not", null)
      .execute();
    await countSpending(database);
  },
  async "0015-rate-counts"({ schema }) {
    await schema
      .createIndex("generations_active")
      .on("generations")
      .columns(["project_id", "status", "api_key_id"])
      .where(sql<boolean>`status in ('QUEUED', 'RUNNING')`)
      .execute();
  },
  async "0016-webhooks"({ schema }) {
    await schema
      .createIndex("webhook_endpoints_project")
      .on("webhook_endpoints")
      .columns(["project_id", "id"])
      .execute();
    await schema
      .createIndex("webhook_deliveries_endpoint")
      .on("webhook_deliveries")
      .columns(["endpoint_id", "id"])
      .execute();
    await schema
      .createIndex("webhook_deliveries_due")
      .on("webhook_deliveries")
      .columns(["endpoint_id", "next_attempt_at"])
      .where(sql.ref("next_attempt_at"), "is not", null)
      .execute();
    await schema
      .createIndex("webhook_deliveries_ended")
      .on("webhook_deliveries")
      .columns(["status", "created_at"])
      .where(sql.ref("next_attempt_at"), "is", null)
      .execute();
  },
  async "0018-usage-of-scopes"({ schema }, { sums }) {
    await schema.createIndex("spending_windows_start").on("spending_windows").column("starts_on").execute();
    if (!sums.needsIndexOrder) return;
    await schema.dropIndex("usage_days_project").execute();
    const key = ["project_id", "api_key_id", "model", "operation", "day"];
    // With the sums, so that the table is not read.
    const summed = ["generations", "images", "settled", "estimated"];
    await schema
      .createIndex("usage_days_scopes")
      .on("usage_days")
      .columns([...key, ...summed])
      .execute();
  },
  async "0019-narrow-indexes"({ schema }, { isShared }) {
    // Each change of an index adds about a page to the log of SQLite. So these contain only the rows that are looked up.
    for (const index of ["worker", "status", "active", "end_user"]) {
      await schema.dropIndex(`generations_${index}`).execute();
    }
    await schema
      .createIndex("generations_unfinished")
      .on("generations")
      // With everything that is counted and compared, so that the table is not read.
      .columns(["status", "project_id", "id", "api_key_id", "created_at"])
      .where(sql<boolean>`status in ('QUEUED', 'RUNNING')`)
      .execute();
    await schema
      .createIndex("generations_end_user")
      .on("generations")
      .columns(["project_id", "end_user", "id"])
      .where(sql.ref("end_user"), "is not", null)
      .execute();
    // Only PostgreSQL uses the index of inputs. Older versions that run beside this one need the index of all keys.
    if (isShared) return;
    await schema.dropIndex("generations_input").execute();
    await schema.dropIndex("generations_idempotency").execute();
    await schema
      .createIndex("generations_idempotency")
      .on("generations")
      .columns(["project_id", "idempotency_key"])
      .unique()
      .where(sql.ref("idempotency_key"), "is not", null)
      .execute();
  },
};

/** The owner of everything for which a host program set no other owner. */
const OLD_PUBLIC_OWNER = "public";

/** The name of the chore that removes expired data. */
export const SWEEP = "sweep";

/** Every table that the migrations make and keep, with the type of its rows. */
export type Schema = Omit<EverySchema, Dropped>;
type EverySchema = { readonly [Table in keyof AllTables]: RowOf<AllTables[Table], NewNamesOf<Table>> };

type Additions = (typeof ADDITIONS)[MigrationName];
type AllTables = Intersection<ValuesOf<Additions, "create"> | ValuesOf<Additions, "add">>;
type AllNewNames = Intersection<ValuesOf<Additions, "rename">>;
type Dropped = ValuesOf<Additions, "drop">[number];
type ValuesOf<Members, Key extends string> = Members extends { readonly [Name in Key]: infer Value } ? Value : never;
type NewNamesOf<Table> = Table extends keyof AllNewNames ? AllNewNames[Table] : Readonly<Record<never, never>>;
type RowOf<Columns, NewNames> = {
  [Name in keyof Columns as Name extends keyof NewNames ? NewNames[Name] & string : Name]: ValueOf<Columns[Name]>;
};
type ValueOf<Declared> =
  | (Declared extends `${"id" | "text"}${string}` ? string : Declared extends `amount${string}` ? bigint : number)
  | (Declared extends `${string} ${"not null" | "primary key"}${string}` ? never : null);
type Intersection<Union> = (Union extends unknown ? (member: Union) => void : never) extends (all: infer All) => void
  ? All
  : never;

/** The migrations that this version needs. A newer version may have applied more. */
export const NEEDED_MIGRATIONS: readonly string[] = Object.keys(ADDITIONS);

/** The migrations by their names, as Kysely's migrator takes them. */
export function migrationsFor(engine: Engine): Record<string, Migration> {
  const { idType } = engine;
  const toMigration = (
    name: string,
    { create = {}, keys = {}, add = {}, rename = {}, drop = [] }: Addition,
  ): Migration => ({
    async up(database: Kysely<EverySchema>) {
      for (const [table, columns] of Object.entries(create))
        await createTable(database, table, columns, keys[table], engine);
      for (const [table, columns] of Object.entries(add)) await addColumns(database, table, columns, idType);
      for (const [table, columns] of Object.entries(rename)) await renameColumns(database, table, columns);
      await FOLLOW_UPS[name as MigrationName]?.(database, engine);
      for (const table of drop) await database.schema.dropTable(table).execute();
    },
  });
  return Object.fromEntries(
    Object.entries<Addition>(ADDITIONS).map(([name, addition]) => [name, toMigration(name, addition)]),
  );
}

async function createTable(
  { schema }: Kysely<EverySchema>,
  table: string,
  columns: Readonly<Record<string, Column>>,
  key: readonly string[] | undefined,
  { idType, inKeyOrder }: Engine,
): Promise<void> {
  let creation: CreateTableBuilder<string, string> = schema.createTable(table);
  for (const [name, declared] of Object.entries(columns)) {
    creation = creation.addColumn(name, typeOf(declared, idType), (column) => {
      if (declared.endsWith(" primary key")) return column.primaryKey();
      const [, target] = declared.split(" references ");
      if (target) return column.notNull().references(`${target}.id`).onDelete("cascade");
      return declared.endsWith(" not null") ? column.notNull() : column;
    });
  }
  if (key) {
    creation = creation.addPrimaryKeyConstraint(`${table}_key`, [...key]);
    if (inKeyOrder) creation = creation.modifyEnd(inKeyOrder);
  }
  await creation.execute();
}

async function addColumns(
  { schema }: Kysely<EverySchema>,
  table: string,
  columns: Readonly<Record<string, ColumnType>>,
  idType: IdType,
): Promise<void> {
  for (const [name, type] of Object.entries(columns)) {
    await schema.alterTable(table).addColumn(name, typeOf(type, idType)).execute();
  }
}

async function renameColumns(
  { schema }: Kysely<EverySchema>,
  table: string,
  columns: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [name, newName] of Object.entries(columns)) {
    await schema.alterTable(table).renameColumn(name, newName).execute();
  }
}

function typeOf(declared: Column, idType: IdType): "text" | "integer" | "bigint" | IdType {
  const [type] = declared.split(" ") as [ColumnType];
  if (type === "id") return idType;
  return type === "amount" ? "bigint" : type;
}
