import type { Kysely } from "kysely";
import type { Database, GenerationRow, ImageRow } from "../../src/adapters/sql/database.ts";
import type { SearchEngine } from "../../src/adapters/sql/engine.ts";
import { toGenerationRow, toImageRow } from "../../src/adapters/sql/generations/rows.ts";
import { termsOf } from "../../src/adapters/sql/generations/search-terms.ts";
import type { Generation, Image } from "../../src/ports/records.ts";
import { type Random, seededRandom } from "../../test/support/random.ts";
import { idAt } from "../../test/support/stores/ids.ts";

/** How many generations there are. */
export const COUNT = 100_000;
/** How many are written by one statement. */
const STEP = 400;
const FIRST_AT = Date.parse("2026-08-23T00:00:00Z");
const LAST_AT = Date.parse("2026-11-30T00:00:00Z");
const SIZE = { width: 1024, height: 1024 };
const VOCABULARY = 5_000;
const SYLLABLES = ["ba", "co", "da", "fe", "gu", "la", "mi", "no", "pe", "ra", "sa", "so", "sto", "ti", "vu", "ze"];

/** Writes a history of three months into empty tables: most of it of one project, with prompts of about 20 words. */
export async function fillHistory(database: Kysely<Database>, search: SearchEngine, count = COUNT): Promise<void> {
  const random = seededRandom(1);
  const words = Array.from({ length: VOCABULARY }, () =>
    Array.from({ length: random.whole(1, 4) }, () => random.pick(SYLLABLES)).join(""),
  );
  await database.transaction().execute(async (transaction) => {
    for (let start = 0; start < count; start += STEP) {
      const generations = Array.from({ length: STEP }, (_, i) => generationOf(start + i, words, random));
      const images = generations.flatMap((generation) => imagesOf(generation, random));
      await transaction
        .insertInto("generations")
        .values(generations.map((generation): GenerationRow => toGenerationRow(generation)))
        .execute();
      await transaction
        .insertInto("search_entries")
        .values(
          generations.map((generation) => ({
            generation_id: generation.id,
            project_id: generation.projectId,
            end_user: generation.endUser ?? null,
            terms: search.toColumn(termsOf(generation).join(" ")),
          })),
        )
        .execute();
      await transaction
        .insertInto("images")
        .values(images.map((image): ImageRow => toImageRow(image)))
        .execute();
    }
  });
}

function generationOf(index: number, words: readonly string[], random: Random): Generation {
  const createdAt = new Date(FIRST_AT + Math.floor((index / COUNT) * (LAST_AT - FIRST_AT)));
  const isEdit = random.whole(1, 20) === 1;
  const source = { key: "s", ...SIZE, format: "PNG", byteSize: 1_000_000, sha256: "0".repeat(64) } as const;
  return {
    id: idAt("gen", createdAt, random),
    projectId: random.whole(1, 20) === 1 ? "proj_other" : "proj_public",
    endUser: random.whole(1, 2) === 1 ? `user-${random.whole(0, 200)}` : undefined,
    metadata: random.whole(1, 5) === 1 ? [{ key: "album", value: String(random.whole(0, 50)) }] : undefined,
    prompt: promptOf(index, words, random),
    model: random.whole(1, 2_000) === 1 ? "gpt-image-2" : "illustrator-1",
    n: 1,
    requestedSize: SIZE,
    modelSize: SIZE,
    generatedSize: SIZE,
    quality: "AUTO",
    format: "PNG",
    background: "AUTO",
    edit: isEdit ? { images: [source] } : undefined,
    warnings: [{ code: "NOT_DRAWN", message: "the illustrator has no word for some of this prompt" }],
    inputHash: "0".repeat(64),
    maxCost: "0.000000",
    cost: "0.000000",
    status: random.whole(1, 50) === 1 ? "FAILED" : "SUCCEEDED",
    createdAt,
    startedAt: createdAt,
    finishedAt: createdAt,
  };
}

/** Common words come up far more often than others, as in any language. */
function promptOf(index: number, words: readonly string[], random: Random): string {
  if (index % 10 === 3)
    return random.whole(1, 3) === 1 ? "一只红狐狸在雪地里,夜晚,高清" : "海边的日落,水彩画,温暖的颜色";
  const usual = Array.from({ length: 20 }, () => words[Math.floor(words.length * (random.whole(0, 999) / 1000) ** 3)]);
  const special = [
    ...(random.whole(1, 3) === 1 ? ["a red fox"] : []),
    ...(random.whole(1, 10) === 1 ? ["in the snow"] : []),
    ...(random.whole(1, 2_000) === 1 ? ["unicorn"] : []),
  ];
  return [...special, ...usual].join(" ");
}

function imagesOf(generation: Generation, random: Random): Image[] {
  const { id: generationId, projectId, endUser, status, createdAt } = generation;
  if (status !== "SUCCEEDED") return [];
  return Array.from({ length: random.whole(1, 2) }, (_, index): Image => {
    const id = idAt("img", createdAt, random);
    const key = `${generationId}/${id}/original`;
    return {
      id,
      generationId,
      projectId,
      endUser,
      index,
      key,
      originalKey: key,
      ...SIZE,
      format: "PNG",
      byteSize: 2_000_000,
      sha256: "0".repeat(64),
      placeholder: `data:image/webp;base64,${"A".repeat(160)}`,
      ...(random.whole(1, 100) === 1 && { isFavorite: true }),
      createdAt,
    };
  });
}
