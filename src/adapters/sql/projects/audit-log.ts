import type { Kysely } from "kysely";
import type { AuditEntry } from "../../../ports/projects/projects.ts";
import type { Database } from "../database.ts";
import { fieldsOf, fromRow, json, optional, text, time, toRow } from "../fields.ts";

type AuditRow = Database["audit_log"];

const ENTRY = fieldsOf<AuditEntry, AuditRow>()({
  id: text("id"),
  actor: text("actor"),
  action: text("action"),
  projectId: optional(text("project_id")),
  apiKeyId: optional(text("api_key_id")),
  webhookEndpointId: optional(text("webhook_endpoint_id")),
  changes: json("changes"),
  createdAt: time("created_at"),
});

export const toAuditEntry = (row: AuditRow): AuditEntry => fromRow(ENTRY, row);

/** Makes a change and its entry in one transaction. A change that returns `undefined` had nothing to do. */
export async function changeAndLog<Result>(
  database: Kysely<Database>,
  entry: AuditEntry | undefined,
  change: (transaction: Kysely<Database>) => Promise<Result | undefined>,
): Promise<Result | undefined> {
  return database.transaction().execute(async (transaction) => {
    const changed = await change(transaction);
    if (changed !== undefined && entry) await transaction.insertInto("audit_log").values(toRow(ENTRY, entry)).execute();
    return changed;
  });
}
