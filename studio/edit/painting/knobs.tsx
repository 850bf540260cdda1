import { words } from "../../words/language.ts";
import { brushSize, chooseBrushSize, hardness, maxBrush } from "./tools.ts";

const t = words({ size: "Size", hardness: "Hardness" }, { size: "大小", hardness: "硬度" });

interface KnobProps {
  readonly label: string;
  readonly text: string;
  readonly min: number;
  readonly max: number;
  readonly value: number;
  readonly class?: string;
  readonly onChange: (value: number) => void;
}

function Knob({ label, text, min, max, value, class: className = "", onChange }: KnobProps) {
  return (
    <label class={`knob ${className}`}>
      <span>{label}</span>
      <input
        class="range"
        type="range"
        min={min}
        max={max}
        value={value}
        aria-valuetext={text}
        style={{ "--at": `${(100 * (value - min)) / Math.max(1, max - min)}%` }}
        onInput={({ currentTarget }) => onChange(Number(currentTarget.value))}
      />
      <output class="num" aria-hidden="true">
        {text}
      </output>
    </label>
  );
}

/** A slider has so many steps; the brush grows by a factor with each, because small brushes need fine steps. */
const SIZE_STEPS = 200;
const MIN_BRUSH = 2;

export function SizeKnob({ class: className = "" }: { readonly class?: string }) {
  const growth = Math.log(Math.max(MIN_BRUSH + 1, maxBrush.value) / MIN_BRUSH) / SIZE_STEPS;
  return (
    <Knob
      label={t.size}
      text={`${brushSize.value} px`}
      class={className}
      min={0}
      max={SIZE_STEPS}
      value={Math.round(Math.log(brushSize.value / MIN_BRUSH) / growth)}
      onChange={(step) => chooseBrushSize(MIN_BRUSH * Math.exp(growth * step))}
    />
  );
}

export function HardnessKnob({ class: className = "" }: { readonly class?: string }) {
  return (
    <Knob
      label={t.hardness}
      text={`${hardness.value}%`}
      class={className}
      min={0}
      max={100}
      value={hardness.value}
      onChange={(percent) => {
        hardness.value = percent;
      }}
    />
  );
}
