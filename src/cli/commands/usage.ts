import { type Command, JSON_OPTION } from "../command.ts";
import { usageFailure } from "../command-failure.ts";
import { toDollars } from "../generation.ts";
import { printable } from "../printable.ts";

const DOCUMENT = `query ($from: DateTime!, $to: DateTime, $by: [UsageDimension!]!, $projectId: ID) {
  usage(from: $from, to: $to, by: $by, projectId: $projectId) {
    day model operation project { id name } apiKey { id name } endUser generations images cost estimatedCost
  }
}`;
const DIMENSIONS = ["DAY", "MODEL", "OPERATION", "PROJECT", "API_KEY", "END_USER"] as const;
const DAY_MS = 24 * 60 * 60 * 1000;
const DEFAULT_DAYS = 30;

interface Row {
  readonly day: string | null;
  readonly model: string | null;
  readonly operation: string | null;
  readonly project: { readonly id: string; readonly name: string } | null;
  readonly apiKey: { readonly id: string; readonly name: string } | null;
  readonly endUser: string | null;
  readonly generations: number;
  readonly images: number;
  readonly cost: string;
  readonly estimatedCost: string;
}

type Dimension = (typeof DIMENSIONS)[number];

export const usage: Command = {
  summary: "Say what was generated, and what it cost",
  usage: "[options]",
  arguments: [0, 0],
  options: {
    from: { value: "DAY", description: `the first UTC day: 2026-11-01 (default: ${DEFAULT_DAYS} days ago)` },
    to: { value: "DAY", description: "the last UTC day (default: today)" },
    by: { value: "WORDS", description: "day, model, operation, project, api_key, end_user (default: day,model)" },
    project: { value: "ID", description: "with the admin key: only of this project" },
    ...JSON_OPTION,
  },
  examples: ["pictograph usage --from 2026-11-01 --by model", "pictograph usage --by day,api_key --json"],
  async run(context) {
    const { flags, terminal, interrupted } = context;
    const by = (flags.text("by") ?? "day,model").split(",").map((word) => {
      const dimension = DIMENSIONS.find((each) => each.toLowerCase() === word.trim().toLowerCase());
      if (dimension) return dimension;
      throw usageFailure(`--by must be some of ${DIMENSIONS.join(", ").toLowerCase()}, separated by commas`);
    });
    const from = toDay("from", flags.text("from")) ?? new Date(Date.now() - DEFAULT_DAYS * DAY_MS);
    const lastDay = toDay("to", flags.text("to"));
    const variables = {
      from: from.toISOString(),
      to: lastDay ? new Date(lastDay.getTime() + DAY_MS - 1).toISOString() : null,
      by,
      projectId: flags.text("project") ?? null,
    };
    await using connection = context.connect();
    const { usage: rows } = await connection.client.run<{ usage: readonly Row[] }>(DOCUMENT, variables, {
      signal: interrupted,
    });
    if (flags.isSet("json")) {
      for (const row of rows) terminal.json(row);
    } else if (rows.length > 0) {
      terminal.table(
        [...by, "GENERATIONS", "IMAGES", "COST"],
        rows.map((row) => toCells(row, by)),
      );
    } else {
      terminal.remark("Nothing was generated in these days.");
    }
  },
};

function toDay(name: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const day = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text) ? new Date(`${text}T00:00:00Z`) : new Date(Number.NaN);
  if (day.toJSON()?.startsWith(text)) return day;
  throw usageFailure(`--${name} must be a day such as 2026-11-01`);
}

function toCells(row: Row, by: readonly Dimension[]): string[] {
  const named = by.map((dimension) => {
    switch (dimension) {
      case "DAY":
        return row.day;
      case "MODEL":
        return row.model;
      case "OPERATION":
        return row.operation;
      case "PROJECT":
        return row.project && `${row.project.name} (${row.project.id})`;
      case "API_KEY":
        return row.apiKey && `${row.apiKey.name} (${row.apiKey.id})`;
      case "END_USER":
        return row.endUser;
      default:
        return dimension satisfies never;
    }
  });
  const estimated = Number(row.estimatedCost) > 0 ? ` (${toDollars(row.estimatedCost)} estimated)` : "";
  const counts = [String(row.generations), String(row.images), `${toDollars(row.cost)}${estimated}`];
  return [...named.map((cell) => printable(cell ?? "-", 80)), ...counts];
}
