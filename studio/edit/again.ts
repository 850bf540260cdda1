import { request } from "../api/client.ts";
import { parseSize } from "../dock/sizes.ts";
import { EditSourcesDocument } from "../generated/graphql.ts";
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
 * Opens the editor to change an edit that failed. If this tab sent it last, its files and its mask are still there.
 *
 * @throws StudioError when the gateway cannot tell which pictures it was made from
 */
export async function changeEdit(generation: Generation): Promise<void> {
  const last = sent.value;
  if (last?.job.id !== generation.id || !sources.value.includes(last.before)) return takeEditAgain(generation);
  shown.value = "mask";
  prompt.value = generation.prompt;
  goTo(hrefOf("edit"));
}

/**
 * Opens the editor with the pictures, the prompt and the settings of an edit, as far as the gateway has the pictures.
 * What stood there comes back by Undo, but for what was painted.
 *
 * @throws StudioError when the gateway cannot tell which pictures it was made from
 */
export async function takeEditAgain(generation: Generation): Promise<void> {
  const { generation: found } = await request(EditSourcesDocument, { id: generation.id });
  const sourceIds = found?.derivedFrom.map(({ id }) => id) ?? [];
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
