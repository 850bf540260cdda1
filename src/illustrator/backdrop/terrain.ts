import { type Point, svg } from "../canvas/layer.ts";
import { type Colour, lighten, mix } from "../canvas/palette.ts";
import type { Random } from "../canvas/random.ts";
import { type Setting, withOwnRandom } from "./setting.ts";

/** A line of heights across the picture: the sum of a few seeded waves, −1 to 1. */
export function createContour(random: Random, wavelength: number, roughness = 0.5): (x: number) => number {
  const waves = [1, 2.1, 4.3, 8.9].map((frequency, octave) => ({
    frequency: (frequency * Math.PI * 2) / wavelength,
    phase: random.between(0, Math.PI * 2),
    share: roughness ** octave,
  }));
  const total = waves.reduce((sum, { share }) => sum + share, 0);
  return (x) =>
    waves.reduce((sum, { frequency, phase, share }) => sum + Math.sin(x * frequency + phase) * share, 0) / total;
}

/** The height of a ridge at x. */
export type Ridge = (x: number) => number;

interface RidgeShape {
  /** The middle of the ridge line, and how far it swings to both sides. */
  readonly level: number;
  readonly swing: number;
  readonly wavelength: number;
  readonly roughness?: number;
}

/** Draws a hill from its ridge line down to the lower edge, fading towards its foot. */
export function drawRidge(setting: Setting, shape: RidgeShape, top: Colour, foot: Colour): Ridge {
  const { layer, random } = setting;
  const contour = createContour(random, shape.wavelength, shape.roughness ?? 0.35);
  const ridge: Ridge = (x) => shape.level - contour(x) * shape.swing;
  const step = 14;
  let data = svg`M-10 ${layer.height + 10}`;
  for (let x = -10; x <= layer.width + step; x += step) data += svg`L${x} ${ridge(x)}`;
  const fill = layer.vertical({ 0: top, 1: foot }, shape.level - shape.swing, shape.level + shape.swing + 190);
  layer.path(svg`${data}L${layer.width + 20} ${layer.height + 10}Z`, fill);
  return ridge;
}

/** Draws a jagged mountain range with lit and shaded faces, and snow on its peaks. */
export function drawRange(setting: Setting, foot: number, height: number, distance: number, hasSnow: boolean): void {
  const { layer, random, atmosphere } = withOwnRandom(setting);
  const rock = random.pick(["#5d6f8f", "#6a6a86", "#5a7286", "#77706f"]);
  const base = atmosphere.tint(rock, distance);
  const lit = mix(base, atmosphere.light, atmosphere.isDark ? 0.1 : 0.28);
  const shaded = mix(base, atmosphere.shade, 0.28);
  const snow = mix(atmosphere.tint("#fbfdff", distance * 0.45), atmosphere.light, atmosphere.isDark ? 0 : 0.12);
  const snowShade = mix(snow, base, 0.42);
  const spacing = height * random.between(0.95, 1.2);
  const count = Math.ceil(layer.width / spacing) + 2;
  const peaks = Array.from({ length: count }, (_, index) => ({
    x: (index - 0.6 + random.between(-0.22, 0.22)) * spacing,
    height: height * random.between(0.55, 1),
  }));
  for (const peak of random.shuffle(peaks)) {
    const half = peak.height * random.between(0.72, 0.95);
    const top = foot - peak.height;
    const left: Point[] = [];
    const right: Point[] = [];
    const spine: Point[] = [];
    const steps = 7;
    for (let step = 0; step <= steps; step++) {
      const share = step / steps;
      const y = top + peak.height * share;
      const jitter = step === 0 || step === steps ? 0 : peak.height * 0.035;
      left.push([peak.x - half * share + random.between(-jitter, jitter), y]);
      right.push([peak.x + half * share + random.between(-jitter, jitter), y]);
      spine.push([peak.x + half * 0.16 * share + random.between(-jitter, jitter) * 2.2, y]);
    }
    const fade = (colour: Colour) => layer.vertical({ 0: colour, 1: mix(colour, atmosphere.haze, 0.5) }, top, foot);
    layer.polygon([...left, ...right.toReversed()], fade(lit));
    layer.polygon([...spine, ...right.toReversed()], fade(shaded));
    const line = 0.34 * random.between(0.8, 1.2);
    if (!hasSnow) continue;
    const edge = (from: number, to: number): Point[] =>
      Array.from({ length: 5 }, (_, index) => {
        const share = index / 4;
        const x = peak.x + half * line * (from + (to - from) * share) * 1.02;
        return [x, top + peak.height * line * (index % 2 === 0 ? 0.8 : 1.22)];
      });
    layer.polygon([[peak.x, top], ...edge(-1, 0.12)], snow);
    layer.polygon([[peak.x, top], ...edge(0.12, 1)], snowShade);
  }
}

