import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { toStudioError } from "../../api/errors.ts";
import { cancel, jobs } from "../../state/generations.ts";
import { showToast } from "../../ui/toast.tsx";
import { explainError } from "../../words/error-words.ts";
import { duration, number } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import { type RunningGeneration, running } from "./running.ts";

const t = words(
  {
    title: "Running now",
    nothing: "Nothing is running.",
    ready: (done: string, all: string) => `${done} of ${all} ready`,
    waiting: "Waiting its turn",
    cancel: "Cancel",
    cancelOne: (prompt: string) => `Cancel “${prompt}”`,
  },
  {
    title: "正在运行",
    nothing: "没有正在运行的任务。",
    ready: (done: string, all: string) => `已完成 ${done}/${all}`,
    waiting: "等待中",
    cancel: "取消",
    cancelOne: (prompt: string) => `取消“${prompt}”`,
  },
);

const SECOND_MS = 1000;
/** How much of a prompt stands in the name of its button. */
const NAME_LENGTH = 60;

/** What runs now, in one project or in all that the caller sees, and how to stop it. */
export function RunningCard({ projectId }: { readonly projectId: string | undefined }) {
  const now = useSignal(Date.now());
  const shown = running.value.filter(({ project }) => projectId === undefined || project.id === projectId);
  const isEmpty = shown.length === 0;
  useEffect(() => {
    if (isEmpty) return;
    const timer = setInterval(() => {
      now.value = Date.now();
    }, SECOND_MS);
    return () => clearInterval(timer);
  }, [isEmpty]);
  return (
    <section class="card" aria-labelledby="running-title">
      <header>
        <h2 id="running-title">{t.title}</h2>
        {!isEmpty && <span class="faint num">{number(shown.length)}</span>}
      </header>
      {isEmpty ? (
        <p class="quiet">{t.nothing}</p>
      ) : (
        <ul class="runs">
          {shown.map((generation) => (
            <Run key={generation.id} generation={generation} now={now.value} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Run({ generation, now }: { readonly generation: RunningGeneration; readonly now: number }) {
  const { id, prompt, status, n, images, model, project, startedAt, createdAt } = generation;
  const preview = jobs.value.find((job) => job.id === id)?.previews.value.get(0)?.url;
  const picture = images[0]?.thumbnail ?? preview;
  const stop = () => cancel(id).catch((error) => showToast(explainError(toStudioError(error)).title));
  return (
    <li>
      {picture ? <img src={picture} alt="" /> : <span class="none" />}
      <div>
        <p class="written" dir="auto">
          {prompt}
        </p>
        <small>
          {project.name} · {model.id}
        </small>
      </div>
      <span class="quiet num">{status === "QUEUED" ? t.waiting : t.ready(number(images.length), number(n))}</span>
      <span class="num">{duration(now - Date.parse(startedAt ?? createdAt))}</span>
      <button
        type="button"
        class="btn small soft"
        aria-label={t.cancelOne(prompt.slice(0, NAME_LENGTH))}
        onClick={stop}
      >
        {t.cancel}
      </button>
    </li>
  );
}
