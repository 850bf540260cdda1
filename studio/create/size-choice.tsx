import { ExactSize } from "../dock/exact-size.tsx";
import { ratioOf, SCALES, type Scale, SHAPES, type Shape, scaleOf, shapeOf, sizeOf } from "../dock/sizes.ts";
import { moveWithArrows } from "../ui/option-list.tsx";
import { Segments } from "../ui/segments.tsx";
import { words } from "../words/language.ts";
import { choose, settings } from "./settings.ts";

const t = words(
  {
    shape: "Shape",
    size: "Size",
    small: "Small",
    medium: "Medium",
    large: "Large",
    "4k": "4K",
    exact: "Exact pixels",
    hint: "64 to 3840 a side, up to three times as wide as high. The model makes the next size up; you get these pixels exactly.",
  },
  {
    shape: "形状",
    size: "尺寸",
    small: "小",
    medium: "中",
    large: "大",
    "4k": "4K",
    exact: "精确像素",
    hint: "每边 64 到 3840，长边最多是短边的三倍。模型生成不小于它的尺寸，你得到的正是这些像素。",
  },
);

/** Chooses a shape and a size, or exact pixels. */
export function SizeChoice() {
  const { size } = settings.value;
  const shape = shapeOf(size);
  const scale = scaleOf(size);
  const set = (changed: { readonly shape?: Shape; readonly scale?: Scale }) =>
    choose({ size: sizeOf(changed.shape ?? shape ?? "1:1", changed.scale ?? scale ?? "medium") });
  return (
    <>
      <h2>{t.shape}</h2>
      <div class="shapes" role="radiogroup" aria-label={t.shape} onKeyDown={moveWithArrows}>
        {SHAPES.map((each) => (
          // biome-ignore lint/a11y/useSemanticElements: an input cannot hold a drawing
          <button
            key={each}
            type="button"
            role="radio"
            aria-checked={each === shape}
            tabIndex={each === (shape ?? "1:1") ? 0 : -1}
            onClick={() => set({ shape: each })}
          >
            <span class={ratioOf(each) >= 1 ? "shape flat" : "shape tall"} style={{ "--ar": ratioOf(each) }} />
            {each}
          </button>
        ))}
      </div>
      <h2>
        {t.size}{" "}
        <span class="faint num">
          {size.width} × {size.height}
        </span>
      </h2>
      <Segments
        label={t.size}
        chosen={scale}
        options={SCALES.map((value) => ({ value, label: t[value] }))}
        onChoose={(chosen) => set({ scale: chosen })}
      />
      <h2>{t.exact}</h2>
      <ExactSize size={size} hint={t.hint} onChoose={(exact) => choose({ size: exact })} />
    </>
  );
}
