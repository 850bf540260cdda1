import { useSignal } from "@preact/signals";
import { Fragment } from "preact";
import { toStudioError } from "../../api/errors.ts";
import type { LimitSetFragment, LimitsInput } from "../../generated/graphql.ts";
import { models } from "../../state/gateway.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { explainError } from "../../words/error-words.ts";
import { words } from "../../words/language.ts";
import {
  COUNTS,
  type CountName,
  type Fields,
  OPERATIONS,
  toFields,
  toLimits,
  WINDOWS,
  wrongFields,
} from "./limit-form.ts";
import { MAX_NAME_LENGTH } from "./name-dialog.tsx";

const t = words(
  {
    name: "Name",
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
    models: "Models",
    operations: "May",
    GENERATE: "create pictures",
    EDIT: "edit pictures",
    anonymous: "Answer POST /get-image without a key",
    expires: "Ends on",
    wrong: "Write a number, such as 20 or 0.50.",
    oneModel: "Choose at least one.",
    save: "Save",
    cancel: "Cancel",
  },
  {
    name: "名称",
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
    models: "模型",
    operations: "允许",
    GENERATE: "创作图片",
    EDIT: "编辑图片",
    anonymous: "无密钥也响应 POST /get-image",
    expires: "到期日",
    wrong: "请填写数字，例如 20 或 0.50。",
    oneModel: "请至少选择一项。",
    save: "保存",
    cancel: "取消",
  },
);

/** What both projects and keys have. Only projects have `allowsAnonymous`, only keys have `expiresAt`. */
interface Limited {
  readonly id: string;
  readonly name: string;
  readonly limits: LimitSetFragment;
  readonly allowsAnonymous?: boolean;
  readonly expiresAt?: string | null;
}

interface Change {
  readonly id: string;
  readonly name: string;
  readonly limits: LimitsInput;
  readonly allowsAnonymous?: boolean;
  readonly expiresAt?: string | null;
}

interface SettingsDialogProps {
  readonly title: string;
  readonly of: Limited;
  readonly onSave: (change: Change) => Promise<void>;
  readonly onClose: () => void;
}

/** The only project whose `/get-image` may answer without a key. */
const PUBLIC_PROJECT = "proj_public";

/** The name, the budgets and the limits of a project or a key. */
export function SettingsDialog({ title, of, onSave, onClose }: SettingsDialogProps) {
  const { id, limits } = of;
  const name = useSignal(of.name);
  const fields = useSignal<Fields>(toFields(limits));
  // A limit may name a model that the gateway no longer has.
  const allModels = [...new Set([...models.value.map((model) => model.id), ...(limits.models ?? [])])];
  const chosenModels = useSignal<readonly string[]>(limits.models ?? allModels);
  const chosenOperations = useSignal<readonly (typeof OPERATIONS)[number][]>(limits.operations ?? OPERATIONS);
  const allowsAnonymous = useSignal(of.allowsAnonymous ?? false);
  const expiresOn = useSignal(of.expiresAt?.slice(0, 10) ?? "");
  const failure = useSignal("");
  const isPublic = id === PUBLIC_PROJECT;
  const wrong = wrongFields(fields.value);
  const setField = (field: string, text: string) => {
    fields.value = { ...fields.value, [field]: text };
  };
  const onSubmit = async (event: Event) => {
    event.preventDefault();
    if (wrong.length > 0 || !name.value.trim()) return;
    if (chosenModels.value.length === 0 || chosenOperations.value.length === 0) {
      failure.value = t.oneModel;
      return;
    }
    const change: Change = {
      id,
      name: name.value.trim(),
      limits: toLimits(fields.value, {
        models: chosenModels.value.length === allModels.length ? null : chosenModels.value,
        operations: chosenOperations.value.length === OPERATIONS.length ? null : chosenOperations.value,
      }),
      ...(isPublic && { allowsAnonymous: allowsAnonymous.value }),
      ...(of.expiresAt !== undefined && { expiresAt: expiresOn.value ? endOfDay(expiresOn.value) : null }),
    };
    try {
      await onSave(change);
      onClose();
    } catch (error) {
      const { title, text } = explainError(toStudioError(error));
      failure.value = `${title}. ${text}`;
    }
  };
  const field = (key: string, label: string) => (
    <NumberField
      key={key}
      id={key}
      label={label}
      text={fields.value[key] ?? ""}
      isWrong={wrong.includes(key)}
      onText={(text) => setField(key, text)}
    />
  );
  const counts: readonly CountName[] = isPublic ? [...COUNTS, "requestsPerMinutePerAddress"] : COUNTS;
  return (
    <Dialog title={title} isWide onClose={onClose}>
      <form class="form" onSubmit={onSubmit} autocomplete="off" noValidate>
        <label for="settings-name">{t.name}</label>
        <div class="field">
          <input
            id="settings-name"
            maxLength={MAX_NAME_LENGTH}
            value={name}
            onInput={({ currentTarget }) => {
              name.value = currentTarget.value;
            }}
          />
        </div>
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
        <Choices
          legend={t.models}
          all={allModels}
          chosen={chosenModels.value}
          nameOf={(model) => model}
          onChoose={(next) => {
            chosenModels.value = next;
          }}
        />
        <Choices
          legend={t.operations}
          all={OPERATIONS}
          chosen={chosenOperations.value}
          nameOf={(operation) => t[operation]}
          onChoose={(next) => {
            chosenOperations.value = next;
          }}
        />
        {isPublic && (
          <label class="check">
            <input
              type="checkbox"
              checked={allowsAnonymous}
              onChange={({ currentTarget }) => {
                allowsAnonymous.value = currentTarget.checked;
              }}
            />
            {t.anonymous}
          </label>
        )}
        {of.expiresAt !== undefined && (
          <>
            <label for="settings-expires">{t.expires}</label>
            <div class="field">
              <input
                id="settings-expires"
                type="date"
                value={expiresOn}
                onInput={({ currentTarget }) => {
                  expiresOn.value = currentTarget.value;
                }}
              />
            </div>
          </>
        )}
        {(failure.value || wrong.length > 0) && (
          <p class="why bad" role="alert">
            {wrong.length > 0 ? t.wrong : failure.value}
          </p>
        )}
        <div class="acts">
          <button type="button" class="btn soft" onClick={onClose}>
            {t.cancel}
          </button>
          <button type="submit" class="btn main" aria-disabled={wrong.length > 0 || !name.value.trim()}>
            {t.save}
          </button>
        </div>
      </form>
    </Dialog>
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

interface ChoicesProps<Value extends string> {
  readonly legend: string;
  readonly all: readonly Value[];
  readonly chosen: readonly Value[];
  readonly nameOf: (value: Value) => string;
  readonly onChoose: (chosen: readonly Value[]) => void;
}

function Choices<Value extends string>({ legend, all, chosen, nameOf, onChoose }: ChoicesProps<Value>) {
  return (
    <fieldset>
      <legend>{legend}</legend>
      {all.map((value) => (
        <label key={value} class="check">
          <input
            type="checkbox"
            checked={chosen.includes(value)}
            onChange={({ currentTarget }) =>
              onChoose(all.filter((each) => (each === value ? currentTarget.checked : chosen.includes(each))))
            }
          />
          {nameOf(value)}
        </label>
      ))}
    </fieldset>
  );
}

/** The last second of a day, where the browser is. */
function endOfDay(date: string): string {
  return new Date(`${date}T23:59:59`).toISOString();
}