/** The colours of open land by season, light and dark. */
export function landColours({ scene, isSnowy, random }: Setting): {
  readonly near: Colour;
  readonly far: Colour;
  readonly accent: Colour;
} {
  if (isSnowy) return { near: "#eef4fb", far: "#d3e0f0", accent: "#c2d3ea" };
  if (scene.season === "autumn") return { near: "#c98f3e", far: "#b5803f", accent: "#e0b04c" };
  if (scene.season === "spring") return { near: "#86c95a", far: "#74b568", accent: "#b4e07a" };
  return random.fork("land").pick([
    { near: "#5fae4b", far: "#5a9c62", accent: "#8fd05a" },
    { near: "#6bb04a", far: "#4f9468", accent: "#a2d65e" },
    { near: "#58a558", far: "#539370", accent: "#93cf6c" },
  ]);
}

/** Tufts of grass along the ground, larger towards the viewer. */
export function drawGrass(setting: Setting, from: number, to: number, colour: Colour, amount = 1): void {
  const { layer, random } = withOwnRandom(setting);
  const count = Math.round((layer.width / 16) * amount);
  for (let tuft = 0; tuft < count; tuft++) {
    const nearness = random.next() ** 0.8;
    const x = random.between(0, layer.width);
    const y = from + (to - from) * nearness;
    const size = 8 + 20 * nearness;
    const shade = random.chance(0.5)
      ? lighten(colour, random.between(0.05, 0.2))
      : mix(colour, "#12342a", random.between(0.08, 0.28));
    const blades = svg`M${x - size * 0.3} ${y}q${-size * 0.1} ${-size * 0.6} ${-size * 0.4} ${-size * 0.9}M${x} ${y}q0 ${-size * 0.7} ${size * 0.05} ${-size * 1.1}M${x + size * 0.3} ${y}q${size * 0.1} ${-size * 0.6} ${size * 0.42} ${-size * 0.85}`;
    layer.line(blades, shade, 1.6 + nearness * 1.6, 0.75);
  }
}

/** Small flowers strewn over the ground. */
export function drawFlowers(setting: Setting, from: number, to: number, colours: readonly Colour[], amount = 1): void {
  const { layer, random, atmosphere } = withOwnRandom(setting);
  const blooms = Array.from({ length: Math.round((layer.width / 22) * amount) }, () => random.next() ** 0.7).sort(
    (a, b) => a - b,
  );
  const stem = atmosphere.tint("#3f8a3d", 0.1);
  for (const nearness of blooms) {
    const x = random.between(0, layer.width);
    const y = from + (to - from) * nearness;
    const size = 3.5 + 9 * nearness;
    const colour = atmosphere.illuminate(random.pick(colours));
    layer.line(svg`M${x} ${y}v${-size * 2.4}`, stem, 1 + nearness * 1.4);
    for (let petal = 0; petal < 5; petal++) {
      const angle = (petal / 5) * Math.PI * 2 + 0.3;
      const [petalX, petalY] = [x + Math.cos(angle) * size * 0.62, y - size * 2.4 + Math.sin(angle) * size * 0.62];
      layer.circle(petalX, petalY, size * 0.5, colour);
    }
    layer.circle(x, y - size * 2.4, size * 0.4, atmosphere.illuminate("#ffd34d"));
  }
}
