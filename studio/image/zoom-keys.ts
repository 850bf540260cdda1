import type { Signal } from "@preact/signals";
import { FIT, panBy, type View, ZOOM_STEP, zoomBy } from "./view.ts";

/** How far an arrow moves an enlarged picture, as a share of what is seen of it. */
const PAN_STEP = 0.25;

/** Keys that zoom, and arrows that move what is enlarged. @param fit the scale at which the picture fits */
export function zoomKeys(view: Signal<View>, fit: Signal<number>) {
  const set = (next: View) => () => {
    view.value = next;
  };
  const pan = (x: number, y: number) => set(panBy(view.value, x * PAN_STEP, y * PAN_STEP));
  return {
    "0": set(FIT),
    "1": set({ ...view.value, zoom: Math.max(1, 1 / fit.value) }),
    "+": set(zoomBy(view.value, ZOOM_STEP)),
    "=": set(zoomBy(view.value, ZOOM_STEP)),
    "-": set(zoomBy(view.value, 1 / ZOOM_STEP)),
    ...(view.value.zoom > 1 && {
      ArrowLeft: pan(-1, 0),
      ArrowRight: pan(1, 0),
      ArrowUp: pan(0, -1),
      ArrowDown: pan(0, 1),
    }),
  };
}
