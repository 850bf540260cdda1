import { svg } from "../canvas/layer.ts";
import { type Colour, lighten, mix } from "../canvas/palette.ts";
import { type Setting, withOwnRandom } from "./setting.ts";

const BOOKS: readonly Colour[] = "#b5483f #3f6f9f #3f8a6a #d9a441 #7a5a9f #c97a4f #4f5f7f #a84f6f #e6dcc3".split(" ");

/** How bright a room is: dim with lamps at night. */
export function roomTint({ atmosphere }: Setting, colour: Colour): Colour {
  return atmosphere.isDark
    ? mix(mix(colour, "#3a2a5a", 0.42), "#ffb45f", 0.08)
    : atmosphere.time === "sunset"
      ? mix(colour, "#f0a070", 0.16)
      : colour;
}

/** A wall with faint stripes, and a rail where it is high. */
export function drawWall(setting: Setting, horizon: number, colour: Colour): void {
  const { layer } = setting;
  const wall = roomTint(setting, colour);
  layer.fill(layer.vertical({ 0: mix(wall, "#3a2f55", 0.18), 0.5: wall, 1: lighten(wall, 0.1) }, 0, horizon));
  for (let x = 20; x < layer.width; x += 92) layer.rect(x, 0, 38, horizon, lighten(wall, 0.35), 0.16);
  if (horizon < 900) return;
  const rail = horizon - 760;
  layer.rect(0, 0, layer.width, rail, lighten(wall, 0.3), 0.45);
  layer.rect(0, rail, layer.width, 16, lighten(wall, 0.5));
  for (const share of [0.3, 0.7]) drawHangingLamp(setting, layer.width * share, rail * 0.62);
}

/** Boards that run towards the viewer. */
export function drawBoards(setting: Setting, horizon: number, colour: Colour): void {
  const { layer } = setting;
  const wood = roomTint(setting, colour);
  layer.band(horizon, layer.height, { 0: mix(wood, "#2a1830", 0.25), 0.35: wood, 1: lighten(wood, 0.08) });
  const middle = layer.width / 2;
  const joint = mix(wood, "#2a1830", 0.35);
  for (let board = -14; board <= 14; board++) {
    layer.line(svg`M${middle + board * 76} ${horizon}L${middle + board * 190} ${layer.height + 10}`, joint, 2.6, 0.5);
  }
  layer.rect(-5, horizon - 14, layer.width + 10, 16, lighten(roomTint(setting, "#f0e6d8"), 0.1), 0.85);
}

/** A window with the weather and the hour outside. */
export function drawWindow(setting: Setting, x: number, y: number, width: number, height: number): void {
  const { layer, atmosphere, random } = withOwnRandom(setting);
  const frame = roomTint(setting, "#fbf7f0");
  const clip = layer.clip(svg`<rect x="${x}" y="${y}" width="${width}" height="${height}"/>`);
  if (!atmosphere.isDark) layer.glow(x + width / 2, y + height / 2, width * 1.5, atmosphere.light, 0.4);
  layer.rect(x - 14, y - 14, width + 28, height + 28, frame, 1, 5);
  layer.group(`clip-path="${clip}"`, () => {
    const [top, middle, bottom] = atmosphere.sky;
    layer.rect(x, y, width, height, layer.vertical({ 0: top, 0.6: middle, 1: bottom }, y, y + height));
    if (atmosphere.isDark)
      for (let star = 0; star < 22; star++) {
        const [starX, starY] = [random.between(x, x + width), random.between(y, y + height * 0.6)];
        layer.circle(starX, starY, random.between(1, 2.2), "#ffffff", 0.9);
      }
    if (atmosphere.hasOrb) layer.circle(x + width * 0.72, y + height * 0.26, width * 0.09, atmosphere.light);
    else layer.ellipse(x + width * 0.4, y + height * 0.25, width * 0.3, height * 0.08, lighten(middle, 0.3), 0.8);
    layer.ellipse(x + width * 0.25, y + height * 1.02, width * 0.55, height * 0.32, atmosphere.tint("#5aa05a", 0.35));
    layer.ellipse(x + width * 0.85, y + height * 1.08, width * 0.6, height * 0.34, atmosphere.tint("#4a9450", 0.15));
    if (atmosphere.weather === "rain" || atmosphere.weather === "storm")
      for (let drop = 0; drop < 26; drop++)
        layer.line(svg`M${random.between(x, x + width)} ${random.between(y, y + height)}l-5 18`, "#dcecff", 2, 0.6);
    if (atmosphere.weather === "snow" || setting.isSnowy)
      for (let flake = 0; flake < 30; flake++)
        layer.circle(random.between(x, x + width), random.between(y, y + height), random.between(2, 4), "#ffffff", 0.9);
  });
  layer.rect(x + width / 2 - 5, y, 10, height, frame);
  layer.rect(x, y + height * 0.46, width, 10, frame);
  layer.rect(x - 26, y + height + 10, width + 52, 16, lighten(frame, 0.2), 1, 4);
}

