import type { Insertable, Kysely, Selectable } from "kysely";
import type { Background, ImageFormat, PixelSize, Quality } from "../ports/image-provider.ts";
import type {
  Generation,
  GenerationOrder,
  GenerationOutcome,
  GenerationSlice,
  GenerationStatus,
  Image,
  Records,
} from "../ports/records.ts";
import type { Database, GenerationRow, ImageRow } from "./database.ts";

/** {@link Records} in SQL, the same statements on every engine. */
export class SqlRecords implements Records {
  readonly #database: Kysely<Database>;

  constructor(database: Kysely<Database>) {
    this.#database = database;
  }

  async accept(order: GenerationOrder): Promise<{ generation: Generation; isNew: boolean }> {
    return this.#database.transaction().execute(async (transaction) => {
      const { owner, idempotency } = order;
      if (idempotency) {
        await transaction
          .updateTable("generations")
          .set({ idempotency_key: null })
          .where("owner", "=", owner)
          .where("idempotency_key", "=", idempotency.key)
          .where("idempotency_expires_at", "<=", order.createdAt.getTime())
          .execute();
      }
      const inserted = await transaction
        .insertInto("generations")
        .values(toGenerationRow(order))
        .onConflict((conflict) => conflict.columns(["owner", "idempotency_key"]).doNothing())
        .returningAll()
        .executeTakeFirst();
      if (inserted) return { generation: toGeneration(inserted), isNew: true };
      const earlier = await transaction
        .selectFrom("generations")
        .selectAll()
        .where("owner", "=", owner)
        .where("idempotency_key", "=", idempotency?.key ?? null)
        .executeTakeFirstOrThrow();
      return { generation: toGeneration(earlier), isNew: false };
    });
  }

  async start(id: string, at: Date): Promise<Generation | undefined> {
    const row = await this.#database
      .updateTable("generations")
      .set({ status: "RUNNING", started_at: at.getTime() })
      .where("id", "=", id)
      .where("status", "=", "QUEUED")
      .returningAll()
      .executeTakeFirst();
    return row && toGeneration(row);
  }

  async addImage(image: Image, generatedSize: PixelSize): Promise<boolean> {
    return this.#database.transaction().execute(async (transaction) => {
      const { numUpdatedRows } = await transaction
        .updateTable("generations")
        .set({ generated_width: generatedSize.width, generated_height: generatedSize.height })
        .where("id", "=", image.generationId)
        .where("status", "=", "RUNNING")
        .executeTakeFirst();
      if (numUpdatedRows === 0n) return false;
      await transaction.insertInto("images").values(toImageRow(image)).execute();
      return true;
    });
  }

  async finish(id: string, outcome: GenerationOutcome, at: Date): Promise<boolean> {
    const { numUpdatedRows } = await this.#database
      .updateTable("generations")
      .set({
        status: outcome.status,
        failure: outcome.status === "FAILED" ? JSON.stringify(outcome.failure) : null,
        usage: outcome.usage ? JSON.stringify(outcome.usage) : null,
        finished_at: at.getTime(),
      })
      .where("id", "=", id)
      .where("status", "=", "RUNNING")
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  async idsInStatus(status: GenerationStatus): Promise<readonly string[]> {
    const rows = await this.#database
      .selectFrom("generations")
      .select("id")
      .where("status", "=", status)
      .orderBy("id")
      .execute();
    return rows.map((row) => row.id);
  }

  async findGenerations(ids: readonly string[]): Promise<readonly Generation[]> {
    if (ids.length === 0) return [];
    const rows = await this.#database.selectFrom("generations").selectAll().where("id", "in", ids).execute();
    return rows.map(toGeneration);
  }

  async listGenerations(slice: GenerationSlice): Promise<readonly Generation[]> {
    let query = this.#database.selectFrom("generations").selectAll().where("owner", "=", slice.owner);
    if (slice.status) query = query.where("status", "=", slice.status);
    if (slice.olderThan) query = query.where("id", "<", slice.olderThan);
    if (slice.newerThan) query = query.where("id", ">", slice.newerThan);
    const rows = await query
      .orderBy("id", slice.from === "newest" ? "desc" : "asc")
      .limit(slice.limit)
      .execute();
    const generations = rows.map(toGeneration);
    return slice.from === "newest" ? generations : generations.reverse();
  }

  async findImages(ids: readonly string[]): Promise<readonly Image[]> {
    if (ids.length === 0) return [];
    const rows = await this.#database.selectFrom("images").selectAll().where("id", "in", ids).execute();
    return rows.map(toImage);
  }

  async findImagesOf(generationIds: readonly string[]): Promise<readonly Image[]> {
    if (generationIds.length === 0) return [];
    const rows = await this.#database
      .selectFrom("images")
      .selectAll()
      .where("generation_id", "in", generationIds)
      .orderBy("generation_id")
      .orderBy("position")
      .execute();
    return rows.map(toImage);
  }

  async close(): Promise<void> {
    await this.#database.destroy();
  }
}

