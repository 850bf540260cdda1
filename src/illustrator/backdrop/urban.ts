import { svg } from "../canvas/layer.ts";
import { type Colour, lighten, mix } from "../canvas/palette.ts";
import { type Backdrop, horizonOf, type Setting, withOwnRandom } from "./setting.ts";
import { drawSky } from "./sky.ts";
import { drawTree } from "./trees.ts";

const WINDOW_LIGHTS = ["#ffd879", "#ffe7ac", "#ffc95c", "#9fd4ff"] as const;

/** A row of towers standing on a line, their windows lit by the hour. */
function drawSkyline(setting: Setting, foot: number, tallest: number, distance: number): void {
  const { layer, random, atmosphere } = withOwnRandom(setting);
  const isLit =
    atmosphere.isDark ||
    atmosphere.time === "sunset" ||
    atmosphere.weather === "rain" ||
    atmosphere.weather === "storm";
  let x = -random.between(0, 60);
  while (x < layer.width) {
    const width = random.between(58, 128);
    const height = tallest * random.between(0.42, 1);
    const wall = atmosphere.tint(random.pick(["#5a6f9a", "#6d7f9f", "#4f6488", "#7a7894", "#5f7f93"]), distance);
    const body = isLit ? mix(wall, "#101a42", 0.55 - distance * 0.4) : wall;
    const top = foot - height;
    const shaded = layer.across({ 0: lighten(body, 0.08), 1: mix(body, atmosphere.shade, 0.25) }, x, x + width);
    layer.rect(x, top, width, height + 10, shaded);
    const cap = random.next();
    if (cap < 0.25) layer.rect(x + width * 0.3, top - 22, width * 0.4, 24, body);
    else if (cap < 0.42) layer.line(svg`M${x + width / 2} ${top}v-46`, body, 4);
    else if (cap < 0.54)
      layer.path(svg`M${x} ${top + 1}L${x + width / 2} ${top - width * 0.42}L${x + width} ${top + 1}Z`, body);
    const light = random.pick(WINDOW_LIGHTS);
    const glass = isLit ? light : lighten(body, 0.28);
    const columns = Math.max(2, Math.floor(width / 21));
    const gap = width / (columns + 0.4);
    let lit = "";
    let dark = "";
    for (let y = top + 16; y < foot - 18; y += 25) {
      for (let column = 0; column < columns; column++) {
        const pane = svg`M${x + gap * (column + 0.42)} ${y}h${gap * 0.55}v13h${-gap * 0.55}z`;
        if (random.chance(isLit ? 0.42 : 0.75)) lit += pane;
        else dark += pane;
      }
    }
    layer.path(lit, glass, isLit ? 0.92 - distance * 0.5 : 0.55);
    layer.path(dark, mix(body, "#05081c", 0.35), 0.4);
    x += width + random.between(-4, 14);
  }
}

/** Asphalt with its markings, wet and mirroring in the rain. */
function drawRoad(setting: Setting, from: number, lineY: number): void {
  const { layer, random, atmosphere, isSnowy } = withOwnRandom(setting);
  const asphalt = atmosphere.tint(isSnowy ? "#c3cedd" : "#5b6272", 0.04);
  layer.rect(-10, from - 18, layer.width + 20, 20, atmosphere.tint("#a7adb8", 0.08));
  layer.rect(-10, from, layer.width + 20, 6, atmosphere.tint("#7f8692", 0.05));
  layer.band(from + 5, layer.height, { 0: lighten(asphalt, 0.06), 1: mix(asphalt, atmosphere.shade, 0.35) });
  const isWet = atmosphere.weather === "rain" || atmosphere.weather === "storm";
  if (isWet || atmosphere.isDark) {
    for (let streak = 0; streak < Math.round(layer.width / 42); streak++) {
      const x = random.between(0, layer.width);
      const top = from + random.between(8, 60);
      const length = random.between(60, layer.height - from);
      const colour = random.pick(["#ffd879", "#ffc95c", "#8fd0ff", "#ff8f70"]);
      const fill = layer.vertical(
        { 0: [colour, 0], 0.3: [colour, isWet ? 0.3 : 0.12], 1: [colour, 0] },
        top,
        top + length,
      );
      layer.rect(x, top, random.between(5, 16), length, fill);
    }
  }
  for (let dash = -random.between(0, 120); dash < layer.width; dash += 150)
    layer.path(
      svg`M${dash + 6} ${lineY - 5}L${dash + 84} ${lineY - 5}L${dash + 78} ${lineY + 5}L${dash} ${lineY + 5}Z`,
      atmosphere.tint("#f3e4b0", 0.02),
      0.85,
    );
}

/** A lamp post; in the dark its cone of light with it. */
function drawLamp({ layer, atmosphere }: Setting, x: number, foot: number, height: number, side: number): void {
  const metal = mix(atmosphere.tint("#3c4456", 0.05), atmosphere.shade, 0.3);
  const headX = x + side * height * 0.2;
  const headY = foot - height;
  layer.line(svg`M${x} ${foot}V${headY + height * 0.1}Q${x} ${headY} ${headX} ${headY}`, metal, 8);
  layer.rect(x - 9, foot - 26, 18, 26, metal, 1, 3);
  layer.rect(headX - 22, headY - 5, 44, 12, metal, 1, 5);
  if (atmosphere.isDark || atmosphere.weather === "rain") {
    const cone = svg`M${headX - 18} ${headY + 6}L${headX + 18} ${headY + 6}L${headX + height * 0.34} ${foot + 16}L${headX - height * 0.34} ${foot + 16}Z`;
    layer.path(cone, layer.vertical({ 0: ["#ffe3a0", 0.42], 1: ["#ffe3a0", 0] }, headY, foot + 16));
    layer.glow(headX, headY + 8, 100, "#ffe3a0", 0.85);
    layer.ellipse(headX, headY + 8, 15, 6, "#fff8df");
  }
}

