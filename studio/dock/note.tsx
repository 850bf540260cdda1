import type { ComponentChildren } from "preact";
import type { StudioError } from "../api/errors.ts";
import { Icon } from "../ui/icon.tsx";
import { explainError } from "../words/error-words.ts";
import { words } from "../words/language.ts";

const t = words({ close: "Close this message" }, { close: "关闭此消息" });

interface NoteProps {
  readonly title: string;
  readonly isBad?: boolean;
  readonly onClose?: () => void;
  readonly children: ComponentChildren;
}

/** Says above the prompt what a person should know before the next click. */
export function Note({ title, isBad = false, onClose, children }: NoteProps) {
  return (
    <div class={isBad ? "note bad" : "note warn"} role="alert">
      <Icon name="warn" />
      <div class="grow">
        <p>
          <b>{title}</b>
        </p>
        {typeof children === "string" ? <p>{children}</p> : children}
      </div>
      {onClose && (
        <button type="button" class="icon-btn" aria-label={t.close} onClick={onClose}>
          <Icon name="close" small />
        </button>
      )}
    </div>
  );
}

/** Why the last click, or the next one, does not go through. */
export function FailureNote({ failure }: { readonly failure: StudioError | undefined }) {
  if (!failure || failure.code === "ABORTED") return null;
  const { title, text } = explainError(failure);
  const isInternal = failure.code === "INTERNAL";
  return (
    <Note title={title} isBad={isInternal}>
      <p>{text}</p>
      {isInternal && <p class="mono">{failure.facts.requestId}</p>}
    </Note>
  );
}
