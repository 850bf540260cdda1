import { svg } from "../canvas/layer.ts";
import { lighten, mix } from "../canvas/palette.ts";
import { type Backdrop, floorOf, horizonOf, type Setting, withOwnRandom } from "./setting.ts";
import { drawSky, type Orb } from "./sky.ts";
import { createContour, drawFlowers, drawGrass, drawRange, drawRidge, landColours } from "./terrain.ts";
import { drawFir, drawPalm, drawTree, drawTreeline } from "./trees.ts";

/** Fills from the shore line down with water that mirrors the sky, the light on it as a broken path. */
function drawWater(setting: Setting, from: number, to: number, orb: Orb, calm: number): void {
  const { layer, random, atmosphere } = withOwnRandom(setting);
  const [, middle, bottom] = atmosphere.sky;
  const body = atmosphere.tint(atmosphere.time === "day" ? "#2f9fc4" : "#3a7fa8", 0.12);
  const near = mix(body, atmosphere.shade, 0.32);
  const isGolden = atmosphere.time === "sunset" || atmosphere.time === "dawn";
  layer.band(from, to, {
    0: mix(bottom, body, isGolden ? 0.16 : 0.42),
    0.35: mix(middle, body, isGolden ? 0.24 : 0.62),
    1: isGolden ? mix(middle, near, 0.5) : near,
  });
  const depth = to - from;
  const rows = Math.round(depth / 11);
  for (let row = 0; row < rows; row++) {
    const nearness = (row + random.next()) / rows;
    const y = from + depth * nearness ** 1.25;
    const length = (26 + 120 * nearness) * random.between(0.6, 1.4);
    const x = random.between(-20, layer.width);
    const ripple = svg`M${x} ${y}q${length * 0.25} ${-3 - 5 * nearness * calm} ${length * 0.5} 0t${length * 0.5} 0`;
    layer.line(ripple, random.chance(0.6) ? lighten(body, 0.4) : near, 1.6 + 2.2 * nearness, 0.38);
  }
  if (!atmosphere.hasOrb) return;
  for (let glint = 0; glint < 26; glint++) {
    const share = (glint + random.next()) / 26;
    const y = from + 5 + depth * share * 0.9;
    const width = orb.radius * (0.3 + share * 1.25) * random.between(0.4, 1.1);
    const x = orb.x + random.between(-1, 1) * orb.radius * (0.2 + share * 0.9);
    const strength = (0.75 - share * 0.5) * (atmosphere.time === "day" ? 0.75 : 0.95);
    layer.rect(x - width / 2, y, width, 2.4 + 3.4 * share, lighten(atmosphere.light, 0.25), strength, 2.5);
  }
}

const beach: Backdrop = (setting) => {
  const { layer, random, atmosphere } = setting;
  const horizon = horizonOf(setting, 0.5);
  const shore = horizon + (layer.height - horizon) * random.between(0.42, 0.5);
  const orb = drawSky(setting, horizon);
  if (random.chance(0.6)) {
    const shape = { level: horizon + 4, swing: 26, wavelength: 1900, roughness: 0.3 };
    drawRidge(setting, shape, atmosphere.tint("#5a7f8f", 0.62), atmosphere.tint("#5a7f8f", 0.7));
  }
  drawWater(setting, horizon, shore + 60, orb, 0.6);
  const contour = createContour(random, layer.width * 1.3, 0.3);
  const edge = (x: number, offset: number) => shore + contour(x) * 20 + offset;
  const outline = (offset: number) => {
    let data = svg`M-10 ${layer.height + 10}`;
    for (let x = -10; x <= layer.width + 20; x += 20) data += svg`L${x} ${edge(x, offset)}`;
    return svg`${data}L${layer.width + 20} ${layer.height + 10}Z`;
  };
  const sand = atmosphere.tint("#f0d8a2", 0.03);
  layer.path(outline(-16), lighten(atmosphere.tint("#7fd3dd", 0.1), 0.2), 0.55);
  layer.path(outline(-6), "#ffffff", 0.85);
  layer.path(outline(3), mix(sand, atmosphere.shade, 0.2));
  layer.path(
    outline(16),
    layer.vertical({ 0: lighten(sand, 0.12), 1: mix(sand, atmosphere.tint("#c99a63", 0), 0.35) }, shore, layer.height),
  );
  for (let grain = 0; grain < Math.round(layer.width / 9); grain++) {
    const nearness = random.next();
    const [x, y] = [random.between(0, layer.width), shore + 40 + (layer.height - shore) * nearness];
    layer.circle(x, y, 1 + 1.6 * nearness, random.chance(0.5) ? lighten(sand, 0.4) : mix(sand, "#8a6238", 0.4), 0.6);
  }
  const floor = floorOf(setting, horizon, 0.8);
  const isLeft = random.chance(0.5);
  const x = isLeft ? random.between(40, 110) : layer.width - random.between(40, 110);
  drawPalm(setting, x, shore + random.between(40, 90), random.between(430, 540), 0.04);
  drawShells(setting, floor);
  return { horizon, floor, back: shore + 40, surface: "land", waterline: horizon + (shore - horizon) * 0.42 };
};

