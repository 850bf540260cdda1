/** A point in pixels of the picture. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A part of the picture, in its pixels. */
export interface Area extends Point {
  readonly width: number;
  readonly height: number;
}

/** What a hand painted between press and release. */
export interface Stroke {
  readonly kind: "stroke";
  readonly isErasing: boolean;
  /** The diameter of the brush in pixels of the picture. */
  readonly size: number;
  /** The share of the brush that is solid: 0 fades from the middle, 1 has a sharp edge. */
  readonly hardness: number;
  readonly points: Point[];
}

/** One step of a mask. Steps are kept as shapes, so that they can be drawn at any size. */
export type Step =
  | Stroke
  | { readonly kind: "area"; readonly isErasing: boolean; readonly area: Area }
  | { readonly kind: "fill" | "clear" | "invert" };

export type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** From here on a brush is a line with round ends. Below, it is a row of soft dabs. */
const SHARP = 0.995;
/** How far apart dabs are, as a share of the brush. */
const DAB_SHARE = 0.1;
/** How far apart the points of a sharp line are at least. */
const MIN_DISTANCE = 0.5;
/** A hand that paints for minutes without a pause. */
const MAX_POINTS = 50_000;
/** The side of a drawn dab in canvas pixels at most. */
const MAX_DAB_PIXELS = 512;

/** Adds a point to a stroke: one of a line, or as many dabs as lie between. */
export function extend({ points, size, hardness }: Stroke, to: Point): void {
  const from = points.at(-1);
  if (!from) {
    points.push(to);
    return;
  }
  const distance = Math.hypot(to.x - from.x, to.y - from.y);
  const step = isSharp(hardness) ? Math.max(MIN_DISTANCE, distance) : Math.max(MIN_DISTANCE, size * DAB_SHARE);
  for (let way = step; way <= distance && points.length < MAX_POINTS; way += step) {
    points.push({
      x: from.x + ((to.x - from.x) * way) / distance,
      y: from.y + ((to.y - from.y) * way) / distance,
    });
  }
}

/**
 * Draws a step. What may change becomes opaque.
 *
 * @param context is in pixels of the picture, `width` by `height`
 * @param from the first point of a stroke that is not drawn yet
 */
export function drawStep(context: Context, step: Step, { width, height }: Size, from = 0): void {
  context.globalCompositeOperation = operatorOf(step);
  context.fillStyle = "#000";
  if (step.kind === "stroke") {
    if (isSharp(step.hardness)) drawLine(context, step, from);
    else drawDabs(context, step, from);
    return;
  }
  const area = step.kind === "area" ? step.area : { x: 0, y: 0, width, height };
  context.fillRect(area.x, area.y, area.width, area.height);
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** The part of the picture that a stroke touches from a point on. */
export function touchedBy({ points, size }: Stroke, from: number): Area {
  const touched = points.slice(Math.max(0, from - 1));
  const radius = size / 2 + 1;
  const [left, top] = [Math.min(...touched.map(({ x }) => x)), Math.min(...touched.map(({ y }) => y))];
  const [right, bottom] = [Math.max(...touched.map(({ x }) => x)), Math.max(...touched.map(({ y }) => y))];
  return { x: left - radius, y: top - radius, width: right - left + 2 * radius, height: bottom - top + 2 * radius };
}

function isSharp(hardness: number): boolean {
  return hardness >= SHARP;
}

function operatorOf(step: Step): GlobalCompositeOperation {
  if (step.kind === "invert") return "xor";
  const isErasing = step.kind === "clear" || ("isErasing" in step && step.isErasing);
  return isErasing ? "destination-out" : "source-over";
}

function drawLine(context: Context, { points, size }: Stroke, from: number): void {
  const [first, ...others] = points.slice(Math.max(0, from - 1));
  if (!first) return;
  context.strokeStyle = "#000";
  context.lineWidth = size;
  context.lineCap = "round";
  context.lineJoin = "round";
  context.beginPath();
  context.moveTo(first.x, first.y);
  // A line to its own beginning draws a dot.
  for (const { x, y } of others.length > 0 ? others : [first]) context.lineTo(x, y);
  context.stroke();
}

function drawDabs(context: Context, { points, size, hardness }: Stroke, from: number): void {
  const pixels = Math.ceil(Math.min(MAX_DAB_PIXELS, Math.max(2, size * context.getTransform().a)));
  const dab = dabOf(pixels, hardness);
  for (const { x, y } of points.slice(from)) context.drawImage(dab, x - size / 2, y - size / 2, size, size);
}

let kept: { readonly name: string; readonly dab: OffscreenCanvas } | undefined;

/** A round spot that fades at its edge. The last one is kept: strokes are drawn in many parts. */
function dabOf(pixels: number, hardness: number): OffscreenCanvas {
  const name = `${pixels} ${hardness}`;
  if (kept?.name === name) return kept.dab;
  const dab = new OffscreenCanvas(pixels, pixels);
  const context = dab.getContext("2d");
  if (context) {
    const radius = pixels / 2;
    const gradient = context.createRadialGradient(radius, radius, radius * hardness, radius, radius, radius);
    gradient.addColorStop(0, "#000f");
    // Dabs overlap and add up, so each one fades faster than its distance grows.
    gradient.addColorStop(0.5, "#0004");
    gradient.addColorStop(1, "#0000");
    context.fillStyle = gradient;
    context.fillRect(0, 0, pixels, pixels);
  }
  kept = { name, dab };
  return dab;
}
