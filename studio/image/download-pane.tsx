import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { request } from "../api/client.ts";
import { toStudioError } from "../api/errors.ts";
import { FORMATS } from "../dock/options.ts";
import { DownloadsDocument, type DownloadsQuery, type ImageFormat, OwnSizeDocument } from "../generated/graphql.ts";
import { Icon } from "../ui/icon.tsx";
import { Segments } from "../ui/segments.tsx";
import { showToast } from "../ui/toast.tsx";
import { explainError } from "../words/error-words.ts";
import { bytes } from "../words/format.ts";
import { words } from "../words/language.ts";
import { DownloadLink } from "./download-link.tsx";
import { downloadName, originalName, save } from "./save.ts";
import type { ShownImage } from "./shown-image.ts";

const t = words(
  {
    format: "Format",
    full: "Full size",
    large: "Large",
    medium: "Medium",
    square: "Square",
    save: "Save",
    original: "As the model sent it",
    originalHint: "With its content credentials, in its own size and format.",
    own: "Your own size, cut to fit and never enlarged",
    width: "Width",
    height: "Height",
    tooLarge: (size: string) => `The picture has ${size} pixels. Choose up to that.`,
  },
  {
    format: "格式",
    full: "完整尺寸",
    large: "大",
    medium: "中",
    square: "方形",
    save: "保存",
    original: "模型发来的原文件",
    originalHint: "带有内容凭证，保持原有尺寸和格式。",
    own: "自定尺寸：裁剪以适合，从不放大",
    width: "宽",
    height: "高",
    tooLarge: (size: string) => `这张图片有 ${size} 像素，请不要超过它。`,
  },
);

const NAMES = { PNG: "PNG", JPEG: "JPEG", WEBP: "WebP", AVIF: "AVIF" } as const;
/** The longer sides of smaller copies. */
const LARGE = 1200;
const MEDIUM = 768;
const SQUARE = 512;
const MIN_SIDE = 1;

type Urls = NonNullable<DownloadsQuery["image"]>;

/** Saves the picture in any format and size. */
export function DownloadPane({ image }: { readonly image: ShownImage }) {
  const format = useSignal<ImageFormat>(image.format);
  const urls = useSignal<Urls | undefined>(undefined);
  const { id, width, height } = image;
  const long = Math.max(width, height);
  const square = Math.min(SQUARE, width, height);
  useEffect(() => {
    let isOld = false;
    const sides = { large: Math.min(LARGE, long), medium: Math.min(MEDIUM, long), square };
    request(DownloadsDocument, { id, format: format.value, ...sides }).then(
      (answer) => {
        if (!isOld) urls.value = answer.image ?? undefined;
      },
      (error) => showToast(explainError(toStudioError(error)).title),
    );
    return () => {
      isOld = true;
    };
  }, [id, format.value]);
  const inside = (side: number) => {
    const scale = Math.min(1, side / long);
    return `${Math.max(1, Math.round(width * scale))} × ${Math.max(1, Math.round(height * scale))}`;
  };
  const rows = [
    { name: t.full, size: `${width} × ${height}`, url: urls.value?.full },
    ...(long > LARGE ? [{ name: t.large, size: inside(LARGE), url: urls.value?.large }] : []),
    ...(long > MEDIUM ? [{ name: t.medium, size: inside(MEDIUM), url: urls.value?.medium }] : []),
    ...(width === height ? [] : [{ name: t.square, size: `${square} × ${square}`, url: urls.value?.square }]),
  ];
  return (
    <>
      <Segments
        label={t.format}
        chosen={format.value}
        options={FORMATS.map((value) => ({ value, label: NAMES[value] }))}
        onChoose={(chosen) => {
          format.value = chosen;
        }}
      />
      <ul class="rows">
        {rows.map(({ name, size, url }, index) => (
          <li key={name}>
            <span>{name}</span>
            <span class="num rows-size">{size}</span>
            <DownloadLink
              class="btn small line"
              url={url}
              name={downloadName(image.generation.prompt, size, format.value)}
            >
              <Icon name="save" small />
              <span class="sr">
                {name}, {size}:
              </span>
              {index === 0 && format.value === image.format ? bytes(image.byteSize) : t.save}
            </DownloadLink>
          </li>
        ))}
      </ul>
      <p class="pane-title" id="own-size">
        {t.own}
      </p>
      <OwnSize image={image} format={format.value} />
      {image.provenance && !image.provenance.isOriginal && (
        <>
          <DownloadLink
            class="btn soft original"
            url={urls.value?.original}
            name={originalName(image.generation.prompt)}
          >
            <Icon name="shield" small />
            {t.original}
          </DownloadLink>
          <p class="why">{t.originalHint}</p>
        </>
      )}
    </>
  );
}

function OwnSize({ image, format }: { readonly image: ShownImage; readonly format: ImageFormat }) {
  const { id, width, height } = image;
  const wanted = useSignal({ width, height });
  const isLegal = Object.entries(wanted.value).every(
    ([side, pixels]) => pixels >= MIN_SIDE && pixels <= image[side as "width" | "height"],
  );
  const onSubmit = async (event: Event) => {
    event.preventDefault();
    if (!isLegal) return;
    const answer = await request(OwnSizeDocument, { id, format, ...wanted.value }).catch((error) => {
      showToast(explainError(toStudioError(error)).title);
    });
    const size = `${wanted.value.width} × ${wanted.value.height}`;
    if (answer?.image) void save(answer.image.url, downloadName(image.generation.prompt, size, format));
  };
  const field = (side: "width" | "height", label: string) => (
    <label class={isLegal ? "field" : "field wrong"}>
      <span class="faint">{label}</span>
      <input
        class="num"
        inputMode="numeric"
        maxLength={4}
        value={wanted.value[side] || ""}
        aria-describedby="own-size-hint"
        onInput={({ currentTarget }) => {
          wanted.value = { ...wanted.value, [side]: Number(currentTarget.value.replace(/\D/g, "")) };
        }}
      />
    </label>
  );
  return (
    <form class="own-size" aria-labelledby="own-size" onSubmit={onSubmit}>
      {field("width", t.width)}
      {field("height", t.height)}
      <button type="submit" class="btn soft" aria-disabled={!isLegal}>
        {t.save}
      </button>
      <p class="why bad" id="own-size-hint" role="status">
        {!isLegal && t.tooLarge(`${width} × ${height}`)}
      </p>
    </form>
  );
}
