import { useSignal } from "@preact/signals";
import { Icon, type IconName } from "../../ui/icon.tsx";
import { Sheet } from "../../ui/sheet.tsx";
import { words } from "../../words/language.ts";
import type { Area } from "./brush.ts";
import type { Mask } from "./mask.ts";
import { isMaskHidden, type Tool, tool } from "./tools.ts";

const t = words(
  {
    tools: "Tools",
    brush: "Brush",
    eraser: "Eraser",
    hand: "Move",
    area: "Area by numbers",
    invert: "Invert the mask",
    hide: "Hide the mask",
    clear: "Clear the mask",
    left: "Left",
    top: "Top",
    width: "Width",
    height: "Height",
    paint: "Paint",
    erase: "Erase",
    whole: "Paint the whole picture",
    hint: (size: string) => `In pixels from the top left corner. The picture has ${size}.`,
    outside: "This area lies outside the picture. Choose smaller numbers.",
  },
  {
    tools: "工具",
    brush: "画笔",
    eraser: "橡皮",
    hand: "移动",
    area: "按数值选区",
    invert: "反转蒙版",
    hide: "隐藏蒙版",
    clear: "清除蒙版",
    left: "左",
    top: "上",
    width: "宽",
    height: "高",
    paint: "涂上",
    erase: "擦除",
    whole: "涂满整张图片",
    hint: (size: string) => `单位为像素，从左上角算起。图片为 ${size}。`,
    outside: "这个区域在图片之外。请改小数值。",
  },
);

const TOOLS: readonly { readonly name: Tool; readonly icon: IconName; readonly key: string }[] = [
  { name: "brush", icon: "brush", key: "B" },
  { name: "eraser", icon: "eraser", key: "E" },
  { name: "hand", icon: "hand", key: "Space" },
];

/** The tools of the mask. */
export function ToolRail({ mask }: { readonly mask: Mask }) {
  const isChoosing = useSignal(false);
  const close = () => {
    isChoosing.value = false;
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot stand in a column of controls
    <div class="rail" role="group" aria-label={t.tools}>
      {TOOLS.map(({ name, icon, key }) => (
        <button
          key={name}
          type="button"
          class="icon-btn"
          aria-pressed={tool.value === name}
          aria-label={t[name]}
          title={`${t[name]} · ${key}`}
          onClick={() => {
            tool.value = name;
          }}
        >
          <Icon name={icon} />
        </button>
      ))}
      <hr />
      <button
        type="button"
        class="icon-btn"
        aria-label={t.area}
        title={t.area}
        aria-haspopup="dialog"
        aria-expanded={isChoosing.value}
        onClick={() => {
          isChoosing.value = !isChoosing.value;
        }}
      >
        <Icon name="area" />
      </button>
      <button
        type="button"
        class="icon-btn"
        aria-label={t.invert}
        title={t.invert}
        onClick={() => mask.apply({ kind: "invert" })}
      >
        <Icon name="invert" />
      </button>
      <button
        type="button"
        class="icon-btn eye"
        aria-label={t.hide}
        title={`${t.hide} · M`}
        aria-pressed={isMaskHidden.value}
        onClick={() => {
          isMaskHidden.value = !isMaskHidden.value;
        }}
      >
        <Icon name="eye" />
      </button>
      <button
        type="button"
        class="icon-btn"
        aria-label={t.clear}
        title={t.clear}
        aria-disabled={!mask.isPainted.value}
        onClick={() => mask.isPainted.value && mask.apply({ kind: "clear" })}
      >
        <Icon name="bin" />
      </button>
      {isChoosing.value && (
        <Sheet label={t.area} class="at-rail" onClose={close}>
          <AreaChoice mask={mask} />
        </Sheet>
      )}
    </div>
  );
}

const SIDES = [
  { name: "x", label: "left" },
  { name: "y", label: "top" },
  { name: "width", label: "width" },
  { name: "height", label: "height" },
] as const;

/** Paints a rectangle without a pointer. */
function AreaChoice({ mask }: { readonly mask: Mask }) {
  const area = useSignal<Area>({
    x: Math.round(mask.width / 4),
    y: Math.round(mask.height / 4),
    width: Math.round(mask.width / 2),
    height: Math.round(mask.height / 2),
  });
  const { x, y, width, height } = area.value;
  const isInside = width > 0 && height > 0 && x + width <= mask.width && y + height <= mask.height;
  const apply = (isErasing: boolean) => isInside && mask.apply({ kind: "area", isErasing, area: area.value });
  return (
    <>
      <h2>{t.area}</h2>
      <div class="area-fields">
        {SIDES.map(({ name, label }) => (
          <label key={name} class={isInside ? "field" : "field wrong"}>
            <span class="faint">{t[label]}</span>
            <input
              class="num"
              inputMode="numeric"
              maxLength={5}
              value={area.value[name]}
              aria-invalid={!isInside}
              aria-describedby="area-hint"
              onInput={({ currentTarget }) => {
                area.value = { ...area.value, [name]: Number(currentTarget.value.replace(/\D/g, "")) };
              }}
            />
          </label>
        ))}
      </div>
      <p class={isInside ? "why" : "why bad"} id="area-hint">
        {isInside ? t.hint(`${mask.width} × ${mask.height}`) : t.outside}
      </p>
      <div class="area-acts">
        <button type="button" class="btn small main" aria-disabled={!isInside} onClick={() => apply(false)}>
          {t.paint}
        </button>
        <button type="button" class="btn small soft" aria-disabled={!isInside} onClick={() => apply(true)}>
          {t.erase}
        </button>
        <button type="button" class="btn small soft" onClick={() => mask.apply({ kind: "fill" })}>
          {t.whole}
        </button>
      </div>
    </>
  );
}
