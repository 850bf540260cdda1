import { computed, signal } from "@preact/signals";
import { edited } from "../sources/sources.ts";
import { Mask } from "./mask.ts";

export type Tool = "brush" | "eraser" | "hand";

export const tool = signal<Tool>("brush");
/** In percent. */
export const hardness = signal(80);
export const isMaskHidden = signal(false);
/** What the canvas shows. */
export const shown = signal<"mask" | "result">("mask");

/** The smallest brush, and the share of the longer side that the largest has. */
const MIN_BRUSH = 2;
const MAX_BRUSH_SHARE = 0.4;
const USUAL_BRUSH_SHARE = 0.07;
/** What a key press changes of the brush. */
const BRUSH_STEP = 1.18;

let last: { readonly key: number; readonly mask: Mask } | undefined;

/** The mask of the picture that is edited. Another picture has another mask. */
export const mask = computed<Mask | undefined>(() => {
  const source = edited.value;
  if (!source) return undefined;
  if (last?.key !== source.key) last = { key: source.key, mask: new Mask(source.width, source.height) };
  return last.mask;
});

const longSide = computed(() => Math.max(edited.value?.width ?? 0, edited.value?.height ?? 0));
const chosenShare = signal(USUAL_BRUSH_SHARE);

export const maxBrush = computed(() => Math.max(MIN_BRUSH, Math.round(longSide.value * MAX_BRUSH_SHARE)));
/** The diameter of the brush in pixels of the picture. */
export const brushSize = computed(() => Math.max(MIN_BRUSH, Math.round(longSide.value * chosenShare.value)));

export function chooseBrushSize(pixels: number): void {
  const size = Math.min(maxBrush.value, Math.max(MIN_BRUSH, pixels));
  chosenShare.value = size / Math.max(1, longSide.value);
}

/** Makes the brush one step larger or smaller. */
export function stepBrush(direction: 1 | -1): void {
  const next = brushSize.value * BRUSH_STEP ** direction;
  chooseBrushSize(direction > 0 ? Math.max(brushSize.value + 1, next) : Math.min(brushSize.value - 1, next));
}
