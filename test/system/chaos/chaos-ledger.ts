import { DatabaseSync } from "node:sqlite";
import { type Amount, toAmount, toUsd } from "../../../src/ports/projects/money.ts";
import type { BudgetLimit } from "../../../src/ports/projects/projects.ts";
import { billOf, type UpstreamCall } from "./chaos-upstream.ts";

/** The daily budget of an open gateway in a run: more than a run ever holds. */
export const DAILY_BUDGET_USD = "100000";

/** One row of the ledger, as the store has it. */
export interface LedgerRow {
  readonly generationId: string;
  readonly projectId: string;
  readonly apiKeyId: string | undefined;
  readonly state: string;
  readonly settled: Amount;
  readonly images: number;
  readonly isEstimated: boolean;
}

/** What the store has counted in one window of a project or an API key. */
export interface CountedWindow {
  readonly scopeId: string;
  readonly period: string;
  readonly settled: Amount;
  readonly held: Amount;
  readonly settledImages: number;
  readonly heldImages: number;
}

/** What the store has counted of a project's usage. */
export interface CountedUsage {
  readonly projectId: string;
  readonly generations: number;
  readonly images: number;
  readonly settled: Amount;
}

/** The ledger and its sums, read without the gateway. */
export interface LedgerBooks {
  readonly rows: readonly LedgerRow[];
  readonly windows: readonly CountedWindow[];
  readonly usage: readonly CountedUsage[];
}

/** The records of the gateway beside those of the provider. */
export interface Audit {
  /** Contradictions between the two, or inside the ledger. Empty if every dollar is accounted for. */
  readonly miscounted: readonly string[];
  /** Budgets that were exceeded. */
  readonly overspent: readonly string[];
  /** US dollars that the provider charged. */
  readonly billedUsd: string;
  /** US dollars that the ledger charges. */
  readonly settledUsd: string;
  /** The part of that which is estimated. */
  readonly estimatedUsd: string;
}

type RawRow = Readonly<Record<string, unknown>>;

const ROWS = `SELECT generation_id, project, api_key_id, state, CAST(settled AS text) AS settled, settled_images,
  is_estimated FROM`;
const WINDOWS = `SELECT scope_id, period, CAST(settled AS text) AS settled, CAST(held AS text) AS held, settled_images,
  held_images FROM`;
const USAGE = "SELECT project_id, generations, images, CAST(settled AS text) AS settled FROM";

/** Reads the embedded store while no gateway runs. */
export function readSqliteLedger(path: string): LedgerBooks {
  const database = new DatabaseSync(path, { readOnly: true });
  const read = (what: string, table: string) => database.prepare(`${what} ${table}`).all();
  try {
    return toBooks(read(ROWS, "ledger"), read(WINDOWS, "spending_windows"), read(USAGE, "usage_days"));
  } finally {
    database.close();
  }
}

/** @param query runs SQL on the gateways' shared database */
export async function readPostgresLedger(query: (sql: string) => Promise<RawRow[]>): Promise<LedgerBooks> {
  const read = (what: string, table: string) => query(`${what} pictograph.${table}`);
  return toBooks(await read(ROWS, "ledger"), await read(WINDOWS, "spending_windows"), await read(USAGE, "usage_days"));
}

function toBooks(rows: readonly RawRow[], windows: readonly RawRow[], usage: readonly RawRow[]): LedgerBooks {
  return {
    rows: rows.map((row) => ({
      generationId: String(row.generation_id),
      projectId: String(row.project),
      apiKeyId: row.api_key_id === null ? undefined : String(row.api_key_id),
      state: String(row.state),
      settled: BigInt(String(row.settled ?? 0)),
      images: Number(row.settled_images ?? 0),
      isEstimated: row.is_estimated === 1,
    })),
    windows: windows.map((row) => ({
      scopeId: String(row.scope_id),
      period: String(row.period),
      settled: BigInt(String(row.settled)),
      held: BigInt(String(row.held)),
      settledImages: Number(row.settled_images),
      heldImages: Number(row.held_images),
    })),
    usage: usage.map((row) => ({
      projectId: String(row.project_id),
      generations: Number(row.generations),
      images: Number(row.images),
      settled: BigInt(String(row.settled)),
    })),
  };
}

/** What the run knows about its orders. */
export interface OrderFacts {
  /** The order of each accepted generation. */
  readonly markerOf: ReadonlyMap<string, string>;
  /** The project of each order; on an open gateway only the public one. */
  readonly projectOf: ReadonlyMap<string, string>;
  /** The budgets of projects and API keys. */
  readonly budgets: ReadonlyMap<string, readonly BudgetLimit[]>;
}

