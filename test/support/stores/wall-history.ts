import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Kysely, SqliteDialect } from "kysely";
import type { Database } from "../../../src/adapters/sql/database.ts";
import { toGeneration } from "../../../src/adapters/sql/generations/rows.ts";
import { termsOf } from "../../../src/adapters/sql/generations/search-terms.ts";
import { toKyselyDatabase } from "../../../src/adapters/sql/sqlite/sqlite-dialect.ts";
import { SQLITE } from "../../../src/adapters/sql/sqlite/sqlite-engine.ts";
import { seededRandom } from "../random.ts";
import { idAt } from "./ids.ts";

/** How many generations one statement writes. */
const STEP = 400;
const MINUTE_MS = 60_000;

/**
 * Adds older generations to the store of a stopped gateway, one per minute before now. They are copies of its own
 * generations and share their files. Prompts are `a <adjective> <thing> <number>`; the newest has the number 1.
 * @param count is a multiple of 400
 */
export async function fillWall(dataDir: string, count: number): Promise<void> {
  const sqlite = new DatabaseSync(join(dataDir, "pictograph.db"));
  const database = new Kysely<Database>({ dialect: new SqliteDialect({ database: toKyselyDatabase(sqlite) }) });
  const random = seededRandom(1);
  const now = Date.now();
  const generations = await database.selectFrom("generations").selectAll().execute();
  const images = await database.selectFrom("images").selectAll().execute();
  await database.transaction().execute(async (transaction) => {
    for (let start = 1; start <= count; start += STEP) {
      const made = Array.from({ length: STEP }, (_, offset) => {
        const number = start + offset;
        const sample = generations[number % generations.length];
        if (!sample) throw new Error("the gateway must have made a picture");
        const createdAt = new Date(now - (number + 1) * MINUTE_MS);
        const id = idAt("gen", createdAt, random);
        const prompt = `a ${random.pick(["red", "quiet", "tall"])} ${random.pick(["fox", "lake", "tower"])} ${number}`;
        const generation = {
          ...sample,
          id,
          prompt,
          created_at: createdAt.getTime(),
          idempotency_key: null,
          idempotency_expires_at: null,
        };
        const ofGeneration = images
          .filter(({ generation_id }) => generation_id === sample.id)
          .map((image) => ({ ...image, id: idAt("img", createdAt, random), generation_id: id }));
        return { generation, ofGeneration };
      });
      await transaction
        .insertInto("generations")
        .values(made.map(({ generation }) => generation))
        .execute();
      await transaction
        .insertInto("search_entries")
        .values(
          made.map(({ generation }) => ({
            generation_id: generation.id,
            project_id: generation.project_id,
            end_user: generation.end_user,
            terms: SQLITE.search.toColumn(termsOf(toGeneration(generation)).join(" ")),
          })),
        )
        .execute();
      await transaction
        .insertInto("images")
        .values(made.flatMap(({ ofGeneration }) => ofGeneration))
        .execute();
    }
  });
  await database.destroy();
}
