import { type Expression, type Kysely, type SqlBool, sql } from "kysely";
import type { PixelSize } from "../../ports/image-provider.ts";
import type {
  AcceptanceTerms,
  AcceptedGeneration,
  Claim,
  Cost,
  Generation,
  GenerationFailure,
  GenerationOrder,
  GenerationOutcome,
  Image,
  ModelBacklog,
  ModelChange,
  Preview,
  Records,
  Refusal,
  UnrecordedImage,
} from "../../ports/records.ts";
import { readBacklog } from "./backlog.ts";
import type { Database } from "./database.ts";
import type { Engine } from "./engine.ts";
import { findByKeys } from "./generations/idempotency-keys.ts";
import { toChanges, toGeneration, toImage, toPreviewText } from "./generations/rows.ts";
import { SearchEntries } from "./generations/search-entries.ts";
import { SqlAcceptance } from "./generations/sql-acceptance.ts";
import { SqlDerivatives } from "./generations/sql-derivatives.ts";
import { SqlHistory } from "./generations/sql-history.ts";
import { SqlInventory } from "./generations/sql-inventory.ts";
import { atMost, costChanges, endOf, isEstimated, isRunBy, SqlRuns } from "./generations/sql-runs.ts";
import { hasStatus, isUnfinished } from "./generations/unfinished.ts";
import { NEEDED_MIGRATIONS, SWEEP } from "./migrations/migrations.ts";
import { type Place, PreparedStatement, padded, placeList } from "./prepared.ts";
import { SqlProjects } from "./projects/sql-projects.ts";
import { SqlRates } from "./projects/sql-rates.ts";
import { SqlLedger } from "./spending/sql-ledger.ts";
import { SqlWebhooks } from "./webhooks/sql-webhooks.ts";
import { WebhookOutbox } from "./webhooks/webhook-outbox.ts";

const NO_COST: Cost = { usd: "0.000000", isEstimated: false };

/**
 * {@link Records} in SQL, the same statements on every engine. Longer than other files because one class implements the
 * port: its statements share transactions and the ledger.
 */
export class SqlRecords implements Records {
  /** In the same database. */
  readonly derivatives: SqlDerivatives;
  /** In the same database. */
  readonly projects: SqlProjects;
  /** Lists of these records. */
  readonly history: SqlHistory;
  /** Everything that these records name. */
  readonly inventory: SqlInventory;
  /** In the same database. */
  readonly ledger: SqlLedger;
  /** In the same database. */
  readonly webhooks: SqlWebhooks;
  readonly #database: Kysely<Database>;
  readonly #hasRowLocks: boolean;
  readonly #rates = new SqlRates();
  readonly #outbox = new WebhookOutbox();
  readonly #entries: SearchEntries;
  readonly #acceptance: SqlAcceptance;
  readonly #runs: SqlRuns;

  /** @param momentOf when something happens that this process takes for `atMs`, in milliseconds since 1970 UTC */
  constructor(database: Kysely<Database>, engine: Engine, momentOf: (atMs: number) => Expression<number>) {
    const { search, hasRowLocks } = engine;
    this.derivatives = new SqlDerivatives(database);
    this.projects = new SqlProjects(database);
    this.#entries = new SearchEntries(database, engine);
    this.history = new SqlHistory(database, search, this.#entries);
    this.inventory = new SqlInventory(database);
    this.#database = database;
    this.#hasRowLocks = hasRowLocks;
    this.ledger = new SqlLedger(database, momentOf, this.#outbox, engine);
    this.#acceptance = new SqlAcceptance({
      database,
      entries: this.#entries,
      ledger: this.ledger,
      rates: this.#rates,
      outbox: this.#outbox,
      hasRowLocks,
    });
    this.#runs = new SqlRuns({ database, ledger: this.ledger, outbox: this.#outbox, hasRowLocks });
    this.webhooks = new SqlWebhooks(database, this.#outbox, hasRowLocks);
  }

  accept(order: GenerationOrder, terms: AcceptanceTerms, claim?: Claim): Promise<AcceptedGeneration | Refusal> {
    return this.#acceptance.accept(order, terms, claim);
  }

  start(id: string, claim: Claim): Promise<Generation | undefined> {
    return this.#runs.start(id, claim);
  }

  addImage(image: Image, generatedSize: PixelSize, worker: string): Promise<boolean> {
    return this.#runs.addImage(image, generatedSize, worker);
  }

  finish(id: string, worker: string, outcome: GenerationOutcome, at: Date, last?: UnrecordedImage): Promise<boolean> {
    return this.#runs.finish({ id, worker, outcome, at, last });
  }

  async extendLeases(worker: string, leaseUntil: Date): Promise<readonly string[]> {
    const rows = await this.#database
      .updateTable("generations")
      .set({ lease_until: leaseUntil.getTime() })
      .where("id", "in", ({ selectFrom }) => {
        const own = selectFrom("generations").select("id").where("worker", "=", worker).where(hasStatus("RUNNING"));
        return this.#hasRowLocks ? own.orderBy("id").forUpdate() : own;
      })
      .returning("id")
      .execute();
    return rows.map((row) => row.id);
  }

  async keepPlaceholder(imageId: string, placeholder: string): Promise<void> {
    await this.#database.updateTable("images").set({ placeholder }).where("id", "=", imageId).execute();
  }

  async addPreview(id: string, preview: Preview, worker: string): Promise<boolean> {
    const { numUpdatedRows } = await this.#database
      .updateTable("generations")
      .set({ previews: sql`coalesce(previews, '') || cast(${toPreviewText(preview)} as text)` })
      .where("id", "=", id)
      .where(isRunBy(worker))
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  async changeModel(id: string, worker: string, next: ModelChange): Promise<Generation | undefined> {
    const fallbacks = next.fallbacks.length > 0 ? next.fallbacks : undefined;
    return this.#database.transaction().execute(async (transaction) => {
      const row = await transaction
        .updateTable("generations")
        .set(toChanges({ ...next, fallbacks }))
        .where("id", "=", id)
        .where("worker", "=", worker)
        .where("status", "=", "RUNNING")
        .returningAll()
        .executeTakeFirst();
      if (row) await this.ledger.changeModel(transaction, id, next.model);
      return row && toGeneration(row);
    });
  }

