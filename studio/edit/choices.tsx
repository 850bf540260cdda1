import { useSignal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { priceText } from "../create/price.ts";
import { qualityName } from "../create/quality-choice.tsx";
import { BACKGROUNDS, FORMATS, QUALITIES } from "../create/settings.ts";
import { problemOf, SHAPES, type Size, sizeOf, toText } from "../dock/sizes.ts";
import type { Background, EditImagesInput, Quality } from "../generated/graphql.ts";
import { models } from "../state/gateway.ts";
import { OptionList } from "../ui/option-list.tsx";
import { Segments } from "../ui/segments.tsx";
import { words } from "../words/language.ts";
import { quoteEdit } from "./price.ts";
import { choose, editedSize, effectiveInput, model, prompt, resultSize, settings, willMask } from "./settings.ts";
import { edited, sources } from "./sources/sources.ts";
import { MAX_SIDE, NO_SPACE, type Space, spaceAround, spaced } from "./sources/space.ts";

const t = words(
  {
    model: "Model",
    noEdits: "Off: this model only creates pictures.",
    takes: (count: string) => `Takes up to ${count} pictures.`,
    takesOne: "Takes one picture.",
    withMask: "Paints inside the mask.",
    noMask: "Takes no mask.",
    size: "Size of the result",
    same: "Same as the picture",
    width: "Width",
    height: "Height",
    sizeHint: "64 to 3840 a side, up to three times as wide as high.",
    side: "Each side needs 64 to 3840 pixels.",
    ratio: "One side may be at most three times the other.",
    space: "Space around the picture",
    none: "None",
    little: "A little",
    much: "Much",
    spaceHint: "The model continues the picture into it.",
    noSpace: "Off: this model takes no mask, so it cannot continue a picture.",
    noRoom: (side: string) => `The picture and its space may have ${side} pixels a side, and a ratio of 3:1.`,
    top: "Top",
    right: "Right",
    bottom: "Bottom",
    left: "Left",
    quality: "Quality",
    noQuality: (model: string) => `Off: ${model} does not make it.`,
    format: "Format",
    background: "Background",
    AUTO: "Auto",
    OPAQUE: "Opaque",
    TRANSPARENT: "Transparent",
    noBackground: (model: string, background: string) => `${background} is off: ${model} does not make it.`,
    jpeg: "Transparent is off: JPEG has no transparency.",
  },
  {
    model: "模型",
    noEdits: "不可用：这个模型只能创作图片。",
    takes: (count: string) => `最多 ${count} 张图片。`,
    takesOne: "只接受一张图片。",
    withMask: "可在蒙版内绘制。",
    noMask: "不支持蒙版。",
    size: "结果尺寸",
    same: "与原图相同",
    width: "宽",
    height: "高",
    sizeHint: "每边 64 到 3840，长边最多是短边的三倍。",
    side: "每边需在 64 到 3840 像素之间。",
    ratio: "长边最多是短边的三倍。",
    space: "向外扩展",
    none: "不扩展",
    little: "少许",
    much: "很多",
    spaceHint: "模型会把画面延伸到这里。",
    noSpace: "不可用：这个模型不支持蒙版，无法延伸画面。",
    noRoom: (side: string) => `图片加上扩展后，每边最多 ${side} 像素，长宽比最多 3:1。`,
    top: "上",
    right: "右",
    bottom: "下",
    left: "左",
    quality: "质量",
    noQuality: (model: string) => `不可用：${model} 不提供。`,
    format: "格式",
    background: "背景",
    AUTO: "自动",
    OPAQUE: "不透明",
    TRANSPARENT: "透明",
    noBackground: (model: string, background: string) => `${background}不可用：${model} 不提供。`,
    jpeg: "透明不可用：JPEG 没有透明度。",
  },
);

/** The models, each with what this click would cost there. */
export function ModelChoice({ onChosen }: { readonly onChosen?: () => void }) {
  const shown = models.value.filter(({ id }) => id === model.value?.id || !/-\d{4}-\d{2}-\d{2}$/.test(id));
  const prices = usePrices(
    shown
      .filter(({ operations }) => operations.includes("EDIT"))
      .map(({ id }) => ({ name: id, changes: { model: id } })),
  );
  return (
    <>
      <h2>{t.model}</h2>
      <OptionList
        label={t.model}
        chosen={model.value?.id}
        options={shown.map(({ id, operations, maxInputImages, hasMask }) => ({
          value: id,
          label: id,
          end: prices[id],
          ...(operations.includes("EDIT")
            ? {
                detail: `${maxInputImages === 1 ? t.takesOne : t.takes(String(maxInputImages))} ${hasMask ? t.withMask : t.noMask}`,
              }
            : { obstacle: t.noEdits }),
        }))}
        onChoose={(id) => {
          choose({ model: id });
          onChosen?.();
        }}
      />
    </>
  );
}

/** The shapes that are offered beside that of the picture. */
const OFFERED = SHAPES.filter((shape) => ["1:1", "3:2", "16:9", "2:3", "9:16"].includes(shape));

export function SizeChoice() {
  const source = edited.value;
  const { size } = settings.value;
  const own = size ?? resultSize.value ?? { width: 1024, height: 1024 };
  const options = OFFERED.map((shape) => ({ shape, size: sizeOf(shape, "medium") }));
  const chosen = size ? options.find((each) => toText(each.size) === toText(size))?.shape : "same";
  const same = editedSize.value;
  return (
    <>
      <h2>{t.size}</h2>
      <OptionList
        label={t.size}
        chosen={chosen}
        options={[
          { value: "same", label: t.same, end: same && `${same.width} × ${same.height}` },
          ...options.map(({ shape, size: { width, height } }) => ({
            value: shape,
            label: shape,
            end: `${width} × ${height}`,
          })),
        ]}
        onChoose={(value) => choose({ size: options.find(({ shape }) => shape === value)?.size })}
      />
      <OwnSize size={own} />
      {source && <SpaceChoice source={source} />}
    </>
  );
}

/** Two fields. What is typed counts when it is a size that the gateway takes. */
function OwnSize({ size }: { readonly size: Size }) {
  const typed = useSignal<Size | undefined>(undefined);
  const shown = typed.value ?? size;
  const problem = problemOf(shown);
  const field = (side: keyof Size) => (
    <label class={problem ? "field wrong" : "field"}>
      <span class="faint">{t[side]}</span>
      <input
        class="num"
        inputMode="numeric"
        maxLength={4}
        value={shown[side] || ""}
        aria-invalid={problem !== undefined}
        aria-describedby="own-size-hint"
        onInput={({ currentTarget }) => {
          typed.value = { ...shown, [side]: Number(currentTarget.value.replace(/\D/g, "")) };
        }}
        onChange={() => {
          if (problem) return;
          choose({ size: shown });
          typed.value = undefined;
        }}
      />
    </label>
  );
  return (
    <>
      <div class="pair own-pair">
        {field("width")}
        <span class="faint">×</span>
        {field("height")}
      </div>
      <p class={problem ? "why bad" : "why"} id="own-size-hint">
        {problem ? t[problem] : t.sizeHint}
      </p>
    </>
  );
}

const SHARES = { none: 0, little: 0.15, much: 0.5 } as const;
const EDGES = ["top", "right", "bottom", "left"] as const;

/** Adds space around the picture, which the model fills. */
function SpaceChoice({ source }: { readonly source: Size }) {
  const typed = useSignal<Space | undefined>(undefined);
  const { space } = settings.value;
  const isOff = model.value?.hasMask !== true;
  const shown = typed.value ?? space;
  const isPossible = (each: Space) => each === NO_SPACE || problemOf(spaced(source, each)) === undefined;
  const take = (each: Space) => {
    typed.value = isPossible(each) ? undefined : each;
    if (isPossible(each)) choose({ space: EDGES.every((edge) => each[edge] === 0) ? NO_SPACE : each });
  };
  const names = Object.keys(SHARES) as (keyof typeof SHARES)[];
  const spaceOf = (name: keyof typeof SHARES) => (name === "none" ? NO_SPACE : spaceAround(source, SHARES[name]));
  const chosen = names.find((name) => EDGES.every((edge) => spaceOf(name)[edge] === space[edge]));
  return (
    <>
      <h2>{t.space}</h2>
      <Segments
        label={t.space}
        chosen={chosen}
        options={names.map((value) => ({
          value,
          label: t[value],
          ...(isOff && value !== "none" && { obstacle: t.noSpace }),
        }))}
        onChoose={(name) => take(spaceOf(name))}
      />
      {!isOff && (
        <>
          <div class="area-fields space-fields">
            {EDGES.map((edge) => (
              <label key={edge} class={isPossible(shown) ? "field" : "field wrong"}>
                <span class="faint">{t[edge]}</span>
                <input
                  class="num"
                  inputMode="numeric"
                  maxLength={4}
                  value={shown[edge]}
                  aria-invalid={!isPossible(shown)}
                  aria-describedby="space-hint"
                  onInput={({ currentTarget }) =>
                    take({ ...shown, [edge]: Number(currentTarget.value.replace(/\D/g, "")) })
                  }
                />
              </label>
            ))}
          </div>
          <p class={isPossible(shown) ? "why" : "why bad"} id="space-hint">
            {isPossible(shown) ? t.spaceHint : t.noRoom(String(MAX_SIDE))}
          </p>
        </>
      )}
    </>
  );
}

/** The qualities, each with what this click would cost. */
export function QualityChoice({ onChosen }: { readonly onChosen?: () => void }) {
  const able = model.value;
  const prices = usePrices((able?.qualities ?? []).map((quality) => ({ name: quality, changes: { quality } })));
  if (!able) return null;
  return (
    <>
      <h2>{t.quality}</h2>
      <OptionList
        label={t.quality}
        chosen={(effectiveInput.value.quality ?? "AUTO") as Quality}
        options={QUALITIES.map((quality) => ({
          value: quality,
          label: qualityName(quality),
          end: prices[quality],
          ...(!able.qualities.includes(quality) && { obstacle: t.noQuality(able.id) }),
        }))}
        onChoose={(quality) => {
          choose({ quality });
          onChosen?.();
        }}
      />
    </>
  );
}

export function MoreChoices() {
  const able = model.value;
  const { format } = settings.value;
  if (!able) return null;
  const obstacleOf = (background: Background): string | undefined => {
    if (!able.backgrounds.includes(background)) return t.noBackground(able.id, t[background]);
    return background === "TRANSPARENT" && format === "JPEG" ? t.jpeg : undefined;
  };
  return (
    <>
      <h2>{t.format}</h2>
      <Segments
        label={t.format}
        chosen={format}
        options={FORMATS.map((value) => ({ value, label: value === "WEBP" ? "WebP" : value }))}
        onChoose={(value) => choose({ format: value })}
      />
      <h2>{t.background}</h2>
      <Segments
        label={t.background}
        chosen={(effectiveInput.value.background ?? "AUTO") as Background}
        options={BACKGROUNDS.map((value) => {
          const obstacle = obstacleOf(value);
          return { value, label: t[value], ...(obstacle !== undefined && { obstacle }) };
        })}
        onChoose={(background) => choose({ background })}
      />
    </>
  );
}

interface Priced {
  readonly name: string;
  readonly changes: Partial<EditImagesInput>;
}

/** What the present edit would cost with each change, as far as it is known. */
function usePrices(offers: readonly Priced[]): Readonly<Record<string, string>> {
  const [prices, setPrices] = useState<Readonly<Record<string, string>>>({});
  const present = [effectiveInput.value, prompt.value, sources.value.length, willMask.value, resultSize.value];
  useEffect(() => {
    let isOld = false;
    if (sources.value.length === 0) return;
    for (const { name, changes } of offers) {
      quoteEdit(changes).then(
        (quoted) => !isOld && setPrices((others) => ({ ...others, [name]: priceText(quoted) })),
        () => {},
      );
    }
    return () => {
      isOld = true;
    };
  }, [JSON.stringify([present, offers])]);
  return prices;
}
