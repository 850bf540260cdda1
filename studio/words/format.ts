import { locale, words } from "./language.ts";

const t = words(
  {
    free: "Free",
    unknown: "not known yet",
    upTo: (amount: string) => `up to ${amount}`,
    at: (day: string, time: string) => `${day}, ${time}`,
  },
  {
    free: "免费",
    unknown: "尚不清楚",
    upTo: (amount: string) => `最多 ${amount}`,
    at: (day: string, time: string) => `${day} ${time}`,
  },
);

/** A cent in units of 10⁻¹² US dollars. */
const CENT = 10_000_000_000n;
const UNITS = 12;

/** Formats an amount with two decimals, rounded up: "$0.25". Nothing is "Free". */
export function money(usd: string): string {
  const units = toUnits(usd);
  return units === 0n ? t.free : dollars(Number((units + CENT - 1n) / CENT) / 100, 2);
}

/** Formats an amount with two decimals, rounded up, nothing as "$0.00": for sums of what was spent. */
export function sum(usd: string): string {
  return dollars(Number((toUnits(usd) + CENT - 1n) / CENT) / 100, 2);
}

/** Formats what is left of an amount, rounded down: "$11.02". Never less than nothing. */
export function moneyLeft(limit: string, ...used: readonly string[]): string {
  const units = used.reduce((left, usd) => left - toUnits(usd), toUnits(limit));
  return dollars(units > 0n ? Number(units / CENT) / 100 : 0, 2);
}

/** Whether an amount is more than what is left of another. */
export function isMoreThanLeft(usd: string, limit: string, ...used: readonly string[]): boolean {
  return toUnits(usd) > used.reduce((left, each) => left - toUnits(each), toUnits(limit));
}

/** Formats what a click may cost: "$0.17–0.25", or "up to $0.25", rounded outward. `undefined` if it is not known. */
export function moneyRange(min: string | null, max: string | null): string | undefined {
  if (min === null || max === null) return undefined;
  const [low, high] = [toUnits(min), toUnits(max)];
  if (high === 0n) return t.free;
  const from = Number(low / CENT) / 100;
  const to = Number((high + CENT - 1n) / CENT) / 100;
  if (from === to) return dollars(to, 2);
  if (from === 0) return t.upTo(dollars(to, 2));
  return `${dollars(from, 2)}–${new Intl.NumberFormat(locale(), { minimumFractionDigits: 2 }).format(to)}`;
}

/** Formats an amount with two to four decimals, for details: "$0.12", "$0.0527". `null` is "not known yet". */
export function exactMoney(usd: string | null): string {
  if (usd === null) return t.unknown;
  return toUnits(usd) === 0n ? t.free : dollars(Number(usd), 2, 4);
}

export function number(value: number): string {
  return new Intl.NumberFormat(locale()).format(value);
}

/** Formats a size of a file: "1.4 MB". */
export function bytes(count: number): string {
  const units = ["byte", "kilobyte", "megabyte"] as const;
  const power = Math.min(2, Math.floor(Math.log10(Math.max(1, count)) / 3));
  const value = count / 1000 ** power;
  const options = { style: "unit", unit: units[power] ?? "byte", maximumFractionDigits: value < 10 ? 1 : 0 } as const;
  return new Intl.NumberFormat(locale(), options).format(value);
}

/** Formats a span of time: "21s", "2m 5s". */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const part = (value: number, unit: string) =>
    new Intl.NumberFormat(locale(), { style: "unit", unit, unitDisplay: "narrow" }).format(value);
  const parts = [
    [Math.floor(seconds / 3600), "hour"],
    [Math.floor(seconds / 60) % 60, "minute"],
    [seconds % 60, "second"],
  ] as const;
  const shown = parts.filter(([value]) => value > 0).slice(0, 2);
  return shown.length > 0 ? shown.map(([value, unit]) => part(value, unit)).join(" ") : part(0, "second");
}

/** Formats a moment: "today, 09:41", or with its date. */
export function moment(iso: string): string {
  const time = new Intl.DateTimeFormat(locale(), { timeStyle: "short" }).format(new Date(iso));
  return t.at(day(iso), time);
}

/** Names a day: "today", "yesterday", "Friday, 27 November". */
export function day(iso: string): string {
  const date = new Date(iso);
  const days = Math.round((startOfDay(date) - startOfDay(new Date())) / 86_400_000);
  if (days === 0 || days === -1) return new Intl.RelativeTimeFormat(locale(), { numeric: "auto" }).format(days, "day");
  const isThisYear = date.getFullYear() === new Date().getFullYear();
  return new Intl.DateTimeFormat(locale(), {
    weekday: "long",
    day: "numeric",
    month: "long",
    ...(!isThisYear && { year: "numeric" }),
  }).format(date);
}

/** Names a day of the gateway's calendar, which is that of UTC: "30 Nov". @param day "2026-11-30" */
export function calendarDay(day: string): string {
  return new Intl.DateTimeFormat(locale(), { day: "numeric", month: "short", timeZone: "UTC" }).format(new Date(day));
}

/** Says how long ago something was: "2 minutes ago", "yesterday". */
export function ago(iso: string): string {
  const seconds = (Date.now() - Date.parse(iso)) / 1000;
  const [unit, length] = AGES.find(([, length]) => seconds >= length) ?? (["second", 1] as const);
  const format = new Intl.RelativeTimeFormat(locale(), { numeric: "auto" });
  return format.format(-Math.max(0, Math.floor(seconds / length)), unit);
}

/** Units of age, and how many seconds they have. */
const AGES = [
  ["month", 2_592_000],
  ["week", 604_800],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;

function startOfDay(date: Date): number {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

function dollars(amount: number, digits: number, mostDigits = digits): string {
  return new Intl.NumberFormat(locale(), {
    style: "currency",
    currency: "USD",
    currencyDisplay: "narrowSymbol",
    minimumFractionDigits: digits,
    maximumFractionDigits: mostDigits,
  }).format(amount);
}

/** Reads a decimal string exactly. */
function toUnits(usd: string): bigint {
  const [whole = "0", fraction = ""] = usd.split(".");
  return BigInt(whole + fraction.padEnd(UNITS, "0").slice(0, UNITS));
}
