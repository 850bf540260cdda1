import type { Atmosphere } from "../atmosphere.ts";
import type { Layer } from "../canvas/layer.ts";
import type { Random } from "../canvas/random.ts";
import type { Scene } from "../scene.ts";

/** Everything a backdrop is drawn with. */
export interface Setting {
  readonly layer: Layer;
  readonly random: Random;
  readonly atmosphere: Atmosphere;
  readonly scene: Scene;
  /** Snow lies: the season or the weather says so. */
  readonly isSnowy: boolean;
}

/**
 * The same setting with random numbers of its own. Elements that need more of them at night, in the rain or in winter
 * take them from here. So the elements drawn after them stay where they are.
 */
export const withOwnRandom = (setting: Setting): Setting => ({ ...setting, random: setting.random.split() });

/** What a backdrop leaves for the subjects: where they stand, and on what. */
export interface Ground {
  /** Where sky or wall meets the ground, in scene units from the top. */
  readonly horizon: number;
  /** Where the feet of the main subject stand. */
  readonly floor: number;
  /** Where the feet of things far behind stand. */
  readonly back: number;
  readonly surface: "land" | "water" | "road" | "table" | "floor" | "none";
  /** Where boats float; absent where there is no water. */
  readonly waterline?: number;
  /** Drawn after the subjects, over them: grass at the front, the table's edge. */
  readonly foreground?: (layer: Layer) => void;
}

/** Draws what is behind the subjects. */
export type Backdrop = (setting: Setting) => Ground;

/** Where the horizon lies: lower in tall pictures, so that the ground does not fill them. */
export function horizonOf({ layer, random }: Setting, share = 0.6): number {
  const tallness = Math.max(0, layer.height / layer.width - 1);
  return layer.height * (share + Math.min(0.12, tallness * 0.09)) + random.between(-18, 18);
}

/** Where feet stand, between the horizon and the lower edge. */
export function floorOf({ layer }: Setting, horizon: number, share = 0.66): number {
  return horizon + (layer.height - horizon) * share;
}
