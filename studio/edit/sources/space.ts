import type { Size } from "../../dock/sizes.ts";
import { readPicture } from "../../image/read-picture.ts";
import type { Area } from "../painting/brush.ts";
import type { Source } from "./sources.ts";

/** What is added around a picture, in its pixels, so that the model paints beyond its edges. */
export interface Space {
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly left: number;
}

export const NO_SPACE: Space = { top: 0, right: 0, bottom: 0, left: 0 };
/** The longest side with its space: the gateway's largest size. */
export const MAX_SIDE = 3840;
/** The picture lies a little over the mask, so that no seam remains. */
const OVERLAP_PIXELS = 8;

/** The size of a picture with its space. */
export function spaced({ width, height }: Size, { top, right, bottom, left }: Space): Size {
  return { width: left + width + right, height: top + height + bottom };
}

/** The space of a share of the shorter side on all sides, as far as the gateway's sizes allow. */
export function spaceAround({ width, height }: Size, share: number): Space {
  const wanted = Math.round(Math.min(width, height) * share);
  const x = Math.max(0, Math.min(wanted, Math.floor((MAX_SIDE - width) / 2)));
  const y = Math.max(0, Math.min(wanted, Math.floor((MAX_SIDE - height) / 2)));
  return { top: y, right: x, bottom: y, left: x };
}

/** The areas of the larger picture that the model fills. */
export function emptyAreas(size: Size, space: Space): readonly Area[] {
  const whole = spaced(size, space);
  const overlap = (pixels: number) => (pixels === 0 ? 0 : pixels + OVERLAP_PIXELS);
  const [top, right, bottom, left] = [space.top, space.right, space.bottom, space.left].map(overlap) as [
    number,
    number,
    number,
    number,
  ];
  return [
    { x: 0, y: 0, width: whole.width, height: top },
    { x: 0, y: whole.height - bottom, width: whole.width, height: bottom },
    { x: 0, y: 0, width: left, height: whole.height },
    { x: whole.width - right, y: 0, width: right, height: whole.height },
  ].filter(({ width, height }) => width > 0 && height > 0);
}

/** Draws a picture with its space as a file. @throws Error when the picture cannot be loaded */
export async function withSpace({ file, url, width, height }: Source, space: Space): Promise<Blob> {
  const size = spaced({ width, height }, space);
  const canvas = new OffscreenCanvas(size.width, size.height);
  const bitmap = await createImageBitmap(file ?? (await readPicture(url)));
  canvas.getContext("2d")?.drawImage(bitmap, space.left, space.top, width, height);
  bitmap.close();
  return canvas.convertToBlob({ type: "image/png" });
}
