import { useEffect } from "preact/hooks";
import { toStudioError } from "../api/errors.ts";
import { useKeys } from "../app/keyboard.tsx";
import { zoomKeys } from "../image/zoom-keys.ts";
import { goTo, hrefOf, type PageProps } from "../router.ts";
import { Icon } from "../ui/icon.tsx";
import { showToast } from "../ui/toast.tsx";
import { explainError } from "../words/error-words.ts";
import { words } from "../words/language.ts";
import { EditBar } from "./edit-bar.tsx";
import { EditDock } from "./edit-dock.tsx";
import { SizeKnob } from "./painting/knobs.tsx";
import type { Mask } from "./painting/mask.ts";
import { PaintStage } from "./painting/paint-stage.tsx";
import { fit, view } from "./painting/stage-view.ts";
import { ToolRail } from "./painting/tool-rail.tsx";
import { isMaskHidden, mask, shown, stepBrush, tool } from "./painting/tools.ts";
import { ResultStage } from "./result/result-stage.tsx";
import { sent } from "./send.ts";
import { hasMask, model } from "./settings.ts";
import { FileButton, WallPictures } from "./sources/add-pictures.tsx";
import { addPictures } from "./sources/begin.ts";
import { usePictureDrop } from "./sources/drop.ts";
import { beginWith, edited } from "./sources/sources.ts";
import "../dock/dock.css";
import "../image/image.css";
import "../ui/notice.css";
import "./edit.css";

const t = words(
  {
    title: "Edit",
    empty: "Edit a picture",
    emptyText: "Drop pictures here, paste them, or choose files: PNG, JPEG or WebP, each smaller than 50 MB, up to 16.",
    drop: "Drop to add the pictures",
    unpainted: "Paint what may change. If you paint nothing, everything may change.",
    noMask: (model: string) => `Painting is off: ${model} takes no mask. The whole picture may change.`,
  },
  {
    title: "编辑",
    empty: "编辑图片",
    emptyText: "把图片拖到这里、粘贴，或选择文件：PNG、JPEG 或 WebP，每张小于 50 MB，最多 16 张。",
    drop: "松开即可添加图片",
    unpainted: "涂抹可以改变的部分。不涂抹则整张图片都可能改变。",
    noMask: (model: string) => `无法涂抹：${model} 不支持蒙版，整张图片都可能改变。`,
  },
);

/** Edits up to 16 pictures: a mask, words, and the result beside the original. `#/edit/img_…` begins with images. */
export function EditPage({ path }: PageProps) {
  useEffect(() => {
    document.title = `${t.title} · Pictograph`;
    return () => {
      document.title = "Pictograph";
    };
  }, []);
  useEffect(() => {
    if (path.length === 0) return;
    beginWith(path).catch((error) => showToast(explainError(toStudioError(error)).title));
    sent.value = undefined;
    shown.value = "mask";
  }, [path.join()]);
  const isOver = usePictureDrop((dropped) => void addPictures(dropped));
  const source = edited.value;
  const painted = mask.value;
  const result = shown.value === "result" ? sent.value : undefined;
  useKeys({
    Escape: () => goTo(source?.imageId ? hrefOf("image", source.imageId) : hrefOf()),
    a: () => {
      if (sent.value) shown.value = shown.value === "mask" ? "result" : "mask";
    },
    m: () => {
      isMaskHidden.value = !isMaskHidden.value;
    },
    b: () => {
      tool.value = "brush";
    },
    e: () => {
      tool.value = "eraser";
    },
    h: () => {
      tool.value = "hand";
    },
    "[": () => stepBrush(-1),
    "]": () => stepBrush(1),
    ...zoomKeys(view, fit),
  });
  useUndoKeys(painted);
  return (
    <div class={isOver.value ? "edit over" : "edit"} data-drop={t.drop}>
      <EditBar mask={result ? undefined : painted} />
      <main class="edit-canvas" tabIndex={-1}>
        {result && <ResultStage key={result.job.id} edit={result} />}
        {!result && source && painted && (
          <>
            <PaintStage source={source} mask={painted} canPaint={hasMask.value} />
            {hasMask.value && <ToolRail mask={painted} />}
            {hasMask.value && <SizeKnob class="narrow on-canvas" />}
            {(!hasMask.value || !painted.isPainted.value) && (
              <p class="hint">{hasMask.value ? t.unpainted : t.noMask(model.value?.id ?? "")}</p>
            )}
          </>
        )}
        {!result && !source && <Empty />}
      </main>
      <div class="dock-place">
        <EditDock />
      </div>
    </div>
  );
}

/** How many pictures of the wall the empty page offers: two lines of four. */
const OFFERED_AT_FIRST = 8;

function Empty() {
  return (
    <div class="edit-empty">
      <Icon name="image" />
      <h2>{t.empty}</h2>
      <p>{t.emptyText}</p>
      <FileButton class="btn line" />
      <WallPictures most={OFFERED_AT_FIRST} />
    </div>
  );
}

/** Undo and redo of the mask, where no text is typed. */
function useUndoKeys(painted: Mask | undefined): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const isText =
        event.target instanceof Element && event.target.matches("input:not([type=range]), textarea, select");
      if (!painted || isText || !(event.metaKey || event.ctrlKey)) return;
      const key = event.key.toLowerCase();
      if (key !== "z" && key !== "y") return;
      event.preventDefault();
      if (key === "y" || event.shiftKey) painted.redo();
      else painted.undo();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, [painted]);
}
