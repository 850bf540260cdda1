import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { crc32 } from "node:zlib";
import sharp, { type Sharp } from "sharp";
import { toXmp, toXmpText } from "../../ports/digital-source.ts";
import type { DigitalSourceType, ImageFormat, PixelSize } from "../../ports/image-provider.ts";
import { MAX_SIDE } from "./sizes.ts";

export const FITS = ["COVER", "CONTAIN", "INSIDE", "FILL"] as const;
/** How an image of one shape goes into a box of another; the words and meanings of CSS `object-fit` and sharp. */
export type Fit = (typeof FITS)[number];

/** What to make of an image. A side that is left out follows from the other one and the image's shape. */
export interface Rendition {
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly fit: Fit;
  readonly format: ImageFormat;
  /** 1–100; ignored for PNG, which loses nothing. @defaultValue the format's usual one */
  readonly quality?: number | undefined;
}

/** What an image says of itself, after every pixel of it was decoded. */
export interface InspectedImage extends PixelSize {
  /** A `data:` URI under 1 KB, 16 pixels on the longer side. */
  readonly placeholder: string;
}

/** A decoder never has to hold more than this many pixels: no model and no caller can ask for more. */
const MAX_PIXELS = MAX_SIDE * MAX_SIDE;
const PLACEHOLDER_SIDE = 16;
/** Signature and header, behind which any chunk may stand. */
const PNG_HEAD_BYTES = 33;
/**
 * How much work goes into an AVIF by the number of its pixels, so that the largest one takes about a second of one core
 * (measured with sharp 0.35: 0.43, 0.11 and 0.09 s for a million pixels). More would save a few percent of its size.
 */
const AVIF_STEPS = [
  { maxPixels: 500_000, effort: 2, chromaSubsampling: "4:4:4" },
  { maxPixels: 2_500_000, effort: 0, chromaSubsampling: "4:4:4" },
  { maxPixels: MAX_PIXELS, effort: 0, chromaSubsampling: "4:2:0" },
] as const;

/** Tells an image format by its first 12 bytes; `undefined` for anything that is not one of ours. */
export function formatOf(head: Uint8Array): ImageFormat | undefined {
  const text = Buffer.from(head.subarray(0, 12)).toString("latin1");
  if (text.startsWith("\x89PNG\r\n\x1a\n")) return "PNG";
  if (text.startsWith("\xff\xd8\xff")) return "JPEG";
  if (text.startsWith("RIFF") && text.endsWith("WEBP")) return "WEBP";
  if (text.endsWith("ftypavif")) return "AVIF";
  return undefined;
}

/**
 * Decodes an image whole.
 *
 * @throws Error when it is damaged, truncated or larger than the decoder's limit
 */
export async function inspectImage(bytes: AsyncIterable<Uint8Array>): Promise<InspectedImage> {
  const decoder = sharp({ limitInputPixels: MAX_PIXELS });
  const placeholder = decoder
    .clone()
    .resize(PLACEHOLDER_SIDE, PLACEHOLDER_SIDE, { fit: "inside" })
    .webp({ quality: 50, effort: 2 })
    .toBuffer();
  const [metadata, tiny] = await Promise.all([
    decoder.metadata(),
    placeholder,
    pipeline(Readable.from(bytes), decoder, { end: true }),
  ]);
  return {
    width: metadata.width,
    height: metadata.height,
    placeholder: `data:image/webp;base64,${tiny.toString("base64")}`,
  };
}

/** The size of a rendition, in which what was left out has followed from the image's shape; for `INSIDE` that of the box. */
export function sizeOfRendition(image: PixelSize, { width, height }: Rendition): PixelSize {
  const follow = (side: number, own: number, other: number) => Math.max(1, Math.round((side * other) / own));
  if (width === undefined && height === undefined) return { width: image.width, height: image.height };
  return {
    width: width ?? follow(height ?? 0, image.height, image.width),
    height: height ?? follow(width ?? 0, image.width, image.height),
  };
}

/**
 * Makes a rendition, which comes in one piece.
 *
 * @param source what it is marked with; left out for what nobody is shown
 */
export async function* renderImage(
  bytes: AsyncIterable<Uint8Array>,
  rendition: Rendition,
  source?: DigitalSourceType,
): AsyncIterable<Uint8Array> {
  const { width, height, fit, format } = rendition;
  // A decoder that is fed in pieces collects them as well, and takes longer for it.
  const original = await collect(bytes);
  const image = sharp(original, { limitInputPixels: MAX_PIXELS }).resize({
    ...(width !== undefined && { width }),
    ...(height !== undefined && { height }),
    fit: toSharpFit(fit),
    background: format === "JPEG" ? "#ffffff" : { r: 0, g: 0, b: 0, alpha: 0 },
  });
  const encoded = encode(image, rendition);
  yield await (source ? mark(encoded, format, source) : encoded.toBuffer());
}

/** What is encoded anew has lost what its original said of itself: it says in XMP how the picture came to be. */
async function mark(image: Sharp, format: ImageFormat, source: DigitalSourceType): Promise<Uint8Array> {
  if (format !== "PNG") return image.withXmp(toXmp(source)).toBuffer();
  // The encoder packs it into a chunk where few readers look.
  const png = await image.toBuffer();
  return Buffer.concat([png.subarray(0, PNG_HEAD_BYTES), pngText(toXmpText(source)), png.subarray(PNG_HEAD_BYTES)]);
}

/** @see https://www.w3.org/TR/png-3/#5Chunk-layout */
function pngText(content: Uint8Array): Buffer {
  const chunk = Buffer.alloc(content.length + 12);
  chunk.writeUInt32BE(content.length, 0);
  chunk.write("iTXt", 4, "latin1");
  chunk.set(content, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, -4)), content.length + 8);
  return chunk;
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const [first, ...others] = await Array.fromAsync(bytes);
  return first && others.length === 0 ? first : Buffer.concat([first ?? Buffer.alloc(0), ...others]);
}

/** A small WebP of exactly this size, made in as little time as can be. */
export function renderPreview(
  picture: Uint8Array,
  { width, height }: PixelSize,
  source: DigitalSourceType,
): Promise<Uint8Array> {
  return sharp(picture, { limitInputPixels: MAX_PIXELS })
    .resize(width, height, { fit: "cover" })
    .webp({ quality: 70, effort: 0 })
    .withXmp(toXmp(source))
    .toBuffer();
}

function toSharpFit(fit: Fit): "cover" | "contain" | "inside" | "fill" {
  return fit.toLowerCase() as Lowercase<Fit>;
}

function encode(image: Sharp, { width, height, format, quality }: Rendition): Sharp {
  const lossy = quality === undefined ? {} : { quality };
  switch (format) {
    case "PNG":
      return image.png();
    case "JPEG":
      return image.flatten({ background: "#ffffff" }).jpeg({ mozjpeg: false, ...lossy });
    case "WEBP":
      return image.webp(lossy);
    case "AVIF":
      return image.avif({ ...avifStepFor(width && height ? width * height : MAX_PIXELS), ...lossy });
    default:
      return format satisfies never;
  }
}

function avifStepFor(pixels: number): { readonly effort: number; readonly chromaSubsampling: string } {
  const { effort, chromaSubsampling } = AVIF_STEPS.find(({ maxPixels }) => pixels <= maxPixels) ?? AVIF_STEPS[2];
  return { effort, chromaSubsampling };
}
