import { badInput } from "../../errors.ts";
import type { PixelSize, SizeRule } from "../../ports/image-provider.ts";

/** The shortest side that may be requested, in pixels. */
export const MIN_SIDE = 64;
/** The longest side that may be requested, in pixels. */
export const MAX_SIDE = 3840;
/** The largest ratio of the longer side to the shorter one, for requested sizes and for the sizes of models. */
export const MAX_RATIO = 3;

/** `1024x1024` */
export function toSizeText({ width, height }: PixelSize): string {
  return `${width}x${height}`;
}

/**
 * Reads `"WIDTHxHEIGHT"` in pixels: ASCII digits without leading zeros, 64–3840 a side, ratio 1:3–3:1.
 *
 * @throws BAD_USER_INPUT naming `size`
 */
export function parseSize(text: string): PixelSize {
  const [, width, height] = /^([1-9][0-9]{0,5})x([1-9][0-9]{0,5})$/.exec(text) ?? [];
  if (width === undefined || height === undefined) {
    throw badInput("size", `size must be "WIDTHxHEIGHT" in pixels, such as "1024x1024"`);
  }
  return checkSize({ width: Number(width), height: Number(height) });
}

function checkSize(size: PixelSize): PixelSize {
  const shorter = Math.min(size.width, size.height);
  const longer = Math.max(size.width, size.height);
  if (shorter < MIN_SIDE || longer > MAX_SIDE) {
    throw badInput("size", `size must have sides of ${MIN_SIDE} to ${MAX_SIDE} pixels, such as "1024x1024"`);
  }
  if (longer > shorter * MAX_RATIO) {
    throw badInput("size", `size must have a ratio between 1:${MAX_RATIO} and ${MAX_RATIO}:1, such as "1536x512"`);
  }
  return size;
}

/** The allowed size nearest to that of an image. It keeps the image's shape unless that is too narrow. */
export function nearestSize(image: PixelSize): PixelSize {
  const shorter = Math.min(image.width, image.height);
  const longer = Math.max(image.width, image.height);
  const scale = Math.min(MAX_SIDE / longer, Math.max(1, MIN_SIDE / shorter));
  const [width, height] = [Math.round(image.width * scale), Math.round(image.height * scale)];
  return {
    width: Math.max(width, Math.ceil(height / MAX_RATIO)),
    height: Math.max(height, Math.ceil(width / MAX_RATIO)),
  };
}

/** Whether an image of size `made` holds every pixel of `wanted` without being enlarged. */
export function isCovered(wanted: PixelSize, made: PixelSize): boolean {
  return made.width >= wanted.width && made.height >= wanted.height;
}

/**
 * The nearest size that a model can make and that covers `wanted`, with the same proportions if the rule allows it. If
 * no size covers `wanted`, it is the size that must be enlarged least.
 */
export function nearestModelSize(wanted: PixelSize, rule: SizeRule): PixelSize {
  return rule.kind === "list" ? nearestListed(wanted, rule.sizes) : nearestWithin(wanted, rule);
}

function nearestListed(wanted: PixelSize, sizes: readonly PixelSize[]): PixelSize {
  const ranked = sizes.map((size) => {
    const scale = Math.max(wanted.width / size.width, wanted.height / size.height);
    const keptPixels = (wanted.width / scale) * (wanted.height / scale);
    const pixels = size.width * size.height;
    return { size, enlarged: Math.max(scale, 1), croppedShare: 1 - keptPixels / pixels, pixels };
  });
  ranked.sort((a, b) => a.enlarged - b.enlarged || a.croppedShare - b.croppedShare || a.pixels - b.pixels);
  const [best] = ranked;
  if (!best) throw new Error("a model lists at least one size");
  return best.size;
}

function nearestWithin(wanted: PixelSize, rule: Extract<SizeRule, { kind: "bounds" }>): PixelSize {
  const grow = Math.max(
    1,
    rule.minSide / Math.min(wanted.width, wanted.height),
    Math.sqrt(rule.minPixels / (wanted.width * wanted.height)),
  );
  const covering = roundSides(wanted, grow, rule.multipleOf, Math.ceil);
  if (
    Math.max(covering.width, covering.height) <= rule.maxLongSide &&
    covering.width * covering.height <= rule.maxPixels
  ) {
    return covering;
  }
  const shrink = Math.min(
    rule.maxLongSide / Math.max(wanted.width, wanted.height),
    Math.sqrt(rule.maxPixels / (wanted.width * wanted.height)),
  );
  const { width, height } = roundSides(wanted, shrink, rule.multipleOf, Math.floor);
  // Rounding down can push a 3:1 shape over the limit; then the longer side is shortened. Rounding up never does this.
  return { width: Math.min(width, height * MAX_RATIO), height: Math.min(height, width * MAX_RATIO) };
}

function roundSides(size: PixelSize, scale: number, step: number, round: (value: number) => number): PixelSize {
  const toSide = (side: number) => round(Number((side * scale).toFixed(6)) / step) * step;
  return { width: toSide(size.width), height: toSide(size.height) };
}
