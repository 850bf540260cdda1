import { signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { type StudioError, toStudioError } from "../../api/errors.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { showToast } from "../../ui/toast.tsx";
import { explainError } from "../../words/error-words.ts";
import { number } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import type { WallPicture } from "../pictures.ts";
import { deletePictures } from "./actions.ts";

const t = words(
  {
    title: (n: string) => (n === "1" ? "Delete this picture?" : `Delete ${n} pictures?`),
    text: "They are deleted for everybody, and nothing brings them back. Links to them stop working.",
    textOfOne: "It is deleted for everybody, and nothing brings it back. Links to it stop working.",
    keep: "Keep",
    remove: (n: string) => (n === "1" ? "Delete" : `Delete ${n}`),
    done: (n: string) => (n === "1" ? "Picture deleted." : `${n} pictures deleted.`),
    failed: (title: string) => `${title}. What could not be deleted is still here.`,
  },
  {
    title: (n: string) => (n === "1" ? "删除这张图片？" : `删除 ${n} 张图片？`),
    text: "所有人都将看不到它们，且无法恢复。指向它们的链接会失效。",
    textOfOne: "所有人都将看不到它，且无法恢复。指向它的链接会失效。",
    keep: "保留",
    remove: (n: string) => (n === "1" ? "删除" : `删除 ${n} 张`),
    done: (n: string) => (n === "1" ? "图片已删除。" : `已删除 ${n} 张图片。`),
    failed: (title: string) => `${title}。未能删除的图片仍在这里。`,
  },
);

interface Asked {
  readonly pictures: readonly WallPicture[];
  /** Is called when they are deleted. */
  readonly onDeleted: () => void;
}

const asked = signal<Asked | undefined>(undefined);

/** Asks whether these pictures should be deleted. */
export function confirmDeletion(pictures: readonly WallPicture[], onDeleted: () => void = () => {}): void {
  if (pictures.length > 0) asked.value = { pictures, onDeleted };
}

/** The question before pictures are deleted: how many they are, and that they do not come back. */
export function Deletion() {
  const question = asked.value;
  const close = () => {
    asked.value = undefined;
  };
  return question && <Question {...question} onClose={close} />;
}

function Question({ pictures, onDeleted, onClose }: Asked & { readonly onClose: () => void }) {
  const isBusy = useSignal(false);
  const failure = useSignal<StudioError | undefined>(undefined);
  const keep = useRef<HTMLButtonElement>(null);
  const n = number(pictures.length);
  // Enter right after Delete must not delete.
  useEffect(() => keep.current?.focus(), []);
  const remove = async () => {
    if (isBusy.value) return;
    isBusy.value = true;
    failure.value = undefined;
    try {
      await deletePictures(pictures);
      onClose();
      showToast(t.done(n));
      onDeleted();
    } catch (error) {
      failure.value = toStudioError(error);
      isBusy.value = false;
    }
  };
  return (
    <Dialog title={t.title(n)} onClose={onClose}>
      <p class="quiet">{pictures.length === 1 ? t.textOfOne : t.text}</p>
      {failure.value && <p role="alert">{t.failed(explainError(failure.value).title)}</p>}
      <div class="acts">
        <button ref={keep} type="button" class="btn soft" onClick={onClose}>
          {t.keep}
        </button>
        <button type="button" class="btn danger line" aria-disabled={isBusy.value} onClick={remove}>
          {t.remove(n)}
        </button>
      </div>
    </Dialog>
  );
}
