import { useSignal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { parseSize } from "../../dock/sizes.ts";
import { hrefOf } from "../../router.ts";
import { cancel, isRunning, type Job } from "../../state/generations.ts";
import { Icon } from "../../ui/icon.tsx";
import { Tile } from "../../ui/tile.tsx";
import { duration } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import { FailureNotice } from "./failure-notice.tsx";

const t = words(
  {
    running: "Running",
    ready: (done: string, all: string) => `${done} of ${all} ready`,
    waiting: "Waiting its turn",
    drawing: "Being made",
    queued: "In the queue",
    cancel: "Cancel",
    preview: (shown: string, all: string) => `Preview ${shown} of ${all}`,
    previewAlone: "Preview",
    missing: "Did not arrive.",
  },
  {
    running: "正在运行",
    ready: (done: string, all: string) => `已完成 ${done}/${all}`,
    waiting: "等待中",
    drawing: "正在生成",
    queued: "排队中",
    cancel: "取消",
    preview: (shown: string, all: string) => `预览 ${shown}/${all}`,
    previewAlone: "预览",
    missing: "没有送达。",
  },
);

/** A generation above the wall: its pictures develop where they will hang. */
export function JobStrip({ job }: { readonly job: Job }) {
  const generation = job.generation.value;
  const { prompt, n, images, status } = generation;
  const isCanceling = useSignal(false);
  const running = isRunning(generation);
  const onCancel = async () => {
    isCanceling.value = true;
    await cancel(job.id).catch(() => {});
    isCanceling.value = false;
  };
  return (
    <section class="run" aria-label={t.running}>
      <header class="run-head">
        {running && <span class="pulse" aria-hidden="true" />}
        <p class="written" dir="auto">
          {prompt}
        </p>
        {running && (
          <span class="meta num">
            <span aria-live="polite">{status === "QUEUED" ? t.queued : t.ready(String(images.length), String(n))}</span>
            {" · "}
            <Elapsed since={generation.startedAt ?? generation.createdAt} />
          </span>
        )}
        <span class="grow wide" />
        {running && (
          <button type="button" class="btn small bare" disabled={isCanceling.value} onClick={onCancel}>
            <Icon name="stop" small />
            {t.cancel}
          </button>
        )}
      </header>
      {status === "FAILED" && <FailureNotice job={job} />}
      {(running || images.length > 0) && (
        <div class={running ? "wall" : "wall ended"} style={{ "--cols": columnsFor(n) }}>
          {Array.from({ length: n }, (_, index) => (
            <Slot key={index} job={job} index={index} />
          ))}
        </div>
      )}
    </section>
  );
}

/** One picture of a running generation: the picture, its newest preview, or an empty place. */
function Slot({ job, index }: { readonly job: Job; readonly index: number }) {
  const generation = job.generation.value;
  const picture = generation.images.find((image) => image.index === index);
  if (picture) return <Tile picture={picture} alt={generation.prompt} href={hrefOf("image", picture.id)} />;
  const { width, height } = parseSize(generation.requestedSize);
  const style = { "--ar": width / height };
  const preview = job.previews.value.get(index);
  if (!isRunning(generation)) {
    return (
      <figure class="tile lost" style={style}>
        <Icon name="warn" />
        {t.missing}
      </figure>
    );
  }
  if (!preview) {
    return (
      <figure class="tile wait" style={style}>
        <span class="tag">{generation.status === "RUNNING" ? t.drawing : t.waiting}</span>
      </figure>
    );
  }
  const shown = preview.partialIndex + 1;
  const all = Math.max(job.partialImages.value, shown);
  const label = job.partialImages.value > 0 ? t.preview(String(shown), String(all)) : t.previewAlone;
  return (
    <figure class={shown === 1 ? "tile softer" : "tile soft"} style={style}>
      <img key={preview.url} src={preview.url} alt={label} />
      <span class="tag">
        <span class="steps" aria-hidden="true">
          {Array.from({ length: all }, (_, step) => (
            <i key={step} class={step < shown ? "on" : undefined} />
          ))}
        </span>
        {label}
      </span>
    </figure>
  );
}

/** How long it takes so far. Not live for screen readers: it changes every second. */
export function Elapsed({ since }: { readonly since: string }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return <span>{duration(now - Date.parse(since))}</span>;
}

/** Columns as wide as those of four pictures at most. More than five stand in two rows. */
function columnsFor(n: number): number {
  return n === 5 ? 5 : Math.max(4, Math.ceil(n / 2));
}
