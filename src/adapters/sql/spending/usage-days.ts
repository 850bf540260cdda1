import { type Kysely, sql } from "kysely";
import type { Operation } from "../../../ports/image-provider.ts";
import type { UsageDimension, UsageQuery, UsageSums } from "../../../ports/projects/ledger.ts";
import { type Amount, toUsd } from "../../../ports/projects/money.ts";
import type { Database } from "../database.ts";
import { runPrepared } from "../prepared.ts";
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

const COLUMNS = {
  DAY: "day",
  MODEL: "model",
  OPERATION: "operation",
  PROJECT: "project_id",
  API_KEY: "api_key_id",
  END_USER: "end_user",
} as const satisfies Readonly<Record<UsageDimension, string>>;
/** Amounts are summed in two parts, since their sum may not fit into 64 bits. */
const PART = 1_000_000;

/** Adds up usage: by end user, or of one, from the ledger; otherwise from the sums of days. */
export async function readUsage(database: Kysely<Database>, query: UsageQuery): Promise<readonly UsageSums[]> {
  const { by, endUser, limit } = query;
  const isOfEndUsers = endUser !== undefined || by.includes("END_USER");
  const source = isOfEndUsers ? ofLedger(database, query) : ofDays(database, query);
  let sums = database
    .selectFrom(source)
    .select(by.map((dimension) => COLUMNS[dimension]))
    .select((row) => [
      row.fn.sum<string | number | null>("generations").as("generations"),
      row.fn.sum<string | number | null>("images").as("images"),
      ...sumOf("settled"),
      ...sumOf("estimated"),
    ]);
  for (const dimension of by) sums = sums.groupBy(COLUMNS[dimension]).orderBy(COLUMNS[dimension]);
  return (await sums.limit(limit).execute()).map(toUsageSums);
}

/** What is added up. */
interface Counted {
  readonly day: string;
  readonly model: string;
  readonly operation: string;
  readonly project_id: string;
  /** Empty for none. */
  readonly api_key_id: string;
  readonly end_user: string | null;
  readonly generations: number;
  readonly images: number | null;
  readonly settled: Amount | null;
  readonly estimated: Amount | null;
}

function ofDays(database: Kysely<Database>, { firstDay, lastDay, projectId }: UsageQuery) {
  const days = database
    .selectFrom("usage_days")
    .select(["day", "model", "operation", "project_id", "api_key_id", "generations", "images", "settled", "estimated"])
    .select(sql<string | null>`null`.as("end_user"))
    .where("day", ">=", firstDay)
    .where("day", "<=", lastDay);
  const ofProject = projectId === undefined ? days : days.where("project_id", "=", projectId);
  return ofProject.$castTo<Counted>().as("usage");
}

function ofLedger(database: Kysely<Database>, { firstDay, lastDay, projectId, endUser }: UsageQuery) {
  let rows = database
    .selectFrom("ledger")
    .select(["day", "model", "operation", "project as project_id", "settled_images as images", "settled", "end_user"])
    .select((row) => [
      row.fn.coalesce("api_key_id", sql.lit("")).as("api_key_id"),
      sql.lit(1).as("generations"),
      row.case().when("is_estimated", "=", 1).then(row.ref("settled")).end().as("estimated"),
    ])
    .where("state", "=", "SETTLED")
    .where("day", ">=", firstDay)
    .where("day", "<=", lastDay);
  if (projectId !== undefined) rows = rows.where("project", "=", projectId);
  if (endUser !== undefined) rows = rows.where("end_user", "=", endUser);
  return rows.$castTo<Counted>().as("usage");
}

function sumOf<Name extends "settled" | "estimated">(name: Name) {
  const amount = sql.ref(name);
  return [
    sql<string>`cast(coalesce(sum(${amount} / ${sql.lit(PART)}), 0) as text)`.as(`${name}_whole` as const),
    sql<string>`cast(coalesce(sum(${amount} % ${sql.lit(PART)}), 0) as text)`.as(`${name}_rest` as const),
  ] as const;
}

/** The columns of the dimensions that were asked for, and the sums. */
interface UsageRow extends Partial<Pick<Counted, (typeof COLUMNS)[UsageDimension]>> {
  readonly generations: number | string | null;
  readonly images: number | string | null;
  readonly settled_whole: string;
  readonly settled_rest: string;
  readonly estimated_whole: string;
  readonly estimated_rest: string;
}

function toUsageSums(row: UsageRow): UsageSums {
  return {
    day: row.day,
    model: row.model,
    operation: row.operation as Operation | undefined,
    projectId: row.project_id,
    apiKeyId: row.api_key_id || undefined,
    endUser: row.end_user ?? undefined,
    generations: Number(row.generations ?? 0),
    images: Number(row.images ?? 0),
    costUsd: toUsd(joined(row.settled_whole, row.settled_rest)),
    estimatedUsd: toUsd(joined(row.estimated_whole, row.estimated_rest)),
  };
}

function joined(whole: string, rest: string): Amount {
  return BigInt(whole) * BigInt(PART) + BigInt(rest);
}

/** Adds to the sums of days. Every transaction locks the rows in the same order. */
export async function addUsage(database: Kysely<Database>, changes: readonly UsageChange[]): Promise<void> {
  const byRow = new Map<string, UsageChange>();
  for (const change of changes) byRow.set(keyOf(change), plus(change, byRow.get(keyOf(change))));
  for (const [, change] of [...byRow].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const { projectId, apiKeyId, ...sums } = change;
    const added = { project_id: projectId, api_key_id: apiKeyId, ...sums };
    // What a sum may be at most, so that it does not exceed the largest one.
    const room = { settled: LARGEST_SUM - change.settled, estimated: LARGEST_SUM - change.estimated };
    await runPrepared(database, "add usage", { added, room }, (prepared, value) =>
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
