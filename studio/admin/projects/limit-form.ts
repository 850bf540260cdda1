import type { BudgetWindow, LimitSetFragment, LimitsInput, Operation } from "../../generated/graphql.ts";

/** The windows of budgets, in the order of the form. */
export const WINDOWS = ["DAY", "WEEK", "MONTH", "TOTAL"] as const satisfies readonly BudgetWindow[];
/** The limits that are whole numbers. */
export const COUNTS = ["requestsPerMinute", "imagesPerMinute", "concurrentGenerations"] as const;
export const OPERATIONS = ["GENERATE", "EDIT"] as const satisfies readonly Operation[];

/** The largest whole number of the graph. */
const MAX_COUNT = 2 ** 31 - 1;
/** US dollars, with as many decimals as the gateway keeps. */
const AMOUNT = /^\d{1,9}(\.\d{1,12})?$/;

export type CountName = (typeof COUNTS)[number] | "requestsPerMinutePerAddress";
/** What stands in the fields of a form, by the name of the field: `DAY.usd`, `imagesPerMinute`. Empty is no limit. */
export type Fields = Readonly<Record<string, string>>;

/** Writes limits into the fields of a form. */
export function toFields(limits: LimitSetFragment): Fields {
  const fields: Record<string, string> = {};
  for (const { window, limitUsd, limitImages } of limits.budgets) {
    fields[`${window}.usd`] = limitUsd ?? "";
    fields[`${window}.images`] = limitImages?.toString() ?? "";
  }
  for (const name of [...COUNTS, "requestsPerMinutePerAddress"] as const) fields[name] = limits[name]?.toString() ?? "";
  return fields;
}

/** Returns the names of the fields that hold no amount or no whole number. */
export function wrongFields(fields: Fields): readonly string[] {
  return Object.entries(fields)
    .filter(([name, text]) => {
      const value = text.trim();
      if (value === "") return false;
      return name.endsWith(".usd") ? !AMOUNT.test(value) : !/^\d+$/.test(value) || Number(value) > MAX_COUNT;
    })
    .map(([name]) => name);
}

interface Choices {
  /** The allowed ones; null for all. */
  readonly models: readonly string[] | null;
  readonly operations: readonly Operation[] | null;
}

/** Reads the fields of a form. An empty field takes the limit away. */
export function toLimits(fields: Fields, { models, operations }: Choices): LimitsInput {
  const count = (name: string) => (fields[name]?.trim() ? Number(fields[name]) : null);
  const budgets = WINDOWS.map((window) => ({
    window,
    limitUsd: fields[`${window}.usd`]?.trim() || null,
    limitImages: count(`${window}.images`),
  })).filter(({ limitUsd, limitImages }) => limitUsd !== null || limitImages !== null);
  return {
    budgets,
    requestsPerMinute: count("requestsPerMinute"),
    requestsPerMinutePerAddress: count("requestsPerMinutePerAddress"),
    imagesPerMinute: count("imagesPerMinute"),
    concurrentGenerations: count("concurrentGenerations"),
    models: models && [...models],
    operations: operations && [...operations],
  };
}
