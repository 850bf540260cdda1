import { signal } from "@preact/signals";
import { emptyAreas, type Space, spaced } from "../sources/space.ts";
import { type Area, drawStep, extend, type Point, type Step, type Stroke, touchedBy } from "./brush.ts";

/** The pixels of the canvas that is painted on. More would not be seen on the screen, and would make painting slow. */
const MAX_PAINTED_PIXELS = 2_100_000;
/** Nobody paints so many strokes; it bounds memory. */
const MAX_STEPS = 1000;
/** Undo draws the steps since a copy of the canvas again. A copy has at most 8.4 MB. */
const STEPS_BETWEEN_COPIES = 12;
const MAX_COPIES = 8;

interface Copy {
  /** How many steps it shows. */
  readonly count: number;
  readonly canvas: OffscreenCanvas;
}

/**
 * What of a picture may change. Steps are kept as shapes in pixels of the picture; a canvas of bounded size shows them
 * while a hand paints. The file that is sent is drawn from the shapes, at the size of the picture.
 */
export class Mask {
  readonly width: number;
  readonly height: number;
  /** Shows the mask: opaque where the picture may change. */
  readonly canvas: OffscreenCanvas;
  /** Pixels of the canvas for each of the picture. */
  readonly scale: number;
  readonly canUndo = signal(false);
  readonly canRedo = signal(false);
  /** Whether anything is painted, as far as the steps tell. */
  readonly isPainted = signal(false);
  /** Is called when the canvas has changed, with the changed part. */
  onChange: (area: Area) => void = () => {};
  readonly #context: OffscreenCanvasRenderingContext2D;
  #steps: Step[] = [];
  /** How many steps count; those after it were undone. */
  #count = 0;
  #copies: Copy[] = [];
  #live: Stroke | undefined;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.scale = Math.min(1, Math.sqrt(MAX_PAINTED_PIXELS / (width * height)));
    this.canvas = new OffscreenCanvas(
      Math.max(1, Math.round(width * this.scale)),
      Math.max(1, Math.round(height * this.scale)),
    );
    this.#context = contextOf(this.canvas);
    this.#context.scale(this.canvas.width / width, this.canvas.height / height);
  }

  /** The steps that count, oldest first. */
  get steps(): readonly Step[] {
    return this.#steps.slice(0, this.#count);
  }

  /** Begins a stroke. It becomes a step when it is finished. */
  begin(brush: Omit<Stroke, "kind" | "points">): void {
    if (this.#count < MAX_STEPS) this.#live = { kind: "stroke", ...brush, points: [] };
  }

  /** Paints on to points. Only the part of the canvas between them is drawn. */
  paint(points: readonly Point[]): void {
    const stroke = this.#live;
    if (!stroke) return;
    const from = stroke.points.length;
    for (const point of points) extend(stroke, point);
    if (stroke.points.length === from) return;
    drawStep(this.#context, stroke, this, from);
    this.onChange(touchedBy(stroke, from));
  }

  finish(): void {
    const stroke = this.#live;
    this.#live = undefined;
    if (stroke && stroke.points.length > 0) this.#push(stroke);
  }

  /** Takes back the stroke that is being painted. */
  cancel(): void {
    if (!this.#live) return;
    this.#live = undefined;
    this.#redraw();
  }

  apply(step: Exclude<Step, Stroke>): void {
    if (this.#count >= MAX_STEPS) return;
    this.finish();
    drawStep(this.#context, step, this);
    this.#push(step);
    this.onChange(this.#everything);
  }

  undo(): void {
    this.cancel();
    if (this.#count > 0) this.#goTo(this.#count - 1);
  }

  redo(): void {
    if (this.#count < this.#steps.length) this.#goTo(this.#count + 1);
  }

  get #everything(): Area {
    return { x: 0, y: 0, width: this.width, height: this.height };
  }

  #push(step: Step): void {
    this.#steps = [...this.steps, step];
    this.#copies = this.#copies.filter(({ count }) => count <= this.#count);
    this.#count++;
    if (this.#count % STEPS_BETWEEN_COPIES === 0) {
      const canvas = new OffscreenCanvas(this.canvas.width, this.canvas.height);
      contextOf(canvas).drawImage(this.canvas, 0, 0);
      this.#copies = [...this.#copies, { count: this.#count, canvas }].slice(-MAX_COPIES);
    }
    this.#tell();
  }

  #goTo(count: number): void {
    this.#count = count;
    this.#redraw();
    this.#tell();
  }

  #redraw(): void {
    const { width, height } = this;
    const copy = this.#copies.findLast(({ count }) => count <= this.#count);
    this.#context.clearRect(0, 0, width, height);
    this.#context.globalCompositeOperation = "source-over";
    if (copy) this.#context.drawImage(copy.canvas, 0, 0, width, height);
    for (const step of this.#steps.slice(copy?.count ?? 0, this.#count)) drawStep(this.#context, step, this);
    this.onChange(this.#everything);
  }

  #tell(): void {
    this.canUndo.value = this.#count > 0;
    this.canRedo.value = this.#count < this.#steps.length;
    const last = this.#steps[this.#count - 1];
    this.isPainted.value = last !== undefined && last.kind !== "clear";
  }
}

/**
 * Draws a mask as the gateway takes it: a PNG of the picture's size, transparent where the picture may change.
 *
 * @param space is added around the picture, and may change
 * @returns `undefined` when nothing is painted, so that everything may change
 * @throws Error when the browser has no memory for it
 */
export async function toMaskFile(mask: Mask, space: Space): Promise<Blob | undefined> {
  const { width, height } = spaced(mask, space);
  const areas = emptyAreas(mask, space);
  if (!hasPaint(mask) && areas.length === 0) return undefined;
  const canvas = new OffscreenCanvas(width, height);
  const context = contextOf(canvas);
  context.translate(space.left, space.top);
  for (const step of mask.steps) drawStep(context, step, mask);
  context.resetTransform();
  for (const area of areas) drawStep(context, { kind: "area", isErasing: false, area }, mask);
  context.globalCompositeOperation = "source-out";
  context.fillStyle = "#000";
  context.fillRect(0, 0, width, height);
  return canvas.convertToBlob({ type: "image/png" });
}

/**
 * Looks at every pixel: all that was painted may have been erased again. A copy is read, because browsers take the
 * graphics card from a canvas that is read.
 */
function hasPaint({ canvas: { width, height }, canvas, isPainted }: Mask): boolean {
  if (!isPainted.value) return false;
  const copy = contextOf(new OffscreenCanvas(width, height));
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, width, height);
  for (let at = 3; at < data.length; at += 4) if (data[at] !== 0) return true;
  return false;
}

function contextOf(canvas: OffscreenCanvas): OffscreenCanvasRenderingContext2D {
  const context = canvas.getContext("2d");
  if (context) return context;
  throw new Error("this browser does not draw");
}
