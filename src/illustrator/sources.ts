/** Width and height in pixels. */
export interface PixelSize {
  readonly width: number;
  readonly height: number;
}

/** The wanted pixels of an image: those that fill a box, or the whole picture inside it. */
export interface Box extends PixelSize {
  readonly fit: "COVER" | "INSIDE";
  /** `OPAQUE` puts a transparent image on white; `ALPHA` returns one byte of opacity for each pixel. */
  readonly channels: "RGBA" | "OPAQUE" | "ALPHA";
}

/** Decodes an image. Its bytes may come from anyone, so this runs apart from the drawing. */
export type Decode<Image> = (image: Image, box: Box) => Promise<Reference>;

/** The images of an edit, encoded. */
export interface EditSources<Image> {
  /** The first one is the picture that is edited, the others are references. */
  readonly images: readonly Image[];
  /** An image with an alpha channel: only where it is transparent may the picture change. */
  readonly mask?: Image;
}

/** The pixels that an edit starts from, in the requested size, so that the largest photograph costs no more. */
export interface Sources {
  /** Red, green, blue, alpha of the picture, not multiplied. */
  readonly picture: Uint8Array;
  readonly references: readonly Reference[];
  /** One byte a pixel of the picture: 0 where it may change, 255 where it may not. `undefined` where it may everywhere. */
  readonly mask?: Uint8Array;
}

/** Another image, to be put into the picture. */
export interface Reference extends PixelSize {
  /** As for the picture. */
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
