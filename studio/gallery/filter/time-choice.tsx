import { OptionList } from "../../ui/option-list.tsx";
import { locale, words } from "../../words/language.ts";
import { changeFilter, filter, PERIODS, type WallFilter } from "./filter.ts";

const t = words(
  {
    time: "Time",
    anyTime: "Any time",
    day: "Today",
    week: "Last 7 days",
    month: "Last 30 days",
    from: "From",
    to: "To",
    since: (day: string) => `Since ${day}`,
    until: (day: string) => `Until ${day}`,
  },
  {
    time: "时间",
    anyTime: "任何时间",
    day: "今天",
    week: "最近 7 天",
    month: "最近 30 天",
    from: "从",
    to: "到",
    since: (day: string) => `${day} 起`,
    until: (day: string) => `截至 ${day}`,
  },
);

/** The value of the choice that leaves nothing out. */
const ANY = "" as const;

/** Chooses a period until now, or the first and the last day. */
export function TimeChoice({ onChosen }: { readonly onChosen: () => void }) {
  const { period, from, to } = filter.value;
  const setDay = (name: "from" | "to", value: string) =>
    changeFilter(
      { period: undefined, [name]: value || undefined },
      { replace: from !== undefined || to !== undefined },
    );
  return (
    <>
      <OptionList
        label={t.time}
        chosen={from || to ? undefined : (period ?? ANY)}
        options={[{ value: ANY, label: t.anyTime }, ...PERIODS.map((value) => ({ value, label: t[value] }))]}
        onChoose={(value) => {
          changeFilter({ period: value || undefined, from: undefined, to: undefined });
          onChosen();
        }}
      />
      <div class="days">
        {(["from", "to"] as const).map((name) => (
          <label key={name}>
            {t[name]}
            <span class="field">
              <input
                type="date"
                value={filter.value[name] ?? ""}
                onChange={({ currentTarget }) => setDay(name, currentTarget.value)}
              />
            </span>
          </label>
        ))}
      </div>
    </>
  );
}

/** Says which time is chosen. */
export function timeText({ period, from, to }: WallFilter): string {
  if (period) return t[period];
  const format = new Intl.DateTimeFormat(locale(), { day: "numeric", month: "short", year: "numeric" });
  const text = (day: string) => format.format(new Date(`${day}T00:00:00`));
  if (from && to) return from === to ? text(from) : `${text(from)} – ${text(to)}`;
  if (from) return t.since(text(from));
  return to ? t.until(text(to)) : t.anyTime;
}
