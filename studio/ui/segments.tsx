import { moveWithArrows, type Option } from "./option-list.tsx";

interface SegmentsProps<Value extends string> {
  readonly label: string;
  readonly chosen: Value | undefined;
  readonly options: readonly Option<Value>[];
  readonly onChoose: (value: Value) => void;
}

/** A few short choices in one line. Under it stands why some of them are off. */
export function Segments<Value extends string>({ label, chosen, options, onChoose }: SegmentsProps<Value>) {
  const obstacles = [...new Set(options.flatMap(({ obstacle }) => obstacle ?? []))];
  return (
    <>
      <div class="seg full" role="radiogroup" aria-label={label} onKeyDown={moveWithArrows}>
        {options.map(({ value, label, obstacle }) => (
          // biome-ignore lint/a11y/useSemanticElements: a button is pressed at once, by mouse and by keyboard
          <button
            key={value}
            type="button"
            role="radio"
            aria-checked={value === chosen}
            aria-disabled={obstacle !== undefined}
            title={obstacle}
            tabIndex={value === (chosen ?? options[0]?.value) ? 0 : -1}
            onClick={() => obstacle === undefined && onChoose(value)}
          >
            {label}
          </button>
        ))}
      </div>
      {obstacles.map((obstacle) => (
        <p key={obstacle} class="why">
          {obstacle}
        </p>
      ))}
    </>
  );
}
