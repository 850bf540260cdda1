import { type Kysely, sql } from "kysely";
import type { Operation } from "../../../ports/image-provider.ts";
import type { UsageDimension, UsageQuery, UsageSums } from "../../../ports/projects/ledger.ts";
import { type Amount, toUsd } from "../../../ports/projects/money.ts";
import type { Database } from "../database.ts";
import type { SumEngine } from "../engine.ts";

const COLUMNS = {
  DAY: "day",
  MODEL: "model",
  OPERATION: "operation",
  PROJECT: "project_id",
  API_KEY: "api_key_id",
  END_USER: "end_user",
} as const satisfies Readonly<Record<UsageDimension, string>>;
type Dimension = (typeof COLUMNS)[UsageDimension];
/** The sums. Amounts are summed in two parts, because their sum may not fit into 64 bits. */
const SUMMED = ["generations", "images", "settled_whole", "settled_rest", "estimated_whole", "estimated_rest"] as const;
const PART = 1_000_000;
/** The order of the primary key of `usage_days`. */
const DAY_ORDER = ["day", "model", "operation", "project_id", "api_key_id"] as const satisfies readonly Dimension[];
/** The order of the index `usage_days_scopes`, before its day. */
const SCOPE_ORDER = ["project_id", "api_key_id", "model", "operation"] as const satisfies readonly Dimension[];
/** From this number of days on, reading an index from end to end is faster than sorting the days' rows. */
const LONG_DAYS = 100;
/** How many days are added up at a time when an answer may have too many rows. */
const STEP_DAYS = 31;
const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Adds up usage: by end user, or of one, from the ledger; otherwise from the sums of days.
 *
 * By day and project or key there may be too many rows. So that is added up in steps, and ends with the limit.
 */
export async function readUsage(
  database: Kysely<Database>,
  engine: SumEngine,
  query: UsageQuery,
): Promise<readonly UsageSums[]> {
  const { by, endUser, projectId, lastDay, limit } = query;
  if (endUser !== undefined || by.includes("END_USER"))
    return addUp(database, engine, ofLedger(database, query), query);
  const isLong = by.includes("DAY") && (by.includes("PROJECT") || by.includes("API_KEY"));
  if (!isLong || projectId !== undefined) return addUpDays(database, engine, query);
  const rows: UsageSums[] = [];
  let firstDay = await firstDayFrom(database, query.firstDay, lastDay);
  while (firstDay !== undefined && rows.length < limit) {
    const stepEnd = daysLater(firstDay, STEP_DAYS - 1);
    const step = { ...query, firstDay, lastDay: stepEnd < lastDay ? stepEnd : lastDay, limit: limit - rows.length };
    rows.push(...(await addUpDays(database, engine, step)));
    firstDay = await firstDayFrom(database, daysLater(step.lastDay, 1), lastDay);
  }
  return rows;
}

async function addUpDays(
  database: Kysely<Database>,
  engine: SumEngine,
  query: UsageQuery,
): Promise<readonly UsageSums[]> {
  const order = engine.needsIndexOrder ? indexOrderOf(query) : undefined;
  const days = ofDays(database, query, order === SCOPE_ORDER);
  if (!order) return addUp(database, engine, days, query);
  const grouped = database
    .selectFrom(days)
    .select(order)
    .select((row) => SUMMED.map((name) => row.fn.sum<number | null>(name).as(name)))
    .groupBy(order)
    .$castTo<Counted>();
  return addUp(database, engine, grouped.as("usage"), query);
}

/** The columns by which rows are grouped first, in the order of an index; `undefined` where that makes nothing faster. */
function indexOrderOf({ by, projectId, firstDay, lastDay }: UsageQuery): readonly Dimension[] | undefined {
  if (projectId !== undefined) return undefined;
  if (!by.includes("DAY")) return daysLater(firstDay, LONG_DAYS) <= lastDay ? SCOPE_ORDER : undefined;
  const columns = by.map((dimension) => COLUMNS[dimension]);
  return DAY_ORDER.slice(0, 1 + DAY_ORDER.findLastIndex((column) => columns.includes(column)));
}

/** The sums. An API key without an id is an empty text. */
type Counted = Readonly<Record<Exclude<Dimension, "end_user">, string>> &
  Readonly<Record<(typeof SUMMED)[number], number | null>> & { readonly end_user: string | null };

