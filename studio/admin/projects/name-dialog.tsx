import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import { toStudioError } from "../../api/errors.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { explainError } from "../../words/error-words.ts";
import { words } from "../../words/language.ts";

const t = words({ name: "Name", create: "Create", cancel: "Cancel" }, { name: "名称", create: "创建", cancel: "取消" });

/** The longest name that the gateway accepts. */
export const MAX_NAME_LENGTH = 100;

interface NameDialogProps {
  readonly title: string;
  readonly onName: (name: string) => Promise<unknown>;
  readonly onClose: () => void;
}

/** Asks for the name of something new. */
export function NameDialog({ title, onName, onClose }: NameDialogProps) {
  const name = useSignal("");
  const failure = useSignal("");
  const id = useId();
  const onSubmit = async (event: Event) => {
    event.preventDefault();
    if (!name.value.trim()) return;
    try {
      await onName(name.value.trim());
    } catch (error) {
      failure.value = explainError(toStudioError(error)).title;
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="form" onSubmit={onSubmit} autocomplete="off">
        <label for={id}>{t.name}</label>
        <div class="field">
          <input
            id={id}
            maxLength={MAX_NAME_LENGTH}
            value={name}
            onInput={({ currentTarget }) => {
              name.value = currentTarget.value;
            }}
          />
        </div>
        {failure.value && (
          <p class="why bad" role="alert">
            {failure.value}
          </p>
        )}
        <div class="acts">
          <button type="button" class="btn soft" onClick={onClose}>
            {t.cancel}
          </button>
          <button type="submit" class="btn main" aria-disabled={!name.value.trim()}>
            {t.create}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
