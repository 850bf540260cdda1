import { StudioError } from "../api/errors.ts";
import { chargeText } from "../create/running/failure-notice.tsx";
import { BudgetNote } from "../dock/budget-note.tsx";
import { FailureNote, Note } from "../dock/note.tsx";
import { dismiss } from "../state/generations.ts";
import { explainCode } from "../words/error-words.ts";
import { words } from "../words/language.ts";
import { mask, shown } from "./painting/tools.ts";
import { currentQuote } from "./price.ts";
import { sendFailure, sent } from "./send.ts";
import { effectiveCount, model, obstacle } from "./settings.ts";
import { sourceProblems } from "./sources/sources.ts";

const t = words(
  {
    noModel: "No model of this gateway edits pictures",
    noModelText: "Ask whoever runs the gateway for one that does.",
    tooMany: (model: string, count: string) => `${model} takes at most ${count} pictures`,
    tooManyText: "Remove some, or choose another model.",
    noMask: (model: string) => `${model} takes no mask`,
    noMaskText: "What you painted is not sent, and the whole picture may change. Choose another model to keep to it.",
    notAdded: "Not added",
  },
  {
    noModel: "此网关没有能编辑图片的模型",
    noModelText: "请联系网关的管理员。",
    tooMany: (model: string, count: string) => `${model} 最多接受 ${count} 张图片`,
    tooManyText: "请移除几张，或换一个模型。",
    noMask: (model: string) => `${model} 不支持蒙版`,
    noMaskText: "涂抹的部分不会发送，整张图片都可能改变。如需保留，请换一个模型。",
    notAdded: "没有添加",
  },
);

/** Why the last click or the next one does not go through, or what a person should know before it. */
export function EditNote() {
  return (
    <>
      <Added />
      <Refused />
    </>
  );
}

function Added() {
  const problems = sourceProblems.value;
  if (problems.length === 0) return null;
  const onClose = () => {
    sourceProblems.value = [];
  };
  return (
    <Note title={t.notAdded} onClose={onClose}>
      {problems.map((problem) => (
        <p key={problem}>{problem}</p>
      ))}
    </Note>
  );
}

function Refused() {
  const generation = sent.value?.job.generation.value;
  const quoted = currentQuote.value;
  const able = model.value;
  const failure = sendFailure.value ?? (quoted instanceof StudioError && !obstacle.value ? quoted : undefined);
  if (failure && failure.code !== "ABORTED") return <FailureNote failure={failure} />;
  if (generation?.failure) {
    const { title, text } = explainCode(generation.failure.code);
    const onClose = () => {
      dismiss(generation.id);
      sent.value = undefined;
      shown.value = "mask";
    };
    return (
      <Note title={title} isBad={generation.failure.code !== "CONTENT_REJECTED"} onClose={onClose}>
        <p>
          {chargeText(generation.failure.billed, generation)} {text}
        </p>
      </Note>
    );
  }
  if (obstacle.value === "no-model") return <Note title={t.noModel}>{t.noModelText}</Note>;
  if (obstacle.value === "too-many" && able) {
    return <Note title={t.tooMany(able.id, String(able.maxInputImages))}>{t.tooManyText}</Note>;
  }
  if (able && !able.hasMask && mask.value?.isPainted.value) {
    return <Note title={t.noMask(able.id)}>{t.noMaskText}</Note>;
  }
  const hasPrice = quoted && !(quoted instanceof StudioError) && !obstacle.value;
  return hasPrice ? <BudgetNote price={quoted} count={effectiveCount.value} /> : null;
}
