import { type Point, svg, triplesOf } from "../canvas/layer.ts";
import { lighten, mix } from "../canvas/palette.ts";
import { type Setting, withOwnRandom } from "./setting.ts";

/** Where the sun or the moon stands, and how large it is. */
export interface Orb {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}

/** Fills the layer with sky: its gradient, stars, the sun or the moon with its glow, and clouds. */
export function drawSky(setting: Setting, horizon: number, options: { readonly clouds?: number } = {}): Orb {
  const { layer, atmosphere } = setting;
  const [top, middle, bottom] = atmosphere.sky;
  layer.fill(layer.vertical({ 0: top, 0.55: middle, 0.98: bottom, 1: bottom }, 0, horizon));
  const orb = placeOrb(setting, horizon);
  const [stars, face, effects] = [withOwnRandom(setting), withOwnRandom(setting), withOwnRandom(setting)];
  if (atmosphere.isDark) drawStars(stars, horizon, atmosphere.weather === "clear" ? 1 : 0.25);
  if (atmosphere.hasOrb) drawOrb(face, orb);
  drawSkyEffects(effects, horizon);
  drawClouds(setting, horizon, options.clouds ?? 1, atmosphere.hasOrb ? orb : undefined);
  return orb;
}

function placeOrb({ layer, random, atmosphere }: Setting, horizon: number): Orb {
  const side = random.chance(0.5) ? random.between(0.12, 0.3) : random.between(0.7, 0.88);
  const isLow = atmosphere.time === "sunset" || atmosphere.time === "dawn";
  const height = isLow ? random.between(0.7, 0.9) : random.between(0.2, 0.36);
  return {
    x: layer.width * side,
    y: horizon * height,
    radius: isLow ? random.between(78, 100) : random.between(52, 68),
  };
}

function drawOrb({ layer, atmosphere, random }: Setting, { x, y, radius }: Orb): void {
  const { light, isDark, time } = atmosphere;
  const reach = time === "day" ? 5.2 : isDark ? 4.4 : 7;
  layer.glow(x, y, radius * reach, isDark ? mix(light, "#9fb4ff", 0.35) : light, isDark ? 0.55 : 0.85);
  layer.circle(x, y, radius * 1.45, light, 0.22);
  layer.circle(x, y, radius, layer.linear({ 0: lighten(light, 0.5), 1: light }, [x, y - radius], [x, y + radius]));
  if (!isDark) return;
  const crater = mix(light, "#8d93b0", 0.35);
  for (const [craterX, craterY, size] of triplesOf("-0.3 -0.25 0.22, 0.32 0.1 0.28, -0.12 0.42 0.17, 0.2 -0.48 0.12")) {
    layer.circle(x + craterX * radius, y + craterY * radius, radius * size * random.between(0.8, 1.15), crater, 0.55);
  }
}

/** Stars down to a height, denser at the top, a few of them bright. */
export function drawStars({ layer, random }: Setting, lowest: number, density: number): void {
  const count = Math.round(((layer.width * lowest) / 5200) * density);
  for (let star = 0; star < count; star++) {
    const x = random.between(0, layer.width);
    const y = lowest * random.next() ** 1.4;
    const size = random.between(0.9, 2.4);
    const colour = random.pick(["#ffffff", "#ffffff", "#dfe8ff", "#fff2d8"]);
    if (random.chance(0.04)) {
      layer.glow(x, y, size * 9, colour, 0.6);
      layer.path(sparkle(x, y, size * 4.5), colour, 0.95);
    } else layer.circle(x, y, size, colour, random.between(0.35, 0.95));
  }
}

function sparkle(x: number, y: number, reach: number): string {
  const waist = reach * 0.14;
  return svg`M${x} ${y - reach}L${x + waist} ${y - waist}L${x + reach} ${y}L${x + waist} ${y + waist}L${x} ${y + reach}L${x - waist} ${y + waist}L${x - reach} ${y}L${x - waist} ${y - waist}Z`;
}

/** Strews clouds over the upper part of the sky; `share` 1 is the usual number. */
export function drawClouds(setting: Setting, horizon: number, share: number, orb?: Orb): void {
  const own = withOwnRandom(setting);
  const { layer, random, atmosphere } = own;
  const { weather, isDark, sky } = atmosphere;
  const isHeavy = weather === "rain" || weather === "storm" || weather === "cloudy" || weather === "snow";
  const usual = random.between(3, 5.4);
  const amount = (isHeavy ? 7 : usual) * Math.max(0.8, (layer.width * horizon) / 620_000) * share;
  const lit = isDark
    ? mix(sky[1], "#aab6e6", 0.22)
    : isHeavy
      ? mix(sky[1], "#ffffff", 0.14)
      : mix("#ffffff", sky[2], atmosphere.time === "day" ? 0.12 : 0.45);
  const shaded = isDark ? mix(sky[0], sky[1], 0.6) : mix(lit, sky[1], isHeavy ? 0.75 : 0.55);
  for (let cloud = 0; cloud < Math.round(amount); cloud++) {
    const depth = random.next();
    const width = (isHeavy ? random.between(260, 480) : random.between(130, 270)) * (0.65 + depth * 0.55);
    const x = random.between(-0.05, 1.05) * layer.width;
    const y = horizon * (isHeavy ? random.between(0.02, 0.42) : random.between(0.08, 0.62));
    const hidesOrb =
      orb !== undefined && Math.abs(x - orb.x) < width * 0.55 + orb.radius && Math.abs(y - orb.y) < orb.radius * 2.2;
    const [mayHideOrb, shape] = [random.chance(0.3) && !isDark, withOwnRandom(own)];
    if (hidesOrb && !mayHideOrb) continue;
    drawCloud(shape, x, y, width, lit, shaded, isDark ? 0.5 : isHeavy ? 0.72 : 0.92);
  }
}

