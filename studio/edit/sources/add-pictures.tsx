import { useEffect, useRef } from "preact/hooks";
import { toStudioError } from "../../api/errors.ts";
import { loadMore, wallPictures } from "../../gallery/pictures.ts";
import { Icon } from "../../ui/icon.tsx";
import { showToast } from "../../ui/toast.tsx";
import { explainError } from "../../words/error-words.ts";
import { words } from "../../words/language.ts";
import { addFiles, addImage, removeSource, sources } from "./sources.ts";

const t = words(
  {
    choose: "Choose files",
    limits: "PNG, JPEG or WebP, each smaller than 50 MB. Up to 16 pictures. You can also drop or paste them.",
    wall: "From the wall",
  },
  {
    choose: "选择文件",
    limits: "PNG、JPEG 或 WebP，每张小于 50 MB，最多 16 张。也可以拖放或粘贴。",
    wall: "从图片墙选择",
  },
);

/** How many pictures of the wall are offered. */
const MAX_OFFERED = 60;

/** A button that asks the system for files. */
export function FileButton({ class: className }: { readonly class: string }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" class={className} onClick={() => input.current?.click()}>
        <Icon name="image" small />
        {t.choose}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        multiple
        accept="image/png,image/jpeg,image/webp"
        onChange={({ currentTarget }) => {
          void addFiles([...(currentTarget.files ?? [])]);
          // The same file can be chosen again after it was removed.
          currentTarget.value = "";
        }}
      />
    </>
  );
}

/** Adds pictures: files, or some of the wall. */
export function AddPictures() {
  return (
    <>
      <FileButton class="btn soft add-files" />
      <p class="why">{t.limits}</p>
      <WallPictures />
    </>
  );
}

/** The newest pictures of the wall. A click adds one, or takes it out again. */
export function WallPictures({ most = MAX_OFFERED }: { readonly most?: number }) {
  useEffect(() => {
    if (!wallPictures.value) void loadMore();
  }, []);
  const offered = (wallPictures.value ?? []).slice(0, most);
  const toggle = async (id: string) => {
    const known = sources.value.find(({ imageId }) => imageId === id);
    try {
      if (known) removeSource(known);
      else await addImage(id);
    } catch (error) {
      showToast(explainError(toStudioError(error)).title);
    }
  };
  if (offered.length === 0) return null;
  return (
    <>
      <h2>{t.wall}</h2>
      <ul class="offered">
        {offered.map(({ picture, generation }) => (
          <li key={picture.id}>
            <button
              type="button"
              aria-pressed={sources.value.some(({ imageId }) => imageId === picture.id)}
              aria-label={generation.prompt}
              onClick={() => toggle(picture.id)}
            >
              <img
                src={picture.thumbnail}
                alt=""
                loading="lazy"
                style={{ backgroundImage: `url("${picture.placeholder}")` }}
              />
              <Icon name="check" small />
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
