import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { useKeys } from "../app/keyboard.tsx";
import { takeAgain } from "../create/again.ts";
import { wallHref } from "../gallery/filter/filter.ts";
import { setFavorite } from "../gallery/selection/actions.ts";
import { confirmDeletion } from "../gallery/selection/deletion.tsx";
import { goTo, hrefOf } from "../router.ts";
import { Icon } from "../ui/icon.tsx";
import { showToast } from "../ui/toast.tsx";
import { moment } from "../words/format.ts";
import { words } from "../words/language.ts";
import { CodePane } from "./code-pane.tsx";
import { canCopyPictures, copyPicture, copyText } from "./copy.ts";
import { Details } from "./details.tsx";
import { DownloadLink } from "./download-link.tsx";
import { DownloadPane } from "./download-pane.tsx";
import { neighboursOf } from "./neighbours.ts";
import { readPicture } from "./read-picture.ts";
import { downloadName, save } from "./save.ts";
import type { ShownImage } from "./shown-image.ts";
import { Variations } from "./variations.tsx";

const t = words(
  {
    about: "About this picture",
    copyPrompt: "Copy the words",
    promptCopied: "The words are copied.",
    again: "Use again",
    more: "More actions",
    edit: "Edit",
    compare: "Compare",
    favourite: "Favourite",
    remove: "Delete",
    copy: "Copy",
    pictureCopied: "The picture is copied.",
    link: "Link",
    linkCopied: "The link is copied. It works for seven days, for everybody who has it.",
    details: "Details",
    download: "Download",
    sizes: "Sizes",
    code: "Code",
    showAll: "Show all",
    showLess: "Show less",
    noCopy: "Pictures are copied on pages of https only.",
  },
  {
    about: "关于这张图片",
    copyPrompt: "复制文字",
    promptCopied: "文字已复制。",
    again: "再次使用",
    more: "更多操作",
    edit: "编辑",
    compare: "比较",
    favourite: "收藏",
    remove: "删除",
    copy: "复制",
    pictureCopied: "图片已复制。",
    link: "链接",
    linkCopied: "链接已复制。七天内任何拿到它的人都能打开。",
    details: "详情",
    download: "下载",
    sizes: "尺寸",
    code: "代码",
    showAll: "显示全部",
    showLess: "收起",
    noCopy: "只有 https 页面可以复制图片。",
  },
);

const TABS: Readonly<Record<"details" | "sizes" | "code", ComponentType<{ readonly image: ShownImage }>>> = {
  details: Details,
  sizes: DownloadPane,
  code: CodePane,
};
type Tab = keyof typeof TABS;

/** Prompts longer than this are folded: about six lines of the panel. */
const LONG_PROMPT = 220;
/** How many pictures are compared at most. */
const MAX_COMPARED = 4;

