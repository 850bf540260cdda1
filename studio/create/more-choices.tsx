import type { Background } from "../generated/graphql.ts";
import { models } from "../state/gateway.ts";
import { Segments } from "../ui/segments.tsx";
import { words } from "../words/language.ts";
import {
  BACKGROUNDS,
  backgroundObstacle,
  choose,
  effectiveInput,
  FORMATS,
  MAX_PREVIEWS,
  model,
  type Obstacle,
  previewObstacle,
  settings,
} from "./settings.ts";

const t = words(
  {
    format: "Format",
    background: "Background",
    AUTO: "Auto",
    OPAQUE: "Opaque",
    TRANSPARENT: "Transparent",
    previews: "Previews while it works",
    none: "None",
    seed: "Seed",
    any: "Any",
    seedHint: "The same seed and settings make the same picture.",
    noTransparent: (model: string) => `Transparent is off: ${model} cannot make it.`,
    noOpaque: (model: string) => `Opaque is off: ${model} does not promise it.`,
    jpeg: "Transparent is off: JPEG has no transparency.",
    noPreviews: (model: string) => `Off: ${model} shows none.`,
    previewsOfMany: (model: string, most: string) => `Off: ${model} shows previews of ${most} at a time.`,
    noSeed: (model: string) => `Off: ${model} cannot repeat a seed.`,
    seedElsewhere: (model: string) => `${model} can.`,
  },
  {
    format: "格式",
    background: "背景",
    AUTO: "自动",
    OPAQUE: "不透明",
    TRANSPARENT: "透明",
    previews: "过程预览",
    none: "无",
    seed: "种子",
    any: "任意",
    seedHint: "相同的种子和设置会生成相同的图片。",
    noTransparent: (model: string) => `透明不可用：${model} 不支持。`,
    noOpaque: (model: string) => `不透明不可用：${model} 不保证。`,
    jpeg: "透明不可用：JPEG 没有透明度。",
    noPreviews: (model: string) => `不可用：${model} 不提供预览。`,
    previewsOfMany: (model: string, most: string) => `不可用：${model} 一次只为 ${most} 张提供预览。`,
    noSeed: (model: string) => `不可用：${model} 不能重复种子。`,
    seedElsewhere: (model: string) => `${model} 可以。`,
  },
);

/** The largest seed: GraphQL's largest whole number. */
const MAX_SEED = 2_147_483_647;

function explain(obstacle: Obstacle | undefined): string | undefined {
  const name = model.value?.id ?? "";
  switch (obstacle) {
    case "transparent":
      return t.noTransparent(name);
    case "opaque":
      return t.noOpaque(name);
    case "jpeg":
      return t.jpeg;
    case "previews":
      return t.noPreviews(name);
    case "previews-of-many":
      return t.previewsOfMany(name, String(model.value?.maxImagesWithPartialImages));
    default:
      return undefined;
  }
}

export function FormatChoice() {
  const names = { PNG: "PNG", JPEG: "JPEG", WEBP: "WebP", AVIF: "AVIF" } as const;
  return (
    <>
      <h2>{t.format}</h2>
      <Segments
        label={t.format}
        chosen={settings.value.format}
        options={FORMATS.map((value) => ({ value, label: names[value] }))}
        onChoose={(format) => choose({ format })}
      />
    </>
  );
}

export function BackgroundChoice() {
  const able = model.value;
  if (!able) return null;
  const toOption = (value: Background) => {
    const obstacle = explain(backgroundObstacle(value, able));
    return { value, label: t[value], ...(obstacle !== undefined && { obstacle }) };
  };
  return (
    <>
      <h2>{t.background}</h2>
      <Segments
        label={t.background}
        chosen={effectiveInput.value.background ?? "AUTO"}
        options={BACKGROUNDS.map(toOption)}
        onChoose={(background) => choose({ background })}
      />
    </>
  );
}

export function PreviewChoice() {
  const able = model.value;
  if (!able) return null;
  const obstacle = explain(previewObstacle(able));
  const options = Array.from({ length: MAX_PREVIEWS + 1 }, (_, count) => ({
    value: String(count),
    label: count === 0 ? t.none : String(count),
    ...(count > 0 && obstacle !== undefined && { obstacle }),
  }));
  return (
    <>
      <h2>{t.previews}</h2>
      <Segments
        label={t.previews}
        chosen={String(effectiveInput.value.partialImages ?? 0)}
        options={options}
        onChoose={(count) => choose({ partialImages: Number(count) })}
      />
    </>
  );
}

export function SeedChoice() {
  const able = model.value;
  if (!able) return null;
  const other = models.value.find(({ hasSeed }) => hasSeed);
  const onInput = ({ currentTarget }: { readonly currentTarget: HTMLInputElement }) => {
    const digits = currentTarget.value.replace(/\D/g, "");
    const seed = digits === "" ? undefined : Math.min(Number(digits), MAX_SEED);
    choose({ seed });
    currentTarget.value = seed === undefined ? "" : String(seed);
  };
  return (
    <>
      <h2 id="seed-title">{t.seed}</h2>
      <div class="field">
        <input
          aria-labelledby="seed-title"
          aria-describedby="seed-why"
          class="num"
          inputMode="numeric"
          placeholder={t.any}
          disabled={!able.hasSeed}
          value={able.hasSeed ? (settings.value.seed ?? "") : ""}
          onInput={onInput}
        />
      </div>
      <p class="why" id="seed-why">
        {able.hasSeed ? t.seedHint : t.noSeed(able.id)} {!able.hasSeed && other && t.seedElsewhere(other.id)}
      </p>
    </>
  );
}
