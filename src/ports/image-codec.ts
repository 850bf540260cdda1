import type { DigitalSourceType, ImageFormat, PixelSize } from "./image-provider.ts";

export const FITS = ["COVER", "CONTAIN", "INSIDE", "FILL"] as const;
/**
 * How an image is fitted into a box of another shape. The names and meanings are those of CSS `object-fit` and sharp.
 */
export type Fit = (typeof FITS)[number];

/** The image to make from another image. A side that is left out follows from the other side and the image's shape. */
export interface Rendition {
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly fit: Fit;
  readonly format: ImageFormat;
  /** 1 to 100. Ignored for PNG, which is lossless. @defaultValue the format's usual quality */
  readonly quality?: number | undefined;
  /** Whether to encode as fast as possible, for a larger file. @defaultValue false */
  readonly isHasty?: boolean | undefined;
  /** How the picture was made, written into the result as XMP. @defaultValue no XMP */
  readonly digitalSourceType?: DigitalSourceType | undefined;
}

/** An image file. */
export interface EncodedImage {
  readonly byteSize: number;
  /** Reads the bytes. Each piece is valid only until the next one is requested. */
  read(): AsyncIterable<Uint8Array>;
}

/** The facts about an image of which every pixel was decoded. The sides are those that a viewer shows. */
export interface InspectedImage extends PixelSize {
  /** A `data:` URI under 1 KB, 16 pixels on the longer side. */
  readonly placeholder: string;
  readonly hasAlpha: boolean;
  /** 1 for a still picture. */
  readonly frameCount: number;
}

/** The pixels to decode an image to. */
export interface PixelBox extends PixelSize {
  /** `COVER` fills the box and crops the image. `INSIDE` gives the largest picture that fits into the box. */
  readonly fit: "COVER" | "INSIDE";
  /** `OPAQUE` puts a transparent image on white. `ALPHA` gives only the alpha channel, one byte for each pixel. */
  readonly channels: "RGBA" | "OPAQUE" | "ALPHA";
}

/** A decoded image: four bytes for each pixel (red, green, blue, alpha, not premultiplied), or one with `ALPHA`. */
export interface Pixels extends PixelSize {
  readonly data: Uint8Array;
}

/**
 * Decodes and encodes images. The bytes may come from anyone. An image that crashes or exhausts a decoder fails only
 * its own call.
 *
 * Every method rejects with an {@link UndecodableImageError} if the image is at fault, and with the error of `read` if
 * that fails.
 */
export interface ImageCodec {
  /** Decodes a whole image of at most `maxPixels`. */
  inspect(image: EncodedImage, maxPixels: number): Promise<InspectedImage>;
  /**
   * Makes a rendition of an image of at most `maxPixels`. Starts when the first piece is requested. The consumer may
   * keep the pieces.
   */
  render(image: EncodedImage, rendition: Rendition, maxPixels: number): AsyncIterable<Uint8Array>;
  /** Decodes an image of at most `maxPixels` to the pixels of a box. */
  decode(image: EncodedImage, box: PixelBox, maxPixels: number): Promise<Pixels>;
  /** Prepares for a call that is about to come, so that it does not have to wait for a start. */
  prepare(): void;
  /** Frees all resources. Running calls fail. */
  close(): Promise<void>;
}

/**
 * The error for an image that cannot be decoded: it is `damaged`, or it is `exhausting` and needs more memory or time
 * than the limits allow.
 */
export class UndecodableImageError extends Error {
  override readonly name = "UndecodableImageError";
  readonly reason: "damaged" | "exhausting";

  constructor(reason: "damaged" | "exhausting", message: string) {
    super(message);
    this.reason = reason;
  }
}
