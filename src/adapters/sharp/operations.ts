import { crc32 } from "node:zlib";
import sharp, { type Sharp } from "sharp";
import { toXmp, toXmpText } from "../../ports/digital-source.ts";
import type { Fit, InspectedImage, PixelBox, Pixels, Rendition } from "../../ports/image-codec.ts";
import type { DigitalSourceType, ImageFormat } from "../../ports/image-provider.ts";

/** The operation that a decoder process carries out on the bytes that follow. */
export type Operation =
  | { readonly name: "inspect"; readonly maxPixels: number }
  | { readonly name: "render"; readonly rendition: Rendition; readonly maxPixels: number }
  | { readonly name: "decode"; readonly box: PixelBox; readonly maxPixels: number };

/** The result of an operation: facts, and bytes if it produces any. */
export interface OperationResult {
  readonly facts: Partial<InspectedImage & Pick<Pixels, "width" | "height">>;
  readonly bytes?: Uint8Array;
}

const PLACEHOLDER_SIDE = 16;
/** The size of the signature and the header, in bytes. Any chunk may follow them. */
const PNG_HEAD_BYTES = 33;
/**
 * How much work goes into an AVIF by the number of its pixels, so that the largest one takes about a second of one core
 * (measured with sharp 0.35: 0.43, 0.11 and 0.09 s for a million pixels). More would save a few percent of its size.
 */
const AVIF_STEPS = [
  { maxPixels: 500_000, effort: 2, chromaSubsampling: "4:4:4" },
  { maxPixels: 2_500_000, effort: 0, chromaSubsampling: "4:4:4" },
  { maxPixels: Number.POSITIVE_INFINITY, effort: 0, chromaSubsampling: "4:2:0" },
] as const;

// A process has one image at a time. Loaders of unsupported formats are blocked, so that no file reaches them.
sharp.cache(false);
sharp.concurrency(1);
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({ operation: ["Png", "Jpeg", "Webp", "Heif"].map((format) => `VipsForeignLoad${format}Buffer`) });

/** @throws Error when the image is damaged, cut short or of too many pixels */
export function carryOut(operation: Operation, bytes: Uint8Array): Promise<OperationResult> {
  const image = sharp(bytes, { limitInputPixels: operation.maxPixels }).autoOrient();
  switch (operation.name) {
    case "inspect":
      return inspect(image);
    case "render":
      return render(image, operation.rendition);
    case "decode":
      return decode(image, operation.box);
    default:
      return operation satisfies never;
  }
}

async function inspect(image: Sharp): Promise<OperationResult> {
  const { autoOrient, hasAlpha, pages: frameCount = 1 } = await image.metadata();
  const tiny = await image
    .resize(PLACEHOLDER_SIDE, PLACEHOLDER_SIDE, { fit: "inside" })
    .webp({ quality: 50, effort: 2 })
    .toBuffer();
  const placeholder = `data:image/webp;base64,${tiny.toString("base64")}`;
  return { facts: { width: autoOrient.width, height: autoOrient.height, hasAlpha, frameCount, placeholder } };
}

async function render(image: Sharp, rendition: Rendition): Promise<OperationResult> {
  const { width, height, fit, format, digitalSourceType } = rendition;
  const resized = image.resize({
    ...(width !== undefined && { width }),
    ...(height !== undefined && { height }),
    fit: toSharpFit(fit),
    background: format === "JPEG" ? "#ffffff" : { r: 0, g: 0, b: 0, alpha: 0 },
  });
  const encoded = encode(resized, rendition);
  return {
    facts: {},
    bytes: await (digitalSourceType ? mark(encoded, format, digitalSourceType) : encoded.toBuffer()),
  };
}

async function decode(image: Sharp, { width, height, fit, channels }: PixelBox): Promise<OperationResult> {
  const fitted = image
    .resize({ width, height, fit: toSharpFit(fit) })
    .toColourspace("srgb")
    .ensureAlpha();
  const chosen =
    channels === "ALPHA"
      ? fitted.extractChannel("alpha")
      : channels === "OPAQUE"
        ? fitted.flatten({ background: "#ffffff" }).ensureAlpha()
        : fitted;
  const { data, info } = await chosen.raw().toBuffer({ resolveWithObject: true });
  return { facts: { width: info.width, height: info.height }, bytes: data };
}

/**
 * Marks an encoded image with XMP that says how the picture was made, because encoding drops the original's metadata.
 */
async function mark(image: Sharp, format: ImageFormat, source: DigitalSourceType): Promise<Uint8Array> {
  if (format !== "PNG") return image.withXmp(toXmp(source)).toBuffer();
  // The encoder would put the XMP into a chunk that few readers look at.
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

function toSharpFit(fit: Fit): "cover" | "contain" | "inside" | "fill" {
  return fit.toLowerCase() as Lowercase<Fit>;
}

function encode(image: Sharp, { width, height, format, quality, isHasty = false }: Rendition): Sharp {
  const lossy = quality === undefined ? {} : { quality };
  switch (format) {
    case "PNG":
      return image.png();
    case "JPEG":
      return image.flatten({ background: "#ffffff" }).jpeg({ mozjpeg: false, ...lossy });
    case "WEBP":
      return image.webp({ ...lossy, ...(isHasty && { effort: 0 }) });
    case "AVIF":
      return image.avif({
        ...avifStepFor(width && height ? width * height : Number.POSITIVE_INFINITY),
        ...lossy,
      });
    default:
      return format satisfies never;
  }
}

function avifStepFor(pixels: number): { readonly effort: number; readonly chromaSubsampling: string } {
  const { effort, chromaSubsampling } = AVIF_STEPS.find(({ maxPixels }) => pixels <= maxPixels) ?? AVIF_STEPS[2];
  return { effort, chromaSubsampling };
}