/** A starfish, a shell and a few pebbles on the sand. */
function drawShells({ layer, random, atmosphere }: Setting, floor: number): void {
  for (let pebble = 0; pebble < 6; pebble++) {
    const [x, y] = [random.between(0, layer.width), random.between(floor, layer.height - 10)];
    const stone = atmosphere.tint(random.pick(["#b9a48c", "#d9c8ac", "#9d8f86"]), 0);
    layer.ellipse(x, y, random.between(6, 13), random.between(4, 7), stone);
  }
  const x = layer.width * random.between(0.08, 0.92);
  const y = layer.height - random.between(30, 60);
  const arms = Array.from({ length: 10 }, (_, index) => {
    const angle = (index / 10) * Math.PI * 2 + 0.4;
    const reach = index % 2 === 0 ? 24 : 10;
    return [x + Math.cos(angle) * reach, y + Math.sin(angle) * reach * 0.7] as const;
  });
  layer.polygon(arms, atmosphere.tint("#e8754f", 0));
}

const sea: Backdrop = (setting) => {
  const { layer, random, atmosphere } = setting;
  const horizon = horizonOf(setting, 0.52);
  const isRough = atmosphere.weather === "storm" || atmosphere.weather === "wind";
  const orb = drawSky(setting, horizon);
  drawWater(setting, horizon, layer.height, orb, isRough ? 3 : 1);
  const floor = floorOf(setting, horizon, 0.56);
  const swell = isRough ? 46 : 14;
  const waves = (shares: readonly number[], target: Setting) => {
    for (const share of shares) {
      const level = horizon + (layer.height - horizon) * share;
      const colour = mix(atmosphere.tint("#2f86ac", 0.3 - share * 0.28), atmosphere.shade, share * 0.3);
      drawWave(target, level, swell * (0.4 + share), 150 + 260 * share, colour, isRough);
    }
  };
  waves([0.12, 0.28, 0.46], setting);
  return {
    horizon,
    floor,
    back: horizon + 24,
    surface: "water",
    waterline: floor,
    foreground: (front) => waves([0.66, 0.86], { ...setting, layer: front, random: random.fork("front") }),
  };
};

/** A row of rounded wave crests with foam. */
function drawWave(
  { layer, random }: Setting,
  level: number,
  height: number,
  length: number,
  colour: string,
  isRough: boolean,
): void {
  let data = svg`M${-length} ${layer.height + 20}L${-length} ${level}`;
  const foam: string[] = [];
  for (let x = -length + random.between(0, length); x < layer.width + length; x += length) {
    const rise = height * random.between(0.7, 1.2);
    if (isRough) {
      data += svg`L${x} ${level}C${x + length * 0.35} ${level} ${x + length * 0.45} ${level - rise * 1.5} ${x + length * 0.72} ${level - rise * 1.35}C${x + length * 0.6} ${level - rise} ${x + length * 0.7} ${level - rise * 0.1} ${x + length} ${level}`;
      foam.push(
        svg`M${x + length * 0.42} ${level - rise * 0.95}Q${x + length * 0.55} ${level - rise * 1.55} ${x + length * 0.72} ${level - rise * 1.35}`,
      );
    } else {
      data += svg`L${x} ${level}Q${x + length * 0.5} ${level - rise * 1.6} ${x + length} ${level}`;
      foam.push(
        svg`M${x + length * 0.25} ${level - rise * 0.56}Q${x + length * 0.5} ${level - rise * 0.98} ${x + length * 0.75} ${level - rise * 0.56}`,
      );
    }
  }
  const crest = svg`${data}L${layer.width + length * 2} ${level}V${layer.height + 20}Z`;
  layer.path(crest, layer.vertical({ 0: lighten(colour, 0.16), 1: colour }, level - height * 1.5, level + 150));
  layer.line(foam.join(""), lighten(colour, 0.62), isRough ? 6 : 3, isRough ? 0.9 : 0.5);
}

