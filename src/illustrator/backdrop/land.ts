import { svg } from "../canvas/layer.ts";
import { lighten, mix } from "../canvas/palette.ts";
import { type Backdrop, floorOf, type Ground, horizonOf, type Setting, withOwnRandom } from "./setting.ts";
import { drawSky } from "./sky.ts";
import { drawFlowers, drawGrass, drawRange, drawRidge, landColours, type Ridge } from "./terrain.ts";
import { drawFir, drawPalm, drawTree, drawTreeline, TREES, type TreeKind } from "./trees.ts";

const PETALS = ["#f06ba8", "#ffffff", "#f7c92e", "#8a6fe0", "#e5452f", "#ff9f4a"] as const;

/** The open ground in front: a rolling field from the horizon to the lower edge. */
function drawField(setting: Setting, horizon: number): Ridge {
  const { near, far } = landColours(setting);
  const { atmosphere } = setting;
  const top = mix(atmosphere.tint(far, 0.22), atmosphere.light, atmosphere.isDark ? 0.02 : 0.12);
  const ridge = drawRidge(setting, { level: horizon, swing: 16, wavelength: 1500 }, top, atmosphere.tint(near, 0));
  return ridge;
}

/** Hills one behind the other, fading into the haze. */
function drawHills(setting: Setting, horizon: number, count: number): void {
  const { atmosphere, random } = setting;
  const { far } = landColours(setting);
  for (let row = 0; row < count; row++) {
    const distance = 0.78 - (row / count) * 0.42;
    const level = horizon - 34 - (count - row) * random.between(30, 46);
    const colour = atmosphere.tint(far, distance);
    const shape = { level, swing: 38, wavelength: random.between(700, 1300) };
    drawRidge(setting, shape, lighten(colour, 0.06), mix(colour, atmosphere.haze, 0.45));
  }
}

function finishField(setting: Setting, horizon: number, hasFlowers: boolean): Ground {
  const { layer, atmosphere, isSnowy } = setting;
  const { near } = landColours(setting);
  const floor = floorOf(setting, horizon);
  const own = withOwnRandom(setting);
  if (isSnowy) drawDrifts(own, horizon);
  else {
    drawGrass(own, horizon + 20, layer.height, atmosphere.tint(near, 0.02));
    if (hasFlowers) drawFlowers(own, horizon + 40, layer.height - 6, PETALS, 0.8);
  }
  return { horizon, floor, back: horizon + 40, surface: "land" };
}

function drawDrifts({ layer, random, atmosphere }: Setting, horizon: number): void {
  const shade = atmosphere.tint("#b9cbe6", 0.05);
  for (let drift = 0; drift < Math.round(layer.width / 90); drift++) {
    const nearness = random.next();
    const y = horizon + 30 + (layer.height - horizon) * nearness;
    const width = 60 + 190 * nearness;
    const x = random.between(0, layer.width);
    const ripple = svg`M${x - width} ${y}Q${x} ${y - 16 - 16 * nearness} ${x + width} ${y}Q${x} ${y - 5} ${x - width} ${y}Z`;
    layer.path(ripple, shade, 0.5);
  }
}

const meadow: Backdrop = (setting) => {
  const { random, layer } = setting;
  const horizon = horizonOf(setting, 0.62);
  drawSky(setting, horizon);
  drawHills(setting, horizon, 3);
  const ridge = drawField(setting, horizon);
  for (let tree = 0; tree < Math.round(layer.width / 300); tree++) {
    const x = random.between(0, layer.width);
    drawTree(setting, x, ridge(x) + 12, random.between(110, 200), 0.28);
  }
  return finishField(setting, horizon, true);
};

