import type { BudgetWindow } from "./projects.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const DAYS_A_WEEK = 7;

/** The UTC day of a moment: `2026-11-30`. */
export function dayOf(at: Date): string {
  return at.toISOString().slice(0, 10);
}

/** The first UTC day of the window that a moment is in: `2026-11-30`; empty text for `TOTAL`, which has none. */
export function windowStart(window: BudgetWindow, at: Date): string {
  return windowStarts(at)[window];
}

/** When the window that a moment is in ends, and the next one begins; `undefined` for `TOTAL`, which never ends. */
export function windowEnd(window: BudgetWindow, at: Date): Date | undefined {
  if (window === "TOTAL") return undefined;
  const start = new Date(`${windowStart(window, at)}T00:00:00Z`);
  if (window === "MONTH") return new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1, 1));
  return new Date(start.getTime() + (window === "DAY" ? 1 : DAYS_A_WEEK) * DAY_MS);
}

/** The first day of each window that contains a time, as returned by {@link windowStart}. */
export function windowStarts(at: Date): Readonly<Record<BudgetWindow, string>> {
  const day = Math.floor(at.getTime() / DAY_MS);
  if (latest?.day !== day) latest = { day, starts: startsOf(at) };
  return latest.starts;
}

/**
 * The latest requested day, in days since 1970, and the starts of its windows. The next request nearly always has the
 * same day.
 */
let latest: { readonly day: number; readonly starts: Readonly<Record<BudgetWindow, string>> } | undefined;

function startsOf(at: Date): Readonly<Record<BudgetWindow, string>> {
  const day = dayOf(at);
  const monday = new Date(at.getTime() - daysSinceMonday(at) * DAY_MS);
  return { DAY: day, WEEK: dayOf(monday), MONTH: `${day.slice(0, 7)}-01`, TOTAL: "" };
}

function daysSinceMonday(at: Date): number {
  return (at.getUTCDay() + DAYS_A_WEEK - 1) % DAYS_A_WEEK;
}
