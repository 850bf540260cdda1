import type { Kysely } from "kysely";
import type { AuditEntry, ListSlice } from "../../../ports/projects/projects.ts";
import type {
  AttemptResult,
  DeliveryBacklog,
  DeliveryClaim,
  DeliveryRetention,
  DeliveryStatus,
  WebhookDelivery,
  WebhookEndpoint,
  WebhookEndpointChanges,
  WebhookEvent,
  Webhooks,
} from "../../../ports/webhooks.ts";
import type { Database } from "../database.ts";
import { fieldsOf, flag, fromRow, integer, json, optional, text, time, toColumns, toRow } from "../fields.ts";
import { changeAndLog } from "../projects/audit-log.ts";
import { readSlice } from "../projects/sql-projects.ts";
import type { WebhookOutbox } from "./webhook-outbox.ts";

type EndpointRow = Database["webhook_endpoints"];
type DeliveryRow = Database["webhook_deliveries"];

const ENDPOINT = fieldsOf<WebhookEndpoint, EndpointRow>()({
  id: text("id"),
  projectId: text("project_id"),
  url: text("url"),
  rootUrl: text("root_url"),
  events: optional(json("events")),
  description: optional(text("description")),
  secrets: json("secrets"),
  isDisabled: flag("is_disabled"),
  disabledReason: optional(text("disabled_reason")),
  failingSince: optional(time("failing_since")),
  createdAt: time("created_at"),
});

const DELIVERY = fieldsOf<WebhookDelivery, DeliveryRow>()({
  id: text("id"),
  endpointId: text("endpoint_id"),
  event: {
    columns: ["event", "data"],
    write: ({ type, ...data }, row) => {
      row.event = type;
      row.data = JSON.stringify(data);
    },
    read: (row: Pick<DeliveryRow, "event" | "data">) => ({ type: row.event, ...JSON.parse(row.data) }) as WebhookEvent,
  },
  status: text<DeliveryStatus, "status">("status"),
  attemptCount: integer("attempt_count"),
  attempts: json("attempts"),
  nextAttemptAt: optional(time("next_attempt_at")),
  createdAt: time("created_at"),
});

/** The most rows that one statement removes, so that others do not wait long. */
const REMOVED_AT_ONCE = 1000;
/** How many endpoints are served between two looks for those that are due. */
const MAX_DUE = 1000;

/** {@link Webhooks} in SQL, the same statements on every engine. */
export class SqlWebhooks implements Webhooks {
  readonly #database: Kysely<Database>;
  readonly #outbox: WebhookOutbox;
  /** Whether rows can be locked; SQLite has one writer at a time. */
  readonly #hasLocks: boolean;

  constructor(database: Kysely<Database>, outbox: WebhookOutbox, hasLocks: boolean) {
    this.#database = database;
    this.#outbox = outbox;
    this.#hasLocks = hasLocks;
  }

