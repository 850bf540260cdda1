import {
  type Expression,
  type ExpressionBuilder,
  expressionBuilder,
  type Kysely,
  type RawBuilder,
  type SqlBool,
  sql,
} from "kysely";
import type { Amount } from "../../../ports/projects/money.ts";
import type { BudgetWindow } from "../../../ports/projects/projects.ts";
import type { Database } from "../database.ts";
import { type Place, PreparedStatement } from "../prepared.ts";
import {
  byKey,
  type Ceiling,
  isWithin,
  keyOf,
  LARGEST_SUM,
  less,
  NO_SUMS,
  plus,
  type Sums,
  type WindowKey,
  type WindowSums,
} from "./window-sums.ts";

/** The most rows that one statement changes. */
const BATCH_SIZE = 100;
const KEY = ["scope_id", "period", "starts_on"] as const;

/**
 * Adds held amounts to windows, unless a ceiling would be exceeded. Then nothing is changed.
 *
 * @param ceilings the limits of some of these windows
 * @returns the sums of these windows afterwards, by {@link keyOf}, or none if there are no ceilings; `undefined` when
 * nothing was changed
 */
export async function holdIn(
  database: Kysely<Database>,
  windows: readonly WindowKey[],
  hold: Pick<Sums, "held" | "heldImages">,
  ceilings: readonly Ceiling[],
): Promise<ReadonlyMap<string, Sums> | undefined> {
  const added = { ...NO_SUMS, ...hold };
  const changes = windows.map((key) => ({ ...key, ...added })).sort(byKey);
  if (ceilings.length === 0) {
    await ADD.run(database, changes, { rows: changes.length });
    return new Map();
  }
  if (!ceilings.every((ceiling) => isWithin(ceiling, added))) return undefined;
  const free = ceilings.map((ceiling) => less(ceiling, hold));
  const shape = { rows: changes.length, ceilings: free.length };
  const { rows } = await ADD_WITHIN.run(database, { changes, ceilings: free }, shape);
  if (rows.length === 0) return undefined;
  const after = new Map(rows.map(toSums).map((sums) => [keyOf(sums), sums]));
  // The rows are locked now, so they include amounts that others held since the statement began.
  if (ceilings.every((ceiling) => isWithin(ceiling, after.get(keyOf(ceiling)) ?? NO_SUMS))) return after;
  const undone = changes.map((change) => ({ ...change, held: -change.held, heldImages: -change.heldImages }));
  await ADD.run(database, undone, { rows: undone.length });
  return undefined;
}

/** Changes the sums of windows. Several changes of one window are added up. */
export async function addTo(database: Kysely<Database>, changes: readonly WindowSums[]): Promise<void> {
  const rows: WindowSums[] = [];
  for (const change of changes.toSorted(byKey)) {
    const last = rows.at(-1);
    if (last && byKey(last, change) === 0) rows[rows.length - 1] = plus(change, last);
    else rows.push(change);
  }
  const changed = rows.filter((row) => row.settled || row.held || row.settledImages || row.heldImages);
  for (let start = 0; start < changed.length; start += BATCH_SIZE) {
    const batch = changed.slice(start, start + BATCH_SIZE);
    await ADD.run(database, batch, { rows: batch.length });
  }
}

/** The sums of windows, in the same order. */
export async function readWindows(database: Kysely<Database>, windows: readonly WindowKey[]): Promise<WindowSums[]> {
  const sums = new Map<string, WindowSums>();
  for (let start = 0; start < windows.length; start += BATCH_SIZE) {
    const rows = await database
      .selectFrom("spending_windows")
      .select(selectSums)
      .where((row) => row.or(windows.slice(start, start + BATCH_SIZE).map((key) => isWindow(row, key))))
      .execute();
    for (const row of rows.map(toSums)) sums.set(keyOf(row), row);
  }
  return windows.map((key) => ({ ...NO_SUMS, ...sums.get(keyOf(key)), ...key }));
}

/**
 * Removes windows that began before a day and hold nothing. `TOTAL`, which never ends, stays.
 *
 * @param limit how many at most
 * @returns how many were removed
 */
export async function forgetWindows(
  database: Kysely<Database>,
  before: string,
  limit: number,
  hasRowLocks: boolean,
): Promise<number> {
  const old = database
    .selectFrom("spending_windows")
    .select(KEY)
    .where("starts_on", ">", "")
    .where("starts_on", "<", before)
    .where("held", "=", 0n)
    .where("held_images", "=", 0)
    .orderBy("starts_on")
    .limit(limit);
  // The holder of a lock settles an old generation. The next sweep removes the window.
  const rows = await (hasRowLocks ? old.forUpdate().skipLocked() : old).execute();
  for (let start = 0; start < rows.length; start += BATCH_SIZE) {
    const keys = rows.slice(start, start + BATCH_SIZE);
    await database
      .deleteFrom("spending_windows")
      .where((row) =>
        row.or(
          keys.map(({ scope_id: scopeId, period, starts_on: startsOn }) =>
            isWindow(row, { scopeId, window: period as BudgetWindow, startsOn }),
          ),
        ),
      )
      .execute();
  }
  return rows.length;
}

