import { request } from "../../api/client.ts";
import { UsageDocument, type UsageQuery } from "../../generated/graphql.ts";

export type UsageRow = UsageQuery["usage"][number];

/** The use of one model on one day: US dollars, or images where nothing costs anything. */
export interface Part {
  readonly series: number;
  readonly value: number;
}

export interface Day {
  /** "2026-11-30", in UTC. */
  readonly day: string;
  readonly total: number;
  readonly parts: readonly Part[];
}

/** What a chart shows: a series for each model, the most used first, and the rest together. */
export interface Chart {
  /** Whether the values are US dollars. If not, they are images. */
  readonly isMoney: boolean;
  /** The models; `undefined` for all others together. */
  readonly series: readonly { readonly model: string | undefined; readonly total: number }[];
  readonly days: readonly Day[];
}

const DAY_MS = 86_400_000;
/** Models with a colour of their own. */
const MAX_NAMED = 3;
/** The most steps of an axis. */
const MAX_STEPS = 4;

/** The start of the day in UTC that is so many days before today, as the gateway counts days. */
export function startOfDay(daysAgo: number): string {
  return new Date(Math.floor(Date.now() / DAY_MS - daysAgo) * DAY_MS).toISOString();
}

/** Asks for the usage of the last days. Without a project, for that of the caller, or of all projects for an admin. */
export async function loadUsage(days: number, projectId: string | undefined): Promise<readonly UsageRow[]> {
  const { usage } = await request(UsageDocument, { from: startOfDay(days - 1), projectId: projectId ?? null });
  return usage;
}

/** Sorts rows into days and models for a chart of so many days until today. */
export function toChart(rows: readonly UsageRow[], days: number): Chart {
  const isMoney = rows.some(({ cost }) => Number(cost) > 0);
  const amountOf = (row: UsageRow) => (isMoney ? Number(row.cost) : row.images);
  const totals = new Map<string, number>();
  for (const row of rows) totals.set(row.model ?? "", (totals.get(row.model ?? "") ?? 0) + amountOf(row));
  const ranked = [...totals].sort(([, one], [, other]) => other - one);
  const named = ranked.length > MAX_NAMED + 1 ? ranked.slice(0, MAX_NAMED) : ranked;
  const rest = ranked.slice(named.length);
  const series = [
    ...named.map(([model, total]) => ({ model, total })),
    ...(rest.length > 0 ? [{ model: undefined, total: rest.reduce((sum, [, total]) => sum + total, 0) }] : []),
  ];
  const seriesOf = (model: string) => {
    const index = named.findIndex(([name]) => name === model);
    return index < 0 ? named.length : index;
  };
  return {
    isMoney,
    series,
    days: Array.from({ length: days }, (_, index) => {
      const day = startOfDay(days - 1 - index).slice(0, 10);
      const values = series.map(() => 0);
      for (const row of rows) {
        const at = seriesOf(row.model ?? "");
        if (row.day === day) values[at] = (values[at] ?? 0) + amountOf(row);
      }
      const parts = values.map((value, series) => ({ series, value })).filter(({ value }) => value > 0);
      return { day, parts, total: values.reduce((sum, value) => sum + value, 0) };
    }),
  };
}

/** The marks of an axis from 0 to at least a value, at steps that read well: 1, 2 or 5 times a power of ten. */
export function axisMarks(value: number, isWhole: boolean): readonly number[] {
  const rough = Math.max(value, isWhole ? 1 : 0.01) / MAX_STEPS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const nice = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const step = isWhole ? Math.max(1, nice) : nice;
  return Array.from({ length: Math.ceil(value / step - 1e-9) + 1 || 1 }, (_, index) => index * step);
}
