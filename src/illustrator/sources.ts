/** Width and height in pixels. */
export interface PixelSize {
  readonly width: number;
  readonly height: number;
}

/** What pixels of an image are wanted: those that fill a box, or the whole picture inside of it. */
export interface Box extends PixelSize {
  readonly fit: "COVER" | "INSIDE";
  /** `OPAQUE` lays a transparent image on white; `ALPHA` gives one byte a pixel, how opaque it is. */
  readonly channels: "RGBA" | "OPAQUE" | "ALPHA";
}

/** Decodes an image. Its bytes may come from anyone: it is not done where pictures are drawn. */
export type Decode<Image> = (image: Image, box: Box) => Promise<Reference>;

/** The images of an edit, encoded. */
export interface EditSources<Image> {
  /** The first one is the picture that is edited, the others are references. */
  readonly images: readonly Image[];
  /** An image with an alpha channel: only where it is transparent may the picture change. */
  readonly mask?: Image;
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
 * Decodes and fits the images of an edit.
 *
 * @param isOpaque lays a transparent picture on white
 */
export async function readSources<Image>(
  { images, mask }: EditSources<Image>,
  size: PixelSize,
  isOpaque: boolean,
  decode: Decode<Image>,
): Promise<Sources> {
  const [first, ...others] = images;
  if (!first) throw new RangeError("an edit has at least one image");
  const { data: picture } = await decode(first, { ...size, fit: "COVER", channels: isOpaque ? "OPAQUE" : "RGBA" });
  const side = Math.round(Math.min(size.width, size.height) * REFERENCE_SIZE);
  const references: Reference[] = [];
  for (const other of others) {
    references.push(await decode(other, { width: side, height: side, fit: "INSIDE", channels: "RGBA" }));
  }
  if (!mask) return { picture, references };
  const { data: kept } = await decode(mask, { ...size, fit: "COVER", channels: "ALPHA" });
  return { picture, references, mask: kept };
}
