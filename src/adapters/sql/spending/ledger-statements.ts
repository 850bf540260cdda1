import type { Expression, ExpressionBuilder } from "kysely";
import type { Amount } from "../../../ports/projects/money.ts";
import type { Database } from "../database.ts";
import { hasStatus } from "../generations/unfinished.ts";
import { type Place, PreparedStatement, placeRows } from "../prepared.ts";
import type { WebhookOutbox } from "../webhooks/webhook-outbox.ts";

/** What decides which sums a row of the ledger changes. */
export interface Entry {
  readonly project: string;
  readonly api_key_id: string | null;
  readonly model: string;
  readonly operation: string;
  readonly day: string;
}

/** The columns of an {@link Entry}. */
export const ENTRY = ["project", "api_key_id", "model", "operation", "day"] as const satisfies readonly (keyof Entry)[];

interface GateValues {
  readonly projectId: string;
  /** Empty for none. */
  readonly apiKeyId: string;
  readonly createdAtMs: number;
}

/**
 * Reads the facts that decide whether an order is accepted.
 *
 * @param momentOf converts a time by this process's clock, in milliseconds since 1970 UTC, to the time that decides the
 * windows
 */
export function prepareGate(momentOf: (atMs: number) => Expression<number>, outbox: WebhookOutbox) {
  return new PreparedStatement((database, place: Place<GateValues>) => {
    const projectId = place((values) => values.projectId);
    return database.selectNoFrom((row) => [
      row.cast<string>(momentOf(place(({ createdAtMs }) => createdAtMs)), "text").as("moment"),
      row
        .selectFrom("generations")
        .select((generation) => generation.fn.countAll<string | number>().as("count"))
        .where(hasStatus("QUEUED"))
        .as("queued"),
      row.selectFrom("projects").select("limits").where("id", "=", projectId).as("project_limits"),
      row
        .selectFrom("api_keys")
        .select("limits")
        .where(
          "id",
          "=",
          place(({ apiKeyId }) => apiKeyId),
        )
        .as("key_limits"),
      outbox.countEndpoints(row.val(projectId)),
    ]);
  });
}

type LedgerRow = Database["ledger"];

const LEDGER_COLUMNS = [
  "generation_id",
  "project",
  "api_key_id",
  "end_user",
  "model",
  "operation",
  "images",
  "accepted_at",
  "day",
  "state",
  "held",
  "settled",
  "settled_images",
  "is_estimated",
] as const satisfies readonly (keyof LedgerRow)[];

/** Enters rows in the ledger. */
export const ENTER = new PreparedStatement(
  (database, place: Place<readonly LedgerRow[]>, { rows }: { readonly rows: number }) =>
    database.insertInto("ledger").values(placeRows(place, LEDGER_COLUMNS, rows)),
  { keepsPlan: true },
);

interface SettleValues {
  readonly id: string;
  readonly settled: Amount;
  readonly imageCount: number | undefined;
  readonly isEstimated: number;
}
type SettleShape = {
  /** Whether the row is changed only if it is not settled yet. */
  readonly isFirst: boolean;
  /** Whether all images are charged that were asked for. */
  readonly countsAll: boolean;
};

/** Settles a row of the ledger, and returns it with what was held. */
export const SETTLE = new PreparedStatement(
  (database, place: Place<SettleValues>, { isFirst, countsAll }: SettleShape) => {
    const entries = database
      .updateTable("ledger")
      .set((row) => ({
        state: "SETTLED",
        settled: place(({ settled }) => settled),
        settled_images: countsAll ? row.ref("images") : place(({ imageCount }) => imageCount!),
        is_estimated: place(({ isEstimated }) => isEstimated),
      }))
      .where(
        "generation_id",
        "=",
        place(({ id }) => id),
      )
      .returning((row) => [...ENTRY, "images", asText(row, "held"), "settled_images"]);
    return isFirst ? entries.where("state", "=", "HELD") : entries;
  },
  { keepsPlan: true },
);

/** Selects an amount as text, which every engine returns without loss. */
export function asText<Name extends "held" | "settled">(row: ExpressionBuilder<Database, "ledger">, name: Name) {
  return row.cast<string | null>(row.ref(name), "text").as(name);
}