/**
 * Compares the ledger with the provider's bill and with all sums computed from it. An exact amount must be the charge.
 * An estimate may be more, never less.
 */
export function audit(books: LedgerBooks, calls: readonly UpstreamCall[], facts: OrderFacts): Audit {
  const { rows } = books;
  return {
    miscounted: [...compareWithBill(rows, calls, facts), ...compareWithSums(books)],
    overspent: findOverspent(books, facts),
    billedUsd: toUsd(billOf(calls)),
    settledUsd: toUsd(sum(rows)),
    estimatedUsd: toUsd(sum(rows.filter(({ isEstimated }) => isEstimated))),
  };
}

function compareWithBill(
  rows: readonly LedgerRow[],
  calls: readonly UpstreamCall[],
  { markerOf, projectOf }: OrderFacts,
): string[] {
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
    miscounted.push(...compare(marker, rowsOf.get(marker), callsOf.get(marker)));
  }
  const rowsOfProject = Map.groupBy(rows, ({ projectId }) => projectId);
  const callsOfProject = Map.groupBy(calls, ({ marker }) => projectOf.get(marker) ?? "");
  for (const projectId of new Set([...rowsOfProject.keys(), ...callsOfProject.keys()])) {
    miscounted.push(...compare(projectId, rowsOfProject.get(projectId), callsOfProject.get(projectId)));
  }
  return miscounted;
}

function compare(name: string, rows: readonly LedgerRow[] = [], calls: readonly UpstreamCall[] = []): string[] {
  const exact = sum(rows.filter(({ isEstimated }) => !isEstimated));
  const most = sum(rows);
  const billed = billOf(calls);
  if (billed >= exact && billed <= most) return [];
  return [`${name}: ${toUsd(billed)} were billed, ${toUsd(exact)} to ${toUsd(most)} settled`];
}

/** Windows and usage must equal the sums of the rows, and nothing may still be held. */
function compareWithSums({ rows, windows, usage }: LedgerBooks): string[] {
  const miscounted: string[] = [];
  const scopes = rows.flatMap((row) => [
    { scopeId: row.projectId, row },
    ...(row.apiKeyId === undefined ? [] : [{ scopeId: row.apiKeyId, row }]),
  ]);
  const rowsOf = Map.groupBy(scopes, ({ scopeId }) => scopeId);
  for (const [key, counted] of Map.groupBy(windows, ({ scopeId, period }) => `${scopeId} ${period}`)) {
    const own = (rowsOf.get(counted[0]?.scopeId ?? "") ?? []).map(({ row }) => row);
    const images = counted.reduce((total, { settledImages }) => total + settledImages, 0);
    if (sum(counted) !== sum(own)) miscounted.push(`${key}: ${toUsd(sum(counted))}, the ledger ${toUsd(sum(own))}`);
    if (images !== imagesOf(own)) miscounted.push(`${key}: ${images} images, the ledger ${imagesOf(own)}`);
    if (counted.some(({ held, heldImages }) => held !== 0n || heldImages !== 0)) {
      miscounted.push(`${key}: something is held, and nothing runs`);
    }
  }
  for (const [projectId, own] of Map.groupBy(rows, (row) => row.projectId)) {
    const counted = usage.filter((one) => one.projectId === projectId);
    const generations = counted.reduce((total, one) => total + one.generations, 0);
    if (generations !== own.length || sum(counted) !== sum(own) || imagesOf(counted) !== imagesOf(own)) {
      miscounted.push(`${projectId}: usage is ${generations} generations for ${toUsd(sum(counted))}`);
    }
  }
  return miscounted;
}

function findOverspent({ windows }: LedgerBooks, { budgets }: OrderFacts): string[] {
  return windows.flatMap(({ scopeId, period, settled, held, settledImages, heldImages }) => {
    const daily: readonly BudgetLimit[] = [{ window: "DAY", limitUsd: DAILY_BUDGET_USD }];
    const own = (budgets.get(scopeId) ?? daily).filter(({ window }) => window === period);
    const isOver = own.some(
      ({ limitUsd, limitImages }) =>
        (limitUsd !== undefined && settled + held > toAmount(limitUsd)) ||
        (limitImages !== undefined && settledImages + heldImages > limitImages),
    );
    return isOver ? [`${scopeId} ${period}: ${toUsd(settled + held)} and ${settledImages + heldImages} images`] : [];
  });
}

function sum(rows: readonly { readonly settled: Amount }[]): Amount {
  return rows.reduce((total, { settled }) => total + settled, 0n);
}

function imagesOf(rows: readonly { readonly images: number }[]): number {
  return rows.reduce((total, { images }) => total + images, 0);
}