/** Adds to the sums of windows. The changes are in the order of {@link byKey}. */
const ADD = new PreparedStatement(
  (database, place: Place<readonly WindowSums[]>, { rows }: { readonly rows: number }) =>
    upsert(
      database,
      Array.from({ length: rows }, (_, index) => placeChange((read) => place((changes) => read(changes[index]!)))),
    ),
  { keepsPlan: true },
);

interface ChangesWithin {
  readonly changes: readonly WindowSums[];
  readonly ceilings: readonly Ceiling[];
}

/** Adds to the sums of windows and returns them, unless one of the windows exceeded its ceiling before. */
const ADD_WITHIN = new PreparedStatement(
  (database, place: Place<ChangesWithin>, { rows, ceilings }: { readonly rows: number; readonly ceilings: number }) => {
    const changes = Array.from({ length: rows }, (_, index) =>
      placeChange((read) => place((values) => read(values.changes[index]!))),
    );
    const exceeded = database
      .selectFrom("spending_windows")
      .select("scope_id")
      .where((row) =>
        row.or(
          Array.from({ length: ceilings }, (_, index) =>
            exceeds(row, (read) => place((values) => read(values.ceilings[index]!))),
          ),
        ),
      );
    return upsert(database, changes, ({ not, exists }) => not(exists(exceeded))).returning(selectSums);
  },
  { keepsPlan: true },
);

/** The row of a change, as SQL. */
function placeChange(place: Place<WindowSums>) {
  const key = [place(({ scopeId }) => scopeId), place(({ window }) => window), place(({ startsOn }) => startsOn)];
  const sums = [
    place(({ settled }) => settled),
    place(({ held }) => held),
    place(({ settledImages }) => settledImages),
    place(({ heldImages }) => heldImages),
  ].map((sum) => sql`cast(${sum} as bigint)`);
  return sql`(${sql.join([...key, ...sums])})`;
}

/**
 * Adds to the sums of windows, and creates missing windows. Every transaction locks the rows in the same order, so that
 * two of them do not deadlock.
 */
function upsert(
  database: Kysely<Database>,
  changes: readonly RawBuilder<unknown>[],
  condition: (query: ExpressionBuilder<Database, never>) => Expression<SqlBool> = () => sql<SqlBool>`true`,
) {
  return database
    .insertInto("spending_windows")
    .columns([...KEY, "settled", "held", "settled_images", "held_images"])
    .expression((query) =>
      query
        .selectFrom(sql<object>`(values ${sql.join(changes)})`.as("changes"))
        .selectAll()
        .where(() => condition(expressionBuilder<Database>())),
    )
    .onConflict((conflict) =>
      conflict.columns(KEY).doUpdateSet((row) => {
        const [settled, more] = [row.ref("spending_windows.settled"), row.ref("excluded.settled")];
        const most = row.val(LARGEST_SUM);
        return {
          settled: row
            .case()
            .when(settled, ">", row(most, "-", more))
            .then(most)
            .else(row(settled, "+", more))
            .end(),
          held: row("spending_windows.held", "+", row.ref("excluded.held")),
          settled_images: row("spending_windows.settled_images", "+", row.ref("excluded.settled_images")),
          held_images: row("spending_windows.held_images", "+", row.ref("excluded.held_images")),
        };
      }),
    );
}

type Row = ExpressionBuilder<Database, "spending_windows">;

function isWindow(row: Row, { scopeId, window, startsOn }: WindowKey) {
  return row.and([row("scope_id", "=", scopeId), row("period", "=", window), row("starts_on", "=", startsOn)]);
}

/** Whether a window exceeds a ceiling. What is not limited is null, and so never exceeded. */
function exceeds(row: Row, place: Place<Ceiling>) {
  const window: WindowKey = {
    scopeId: place((ceiling) => ceiling.scopeId),
    window: place((ceiling) => ceiling.window),
    startsOn: place((ceiling) => ceiling.startsOn),
  };
  const amount = place((ceiling) => ceiling.amount ?? null) as Amount;
  const images = place((ceiling) => ceiling.images ?? null) as number;
  return row.and([
    isWindow(row, window),
    row.or([
      row(row("settled", "+", row.ref("held")), ">", amount),
      row(row("settled_images", "+", row.ref("held_images")), ">", images),
    ]),
  ]);
}

/** Selects amounts as text, which every engine returns without loss. */
function selectSums(row: Row) {
  return [
    ...KEY,
    row.cast<string>("settled", "text").as("settled"),
    row.cast<string>("held", "text").as("held"),
    "settled_images",
    "held_images",
  ] as const;
}

function toSums(row: {
  readonly scope_id: string;
  readonly period: string;
  readonly starts_on: string;
  readonly settled: string;
  readonly held: string;
  readonly settled_images: number;
  readonly held_images: number;
}): WindowSums {
  return {
    scopeId: row.scope_id,
    window: row.period as BudgetWindow,
    startsOn: row.starts_on,
    settled: BigInt(row.settled),
    held: BigInt(row.held),
    settledImages: Number(row.settled_images),
    heldImages: Number(row.held_images),
  };
}
