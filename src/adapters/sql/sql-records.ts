import { type Expression, type ExpressionBuilder, type Kysely, type SqlBool, sql } from "kysely";
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
  GenerationStatus,
  Image,
  ModelBacklog,
  ModelChange,
  Preview,
  Records,
  Refusal,
  UnrecordedImage,
} from "../../ports/records.ts";
import type { WebhookEvent } from "../../ports/webhooks.ts";
import { readBacklog } from "./backlog.ts";
import type { Database, GenerationRow } from "./database.ts";
import type { Engine, SearchEngine } from "./engine.ts";
import { toChanges, toGeneration, toGenerationRow, toImage, toImageRow, toPreviewText } from "./generations/rows.ts";
import { termsOf } from "./generations/search-terms.ts";
import { SqlDerivatives } from "./generations/sql-derivatives.ts";
import { SqlHistory } from "./generations/sql-history.ts";
import { SqlInventory } from "./generations/sql-inventory.ts";
import { NEEDED_MIGRATIONS, SWEEP } from "./migrations/migrations.ts";
import { runPrepared } from "./prepared.ts";
import { SqlProjects } from "./projects/sql-projects.ts";
import { SqlRates } from "./projects/sql-rates.ts";
import { SqlLedger } from "./spending/sql-ledger.ts";
import { SqlWebhooks } from "./webhooks/sql-webhooks.ts";
import { WebhookOutbox } from "./webhooks/webhook-outbox.ts";

