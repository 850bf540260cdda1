import { type Layer, svg, triplesOf } from "../canvas/layer.ts";
import { type Colour, lighten, mix } from "../canvas/palette.ts";
import { type Backdrop, floorOf, type Ground, horizonOf, type Setting, withOwnRandom } from "./setting.ts";
import { drawClouds, drawSky, drawStars } from "./sky.ts";
import { drawRange, drawRidge } from "./terrain.ts";

/** Deep space with nebulae and stars. */
function drawSpace(setting: Setting): void {
  const { layer, random } = setting;
  const [top, bottom] = random.pick([
    ["#0b0a2e", "#231554"],
    ["#060d2c", "#132a5e"],
    ["#100826", "#3a1650"],
  ] as const);
  layer.fill(layer.linear({ 0: top, 1: bottom }, [0, 0], [layer.width * 0.4, layer.height]));
  const tones = random.pick([
    ["#7a3fd0", "#2f6fe4", "#d0449a"],
    ["#1fa3b5", "#3f5fe0", "#7a4fd8"],
    ["#d0583f", "#8a3fc0", "#3f5fe0"],
  ]);
  const startX = layer.width * random.between(-0.1, 0.25);
  const slope = random.between(-0.5, 0.5);
  for (let puff = 0; puff < 16; puff++) {
    const along = puff / 15;
    const x = startX + (layer.width * 1.1 - startX) * along;
    const y = layer.height * (0.38 + slope * (along - 0.5)) + random.between(-110, 110);
    layer.glow(x, y, random.between(150, 340), random.pick(tones), random.between(0.16, 0.34));
  }
  drawStars(setting, layer.height * 1.02, 1.5);
}

/** A ball with what is drawn on it, and its night side. */
function drawBall(layer: Layer, x: number, y: number, radius: number, night: Colour, drawSurface: () => void): void {
  const clip = layer.clip(svg`<circle cx="${x}" cy="${y}" r="${radius}"/>`);
  layer.group(`clip-path="${clip}"`, () => {
    drawSurface();
    const shade = layer.radial({ 0: ["#ffffff", 0.28], 0.5: ["#ffffff", 0], 0.62: [night, 0.1], 1: [night, 0.78] });
    layer.circle(x - radius * 0.3, y - radius * 0.32, radius * 1.5, shade);
  });
}

/** A ball of rock or gas with bands, and perhaps a ring. */
function drawPlanet(setting: Setting, x: number, y: number, radius: number, colour: Colour, hasRing: boolean): void {
  const { layer, random } = setting;
  const turned = svg`transform="rotate(${random.between(-24, 24)} ${x} ${y})"`;
  const drawRing = (isFront: boolean) => {
    const ring = svg`M${x - radius * 1.9} ${y}A${radius * 1.9} ${radius * 0.5} 0 0 ${isFront ? 0 : 1} ${x + radius * 1.9} ${y}`;
    layer.group(turned, () => {
      layer.line(ring, lighten(colour, 0.45), radius * 0.16, 0.9);
      layer.line(ring, mix(colour, "#ffe8c0", 0.6), radius * 0.05);
    });
  };
  layer.glow(x, y, radius * 1.7, lighten(colour, 0.3), 0.4);
  if (hasRing) drawRing(false);
  drawBall(layer, x, y, radius, "#05031c", () => {
    layer.circle(x, y, radius, colour);
    layer.group(turned, () => {
      for (let band = 0; band < 5; band++) {
        const tone = random.chance(0.5) ? lighten(colour, 0.2) : mix(colour, "#2a1440", 0.25);
        const [top, height] = [y + radius * random.between(-1, 1), radius * random.between(0.08, 0.24)];
        layer.rect(x - radius, top, radius * 2, height, tone, 0.6);
      }
    });
  });
  if (hasRing) drawRing(true);
}

/** The earth from afar: seas, lands, clouds. */
function drawEarth({ layer, random }: Setting, x: number, y: number, radius: number): void {
  const near = (middle: number) => (middle + random.between(-0.16, 0.16)) * radius;
  const lands = triplesOf("-0.5 -0.4 0.46, -0.25 0.25 0.36, 0.45 -0.1 0.5, 0.3 0.6 0.3, 0.1 -0.8 0.3");
  layer.glow(x, y, radius * 1.8, "#6fc0ff", 0.6);
  drawBall(layer, x, y, radius, "#020820", () => {
    layer.circle(x, y, radius, "#2f7fe0");
    for (const [landX, landY, size] of [...lands, ...lands, ...lands, ...lands]) {
      const [width, height] = [random.between(0.4, 0.7) * size * radius, random.between(0.3, 0.6) * size * radius];
      layer.ellipse(x + near(landX), y + near(landY), width, height, random.pick(["#3fa35a", "#54b060", "#7fb85f"]));
    }
    for (let cloud = 0; cloud < 7; cloud++) {
      const [left, top] = [x + random.between(-0.9, 0.4) * radius, y + random.between(-0.8, 0.8) * radius];
      layer.rect(left, top, radius * random.between(0.3, 0.8), radius * 0.07, "#ffffff", 0.8, radius * 0.04);
    }
  });
}

