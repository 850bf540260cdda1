import { computed, effect, signal } from "@preact/signals";
import type { GenerationFilter, ImageFilter, Operation } from "../../generated/graphql.ts";
import { goTo, place } from "../../router.ts";

/** What the wall shows: pictures, or the generations that ended without all of theirs. */
export const SHOWN = ["pictures", "failed", "canceled"] as const;
export type Shown = (typeof SHOWN)[number];
export const PERIODS = ["day", "week", "month"] as const;
export type Period = (typeof PERIODS)[number];
/** Days before today that a period begins. */
const DAYS_BEFORE: Readonly<Record<Period, number>> = { day: 0, week: 6, month: 29 };
/** The longest search that the gateway takes, in characters. */
export const MAX_SEARCH_LENGTH = 500;
const DATE = /^\d{4}-\d\d-\d\d$/;

/** What of the history is on the wall. It stands in the address, so that it can be shared and gone back to. */
export interface WallFilter {
  readonly search: string;
  readonly shown: Shown;
  readonly model: string | undefined;
  readonly operation: Operation | undefined;
  readonly isFavorite: boolean;
  /** Counted back from today, so a shared address stays true tomorrow. Not with `from` and `to`. */
  readonly period: Period | undefined;
  /** Days of the browser's calendar, `2026-11-30`, both included. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** Whether pictures of one generation stand together under its prompt. */
  readonly isGrouped: boolean;
}

const current = signal<WallFilter>(parseFilter(place.value.query));

// On other pages the wall keeps its filter, and they lead back to it.
effect(() => {
  const { path, query } = place.value;
  if (path.length === 0 && query.toString() !== formatFilter(current.peek())) current.value = parseFilter(query);
});

export const filter = computed(() => current.value);

/** Whether everything is on the wall. How it is arranged does not count. */
export const isUnfiltered = computed(() => formatFilter({ ...filter.value, isGrouped: false }) === "");

/** The address of the wall as it was last seen. */
export const wallHref = computed(() => hrefOfFilter(filter.value));

/** Changes the filter, and with it the address. With `replace` the way back skips the filter that was there before. */
export function changeFilter(changes: Partial<WallFilter>, options: { readonly replace?: boolean } = {}): void {
  current.value = { ...filter.value, ...changes };
  goTo(wallHref.value, options);
}

/** Shows all pictures again. */
export function clearFilter(): void {
  current.value = parseFilter(new URLSearchParams(filter.value.isGrouped ? "group=1" : ""));
  goTo(wallHref.value);
}

export function parseFilter(query: URLSearchParams): WallFilter {
  const oneOf = <Value extends string>(name: string, values: readonly Value[]) =>
    values.find((value) => value === query.get(name));
  const day = (name: string) => (DATE.test(query.get(name) ?? "") ? (query.get(name) ?? undefined) : undefined);
  return {
    search: (query.get("search") ?? "").slice(0, MAX_SEARCH_LENGTH),
    shown: oneOf("show", SHOWN) ?? "pictures",
    model: query.get("model") || undefined,
    operation: oneOf("operation", ["GENERATE", "EDIT"]),
    isFavorite: query.get("favourites") === "1",
    period: oneOf("period", PERIODS),
    from: day("from"),
    to: day("to"),
    isGrouped: query.get("group") === "1",
  };
}

/** Writes what differs from the whole wall, as the query of an address. */
export function formatFilter(filter: WallFilter): string {
  const { search, shown, model, operation, isFavorite, period, from, to, isGrouped } = filter;
  const query = new URLSearchParams();
  const set = (name: string, value: string | false | undefined) => value && query.set(name, value);
  set("search", search);
  set("show", shown !== "pictures" && shown);
  set("model", model);
  set("operation", operation);
  set("favourites", isFavorite && "1");
  set("period", period);
  set("from", from);
  set("to", to);
  set("group", isGrouped && "1");
  return query.toString();
}

/** The filter of the graph for pictures; `null` for all of them. */
export function toImageFilter(filter: WallFilter): ImageFilter | null {
  const conditions: ImageFilter = { ...conditionsOf(filter), ...(filter.isFavorite && { isFavorite: true }) };
  return Object.keys(conditions).length > 0 ? conditions : null;
}

/** The filter of the graph for generations that failed or were canceled. */
export function toGenerationFilter(filter: WallFilter): GenerationFilter {
  return { ...conditionsOf(filter), status: filter.shown === "canceled" ? "CANCELED" : "FAILED" };
}

function conditionsOf({ search, model, operation, period, from, to }: WallFilter) {
  const since = from !== undefined ? startOf(from, 0) : period && startOf(undefined, -DAYS_BEFORE[period]);
  return {
    ...(search.trim() && { search: search.trim() }),
    ...(model !== undefined && { model }),
    ...(operation && { operation }),
    ...(since && { createdAfter: since }),
    ...(to !== undefined && { createdBefore: startOf(to, 1) }),
  };
}

/** The moment at which a day of the browser's calendar begins, so many days later. @param day today if left out */
function startOf(day: string | undefined, daysLater: number): string {
  const date = day === undefined ? new Date() : new Date(`${day}T00:00:00`);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + daysLater).toISOString();
}

function hrefOfFilter(filter: WallFilter): string {
  const query = formatFilter(filter);
  return query ? `#/?${query}` : "#/";
}