const garden: Backdrop = (setting) => {
  const { layer, atmosphere, random } = setting;
  const horizon = horizonOf(setting, 0.5);
  drawSky(setting, horizon);
  drawHills(setting, horizon, 2);
  const ridge = drawField(setting, horizon);
  drawTreeline(setting, (x) => ridge(x) + 8, 130, 0.35, "tree");
  for (let row = 0; row < 7; row++) {
    const from = horizon + (layer.height - horizon) * (row / 7) ** 1.5;
    const to = horizon + (layer.height - horizon) * ((row + 1) / 7) ** 1.5;
    drawGrass(setting, from, to, atmosphere.tint("#4f9a48", 0.1), 0.3);
    drawFlowers(setting, from, to + 14, [random.pick(PETALS), random.pick(PETALS)], 0.5);
  }
  return {
    horizon,
    floor: floorOf(setting, horizon, 0.72),
    back: horizon + 40,
    surface: "land",
    foreground: (front) => drawFlowers({ ...setting, layer: front }, layer.height - 40, layer.height + 26, PETALS, 0.6),
  };
};

const forest: Backdrop = (setting) => {
  const { trees = "fir" } = setting.scene;
  return drawWoods(setting, trees, trees === "fir" ? 500 : 640);
};

const bamboo: Backdrop = (setting) => drawWoods(setting, "bamboo", 900);

/** Rows of trees that fade into the haze, and one on each side in front, as tall as `height`. */
function drawWoods(setting: Setting, kind: TreeKind, height: number): Ground {
  const { layer, random, isSnowy } = setting;
  const horizon = horizonOf(setting, 0.66);
  drawSky(setting, horizon, { clouds: 0.6 });
  drawHills(setting, horizon, 2);
  drawTreeline(setting, () => horizon - 30, height * 0.27, 0.66, kind);
  drawTreeline(setting, () => horizon - 4, height * 0.4, 0.42, kind);
  drawField(setting, horizon);
  drawTreeline(setting, () => horizon + 26, height * 0.55, 0.16, kind);
  const ground = finishField(setting, horizon, !isSnowy);
  for (const x of [random.between(-40, 60), layer.width + random.between(-60, 40)]) {
    TREES[kind](setting, x, ground.floor + random.between(10, 50), height * random.between(0.95, 1.2), 0);
  }
  return ground;
}

const jungle: Backdrop = (setting) => {
  const { layer, random, atmosphere } = setting;
  const horizon = horizonOf(setting, 0.66);
  drawSky(setting, horizon, { clouds: 0.4 });
  drawTreeline(setting, () => horizon - 20, 330, 0.6, "tree");
  drawTreeline(setting, () => horizon, 360, 0.35, "palm");
  drawField(setting, horizon);
  drawTreeline(setting, () => horizon + 30, 260, 0.12, "palm");
  const ground = finishField(setting, horizon, true);
  drawPalm(setting, random.between(20, 120), ground.floor, 620, 0);
  drawPalm(setting, layer.width - random.between(20, 120), ground.floor + 20, 560, 0);
  const leaf = atmosphere.tint("#2c7a3e", 0);
  return { ...ground, foreground: (front) => drawLeaves({ ...setting, layer: front }, leaf) };
};

/** Broad leaves that reach in from the lower corners. */
function drawLeaves({ layer, random }: Setting, colour: string): void {
  for (const side of [0, 1]) {
    for (let leaf = 0; leaf < 5; leaf++) {
      const x = side === 0 ? -20 : layer.width + 20;
      const angle = (side === 0 ? -0.2 : Math.PI + 0.2) + (side === 0 ? -1 : 1) * leaf * 0.28;
      const length = random.between(140, 260);
      const endX = x + Math.cos(angle) * length;
      const endY = layer.height + 20 + Math.sin(angle) * length;
      const width = length * 0.2;
      const tone = leaf % 2 === 0 ? mix(colour, "#0b2a1c", 0.35) : colour;
      const midX = (x + endX) / 2;
      const midY = (layer.height + 20 + endY) / 2;
      const outline = svg`M${x} ${layer.height + 20}Q${midX + Math.sin(angle) * width} ${midY - Math.cos(angle) * width} ${endX} ${endY}Q${midX - Math.sin(angle) * width} ${midY + Math.cos(angle) * width} ${x} ${layer.height + 20}Z`;
      layer.path(outline, tone);
    }
  }
}

