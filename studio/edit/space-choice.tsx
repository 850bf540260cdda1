import { useSignal } from "@preact/signals";
import { problemOf, type Size } from "../dock/sizes.ts";
import { Segments } from "../ui/segments.tsx";
import { words } from "../words/language.ts";
import { choose, model, settings } from "./settings.ts";
import { MAX_SIDE, NO_SPACE, type Space, spaceAround, spaced } from "./sources/space.ts";

const t = words(
  {
    space: "Space around the picture",
    none: "None",
    little: "A little",
    much: "Much",
    spaceHint: "The model continues the picture into it.",
    noSpace: "Off: this model takes no mask, so it cannot continue a picture.",
    noRoom: (side: string) => `The picture and its space may have ${side} pixels a side, and a ratio of 3:1.`,
    top: "Top",
    right: "Right",
    bottom: "Bottom",
    left: "Left",
  },
  {
    space: "向外扩展",
    none: "不扩展",
    little: "少许",
    much: "很多",
    spaceHint: "模型会把画面延伸到这里。",
    noSpace: "不可用：这个模型不支持蒙版，无法延伸画面。",
    noRoom: (side: string) => `图片加上扩展后，每边最多 ${side} 像素，长宽比最多 3:1。`,
    top: "上",
    right: "右",
    bottom: "下",
    left: "左",
  },
);

const SHARES = { none: 0, little: 0.15, much: 0.5 } as const;
const EDGES = ["top", "right", "bottom", "left"] as const;

/** Adds space around the picture, which the model fills. */
export function SpaceChoice({ source }: { readonly source: Size }) {
  const typed = useSignal<Space | undefined>(undefined);
  const { space } = settings.value;
  const isOff = model.value?.hasMask !== true;
  const shown = typed.value ?? space;
  const isPossible = (each: Space) => each === NO_SPACE || problemOf(spaced(source, each)) === undefined;
  const take = (each: Space) => {
    typed.value = isPossible(each) ? undefined : each;
    if (isPossible(each)) choose({ space: EDGES.every((edge) => each[edge] === 0) ? NO_SPACE : each });
  };
  const names = Object.keys(SHARES) as (keyof typeof SHARES)[];
  const spaceOf = (name: keyof typeof SHARES) => (name === "none" ? NO_SPACE : spaceAround(source, SHARES[name]));
  const chosen = names.find((name) => EDGES.every((edge) => spaceOf(name)[edge] === space[edge]));
  return (
    <>
      <h2>{t.space}</h2>
      <Segments
        label={t.space}
        chosen={chosen}
        options={names.map((value) => ({
          value,
          label: t[value],
          ...(isOff && value !== "none" && { obstacle: t.noSpace }),
        }))}
        onChoose={(name) => take(spaceOf(name))}
      />
      {!isOff && (
        <>
          <div class="area-fields space-fields">
            {EDGES.map((edge) => (
              <label key={edge} class={isPossible(shown) ? "field" : "field wrong"}>
                <span class="faint">{t[edge]}</span>
                <input
                  class="num"
                  inputMode="numeric"
                  maxLength={4}
                  value={shown[edge]}
                  aria-invalid={!isPossible(shown)}
                  aria-describedby="space-hint"
                  onInput={({ currentTarget }) =>
                    take({ ...shown, [edge]: Number(currentTarget.value.replace(/\D/g, "")) })
                  }
                />
              </label>
            ))}
          </div>
          <p class={isPossible(shown) ? "why" : "why bad"} id="space-hint">
            {isPossible(shown) ? t.spaceHint : t.noRoom(String(MAX_SIDE))}
          </p>
        </>
      )}
    </>
  );
}
