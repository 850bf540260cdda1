import { windowStarts } from "../../../ports/projects/budget-windows.ts";
import { type Amount, MAX_BUDGET_USD, toAmount } from "../../../ports/projects/money.ts";
import { BUDGET_WINDOWS, type BudgetWindow } from "../../../ports/projects/projects.ts";

/** A window of a project or of an API key. */
export interface WindowKey {
  /** `proj_…` or `key_…` */
  readonly scopeId: string;
  readonly window: BudgetWindow;
  /** The first day of the window; empty for `TOTAL`. */
  readonly startsOn: string;
}

/** The settled and held amounts of a window. */
export interface Sums {
  readonly settled: Amount;
  readonly held: Amount;
  readonly settledImages: number;
  readonly heldImages: number;
}

/** The limit of settled and held amounts together in a window; `undefined` for no limit. */
export interface Ceiling extends WindowKey {
  readonly amount: Amount | undefined;
  readonly images: number | undefined;
}

export type WindowSums = WindowKey & Sums;

export const NO_SUMS: Sums = { settled: 0n, held: 0n, settledImages: 0, heldImages: 0 };
/**
 * The largest sum of settlements, nine million dollars. A larger sum is cut to this, because it has to fit into 64
 * bits.
 */
export const LARGEST_SUM: Amount = toAmount(MAX_BUDGET_USD);

/** Returns the current windows of these projects and API keys at a moment. */
export function windowsAt(scopeIds: readonly string[], at: Date): WindowKey[] {
  const starts = windowStarts(at);
  return scopeIds.flatMap((scopeId) => BUDGET_WINDOWS.map((window) => ({ scopeId, window, startsOn: starts[window] })));
}

/** Whether the sums of a window are within its ceiling. */
export function isWithin({ amount, images }: Ceiling, sums: Sums): boolean {
  const isCovered = amount === undefined || sums.settled + sums.held <= amount;
  return isCovered && (images === undefined || sums.settledImages + sums.heldImages <= images);
}

/** A text that names a window. Transactions lock windows in the order of these texts. */
export function keyOf({ scopeId, window, startsOn }: WindowKey): string {
  return `${scopeId} ${window} ${startsOn}`;
}

/** Compares two windows as their {@link keyOf} would be compared, without making these texts. */
export function byKey(a: WindowKey, b: WindowKey): number {
  return compare(a.scopeId, b.scopeId) || compare(a.window, b.window) || compare(a.startsOn, b.startsOn);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The ceiling that sums must be within before a hold, so that they are within this one after it. */
export function less(ceiling: Ceiling, { held, heldImages }: Pick<Sums, "held" | "heldImages">): Ceiling {
  const { amount, images } = ceiling;
  return {
    ...ceiling,
    amount: amount === undefined ? undefined : amount - held,
    images: images === undefined ? undefined : images - heldImages,
  };
}

/** Adds up two changes of a window. */
export function plus(change: WindowSums, before: Sums = NO_SUMS): WindowSums {
  return {
    ...change,
    settled: change.settled + before.settled,
    held: change.held + before.held,
    settledImages: change.settledImages + before.settledImages,
    heldImages: change.heldImages + before.heldImages,
  };
}
