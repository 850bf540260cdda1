import { type Signal, signal } from "@preact/signals";

/** What of a picture is seen, whatever its size: pictures that are compared share one. */
export interface View {
  /** How many times larger than it fits. */
  readonly zoom: number;
  /** The point in the middle of the stage, as a share of the picture: 0 to 1. */
  readonly x: number;
  readonly y: number;
}

/** The whole picture. */
export const FIT: View = { zoom: 1, x: 0.5, y: 0.5 };
/** Steps of the buttons and keys. */
export const ZOOM_STEP = 1.5;
/** Below the fit, a picture is too small to see; above the most, single pixels fill the stage. */
const MIN_ZOOM = 1;
const MAX_ZOOM = 64;

export function createView(): Signal<View> {
  return signal(FIT);
}

/** Zooms by a factor. The point under the pointer, given as shares of the picture, stays where it is. */
export function zoomBy(view: View, factor: number, at: { readonly x: number; readonly y: number } = view): View {
  const zoom = Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, view.zoom * factor));
  const kept = view.zoom / zoom;
  return { zoom, x: at.x + (view.x - at.x) * kept, y: at.y + (view.y - at.y) * kept };
}

/** Moves an enlarged view, by shares of what is seen. */
export function panBy(view: View, x: number, y: number): View {
  const seen = 1 / view.zoom;
  return clamp({ ...view, x: view.x + x * seen, y: view.y + y * seen }, { x: seen, y: seen });
}

/** Moves a view back until the picture fills the stage as far as it can. Shares are those of the picture that fit in; `NaN` before the stage is measured. */
export function clamp(view: View, visible: { readonly x: number; readonly y: number }): View {
  const inside = (at: number, share: number) => (!(share < 1) ? 0.5 : Math.min(1 - share / 2, Math.max(share / 2, at)));
  return { zoom: view.zoom, x: inside(view.x, visible.x), y: inside(view.y, visible.y) };
}
