import { DatabaseSync } from "node:sqlite";
import { type Amount, toAmount, toUsd } from "../../../src/ports/money.ts";
import { billOf, type UpstreamCall } from "./chaos-upstream.ts";

/** What the gateways of a run may spend in a day: more than a run ever holds. */
export const DAILY_BUDGET_USD = "100000";
/** One row of the ledger, as the store has it. */
export interface LedgerRow {
  readonly generationId: string;
  readonly state: string;
  readonly settled: Amount;
  readonly isEstimated: boolean;
}

/** The ledger, and what it adds up to, read past the gateway. */
export interface LedgerBooks {
  readonly rows: readonly LedgerRow[];
  readonly days: readonly { readonly settled: Amount; readonly held: Amount }[];
}

/** What the books of the gateway and of the provider say, side by side. */
export interface Audit {
  /** Where they contradict each other, or the ledger itself. Empty when every dollar is accounted for. */
  readonly miscounted: readonly string[];
  /** US dollars that the provider charged. */
  readonly billedUsd: string;
  /** US dollars that the ledger charges. */
  readonly settledUsd: string;
  /** Those of them that are an estimate. */
  readonly estimatedUsd: string;
}

type RawRow = Readonly<Record<string, unknown>>;

const ROWS = "SELECT generation_id, state, CAST(settled AS text) AS settled, is_estimated FROM";
const DAYS = "SELECT CAST(settled AS text) AS settled, CAST(held AS text) AS held FROM";

const OF_DAYS = "WHERE period = 'DAY'";

/** Reads the embedded store. No gateway runs. */
export function readSqliteLedger(path: string): LedgerBooks {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    return toBooks(
      database.prepare(`${ROWS} ledger`).all(),
      database.prepare(`${DAYS} spending_windows ${OF_DAYS}`).all(),
    );
  } finally {
    database.close();
  }
}

/** @param query runs SQL on the database that the gateways share */
export async function readPostgresLedger(query: (sql: string) => Promise<RawRow[]>): Promise<LedgerBooks> {
  return toBooks(
    await query(`${ROWS} pictograph.ledger`),
    await query(`${DAYS} pictograph.spending_windows ${OF_DAYS}`),
  );
}

function toBooks(rows: readonly RawRow[], days: readonly RawRow[]): LedgerBooks {
  return {
    rows: rows.map(({ generation_id, state, settled, is_estimated }) => ({
      generationId: String(generation_id),
      state: String(state),
      settled: BigInt(String(settled ?? 0)),
      isEstimated: is_estimated === 1,
    })),
    days: days.map(({ settled, held }) => ({ settled: BigInt(String(settled)), held: BigInt(String(held)) })),
  };
}

/**
 * Holds the ledger beside the provider's bill. What is settled exactly has to be what was charged; what is estimated may
 * be more, and never less.
 *
 * @param markerOf the order of each generation that was ever accepted
 */
export function audit(
  { rows, days }: LedgerBooks,
  calls: readonly UpstreamCall[],
  markerOf: ReadonlyMap<string, string>,
): Audit {
  const miscounted: string[] = [];
  const callsOf = Map.groupBy(calls, ({ marker }) => marker);
  const rowsOf = Map.groupBy(rows, ({ generationId }) => markerOf.get(generationId) ?? "");
  for (const { generationId } of rowsOf.get("") ?? []) miscounted.push(`${generationId}: nobody knows it`);
  const entered = new Set(rows.map(({ generationId }) => generationId));
  for (const id of markerOf.keys()) if (!entered.has(id)) miscounted.push(`${id}: is not in the ledger`);
  for (const { generationId, state } of rows) {
    if (state !== "SETTLED") miscounted.push(`${generationId}: has ended and is ${state}`);
  }
  for (const marker of new Set([...rowsOf.keys(), ...callsOf.keys()])) {
    const own = rowsOf.get(marker) ?? [];
    const exact = sum(own.filter(({ isEstimated }) => !isEstimated));
    const most = sum(own);
    const billed = billOf(callsOf.get(marker) ?? []);
    if (billed >= exact && billed <= most) continue;
    miscounted.push(`${marker}: ${toUsd(billed)} were billed, ${toUsd(exact)} to ${toUsd(most)} settled`);
  }
  for (const { held } of days) if (held !== 0n) miscounted.push(`${held} x 10^-12 dollars are held, and nothing runs`);
  const spent = sum(days);
  if (spent !== sum(rows)) miscounted.push(`the days say ${toUsd(spent)}, the ledger ${toUsd(sum(rows))}`);
  if (days.some(({ settled, held }) => settled + held > toAmount(DAILY_BUDGET_USD))) miscounted.push("over the budget");
  return {
    miscounted,
    billedUsd: toUsd(billOf(calls)),
    settledUsd: toUsd(sum(rows)),
    estimatedUsd: toUsd(sum(rows.filter(({ isEstimated }) => isEstimated))),
  };
}

function sum(rows: readonly { readonly settled: Amount }[]): Amount {
  return rows.reduce((total, { settled }) => total + settled, 0n);
}