  async park(id: string, worker: string): Promise<boolean> {
    const { numUpdatedRows } = await this.#database
      .updateTable("generations")
      .set({ ...toChanges({ status: "QUEUED", startedAt: undefined }), worker: null, lease_until: null })
      .where("id", "=", id)
      .where("worker", "=", worker)
      .where("status", "=", "RUNNING")
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  async correctCost(id: string, cost: Cost, imageCount?: number): Promise<void> {
    await this.#database.transaction().execute(async (transaction) => {
      // The row of a deleted generation is gone, but its row in the ledger stays.
      await transaction
        .updateTable("generations")
        .set(costChanges(cost))
        .where("id", "=", id)
        .where("cost_is_estimated", "=", 1)
        .execute();
      await this.ledger.correct(transaction, id, cost, imageCount);
    });
  }

  async interruptExpired(failure: GenerationFailure, at: Date): Promise<readonly string[]> {
    return this.#outbox.within(this.#database, async (transaction) => {
      const rows = await transaction
        .updateTable("generations")
        .set((row) => ({ ...toChanges({ status: "FAILED", failure, finishedAt: at }), ...atMost(row) }))
        .where("id", "in", ({ selectFrom }) => {
          const expired = selectFrom("generations")
            .select("id")
            .where(hasStatus("RUNNING"))
            .where("lease_until", "<", at.getTime());
          // A row that is locked is being changed by a worker that is alive.
          return this.#hasRowLocks ? expired.orderBy("id").forUpdate().skipLocked() : expired;
        })
        .returning((row) => ["id", "project_id", this.#outbox.countEndpoints(row.ref("generations.project_id"))])
        .execute();
      const ids = rows.map((row) => row.id);
      await this.ledger.settleAsHeld(transaction, ids);
      await this.#outbox.tell(transaction, rows, (id) => endOf(id, "FAILED", at, failure), at);
      return ids;
    });
  }

  async cancel(id: string, failureWhenRunning: GenerationFailure, at: Date): Promise<boolean> {
    return this.#outbox.within(this.#database, async (transaction) => {
      const canceled = await transaction
        .updateTable("generations")
        .set((row) => ({
          ...toChanges({ status: "CANCELED", finishedAt: at }),
          failure: row.case().when("status", "=", "RUNNING").then(JSON.stringify(failureWhenRunning)).else(null).end(),
          cost: row.case().when("status", "=", "QUEUED").then(NO_COST.usd).else(row.ref("max_cost")).end(),
          cost_is_estimated: isEstimated(
            row,
            row.and([row("status", "=", "RUNNING"), row("max_cost", "is not", null)]),
          ),
          lease_until: null,
        }))
        .where("id", "=", id)
        .where("status", "in", ["QUEUED", "RUNNING"])
        .returning((row) => [
          "id",
          "project_id",
          "failure",
          this.#outbox.countEndpoints(row.ref("generations.project_id")),
        ])
        .executeTakeFirst();
      if (!canceled) return false;
      const wasQueued = canceled.failure === null;
      if (wasQueued) await this.ledger.settle(transaction, id, NO_COST, 0);
      else await this.ledger.settleAsHeld(transaction, [id]);
      const failure = wasQueued ? undefined : failureWhenRunning;
      await this.#outbox.tell(transaction, [canceled], () => endOf(id, "CANCELED", at, failure), at);
      return true;
    });
  }

  async setFavorite(imageId: string, isFavorite: boolean): Promise<void> {
    await this.#database
      .updateTable("images")
      .set({ is_favorite: isFavorite ? 1 : null })
      .where("id", "=", imageId)
      .execute();
  }

  async removeImage(imageId: string): Promise<void> {
    await this.#database.deleteFrom("images").where("id", "=", imageId).execute();
  }

  async remove(id: string): Promise<void> {
    await this.#database.transaction().execute(async (transaction) => {
      const removed = await transaction
        .deleteFrom("generations")
        .where("id", "=", id)
        .returning("status")
        .executeTakeFirst();
      if (removed?.status === "QUEUED") await this.ledger.settle(transaction, id, NO_COST, 0);
      if (removed?.status === "RUNNING") await this.ledger.settleAsHeld(transaction, [id]);
    });
  }

  backlog(): Promise<readonly ModelBacklog[]> {
    return readBacklog(this.#database);
  }

  idsQueuedBefore(at: Date, limit: number): Promise<readonly string[]> {
    return this.#idsBefore(at, hasStatus("QUEUED"), limit);
  }

  idsEndedBefore(at: Date, limit: number): Promise<readonly string[]> {
    return this.#idsBefore(at, sql`not ${isUnfinished()}`, limit);
  }

  /** The oldest ids before a time. Ids sort by time, so only the first entries of an index are read. */
  async #idsBefore(at: Date, condition: Expression<SqlBool>, limit: number): Promise<readonly string[]> {
    const oldest = await this.#database
      .selectFrom("generations")
      .select(["id", "created_at"])
      .where(condition)
      .orderBy("id")
      .limit(limit)
      .execute();
    return oldest.filter((row) => Number(row.created_at) < at.getTime()).map((row) => row.id);
  }

  async findGenerations(ids: readonly string[]): Promise<readonly Generation[]> {
    if (ids.length === 0) return [];
    const wanted = padded(ids);
    const { rows } = await FIND_GENERATIONS.run(this.#database, wanted, { ids: wanted.length });
    return rows.map(toGeneration);
  }

  async findByIdempotencyKey(projectId: string, key: string, at: Date): Promise<Generation | undefined> {
    const [row] = await findByKeys(this.#database, projectId, [key]);
    const generation = row && toGeneration(row);
    return generation?.idempotency && generation.idempotency.expiresAt > at ? generation : undefined;
  }

  async findLatestOf(projectId: string, inputHash: string, since: Date, limit: number): Promise<readonly Generation[]> {
    const rows = await this.#database
      .selectFrom("generations")
      .selectAll()
      .where("project_id", "=", projectId)
      .where("input_hash", "=", inputHash)
      .where("created_at", ">=", since.getTime())
      .orderBy("id", "desc")
      .limit(limit)
      .execute();
    return rows.map(toGeneration);
  }

  async findImages(ids: readonly string[]): Promise<readonly Image[]> {
    if (ids.length === 0) return [];
    const rows = await this.#database.selectFrom("images").selectAll().where("id", "in", padded(ids)).execute();
    return rows.map(toImage);
  }

  async findImagesOf(generationIds: readonly string[]): Promise<readonly Image[]> {
    if (generationIds.length === 0) return [];
    const wanted = padded(generationIds);
    const { rows } = await FIND_IMAGES_OF.run(this.#database, wanted, { ids: wanted.length });
    return rows.map(toImage);
  }

  async claimSweep(at: Date, until: Date): Promise<boolean> {
    const { numUpdatedRows } = await this.#database
      .updateTable("chores")
      .set({ claimed_until: until.getTime() })
      .where("name", "=", SWEEP)
      .where("claimed_until", "<=", at.getTime())
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  async forgetAddresses(at: Date): Promise<void> {
    await this.#rates.forgetAddresses(this.#database, at);
  }

  async begunAt(): Promise<Date> {
    const { timestamp } = await this.#database
      .selectFrom("kysely_migration")
      .select("timestamp")
      .orderBy("name")
      .limit(1)
      .executeTakeFirstOrThrow();
    return new Date(timestamp);
  }

  async ping(): Promise<void> {
    const applied = await this.#database
      .selectFrom("kysely_migration")
      .select("name")
      .where("name", "in", NEEDED_MIGRATIONS)
      .execute();
    if (applied.length < NEEDED_MIGRATIONS.length) throw new Error("migrations that this version needs are missing");
  }

  async close(): Promise<void> {
    // If the store fails now, the next start enters what is missing.
    await this.#entries.untilEntered().catch(() => {});
    await this.#database.destroy();
  }
}

type IdCount = { readonly ids: number };

const FIND_GENERATIONS = new PreparedStatement((database, place: Place<readonly string[]>, { ids }: IdCount) =>
  database
    .selectFrom("generations")
    .selectAll()
    .where(
      "id",
      "in",
      placeList(place, ids, (wanted) => wanted),
    ),
);

const FIND_IMAGES_OF = new PreparedStatement((database, place: Place<readonly string[]>, { ids }: IdCount) =>
  database
    .selectFrom("images")
    .selectAll()
    .where(
      "generation_id",
      "in",
      placeList(place, ids, (wanted) => wanted),
    )
    .orderBy("generation_id")
    .orderBy("position"),
);