/** One cloud: a flat base with round heads, lit from above. */
export function drawCloud(
  { layer, random }: Setting,
  x: number,
  y: number,
  width: number,
  lit: string,
  shaded: string,
  opacity: number,
): void {
  const height = width * random.between(0.3, 0.38);
  const base = height * 0.36;
  const fill = layer.vertical({ 0: lit, 0.55: lit, 1: shaded }, y - height, y);
  const heads = random.whole(3, 4);
  layer.group(svg`opacity="${opacity}"`, () => {
    layer.rect(x - width / 2, y - base, width, base, fill, 1, base / 2);
    for (let head = 0; head < heads; head++) {
      const share = (head + 0.5) / heads + random.between(-0.05, 0.05);
      const middle = 1 - Math.abs(share - random.between(0.4, 0.6)) * 1.15;
      const radius = height * (0.26 + 0.24 * middle);
      const [headX, headY] = [
        x - width / 2 + base * 0.6 + share * (width - base * 1.2),
        y - base * 0.55 - radius * 0.55,
      ];
      layer.circle(headX, headY, radius, fill);
    }
  });
}

/** A rainbow, an aurora, fireworks or shooting stars, as far as the scene has them. */
export function drawSkyEffects(setting: Setting, horizon: number): void {
  for (const effect of setting.scene.effects) {
    if (effect === "rainbow") drawRainbow(setting, horizon);
    else if (effect === "aurora") drawAurora(setting, horizon);
    else if (effect === "fireworks") drawFireworks(setting, horizon);
    else drawShootingStars(setting, horizon);
  }
}

function drawRainbow({ layer, random }: Setting, horizon: number): void {
  const radius = Math.min(layer.width * 0.62, horizon * 1.02);
  const x = layer.width * random.between(0.4, 0.6);
  const colours = ["#f0524f", "#f59a3c", "#f8dc58", "#5fc36b", "#4b9be8", "#7a62d3"];
  for (const [band, colour] of colours.entries()) {
    const size = radius - band * 17;
    layer.line(svg`M${x - size} ${horizon + 20}A${size} ${size} 0 0 1 ${x + size} ${horizon + 20}`, colour, 18, 0.62);
  }
}

function drawAurora({ layer, random }: Setting, horizon: number): void {
  for (let curtain = 0; curtain < 3; curtain++) {
    const colour = random.pick(["#4fffb0", "#3fe0d0", "#8f7bff", "#63ff8f"]);
    const base = horizon * random.between(0.45, 0.75);
    const height = horizon * random.between(0.35, 0.55);
    const phase = random.between(0, 6);
    const fill = layer.vertical({ 0: [colour, 0], 0.7: [colour, 0.42], 1: [colour, 0] }, base - height, base + 60);
    const points: Point[] = [];
    const back: Point[] = [];
    for (let x = -20; x <= layer.width + 20; x += 24) {
      const sway = Math.sin(x / 190 + phase) * 60 + Math.sin(x / 71 + phase * 2) * 22;
      points.push([x, base + sway]);
      back.unshift([x + 40, base - height + sway * 1.3]);
    }
    layer.polygon([...points, ...back], fill, 0.8);
  }
}

function drawFireworks({ layer, random }: Setting, horizon: number): void {
  const bursts = Math.max(4, Math.round(layer.width / 260));
  for (let burst = 0; burst < bursts; burst++) {
    const x = layer.width * ((burst + random.between(0.2, 0.8)) / bursts);
    const y = horizon * random.between(0.1, 0.42);
    const size = random.between(80, 190);
    const colour = random.pick(["#ff6f61", "#ffd166", "#5ee7ff", "#ff8fe0", "#9bff8a", "#ffffff"]);
    const rays = random.whole(14, 22);
    layer.glow(x, y, size * 1.5, colour, 0.5);
    for (let ray = 0; ray < rays; ray++) {
      const angle = (ray / rays) * Math.PI * 2;
      const reach = size * random.between(0.8, 1.05);
      const endX = x + Math.cos(angle) * reach;
      const endY = y + Math.sin(angle) * reach + reach * 0.12;
      const streak = svg`M${x + Math.cos(angle) * reach * 0.25} ${y + Math.sin(angle) * reach * 0.25}Q${x + Math.cos(angle) * reach * 0.7} ${y + Math.sin(angle) * reach * 0.7} ${endX} ${endY}`;
      layer.line(streak, colour, 3.2, 0.85);
      layer.circle(endX, endY, 4.5, lighten(colour, 0.5));
    }
  }
}

function drawShootingStars({ layer, random }: Setting, horizon: number): void {
  for (let star = 0; star < random.whole(2, 4); star++) {
    const x = layer.width * random.between(0.15, 0.9);
    const y = horizon * random.between(0.08, 0.45);
    const length = random.between(140, 260);
    const end: Point = [x - length, y - length * 0.5];
    const fill = layer.linear({ 0: ["#ffffff", 0.95], 1: ["#ffffff", 0] }, [x, y], end);
    layer.polygon([[x + 3, y + 4], [x + 5, y - 3], end], fill);
    layer.glow(x, y, 24, "#ffffff", 0.9);
  }
}
