import type { Expression, ExpressionBuilder, Kysely, SqlBool } from "kysely";
import { GatewayError } from "../../../errors.ts";
import type { PixelSize } from "../../../ports/image-provider.ts";
import type {
  Claim,
  Cost,
  Generation,
  GenerationFailure,
  GenerationOutcome,
  Image,
  UnrecordedImage,
} from "../../../ports/records.ts";
import type { WebhookEvent } from "../../../ports/webhooks.ts";
import { Batches } from "../../batches.ts";
import type { Database, GenerationRow, ImageRow } from "../database.ts";
import { inParts, type Place, PreparedStatement, padded, placeList, placeRows } from "../prepared.ts";
import type { SqlLedger } from "../spending/sql-ledger.ts";
import type { Told, WebhookOutbox } from "../webhooks/webhook-outbox.ts";
import { IMAGE_COLUMNS, toChanges, toGeneration, toImageRow } from "./rows.ts";

export interface SqlRunsOptions {
  readonly database: Kysely<Database>;
  readonly ledger: SqlLedger;
  readonly outbox: WebhookOutbox;
  readonly hasRowLocks: boolean;
}

interface Start {
  readonly id: string;
  readonly claim: Claim;
}

/** The end of a generation, as its worker records it. */
export interface RunEnd {
  readonly id: string;
  readonly worker: string;
  readonly outcome: GenerationOutcome;
  readonly at: Date;
  readonly last: UnrecordedImage | undefined;
}

type StartColumns = "status" | "started_at" | "worker" | "lease_until";

interface StartValues {
  readonly ids: readonly string[];
  readonly changes: Pick<GenerationRow, StartColumns>;
}

interface Update {
  readonly id: string;
  readonly worker: string;
  readonly changes: Partial<GenerationRow>;
  /** Set if only the maximum cost is known. */
  readonly costsAtMost?: true | undefined;
}

/**
 * Records what workers report about the generations they run. Waiting starts are recorded in one statement, and waiting
 * ends in one transaction.
 */
export class SqlRuns {
  readonly #options: SqlRunsOptions;
  readonly #starts: Batches<Start, Generation | undefined>;
  readonly #ends: Batches<RunEnd, boolean>;
  readonly #start: ReturnType<typeof prepareStart>;
  readonly #change: ReturnType<typeof prepareChange>;

  constructor(options: SqlRunsOptions) {
    this.#options = options;
    this.#start = prepareStart(options.hasRowLocks);
    this.#change = prepareChange(options.outbox);
    // If the store did not answer, the changes may be stored.
    const mayRepeat = (error: unknown) => !(error instanceof GatewayError);
    this.#starts = new Batches({
      together: (starts) => this.#startAll(starts),
      alone: async (start) => (await this.#startAll([start]))[0],
      mayRepeat,
    });
    this.#ends = new Batches({
      together: (ends) => this.#finishAll(ends),
      alone: async (end) => (await this.#finishAll([end]))[0] ?? false,
      mayRepeat,
    });
  }

  /** @see Records.start */
  start(id: string, claim: Claim): Promise<Generation | undefined> {
    return this.#starts.add({ id, claim });
  }

  /** @see Records.addImage */
  addImage(image: Image, generatedSize: PixelSize, worker: string): Promise<boolean> {
    const { database, outbox } = this.#options;
    return outbox.within(database, async (transaction) => {
      const update = { id: image.generationId, worker, changes: toChanges({ generatedSize }) };
      const generation = await this.#update(transaction, update);
      if (generation) await this.#insertImages(transaction, [image], [generation]);
      return generation !== undefined;
    });
  }

  /** @see Records.finish */
  finish(end: RunEnd): Promise<boolean> {
    return this.#ends.add(end);
  }

  /** Starts generations. All get the latest time of the claims, which were made at nearly the same time. */
  async #startAll(starts: readonly Start[]): Promise<readonly (Generation | undefined)[]> {
    const { database } = this.#options;
    const started = new Map<string, GenerationRow>();
    for (const [worker, ofWorker] of Map.groupBy(starts, ({ claim }) => claim.worker)) {
      const changes = {
        status: "RUNNING",
        started_at: latest(ofWorker.map(({ claim }) => claim.at)),
        worker,
        lease_until: latest(ofWorker.map(({ claim }) => claim.leaseUntil)),
      } as const;
      const ids = padded(ofWorker.map(({ id }) => id));
      const { rows } = await this.#start.run(database, { ids, changes }, { ids: ids.length });
      for (const row of rows) started.set(row.id, row);
    }
    return starts.map(({ id, claim }) => {
      const row = started.get(id);
      if (row?.worker !== claim.worker) return undefined;
      // A start that was requested twice counts once.
      started.delete(id);
      return toGeneration(row);
    });
  }

  #finishAll(ends: readonly RunEnd[]): Promise<readonly boolean[]> {
    const { database, ledger, outbox } = this.#options;
    return outbox.within(database, async (transaction) => {
      const written = new Map<RunEnd, Told>();
      // In the order of their ids, in which every transaction locks generations.
      for (const end of ends.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
        const generation = await this.#update(transaction, toUpdate(end));
        if (generation) written.set(end, generation);
      }
      const images = [...written.keys()].flatMap(({ last }) => (last ? [last.image] : []));
      await this.#insertImages(transaction, images, [...written.values()]);
      const settled = [...written.keys()].map(({ id, outcome: { cost, imageCount } }) => ({ id, cost, imageCount }));
      await ledger.settleAll(transaction, settled);
      for (const [{ id, outcome, at }, generation] of written) {
        const failure = outcome.status === "FAILED" ? outcome.failure : undefined;
        await outbox.tell(transaction, [generation], () => endOf(id, outcome.status, at, failure), at);
      }
      return ends.map((end) => written.has(end));
    });
  }

  /** @returns `undefined` if this worker does not run the generation (any more) */
  async #update(transaction: Kysely<Database>, update: Update): Promise<Told | undefined> {
    const { changes, costsAtMost = false } = update;
    const { rows } = await this.#change.run(transaction, update, { columns: Object.keys(changes).join(), costsAtMost });
    return rows[0];
  }

  /** @param generations the generations of the images, whose projects get webhooks */
  async #insertImages(
    transaction: Kysely<Database>,
    images: readonly Image[],
    generations: readonly Told[],
  ): Promise<void> {
    const { outbox } = this.#options;
    for (const part of inParts(images)) {
      const inserted = await ADD_IMAGES.run(transaction, part.map(toImageRow), { rows: part.length });
      const added = new Set(inserted.rows.map(({ id }) => id));
      for (const { id: imageId, generationId, createdAt } of part.filter(({ id }) => added.has(id))) {
        const generation = generations.filter(({ id }) => id === generationId);
        await outbox.tell(transaction, generation, () => ({ type: "image.ready", generationId, imageId }), createdAt);
      }
    }
  }
}

