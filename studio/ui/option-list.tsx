import { Icon } from "./icon.tsx";

export interface Option<Value extends string> {
  readonly value: Value;
  readonly label: string;
  readonly detail?: string;
  readonly warning?: string;
  /** Why it cannot be chosen. */
  readonly obstacle?: string;
  /** Stands at the end of the line, such as a price. */
  readonly end?: string | undefined;
}

interface OptionListProps<Value extends string> {
  readonly label: string;
  readonly chosen: Value | undefined;
  readonly options: readonly Option<Value>[];
  readonly onChoose: (value: Value) => void;
}

/** A list of which one is chosen. Arrows move through it; what is off says why and can be reached, but not chosen. */
export function OptionList<Value extends string>({ label, chosen, options, onChoose }: OptionListProps<Value>) {
  return (
    <div class="opts" role="radiogroup" aria-label={label} onKeyDown={moveWithArrows}>
      {options.map(({ value, label, detail, warning, obstacle, end }) => (
        // biome-ignore lint/a11y/useSemanticElements: an input cannot hold what stands in a line
        <button
          key={value}
          type="button"
          role="radio"
          aria-checked={value === chosen}
          aria-disabled={obstacle !== undefined}
          tabIndex={value === chosen || (chosen === undefined && value === options[0]?.value) ? 0 : -1}
          onClick={() => obstacle === undefined && onChoose(value)}
        >
          <Icon name="check" />
          <b>{label}</b>
          <span class="num">{obstacle === undefined ? end : ""}</span>
          {(obstacle ?? warning ?? detail) && (
            <small class={obstacle === undefined && warning ? "warn" : undefined}>
              {obstacle ?? warning ?? detail}
            </small>
          )}
        </button>
      ))}
    </div>
  );
}

/** Moves the focus through the radio buttons of a group by arrow keys. */
export function moveWithArrows(event: KeyboardEvent & { readonly currentTarget: HTMLElement }): void {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (step === undefined) return;
  const radios = [...event.currentTarget.querySelectorAll<HTMLElement>("[role=radio]")];
  const from = radios.indexOf(document.activeElement as HTMLElement);
  if (from < 0) return;
  event.preventDefault();
  radios.at((from + step) % radios.length)?.focus();
}
