import { type Colour, lighten, mix, multiply } from "./canvas/palette.ts";
import type { Random } from "./canvas/random.ts";
import type { Scene } from "./scene.ts";
import type { TimeOfDay, Weather } from "./words/scenery.ts";

/** The light of a picture: everything drawn takes its colours from here, so that they belong together. */
export interface Atmosphere {
  readonly time: TimeOfDay;
  readonly weather: Weather;
  readonly isDark: boolean;
  /** From the top of the sky to the horizon. */
  readonly sky: readonly [Colour, Colour, Colour];
  /** What far things fade into. */
  readonly haze: Colour;
  /** The sun's or the moon's own colour. */
  readonly light: Colour;
  /** The colour of shadows and silhouettes. */
  readonly shade: Colour;
  /** Whether the sun or the moon is to be seen. */
  readonly hasOrb: boolean;
  /** The colour a surface shows at a distance: 0 is near, 1 is the horizon. */
  tint(surface: Colour, distance: number): Colour;
  /** The colour a subject's own colour shows in this light. Gentler than `tint`, so that it stands out. */
  illuminate(colour: Colour): Colour;
}

interface Light {
  readonly sky: readonly [Colour, Colour, Colour];
  readonly haze: Colour;
  readonly light: Colour;
  readonly shade: Colour;
  /** Multiplied onto surfaces. */
  readonly ambient: Colour;
}

const LIGHTS: Readonly<Record<TimeOfDay, readonly Light[]>> = {
  day: [
    { sky: ["#3f9df0", "#8ecbfa", "#dff3fd"], haze: "#cfe8f6", light: "#fff3b8", shade: "#21405f", ambient: "#ffffff" },
    { sky: ["#4aa7ea", "#9ed8f5", "#eef7ea"], haze: "#d8ecec", light: "#fff0a8", shade: "#23445a", ambient: "#fffaf0" },
    { sky: ["#5aa9f2", "#a9d5fb", "#f3f4f7"], haze: "#d5e4f2", light: "#fff6cf", shade: "#27405f", ambient: "#fdfcff" },
  ],
  dawn: [
    { sky: ["#6f8fd6", "#f2b8c6", "#ffe3b8"], haze: "#f6d9cd", light: "#fff0c0", shade: "#4a4673", ambient: "#ffe9e2" },
    { sky: ["#5f9bc9", "#b8d3dd", "#ffdcae"], haze: "#e9dcd0", light: "#fff1c9", shade: "#3d4a6b", ambient: "#fff0e0" },
    { sky: ["#8a86d4", "#e7a9cf", "#ffd2b0"], haze: "#f0cfd2", light: "#ffe9bd", shade: "#51407a", ambient: "#fde4ea" },
  ],
  sunset: [
    { sky: ["#3a2c72", "#c9497f", "#ffb45f"], haze: "#f09a72", light: "#ffe79a", shade: "#3a2154", ambient: "#ffc9a8" },
    { sky: ["#4a3a86", "#f0705a", "#ffd06b"], haze: "#f8ae76", light: "#fff0a0", shade: "#46244f", ambient: "#ffd0a0" },
    { sky: ["#2d4a86", "#e0798a", "#ffc88a"], haze: "#efa890", light: "#ffedb0", shade: "#332a5a", ambient: "#fbc9b4" },
  ],
  night: [
    { sky: ["#070c2b", "#16235c", "#3a4a8c"], haze: "#33457f", light: "#f6f1d0", shade: "#050818", ambient: "#6f7fc4" },
    { sky: ["#0a0a2e", "#231f5e", "#54407f"], haze: "#473d7c", light: "#fbf3d6", shade: "#080620", ambient: "#8079c0" },
    { sky: ["#041a2e", "#0d3a56", "#2c6a7c"], haze: "#265a70", light: "#eef6e0", shade: "#020d1a", ambient: "#6a95b4" },
  ],
};

/** What bad weather does to a sky: how grey it turns, and how much darker. */
const GLOOM: Readonly<Record<Weather, readonly [grey: number, dark: number]>> = {
  clear: [0, 0],
  wind: [0.1, 0],
  cloudy: [0.5, 0.08],
  fog: [0.55, 0],
  snow: [0.35, 0.02],
  rain: [0.62, 0.26],
  storm: [0.68, 0.5],
};

/** Chooses the light of a picture from what the prompt says, and the seed. */
export function createAtmosphere(scene: Scene, random: Random): Atmosphere {
  const weather = scene.weather ?? "clear";
  const time = scene.time ?? (scene.effects.some((effect) => effect !== "rainbow") ? "night" : "day");
  const base = random.pick(LIGHTS[time]);
  const [grey, dark] = GLOOM[weather];
  const isDark = time === "night";
  const dull = (colour: Colour): Colour => {
    const cloud = isDark ? mix("#343c5c", colour, 0.3) : mix("#a9b4c4", colour, 0.25);
    return mix(mix(colour, cloud, grey), "#1c2740", dark);
  };
  const [top, middle, bottom] = base.sky;
  const sky = [dull(top), dull(middle), dull(bottom)] as const;
  const haze = dull(base.haze);
  const ambient = mix(base.ambient, isDark ? "#7d86b8" : "#b7c2d6", grey * 0.8 + dark * 0.4);
  return {
    time,
    weather,
    isDark,
    sky,
    haze,
    light: base.light,
    shade: base.shade,
    hasOrb: grey < 0.5,
    tint: (surface, distance) => mix(multiply(surface, ambient), haze, Math.min(0.92, distance)),
    illuminate: (colour) => multiply(colour, lighten(ambient, isDark ? 0.68 : 0.5)),
  };
}
