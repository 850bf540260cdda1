import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import sharp, { type ResizeOptions, type Sharp } from "sharp";

/** Width and height in pixels. */
interface PixelSize {
  readonly width: number;
  readonly height: number;
}

/** An encoded image of any format that sharp reads. */
export interface SourceImage {
  /** Reads the bytes; each call from the beginning. */
  read(): AsyncIterable<Uint8Array>;
}

/** The images of an edit, encoded. */
export interface EditSources {
  /** The first one is the picture that is edited, the others are references. */
  readonly images: readonly SourceImage[];
  /** An image with an alpha channel: only where it is transparent may the picture change. */
  readonly mask?: SourceImage;
}

/** What an edit starts from, in pixels: of the size that is asked for, so that the largest photograph costs no more. */
export interface Sources {
  /** Red, green, blue, alpha of the picture, not multiplied. */
  readonly picture: Uint8Array;
  readonly references: readonly Reference[];
  /** One byte a pixel of the picture: 0 where it may change, 255 where it may not. `undefined` where it may everywhere. */
  readonly mask?: Uint8Array;
}

/** Another image, to be put into the picture. */
export interface Reference extends PixelSize {
  /** As those of the picture. */
  readonly data: Uint8Array;
}

/** The longer side of a reference, as a share of the picture's shorter one. */
const REFERENCE_SIZE = 0.44;

/**
 * Decodes and fits the images of an edit. The decoding itself happens in sharp's own threads.
 *
 * @param isOpaque lays a transparent picture on white
 */
export async function readSources({ images, mask }: EditSources, size: PixelSize, isOpaque: boolean): Promise<Sources> {
  const [first, ...others] = images;
  if (!first) throw new RangeError("an edit has at least one image");
  const { data: picture } = await decode(first, { ...size, fit: "cover" }, (image) =>
    isOpaque ? image.flatten({ background: "#ffffff" }) : image,
  );
  const side = Math.round(Math.min(size.width, size.height) * REFERENCE_SIZE);
  const references: Reference[] = [];
  for (const other of others) {
    const { data, info } = await decode(other, { width: side, height: side, fit: "inside" });
    references.push({ data, width: info.width, height: info.height });
  }
  if (!mask) return { picture, references };
  const alpha = await decode(mask, { ...size, fit: "cover" }, (image) => image.extractChannel("alpha"));
  return { picture, references, mask: alpha.data };
}

async function decode(source: SourceImage, box: ResizeOptions, choose: (image: Sharp) => Sharp = (image) => image) {
  const decoder = choose(sharp().autoOrient().resize(box).toColourspace("srgb").ensureAlpha()).raw();
  const [decoded] = await Promise.all([
    decoder.toBuffer({ resolveWithObject: true }),
    pipeline(Readable.from(source.read()), decoder),
  ]);
  return decoded;
}
