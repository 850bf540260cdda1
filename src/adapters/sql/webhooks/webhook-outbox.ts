import { type Expression, expressionBuilder, type Kysely } from "kysely";
import { typeid } from "typeid-js";
import type { WebhookEvent } from "../../../ports/webhooks.ts";
import type { Database } from "../database.ts";
import { inTransaction } from "../prepared.ts";

/** The most rows that one statement inserts. */
const BATCH_SIZE = 500;

/** An event about a budget. Each becomes true only once in a window. */
export interface BudgetEvent {
  /** Names the budget, its window and what became true of it. */
  readonly key: string;
  /** When the window ends; `undefined` for never. */
  readonly endsAt: Date | undefined;
  readonly event: WebhookEvent;
}

/** A changed generation, and how many endpoints its project has. */
export interface Told {
  readonly id: string;
  readonly project_id: string;
  readonly endpoint_count: string | number | null;
}

/**
 * Stores the deliveries of an event, in the transaction that makes it true.
 *
 * The statements of that transaction ask {@link countEndpoints} in passing, so that a project without endpoints costs no
 * further statement, and no process has to be told of new endpoints.
 */
export class WebhookOutbox {
  readonly #listeners = new Set<() => void>();
  /** The transactions that stored deliveries. Others may end while one is under way. */
  readonly #storedBy = new WeakSet<Kysely<Database>>();

  /** The number of the endpoints of a project that are not disabled, as part of another statement. */
  countEndpoints(projectId: Expression<string>) {
    return expressionBuilder<Database>()
      .selectFrom("webhook_endpoints")
      .select((endpoint) => endpoint.fn.countAll<string | number>().as("count"))
      .where("webhook_endpoints.project_id", "=", projectId)
      .where("webhook_endpoints.is_disabled", "=", 0)
      .as("endpoint_count");
  }

  /** Stores the events of those of these generations whose projects have endpoints. */
  async tell(
    transaction: Kysely<Database>,
    generations: readonly Told[],
    eventOf: (id: string) => WebhookEvent,
    at: Date,
  ): Promise<void> {
    const told = generations.filter(({ endpoint_count }) => Number(endpoint_count) > 0);
    for (const [projectId, ofProject] of Map.groupBy(told, ({ project_id }) => project_id)) {
      const events = ofProject.map(({ id }) => eventOf(id));
      await this.add(transaction, projectId, events, at);
    }
  }

  /** Stores a delivery of each of these events to each endpoint of the project that wants it. */
  async add(
    transaction: Kysely<Database>,
    projectId: string,
    events: readonly WebhookEvent[],
    at: Date,
  ): Promise<void> {
    if (events.length === 0) return;
    const endpoints = await transaction
      .selectFrom("webhook_endpoints")
      .select(["id", "events"])
      .where("project_id", "=", projectId)
      .where("is_disabled", "=", 0)
      .orderBy("id")
      .execute();
    const rows = events.flatMap((event) =>
      endpoints
        .filter(({ events: wanted }) => wanted === null || (JSON.parse(wanted) as string[]).includes(event.type))
        .map((endpoint) => toNewRow(endpoint.id, event, at)),
    );
    for (let start = 0; start < rows.length; start += BATCH_SIZE) {
      await transaction
        .insertInto("webhook_deliveries")
        .values(rows.slice(start, start + BATCH_SIZE))
        .execute();
    }
    if (rows.length > 0) this.#storedBy.add(transaction);
  }

  /** Stores those of these events that were not true before. */
  async addOfBudgets(
    transaction: Kysely<Database>,
    projectId: string,
    events: readonly BudgetEvent[],
    at: Date,
  ): Promise<void> {
    if (events.length === 0) return;
    const marked = await transaction
      .insertInto("webhook_marks")
      .values(events.map(({ key, endsAt }) => ({ id: key, ends_at: endsAt?.getTime() ?? null })))
      .onConflict((conflict) => conflict.column("id").doNothing())
      .returning("id")
      .execute();
    const keys = new Set(marked.map(({ id }) => id));
    const fresh = events.filter(({ key }) => keys.has(key)).map(({ event }) => event);
    await this.add(transaction, projectId, fresh, at);
  }

  /** Calls `listener` after deliveries were stored, until the returned function is called. */
  onStored(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Runs a transaction that may store deliveries. Tells the listeners of them after its commit. */
  async within<Result>(
    database: Kysely<Database>,
    work: (transaction: Kysely<Database>) => Promise<Result>,
  ): Promise<Result> {
    const { transaction, result } = await inTransaction(database, async (transaction) => ({
      transaction,
      result: await work(transaction),
    }));
    this.announce(transaction);
    return result;
  }

  /** Tells the listeners if this transaction stored deliveries. Call this after its commit. */
  announce(transaction: Kysely<Database>): void {
    if (!this.#storedBy.delete(transaction)) return;
    for (const listener of this.#listeners) listener();
  }
}

function toNewRow(endpointId: string, { type, ...data }: WebhookEvent, at: Date): Database["webhook_deliveries"] {
  return {
    id: typeid("msg").toString(),
    endpoint_id: endpointId,
    event: type,
    data: JSON.stringify(data),
    status: "PENDING",
    attempt_count: 0,
    attempts: "[]",
    next_attempt_at: at.getTime(),
    created_at: at.getTime(),
  };
}
