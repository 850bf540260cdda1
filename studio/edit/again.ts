import { parseSize } from "../dock/sizes.ts";
import { goTo, hrefOf } from "../router.ts";
import type { Generation } from "../state/generations.ts";
import { showToast } from "../ui/toast.tsx";
import { words } from "../words/language.ts";
import { shown } from "./painting/tools.ts";
import { sent } from "./send.ts";
import { prompt, settings } from "./settings.ts";
import { clearSources, restoreSources, sources } from "./sources/sources.ts";

const t = words(
  {
    taken: "Pictures, prompt and settings are in the editor. A mask is not kept.",
    withoutPictures: "Prompt and settings are in the editor. The pictures are not here: add them again.",
    undo: "Undo",
  },
  {
    taken: "图片、提示词和设置已放入编辑器。蒙版不会保留。",
    withoutPictures: "提示词和设置已放入编辑器。所用的图片不在这里，请重新添加。",
    undo: "撤销",
  },
);

/**
 * Opens the editor with the pictures, the prompt and the settings of an edit. What stood there comes back by Undo, but
 * for what was painted.
 *
 * @param sourceIds the images that were edited, as far as the gateway has them
 */
export function takeEditAgain(generation: Generation, sourceIds: readonly string[]): void {
  const before = { prompt: prompt.value, settings: settings.value, sources: sources.value };
  const { n, model, requestedSize, quality, format, background } = generation;
  if (sourceIds.length === 0) {
    clearSources();
    sent.value = undefined;
    shown.value = "mask";
  }
  prompt.value = generation.prompt;
  settings.value = {
    ...settings.value,
    model: model.id,
    size: parseSize(requestedSize),
    n,
    quality,
    format,
    background,
  };
  goTo(hrefOf("edit", ...sourceIds));
  const undo = () => {
    restoreSources(before.sources);
    prompt.value = before.prompt;
    settings.value = before.settings;
  };
  showToast(sourceIds.length > 0 ? t.taken : t.withoutPictures, { action: { label: t.undo, run: undo } });
}
