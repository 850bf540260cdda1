import type { Setting } from "./backdrop/setting.ts";
import { lighten, mix } from "./palette.ts";
import { n } from "./sheet.ts";

/** Draws what falls or drifts before the subjects: rain, snow, fog, lightning, leaves. */
export function drawWeather(setting: Setting, horizon: number, isIndoors: boolean): void {
  if (isIndoors) return;
  const { weather } = setting.atmosphere;
  switch (weather) {
    case "rain":
      drawRain(setting, 1);
      return;
    case "storm":
      drawRain(setting, 1.7);
      return;
    case "snow":
      drawSnow(setting);
      return;
    case "fog":
      drawFog(setting, horizon);
      return;
    case "wind":
    case "clear":
    case "cloudy":
      drawDrift(setting, weather === "wind" ? 3 : 1);
      return;
    default:
      weather satisfies never;
  }
}

function drawRain({ sheet, random, atmosphere }: Setting, strength: number): void {
  const slant = random.between(0.12, 0.3) * (random.chance(0.5) ? 1 : -1) * strength;
  const colour = lighten(atmosphere.sky[1], 0.55);
  for (const [share, width, opacity, length] of [
    [0.6, 1.8, 0.28, 34],
    [0.4, 2.8, 0.42, 58],
  ] as const) {
    let data = "";
    const count = Math.round(((sheet.width * sheet.height) / 5200) * share * strength);
    for (let drop = 0; drop < count; drop++) {
      const size = length * random.between(0.6, 1.2);
      data += `M${n(random.between(-40, sheet.width + 40))} ${n(random.between(-60, sheet.height))}l${n(-size * slant)} ${n(size)}`;
    }
    sheet.line(data, colour, width, opacity);
  }
}

function drawSnow({ sheet, random, atmosphere }: Setting): void {
  const colour = atmosphere.isDark ? "#e3ecff" : "#ffffff";
  const count = Math.round((sheet.width * sheet.height) / 5600);
  for (let flake = 0; flake < count; flake++) {
    const nearness = random.next() ** 3;
    sheet.circle(
      random.between(0, sheet.width),
      random.between(0, sheet.height),
      1.8 + nearness * 7.5,
      colour,
      0.9 - nearness * 0.4,
    );
  }
}

function drawFog({ sheet, random, atmosphere }: Setting, horizon: number): void {
  const colour = lighten(atmosphere.haze, 0.25);
  sheet.rect(
    0,
    0,
    sheet.width,
    sheet.height,
    sheet.vertical(
      [
        [0, colour, 0.1],
        [0.6, colour, 0.6],
        [1, colour, 0.25],
      ],
      0,
      sheet.height,
    ),
  );
  for (let bank = 0; bank < 9; bank++) {
    const width = random.between(300, 640);
    sheet.shadow(
      random.between(0, sheet.width),
      horizon + random.between(-190, 200),
      width,
      width * 0.17,
      colour,
      0.55,
    );
  }
}

/** Leaves in autumn, petals in spring, a few motes of light otherwise. */
function drawDrift({ sheet, random, atmosphere, brief }: Setting, strength: number): void {
  const colours =
    brief.season === "autumn"
      ? ["#d9782d", "#c9502f", "#e6a93a"]
      : brief.season === "spring"
        ? ["#f7c1d4", "#f3a9c4", "#ffffff"]
        : undefined;
  if (colours === undefined && strength === 1) return;
  const count = Math.round((sheet.width / 42) * strength * (colours === undefined ? 0.5 : 1));
  for (let leaf = 0; leaf < count; leaf++) {
    const x = random.between(0, sheet.width);
    const y = random.between(0, sheet.height);
    const size = random.between(7, 15);
    const fill = atmosphere.illuminate(random.pick(colours ?? ["#8fbf5f", "#ffffff"]));
    sheet.add(
      `<path d="M${n(-size)} 0Q0 ${n(-size * 0.8)} ${n(size)} 0Q0 ${n(size * 0.8)} ${n(-size)} 0Z" fill="${fill}" opacity="0.85" transform="translate(${n(x)} ${n(y)}) rotate(${n(random.between(0, 360))})"/>`,
    );
  }
}

/** A bolt from the clouds, with the light it throws. Belongs behind the subjects. */
export function drawLightning({ sheet, random, atmosphere }: Setting, horizon: number): void {
  if (atmosphere.weather !== "storm") return;
  for (let bolt = 0; bolt < (sheet.width > 1400 ? 2 : 1); bolt++) {
    let x = sheet.width * (random.chance(0.5) ? random.between(0.12, 0.34) : random.between(0.66, 0.88));
    let y = horizon * 0.12;
    sheet.glow(x, horizon * 0.4, 420, "#dfe6ff", 0.55);
    let data = `M${n(x)} ${n(y)}`;
    while (y < horizon * 0.96) {
      x += random.between(-48, 48);
      y += random.between(40, 78);
      data += `L${n(x)} ${n(y)}`;
      if (random.chance(0.28)) data += `l${n(random.between(-70, 70))} ${n(random.between(50, 90))}M${n(x)} ${n(y)}`;
    }
    sheet.line(data, mix("#c9d4ff", atmosphere.light, 0.3), 15, 0.3);
    sheet.line(data, "#ffffff", 5, 0.95);
  }
}