function ofDays(database: Kysely<Database>, { firstDay, lastDay, projectId }: UsageQuery, isScanned: boolean) {
  // The plus keeps SQLite from looking up the days: it reads the whole index instead.
  const day = isScanned ? sql<string>`+day` : sql.ref<string>("day");
  const days = database
    .selectFrom("usage_days")
    .select(["day", "model", "operation", "project_id", "api_key_id", "generations", "images"])
    .select([...partsOf("settled", sql.ref("settled")), ...partsOf("estimated", sql.ref("estimated"))])
    .where(day, ">=", firstDay)
    .where(day, "<=", lastDay);
  const ofProject = projectId === undefined ? days : days.where("project_id", "=", projectId);
  return ofProject.$castTo<Counted>().as("usage");
}

function ofLedger(database: Kysely<Database>, { firstDay, lastDay, projectId, endUser }: UsageQuery) {
  const estimated = sql`case when is_estimated = 1 then settled end`;
  let rows = database
    .selectFrom("ledger")
    .select(["day", "model", "operation", "project as project_id", "settled_images as images", "end_user"])
    .select((row) => [row.fn.coalesce("api_key_id", sql.lit("")).as("api_key_id"), sql.lit(1).as("generations")])
    .select([...partsOf("settled", sql.ref("settled")), ...partsOf("estimated", sql`(${estimated})`)])
    .where("state", "=", "SETTLED")
    .where("day", ">=", firstDay)
    .where("day", "<=", lastDay);
  if (projectId !== undefined) rows = rows.where("project", "=", projectId);
  if (endUser !== undefined) rows = rows.where("end_user", "=", endUser);
  return rows.$castTo<Counted>().as("usage");
}

function partsOf<Name extends "settled" | "estimated">(name: Name, amount: ReturnType<typeof sql>) {
  return [
    sql<number>`${amount} / ${sql.lit(PART)}`.as(`${name}_whole` as const),
    sql<number>`${amount} % ${sql.lit(PART)}`.as(`${name}_rest` as const),
  ] as const;
}

async function addUp(
  database: Kysely<Database>,
  { settings }: SumEngine,
  source: ReturnType<typeof ofDays>,
  { by, limit }: UsageQuery,
): Promise<readonly UsageSums[]> {
  let sums = database
    .selectFrom(source)
    .select(by.map((dimension) => COLUMNS[dimension]))
    .select(SUMMED.map((name) => sql<string>`cast(coalesce(sum(${sql.ref(name)}), 0) as text)`.as(name)))
    .limit(limit);
  for (const dimension of by) sums = sums.groupBy(COLUMNS[dimension]).orderBy(COLUMNS[dimension]);
  if (!settings) return (await sums.execute()).map(toUsageSums);
  return database.transaction().execute(async (transaction) => {
    await settings.execute(transaction);
    const { rows } = await transaction.executeQuery<UsageRow>(sums);
    return rows.map(toUsageSums);
  });
}

/** The first day that has rows; `undefined` if there is none. */
async function firstDayFrom(
  database: Kysely<Database>,
  firstDay: string,
  lastDay: string,
): Promise<string | undefined> {
  const found = await database
    .selectFrom("usage_days")
    .select((row) => row.fn.min<string | null>("day").as("day"))
    .where("day", ">=", firstDay)
    .where("day", "<=", lastDay)
    .executeTakeFirst();
  return found?.day ?? undefined;
}

function daysLater(day: string, count: number): string {
  return new Date(Date.parse(day) + count * DAY_MS).toISOString().slice(0, 10);
}

/** The columns of the requested dimensions, and the sums. */
type UsageRow = Partial<Pick<Counted, Dimension>> & Readonly<Record<(typeof SUMMED)[number], string>>;

function toUsageSums(row: UsageRow): UsageSums {
  return {
    day: row.day,
    model: row.model,
    operation: row.operation as Operation | undefined,
    projectId: row.project_id,
    apiKeyId: row.api_key_id || undefined,
    endUser: row.end_user ?? undefined,
    generations: Number(row.generations),
    images: Number(row.images),
    costUsd: toUsd(joined(row.settled_whole, row.settled_rest)),
    estimatedUsd: toUsd(joined(row.estimated_whole, row.estimated_rest)),
  };
}

function joined(whole: string, rest: string): Amount {
  return BigInt(whole) * BigInt(PART) + BigInt(rest);
}
