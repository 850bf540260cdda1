import type { Setting } from "./backdrop/setting.ts";
import { svg } from "./canvas/layer.ts";
import { lighten, mix } from "./canvas/palette.ts";

/** Draws what falls or drifts before the subjects: rain, snow, fog, leaves. */
export function drawWeather(setting: Setting, horizon: number, isIndoors: boolean): void {
  const { weather } = setting.atmosphere;
  if (isIndoors) return;
  if (weather === "rain" || weather === "storm") drawRain(setting, weather === "rain" ? 1 : 1.7);
  else if (weather === "snow" || setting.scene.season === "winter") drawSnow(setting, weather === "snow" ? 1 : 0.4);
  else if (weather === "fog") drawFog(setting, horizon);
  else drawDrift(setting, weather === "wind" ? 3 : 1);
}

function drawRain({ layer, random, atmosphere }: Setting, strength: number): void {
  const slant = random.between(0.12, 0.3) * (random.chance(0.5) ? 1 : -1) * strength;
  const colour = lighten(atmosphere.sky[1], 0.55);
  for (const [share, width, opacity, length] of [
    [0.6, 1.8, 0.28, 34],
    [0.4, 2.8, 0.42, 58],
  ] as const) {
    let data = "";
    const count = Math.round(((layer.width * layer.height) / 5200) * share * strength);
    for (let drop = 0; drop < count; drop++) {
      const size = length * random.between(0.6, 1.2);
      data += svg`M${random.between(-40, layer.width + 40)} ${random.between(-60, layer.height)}l${-size * slant} ${size}`;
    }
    layer.line(data, colour, width, opacity);
  }
}

function drawSnow({ layer, random, atmosphere }: Setting, amount: number): void {
  const colour = atmosphere.isDark ? "#e3ecff" : "#ffffff";
  const count = Math.round(((layer.width * layer.height) / 5600) * amount);
  for (let flake = 0; flake < count; flake++) {
    const nearness = random.next() ** 3;
    const [x, y] = [random.between(0, layer.width), random.between(0, layer.height)];
    layer.circle(x, y, 1.8 + nearness * 7.5, colour, 0.9 - nearness * 0.4);
  }
}

function drawFog({ layer, random, atmosphere }: Setting, horizon: number): void {
  const colour = lighten(atmosphere.haze, 0.25);
  layer.fill(layer.vertical({ 0: [colour, 0.1], 0.6: [colour, 0.6], 1: [colour, 0.25] }, 0, layer.height));
  for (let bank = 0; bank < 9; bank++) {
    const width = random.between(300, 640);
    const [x, y] = [random.between(0, layer.width), horizon + random.between(-190, 200)];
    layer.shadow(x, y, width, width * 0.17, colour, 0.55);
  }
}

/** Leaves in autumn, petals in spring, a few motes of light otherwise. */
function drawDrift({ layer, random, atmosphere, scene }: Setting, strength: number): void {
  const colours =
    scene.season === "autumn"
      ? ["#d9782d", "#c9502f", "#e6a93a"]
      : scene.season === "spring"
        ? ["#f7c1d4", "#f3a9c4", "#ffffff"]
        : undefined;
  if (colours === undefined && strength === 1) return;
  const count = Math.round((layer.width / 42) * strength * (colours === undefined ? 0.5 : 1));
  for (let leaf = 0; leaf < count; leaf++) {
    const x = random.between(0, layer.width);
    const y = random.between(0, layer.height);
    const size = random.between(7, 15);
    const fill = atmosphere.illuminate(random.pick(colours ?? ["#8fbf5f", "#ffffff"]));
    const leafShape = svg`<path d="M${-size} 0Q0 ${-size * 0.8} ${size} 0Q0 ${size * 0.8} ${-size} 0Z" fill="${fill}" opacity="0.85" transform="translate(${x} ${y}) rotate(${random.between(0, 360)})"/>`;
    layer.add(leafShape);
  }
}

/** A bolt from the clouds, with the light it throws. Belongs behind the subjects. */
export function drawLightning({ layer, random, atmosphere }: Setting, horizon: number): void {
  if (atmosphere.weather !== "storm") return;
  for (let bolt = 0; bolt < (layer.width > 1400 ? 2 : 1); bolt++) {
    let x = layer.width * (random.chance(0.5) ? random.between(0.12, 0.34) : random.between(0.66, 0.88));
    let y = horizon * 0.12;
    layer.glow(x, horizon * 0.4, 420, "#dfe6ff", 0.55);
    let data = svg`M${x} ${y}`;
    while (y < horizon * 0.96) {
      x += random.between(-48, 48);
      y += random.between(40, 78);
      data += svg`L${x} ${y}`;
      if (random.chance(0.28)) data += svg`l${random.between(-70, 70)} ${random.between(50, 90)}M${x} ${y}`;
    }
    layer.line(data, mix("#c9d4ff", atmosphere.light, 0.3), 15, 0.3);
    layer.line(data, "#ffffff", 5, 0.95);
  }
}
