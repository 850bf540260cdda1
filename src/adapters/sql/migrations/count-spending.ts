import { type Kysely, sql } from "kysely";
import type { Amount } from "../../../ports/projects/money.ts";

/** The tables as they are at this migration. Later migrations may change them. */
interface Tables {
  generations: {
    id: string;
    status: string;
    api_key_id: string | null;
    end_user: string | null;
  };
  ledger: {
    generation_id: string;
    project: string;
    api_key_id: string | null;
    end_user: string | null;
    model: string;
    operation: string;
    images: number;
    settled_images: number | null;
    day: string;
    state: string;
    held: Amount | null;
    settled: Amount | null;
    is_estimated: number;
  };
  spending_windows: {
    scope_id: string;
    period: string;
    starts_on: string;
    settled: Amount;
    held: Amount;
    settled_images: number;
    held_images: number;
  };
  usage_days: {
    project_id: string;
    day: string;
    api_key_id: string;
    model: string;
    operation: string;
    generations: number;
    images: number;
    settled: Amount;
    estimated: Amount;
  };
}

type Window = Tables["spending_windows"];

const DAY_MS = 24 * 60 * 60 * 1000;
const LARGEST_SUM: Amount = 9n * 10n ** 18n;
/** Amounts are summed in two parts, because their sum may not fit into 64 bits. */
const PART = 1_000_000;

/**
 * Completes the ledger from the generations that still exist, and computes the spending of each window and each day.
 */
export async function countSpending(database: Kysely<Tables>): Promise<void> {
  await completeLedger(database);
  const groups = await readGroups(database);
  const windows = new Map<string, Window>();
  for (const group of groups) {
    const { project, api_key_id, day, model, operation, state, images, settled, held, estimated } = group;
    const isSettled = state === "SETTLED";
    const change = {
      settled: isSettled ? settled : 0n,
      held: isSettled ? 0n : held,
      settled_images: isSettled ? group.settledImages : 0,
      held_images: isSettled ? 0 : images,
    };
    for (const scope_id of api_key_id === null ? [project] : [project, api_key_id]) {
      for (const window of windowsOf(day)) add(windows, { scope_id, ...window, ...change });
    }
    if (!isSettled) continue;
    const { generations, settledImages } = group;
    const usage = { project_id: project, day, api_key_id: api_key_id ?? "", model, operation, generations };
    await database
      .insertInto("usage_days")
      .values({ ...usage, images: settledImages, settled: cut(settled), estimated: cut(estimated) })
      .execute();
  }
  for (const window of windows.values()) {
    await database
      .insertInto("spending_windows")
      .values({ ...window, settled: cut(window.settled), held: cut(window.held) })
      .execute();
  }
}

async function completeLedger(database: Kysely<Tables>): Promise<void> {
  const ofGeneration = (row: { ref(name: "ledger.generation_id"): unknown }) =>
    database.selectFrom("generations").where("generations.id", "=", row.ref("ledger.generation_id") as never);
  await database
    .updateTable("ledger")
    .set((row) => ({
      api_key_id: ofGeneration(row).select("api_key_id"),
      end_user: ofGeneration(row).select("end_user"),
    }))
    .execute();
  // A generation that cost something is taken to have made its images. A successful one made them, even for nothing.
  await database
    .updateTable("ledger")
    .set((row) => ({
      settled_images: row
        .case()
        .when(
          row.or([
            row("settled", ">", 0n),
            row.exists(ofGeneration(row).select("id").where("status", "=", "SUCCEEDED")),
          ]),
        )
        .then(row.ref("images"))
        .else(0)
        .end(),
    }))
    .where("state", "=", "SETTLED")
    .execute();
}

async function readGroups(database: Kysely<Tables>) {
  const keys = ["project", "api_key_id", "day", "model", "operation", "state"] as const;
  const parts = (amount: ReturnType<typeof sql.ref>) => ({
    whole: sql<string>`cast(coalesce(sum(${amount} / ${sql.lit(PART)}), 0) as text)`,
    rest: sql<string>`cast(coalesce(sum(${amount} % ${sql.lit(PART)}), 0) as text)`,
  });
  const [settled, held] = [parts(sql.ref("settled")), parts(sql.ref("held"))];
  const estimated = parts(sql.raw("(case when is_estimated = 1 then settled end)"));
  const rows = await database
    .selectFrom("ledger")
    .select(keys)
    .select((row) => [
      row.fn.countAll<string | number>().as("generations"),
      row.fn.sum<string | number>("images").as("images"),
      row.fn.sum<string | number | null>("settled_images").as("settled_images"),
      settled.whole.as("settled_whole"),
      settled.rest.as("settled_rest"),
      held.whole.as("held_whole"),
      held.rest.as("held_rest"),
      estimated.whole.as("estimated_whole"),
      estimated.rest.as("estimated_rest"),
    ])
    .groupBy(keys)
    .execute();
  const whole = (high: string, low: string): Amount => BigInt(high) * BigInt(PART) + BigInt(low);
  return rows.map((row) => ({
    ...row,
    generations: Number(row.generations),
    images: Number(row.images),
    settledImages: Number(row.settled_images ?? 0),
    settled: whole(row.settled_whole, row.settled_rest),
    held: whole(row.held_whole, row.held_rest),
    estimated: whole(row.estimated_whole, row.estimated_rest),
  }));
}

/** The windows that a day belongs to. */
function windowsOf(day: string): { readonly period: string; readonly starts_on: string }[] {
  const at = new Date(`${day}T00:00:00Z`);
  const monday = new Date(at.getTime() - ((at.getUTCDay() + 6) % 7) * DAY_MS);
  return [
    { period: "DAY", starts_on: day },
    { period: "WEEK", starts_on: monday.toISOString().slice(0, 10) },
    { period: "MONTH", starts_on: `${day.slice(0, 7)}-01` },
    { period: "TOTAL", starts_on: "" },
  ];
}

function add(windows: Map<string, Window>, change: Window): void {
  const { scope_id, period, starts_on } = change;
  const key = `${scope_id} ${period} ${starts_on}`;
  const before = windows.get(key) ?? { settled: 0n, held: 0n, settled_images: 0, held_images: 0 };
  windows.set(key, {
    scope_id,
    period,
    starts_on,
    settled: before.settled + change.settled,
    held: before.held + change.held,
    settled_images: before.settled_images + change.settled_images,
    held_images: before.held_images + change.held_images,
  });
}

function cut(sum: Amount): Amount {
  return sum < LARGEST_SUM ? sum : LARGEST_SUM;
}