/** What is known of the picture beside it, and what can be done with it. */
export function Panel({ image }: { readonly image: ShownImage }) {
  const tab = useSignal<Tab>("details");
  const { generation } = image;
  const compared = [image, ...generation.images.filter(({ id }) => id !== image.id)].slice(0, MAX_COMPARED);
  const compareHref = hrefOf("compare", ...compared.map(({ id }) => id));
  const fileName = downloadName(generation.prompt, `${image.width} × ${image.height}`, image.format);
  const again = () => {
    takeAgain(generation);
    if (generation.operation === "GENERATE") goTo(hrefOf());
  };
  useKeys({
    r: again,
    c: () => goTo(compareHref),
    i: () => goTo(hrefOf("edit", image.id)),
    d: () => void save(image.url, fileName),
  });
  const Pane = TABS[tab.value];
  return (
    <aside class="panel" aria-label={t.about}>
      <header class="panel-head">
        <Prompt text={generation.prompt} />
        <p class="by">
          {generation.model.id} · {moment(image.createdAt)}
          <span class="grow" />
          <button
            type="button"
            class="icon-btn"
            aria-label={t.copyPrompt}
            onClick={() => copyText(generation.prompt, t.promptCopied)}
          >
            <Icon name="copy" small />
          </button>
        </p>
      </header>
      <div class="acts-main">
        <Variations image={image} />
        <button type="button" class="btn soft" onClick={again}>
          <Icon name="again" />
          {t.again}
        </button>
        <DownloadLink class="btn soft" url={image.url} name={fileName}>
          <Icon name="save" />
          {t.download}
        </DownloadLink>
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: not a form */}
      <div class="acts-more" role="group" aria-label={t.more}>
        <a href={hrefOf("edit", image.id)}>
          <Icon name="brush" />
          {t.edit}
        </a>
        <a href={compareHref}>
          <Icon name="compare" />
          {t.compare}
        </a>
        <button
          type="button"
          aria-disabled={!canCopyPictures()}
          title={canCopyPictures() ? undefined : t.noCopy}
          onClick={() => (canCopyPictures() ? copyPicture(() => asPng(image), t.pictureCopied) : showToast(t.noCopy))}
        >
          <Icon name="copy" />
          {t.copy}
        </button>
        <button type="button" onClick={() => copyText(image.link, t.linkCopied)}>
          <Icon name="link" />
          {t.link}
        </button>
        <KeepOrDelete image={image} />
      </div>
      <div class="tabs" role="tablist" aria-label={t.about} onKeyDown={moveThroughTabs}>
        {(Object.keys(TABS) as Tab[]).map((name) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`tab-${name}`}
            aria-controls="tab-pane"
            aria-selected={tab.value === name}
            tabIndex={tab.value === name ? 0 : -1}
            onClick={() => {
              tab.value = name;
            }}
          >
            {t[name]}
          </button>
        ))}
      </div>
      <div class="pane" role="tabpanel" id="tab-pane" aria-labelledby={`tab-${tab.value}`}>
        <Pane image={image} />
      </div>
    </aside>
  );
}

function Prompt({ text }: { readonly text: string }) {
  const isOpen = useSignal(false);
  const isLong = text.length > LONG_PROMPT;
  return (
    <>
      <h1 class={isLong && !isOpen.value ? "written folded" : "written"} dir="auto">
        {text}
      </h1>
      {isLong && (
        <button
          type="button"
          class="link"
          aria-expanded={isOpen.value}
          onClick={() => {
            isOpen.value = !isOpen.value;
          }}
        >
          {isOpen.value ? t.showLess : t.showAll}
        </button>
      )}
    </>
  );
}

/** Marks the picture as a favourite, and deletes it. Then the next one is shown. */
function KeepOrDelete({ image }: { readonly image: ShownImage }) {
  const isFavorite = useSignal(image.isFavorite);
  useEffect(() => {
    isFavorite.value = image.isFavorite;
  }, [image]);
  const toggle = async () => {
    const wanted = !isFavorite.value;
    isFavorite.value = wanted;
    if (!(await setFavorite(image.id, wanted))) isFavorite.value = !wanted;
  };
  const remove = () => {
    const { before, after } = neighboursOf(image);
    const next = after ?? before;
    confirmDeletion([{ picture: image, generation: image.generation }], () =>
      goTo(next ? hrefOf("image", next) : wallHref.value, { replace: true }),
    );
  };
  useKeys({ f: () => void toggle(), Delete: remove });
  return (
    <>
      <button type="button" class="fav" aria-pressed={isFavorite.value} onClick={toggle}>
        <Icon name="star" />
        {t.favourite}
      </button>
      <button type="button" onClick={remove}>
        <Icon name="bin" />
        {t.remove}
      </button>
    </>
  );
}

/** The picture as a PNG file, which is what clipboards take. */
async function asPng({ url }: ShownImage): Promise<Blob> {
  const blob = await readPicture(url);
  if (blob.type === "image/png") return blob;
  const bitmap = await createImageBitmap(blob);
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}

function moveThroughTabs(event: KeyboardEvent & { readonly currentTarget: HTMLElement }): void {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step === undefined) return;
  const tabs = [...event.currentTarget.querySelectorAll<HTMLElement>("[role=tab]")];
  const next = tabs.at((tabs.indexOf(document.activeElement as HTMLElement) + step) % tabs.length);
  event.preventDefault();
  event.stopPropagation();
  next?.focus();
  next?.click();
}
