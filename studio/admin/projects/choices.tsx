interface ChoicesProps<Value extends string> {
  readonly legend: string;
  readonly all: readonly Value[];
  readonly chosen: readonly Value[];
  readonly nameOf: (value: Value) => string;
  readonly onChoose: (chosen: readonly Value[]) => void;
}

/** Boxes to tick: several of a few. */
export function Choices<Value extends string>({ legend, all, chosen, nameOf, onChoose }: ChoicesProps<Value>) {
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
