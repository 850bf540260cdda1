import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { StudioError } from "../api/errors.ts";
import { CommandKey, useKeys } from "../app/keyboard.tsx";
import { BudgetLeft, focusPrompt } from "../create/create-dock.tsx";
import { modelName } from "../create/model-choice.tsx";
import { priceText } from "../create/price.ts";
import { qualityName } from "../create/quality-choice.tsx";
import { MAX_IMAGES } from "../create/settings.ts";
import { Icon } from "../ui/icon.tsx";
import { Sheet } from "../ui/sheet.tsx";
import { number } from "../words/format.ts";
import { words } from "../words/language.ts";
import { ModelChoice, MoreChoices, QualityChoice, SizeChoice } from "./choices.tsx";
import { EditNote } from "./edit-note.tsx";
import { currentQuote, followPrice } from "./price.ts";
import { isSending, sendEdit, sendFailure } from "./send.ts";
import { choose, effectiveCount, effectiveInput, model, obstacle, prompt, resultSize, settings } from "./settings.ts";
import { AddPictures } from "./sources/add-pictures.tsx";
import { MAX_SOURCES, moveToFront, removeSource, type Source, sources } from "./sources/sources.ts";

const t = words(
  {
    dock: "Edit pictures",
    prompt: "Prompt",
    what: "What should change?",
    inputs: (count: string) => `Pictures that go in: ${count} of ${MAX_SOURCES}`,
    onCanvas: (name: string) => `On the canvas: ${name}`,
    toCanvas: (name: string) => `Bring to the canvas: ${name}`,
    remove: (name: string) => `Remove ${name}`,
    add: "Add pictures",
    model: "Model",
    size: "Size",
    same: "Same size",
    quality: "Quality",
    more: "Format and background",
    settings: "Settings",
    count: "How many",
    fewer: "One fewer",
    another: "One more",
    atMost: (n: string) => `This model makes at most ${n} at once.`,
    edit: "Edit",
    editMany: (n: string) => `Edit ${n}`,
    sending: "Sending…",
  },
  {
    dock: "编辑图片",
    prompt: "提示词",
    what: "要改变什么？",
    inputs: (count: string) => `输入的图片：${count}/${MAX_SOURCES}`,
    onCanvas: (name: string) => `画布上的图片：${name}`,
    toCanvas: (name: string) => `放到画布上：${name}`,
    remove: (name: string) => `移除 ${name}`,
    add: "添加图片",
    model: "模型",
    size: "尺寸",
    same: "与原图相同",
    quality: "质量",
    more: "格式与背景",
    settings: "设置",
    count: "数量",
    fewer: "减少一张",
    another: "增加一张",
    atMost: (n: string) => `这个模型一次最多生成 ${n} 张。`,
    edit: "编辑",
    editMany: (n: string) => `编辑 ${n} 张`,
    sending: "正在发送……",
  },
);

type SheetName = "add" | "model" | "size" | "quality" | "more" | "all";

/** The bar in which an edit is described, priced and sent. */
export function EditDock() {
  const open = useSignal<SheetName | undefined>(undefined);
  useEffect(followPrice, []);
  useKeys({ p: focusPrompt });
  const close = () => {
    open.value = undefined;
  };
  const opener = (name: SheetName) => ({
    "aria-haspopup": "dialog" as const,
    "aria-expanded": open.value === name,
    onClick: () => {
      open.value = open.value === name ? undefined : name;
    },
  });
  const quality = qualityName(effectiveInput.value.quality ?? "AUTO");
  return (
    <section class="dock" aria-label={t.dock}>
      <EditNote />
      <Inputs />
      <div class="ask">
        <button type="button" class="icon-btn" aria-label={t.add} {...opener("add")}>
          <Icon name="plus" />
        </button>
        <label class="sr" for="prompt">
          {t.prompt}
        </label>
        <textarea
          id="prompt"
          dir="auto"
          rows={1}
          placeholder={t.what}
          value={prompt}
          maxLength={model.value?.maxPromptLength}
          onInput={({ currentTarget }) => {
            prompt.value = currentTarget.value;
            sendFailure.value = undefined;
          }}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) send();
          }}
        />
      </div>
      <div class="row">
        <button type="button" class="chip wide" {...opener("model")}>
          <span class="sr">{t.model}</span>
          <Icon name="model" small />
          <b>{modelName(model.value)}</b>
          <Icon name="down" small />
        </button>
        <button type="button" class="chip wide" {...opener("size")}>
          <span class="sr">{t.size}</span>
          <ShapeSign />
          <span>
            {settings.value.size === undefined && <b>{t.same} </b>}
            <span class="num">{sizeText()}</span>
          </span>
          <Icon name="down" small />
        </button>
        <Stepper />
        <button type="button" class="chip wide" {...opener("quality")}>
          <span class="sr">{t.quality}</span>
          <Icon name="gem" small />
          <b>{quality}</b>
          <Icon name="down" small />
        </button>
        <button type="button" class="icon-btn wide" aria-label={t.more} {...opener("more")}>
          <Icon name="tune" />
        </button>
        <button type="button" class="chip narrow" {...opener("all")}>
          <span class="sr">{t.settings}</span>
          <ShapeSign />
          <span>
            <b>{settings.value.size === undefined ? t.same : sizeText()}</b> · ×{effectiveCount.value} · {quality}
          </span>
        </button>
        <span class="grow wide" />
        <BudgetLeft />
        <EditButton />
      </div>
      {open.value === "add" && (
        <Sheet label={t.add} class="rises at-add" onClose={close}>
          <h2>{t.add}</h2>
          <AddPictures />
        </Sheet>
      )}
      {open.value === "model" && (
        <Sheet label={t.model} class="rises at-model" onClose={close}>
          <ModelChoice onChosen={close} />
        </Sheet>
      )}
      {open.value === "size" && (
        <Sheet label={t.size} class="rises at-size" onClose={close}>
          <SizeChoice />
        </Sheet>
      )}
      {open.value === "quality" && (
        <Sheet label={t.quality} class="rises at-quality" onClose={close}>
          <QualityChoice onChosen={close} />
        </Sheet>
      )}
      {open.value === "more" && (
        <Sheet label={t.more} class="rises at-more" onClose={close}>
          <MoreChoices />
        </Sheet>
      )}
      {open.value === "all" && (
        <Sheet label={t.settings} class="rises at-all" onClose={close}>
          <SizeChoice />
          <h2>{t.count}</h2>
          <Stepper />
          <QualityChoice />
          <ModelChoice />
          <MoreChoices />
        </Sheet>
      )}
    </section>
  );
}