/** A picture on the wall: hills in a frame. */
export function drawPainting(setting: Setting, x: number, y: number, width: number): void {
  const { layer, random } = setting;
  const height = width * 0.76;
  const wood = roomTint(setting, random.pick(["#a8763f", "#5f4a3c", "#e8dcc0"]));
  layer.rect(x - 9, y - 9, width + 18, height + 18, wood, 1, 3);
  const clip = layer.clip(svg`<rect x="${x}" y="${y}" width="${width}" height="${height}"/>`);
  const tones = random
    .pick([
      ["#f3d9a8", "#d98f5f", "#a85a4f"],
      ["#bfe0ea", "#7fb08f", "#4f8a6f"],
      ["#e6d3ea", "#a98fc9", "#6f5f9f"],
    ])
    .map((tone) => roomTint(setting, tone));
  layer.group(`clip-path="${clip}"`, () => {
    layer.rect(x, y, width, height, tones[0] ?? "#ffffff");
    layer.circle(x + width * 0.7, y + height * 0.34, width * 0.12, "#fff3d0", 0.9);
    layer.ellipse(x + width * 0.25, y + height * 1.05, width * 0.6, height * 0.55, tones[1] ?? "#888888");
    layer.ellipse(x + width * 0.85, y + height * 1.15, width * 0.6, height * 0.5, tones[2] ?? "#555555");
  });
}

/** A shelf from wall to floor, full of books. */
export function drawShelves(setting: Setting, from: number, to: number, top: number, foot: number): void {
  const { layer, random } = setting;
  const wood = roomTint(setting, "#7f5236");
  layer.rect(from, top, to - from, foot - top, mix(wood, "#1a0f1f", 0.5));
  const rowHeight = 112;
  for (let y = foot; y > top + 10; y -= rowHeight) {
    let x = from + 14;
    while (x < to - 24) {
      if (random.chance(0.07)) {
        x += random.between(20, 46);
        continue;
      }
      const width = random.between(12, 26);
      const height = random.between(62, 90);
      const colour = roomTint(setting, random.pick(BOOKS));
      const lean = random.chance(0.06) ? svg` transform="rotate(-9 ${x} ${y - 12})"` : "";
      layer.add(`<g${lean}>`);
      const cover = layer.across({ 0: lighten(colour, 0.12), 1: mix(colour, "#1a0f1f", 0.25) }, x, x + width);
      layer.rect(x, y - 12 - height, width, height, cover, 1, 2);
      layer.rect(x, y - 12 - height * 0.82, width, 5, lighten(colour, 0.42), 0.8);
      layer.add("</g>");
      x += width + 1.5;
    }
    layer.rect(from, y - 13, to - from, 14, wood);
    layer.rect(from, y - 13, to - from, 3.5, lighten(wood, 0.22));
  }
  layer.rect(from - 8, top - 12, 18, foot - top + 12, wood);
  layer.rect(to - 10, top - 12, 18, foot - top + 12, wood);
  layer.rect(from - 14, top - 22, to - from + 28, 20, lighten(wood, 0.08), 1, 3);
}

/** A round rug under the subjects. */
export function drawRug(setting: Setting, y: number, colour: Colour): void {
  const { layer } = setting;
  const tone = roomTint(setting, colour);
  const width = Math.min(layer.width * 0.44, 560);
  layer.ellipse(layer.width / 2, y, width, width * 0.22, tone);
  layer.ellipse(layer.width / 2, y, width * 0.88, width * 0.185, lighten(tone, 0.28));
  layer.ellipse(layer.width / 2, y, width * 0.78, width * 0.155, tone);
}

export function drawHangingLamp(setting: Setting, x: number, y: number): void {
  const { layer, atmosphere } = setting;
  layer.line(svg`M${x} -5V${y}`, "#4a4050", 4);
  layer.glow(x, y + 30, atmosphere.isDark ? 330 : 160, "#ffd98f", atmosphere.isDark ? 0.75 : 0.4);
  layer.path(svg`M${x - 16} ${y}h32l34 46h-100z`, roomTint(setting, "#c9623f"));
  layer.ellipse(x, y + 47, 40, 8, "#fff3cf");
}

/** A potted plant on the floor. */
export function drawPlant(setting: Setting, x: number, foot: number, height: number): void {
  const { layer, random } = setting;
  for (let leaf = 0; leaf < 9; leaf++) {
    const angle = -Math.PI / 2 + (leaf - 4) * 0.26 + random.between(-0.08, 0.08);
    const length = height * random.between(0.5, 0.8);
    const endX = x + Math.cos(angle) * length;
    const endY = foot - height * 0.25 + Math.sin(angle) * length;
    const side = length * 0.12;
    const blade = svg`M${x} ${foot - height * 0.25}Q${(x + endX) / 2 - side} ${(foot - height * 0.25 + endY) / 2 - side} ${endX} ${endY}Q${(x + endX) / 2 + side} ${(foot - height * 0.25 + endY) / 2 + side} ${x} ${foot - height * 0.25}Z`;
    layer.path(blade, roomTint(setting, random.pick(["#3f8a5a", "#4f9a5f", "#2f7a52"])));
  }
  const pot = roomTint(setting, "#d98a5f");
  layer.shadow(x, foot, height * 0.26, height * 0.05, "#1a0f1f", 0.4);
  const body = svg`M${x - height * 0.15} ${foot - height * 0.28}L${x + height * 0.15} ${foot - height * 0.28}L${x + height * 0.11} ${foot}L${x - height * 0.11} ${foot}Z`;
  layer.path(
    body,
    layer.across({ 0: lighten(pot, 0.15), 1: mix(pot, "#3a1a2a", 0.3) }, x - height * 0.15, x + height * 0.15),
  );
}
