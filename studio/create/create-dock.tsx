import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { StudioError } from "../api/errors.ts";
import { CommandKey, useKeys } from "../app/keyboard.tsx";
import { shapeOf, toText } from "../dock/sizes.ts";
import { type Dropped, usePictureDrop } from "../edit/sources/drop.ts";
import { tightestBudget } from "../state/budgets.ts";
import { isFree } from "../state/gateway.ts";
import { Icon, type IconName } from "../ui/icon.tsx";
import { Sheet } from "../ui/sheet.tsx";
import { showToast } from "../ui/toast.tsx";
import { amountLeft, windowName } from "../words/budget-words.ts";
import { explainCode, explainError } from "../words/error-words.ts";
import { words } from "../words/language.ts";
import { ModelChoice, modelName } from "./model-choice.tsx";
import { BackgroundChoice, FormatChoice, PreviewChoice, SeedChoice } from "./more-choices.tsx";
import { currentQuote, priceText } from "./price.ts";
import { QualityChoice, qualityName } from "./quality-choice.tsx";
import { send, sendFailure } from "./send.ts";
import { choose, effectiveCount, effectiveInput, MAX_IMAGES, model, prompt, settings } from "./settings.ts";
import { SizeChoice } from "./size-choice.tsx";
import "../dock/dock.css";

const t = words(
  {
    newPicture: "New picture",
    prompt: "Prompt",
    describe: "Describe a picture",
    drop: "Drop to edit the picture",
    create: "Create",
    createMany: (n: string) => `Create ${n}`,
    model: "Model",
    size: "Shape and size",
    quality: "Quality",
    more: "Format, background, seed, previews",
    settings: "Settings",
    count: "How many",
    fewer: "One fewer",
    another: "One more",
    left: (amount: string) => `${amount} left`,
    atMost: (n: string) => `This model makes at most ${n} at once.`,
  },
  {
    newPicture: "新图片",
    prompt: "提示词",
    describe: "描述一幅图片",
    drop: "松开即可编辑图片",
    create: "创作",
    createMany: (n: string) => `创作 ${n} 张`,
    model: "模型",
    size: "形状与尺寸",
    quality: "质量",
    more: "格式、背景、种子、预览",
    settings: "设置",
    count: "数量",
    fewer: "减少一张",
    another: "增加一张",
    left: (amount: string) => `剩余 ${amount}`,
    atMost: (n: string) => `这个模型一次最多生成 ${n} 张。`,
  },
);

type SheetName = "model" | "size" | "quality" | "more" | "all";

/** Puts the cursor into the prompt. */
export function focusPrompt(): void {
  document.querySelector<HTMLTextAreaElement>("#prompt")?.focus();
}

/** The bar in which pictures are described, priced and created. */
export function Dock() {
  const open = useSignal<SheetName | undefined>(undefined);
  const toggle = (name: SheetName) => () => {
    open.value = open.value === name ? undefined : name;
  };
  const close = () => {
    open.value = undefined;
  };
  useKeys({ p: focusPrompt });
  const bar = useRef<HTMLElement>(null);
  const isOver = usePictureDrop(edit, () => bar.current);
  return (
    <section ref={bar} class={isOver.value ? "dock drop" : "dock"} data-drop={t.drop} aria-label={t.newPicture}>
      <Note />
      <div class="ask">
        <label class="sr" for="prompt">
          {t.prompt}
        </label>
        <textarea
          id="prompt"
          dir="auto"
          rows={1}
          placeholder={t.describe}
          value={prompt}
          maxLength={model.value?.maxPromptLength}
          onInput={({ currentTarget }) => {
            prompt.value = currentTarget.value;
            sendFailure.value = undefined;
          }}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) create();
          }}
        />
      </div>
      <div class="row">
        <Chip name="model" label={t.model} icon="model" isOpen={open.value === "model"} onClick={toggle("model")}>
          <b>{modelName(model.value)}</b>
        </Chip>
        <Chip name="size" label={t.size} isOpen={open.value === "size"} onClick={toggle("size")}>
          <ShapeSign />
          <span>
            <b>{shapeOf(settings.value.size) ?? ""}</b>{" "}
            <span class="num">{toText(settings.value.size).replace("x", "×")}</span>
          </span>
        </Chip>
        <Stepper />
        <Chip name="quality" label={t.quality} icon="gem" isOpen={open.value === "quality"} onClick={toggle("quality")}>
          <b>{qualityName(effectiveInput.value.quality ?? "AUTO")}</b>
        </Chip>
        <button
          type="button"
          class="icon-btn wide"
          aria-label={t.more}
          aria-haspopup="dialog"
          aria-expanded={open.value === "more"}
          onClick={toggle("more")}
        >
          <Icon name="tune" />
        </button>
        <button
          type="button"
          class="chip narrow"
          aria-haspopup="dialog"
          aria-expanded={open.value === "all"}
          onClick={toggle("all")}
        >
          <span class="sr">{t.settings}</span>
          <ShapeSign />
          <span>
            <b>{shapeOf(settings.value.size) ?? toText(settings.value.size).replace("x", "×")}</b> · ×
            {effectiveCount.value} · {qualityName(effectiveInput.value.quality ?? "AUTO")}
          </span>
        </button>
        <span class="grow wide" />
        <BudgetLeft />
        <CreateButton />
      </div>
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
          <FormatChoice />
          <BackgroundChoice />
          <PreviewChoice />
          <SeedChoice />
        </Sheet>
      )}
      {open.value === "all" && (
        <Sheet label={t.settings} class="rises at-all" onClose={close}>
          <SizeChoice />
          <h2>{t.count}</h2>
          <Stepper />
          <QualityChoice />
          <ModelChoice />
          <FormatChoice />
          <BackgroundChoice />
          <PreviewChoice />
          <SeedChoice />
        </Sheet>
      )}
    </section>
  );
}

