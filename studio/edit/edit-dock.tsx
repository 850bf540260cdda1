import { useEffect } from "preact/hooks";
import { StudioError } from "../api/errors.ts";
import { useKeys } from "../app/keyboard.tsx";
import { GoButton } from "../dock/go-button.tsx";
import { MAX_IMAGES } from "../dock/options.ts";
import { isRefusal, priceText } from "../dock/price.ts";
import { focusPrompt, PromptField } from "../dock/prompt-field.tsx";
import { SettingsRow } from "../dock/settings-row.tsx";
import { type Choices, SettingsSheets } from "../dock/settings-sheets.tsx";
import { DockSheet, useSheets } from "../dock/sheets.tsx";
import { Icon } from "../ui/icon.tsx";
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
    what: "What should change?",
    inputs: (count: string) => `Pictures that go in: ${count} of ${MAX_SOURCES}`,
    onCanvas: (name: string) => `On the canvas: ${name}`,
    toCanvas: (name: string) => `Bring to the canvas: ${name}`,
    remove: (name: string) => `Remove ${name}`,
    add: "Add pictures",
    size: "Size",
    same: "Same size",
    more: "Format and background",
    edit: "Edit",
    editMany: (n: string) => `Edit ${n}`,
    sending: "Sending…",
  },
  {
    dock: "编辑图片",
    what: "要改变什么？",
    inputs: (count: string) => `输入的图片：${count}/${MAX_SOURCES}`,
    onCanvas: (name: string) => `画布上的图片：${name}`,
    toCanvas: (name: string) => `放到画布上：${name}`,
    remove: (name: string) => `移除 ${name}`,
    add: "添加图片",
    size: "尺寸",
    same: "与原图相同",
    more: "格式与背景",
    edit: "编辑",
    editMany: (n: string) => `编辑 ${n} 张`,
    sending: "正在发送……",
  },
);

const CHOICES: Choices = { Model: ModelChoice, Size: SizeChoice, Quality: QualityChoice, More: MoreChoices };

/** The bar in which an edit is described, priced and sent. */
export function EditDock() {
  const sheets = useSheets();
  useEffect(followPrice, []);
  useKeys({ p: focusPrompt });
  const isSame = settings.value.size === undefined;
  const size = resultSize.value;
  const sizeText = size ? `${size.width}×${size.height}` : "";
  const count = { count: effectiveCount.value, most: model.value?.maxImages ?? MAX_IMAGES };
  const onCount = (n: number) => choose({ n });
  return (
    <section class="dock" aria-label={t.dock}>
      <EditNote />
      <Inputs />
      <div class="ask">
        <button type="button" class="icon-btn" aria-label={t.add} {...sheets.opener("add")}>
          <Icon name="plus" />
        </button>
        <PromptField
          prompt={prompt}
          placeholder={t.what}
          maxLength={model.value?.maxPromptLength}
          onInput={() => {
            sendFailure.value = undefined;
          }}
          onSend={send}
        />
      </div>
      <div class="row">
        <SettingsRow
          sheets={sheets}
          model={model.value}
          size={{
            label: t.size,
            shape: size ?? { width: 1, height: 1 },
            text: (
              <>
                {isSame && <b>{t.same} </b>}
                <span class="num">{sizeText}</span>
              </>
            ),
            short: isSame ? t.same : sizeText,
          }}
          quality={effectiveInput.value.quality ?? "AUTO"}
          more={t.more}
          count={count.count}
          mostImages={count.most}
          onCount={onCount}
        />
        <span class="grow wide" />
        <EditButton />
      </div>
      <DockSheet name="add" label={t.add} sheets={sheets}>
        <h2>{t.add}</h2>
        <AddPictures />
      </DockSheet>
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

function EditButton() {
  const quoted = currentQuote.value;
  const n = effectiveCount.value;
  const label = n === 1 ? t.edit : t.editMany(number(n));
  const hasPrice = obstacle.value === undefined && !(quoted instanceof StudioError) && !isSending.value;
  return (
    <GoButton
      label={isSending.value ? t.sending : label}
      price={hasPrice ? (quoted ? priceText(quoted) : "…") : undefined}
      isOff={isRefused() || isSending.value}
      onClick={send}
    />
  );
}

function send(): void {
  if (isRefused()) return;
  if (prompt.value.trim()) void sendEdit();
  else focusPrompt();
}

/** Whether it is known that the next click would be refused. */
function isRefused(): boolean {
  return obstacle.value !== undefined || isRefusal(currentQuote.value);
}