const mountains: Backdrop = (setting) => {
  const { random, layer } = setting;
  const horizon = horizonOf(setting, 0.66);
  drawSky(setting, horizon);
  const reach = Math.min(430, horizon * 0.72);
  drawRange(setting, horizon, reach, 0.62, true);
  drawRange(setting, horizon + 10, reach * 0.62, 0.36, random.chance(0.6) || setting.isSnowy);
  drawHills(setting, horizon + 30, 1);
  drawTreeline(setting, () => horizon + 2, 96, 0.3, "fir");
  drawField(setting, horizon);
  const ground = finishField(setting, horizon, !setting.isSnowy);
  for (let tree = 0; tree < Math.round(layer.width / 260); tree++) {
    const x = random.chance(0.5) ? random.between(0, 0.24) : random.between(0.76, 1);
    drawFir(setting, x * layer.width, horizon + random.between(20, 70), random.between(150, 260), 0.08);
  }
  return ground;
};

const desert: Backdrop = (setting) => {
  const { layer, random, atmosphere } = setting;
  const horizon = horizonOf(setting, 0.58);
  drawSky(setting, horizon, { clouds: 0.35 });
  const tones = ["#d9a066", "#e2ae70", "#e9bb7c", "#f0c98c"];
  for (const [row, tone] of tones.entries()) {
    const level = horizon - 20 + row * (layer.height - horizon) * 0.2;
    const colour = atmosphere.tint(tone, 0.5 - row * 0.16);
    const ridge = drawRidge(
      setting,
      { level, swing: 40, wavelength: random.between(900, 1500), roughness: 0.2 },
      lighten(colour, 0.12),
      mix(colour, atmosphere.tint("#a86f46", 0), 0.4),
    );
    for (let ripple = 0; ripple < 5; ripple++) {
      const x = random.between(0, layer.width);
      const y = ridge(x) + random.between(30, 90);
      layer.line(svg`M${x} ${y}q40 -10 80 0t80 0`, atmosphere.tint("#b98250", 0.1), 2.5, 0.35);
    }
  }
  return { horizon, floor: floorOf(setting, horizon, 0.7), back: horizon + 50, surface: "land" };
};

const village: Backdrop = (setting) => {
  const { layer, random } = setting;
  const horizon = horizonOf(setting, 0.62);
  drawSky(setting, horizon);
  drawHills(setting, horizon, 3);
  const ridge = drawField(setting, horizon);
  const houses = Math.max(3, Math.round(layer.width / 230));
  for (let house = 0; house < houses; house++) {
    const x = layer.width * ((house + random.between(0.25, 0.75)) / houses);
    if (random.chance(0.7))
      drawTree(setting, x + random.between(70, 110), ridge(x) + 16, random.between(120, 190), 0.25);
    drawCottage(setting, x, ridge(x) + random.between(18, 40), random.between(96, 150), 0.16);
  }
  return finishField(setting, horizon, true);
};