/** A lake with its far shore mirrored in it. */
const lake: Backdrop = (setting) => {
  const { layer, random, atmosphere, isSnowy } = setting;
  const horizon = horizonOf(setting, 0.5);
  const shore = horizon + (layer.height - horizon) * 0.6;
  const orb = drawSky(setting, horizon);
  const reach = Math.min(380, horizon * 0.68);
  const drawFarShore = () => {
    drawRange(setting, horizon, reach, 0.6, true);
    drawRange(setting, horizon, reach * 0.5, 0.4, isSnowy);
    drawTreeline(setting, () => horizon, 74, 0.36, "fir");
  };
  const before = layer.mark();
  drawFarShore();
  const far = layer.since(before);
  drawWater(setting, horizon, layer.height, orb, 0.4);
  const clip = layer.clip(svg`<rect x="0" y="${horizon}" width="${layer.width}" height="${layer.height}"/>`);
  const mirrored = svg`<g clip-path="${clip}"><g opacity="0.34" transform="translate(0 ${horizon * 1.8}) scale(1 -0.8)">${far}</g></g>`;
  layer.add(mirrored);
  layer.rect(0, horizon - 2, layer.width, 5, lighten(atmosphere.haze, 0.3), 0.5);
  const { near, far: farLand } = landColours(setting);
  const bank = { level: shore, swing: 34, wavelength: 1500 };
  drawRidge(setting, bank, atmosphere.tint(farLand, 0.05), atmosphere.tint(near, 0));
  const plants = withOwnRandom(setting);
  if (!isSnowy) {
    drawGrass(plants, shore + 10, layer.height, atmosphere.tint(near, 0.02));
    drawFlowers(plants, shore + 40, layer.height, ["#f7c92e", "#ffffff", "#c58be8"], 0.5);
  }
  const draw = random.chance(0.7) || isSnowy ? drawFir : drawTree;
  const isLeft = random.chance(0.5);
  for (let tree = 0; tree < 3; tree++) {
    const inset = random.between(-20, 60) + tree * 62;
    const [foot, height] = [shore + random.between(20, 60), random.between(330, 480) * (1 - tree * 0.17)];
    draw(setting, isLeft ? inset : layer.width - inset, foot, height, 0.04);
  }
  return {
    horizon,
    floor: floorOf(setting, horizon, 0.82),
    back: shore + 30,
    surface: "land",
    waterline: horizon + (shore - horizon) * 0.55,
  };
};

const river: Backdrop = (setting) => {
  const { layer, random, atmosphere, isSnowy } = setting;
  const horizon = horizonOf(setting, 0.54);
  const orb = drawSky(setting, horizon);
  drawRange(setting, horizon + 6, Math.min(300, horizon * 0.5), 0.58, true);
  drawTreeline(setting, () => horizon + 10, 120, 0.4, "fir");
  const { near, far } = landColours(setting);
  const bank = { level: horizon, swing: 10, wavelength: 1500 };
  drawRidge(setting, bank, atmosphere.tint(far, 0.2), atmosphere.tint(near, 0));
  const middle = layer.width * random.between(0.42, 0.58);
  const bend = random.between(120, 220) * (random.chance(0.5) ? 1 : -1);
  const depth = layer.height - horizon;
  const clip = layer.clip(
    svg`<path d="M${middle - 12} ${horizon + 6}C${middle + bend} ${horizon + depth * 0.3} ${middle - bend * 1.4 - 160} ${horizon + depth * 0.5} ${middle - 330} ${layer.height + 10}L${middle + 210} ${layer.height + 10}C${middle - bend + 120} ${horizon + depth * 0.5} ${middle + bend + 90} ${horizon + depth * 0.3} ${middle + 14} ${horizon + 6}Z"/>`,
  );
  layer.group(`clip-path="${clip}"`, () => drawWater(setting, horizon, layer.height, orb, 0.6));
  const grass = withOwnRandom(setting);
  if (!isSnowy) drawGrass(grass, horizon + 30, layer.height, atmosphere.tint(near, 0.02), 0.6);
  drawFir(setting, layer.width * 0.06, horizon + 130, 360, 0.06);
  drawFir(setting, layer.width * 0.95, horizon + 110, 320, 0.08);
  return {
    horizon,
    floor: floorOf(setting, horizon, 0.8),
    back: horizon + 50,
    surface: "land",
    waterline: horizon + depth * 0.6,
  };
};

