import { type Point, svg, triplesOf } from "../canvas/layer.ts";
import { type Colour, lighten, mix } from "../canvas/palette.ts";
import { type Setting, withOwnRandom } from "./setting.ts";

const AUTUMN_CROWNS: readonly Colour[] = ["#d9782d", "#c9502f", "#e6a93a", "#b5622c"];
const SPRING_CROWNS: readonly Colour[] = ["#f3a9c4", "#f7c1d4", "#8fce6a", "#ef93b6"];
const SUMMER_CROWNS: readonly Colour[] = ["#3f8f4a", "#4ea04f", "#35804f", "#5fa846"];

/** A fir in tiers, lit from one side, with snow on its boughs where snow lies. `distance` 0–1. */
export function drawFir(setting: Setting, x: number, foot: number, height: number, distance: number): void {
  const { layer, random, atmosphere, isSnowy } = withOwnRandom(setting);
  const green = atmosphere.tint(random.pick(["#1f5c4a", "#2a6b4c", "#1e5550"]), distance);
  const lit = mix(green, atmosphere.isDark ? "#6f86c8" : atmosphere.light, 0.16);
  const dark = mix(green, atmosphere.shade, 0.3);
  const snow = atmosphere.tint("#f4f9ff", distance * 0.7);
  const half = height * random.between(0.2, 0.25);
  const bark = atmosphere.tint("#4f382c", distance);
  layer.rect(x - height * 0.025, foot - height * 0.13, height * 0.05, height * 0.14, bark);
  const tiers = 4;
  for (let tier = 0; tier < tiers; tier++) {
    const share = tier / tiers;
    const bottom = foot - height * 0.1 - height * 0.9 * share * 0.86;
    const top = bottom - height * (0.42 - share * 0.12);
    const reach = half * (1 - share * 0.74);
    const droop = reach * 0.22;
    const bough = svg`M${x} ${top}Q${x - reach * 0.35} ${bottom - reach * 0.7} ${x - reach} ${bottom}Q${x - reach * 0.5} ${bottom + droop} ${x} ${bottom}Q${x + reach * 0.5} ${bottom + droop} ${x + reach} ${bottom}Q${x + reach * 0.35} ${bottom - reach * 0.7} ${x} ${top}Z`;
    layer.path(bough, layer.across({ 0: lit, 0.55: green, 1: dark }, x - reach, x + reach));
    if (isSnowy) {
      const cap = svg`M${x} ${top}Q${x - reach * 0.35} ${bottom - reach * 0.7} ${x - reach * 0.86} ${bottom - reach * 0.12}Q${x - reach * 0.5} ${bottom - reach * 0.42} ${x - reach * 0.2} ${bottom - reach * 0.18}Q${x + reach * 0.12} ${bottom - reach * 0.6} ${x + reach * 0.5} ${bottom - reach * 0.3}Q${x + reach * 0.25} ${bottom - reach * 0.9} ${x} ${top}Z`;
      layer.path(cap, snow, 0.92);
    }
  }
}

/** A broad-leaved tree: trunk, boughs and a crown of overlapping clumps. */
export function drawTree(setting: Setting, x: number, foot: number, height: number, distance: number): void {
  const { layer, random, atmosphere, scene, isSnowy } = withOwnRandom(setting);
  const bark = atmosphere.tint("#6b4a34", distance);
  const trunk = height * 0.055;
  const split = foot - height * 0.42;
  const boughs = svg`M${x - trunk * 1.5} ${foot}Q${x - trunk * 0.7} ${foot - height * 0.1} ${x - trunk * 0.7} ${split}L${x - height * 0.17} ${split - height * 0.2}L${x} ${split - height * 0.1}L${x + height * 0.17} ${split - height * 0.22}L${x + trunk * 0.7} ${split}Q${x + trunk * 0.7} ${foot - height * 0.1} ${x + trunk * 1.6} ${foot}Z`;
  layer.path(
    boughs,
    layer.across({ 0: lighten(bark, 0.12), 1: mix(bark, atmosphere.shade, 0.35) }, x - trunk, x + trunk),
  );
  const colours = isSnowy
    ? ["#e8f0f8"]
    : scene.season === "autumn"
      ? AUTUMN_CROWNS
      : scene.season === "spring"
        ? SPRING_CROWNS
        : SUMMER_CROWNS;
  const leaves = atmosphere.tint(random.pick(colours), distance);
  const lit = mix(leaves, atmosphere.isDark ? "#8fa0e0" : atmosphere.light, atmosphere.isDark ? 0.1 : 0.24);
  const dark = mix(leaves, atmosphere.shade, 0.3);
  const middleY = foot - height * 0.68;
  const clumps = Array.from({ length: 8 }, (_, index) => {
    const angle = (index / 8) * Math.PI * 2 + random.between(-0.2, 0.2);
    return {
      x: x + Math.cos(angle) * height * 0.2,
      y: middleY + Math.sin(angle) * height * 0.15,
      radius: height * random.between(0.13, 0.17),
    };
  });
  for (const clump of clumps) layer.circle(clump.x + height * 0.02, clump.y + height * 0.035, clump.radius, dark);
  layer.circle(x, middleY, height * 0.23, leaves);
  for (const clump of clumps)
    layer.circle(clump.x - height * 0.005, clump.y - height * 0.01, clump.radius * 0.92, leaves);
  for (const clump of clumps.filter((_, index) => index > 3))
    layer.circle(clump.x - clump.radius * 0.22, clump.y - clump.radius * 0.3, clump.radius * 0.6, lit, 0.6);
  layer.circle(x - height * 0.06, middleY - height * 0.07, height * 0.1, lit, 0.5);
}

