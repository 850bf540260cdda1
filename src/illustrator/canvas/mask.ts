import type { Extent } from "../layout.ts";
import type { PixelSize, Sources } from "../sources.ts";

/** A part of a picture, in pixels or in scene units. */
export interface Area {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** In a narrower or smaller area a subject has no room. It is then drawn in the whole picture, and partly masked. */
const NARROWEST_RATIO = 5;
const SMALLEST_SIDE = 16;

/** The box around every pixel that may change. */
export function freeArea(mask: Uint8Array | undefined, width: number, height: number): Area {
  let [left, top, right, bottom] = mask ? [width, height, -1, -1] : [0, 0, width - 1, height - 1];
  for (let y = 0; mask && y < height; y++) {
    for (let x = 0; x < width; x++) {
      if ((mask[y * width + x] ?? 255) > 127) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = y;
    }
  }
  const area = { left, top, width: right - left + 1, height: bottom - top + 1 };
  const [short, long] = [Math.min(area.width, area.height), Math.max(area.width, area.height)];
  return short < SMALLEST_SIDE || long > short * NARROWEST_RATIO ? { left: 0, top: 0, width, height } : area;
}

/** The same area in the units of a scene that covers these pixels. */
export function toUnits(area: Area, { width, height }: PixelSize, extent: Extent): Area {
  const scale = Math.max(width / extent.width, height / extent.height);
  return {
    left: (area.left - (width - extent.width * scale) / 2) / scale,
    top: (area.top - (height - extent.height * scale) / 2) / scale,
    width: area.width / scale,
    height: area.height / scale,
  };
}

/**
 * Puts back what the mask keeps. Its value says how much of a pixel stays; where it is opaque, all of it, to the last
 * bit. The colours of both pictures are not multiplied by alpha.
 */
export function keepMasked(edited: Uint8Array, { picture, mask }: Sources): Uint8Array {
  if (!mask) return edited;
  for (let pixel = 0; pixel < mask.length; pixel++) {
    const kept = mask[pixel] ?? 255;
    if (kept === 0) continue;
    for (let position = pixel * 4; position < pixel * 4 + 4; position++) {
      edited[position] = Math.round(((picture[position] ?? 0) * kept + (edited[position] ?? 0) * (255 - kept)) / 255);
    }
  }
  return edited;
}
