import type { DigitalSourceType, ImageFormat, PixelSize } from "./image-provider.ts";

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
  /** Whether the encoder takes the least time instead of the usual, for a larger file. @defaultValue false */
  readonly isHasty?: boolean | undefined;
  /** What the result says in XMP of how the picture came to be. @defaultValue nothing */
  readonly digitalSourceType?: DigitalSourceType | undefined;
}

/** The file of an image. */
export interface EncodedImage {
  readonly byteSize: number;
  /** Reads the bytes; each piece is used only until the next one is asked for. */
  read(): AsyncIterable<Uint8Array>;
}

/** What an image is, after every pixel of it was decoded. The sides are those that a viewer shows. */
export interface InspectedImage extends PixelSize {
  /** A `data:` URI under 1 KB, 16 pixels on the longer side. */
  readonly placeholder: string;
  readonly hasAlpha: boolean;
  /** 1 for a still picture. */
  readonly frameCount: number;
}

/** The pixels to decode an image to. */
export interface PixelBox extends PixelSize {
  /** `COVER` fills the box and crops; `INSIDE` gives the largest picture that fits. */
  readonly fit: "COVER" | "INSIDE";
  /** `OPAQUE` lays a transparent image on white; `ALPHA` answers one byte a pixel, how opaque it is. */
  readonly channels: "RGBA" | "OPAQUE" | "ALPHA";
}

/** The decoded image: four bytes a pixel, red, green, blue and alpha, not multiplied; or one. */
export interface Pixels extends PixelSize {
  readonly data: Uint8Array;
}

/**
 * Decodes and encodes images. Their bytes may come from anyone: whatever they do to a decoder, they cost one call.
 *
 * Every method rejects with an {@link UndecodableImageError} for what the image is to blame for, and passes on what
 * `read` throws.
 */
export interface ImageCodec {
  /** Decodes an image whole, at most `maxPixels` of it. */
  inspect(image: EncodedImage, maxPixels: number): Promise<InspectedImage>;
  /**
   * Makes a rendition of an image of at most `maxPixels`. Nothing begins before the first piece is asked for; pieces may
   * be kept.
   */
  render(image: EncodedImage, rendition: Rendition, maxPixels: number): AsyncIterable<Uint8Array>;
  /** Decodes an image of at most `maxPixels` to the pixels of a box. */
  decode(image: EncodedImage, box: PixelBox, maxPixels: number): Promise<Pixels>;
  /** Gets ready for a call that is about to come, so that it takes no longer than later ones. */
  prepare(): void;
  /** Frees everything; calls that are under way fail. */
  close(): Promise<void>;
}

/** Why an image cannot be decoded: it is `damaged`, or decoding it takes more memory or time than any image may. */
export class UndecodableImageError extends Error {
  override readonly name = "UndecodableImageError";
  readonly reason: "damaged" | "exhausting";

  constructor(reason: "damaged" | "exhausting", message: string) {
    super(message);
    this.reason = reason;
  }
}