/** A palm that leans a little, with hanging fronds and nuts. */
export function drawPalm(setting: Setting, x: number, foot: number, height: number, distance: number): void {
  const { layer, random, atmosphere } = withOwnRandom(setting);
  const lean = height * random.between(0.08, 0.2) * (random.chance(0.5) ? 1 : -1);
  const topX = x + lean;
  const topY = foot - height;
  const bark = atmosphere.tint("#8a6242", distance);
  const width = height * 0.035;
  const stem = svg`M${x - width * 1.4} ${foot}Q${x + lean * 0.15 - width} ${foot - height * 0.55} ${topX - width * 0.7} ${topY}L${topX + width * 0.7} ${topY}Q${x + lean * 0.2 + width} ${foot - height * 0.5} ${x + width * 1.4} ${foot}Z`;
  layer.path(
    stem,
    layer.across({ 0: lighten(bark, 0.18), 1: mix(bark, atmosphere.shade, 0.4) }, x - width, x + width + lean * 0.3),
  );
  const green = atmosphere.tint("#3f9a4a", distance);
  const tones = [mix(green, atmosphere.shade, 0.35), green, mix(green, atmosphere.light, 0.22)];
  const fronds = 9;
  for (const [order, index] of random.shuffle(Array.from({ length: fronds }, (_, frond) => frond)).entries()) {
    const angle = Math.PI * (1.12 - (index / (fronds - 1)) * 1.24) * -1;
    const length = height * random.between(0.36, 0.46);
    const endX = topX + Math.cos(angle) * length;
    const endY = topY + Math.sin(angle) * length * 0.55 + length * 0.34;
    const midX = topX + Math.cos(angle) * length * 0.6;
    const midY = topY + Math.sin(angle) * length * 0.85 - length * 0.12;
    const thickness = height * 0.085;
    const blade = svg`M${topX} ${topY}Q${midX} ${midY - thickness * 0.5} ${endX} ${endY}Q${midX + thickness * 0.1} ${midY + thickness} ${topX} ${topY}Z`;
    layer.path(blade, tones[order % tones.length] ?? green);
  }
  for (const [nutX, nutY] of triplesOf("-0.02 0.03, 0.025 0.035, 0 0.055")) {
    layer.circle(topX + nutX * height, topY + nutY * height, height * 0.024, atmosphere.tint("#6e4529", distance));
  }
}

/** A clump of bamboo: jointed stems of different height, with narrow leaves. */
function drawBamboo(setting: Setting, x: number, foot: number, height: number, distance: number): void {
  const { layer, random, atmosphere, isSnowy } = withOwnRandom(setting);
  for (let stem = 0; stem < 3; stem++) {
    const green = atmosphere.tint(random.pick(["#6fa544", "#82b64f", "#5c9440"]), distance);
    const leaf = isSnowy ? atmosphere.tint("#f4f9ff", distance * 0.7) : mix(green, atmosphere.shade, 0.28);
    const middle = x + (stem - 1) * height * 0.075 + random.between(-0.02, 0.02) * height;
    const tall = height * random.between(0.86, 1.15);
    const width = height * random.between(0.022, 0.03);
    const lean = random.between(-0.05, 0.05) * tall;
    const at = (share: number): Point => [middle + lean * share ** 2, foot - tall * share];
    for (let joint = 0; joint < 9; joint++) {
      const [[fromX, fromY], [toX, toY]] = [at(joint / 9), at((joint + 0.94) / 9)];
      layer.line(svg`M${fromX} ${fromY}L${toX} ${toY}`, green, width);
      const gleam = svg`M${fromX - width * 0.22} ${fromY}L${toX - width * 0.22} ${toY}`;
      layer.line(gleam, lighten(green, 0.3), width * 0.24);
    }
    for (let tuft = 0; tuft < 9; tuft++) {
      const [tuftX, tuftY] = at(random.between(0.45, 1));
      const side = random.chance(0.5) ? 1 : -1;
      for (const drop of [-0.02, 0.035, 0.09]) {
        const [tipX, tipY] = [tuftX + side * height * random.between(0.09, 0.14), tuftY + height * drop];
        const bend = tuftY + height * (drop - 0.03);
        const blade = svg`M${tuftX} ${tuftY}Q${(tuftX + tipX) / 2} ${bend} ${tipX} ${tipY}Q${(tuftX + tipX) / 2} ${bend + height * 0.028} ${tuftX} ${tuftY}Z`;
        layer.path(blade, leaf);
      }
    }
  }
}

/** The kinds of trees, and how each is drawn: its foot, its height and how far away it is, 0–1. */
export const TREES = { fir: drawFir, tree: drawTree, palm: drawPalm, bamboo: drawBamboo } as const;
export type TreeKind = keyof typeof TREES;

/** How far apart trees of a kind stand in a row, as a share of their height. */
const SPACINGS: Readonly<Record<TreeKind, number>> = { fir: 0.36, tree: 0.5, palm: 0.8, bamboo: 0.2 };

/** A band of trees along a line, as a wood seen from afar. */
export function drawTreeline(
  parent: Setting,
  footAt: (x: number) => number,
  height: number,
  distance: number,
  kind: TreeKind,
): void {
  const setting = withOwnRandom(parent);
  const { layer, random } = setting;
  const spacing = height * SPACINGS[kind];
  for (let x = -spacing / 2; x < layer.width + spacing; x += spacing * random.between(0.6, 1.25)) {
    TREES[kind](setting, x, footAt(x) + height * 0.03, height * random.between(0.72, 1.12), distance);
  }
}
