import { Icon } from "../ui/icon.tsx";
import { words } from "../words/language.ts";

const t = words(
  {
    count: "How many",
    fewer: "One fewer",
    another: "One more",
    atMost: (n: string) => `This model makes at most ${n} at once.`,
  },
  {
    count: "数量",
    fewer: "减少一张",
    another: "增加一张",
    atMost: (n: string) => `这个模型一次最多生成 ${n} 张。`,
  },
);

interface StepperProps {
  readonly count: number;
  /** What the model makes at once. */
  readonly most: number;
  readonly onChoose: (count: number) => void;
}

/** Chooses how many images a click makes. */
export function Stepper({ count, most, onChoose }: StepperProps) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot stand in a line of controls
    <span class="stepper" role="group" aria-label={t.count}>
      <button
        type="button"
        class="icon-btn"
        aria-label={t.fewer}
        aria-disabled={count <= 1}
        onClick={() => onChoose(Math.max(1, count - 1))}
      >
        <Icon name="minus" small />
      </button>
      <output>{count}</output>
      <button
        type="button"
        class="icon-btn"
        aria-label={t.another}
        aria-disabled={count >= most}
        title={count >= most ? t.atMost(String(most)) : undefined}
        onClick={() => onChoose(Math.min(most, count + 1))}
      >
        <Icon name="plus" small />
      </button>
    </span>
  );
}

/** The stepper below its title, in the sheet of all settings. */
export function TitledStepper(props: StepperProps) {
  return (
    <>
      <h2>{t.count}</h2>
      <Stepper {...props} />
    </>
  );
}