/** The pictures that go in. The first one is on the canvas; a click brings another there. */
function Inputs() {
  if (sources.value.length === 0) return null;
  return (
    <ul class="inputs" aria-label={t.inputs(number(sources.value.length))}>
      {sources.value.map((source, index) => (
        <Input key={source.key} source={source} isFirst={index === 0} />
      ))}
    </ul>
  );
}

function Input({ source, isFirst }: { readonly source: Source; readonly isFirst: boolean }) {
  const { name, thumbnail } = source;
  const label = isFirst ? t.onCanvas(name) : t.toCanvas(name);
  return (
    <li>
      <button
        type="button"
        class="input"
        aria-pressed={isFirst}
        aria-label={label}
        title={label}
        onClick={() => !isFirst && moveToFront(source)}
      >
        <img src={thumbnail} alt="" />
      </button>
      <button type="button" class="x" aria-label={t.remove(name)} onClick={() => removeSource(source)}>
        <Icon name="close" />
      </button>
    </li>
  );
}

function sizeText(): string {
  const size = resultSize.value;
  return size ? `${size.width}×${size.height}` : "";
}

function ShapeSign() {
  const { width, height } = resultSize.value ?? { width: 1, height: 1 };
  return (
    <span class={width >= height ? "shape flat" : "shape tall"} style={{ "--ar": width / height }} aria-hidden="true" />
  );
}

function Stepper() {
  const n = effectiveCount.value;
  const most = model.value?.maxImages ?? MAX_IMAGES;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot stand in a line of controls
    <span class="stepper" role="group" aria-label={t.count}>
      <button
        type="button"
        class="icon-btn"
        aria-label={t.fewer}
        aria-disabled={n <= 1}
        onClick={() => choose({ n: Math.max(1, n - 1) })}
      >
        <Icon name="minus" small />
      </button>
      <output>{n}</output>
      <button
        type="button"
        class="icon-btn"
        aria-label={t.another}
        aria-disabled={n >= most}
        title={n >= most ? t.atMost(String(most)) : undefined}
        onClick={() => choose({ n: Math.min(most, n + 1) })}
      >
        <Icon name="plus" small />
      </button>
    </span>
  );
}

function EditButton() {
  const quoted = currentQuote.value;
  const n = effectiveCount.value;
  const label = n === 1 ? t.edit : t.editMany(number(n));
  const hasPrice = obstacle.value === undefined && !(quoted instanceof StudioError);
  return (
    <button type="button" class="btn main go" aria-disabled={isRefused() || isSending.value} onClick={send}>
      <span>{isSending.value ? t.sending : label}</span>
      {hasPrice && !isSending.value && <span class="price num">{quoted ? priceText(quoted) : "…"}</span>}
      <CommandKey sign="↵" />
    </button>
  );
}

function send(): void {
  if (isRefused()) return;
  if (prompt.value.trim()) void sendEdit();
  else focusPrompt();
}

/** Whether it is known that the next click would be refused. */
function isRefused(): boolean {
  const quoted = currentQuote.value;
  if (obstacle.value !== undefined) return true;
  return quoted instanceof StudioError && !quoted.isTransient && quoted.code !== "ABORTED";
}
