import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "@jest/globals";
import { type Dialect, Kysely, PostgresDialect, SqliteDialect, sql } from "kysely";
import { Migrator } from "kysely/migration";
import { Pool } from "pg";
import { pino } from "pino";
import { migrationsFor, NEEDED_MIGRATIONS } from "../../../src/adapters/sql/migrations/migrations.ts";
import { POSTGRES } from "../../../src/adapters/sql/postgres/postgres-engine.ts";
import type { SqlRecords } from "../../../src/adapters/sql/sql-records.ts";
import { openSqliteRecords } from "../../../src/adapters/sql/sqlite/sqlite.ts";
import { toKyselyDatabase } from "../../../src/adapters/sql/sqlite/sqlite-dialect.ts";
import { SQLITE } from "../../../src/adapters/sql/sqlite/sqlite-engine.ts";
import { openPostgresStore } from "../../../src/wiring/postgres-store.ts";
import { accept, claimOf, FINISHED_AT, find, INTERRUPTED, orderOf, WORKER } from "../../contracts/record-samples.ts";
import { usePostgres } from "../../support/stores/use-postgres.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";

const postgres = usePostgres();
const newDirectory = temporaryDirectories();

interface Opened {
  readonly records: SqlRecords;
  close(): Promise<void>;
}

interface Engine {
  /** Makes an empty database, as an operator of any version does. */
  create(): Promise<{ readonly dialect: Dialect; readonly open: () => Promise<Opened> }>;
  readonly engine: Parameters<typeof migrationsFor>[0];
  readonly schema?: string;
}

const ENGINES: Readonly<Record<string, Engine>> = {
  SQLite: {
    engine: SQLITE,
    async create() {
      const path = join(await newDirectory(), "pictograph.db");
      return {
        dialect: new SqliteDialect({ database: toKyselyDatabase(new DatabaseSync(path)) }),
        open: async () => {
          const records = await openSqliteRecords(path);
          return { records, close: () => records.close() };
        },
      };
    },
  },
  PostgreSQL: {
    engine: POSTGRES,
    schema: "pictograph",
    async create() {
      const url = await postgres.server.createDatabase();
      const dialect = new PostgresDialect({ pool: new Pool({ connectionString: url, max: 1 }) });
      const open = () => openPostgresStore({ url, concurrency: 1, logger: pino({ enabled: false }) });
      return { dialect, open };
    },
  },
};

/** The records that the first version wrote of a running generation and its image; later versions wrote more. */
const GENERATION = {
  id: "gen_1",
  status: "RUNNING",
  prompt: "a fox",
  model: "scripted-1",
  n: 2,
  requested_width: 256,
  requested_height: 256,
  model_width: 816,
  model_height: 816,
  quality: "AUTO",
  format: "PNG",
  background: "AUTO",
  warnings: "[]",
  created_at: 1_763_805_600_001,
};
const IMAGE = {
  id: "img_1",
  generation_id: "gen_1",
  position: 0,
  object_key: "gen_1/img_1/original",
  original_key: "gen_1/img_1/original",
  width: 256,
  height: 256,
  format: "PNG",
  byte_size: 1000,
  sha256: "0".repeat(64),
  placeholder: "data:image/webp;base64,AAAA",
  created_at: 1_763_805_601_000,
};

const KEY_EXPIRES_AT = Date.parse("9999-12-31T23:59:59.999Z");

