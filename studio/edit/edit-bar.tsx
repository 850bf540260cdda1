import { useSignal } from "@preact/signals";
import { zoomKeys } from "../image/zoom-keys.ts";
import { hrefOf } from "../router.ts";
import { Icon } from "../ui/icon.tsx";
import { Sheet } from "../ui/sheet.tsx";
import { number } from "../words/format.ts";
import { words } from "../words/language.ts";
import { HardnessKnob, SizeKnob } from "./painting/knobs.tsx";
import type { Mask } from "./painting/mask.ts";
import { fit, view } from "./painting/stage-view.ts";
import { shown } from "./painting/tools.ts";
import { sent } from "./send.ts";
import { hasMask } from "./settings.ts";
import { edited } from "./sources/sources.ts";

const t = words(
  {
    title: "Edit",
    close: "Close",
    undo: "Undo",
    redo: "Redo",
    zoom: "Zoom",
    zoomIn: "Zoom in",
    zoomOut: "Zoom out",
    fit: "Fit",
    canvas: "What the canvas shows",
    mask: "Mask",
    result: "Before / after",
    noResult: "There is a result once an edit was sent.",
    brush: "Brush settings",
  },
  {
    title: "编辑",
    close: "关闭",
    undo: "撤销",
    redo: "重做",
    zoom: "缩放",
    zoomIn: "放大",
    zoomOut: "缩小",
    fit: "适合窗口",
    canvas: "画布显示的内容",
    mask: "蒙版",
    result: "前后对比",
    noResult: "提交编辑后才有结果。",
    brush: "画笔设置",
  },
);

/** The bar above the canvas: the brush, undo and redo, zoom, and what the canvas shows. */
export function EditBar({ mask: painted }: { readonly mask: Mask | undefined }) {
  const isChoosing = useSignal(false);
  const keys = zoomKeys(view, fit);
  const source = edited.value;
  const canPaint = painted !== undefined && hasMask.value;
  return (
    <header class="stage-bar">
      <a
        class="icon-btn"
        href={source?.imageId ? hrefOf("image", source.imageId) : hrefOf()}
        aria-label={t.close}
        title="Esc"
      >
        <Icon name="close" />
      </a>
      <h1>{t.title}</h1>
      <span class="grow" />
      {canPaint && (
        <div class="knobs wide">
          <SizeKnob />
          <HardnessKnob />
        </div>
      )}
      <span class="grow" />
      {canPaint && (
        <>
          <button
            type="button"
            class="icon-btn"
            aria-label={t.undo}
            aria-disabled={!painted.canUndo.value}
            onClick={() => painted.undo()}
          >
            <Icon name="undo" />
          </button>
          <button
            type="button"
            class="icon-btn"
            aria-label={t.redo}
            aria-disabled={!painted.canRedo.value}
            onClick={() => painted.redo()}
          >
            <Icon name="redo" />
          </button>
        </>
      )}
      {painted && (
        // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot stand in a line of controls
        <div class="zoom wide" role="group" aria-label={t.zoom}>
          <button type="button" class="icon-btn" aria-label={t.zoomOut} onClick={keys["-"]}>
            <Icon name="minus" />
          </button>
          <button type="button" class="zoom-share num" title={t.fit} onClick={keys["0"]}>
            {number(Math.round(fit.value * view.value.zoom * 100))} %<span class="sr"> · {t.fit}</span>
          </button>
          <button type="button" class="icon-btn" aria-label={t.zoomIn} onClick={keys["+"]}>
            <Icon name="plus" />
          </button>
        </div>
      )}
      <Views />
      {canPaint && (
        <button
          type="button"
          class="icon-btn narrow"
          aria-label={t.brush}
          aria-haspopup="dialog"
          aria-expanded={isChoosing.value}
          onClick={() => {
            isChoosing.value = !isChoosing.value;
          }}
        >
          <Icon name="tune" />
        </button>
      )}
      {isChoosing.value && (
        <Sheet
          label={t.brush}
          class="at-brush"
          onClose={() => {
            isChoosing.value = false;
          }}
        >
          <h2>{t.brush}</h2>
          <SizeKnob />
          <HardnessKnob />
        </Sheet>
      )}
    </header>
  );
}

/** Shows the mask, or the result beside the original. */
function Views() {
  if (!edited.value) return null;
  const hasResult = sent.value !== undefined;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot stand in a line of controls
    <div class="seg" role="group" aria-label={t.canvas}>
      <button
        type="button"
        aria-pressed={shown.value === "mask" || !hasResult}
        onClick={() => {
          shown.value = "mask";
        }}
      >
        {t.mask}
      </button>
      <button
        type="button"
        aria-pressed={shown.value === "result" && hasResult}
        aria-disabled={!hasResult}
        title={hasResult ? "A" : t.noResult}
        onClick={() => {
          if (hasResult) shown.value = "result";
        }}
      >
        {t.result}
      </button>
    </div>
  );
}
