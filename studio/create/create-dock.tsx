import { useRef } from "preact/hooks";
import { StudioError } from "../api/errors.ts";
import { useKeys } from "../app/keyboard.tsx";
import { BudgetNote } from "../dock/budget-note.tsx";
import { GoButton } from "../dock/go-button.tsx";
import { FailureNote } from "../dock/note.tsx";
import { MAX_IMAGES } from "../dock/options.ts";
import { isRefusal, priceText } from "../dock/price.ts";
import { focusPrompt, PromptField } from "../dock/prompt-field.tsx";
import { SettingsRow } from "../dock/settings-row.tsx";
import { type Choices, SettingsSheets } from "../dock/settings-sheets.tsx";
import { useSheets } from "../dock/sheets.tsx";
import { shapeOf, toText } from "../dock/sizes.ts";
import { type Dropped, usePictureDrop } from "../edit/sources/drop.ts";
import { showToast } from "../ui/toast.tsx";
import { explainCode } from "../words/error-words.ts";
import { words } from "../words/language.ts";
import { ModelChoice } from "./model-choice.tsx";
import { MoreChoices } from "./more-choices.tsx";
import { currentQuote } from "./price.ts";
import { QualityChoice } from "./quality-choice.tsx";
import { send, sendFailure } from "./send.ts";
import { choose, effectiveCount, effectiveInput, model, prompt, settings } from "./settings.ts";
import { SizeChoice } from "./size-choice.tsx";
import "../dock/dock.css";

const t = words(
  {
    newPicture: "New picture",
    describe: "Describe a picture",
    drop: "Drop to edit the picture",
    create: "Create",
    createMany: (n: string) => `Create ${n}`,
    size: "Shape and size",
    more: "Format, background, seed, previews",
  },
  {
    newPicture: "新图片",
    describe: "描述一幅图片",
    drop: "松开即可编辑图片",
    create: "创作",
    createMany: (n: string) => `创作 ${n} 张`,
    size: "形状与尺寸",
    more: "格式、背景、种子、预览",
  },
);

const CHOICES: Choices = { Model: ModelChoice, Size: SizeChoice, Quality: QualityChoice, More: MoreChoices };

/** The bar in which pictures are described, priced and created. */
export function CreateDock() {
  const sheets = useSheets();
  useKeys({ p: focusPrompt });
  const bar = useRef<HTMLElement>(null);
  const isOver = usePictureDrop(edit, () => bar.current);
  const { size } = settings.value;
  const sizeText = toText(size).replace("x", "×");
  const shape = shapeOf(size);
  const count = { count: effectiveCount.value, most: model.value?.maxImages ?? MAX_IMAGES };
  const onCount = (n: number) => choose({ n });
  const quoted = currentQuote.value;
  const failure = sendFailure.value ?? (quoted instanceof StudioError ? quoted : undefined);
  const price = quoted instanceof StudioError ? undefined : quoted;
  return (
    <section ref={bar} class={isOver.value ? "dock drop" : "dock"} data-drop={t.drop} aria-label={t.newPicture}>
      {failure && <FailureNote failure={failure} />}
      {!failure && price && <BudgetNote price={price} count={count.count} />}
      <div class="ask">
        <PromptField
          prompt={prompt}
          placeholder={t.describe}
          maxLength={model.value?.maxPromptLength}
          onInput={() => {
            sendFailure.value = undefined;
          }}
          onSend={create}
        />
      </div>
      <div class="row">
        <SettingsRow
          sheets={sheets}
          model={model.value}
          size={{
            label: t.size,
            shape: size,
            text: (
              <>
                <b>{shape ?? ""}</b> <span class="num">{sizeText}</span>
              </>
            ),
            short: shape ?? sizeText,
          }}
          quality={effectiveInput.value.quality ?? "AUTO"}
          more={t.more}
          count={count.count}
          mostImages={count.most}
          onCount={onCount}
        />
        <span class="grow wide" />
        <GoButton
          label={count.count === 1 ? t.create : t.createMany(String(count.count))}
          price={price ? priceText(price) : "…"}
          isOff={isRefused()}
          onClick={create}
        />
      </div>
      <SettingsSheets
        sheets={sheets}
        choices={CHOICES}
        labels={{ size: t.size, more: t.more }}
        count={count.count}
        mostImages={count.most}
        onCount={onCount}
      />
    </section>
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

/** Whether it is known that the next click would be refused. */
function isRefused(): boolean {
  return !model.value || isRefusal(currentQuote.value);
}