describe.each(Object.entries(ENGINES))("a database of an older version, on %s", (_name, { create, engine, schema }) => {
  /** A database as left by the version with this many migrations. */
  async function createOlder(count: number) {
    const { dialect, open } = await create();
    const older = new Kysely<{ generations: object; images: object }>({ dialect });
    const known = Object.fromEntries(Object.entries(migrationsFor(engine)).slice(0, count));
    const placed = schema === undefined ? older : older.withSchema(schema);
    const migrator = new Migrator({
      db: placed,
      provider: { getMigrations: async () => known },
      ...(schema !== undefined && { migrationTableSchema: schema }),
    });
    expect((await migrator.migrateToLatest()).error).toBeUndefined();
    return { older, placed, known, open };
  }

  test("gets ledger entries for its older generations, each cost on its day and rounded up", async () => {
    const { older, placed, open } = await createOlder(NEEDED_MIGRATIONS.indexOf("0009-ledger"));
    const ended = { ...GENERATION, owner: "public", status: "SUCCEEDED" };
    const nextDay = GENERATION.created_at + 86_400_000;
    const rows = [
      // More digits than an amount may have.
      { ...ended, id: "gen_1", cost: "0.020000864197523084" },
      { ...ended, id: "gen_2", cost: "0.500000" },
      { ...ended, id: "gen_3", cost: "7.000000", created_at: nextDay },
      { ...ended, id: "gen_4" },
      { ...ended, id: "gen_5", status: "QUEUED" },
      // More than one batch.
      ...Array.from({ length: 600 }, (_, i) => ({ ...ended, id: `gen_x${i}`, cost: "0.000000000001" })),
    ];
    for (const row of rows) await placed.insertInto("generations").values(row).execute();
    await older.destroy();

    const { records, close } = await open();
    const total = async () => (await records.ledger.spendingOf(["proj_public"], FINISHED_AT))[0]?.windows.TOTAL;
    const before = { spentUsd: "7.520000864798", heldUsd: "0.000000", spentImages: 1208, heldImages: 2 };
    expect(await total()).toEqual(before);
    const ofDay = (at: number) => new Date(at).toISOString().slice(0, 10);
    const query = { firstDay: "2000-01-01", lastDay: "2999-12-31", by: ["DAY"], limit: 9 } as const;
    expect(await records.ledger.usage(query)).toMatchObject([
      { day: ofDay(GENERATION.created_at), generations: 603, images: 1206, costUsd: "0.520000864798" },
      { day: ofDay(nextDay), generations: 1, images: 2, costUsd: "7.000000" },
    ]);
    // A generation accepted without a hold is settled like any other.
    await records.start("gen_5", claimOf());
    const cost = { usd: "0.1", isEstimated: false };
    expect(await records.finish("gen_5", WORKER, { status: "SUCCEEDED", cost }, FINISHED_AT)).toBe(true);
    expect(await total()).toEqual({ ...before, spentUsd: "7.620000864798", spentImages: 1210, heldImages: 0 });
    await close();
  });

  test.each(NEEDED_MIGRATIONS.map((name, index) => [name, index + 1] as const).slice(0, -1))(
    "is migrated if its last migration was %s: nothing is lost, and interrupted generations are requeued",
    async (_last, count) => {
      const { older, placed, known, open } = await createOlder(count);
      const hasProjects = "0011-projects" in known;
      const ours = hasProjects ? { project_id: "proj_public" } : { owner: "public" };
      const anns = hasProjects ? { project_id: "proj_public", end_user: "ann" } : { owner: "ann" };
      const annsKey = { idempotency_key: hasProjects ? "k\nann" : "k", idempotency_expires_at: KEY_EXPIRES_AT };
      const ofAnn = { ...GENERATION, id: "gen_ann", status: "SUCCEEDED", ...anns, ...annsKey };
      const withKey = { idempotency_key: "k", idempotency_expires_at: KEY_EXPIRES_AT };
      for (const row of [{ ...GENERATION, ...ours, ...withKey }, ofAnn]) {
        await placed.insertInto("generations").values(row).execute();
      }
      const imageOfAnn = { ...IMAGE, id: "img_ann", generation_id: "gen_ann", ...anns };
      for (const row of [{ ...IMAGE, ...ours }, imageOfAnn]) await placed.insertInto("images").values(row).execute();
      // Since the second version a running generation has a lease; this one has expired.
      if (count > 1)
        await sql`update ${sql.table(schema ? `${schema}.generations` : "generations")} set lease_until = 0`.execute(
          older,
        );
      await older.destroy();

      const { records, close } = await open();
      await records.ping();
      expect(await records.interruptExpired(INTERRUPTED, FINISHED_AT)).toEqual(["gen_1"]);
      expect(await find(records, "gen_1")).toMatchObject({ prompt: "a fox", status: "FAILED", failure: INTERRUPTED });
      expect(await records.findImagesOf(["gen_1"])).toMatchObject([
        { id: "img_1", key: IMAGE.object_key, byteSize: 1000, createdAt: new Date(IMAGE.created_at) },
      ]);
      const inPublicProject = { projectId: "proj_public" };
      expect(await records.findImages(["img_1", "img_ann"])).toMatchObject([
        inPublicProject,
        { ...inPublicProject, endUser: "ann" },
      ]);
      expect(
        await records.history.listGenerations({ ...inPublicProject, endUser: "ann", from: "newest", limit: 9 }),
      ).toMatchObject([{ id: "gen_ann" }]);
      const keys = await Promise.all(
        ["k", "k\nann"].map((key) => records.findByIdempotencyKey("proj_public", key, FINISHED_AT)),
      );
      expect(keys.map((found) => [found?.id, found?.endUser])).toEqual([
        ["gen_1", undefined],
        ["gen_ann", "ann"],
      ]);
      await accept(records, orderOf("gen_2"));
      await close();
    },
  );
});
