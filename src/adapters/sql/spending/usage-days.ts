import type { Kysely } from "kysely";
import type { Amount } from "../../../ports/projects/money.ts";
import type { Database } from "../database.ts";
import { type Place, PreparedStatement } from "../prepared.ts";
import { LARGEST_SUM } from "./window-sums.ts";

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

/** Adds to the sums of days. Every transaction locks the rows in the same order. */
export async function addUsage(database: Kysely<Database>, changes: readonly UsageChange[]): Promise<void> {
  for (const change of changes.length > 1 ? summed(changes) : changes) await ADD_USAGE.run(database, change, {});
}

const KEY = ["project_id", "day", "api_key_id", "model", "operation"] as const;

const ADD_USAGE = new PreparedStatement(
  (database, place: Place<UsageChange>) => {
    const generations = place((change) => change.generations);
    const images = place((change) => change.images);
    const amounts = { settled: place((change) => change.settled), estimated: place((change) => change.estimated) };
    // What a sum may be at most, so that it does not exceed the largest one.
    const room = {
      settled: place((change) => LARGEST_SUM - change.settled),
      estimated: place((change) => LARGEST_SUM - change.estimated),
    };
    return database
      .insertInto("usage_days")
      .values({
        project_id: place((change) => change.projectId),
        day: place((change) => change.day),
        api_key_id: place((change) => change.apiKeyId),
        model: place((change) => change.model),
        operation: place((change) => change.operation),
        generations,
        images,
        ...amounts,
      })
      .onConflict((conflict) =>
        conflict.columns(KEY).doUpdateSet((row) => {
          const capped = (name: "settled" | "estimated") =>
            row
              .case()
              .when(`usage_days.${name}`, ">", room[name])
              .then(LARGEST_SUM)
              .else(row(`usage_days.${name}`, "+", amounts[name]))
              .end();
          return {
            generations: row("usage_days.generations", "+", generations),
            images: row("usage_days.images", "+", images),
            settled: capped("settled"),
            estimated: capped("estimated"),
          };
        }),
      );
  },
  { keepsPlan: true },
);

/** Adds up the changes of each row, in the order in which rows are locked. */
function summed(changes: readonly UsageChange[]): readonly UsageChange[] {
  const byRow = new Map<string, UsageChange>();
  for (const change of changes) byRow.set(keyOf(change), plus(change, byRow.get(keyOf(change))));
  return [...byRow].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, change]) => change);
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