const underwater: Backdrop = (setting) => {
  const { layer, random, atmosphere } = setting;
  const deep = atmosphere.isDark ? "#04122e" : "#0a3f7a";
  layer.fill(
    layer.vertical({
      0: atmosphere.isDark ? "#1d5a8f" : "#6fe0e6",
      0.4: atmosphere.isDark ? "#0e3566" : "#2397c9",
      1: deep,
    }),
  );
  for (let ray = 0; ray < 7; ray++) {
    const x = layer.width * random.between(-0.05, 1);
    const width = random.between(30, 110);
    const slant = random.between(90, 220);
    const beam = svg`M${x} -10L${x + width} -10L${x + width * 2.2 - slant} ${layer.height * 0.85}L${x - slant} ${layer.height * 0.85}Z`;
    layer.path(beam, layer.vertical({ 0: ["#ffffff", 0.26], 1: ["#ffffff", 0] }, 0, layer.height * 0.85));
  }
  const floor = layer.height - 120;
  const dune = { level: floor - 70, swing: 50, wavelength: 800 };
  drawRidge(setting, dune, mix(deep, "#3f7fb0", 0.4), mix(deep, "#2f5f90", 0.4));
  const sand = mix("#e3cd94", deep, atmosphere.isDark ? 0.65 : 0.35);
  drawRidge(setting, { level: floor, swing: 26, wavelength: 1100 }, lighten(sand, 0.12), mix(sand, deep, 0.35));
  for (let weed = 0; weed < Math.round(layer.width / 62); weed++) {
    const x = random.between(0, layer.width);
    const height = random.between(70, 230);
    const sway = random.between(-40, 40);
    const colour = mix(random.pick(["#2f9f6a", "#3fbf8a", "#2a8a7f", "#5fb04a"]), deep, 0.3);
    const foot = floor + random.between(10, 90);
    const blade = svg`M${x} ${foot}C${x + sway} ${foot - height * 0.35} ${x - sway} ${foot - height * 0.65} ${x + sway * 0.6} ${foot - height}`;
    layer.line(blade, colour, random.between(8, 16));
  }
  for (let coral = 0; coral < Math.round(layer.width / 170); coral++)
    drawCoral(setting, random.between(0, layer.width), floor + random.between(30, 90), random.between(50, 100), deep);
  for (let bubble = 0; bubble < Math.round(layer.width / 34); bubble++) {
    const radius = random.between(3, 13);
    const ring = svg`<circle cx="${random.between(0, layer.width)}" cy="${random.between(40, layer.height - 80)}" r="${radius}" fill="#ffffff" fill-opacity="0.14" stroke="#ffffff" stroke-opacity="0.55" stroke-width="1.6"/>`;
    layer.add(ring);
  }
  return {
    horizon: layer.height * 0.3,
    floor: layer.height - 90,
    back: floor,
    surface: "none",
    waterline: layer.height * 0.56,
  };
};

function drawCoral({ layer, random }: Setting, x: number, foot: number, size: number, deep: string): void {
  const colour = mix(random.pick(["#ff7f6b", "#ff9fb8", "#f7b14a", "#c17be0"]), deep, 0.22);
  for (let branch = -2; branch <= 2; branch++) {
    const tipX = x + branch * size * 0.32;
    const tipY = foot - size * (1.1 - Math.abs(branch) * 0.2);
    const arm = svg`M${x} ${foot}Q${x + branch * size * 0.05} ${foot - size * 0.6} ${tipX} ${tipY}`;
    layer.line(arm, colour, size * 0.15);
    layer.circle(tipX, tipY, size * 0.1, lighten(colour, 0.2));
  }
}

export const WATERS = { beach, sea, lake, river, underwater };
