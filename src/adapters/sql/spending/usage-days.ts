import type { Kysely } from "kysely";
import type { Amount } from "../../../ports/projects/money.ts";
import type { Database } from "../database.ts";
import { runPlanned } from "../prepared.ts";
import { LARGEST_SUM } from "./spending-windows.ts";

/** What generations of one kind have added to a day. */
export interface UsageChange {
  readonly projectId: string;
  readonly day: string;
  /** Empty for none. */
  readonly apiKeyId: string;
  readonly model: string;
  readonly operation: string;
  readonly generations: number;
  readonly images: number;
  readonly settled: Amount;
  /** The part of `settled` that is an estimate. */
  readonly estimated: Amount;
}

const KEY = ["project_id", "day", "api_key_id", "model", "operation"] as const;

/** Adds to the sums of days. Every transaction locks the rows in the same order. */
export async function addUsage(database: Kysely<Database>, changes: readonly UsageChange[]): Promise<void> {
  const byRow = new Map<string, UsageChange>();
  for (const change of changes) byRow.set(keyOf(change), plus(change, byRow.get(keyOf(change))));
  for (const [, change] of [...byRow].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const { projectId, apiKeyId, ...sums } = change;
    const added = { project_id: projectId, api_key_id: apiKeyId, ...sums };
    // What a sum may be at most, so that it does not exceed the largest one.
    const room = { settled: LARGEST_SUM - change.settled, estimated: LARGEST_SUM - change.estimated };
    await runPlanned(database, "add usage", { added, room }, (prepared, value) =>
      prepared
        .insertInto("usage_days")
        .values(value.added)
        .onConflict((conflict) =>
          conflict.columns(KEY).doUpdateSet((row) => {
            const capped = (name: "settled" | "estimated") =>
              row
                .case()
                .when(`usage_days.${name}`, ">", value.room[name])
                .then(LARGEST_SUM)
                .else(row(`usage_days.${name}`, "+", value.added[name]))
                .end();
            return {
              generations: row("usage_days.generations", "+", value.added.generations),
              images: row("usage_days.images", "+", value.added.images),
              settled: capped("settled"),
              estimated: capped("estimated"),
            };
          }),
        ),
    );
  }
}

function keyOf({ projectId, day, apiKeyId, model, operation }: UsageChange): string {
  return JSON.stringify([projectId, day, apiKeyId, model, operation]);
}

function plus(change: UsageChange, before: UsageChange | undefined): UsageChange {
  if (!before) return change;
  return {
    ...change,
    generations: before.generations + change.generations,
    images: before.images + change.images,
    settled: before.settled + change.settled,
    estimated: before.estimated + change.estimated,
  };
}
