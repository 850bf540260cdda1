import type { Signal } from "@preact/signals";
import { words } from "../words/language.ts";

const t = words({ prompt: "Prompt" }, { prompt: "提示词" });

interface PromptFieldProps {
  readonly prompt: Signal<string>;
  readonly placeholder: string;
  /** Characters; `undefined` until the model is known. */
  readonly maxLength: number | undefined;
  readonly onInput: () => void;
  /** Ctrl+Enter or ⌘↵ was pressed. */
  readonly onSend: () => void;
}

/** Where the prompt is written. */
export function PromptField({ prompt, placeholder, maxLength, onInput, onSend }: PromptFieldProps) {
  return (
    <>
      <label class="sr" for="prompt">
        {t.prompt}
      </label>
      <textarea
        id="prompt"
        dir="auto"
        rows={1}
        placeholder={placeholder}
        value={prompt}
        maxLength={maxLength}
        onInput={({ currentTarget }) => {
          prompt.value = currentTarget.value;
          onInput();
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) onSend();
        }}
      />
    </>
  );
}

/** Puts the cursor into the prompt. */
export function focusPrompt(): void {
  document.querySelector<HTMLTextAreaElement>("#prompt")?.focus();
}
