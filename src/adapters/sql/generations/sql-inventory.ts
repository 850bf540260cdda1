import type { Kysely } from "kysely";
import type { StoredDerivative } from "../../../ports/derivative-records.ts";
import type { Inventory } from "../../../ports/inventory.ts";
import type { Generation, Image } from "../../../ports/records.ts";
import type { Database } from "../database.ts";
import { toGeneration, toImage } from "./rows.ts";
import { toDerivative } from "./sql-derivatives.ts";
import { hasStatus } from "./unfinished.ts";

/** {@link Inventory} in SQL, the same statements on every engine. */
export class SqlInventory implements Inventory {
  readonly #database: Kysely<Database>;

  constructor(database: Kysely<Database>) {
    this.#database = database;
  }

  async imageCount(): Promise<number> {
    const { count } = await this.#database
      .selectFrom("images")
      .select((row) => row.fn.countAll().as("count"))
      .executeTakeFirstOrThrow();
    return Number(count);
  }

  async imagesAfter(id: string, limit: number): Promise<readonly Image[]> {
    const rows = await this.#database
      .selectFrom("images")
      .selectAll()
      .where("id", ">", id)
      .orderBy("id")
      .limit(limit)
      .execute();
    return rows.map(toImage);
  }

  async queuedEditsAfter(id: string, limit: number): Promise<readonly Generation[]> {
    const rows = await this.#database
      .selectFrom("generations")
      .selectAll()
      .where(hasStatus("QUEUED"))
      .where("edit", "is not", null)
      .where("id", ">", id)
      .orderBy("id")
      .limit(limit)
      .execute();
    return rows.map(toGeneration);
  }

  async derivativesAfter(key: string, limit: number): Promise<readonly StoredDerivative[]> {
    const rows = await this.#database
      .selectFrom("derivatives")
      .selectAll()
      .where("object_key", ">", key)
      .orderBy("object_key")
      .limit(limit)
      .execute();
    return rows.map(toDerivative);
  }
}
