import { useSignal } from "@preact/signals";
import { toStudioError } from "../../api/errors.ts";
import { Elapsed } from "../../create/running/job-strip.tsx";
import { focusPrompt } from "../../dock/prompt-field.tsx";
import { DownloadLink } from "../../image/download-link.tsx";
import { downloadName } from "../../image/save.ts";
import { hrefOf } from "../../router.ts";
import { cancel, isRunning } from "../../state/generations.ts";
import { Icon } from "../../ui/icon.tsx";
import { showToast } from "../../ui/toast.tsx";
import { explainError } from "../../words/error-words.ts";
import { number } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import { shown } from "../painting/tools.ts";
import { type SentEdit, sent } from "../send.ts";
import { replaceFirst } from "../sources/sources.ts";
import { BeforeAfter } from "./before-after.tsx";

const t = words(
  {
    queued: "In the queue",
    making: "Being made",
    ready: (done: string, all: string) => `${done} of ${all} ready`,
    cancel: "Cancel",
    canceled: "Canceled. Nothing was made.",
    preview: "Preview",
    result: (index: string) => `Result ${index}`,
    results: "Results",
    again: "Edit again",
    open: "Open",
    download: "Download",
    back: "Back to the mask",
  },
  {
    queued: "排队中",
    making: "正在生成",
    ready: (done: string, all: string) => `已完成 ${done}/${all}`,
    cancel: "取消",
    canceled: "已取消，没有生成图片。",
    preview: "预览",
    result: (index: string) => `结果 ${index}`,
    results: "结果",
    again: "继续编辑",
    open: "打开",
    download: "下载",
    back: "回到蒙版",
  },
);

/** What became of an edit, over the picture that it began with. */
export function ResultStage({ edit: { job, before } }: { readonly edit: SentEdit }) {
  const chosen = useSignal(0);
  const generation = job.generation.value;
  const { images, status, n, prompt } = generation;
  const image = images.find(({ index }) => index === chosen.value) ?? images[0];
  const preview = [...job.previews.value.values()].at(-1);
  const running = isRunning(generation);
  const again = async (id: string) => {
    try {
      await replaceFirst(id);
      sent.value = undefined;
      shown.value = "mask";
      focusPrompt();
    } catch (error) {
      showToast(explainError(toStudioError(error)).title);
    }
  };
  return (
    <div class="result-stage">
      <div class="result-fit">
        {image && (
          <BeforeAfter
            key={image.id}
            before={before.url}
            after={image.url}
            alt={prompt}
            width={image.width}
            height={image.height}
          />
        )}
        {!image && preview && (
          <BeforeAfter
            before={before.url}
            after={preview.url}
            alt={t.preview}
            width={before.width}
            height={before.height}
            isPreview
          />
        )}
        {!image && !preview && (
          <div
            class={running ? "paper alone waiting" : "paper alone"}
            style={{ "--ar": before.width / before.height, "--most": `${before.width * 2}px` }}
          >
            <img src={before.url} alt={before.name} />
          </div>
        )}
      </div>
      {images.length > 1 && (
        // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot scroll as a line
        <div class="results" role="group" aria-label={t.results}>
          {images.map(({ id, index, thumbnail, width, height, placeholder }) => (
            <button
              key={id}
              type="button"
              aria-pressed={id === image?.id}
              aria-label={t.result(number(index + 1))}
              onClick={() => {
                chosen.value = index;
              }}
            >
              <img
                src={thumbnail}
                alt=""
                width={width}
                height={height}
                style={{ backgroundImage: `url("${placeholder}")` }}
              />
            </button>
          ))}
        </div>
      )}
      <div class="result-bar">
        <p role="status">
          {running && <span class="pulse" aria-hidden="true" />}
          {running && (status === "QUEUED" ? t.queued : n > 1 ? t.ready(number(images.length), number(n)) : t.making)}
          {status === "CANCELED" && images.length === 0 && t.canceled}
        </p>
        {running && (
          <>
            <span class="quiet num">
              <Elapsed since={generation.startedAt ?? generation.createdAt} />
            </span>
            <button type="button" class="btn small bare" onClick={() => void cancel(job.id).catch(() => {})}>
              <Icon name="stop" small />
              {t.cancel}
            </button>
          </>
        )}
        {image && (
          <>
            <button type="button" class="btn small soft" onClick={() => again(image.id)}>
              <Icon name="brush" small />
              {t.again}
            </button>
            <a class="btn small bare" href={hrefOf("image", image.id)}>
              <Icon name="expand" small />
              {t.open}
            </a>
            <DownloadLink
              class="btn small bare"
              url={image.url}
              name={downloadName(prompt, `${image.width} × ${image.height}`, image.format)}
            >
              <Icon name="save" small />
              {t.download}
            </DownloadLink>
          </>
        )}
        {!running && !image && (
          <button
            type="button"
            class="btn small soft"
            onClick={() => {
              shown.value = "mask";
            }}
          >
            {t.back}
          </button>
        )}
      </div>
    </div>
  );
}
