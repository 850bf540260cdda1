import type { Signal } from "@preact/signals";
import { FIT, panBy, type View, ZOOM_STEP, zoomBy } from "./view.ts";

/** How far an arrow moves an enlarged picture, as a share of what is seen of it. */
const PAN_STEP = 0.25;

/** What arrows do while the whole picture is seen. */
interface Turns {
  readonly left: () => void;
  readonly right: () => void;
}

/**
 * Keys that zoom, and arrows that move what is enlarged.
 *
 * @param fit the scale at which the picture fits
 * @param turns what arrows do otherwise; nothing if left out
 */
export function zoomKeys(view: Signal<View>, fit: Signal<number>, turns?: Turns) {
  const isZoomed = () => view.value.zoom > 1;
  const change = (next: (view: View) => View) => () => {
    view.value = next(view.value);
  };
  const pan = (x: number, y: number, otherwise?: () => void) => () => {
    if (isZoomed()) view.value = panBy(view.value, x * PAN_STEP, y * PAN_STEP);
    else otherwise?.();
  };
  return {
    "0": change(() => FIT),
    "1": change((now) => ({ ...now, zoom: Math.max(1, 1 / fit.value) })),
    "+": change((now) => zoomBy(now, ZOOM_STEP)),
    "=": change((now) => zoomBy(now, ZOOM_STEP)),
    "-": change((now) => zoomBy(now, 1 / ZOOM_STEP)),
    // Arrows that do nothing here scroll the page.
    ...((turns || isZoomed()) && { ArrowLeft: pan(-1, 0, turns?.left), ArrowRight: pan(1, 0, turns?.right) }),
    ...(isZoomed() && { ArrowUp: pan(0, -1), ArrowDown: pan(0, 1) }),
  };
}