  async create(endpoint: WebhookEndpoint, maxCount: number, entry: AuditEntry): Promise<boolean> {
    const created = await changeAndLog(this.#database, entry, async (transaction) => {
      const { count } = await transaction
        .selectFrom("webhook_endpoints")
        .select((row) => row.fn.countAll<string | number>().as("count"))
        .where("project_id", "=", endpoint.projectId)
        .executeTakeFirstOrThrow();
      if (Number(count) >= maxCount) return undefined;
      await transaction.insertInto("webhook_endpoints").values(toRow(ENDPOINT, endpoint)).execute();
      return true;
    });
    return created === true;
  }

  async update(
    id: string,
    change: (endpoint: WebhookEndpoint) => WebhookEndpointChanges,
    entry: AuditEntry | undefined,
  ): Promise<WebhookEndpoint | undefined> {
    const row = await changeAndLog(this.#database, entry, async (transaction) => {
      const endpoint = transaction.updateTable("webhook_endpoints").where("id", "=", id).returningAll();
      // Changes nothing, and locks the row.
      const before = await endpoint.set({ id }).executeTakeFirst();
      if (!before) return undefined;
      const after = await endpoint
        .set({ id, ...toColumns(ENDPOINT, change(fromRow(ENDPOINT, before))) })
        .executeTakeFirst();
      if (after?.is_disabled && !before.is_disabled) await failWaiting(transaction, id);
      return after;
    });
    return row && fromRow(ENDPOINT, row);
  }

  async remove(id: string, entry: AuditEntry): Promise<boolean> {
    const removed = await changeAndLog(this.#database, entry, (transaction) =>
      transaction.deleteFrom("webhook_endpoints").where("id", "=", id).returning("id").executeTakeFirst(),
    );
    return removed !== undefined;
  }

  async find(id: string): Promise<WebhookEndpoint | undefined> {
    const row = await this.#database
      .selectFrom("webhook_endpoints")
      .selectAll()
      .where("id", "=", id)
      .executeTakeFirst();
    return row && fromRow(ENDPOINT, row);
  }

  async listOf(projectId: string): Promise<readonly WebhookEndpoint[]> {
    const rows = await this.#database
      .selectFrom("webhook_endpoints")
      .selectAll()
      .where("project_id", "=", projectId)
      .orderBy("id", "desc")
      .execute();
    return rows.map((row) => fromRow(ENDPOINT, row));
  }

  async listAfter(id: string, limit: number): Promise<readonly WebhookEndpoint[]> {
    const rows = await this.#database
      .selectFrom("webhook_endpoints")
      .selectAll()
      .where("id", ">", id)
      .orderBy("id")
      .limit(limit)
      .execute();
    return rows.map((row) => fromRow(ENDPOINT, row));
  }

  async addDelivery(delivery: WebhookDelivery): Promise<void> {
    await this.#database.insertInto("webhook_deliveries").values(toRow(DELIVERY, delivery)).execute();
  }

  async findDelivery(id: string): Promise<WebhookDelivery | undefined> {
    const row = await this.#database
      .selectFrom("webhook_deliveries")
      .selectAll()
      .where("id", "=", id)
      .executeTakeFirst();
    return row && fromRow(DELIVERY, row);
  }

  async listDeliveries(endpointId: string, slice: ListSlice): Promise<readonly WebhookDelivery[]> {
    const deliveries = this.#database
      .selectFrom("webhook_deliveries")
      .selectAll()
      .where("endpoint_id", "=", endpointId);
    return (await readSlice(deliveries, slice)).map((row) => fromRow(DELIVERY, row));
  }

  async findDue(at: Date): Promise<readonly WebhookEndpoint[]> {
    const rows = await this.#database
      .selectFrom("webhook_endpoints")
      .selectAll()
      .where("is_disabled", "=", 0)
      .where(({ exists, selectFrom }) =>
        exists(
          selectFrom("webhook_deliveries")
            .select("webhook_deliveries.id")
            .whereRef("webhook_deliveries.endpoint_id", "=", "webhook_endpoints.id")
            .where("webhook_deliveries.next_attempt_at", "<=", at.getTime()),
        ),
      )
      .limit(MAX_DUE)
      .execute();
    return rows.map((row) => fromRow(ENDPOINT, row));
  }

  async claim(endpointId: string, { at, until, limit }: DeliveryClaim): Promise<readonly WebhookDelivery[]> {
    const rows = await this.#database
      .updateTable("webhook_deliveries")
      .set({ next_attempt_at: until.getTime() })
      .where("id", "in", ({ selectFrom }) => {
        const due = selectFrom("webhook_deliveries")
          .select("id")
          .where("endpoint_id", "=", endpointId)
          .where("next_attempt_at", "<=", at.getTime())
          .orderBy("next_attempt_at")
          .limit(limit);
        return this.#hasLocks ? due.forUpdate().skipLocked() : due;
      })
      .returningAll()
      .execute();
    return rows.map((row) => fromRow(DELIVERY, row));
  }

  async restart(id: string, until: Date): Promise<WebhookDelivery | undefined> {
    const row = await this.#database
      .updateTable("webhook_deliveries")
      .set({ status: "PENDING", attempt_count: 0, next_attempt_at: until.getTime() })
      .where("id", "=", id)
      .returningAll()
      .executeTakeFirst();
    return row && fromRow(DELIVERY, row);
  }

  async record(claimed: WebhookDelivery, result: AttemptResult): Promise<boolean> {
    const { endpoint, nextAttemptAt, ...changes } = result;
    const write = async (database: Kysely<Database>) => {
      const { numUpdatedRows } = await database
        .updateTable("webhook_deliveries")
        .set(toColumns(DELIVERY, { ...changes, nextAttemptAt }))
        .where("id", "=", claimed.id)
        .where("next_attempt_at", "=", claimed.nextAttemptAt?.getTime() ?? null)
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    };
    if (!endpoint) return write(this.#database);
    return this.#database.transaction().execute(async (transaction) => {
      // The endpoint first, as when it is disabled by a caller, so that two transactions do not deadlock.
      await transaction
        .updateTable("webhook_endpoints")
        .set(toColumns(ENDPOINT, endpoint))
        .where("id", "=", claimed.endpointId)
        .execute();
      const isRecorded = await write(transaction);
      if (endpoint.isDisabled) await failWaiting(transaction, claimed.endpointId);
      return isRecorded;
    });
  }

  async release(claimed: WebhookDelivery, at: Date): Promise<void> {
    await this.#database
      .updateTable("webhook_deliveries")
      .set({ next_attempt_at: at.getTime() })
      .where("id", "=", claimed.id)
      .where("next_attempt_at", "=", claimed.nextAttemptAt?.getTime() ?? null)
      .execute();
  }

  async backlog(): Promise<DeliveryBacklog> {
    const { waiting, oldest } = await this.#database
      .selectFrom("webhook_deliveries")
      .select(({ fn }) => [fn.countAll<number | string>().as("waiting"), fn.min("created_at").as("oldest")])
      .where("next_attempt_at", "is not", null)
      .executeTakeFirstOrThrow();
    return { waiting: Number(waiting), oldestAt: oldest === null ? undefined : new Date(Number(oldest)) };
  }

  async forget({ deliveredBefore, failedBefore, at }: DeliveryRetention): Promise<void> {
    await this.#removeEnded("DELIVERED", deliveredBefore);
    await this.#removeEnded("FAILED", failedBefore);
    await this.#database.deleteFrom("webhook_marks").where("ends_at", "<", at.getTime()).execute();
  }

  async #removeEnded(status: DeliveryStatus, before: Date): Promise<void> {
    for (;;) {
      const { numDeletedRows } = await this.#database
        .deleteFrom("webhook_deliveries")
        .where("id", "in", ({ selectFrom }) =>
          selectFrom("webhook_deliveries")
            .select("id")
            .where("status", "=", status)
            .where("next_attempt_at", "is", null)
            .where("created_at", "<", before.getTime())
            .limit(REMOVED_AT_ONCE),
        )
        .executeTakeFirst();
      if (numDeletedRows < REMOVED_AT_ONCE) return;
    }
  }

  onStored(listener: () => void): () => void {
    return this.#outbox.onStored(listener);
  }
}

async function failWaiting(transaction: Kysely<Database>, endpointId: string): Promise<void> {
  await transaction
    .updateTable("webhook_deliveries")
    .set({ status: "FAILED", next_attempt_at: null })
    .where("endpoint_id", "=", endpointId)
    .where("next_attempt_at", "is not", null)
    .execute();
}
