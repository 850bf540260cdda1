import { type Kysely, sql } from "kysely";
import type { DerivativeRecords, StoredDerivative } from "../../../ports/derivative-records.ts";
import type { Database } from "../database.ts";

/** {@link DerivativeRecords} in SQL, the same statements on every engine. */
export class SqlDerivatives implements DerivativeRecords {
  readonly #database: Kysely<Database>;

  constructor(database: Kysely<Database>) {
    this.#database = database;
  }

  async add(derivative: StoredDerivative): Promise<boolean> {
    const { numInsertedOrUpdatedRows = 0n } = await insert(this.#database, derivative)
      .onConflict((conflict) =>
        conflict.column("object_key").doUpdateSet((row) => ({
          byte_size: row.ref("excluded.byte_size"),
          used_at: row.ref("excluded.used_at"),
        })),
      )
      .executeTakeFirst();
    return numInsertedOrUpdatedRows > 0n;
  }

  async addFound(found: readonly StoredDerivative[]): Promise<void> {
    const keys = found.map(({ key }) => key);
    const known = await this.#database
      .selectFrom("derivatives")
      .select("object_key")
      .where("object_key", "in", keys)
      .execute();
    const knownKeys = new Set(known.map((row) => row.object_key));
    const unknown = found.filter(({ key }) => !knownKeys.has(key));
    if (unknown.length === 0) return;
    await this.#database.transaction().execute(async (transaction) => {
      for (const derivative of unknown) {
        await insert(transaction, derivative)
          .onConflict((conflict) => conflict.column("object_key").doNothing())
          .execute();
      }
    });
  }

  async markUsed(keys: readonly string[], at: Date): Promise<void> {
    await this.#database
      .updateTable("derivatives")
      .set({ used_at: at.getTime() })
      .where("object_key", "in", keys)
      .execute();
  }

  async totalBytes(): Promise<number> {
    const { total } = await this.#database
      .selectFrom("derivatives")
      .select((row) => row.fn.sum("byte_size").as("total"))
      .executeTakeFirstOrThrow();
    return Number(total ?? 0);
  }

  async leastRecentlyUsed(limit: number): Promise<readonly StoredDerivative[]> {
    const rows = await this.#database
      .selectFrom("derivatives")
      .selectAll()
      .orderBy("used_at")
      .orderBy("object_key")
      .limit(limit)
      .execute();
    return rows.map(toDerivative);
  }

  async beyond(imageId: string, count: number): Promise<readonly StoredDerivative[]> {
    const rows = await this.#database
      .selectFrom("derivatives")
      .selectAll()
      .where("image_id", "=", imageId)
      .orderBy("used_at", "desc")
      .execute();
    return rows.slice(count).map(toDerivative);
  }

  async remove(keys: readonly string[]): Promise<void> {
    await this.#database.deleteFrom("derivatives").where("object_key", "in", keys).execute();
  }
}

/** Inserts a derivative only if its image exists. The image may be deleted at the same moment. */
function insert(database: Kysely<Database>, { key, imageId, byteSize, usedAt }: StoredDerivative) {
  return database
    .insertInto("derivatives")
    .columns(["object_key", "image_id", "byte_size", "used_at"])
    .expression(
      database
        .selectFrom("images")
        .select([
          sql<string>`cast(${key} as text)`.as("object_key"),
          "images.id as image_id",
          sql<number>`cast(${byteSize} as bigint)`.as("byte_size"),
          sql<number>`cast(${usedAt.getTime()} as bigint)`.as("used_at"),
        ])
        .where("images.id", "=", imageId),
    );
}

/** Converts a row. PostgreSQL returns a `bigint` as text. */
export function toDerivative(row: Database["derivatives"]): StoredDerivative {
  return {
    key: row.object_key,
    imageId: row.image_id,
    byteSize: Number(row.byte_size),
    usedAt: new Date(Number(row.used_at)),
  };
}