const ENDED = ["SUCCEEDED", "FAILED", "CANCELED"] as const satisfies readonly GenerationStatus[];
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
  readonly #search: SearchEngine;
  readonly #hasRowLocks: boolean;
  readonly #rates = new SqlRates();
  readonly #outbox = new WebhookOutbox();

  /** @param momentOf when something happens that this process takes for `atMs`, in milliseconds since 1970 UTC */
  constructor(database: Kysely<Database>, engine: Engine, momentOf: (atMs: number) => Expression<number>) {
    const { search, hasRowLocks } = engine;
    this.derivatives = new SqlDerivatives(database);
    this.projects = new SqlProjects(database);
    this.history = new SqlHistory(database, search);
    this.inventory = new SqlInventory(database);
    this.#database = database;
    this.#search = search;
    this.#hasRowLocks = hasRowLocks;
    this.ledger = new SqlLedger(database, momentOf, this.#outbox, engine);
    this.webhooks = new SqlWebhooks(database, this.#outbox, hasRowLocks);
  }

  async accept(order: GenerationOrder, terms: AcceptanceTerms): Promise<AcceptedGeneration | Refusal> {
    const { ledger } = this;
    const { rates: rules = [] } = terms;
    return this.#withOutbox(async (transaction) => {
      const { projectId, idempotency } = order;
      if (idempotency) await forgetExpiredKey(transaction, projectId, idempotency.key, order.createdAt);
      const findEarlier = async (): Promise<AcceptedGeneration | undefined> => {
        const earlier = idempotency && (await findByKey(transaction, projectId, idempotency.key));
        return earlier && { generation: toGeneration(earlier), isNew: false, rates: [] };
      };
      const earlier = await findEarlier();
      if (earlier) return earlier;
      const gate = await ledger.readGate(transaction, order, terms);
      if (gate.queued >= terms.maxQueued) return "QUEUE_FULL";
      const rates = await this.#rates.count(transaction, order, rules, gate.at);
      // While this waited for a lock, the same request may have been accepted, and may have used up the limit.
      if ("exceeded" in rates) return (await findEarlier()) ?? rates;
      const held = await ledger.hold(transaction, order, gate);
      if ("refusal" in held) {
        const { refusal } = held;
        await this.#rates.uncount(transaction, order, rules);
        const sameRequest = await findEarlier();
        if (!sameRequest) await ledger.tellOfRefusal(transaction, order, gate, refusal);
        return sameRequest ?? refusal;
      }
      const row = toGenerationRow({ ...order, status: "QUEUED" });
      if (await insertGeneration(transaction, row)) {
        await this.#enterTerms(transaction, order);
        await ledger.enter(transaction, order, gate);
        await ledger.tellOfThresholds(transaction, order, gate, held.windows);
        return { generation: toGeneration(row), isNew: true, rates };
      }
      await this.#rates.uncount(transaction, order, rules);
      await ledger.release(transaction, order, gate);
      const sameInstant = await findEarlier();
      if (!sameInstant) throw new Error("a generation was neither stored nor found");
      return sameInstant;
    });
  }

  async #enterTerms(transaction: Kysely<Database>, order: GenerationOrder): Promise<void> {
    const { id, projectId, endUser = null } = order;
    await transaction
      .insertInto("search_entries")
      .values({
        generation_id: id,
        project_id: projectId,
        end_user: endUser,
        terms: this.#search.toColumn(termsOf(order)),
      })
      .execute();
  }

  async start(id: string, claim: Claim): Promise<Generation | undefined> {
    const changes = {
      ...toChanges({ status: "RUNNING", startedAt: claim.at }),
      worker: claim.worker,
      lease_until: claim.leaseUntil.getTime(),
    };
    const { rows } = await runPrepared(this.#database, "start", { id, changes }, (database, values) =>
      database
        .updateTable("generations")
        .set(values.changes)
        .where("id", "=", values.id)
        .where("status", "=", "QUEUED")
        .returningAll(),
    );
    return rows[0] && toGeneration(rows[0]);
  }

  async extendLeases(worker: string, leaseUntil: Date): Promise<readonly string[]> {
    const rows = await this.#database
      .updateTable("generations")
      .set({ lease_until: leaseUntil.getTime() })
      .where("id", "in", ({ selectFrom }) => {
        const own = selectFrom("generations").select("id").where("worker", "=", worker).where("status", "=", "RUNNING");
        return this.#hasRowLocks ? own.orderBy("id").forUpdate() : own;
      })
      .returning("id")
      .execute();
    return rows.map((row) => row.id);
  }

  async addImage(image: Image, generatedSize: PixelSize, worker: string): Promise<boolean> {
    return this.#withOutbox(async (transaction) => {
      const changes = toChanges({ generatedSize });
      const generation = await this.#updateRunBy(transaction, worker, { id: image.generationId, changes });
      if (generation) await this.#insertImage(transaction, image, generation);
      return generation !== undefined;
    });
  }

  async #insertImage(transaction: Kysely<Database>, image: Image, generation: Told): Promise<void> {
    const { numAffectedRows } = await runPrepared(transaction, "add image", toImageRow(image), (database, row) =>
      database
        .insertInto("images")
        .values(row)
        // A worker repeats the insert when it did not receive the response to the first one.
        .onConflict((conflict) => conflict.column("id").doNothing()),
    );
    if (!numAffectedRows) return;
    const { id: imageId, generationId, createdAt } = image;
    await this.#tell(transaction, [generation], () => ({ type: "image.ready", generationId, imageId }), createdAt);
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

  async finish(
    id: string,
    worker: string,
    outcome: GenerationOutcome,
    at: Date,
    last?: UnrecordedImage,
  ): Promise<boolean> {
    const { status, usage, cost, imageCount, warnings } = outcome;
    const failure = status === "FAILED" ? outcome.failure : undefined;
    const changes = {
      ...toChanges({ status, failure, usage, ...(warnings && { warnings }), finishedAt: at }),
      ...(last && toChanges({ generatedSize: last.generatedSize })),
      ...(cost && costChanges(cost)),
      lease_until: null,
    };
    return this.#withOutbox(async (transaction) => {
      const costsAtMost = cost ? undefined : true;
      const ended = await this.#updateRunBy(transaction, worker, { id, changes, costsAtMost });
      if (!ended) return false;
      if (last) await this.#insertImage(transaction, last.image, ended);
      if (cost) await this.ledger.settle(transaction, id, cost, imageCount);
      else await this.ledger.settleAsHeld(transaction, [id]);
      await this.#tell(transaction, [ended], () => endOf(id, status, at, failure), at);
      return true;
    });
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
    return this.#withOutbox(async (transaction) => {
      const rows = await transaction
        .updateTable("generations")
        .set((row) => ({ ...toChanges({ status: "FAILED", failure, finishedAt: at }), ...atMost(row) }))
        .where("id", "in", ({ selectFrom }) => {
          const expired = selectFrom("generations")
            .select("id")
            .where("status", "=", "RUNNING")
            .where("lease_until", "<", at.getTime());
          // A row that is locked is being changed by a worker that is alive.
          return this.#hasRowLocks ? expired.orderBy("id").forUpdate().skipLocked() : expired;
        })
        .returning((row) => ["id", "project_id", this.#countEndpoints(row)])
        .execute();
      const ids = rows.map((row) => row.id);
      await this.ledger.settleAsHeld(transaction, ids);
      await this.#tell(transaction, rows, (id) => endOf(id, "FAILED", at, failure), at);
      return ids;
    });
  }

  async cancel(id: string, failureWhenRunning: GenerationFailure, at: Date): Promise<boolean> {
    return this.#withOutbox(async (transaction) => {
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
        .returning((row) => ["id", "project_id", "failure", this.#countEndpoints(row)])
        .executeTakeFirst();
      if (!canceled) return false;
      const wasQueued = canceled.failure === null;
      if (wasQueued) await this.ledger.settle(transaction, id, NO_COST, 0);
      else await this.ledger.settleAsHeld(transaction, [id]);
      const failure = wasQueued ? undefined : failureWhenRunning;
      await this.#tell(transaction, [canceled], () => endOf(id, "CANCELED", at, failure), at);
      return true;
    });
  }

  /** Runs a transaction that may store deliveries to webhooks. */
  async #withOutbox<Result>(work: (transaction: Kysely<Database>) => Promise<Result>): Promise<Result> {
    const { transaction, result } = await this.#database
      .transaction()
      .execute(async (transaction) => ({ transaction, result: await work(transaction) }));
    this.#outbox.announce(transaction);
    return result;
  }

  /** @returns `undefined` if this worker does not run the generation (any more) */
  async #updateRunBy(database: Kysely<Database>, worker: string, update: Update): Promise<Told | undefined> {
    const { rows } = await runPrepared(
      database,
      "update run by",
      { ...update, worker },
      (prepared, { id, changes, costsAtMost, worker }) =>
        prepared
          .updateTable("generations")
          .set((row) => ({ ...changes, ...(costsAtMost && atMost(row)) }))
          .where("id", "=", id)
          .where(isRunBy(worker))
          .returning((row) => ["id", "project_id", this.#countEndpoints(row)]),
    );
    return rows[0];
  }

  #countEndpoints(row: ExpressionBuilder<Database, "generations">) {
    return this.#outbox.countEndpoints(row.ref("generations.project_id"));
  }

  /** Stores the events of these generations whose projects have endpoints of webhooks. */
  async #tell(
    transaction: Kysely<Database>,
    generations: readonly Told[],
    eventOf: (id: string) => WebhookEvent,
    at: Date,
  ): Promise<void> {
    const told = generations.filter(({ endpoint_count }) => Number(endpoint_count) > 0);
    for (const [projectId, ofProject] of Map.groupBy(told, ({ project_id }) => project_id)) {
      await this.#outbox.add(
        transaction,
        projectId,
        ofProject.map(({ id }) => eventOf(id)),
        at,
      );
    }
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
    return this.#idsBefore(at, "QUEUED", limit);
  }

  async idsEndedBefore(at: Date, limit: number): Promise<readonly string[]> {
    const ids = await Promise.all(ENDED.map((status) => this.#idsBefore(at, status, limit)));
    return ids.flat().sort().slice(0, limit);
  }

  /** The oldest ids before a time. Ids sort by time, so only the first entries of the index are read. */
  async #idsBefore(at: Date, status: GenerationStatus, limit: number): Promise<readonly string[]> {
    const oldest = await this.#database
      .selectFrom("generations")
      .select(["id", "created_at"])
      .where("status", "=", status)
      .orderBy("id")
      .limit(limit)
      .execute();
    return oldest.filter((row) => Number(row.created_at) < at.getTime()).map((row) => row.id);
  }

  async findGenerations(ids: readonly string[]): Promise<readonly Generation[]> {
    if (ids.length === 0) return [];
    const { rows } = await runPrepared(this.#database, "find generations", { ids: padded(ids) }, (database, values) =>
      database.selectFrom("generations").selectAll().where("id", "in", values.ids),
    );
    return rows.map(toGeneration);
  }

  async findByIdempotencyKey(projectId: string, key: string, at: Date): Promise<Generation | undefined> {
    const row = await findByKey(this.#database, projectId, key);
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
    const values = { ids: padded(generationIds) };
    const { rows } = await runPrepared(this.#database, "find images of", values, (database, { ids }) =>
      database
        .selectFrom("images")
        .selectAll()
        .where("generation_id", "in", ids)
        .orderBy("generation_id")
        .orderBy("position"),
    );
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
    await this.#database.destroy();
  }
}

/** @returns `false` if the project has a generation with the same idempotency key */
async function insertGeneration(database: Kysely<Database>, row: GenerationRow): Promise<boolean> {
  const { rows } = await runPrepared(database, "insert generation", row, (prepared, values) =>
    prepared
      .insertInto("generations")
      .values(values)
      .onConflict((conflict) => conflict.columns(["project_id", "idempotency_key"]).doNothing())
      .returning("id"),
  );
  return rows.length > 0;
}

interface Update {
  readonly id: string;
  readonly changes: Partial<GenerationRow>;
  /** Set if only the maximum cost is known. */
  readonly costsAtMost?: true | undefined;
}

/** A changed generation, and how many endpoints its project has. */
interface Told {
  readonly id: string;
  readonly project_id: string;
  readonly endpoint_count: string | number | null;
}

function endOf(
  generationId: string,
  status: "SUCCEEDED" | "FAILED" | "CANCELED",
  at: Date,
  failure: GenerationFailure | undefined,
): WebhookEvent {
  const type = `generation.${status.toLowerCase() as Lowercase<typeof status>}` as const;
  return { type, generationId, finishedAt: at.toISOString(), ...(failure && { failure }) };
}

async function forgetExpiredKey(database: Kysely<Database>, projectId: string, key: string, at: Date): Promise<void> {
  await database
    .updateTable("generations")
    .set({ idempotency_key: null })
    .where("project_id", "=", projectId)
    .where("idempotency_key", "=", key)
    .where("idempotency_expires_at", "<=", at.getTime())
    .execute();
}

function findByKey(database: Kysely<Database>, projectId: string, key: string) {
  return database
    .selectFrom("generations")
    .selectAll()
    .where("project_id", "=", projectId)
    .where("idempotency_key", "=", key)
    .executeTakeFirst();
}

function costChanges({ usd, isEstimated }: Cost): Partial<GenerationRow> {
  return toChanges({ cost: usd, costIsEstimated: isEstimated || undefined });
}

/** The estimated cost of a generation for which only the maximum cost is known. */
function atMost(row: ExpressionBuilder<Database, "generations">) {
  return { cost: row.ref("max_cost"), cost_is_estimated: isEstimated(row, row("max_cost", "is not", null)) };
}

function isEstimated(row: ExpressionBuilder<Database, "generations">, condition: Expression<SqlBool>) {
  return row.case().when(condition).then(1).else(null).end();
}

/** Whether a worker runs a generation. One that was wrongly presumed dead still does, until an end clears its lease. */
function isRunBy(worker: string) {
  return (row: ExpressionBuilder<Database, "generations">) =>
    row.and([
      row("worker", "=", worker),
      row("lease_until", "is not", null),
      row("status", "in", ["RUNNING", "FAILED"]),
    ]);
}

/**
 * Repeats the last id until the number of ids is a power of two. Engines keep every prepared statement, and otherwise
 * there would be one for each number of ids.
 */
function padded(ids: readonly string[]): readonly string[] {
  const length = 2 ** Math.ceil(Math.log2(ids.length));
  return [...ids, ...Array<string>(length - ids.length).fill(ids.at(-1) ?? "")];
}