/** A small house with a lit window in the dark and smoke from its chimney. */
export function drawCottage(setting: Setting, x: number, foot: number, width: number, distance: number): void {
  const { layer, random, atmosphere, isSnowy } = withOwnRandom(setting);
  const wall = atmosphere.tint(random.pick(["#f3e3c8", "#e9d2b3", "#f0dcd0", "#dfe3dc"]), distance);
  const roof = isSnowy
    ? atmosphere.tint("#f2f7fd", distance)
    : atmosphere.tint(random.pick(["#b5523f", "#8f4a3c", "#5f6f86", "#a8643c"]), distance);
  const height = width * 0.56;
  const left = x - width / 2;
  layer.rect(x + width * 0.2, foot - height * 1.75, width * 0.11, height * 0.6, atmosphere.tint("#8a5a48", distance));
  const plaster = layer.across({ 0: wall, 1: mix(wall, atmosphere.shade, 0.22) }, left, left + width);
  layer.rect(left, foot - height, width, height, plaster);
  const gable = svg`M${left - width * 0.1} ${foot - height}L${x - width * 0.26} ${foot - height * 1.62}L${x + width * 0.26} ${foot - height * 1.62}L${left + width * 1.1} ${foot - height}Z`;
  layer.path(
    gable,
    layer.vertical({ 0: roof, 1: mix(roof, atmosphere.shade, 0.2) }, foot - height * 1.62, foot - height),
  );
  const isLit = atmosphere.isDark || atmosphere.time === "sunset" || atmosphere.weather === "rain";
  const glass = isLit ? "#ffd879" : atmosphere.tint("#8fc3e0", distance);
  for (const share of [0.2, 0.66]) {
    if (isLit) layer.glow(left + width * (share + 0.08), foot - height * 0.56, width * 0.34, "#ffcf6b", 0.6);
    layer.rect(left + width * share, foot - height * 0.74, width * 0.16, height * 0.34, glass, 1, 2);
    const bar = mix(wall, "#5b4636", 0.5);
    layer.rect(left + width * (share + 0.072), foot - height * 0.74, width * 0.016, height * 0.34, bar);
  }
  const door = atmosphere.tint("#6d4531", distance);
  layer.rect(x - width * 0.08, foot - height * 0.58, width * 0.16, height * 0.58, door, 1, 2);
}

const farm: Backdrop = (setting) => {
  const { layer, random, atmosphere } = setting;
  const horizon = horizonOf(setting, 0.58);
  drawSky(setting, horizon);
  drawHills(setting, horizon, 3);
  drawField(setting, horizon);
  const crop = atmosphere.tint(random.pick(["#e0b64a", "#c9a83f", "#7fae3f"]), 0.12);
  for (let row = -9; row <= 9; row++) {
    const x = layer.width / 2 + row * 46;
    const endX = layer.width / 2 + row * 250;
    const furrow = svg`M${x - 7} ${horizon + 14}L${x + 7} ${horizon + 14}L${endX + 62} ${layer.height + 10}L${endX - 62} ${layer.height + 10}Z`;
    layer.path(furrow, row % 2 === 0 ? crop : lighten(crop, 0.1), 0.55);
  }
  const barnX = layer.width * (random.chance(0.5) ? random.between(0.14, 0.26) : random.between(0.74, 0.86));
  drawBarn(setting, barnX, horizon + 34, 190);
  drawTree(setting, barnX + 150, horizon + 30, 200, 0.2);
  for (let post = -20; post < layer.width + 60; post += 76) {
    const wood = atmosphere.tint("#f0ece2", 0.1);
    layer.rect(post, horizon + 22, 11, 62, wood, 1, 3);
    layer.rect(post, horizon + 36, 77, 8, wood);
    layer.rect(post, horizon + 60, 77, 8, wood);
  }
  return { horizon, floor: floorOf(setting, horizon, 0.7), back: horizon + 70, surface: "land" };
};

function drawBarn({ layer, atmosphere, isSnowy }: Setting, x: number, foot: number, width: number): void {
  const red = atmosphere.tint("#b8392f", 0.12);
  const trim = atmosphere.tint("#f5efe6", 0.1);
  const height = width * 0.55;
  const left = x - width / 2;
  const boards = layer.across({ 0: red, 1: mix(red, atmosphere.shade, 0.3) }, left, left + width);
  layer.rect(left, foot - height, width, height, boards);
  const gable = svg`M${left - 10} ${foot - height}L${left + width * 0.18} ${foot - height * 1.45}L${x} ${foot - height * 1.75}L${left + width * 0.82} ${foot - height * 1.45}L${left + width + 10} ${foot - height}Z`;
  layer.path(gable, isSnowy ? trim : atmosphere.tint("#6b4a45", 0.15));
  const door = width * 0.34;
  layer.rect(x - door / 2, foot - height * 0.72, door, height * 0.72, trim);
  layer.rect(x - door / 2 + 6, foot - height * 0.72 + 6, door - 12, height * 0.72 - 6, mix(red, atmosphere.shade, 0.2));
  const braces = svg`M${x - door / 2 + 6} ${foot - height * 0.7}L${x + door / 2 - 6} ${foot}M${x + door / 2 - 6} ${foot - height * 0.7}L${x - door / 2 + 6} ${foot}`;
  layer.line(braces, trim, 6);
}