interface ChipProps {
  readonly name: SheetName;
  readonly label: string;
  readonly icon?: IconName;
  readonly isOpen: boolean;
  readonly onClick: () => void;
  readonly children: ComponentChildren;
}

function Chip({ name, label, icon, isOpen, onClick, children }: ChipProps) {
  return (
    <button
      type="button"
      class={`chip wide chip-${name}`}
      aria-haspopup="dialog"
      aria-expanded={isOpen}
      onClick={onClick}
    >
      <span class="sr">{label}</span>
      {icon && <Icon name={icon} small />}
      {children}
      <Icon name="down" small />
    </button>
  );
}

/** The outline of the chosen shape. */
function ShapeSign() {
  const { width, height } = settings.value.size;
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

/** What is left of the budget that the next click may use up first. */
export function BudgetLeft() {
  const budget = tightestBudget.value;
  if (!budget || isFree.value) return null;
  return (
    <p class="left num">
      <b>{t.left(amountLeft(budget))}</b>
      {windowName(budget.window)}
    </p>
  );
}

function CreateButton() {
  const quoted = currentQuote.value;
  const n = effectiveCount.value;
  return (
    <button type="button" class="btn main go" aria-disabled={isRefused()} onClick={create}>
      <span>{n === 1 ? t.create : t.createMany(String(n))}</span>
      <span class="price num">{quoted && !(quoted instanceof StudioError) ? priceText(quoted) : "…"}</span>
      <CommandKey sign="↵" />
    </button>
  );
}

/** Why the last click or the next one does not go through. */
function Note() {
  const quoted = currentQuote.value;
  const failure = sendFailure.value ?? (quoted instanceof StudioError ? quoted : undefined);
  if (!failure || failure.code === "ABORTED") return null;
  const { title, text } = explainError(failure);
  return (
    <div class={failure.code === "INTERNAL" ? "note bad" : "note warn"} role="alert">
      <Icon name="warn" />
      <div>
        <p>
          <b>{title}</b>
        </p>
        <p>{text}</p>
        {failure.code === "INTERNAL" && <p class="mono">{failure.facts.requestId}</p>}
      </div>
    </div>
  );
}

function create(): void {
  if (!prompt.value.trim()) focusPrompt();
  else if (!isRefused()) void send({ ...effectiveInput.value, prompt: prompt.value.trim() });
}

/** Opens the editor with pictures that were dropped or pasted. Its code is loaded then. */
function edit(dropped: Dropped): void {
  import("../edit/sources/begin.ts").then(
    ({ beginEdit }) => beginEdit(dropped, prompt.value),
    () => showToast(explainCode("OFFLINE").title),
  );
}

/** Whether the gateway has said that it would refuse the next click. */
function isRefused(): boolean {
  const quoted = currentQuote.value;
  return !model.value || (quoted instanceof StudioError && !quoted.isTransient && quoted.code !== "ABORTED");
}