const PLANETS = ["#d98a4f", "#c75a7f", "#4f8fc7", "#7a5fd0", "#4fae9a", "#e0b060"] as const;

const space: Backdrop = (setting) => {
  const { layer, random } = setting;
  const { width, height } = layer;
  drawSpace(setting);
  const [left, right] = random.chance(0.5) ? [0.14, 0.9] : [0.86, 0.1];
  const colour = () => random.pick(PLANETS);
  const hasRing = random.chance(0.6);
  drawPlanet(setting, width * left, height * random.between(0.16, 0.3), random.between(80, 130), colour(), hasRing);
  drawPlanet(setting, width * right, height * random.between(0.66, 0.88), random.between(40, 66), colour(), false);
  const hasThird = random.chance(0.5);
  if (hasThird) drawPlanet(setting, width * random.between(0.35, 0.65), height * 0.1, 26, colour(), false);
  return { horizon: height * 0.5, floor: height * 0.8, back: height * 0.7, surface: "none" };
};

/** Bare ground with craters, under a black sky. */
function drawCraters(setting: Setting, horizon: number, tone: Colour): Ground {
  const { layer, random } = setting;
  const dark = mix(tone, "#15122e", 0.5);
  const far = { level: horizon - 20, swing: 46, wavelength: 900, roughness: 0.4 };
  drawRidge(setting, far, mix(tone, "#15122e", 0.32), mix(tone, "#15122e", 0.5));
  const near = { level: horizon + 26, swing: 22, wavelength: 1300 };
  drawRidge(setting, near, lighten(tone, 0.1), mix(tone, "#15122e", 0.4));
  const craters = Array.from({ length: Math.round(layer.width / 60) }, () => random.next()).sort((a, b) => a - b);
  for (const nearness of craters) {
    const y = horizon + 62 + (layer.height - horizon - 50) * nearness;
    const width = 20 + random.between(20, 80) * (0.4 + nearness);
    const x = random.between(0, layer.width);
    layer.ellipse(x, y, width, width * 0.26, lighten(tone, 0.24), 0.8);
    layer.ellipse(x, y + width * 0.05, width * 0.9, width * 0.21, dark, 0.85);
    layer.ellipse(x + width * 0.06, y + width * 0.11, width * 0.72, width * 0.12, mix(tone, dark, 0.4));
  }
  return { horizon, floor: floorOf(setting, horizon, 0.62), back: horizon + 40, surface: "land" };
}

const moon: Backdrop = (setting) => {
  const { layer, random } = setting;
  const horizon = horizonOf(setting, 0.62);
  drawSpace(setting);
  drawEarth(
    setting,
    layer.width * (random.chance(0.5) ? random.between(0.14, 0.28) : random.between(0.72, 0.86)),
    horizon * random.between(0.26, 0.38),
    random.between(84, 120),
  );
  return drawCraters(setting, horizon, "#a9a7ba");
};

const mars: Backdrop = (setting) => {
  const { layer, random, atmosphere } = setting;
  const horizon = horizonOf(setting, 0.6);
  const [top, bottom] = atmosphere.isDark ? ["#1c0f2a", "#7a3a3f"] : ["#c9825c", "#f3cfa0"];
  layer.fill(layer.vertical({ 0: top, 1: bottom }, 0, horizon));
  const stars = withOwnRandom(setting);
  if (atmosphere.isDark) drawStars(stars, horizon, 1);
  drawPlanet(setting, layer.width * random.between(0.15, 0.3), horizon * 0.28, 46, "#d9b08a", false);
  layer.glow(layer.width * 0.76, horizon * 0.34, 220, "#fff1d0", 0.8);
  layer.circle(layer.width * 0.76, horizon * 0.34, 30, "#fff8e6");
  drawRange(
    {
      ...setting,
      atmosphere: {
        ...atmosphere,
        haze: bottom,
        tint: (colour, distance) => mix(mix(colour, "#b5542f", 0.75), bottom, distance * 0.8),
      },
    },
    horizon,
    260,
    0.5,
    false,
  );
  return drawCraters(setting, horizon, atmosphere.isDark ? "#8f4232" : "#c96a42");
};

const sky: Backdrop = (setting) => {
  const { layer, random, atmosphere } = setting;
  const horizon = layer.height * 1.05;
  drawSky(setting, horizon, { clouds: 0.9 });
  drawClouds(setting, layer.height * 0.86, 0.5);
  const lit = atmosphere.isDark ? mix(atmosphere.sky[1], "#aab6e6", 0.3) : "#ffffff";
  for (let row = 0; row < 3; row++) {
    const level = layer.height - 120 + row * 50;
    const colour = mix(mix(lit, atmosphere.sky[2], 0.5), lit, row / 2);
    for (let x = -60; x < layer.width + 120; x += random.between(60, 110))
      layer.circle(x, level + random.between(0, 40), random.between(60, 105), colour, 0.9);
  }
  return { horizon: layer.height * 0.6, floor: layer.height * 0.8, back: layer.height * 0.7, surface: "none" };
};

export const COSMOS = { space, moon, mars, sky };
