import { Fragment } from "preact";
import { words } from "../../words/language.ts";
import { COUNTS, type CountName, type Fields, WINDOWS } from "./limit-form.ts";

const t = words(
  {
    budgets: "Budgets",
    empty: "Leave a field empty for no limit.",
    dollars: "US dollars",
    pictures: "Pictures",
    DAY: "A day",
    WEEK: "A week",
    MONTH: "A month",
    TOTAL: "In total",
    pace: "Pace",
    requestsPerMinute: "Requests a minute",
    requestsPerMinutePerAddress: "Requests a minute from one address without a key",
    imagesPerMinute: "Pictures a minute",
    concurrentGenerations: "Generations at once",
  },
  {
    budgets: "预算",
    empty: "留空表示没有限制。",
    dollars: "美元",
    pictures: "图片数",
    DAY: "每天",
    WEEK: "每周",
    MONTH: "每月",
    TOTAL: "总计",
    pace: "频率",
    requestsPerMinute: "每分钟请求数",
    requestsPerMinutePerAddress: "每个无密钥地址每分钟请求数",
    imagesPerMinute: "每分钟图片数",
    concurrentGenerations: "同时进行的生成数",
  },
);

interface LimitFieldsProps {
  readonly fields: Fields;
  /** The names of the fields that hold no amount or no whole number. */
  readonly wrong: readonly string[];
  /** Whether callers without a key can be limited. */
  readonly hasAddressLimit: boolean;
  readonly onFields: (fields: Fields) => void;
}

/** Where budgets and limits are written, in numbers. */
export function LimitFields({ fields, wrong, hasAddressLimit, onFields }: LimitFieldsProps) {
  const field = (name: string, label: string) => (
    <NumberField
      key={name}
      id={name}
      label={label}
      text={fields[name] ?? ""}
      isWrong={wrong.includes(name)}
      onText={(text) => onFields({ ...fields, [name]: text })}
    />
  );
  const counts: readonly CountName[] = hasAddressLimit ? [...COUNTS, "requestsPerMinutePerAddress"] : COUNTS;
  return (
    <>
      <fieldset>
        <legend>{t.budgets}</legend>
        <p class="why">{t.empty}</p>
        <div class="budget-fields">
          {WINDOWS.map((window) => (
            <Fragment key={window}>
              <span>{t[window]}</span>
              {field(`${window}.usd`, `${t[window]}, ${t.dollars}`)}
              {field(`${window}.images`, `${t[window]}, ${t.pictures}`)}
            </Fragment>
          ))}
        </div>
      </fieldset>
      <fieldset>
        <legend>{t.pace}</legend>
        <div class="count-fields">
          {counts.map((count) => (
            <div key={count}>
              <label for={`field-${count}`}>{t[count]}</label>
              {field(count, t[count])}
            </div>
          ))}
        </div>
      </fieldset>
    </>
  );
}

interface NumberFieldProps {
  readonly id: string;
  readonly label: string;
  readonly text: string;
  readonly isWrong: boolean;
  readonly onText: (text: string) => void;
}

function NumberField({ id, label, text, isWrong, onText }: NumberFieldProps) {
  return (
    <div class={isWrong ? "field wrong" : "field"}>
      {id.endsWith(".usd") && <span class="faint">$</span>}
      <input
        id={`field-${id}`}
        inputMode={id.endsWith(".usd") ? "decimal" : "numeric"}
        aria-label={label}
        aria-invalid={isWrong}
        placeholder={id.endsWith(".images") ? t.pictures : undefined}
        value={text}
        onInput={({ currentTarget }) => onText(currentTarget.value)}
      />
    </div>
  );
}
