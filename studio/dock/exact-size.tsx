import { useSignal } from "@preact/signals";
import { words } from "../words/language.ts";
import { problemOf, type Size } from "./sizes.ts";

const t = words(
  {
    width: "Width",
    height: "Height",
    side: "Each side needs 64 to 3840 pixels.",
    ratio: "One side may be at most three times the other.",
  },
  { width: "宽", height: "高", side: "每边需在 64 到 3840 像素之间。", ratio: "长边最多是短边的三倍。" },
);

interface ExactSizeProps {
  readonly size: Size;
  /** What is written below the fields while nothing is wrong. */
  readonly hint: string;
  readonly onChoose: (size: Size) => void;
}

/** Two fields. What is typed counts when it is a size that the gateway takes. */
export function ExactSize({ size, hint, onChoose }: ExactSizeProps) {
  const typed = useSignal<Size | undefined>(undefined);
  const shown = typed.value ?? size;
  const problem = problemOf(shown);
  const field = (side: keyof Size) => (
    <label class={problem ? "field wrong" : "field"}>
      <span class="faint">{t[side]}</span>
      <input
        class="num"
        inputMode="numeric"
        maxLength={4}
        value={shown[side] || ""}
        aria-invalid={problem !== undefined}
        aria-describedby="size-hint"
        onInput={({ currentTarget }) => {
          typed.value = { ...shown, [side]: Number(currentTarget.value.replace(/\D/g, "")) };
        }}
        onChange={() => {
          if (problem) return;
          onChoose(shown);
          typed.value = undefined;
        }}
      />
    </label>
  );
  return (
    <>
      <div class="pair">
        {field("width")}
        <span class="faint">×</span>
        {field("height")}
      </div>
      <p class={problem ? "why bad" : "why"} id="size-hint">
        {problem ? t[problem] : hint}
      </p>
    </>
  );
}
