import { svg } from "../layer.ts";
import { type Colour, lighten, mix } from "../palette.ts";
import { type Backdrop, floorOf, type Ground, horizonOf, type Setting } from "./setting.ts";
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

/** A ball of rock or gas with a shaded side, bands and perhaps a ring. */
export function drawPlanet(
  setting: Setting,
  x: number,
  y: number,
  radius: number,
  colour: Colour,
  hasRing: boolean,
): void {
  const { layer, random } = setting;
  const clip = layer.clip(svg`<circle cx="${x}" cy="${y}" r="${radius}"/>`);
  const tilt = random.between(-24, 24);
  const ring = (isFront: boolean) => {
    if (!hasRing) return;
    const data = svg`M${x - radius * 1.9} ${y}A${radius * 1.9} ${radius * 0.5} 0 0 ${isFront ? 0 : 1} ${x + radius * 1.9} ${y}`;
    layer.group(svg`transform="rotate(${tilt} ${x} ${y})"`, () => {
      layer.line(data, lighten(colour, 0.45), radius * 0.16, 0.9);
      layer.line(data, mix(colour, "#ffe8c0", 0.6), radius * 0.05);
    });
  };
  layer.glow(x, y, radius * 1.7, lighten(colour, 0.3), 0.4);
  ring(false);
  layer.group(`clip-path="${clip}"`, () => {
    layer.circle(x, y, radius, colour);
    layer.group(svg`transform="rotate(${tilt} ${x} ${y})"`, () => {
      for (let band = 0; band < 5; band++)
        layer.rect(
          x - radius,
          y - radius + radius * 2 * random.next(),
          radius * 2,
          radius * random.between(0.08, 0.24),
          random.chance(0.5) ? lighten(colour, 0.2) : mix(colour, "#2a1440", 0.25),
          0.6,
        );
    });
    layer.circle(
      x - radius * 0.3,
      y - radius * 0.32,
      radius * 1.5,
      layer.radial({ 0: ["#ffffff", 0.28], 0.5: ["#ffffff", 0], 0.62: ["#05031c", 0.1], 1: ["#05031c", 0.78] }),
    );
  });
  ring(true);
}

/** The earth from afar: seas, lands, clouds. */
export function drawEarth({ layer, random }: Setting, x: number, y: number, radius: number): void {
  const clip = layer.clip(svg`<circle cx="${x}" cy="${y}" r="${radius}"/>`);
  layer.glow(x, y, radius * 1.8, "#6fc0ff", 0.6);
  layer.group(`clip-path="${clip}"`, () => {
    layer.circle(x, y, radius, "#2f7fe0");
    for (const [landX, landY, size] of [
      [-0.5, -0.4, 0.46],
      [-0.25, 0.25, 0.36],
      [0.45, -0.1, 0.5],
      [0.3, 0.6, 0.3],
      [0.1, -0.8, 0.3],
    ] as const) {
      for (let lobe = 0; lobe < 4; lobe++)
        layer.ellipse(
          x + (landX + random.between(-0.16, 0.16)) * radius,
          y + (landY + random.between(-0.16, 0.16)) * radius,
          size * radius * random.between(0.4, 0.7),
          size * radius * random.between(0.3, 0.6),
          random.pick(["#3fa35a", "#54b060", "#7fb85f"]),
        );
    }
    for (let cloud = 0; cloud < 7; cloud++)
      layer.rect(
        x + random.between(-0.9, 0.4) * radius,
        y + random.between(-0.8, 0.8) * radius,
        radius * random.between(0.3, 0.8),
        radius * 0.07,
        "#ffffff",
        0.8,
        radius * 0.04,
      );
    layer.circle(
      x - radius * 0.3,
      y - radius * 0.32,
      radius * 1.5,
      layer.radial({ 0: ["#ffffff", 0.22], 0.5: ["#ffffff", 0], 0.6: ["#020820", 0.05], 1: ["#020820", 0.7] }),
    );
  });
}

export const space: Backdrop = (setting) => {
  const { layer, random } = setting;
  drawSpace(setting);
  const isLeft = random.chance(0.5);
  const colours = random.shuffle(["#d98a4f", "#c75a7f", "#4f8fc7", "#7a5fd0", "#4fae9a", "#e0b060"]);
  drawPlanet(
    setting,
    layer.width * (isLeft ? 0.14 : 0.86),
    layer.height * random.between(0.16, 0.3),
    random.between(80, 130),
    colours[0] ?? "#d98a4f",
    random.chance(0.6),
  );
  drawPlanet(
    setting,
    layer.width * (isLeft ? 0.9 : 0.1),
    layer.height * random.between(0.66, 0.88),
    random.between(40, 66),
    colours[1] ?? "#4f8fc7",
    false,
  );
  if (random.chance(0.5))
    drawPlanet(
      setting,
      layer.width * random.between(0.35, 0.65),
      layer.height * 0.1,
      random.between(20, 32),
      colours[2] ?? "#7a5fd0",
      false,
    );
  return { horizon: layer.height * 0.5, floor: layer.height * 0.8, back: layer.height * 0.7, surface: "none" };
};

/** Bare ground with craters, under a black sky. */
function drawCraters(setting: Setting, horizon: number, tone: Colour): Ground {
  const { layer, random } = setting;
  const dark = mix(tone, "#15122e", 0.5);
  drawRidge(
    setting,
    { level: horizon - 20, swing: 46, wavelength: 900, roughness: 0.4 },
    mix(tone, "#15122e", 0.32),
    mix(tone, "#15122e", 0.5),
  );
  drawRidge(
    setting,
    { level: horizon + 26, swing: 22, wavelength: 1300 },
    lighten(tone, 0.1),
    mix(tone, "#15122e", 0.4),
  );
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

export const moon: Backdrop = (setting) => {
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

export const mars: Backdrop = (setting) => {
  const { layer, random, atmosphere } = setting;
  const horizon = horizonOf(setting, 0.6);
  const [top, bottom] = atmosphere.isDark ? ["#1c0f2a", "#7a3a3f"] : ["#c9825c", "#f3cfa0"];
  layer.fill(layer.vertical({ 0: top, 1: bottom }, 0, horizon));
  if (atmosphere.isDark) drawStars(setting, horizon, 1);
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

export const sky: Backdrop = (setting) => {
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