const park: Backdrop = (setting) => {
  const { layer, random, atmosphere } = setting;
  const horizon = horizonOf(setting, 0.58);
  drawSky(setting, horizon);
  drawTreeline(setting, () => horizon + 8, 190, 0.5, "tree");
  drawField(setting, horizon);
  const path = atmosphere.tint(setting.isSnowy ? "#dfe7f0" : "#e6d3ac", 0.04);
  const bend = random.between(-160, 160);
  const middle = layer.width / 2;
  const course = svg`M${middle + bend - 26} ${horizon + 20}Q${middle - bend} ${horizon + (layer.height - horizon) * 0.35} ${middle - 250} ${layer.height + 10}L${middle + 250} ${layer.height + 10}Q${middle - bend + 120} ${horizon + (layer.height - horizon) * 0.35} ${middle + bend + 26} ${horizon + 20}Z`;
  layer.path(course, path);
  const ground = finishField(setting, horizon, !setting.isSnowy);
  drawTree(setting, layer.width * random.between(0.02, 0.12), horizon + 90, 480, 0.05);
  drawTree(setting, layer.width * random.between(0.88, 0.98), horizon + 70, 430, 0.08);
  return ground;
};

const field: Backdrop = (setting) => {
  const { layer, atmosphere, random } = setting;
  const horizon = horizonOf(setting, 0.5);
  drawSky(setting, horizon);
  const stand = atmosphere.tint("#6f7f9c", 0.3);
  const stands = svg`M-10 ${horizon - 120}L${layer.width + 10} ${horizon - 120}L${layer.width + 10} ${horizon + 10}L-10 ${horizon + 10}Z`;
  layer.path(stands, stand);
  for (let seat = 0; seat < layer.width / 5; seat++) {
    const [x, y] = [random.between(0, layer.width), horizon - random.between(12, 112)];
    const shirt = atmosphere.tint(
      random.pick(["#e5605a", "#f0c04a", "#5a9be0", "#f4f0ea", "#6dbb7a", "#3f4a66"]),
      0.25,
    );
    layer.circle(x, y, random.between(4, 7), shirt);
  }
  layer.rect(0, horizon - 8, layer.width, 20, atmosphere.tint("#f2f4f6", 0.1));
  for (let stripe = 0; stripe < 8; stripe++) {
    const from = horizon + 10 + (layer.height - horizon) * (stripe / 8) ** 1.4;
    const to = horizon + 10 + (layer.height - horizon) * ((stripe + 1) / 8) ** 1.4;
    layer.rect(0, from, layer.width, to - from + 1, atmosphere.tint(stripe % 2 === 0 ? "#4fa64f" : "#5cb65a", 0.05));
  }
  const line = atmosphere.tint("#ffffff", 0.04);
  const centreCircle = svg`<ellipse cx="${layer.width / 2}" cy="${horizon + (layer.height - horizon) * 0.55}" rx="330" ry="96" fill="none" stroke="${line}" stroke-width="7" opacity="0.85"/>`;
  layer.add(centreCircle);
  layer.rect(0, horizon + (layer.height - horizon) * 0.55 - 3, layer.width, 6, line, 0.85);
  return { horizon, floor: floorOf(setting, horizon, 0.68), back: horizon + 60, surface: "land" };
};

export const LANDS = { meadow, garden, forest, bamboo, jungle, mountains, desert, village, farm, park, field };