function toGenerationRow(order: GenerationOrder): Insertable<GenerationRow> {
  return {
    id: order.id,
    owner: order.owner,
    status: "QUEUED",
    prompt: order.prompt,
    model: order.model,
    n: order.n,
    requested_width: order.requestedSize.width,
    requested_height: order.requestedSize.height,
    model_width: order.modelSize.width,
    model_height: order.modelSize.height,
    generated_width: null,
    generated_height: null,
    quality: order.quality,
    format: order.format,
    background: order.background,
    seed: order.seed ?? null,
    warnings: JSON.stringify(order.warnings),
    failure: null,
    usage: null,
    idempotency_key: order.idempotency?.key ?? null,
    input_hash: order.idempotency?.inputHash ?? null,
    idempotency_expires_at: order.idempotency?.expiresAt.getTime() ?? null,
    created_at: order.createdAt.getTime(),
    started_at: null,
    finished_at: null,
  };
}

function toGeneration(row: Selectable<GenerationRow>): Generation {
  return {
    id: row.id,
    owner: row.owner,
    status: row.status,
    prompt: row.prompt,
    model: row.model,
    n: row.n,
    requestedSize: { width: row.requested_width, height: row.requested_height },
    modelSize: { width: row.model_width, height: row.model_height },
    quality: row.quality as Quality,
    format: row.format as ImageFormat,
    background: row.background as Background,
    warnings: JSON.parse(row.warnings),
    createdAt: new Date(Number(row.created_at)),
    ...(row.seed !== null && { seed: row.seed }),
    ...(row.generated_width !== null &&
      row.generated_height !== null && {
        generatedSize: { width: row.generated_width, height: row.generated_height },
      }),
    ...(row.failure !== null && { failure: JSON.parse(row.failure) }),
    ...(row.usage !== null && { usage: JSON.parse(row.usage) }),
    ...(row.idempotency_key !== null && {
      idempotency: {
        key: row.idempotency_key,
        inputHash: row.input_hash ?? "",
        expiresAt: new Date(Number(row.idempotency_expires_at)),
      },
    }),
    ...(row.started_at !== null && { startedAt: new Date(Number(row.started_at)) }),
    ...(row.finished_at !== null && { finishedAt: new Date(Number(row.finished_at)) }),
  };
}

function toImageRow(image: Image): Insertable<ImageRow> {
  return {
    id: image.id,
    generation_id: image.generationId,
    owner: image.owner,
    position: image.index,
    object_key: image.key,
    original_key: image.originalKey,
    width: image.width,
    height: image.height,
    format: image.format,
    byte_size: image.byteSize,
    sha256: image.sha256,
    placeholder: image.placeholder,
    created_at: image.createdAt.getTime(),
  };
}

function toImage(row: Selectable<ImageRow>): Image {
  return {
    id: row.id,
    generationId: row.generation_id,
    owner: row.owner,
    index: row.position,
    key: row.object_key,
    originalKey: row.original_key,
    width: row.width,
    height: row.height,
    format: row.format as ImageFormat,
    byteSize: row.byte_size,
    sha256: row.sha256,
    placeholder: row.placeholder,
    createdAt: new Date(Number(row.created_at)),
  };
}
