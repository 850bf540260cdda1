import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { toStudioError } from "../../api/errors.ts";
import { jobs } from "../../state/generations.ts";
import { Segments } from "../../ui/segments.tsx";
import { explainError } from "../../words/error-words.ts";
import { calendarDay, number, sum } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import { loadUsage, toChart, type UsageRow } from "./usage.ts";
import { UsageChart } from "./usage-chart.tsx";

const t = words(
  {
    spending: "Spending",
    pictures: "Pictures made",
    inDays: (amount: string, days: string) => `${amount} in ${days} days`,
    span: "Days and form",
    week: "7 days",
    month: "30 days",
    table: "Table",
    others: "other models",
    estimated: (amount: string) => `${amount} of it is estimated.`,
    nothing: "Nothing was made in these days.",
    day: "Day",
    model: "Model",
    images: "Pictures",
    cost: "Cost",
  },
  {
    spending: "花费",
    pictures: "生成的图片",
    inDays: (amount: string, days: string) => `${days} 天共 ${amount}`,
    span: "天数与形式",
    week: "7 天",
    month: "30 天",
    table: "表格",
    others: "其他模型",
    estimated: (amount: string) => `其中 ${amount} 为估算。`,
    nothing: "这些天没有生成图片。",
    day: "日期",
    model: "模型",
    images: "图片",
    cost: "费用",
  },
);

type Form = "7" | "30" | "table";

const MONTH_DAYS = 30;

/** What was spent by day and model, as a chart and as a table. Where nothing costs anything, the pictures made. */
export function UsageCard({ projectId }: { readonly projectId: string | undefined }) {
  const form = useSignal<Form>("30");
  const rows = useSignal<readonly UsageRow[]>([]);
  const failure = useSignal("");
  const days = form.value === "7" ? 7 : MONTH_DAYS;
  const runningCount = jobs.value.length;
  useEffect(() => {
    let isOld = false;
    loadUsage(days, projectId).then(
      (loaded) => {
        if (!isOld) rows.value = loaded;
      },
      (error) => {
        failure.value = explainError(toStudioError(error)).title;
      },
    );
    return () => {
      isOld = true;
    };
    // What has ended is part of the usage.
  }, [days, projectId, runningCount]);
  const chart = toChart(rows.value, days);
  const total = chart.series.reduce((sum, { total }) => sum + total, 0);
  const write = (value: number) => (chart.isMoney ? sum(value.toFixed(12)) : number(value));
  const estimated = rows.value.reduce((sum, { estimatedCost }) => sum + Number(estimatedCost), 0);
  return (
    <section class="card" aria-labelledby="usage-title">
      <header>
        <h2 id="usage-title">{chart.isMoney ? t.spending : t.pictures}</h2>
        <span class="faint num">{t.inDays(write(total), number(days))}</span>
        <span class="grow" />
        <Segments
          label={t.span}
          chosen={form.value}
          options={[
            { value: "7", label: t.week },
            { value: "30", label: t.month },
            { value: "table", label: t.table },
          ]}
          onChoose={(chosen) => {
            form.value = chosen;
          }}
        />
      </header>
      {failure.value && <p role="alert">{failure.value}</p>}
      {form.value === "table" && <Table rows={rows.value} />}
      {form.value !== "table" && total === 0 && <p class="quiet">{t.nothing}</p>}
      {form.value !== "table" && total > 0 && (
        <>
          <UsageChart
            chart={chart}
            label={`${chart.isMoney ? t.spending : t.pictures}: ${t.inDays(write(total), number(days))}`}
            write={write}
          />
          <p class="legend">
            {chart.series.map(({ model, total }, index) => (
              <span key={model ?? ""} class={`series-${index + 1}`}>
                {model ?? t.others} <span class="num faint">{write(total)}</span>
              </span>
            ))}
          </p>
        </>
      )}
      {estimated > 0 && <p class="why">{t.estimated(sum(estimated.toFixed(12)))}</p>}
    </section>
  );
}

function Table({ rows }: { readonly rows: readonly UsageRow[] }) {
  const newestFirst = [...rows].sort((one, other) => ((one.day ?? "") < (other.day ?? "") ? 1 : -1));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard must be able to scroll it
    <section class="scrolls" aria-label={t.table} tabIndex={0}>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">{t.day}</th>
            <th scope="col">{t.model}</th>
            <th scope="col">{t.images}</th>
            <th scope="col">{t.cost}</th>
          </tr>
        </thead>
        <tbody>
          {newestFirst.map(({ day, model, images, cost }) => (
            <tr key={`${day} ${model}`}>
              <td class="num">{day && calendarDay(day)}</td>
              <td>{model}</td>
              <td class="num">{number(images)}</td>
              <td class="num">{sum(cost)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length === 0 && <p class="quiet">{t.nothing}</p>}
    </section>
  );
}