const ADD_IMAGES = new PreparedStatement(
  (database, place: Place<readonly ImageRow[]>, { rows }: { readonly rows: number }) =>
    database
      .insertInto("images")
      .values(placeRows(place, IMAGE_COLUMNS, rows))
      // A worker repeats the insert when it did not receive the response to the first one.
      .onConflict((conflict) => conflict.column("id").doNothing())
      .returning("id"),
  { keepsPlan: true },
);

function prepareStart(hasRowLocks: boolean) {
  return new PreparedStatement((database, place: Place<StartValues>, { ids }: { readonly ids: number }) =>
    database
      .updateTable("generations")
      .set({
        status: place(({ changes }) => changes.status),
        started_at: place(({ changes }) => changes.started_at),
        worker: place(({ changes }) => changes.worker),
        lease_until: place(({ changes }) => changes.lease_until),
      })
      .where("id", "in", ({ selectFrom }) => {
        const queued = selectFrom("generations")
          .select("id")
          .where(
            "id",
            "in",
            placeList(place, ids, (values) => values.ids),
          )
          .where("status", "=", "QUEUED");
        return hasRowLocks ? queued.orderBy("id").forUpdate() : queued;
      })
      .returningAll(),
  );
}

/** Changes a generation, if its worker still runs it. The shape names the columns, separated by commas. */
function prepareChange(outbox: WebhookOutbox) {
  type ChangeShape = { readonly columns: string; readonly costsAtMost: boolean };
  return new PreparedStatement(
    (database, place: Place<Update>, { columns, costsAtMost }: ChangeShape) => {
      const names = columns.split(",") as (keyof GenerationRow)[];
      const cells = names.map((name) => [name, place(({ changes }) => changes[name])] as const);
      return database
        .updateTable("generations")
        .set((row) => ({ ...Object.fromEntries(cells), ...(costsAtMost && atMost(row)) }))
        .where(
          "id",
          "=",
          place(({ id }) => id),
        )
        .where(isRunBy(place(({ worker }) => worker)))
        .returning((row) => ["id", "project_id", outbox.countEndpoints(row.ref("generations.project_id"))]);
    },
    { keepsPlan: true },
  );
}

function toUpdate({ id, worker, outcome, at, last }: RunEnd): Update {
  const { status, usage, cost, warnings } = outcome;
  const failure = status === "FAILED" ? outcome.failure : undefined;
  const changes = {
    ...toChanges({ status, failure, usage, ...(warnings && { warnings }), finishedAt: at }),
    ...(last && toChanges({ generatedSize: last.generatedSize })),
    ...(cost && costChanges(cost)),
    lease_until: null,
  };
  return { id, worker, changes, costsAtMost: cost ? undefined : true };
}

function latest(times: readonly Date[]): number {
  return Math.max(...times.map((time) => time.getTime()));
}

/** The event of an end. */
export function endOf(
  generationId: string,
  status: "SUCCEEDED" | "FAILED" | "CANCELED",
  at: Date,
  failure: GenerationFailure | undefined,
): WebhookEvent {
  const type = `generation.${status.toLowerCase() as Lowercase<typeof status>}` as const;
  return { type, generationId, finishedAt: at.toISOString(), ...(failure && { failure }) };
}

/** The columns of a cost. */
export function costChanges({ usd, isEstimated }: Cost): Partial<GenerationRow> {
  return toChanges({ cost: usd, costIsEstimated: isEstimated || undefined });
}

/** The estimated cost of a generation for which only the maximum cost is known. */
export function atMost(row: ExpressionBuilder<Database, "generations">) {
  return { cost: row.ref("max_cost"), cost_is_estimated: isEstimated(row, row("max_cost", "is not", null)) };
}

export function isEstimated(row: ExpressionBuilder<Database, "generations">, condition: Expression<SqlBool>) {
  return row.case().when(condition).then(1).else(null).end();
}

/**
 * Whether a worker runs a generation. One that was wrongly presumed dead still does, until an end clears its lease.
 */
export function isRunBy(worker: string) {
  return (row: ExpressionBuilder<Database, "generations">) =>
    row.and([
      row("worker", "=", worker),
      row("lease_until", "is not", null),
      row("status", "in", ["RUNNING", "FAILED"]),
    ]);
}
