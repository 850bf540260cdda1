import { toStudioError } from "../api/errors.ts";
import { showToast } from "../ui/toast.tsx";
import { explainError } from "../words/error-words.ts";
import { words } from "../words/language.ts";

const t = words(
  {
    refused: "The browser did not allow it. Select the text and copy it.",
    pictureRefused: "The browser did not allow it. Download the picture instead.",
    because: (title: string, text: string) => `${title}. ${text}`,
  },
  {
    refused: "浏览器不允许。请选中文字后复制。",
    pictureRefused: "浏览器不允许。请改为下载图片。",
    because: (title: string, text: string) => `${title}。${text}`,
  },
);

/** Copies a text, and says so. */
export async function copyText(text: string, done: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    showToast(done);
  } catch {
    showToast(t.refused);
  }
}

/** Whether this browser copies pictures: only pages of https and of this machine may. */
export function canCopyPictures(): boolean {
  return isSecureContext && typeof ClipboardItem === "function";
}

/** Copies a picture. @param png answers with a PNG file, which every program reads */
export async function copyPicture(png: () => Promise<Blob>, done: string): Promise<void> {
  const file = png();
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": file })]);
    showToast(done);
  } catch {
    const failure = await file.then(() => undefined, toStudioError);
    if (!failure) return showToast(t.pictureRefused);
    const { title, text } = explainError(failure);
    showToast(t.because(title, text));
  }
}
