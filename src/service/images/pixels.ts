import type { Rendition } from "../../ports/image-codec.ts";
import type { ImageFormat, PixelSize } from "../../ports/image-provider.ts";

/** Detects an image's format from its first 12 bytes; `undefined` when it is none of the supported formats. */
export function formatOf(head: Uint8Array): ImageFormat | undefined {
  const text = Buffer.from(head.subarray(0, 12)).toString("latin1");
  if (text.startsWith("\x89PNG\r\n\x1a\n")) return "PNG";
  if (text.startsWith("\xff\xd8\xff")) return "JPEG";
  if (text.startsWith("RIFF") && text.endsWith("WEBP")) return "WEBP";
  if (text.endsWith("ftypavif")) return "AVIF";
  return undefined;
}

/**
 * The size of a rendition. A side that was left out follows from the image's shape. For `INSIDE` it is the box's size.
 */
export function sizeOfRendition(image: PixelSize, { width, height }: Rendition): PixelSize {
  const follow = (side: number, own: number, other: number) => Math.max(1, Math.round((side * other) / own));
  if (width === undefined && height === undefined) return { width: image.width, height: image.height };
  return {
    width: width ?? follow(height ?? 0, image.height, image.width),
    height: height ?? follow(width ?? 0, image.width, image.height),
  };
}
