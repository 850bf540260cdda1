/** A width and a height in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What the gateway takes. */
export const SIDE = { min: 64, max: 3840 } as const;
export const MAX_RATIO = 3;

/** The shapes that are offered: width to height. */
export const SHAPES = ["1:1", "3:2", "4:3", "16:9", "21:9", "4:5", "2:3", "3:4", "9:16", "1:3"] as const;
export type Shape = (typeof SHAPES)[number];

export const SCALES = ["small", "medium", "large", "4k"] as const;
export type Scale = (typeof SCALES)[number];

/** The shorter side in pixels; the largest scale fills the pixels of a 4K screen instead. */
const SHORT_SIDE = { small: 512, medium: 1024, large: 1536 } as const;
const MAX_PIXELS = 3840 * 2160;
/** Most models make sides of multiples of this. */
const STEP = 16;

export function ratioOf(shape: Shape): number {
  const [width = 1, height = 1] = shape.split(":").map(Number);
  return width / height;
}

/** The size of a shape at a scale. */
export function sizeOf(shape: Shape, scale: Scale): Size {
  const ratio = ratioOf(shape);
  const long = Math.max(ratio, 1 / ratio);
  const wanted = scale === "4k" ? Math.sqrt(MAX_PIXELS / long) : SHORT_SIDE[scale];
  const short = Math.min(wanted, SIDE.max / long, Math.sqrt(MAX_PIXELS / long));
  const sides = [toStep(short), Math.min(SIDE.max, toStep(short * long))] as const;
  const [shorter, longer] = sides[1] / sides[0] > MAX_RATIO ? [sides[0] + STEP, sides[1]] : sides;
  return ratio >= 1 ? { width: longer, height: shorter } : { width: shorter, height: longer };
}

/** The shape whose presets hold this size; `undefined` for one's own size. */
export function shapeOf(size: Size): Shape | undefined {
  return SHAPES.find((shape) => SCALES.some((scale) => isSame(sizeOf(shape, scale), size)));
}

export function scaleOf(size: Size): Scale | undefined {
  return SCALES.find((scale) => SHAPES.some((shape) => isSame(sizeOf(shape, scale), size)));
}

/** What is wrong with a size: a side, or the ratio. */
export function problemOf({ width, height }: Size): "side" | "ratio" | undefined {
  for (const side of [width, height]) {
    if (!Number.isInteger(side) || side < SIDE.min || side > SIDE.max) return "side";
  }
  return Math.max(width / height, height / width) > MAX_RATIO ? "ratio" : undefined;
}

/** The size that the gateway takes for an edit without one. */
export function nearestSize(size: Size): Size {
  if (problemOf(size) === undefined) return size;
  const [shorter, longer] = [Math.min(size.width, size.height), Math.max(size.width, size.height)];
  const scale = Math.min(SIDE.max / longer, Math.max(1, SIDE.min / shorter));
  const [width, height] = [Math.round(size.width * scale), Math.round(size.height * scale)];
  return {
    width: Math.max(width, Math.ceil(height / MAX_RATIO)),
    height: Math.max(height, Math.ceil(width / MAX_RATIO)),
  };
}

export function toText({ width, height }: Size): string {
  return `${width}x${height}`;
}

/** Reads "1536x1024". */
export function parseSize(text: string): Size {
  const [width = 1024, height = 1024] = text.split("x").map(Number);
  return { width, height };
}

function isSame(one: Size, other: Size): boolean {
  return one.width === other.width && one.height === other.height;
}

function toStep(side: number): number {
  return Math.round(side / STEP) * STEP;
}
