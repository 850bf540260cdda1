import type { Background, ImageFormat } from "../generated/graphql.ts";
import type { Model } from "../state/gateway.ts";
import { Segments } from "../ui/segments.tsx";
import { words } from "../words/language.ts";
import { BACKGROUNDS, backgroundObstacle, FORMATS, possibleBackground } from "./options.ts";

const t = words(
  {
    format: "Format",
    background: "Background",
    AUTO: "Auto",
    OPAQUE: "Opaque",
    TRANSPARENT: "Transparent",
    transparent: (model: string) => `Transparent is off: ${model} cannot make it.`,
    opaque: (model: string) => `Opaque is off: ${model} does not promise it.`,
    jpeg: () => "Transparent is off: JPEG has no transparency.",
  },
  {
    format: "格式",
    background: "背景",
    AUTO: "自动",
    OPAQUE: "不透明",
    TRANSPARENT: "透明",
    transparent: (model: string) => `透明不可用：${model} 不支持。`,
    opaque: (model: string) => `不透明不可用：${model} 不保证。`,
    jpeg: () => "透明不可用：JPEG 没有透明度。",
  },
);

const FORMAT_NAMES: Readonly<Record<ImageFormat, string>> = { PNG: "PNG", JPEG: "JPEG", WEBP: "WebP", AVIF: "AVIF" };

interface FormatChoicesProps {
  readonly model: Model;
  readonly format: ImageFormat;
  readonly background: Background;
  readonly onChoose: (chosen: { readonly format: ImageFormat } | { readonly background: Background }) => void;
}

/** Chooses the format, and the background as far as the model and the format allow. */
export function FormatChoices({ model, format, background, onChoose }: FormatChoicesProps) {
  return (
    <>
      <h2>{t.format}</h2>
      <Segments
        label={t.format}
        chosen={format}
        options={FORMATS.map((value) => ({ value, label: FORMAT_NAMES[value] }))}
        onChoose={(value) => onChoose({ format: value })}
      />
      <h2>{t.background}</h2>
      <Segments
        label={t.background}
        chosen={possibleBackground(background, format, model)}
        options={BACKGROUNDS.map((value) => {
          const obstacle = backgroundObstacle(value, format, model);
          return { value, label: t[value], ...(obstacle && { obstacle: t[obstacle](model.id) }) };
        })}
        onChoose={(value) => onChoose({ background: value })}
      />
    </>
  );
}