const city: Backdrop = (setting) => {
  const { layer, random, atmosphere } = setting;
  const horizon = horizonOf(setting, 0.7);
  drawSky(setting, horizon);
  const tallest = Math.min(520, horizon * 0.78);
  drawSkyline(setting, horizon, tallest, 0.66);
  layer.band(horizon - tallest, horizon, { 0: [atmosphere.haze, 0], 1: [atmosphere.haze, 0.5] });
  drawSkyline(setting, horizon, tallest * 0.66, 0.3);
  if (atmosphere.isDark || atmosphere.weather === "rain")
    layer.band(horizon - 160, horizon, { 0: ["#ffb45f", 0], 1: ["#ffb45f", 0.2] });
  const floor = horizon + (layer.height - horizon) * 0.56;
  drawRoad(setting, horizon, horizon + (layer.height - horizon) * 0.72);
  for (let x = random.between(60, 200); x < layer.width; x += random.between(420, 560))
    drawLamp(setting, x, horizon - 4, 270, random.chance(0.5) ? 1 : -1);
  return { horizon, floor, back: horizon + 10, surface: "road" };
};

const street: Backdrop = (setting) => {
  const { layer, random } = setting;
  const horizon = horizonOf(setting, 0.72);
  drawSky(setting, horizon);
  drawSkyline(setting, horizon, Math.min(480, horizon * 0.6), 0.62);
  let x = -random.between(20, 90);
  while (x < layer.width) {
    const width = random.between(170, 250);
    drawShop(setting, x, horizon - 10, width, random.between(250, Math.min(430, horizon * 0.62)));
    x += width + 2;
  }
  drawRoad(setting, horizon, horizon + (layer.height - horizon) * 0.68);
  const spacing = random.between(330, 430);
  for (let lamp = random.between(40, 160); lamp < layer.width; lamp += spacing) {
    drawLamp(setting, lamp, horizon + 2, 300, 1);
    drawTree(setting, lamp + spacing * 0.5, horizon + 2, 210, 0.04);
  }
  return { horizon, floor: horizon + (layer.height - horizon) * 0.56, back: horizon + 6, surface: "road" };
};

/** A town house with a shop under an awning. */
function drawShop(setting: Setting, x: number, foot: number, width: number, height: number): void {
  const { layer, random, atmosphere, isSnowy } = withOwnRandom(setting);
  const isLit = atmosphere.isDark || atmosphere.time === "sunset" || atmosphere.weather === "rain";
  const paint: Colour = random.pick(["#d98f6a", "#e3b774", "#8fb0a4", "#b77f86", "#7f93b5", "#c9a58a", "#a7b48a"]);
  const wall = mix(atmosphere.tint(paint, 0.06), atmosphere.shade, isLit ? 0.22 : 0);
  const trim = lighten(wall, 0.32);
  const top = foot - height;
  const shaded = layer.across({ 0: lighten(wall, 0.06), 1: mix(wall, atmosphere.shade, 0.18) }, x, x + width);
  layer.rect(x, top, width, height + 12, shaded);
  const cornice = isSnowy ? atmosphere.tint("#ffffff", 0) : mix(wall, atmosphere.shade, 0.3);
  layer.rect(x - 4, top - 12, width + 8, 16, cornice);
  const columns = Math.max(2, Math.round(width / 80));
  for (let y = top + 34; y < foot - 180; y += 92) {
    for (let column = 0; column < columns; column++) {
      const paneX = x + (width / columns) * (column + 0.5) - 19;
      const [isOn, light] = [random.chance(0.6) && isLit, random.pick(WINDOW_LIGHTS)];
      if (isOn) layer.glow(paneX + 19, y + 26, 62, "#ffcf6b", 0.45);
      layer.rect(paneX - 4, y - 4, 46, 62, trim, 1, 3);
      layer.rect(paneX, y, 38, 54, isOn ? light : mix(atmosphere.sky[1], "#1a2440", isLit ? 0.7 : 0.35));
      layer.rect(paneX + 17, y, 4, 54, trim);
      layer.rect(paneX - 7, y + 56, 52, 7, trim);
    }
  }
  const shopTop = foot - 122;
  if (isLit) layer.glow(x + width / 2, shopTop + 60, width * 0.7, "#ffcf6b", 0.4);
  layer.rect(x + 16, shopTop, width - 32, 110, isLit ? "#ffdf95" : mix(atmosphere.sky[2], "#4a5f80", 0.55), 1, 3);
  layer.rect(x + 16, shopTop + 84, width - 32, 30, mix(wall, atmosphere.shade, 0.4));
  layer.rect(x + width * 0.64, shopTop + 8, width * 0.2, 108, mix(wall, "#3a2a2a", 0.6), 1, 3);
  const awning = atmosphere.illuminate(random.pick(["#d94f4f", "#3f8f7a", "#e0a03f", "#4f78b8", "#a85a8f"]));
  const stripes = 8;
  for (let stripe = 0; stripe < stripes; stripe++) {
    const from = x + 8 + ((width - 16) / stripes) * stripe;
    const size = (width - 16) / stripes;
    const flap = svg`M${from} ${shopTop - 14}h${size}v34a${size / 2} ${size / 2} 0 0 1 ${-size} 0z`;
    layer.path(flap, stripe % 2 === 0 ? awning : atmosphere.illuminate("#f7f1e6"));
  }
}

export const TOWNS = { city, street };
