import type { Point } from "../canvas/layer.ts";

/** A rectangle in a sprite's own units. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A subject drawn in its own units, ready to be placed: its feet are the lower edge of its box. */
export interface Sprite {
  /** Colours are quoted `#rrggbb`, so that the light of the scene can be applied to them. */
  readonly svg: string;
  readonly box: Box;
  /** How far a tail reaches beyond the box, on one of its sides. */
  readonly overhang?: number;
  /** The height it is scaled by, where a hat or a rider must not make it smaller; the box's when absent. */
  readonly stature?: number;
  /** Where a hat sits, and how wide the head is there. */
  readonly head?: { readonly at: Point; readonly width: number };
  /** Where the middle of glasses and of a scarf is. */
  readonly eyes?: { readonly at: Point; readonly width: number };
  readonly neck?: { readonly at: Point; readonly width: number };
  /** Where something held is. */
  readonly hand?: { readonly at: Point; readonly size: number };
  /** The art of what is in it already. */
  readonly contents?: string | undefined;
  /** Where a rider sits. */
  readonly saddle?: { readonly at: Point; readonly size: number };
}
