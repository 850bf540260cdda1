import { useSignal } from "@preact/signals";
import { toStudioError } from "../../api/errors.ts";
import type { LimitSetFragment, LimitsInput } from "../../generated/graphql.ts";
import { models } from "../../state/gateway.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { explainError } from "../../words/error-words.ts";
import { words } from "../../words/language.ts";
import { Choices } from "./choices.tsx";
import { LimitFields } from "./limit-fields.tsx";
import { type Fields, OPERATIONS, toFields, toLimits, wrongFields } from "./limit-form.ts";
import { MAX_NAME_LENGTH } from "./name-dialog.tsx";

const t = words(
  {
    name: "Name",
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
        <LimitFields
          fields={fields.value}
          wrong={wrong}
          hasAddressLimit={isPublic}
          onFields={(changed) => {
            fields.value = changed;
          }}
        />
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

/** The last second of a day, where the browser is. */
function endOfDay(date: string): string {
  return new Date(`${date}T23:59:59`).toISOString();
}
