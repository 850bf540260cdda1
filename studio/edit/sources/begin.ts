import { toStudioError } from "../../api/errors.ts";
import { goTo, hrefOf } from "../../router.ts";
import { showToast } from "../../ui/toast.tsx";
import { explainError } from "../../words/error-words.ts";
import { shown } from "../painting/tools.ts";
import { sent } from "../send.ts";
import { prompt } from "../settings.ts";
import type { Dropped } from "./drop.ts";
import { addFiles, addImage, clearSources } from "./sources.ts";

/** Adds pictures to the edit, and says why one cannot be added. */
export async function addPictures({ files, imageIds }: Dropped): Promise<void> {
  try {
    for (const id of imageIds) await addImage(id);
    if (files.length > 0) await addFiles(files);
  } catch (error) {
    showToast(explainError(toStudioError(error)).title);
  }
}

/** Opens the editor with pictures, and with the words that are written already. */
export async function beginEdit(dropped: Dropped, text: string): Promise<void> {
  clearSources();
  sent.value = undefined;
  shown.value = "mask";
  if (text.trim()) prompt.value = text;
  goTo(hrefOf("edit"));
  await addPictures(dropped);
}
