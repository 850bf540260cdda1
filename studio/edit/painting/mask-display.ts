import type { Area } from "./brush.ts";
import type { Mask } from "./mask.ts";

/** The width of a stripe and its gap in CSS pixels, while the whole picture is seen. */
const STRIPE_PIXELS = 14;

/**
 * Shows a mask on a canvas as stripes, which are seen on any picture. Each frame draws only what has changed.
 *
 * @param cssScale CSS pixels for each pixel of the picture
 * @returns stops showing it
 */
export function showMask(mask: Mask, display: HTMLCanvasElement, cssScale: number): () => void {
  display.width = mask.canvas.width;
  display.height = mask.canvas.height;
  const context = display.getContext("2d");
  const stripes = context && createStripes(context, mask.scale / cssScale);
  if (!context || !stripes) return () => {};
  let changed: Area | undefined;
  let frame = 0;
  const draw = () => {
    frame = 0;
    if (!changed) return;
    const { x, y, width, height } = inCanvas(changed, mask);
    changed = undefined;
    if (width <= 0 || height <= 0) return;
    context.save();
    context.beginPath();
    context.rect(x, y, width, height);
    context.clip();
    context.clearRect(x, y, width, height);
    context.drawImage(mask.canvas, x, y, width, height, x, y, width, height);
    context.globalCompositeOperation = "source-in";
    context.fillStyle = stripes;
    context.fillRect(x, y, width, height);
    context.restore();
  };
  mask.onChange = (area) => {
    changed = changed ? union(changed, area) : area;
    frame ||= requestAnimationFrame(draw);
  };
  mask.onChange({ x: 0, y: 0, width: mask.width, height: mask.height });
  return () => {
    cancelAnimationFrame(frame);
    mask.onChange = () => {};
  };
}

function createStripes(context: CanvasRenderingContext2D, scale: number): CanvasPattern | null {
  const size = STRIPE_PIXELS * 2;
  const cell = new OffscreenCanvas(size, size);
  const pen = cell.getContext("2d");
  if (!pen) return null;
  pen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--mask") || "#ff2f86";
  pen.fillRect(0, 0, size, size);
  pen.strokeStyle = "#ffffff";
  pen.lineWidth = 4;
  for (const from of [-size, 0, size]) {
    pen.beginPath();
    pen.moveTo(from - 2, size + 2);
    pen.lineTo(from + size + 2, -2);
    pen.stroke();
  }
  const pattern = context.createPattern(cell, "repeat");
  // The cell is drawn at twice its size, so that it stays sharp on fine screens.
  pattern?.setTransform(new DOMMatrix().scale(scale / 2));
  return pattern;
}

/** The pixels of the canvas that an area of the picture touches. */
function inCanvas({ x, y, width, height }: Area, { canvas, scale }: Mask): Area {
  const [left, top] = [Math.max(0, Math.floor(x * scale)), Math.max(0, Math.floor(y * scale))];
  const right = Math.min(canvas.width, Math.ceil((x + width) * scale) + 1);
  const bottom = Math.min(canvas.height, Math.ceil((y + height) * scale) + 1);
  return { x: left, y: top, width: right - left, height: bottom - top };
}

function union(one: Area, other: Area): Area {
  const [x, y] = [Math.min(one.x, other.x), Math.min(one.y, other.y)];
  const right = Math.max(one.x + one.width, other.x + other.width);
  const bottom = Math.max(one.y + one.height, other.y + other.height);
  return { x, y, width: right - x, height: bottom - y };
}
