import { svg } from "../canvas/layer.ts";
import { type Colour, lighten, mix } from "../canvas/palette.ts";
import {
  drawBoards,
  drawHangingLamp,
  drawPainting,
  drawPlant,
  drawRug,
  drawShelves,
  drawWall,
  drawWindow,
  roomTint,
} from "./furnishings.ts";
import { type Backdrop, type Ground, horizonOf, type Setting } from "./setting.ts";
import { drawSky } from "./sky.ts";

const WALLS: readonly Colour[] = ["#e9d8c3", "#dcd3e3", "#cfe0d8", "#f0d9cc", "#d3dde8", "#eadfb8"];

function finishRoom({ layer }: Setting, horizon: number): Ground {
  return { horizon, floor: horizon + (layer.height - horizon) * 0.62, back: horizon + 26, surface: "floor" };
}

const library: Backdrop = (setting) => {
  const { layer, random } = setting;
  const horizon = horizonOf(setting, 0.66);
  drawWall(setting, horizon, "#c9b18f");
  const hasWindow = random.chance(0.6);
  const top = Math.max(60, horizon - 1640);
  if (hasWindow) {
    const middle = layer.width * random.between(0.4, 0.6);
    drawWindow(setting, middle - 95, top + 50, 190, Math.min(330, horizon - top - 110));
    drawShelves(setting, -20, middle - 150, top, horizon);
    drawShelves(setting, middle + 150, layer.width + 20, top, horizon);
  } else drawShelves(setting, -20, layer.width + 20, top, horizon);
  drawBoards(setting, horizon, "#a8744a");
  drawRug(setting, horizon + (layer.height - horizon) * 0.6, random.pick(["#a84a4a", "#3f6f7f", "#7a5f9f"]));
  drawHangingLamp(setting, layer.width * random.between(0.2, 0.8), Math.max(60, horizon * 0.12));
  return finishRoom(setting, horizon);
};

const room: Backdrop = (setting) => {
  const { layer, random } = setting;
  const horizon = horizonOf(setting, 0.68);
  drawWall(setting, horizon, random.pick(WALLS));
  const isLeft = random.chance(0.5);
  drawWindow(setting, layer.width * (isLeft ? 0.08 : 0.66), horizon - 480, Math.min(280, layer.width * 0.28), 330);
  drawPainting(setting, layer.width * (isLeft ? 0.58 : 0.12), horizon - 430, 150);
  drawPainting(setting, layer.width * (isLeft ? 0.8 : 0.32), horizon - 390, 100);
  drawBoards(setting, horizon, random.pick(["#c08a5a", "#b57f56", "#d3a06a"]));
  drawRug(
    setting,
    horizon + (layer.height - horizon) * 0.62,
    random.pick(["#c9705f", "#5f8fae", "#8fae7f", "#c9a15f"]),
  );
  drawPlant(setting, layer.width * (isLeft ? 0.92 : 0.07), horizon + 50, 300);
  return finishRoom(setting, horizon);
};

const bedroom: Backdrop = (setting) => {
  const { layer, random } = setting;
  const ground = room(setting);
  const width = Math.min(620, layer.width * 0.62);
  const x = layer.width / 2 - width / 2;
  const y = ground.horizon + 30;
  const cover = roomTint(setting, random.pick(["#7f9fd0", "#c98fae", "#8fbfa8", "#d9b06f"]));
  layer.rect(x - 16, y - 150, 26, 220, roomTint(setting, "#8a5f42"), 1, 8);
  layer.rect(x, y - 40, width, 100, roomTint(setting, "#f6f1ea"), 1, 18);
  layer.rect(x + 12, y - 82, 150, 58, roomTint(setting, "#ffffff"), 1, 24);
  const blanket = svg`M${x + 130} ${y - 46}Q${x + width * 0.6} ${y - 76} ${x + width} ${y - 40}V${y + 60}H${x + 150}Z`;
  layer.path(blanket, layer.vertical({ 0: lighten(cover, 0.15), 1: mix(cover, "#2a1a3a", 0.25) }, y - 60, y + 60));
  return { ...ground, floor: ground.floor + 30 };
};

const kitchen: Backdrop = (setting) => {
  const { layer, random } = setting;
  const horizon = horizonOf(setting, 0.66);
  drawWall(setting, horizon, random.pick(["#f3e3cf", "#d8e6e0", "#f0d6c6"]));
  const tile = roomTint(setting, "#ffffff");
  for (let y = horizon - 250; y < horizon - 110; y += 36)
    for (let x = -10; x < layer.width; x += 56) layer.rect(x, y, 53, 33, tile, 0.5, 3);
  const isLeft = random.chance(0.5);
  drawWindow(setting, layer.width * (isLeft ? 0.1 : 0.62), horizon - 500, Math.min(250, layer.width * 0.26), 230);
  const cabinet = roomTint(setting, random.pick(["#7fa08f", "#6f8fae", "#c98a6a", "#e6dcc8"]));
  for (let x = isLeft ? layer.width * 0.5 : -20; x < (isLeft ? layer.width : layer.width * 0.46); x += 132) {
    layer.rect(x, horizon - 560, 126, 230, cabinet, 1, 6);
    layer.rect(x + 12, horizon - 548, 102, 206, lighten(cabinet, 0.12), 1, 4);
    layer.circle(x + 104, horizon - 380, 6, "#e0c080");
  }
  drawBoards(setting, horizon, "#c9a37a");
  layer.rect(-10, horizon - 110, layer.width + 20, 140, cabinet);
  for (let x = -20; x < layer.width; x += 150) layer.rect(x + 8, horizon - 84, 134, 106, lighten(cabinet, 0.12), 1, 4);
  layer.rect(-10, horizon - 124, layer.width + 20, 22, roomTint(setting, "#efe7dc"));
  return finishRoom(setting, horizon);
};

const office: Backdrop = (setting) => {
  const { layer, random } = setting;
  const horizon = horizonOf(setting, 0.66);
  drawWall(setting, horizon, random.pick(["#d3dde8", "#e6e0d6", "#cfe0d8"]));
  const isLeft = random.chance(0.5);
  drawWindow(setting, layer.width * (isLeft ? 0.08 : 0.62), horizon - 470, Math.min(290, layer.width * 0.3), 280);
  const left = layer.width * (isLeft ? 0.52 : 0.06);
  drawShelves(setting, left, left + Math.min(380, layer.width * 0.4), horizon - 360, horizon - 130);
  drawBoards(setting, horizon, "#b0998a");
  const desk = roomTint(setting, "#b58055");
  layer.rect(layer.width * 0.06, horizon - 60, layer.width * 0.88, 26, lighten(desk, 0.1), 1, 5);
  for (const share of [0.09, 0.87]) layer.rect(layer.width * share, horizon - 36, 26, 100, mix(desk, "#2a1830", 0.3));
  return finishRoom(setting, horizon);
};

const cafe: Backdrop = (setting) => {
  const { layer, random } = setting;
  const horizon = horizonOf(setting, 0.66);
  drawWall(setting, horizon, random.pick(["#8f6f5a", "#5f7a72", "#a8705f"]));
  const width = Math.min(360, layer.width * 0.36);
  const isLeft = random.chance(0.5);
  drawWindow(setting, isLeft ? layer.width * 0.07 : layer.width * 0.93 - width, horizon - 440, width, 290);
  const shelf = layer.width * (isLeft ? 0.54 : 0.08);
  for (let row = 0; row < 2; row++) {
    const y = horizon - 350 + row * 120;
    for (let jar = 0; jar < 5; jar++) {
      const jarX = shelf + 14 + jar * 62;
      const glaze = roomTint(setting, random.pick(["#e6dcc8", "#c9854f", "#7f9f8f", "#d9b06f", "#a85a4f"]));
      layer.rect(jarX, y - 56, 42, 56, glaze, 1, 8);
      layer.rect(jarX + 5, y - 66, 32, 12, roomTint(setting, "#4a3a34"), 1, 3);
    }
    layer.rect(shelf - 6, y, 330, 14, roomTint(setting, "#5f4030"));
  }
  drawBoards(setting, horizon, "#8a6248");
  for (const share of [0.22, 0.5, 0.78]) drawHangingLamp(setting, layer.width * share, Math.max(40, horizon * 0.13));
  return finishRoom(setting, horizon);
};

/** A table in front of a wall with a window: the place of a still life. */
const table: Backdrop = (setting) => {
  const { layer, random } = setting;
  const horizon = horizonOf(setting, 0.56);
  drawWall(setting, horizon, random.pick(WALLS));
  const size = Math.min(290, layer.width * 0.3);
  const isLeft = random.chance(0.5);
  drawWindow(
    setting,
    isLeft ? layer.width * 0.1 : layer.width * 0.9 - size,
    Math.max(40, horizon - 480),
    size,
    Math.min(310, horizon - 130),
  );
  if (layer.width > 700) drawPainting(setting, isLeft ? layer.width * 0.66 : layer.width * 0.16, horizon - 400, 140);
  const wood = roomTint(setting, random.pick(["#b3783f", "#a86b3c", "#c08a52", "#8f5f3c"]));
  layer.band(horizon, layer.height, { 0: mix(wood, "#3a1f2a", 0.2), 0.4: wood, 1: lighten(wood, 0.12) });
  const planks = 5;
  for (let plank = 0; plank <= planks; plank++) {
    const y = horizon + (layer.height - horizon) * (plank / planks) ** 1.35;
    layer.line(svg`M-10 ${y}H${layer.width + 10}`, mix(wood, "#2a1420", 0.45), 3 + plank * 0.7, 0.6);
    for (let grain = 0; grain < layer.width / 110; grain++) {
      const x = random.between(-40, layer.width);
      const offset = random.between(10, 50);
      layer.line(svg`M${x} ${y + offset}q60 ${random.between(-7, 7)} 120 0t120 0`, mix(wood, "#2a1420", 0.3), 2, 0.4);
    }
  }
  layer.rect(-5, horizon - 3, layer.width + 10, 8, lighten(wood, 0.28), 0.8);
  return { horizon, floor: horizon + (layer.height - horizon) * 0.52, back: horizon + 50, surface: "table" };
};

const stage: Backdrop = (setting) => {
  const { layer, random } = setting;
  const horizon = horizonOf(setting, 0.7);
  layer.fill(layer.vertical({ 0: "#140a2a", 1: "#3a1a55" }, 0, horizon));
  const velvet = random.pick(["#a8283f", "#7a2a6f", "#2a4a8f"]);
  for (let x = 0; x < layer.width; x += 62) {
    const folds = layer.across(
      { 0: mix(velvet, "#14081f", 0.55), 0.5: mix(velvet, "#14081f", 0.1), 1: mix(velvet, "#14081f", 0.6) },
      x,
      x + 62,
    );
    layer.rect(x, 0, 62, horizon, folds, 0.75);
  }
  layer.band(horizon, layer.height, { 0: "#5a3526", 1: "#a8683f" });
  const floor = horizon + (layer.height - horizon) * 0.5;
  for (const [share, colour] of [
    [0.16, "#ffd879"],
    [0.5, "#ffffff"],
    [0.84, "#8fd0ff"],
  ] as const) {
    const x = layer.width * share;
    const target = layer.width / 2 + (x - layer.width / 2) * 0.35;
    const beam = svg`M${x - 14} -10L${x + 14} -10L${target + 190} ${floor}L${target - 190} ${floor}Z`;
    layer.path(beam, layer.vertical({ 0: [colour, 0.5], 1: [colour, 0.08] }, 0, floor));
  }
  layer.ellipse(layer.width / 2, floor, Math.min(430, layer.width * 0.42), 74, "#fff3d0", 0.42);
  for (let mote = 0; mote < layer.width / 16; mote++) {
    const [x, y] = [random.between(0, layer.width), random.between(0, horizon)];
    layer.circle(x, y, random.between(1.5, 4), random.pick(["#ffd879", "#ffffff", "#ff9fd0"]), 0.6);
  }
  return { horizon, floor, back: horizon + 20, surface: "floor" };
};

const cave: Backdrop = (setting) => {
  const { layer, random, atmosphere } = setting;
  const horizon = horizonOf(setting, 0.68);
  drawSky(setting, horizon);
  layer.band(horizon, layer.height, { 0: atmosphere.tint("#5f6a7a", 0.3), 1: "#241f33" });
  for (const [inset, tone] of [
    [150, "#4a4660"],
    [70, "#332f48"],
    [0, "#221e33"],
  ] as const) {
    let data = "M-20 -20";
    for (let x = -20; x <= layer.width + 20; x += 44)
      data += svg`L${x} ${80 + inset * 0.9 + Math.abs(x / layer.width - 0.5) ** 2 * horizon * 1.7 + random.between(0, 80)}`;
    layer.path(svg`${data}L${layer.width + 20} -20Z`, tone);
    for (const side of [0, 1]) {
      const edge = side === 0 ? -20 : layer.width + 20;
      const sign = side === 0 ? 1 : -1;
      let wall = svg`M${edge} -20`;
      for (let y = 0; y <= layer.height + 40; y += 60)
        wall += svg`L${edge + sign * (inset * 0.8 + 60 + random.between(0, 60))} ${y}`;
      layer.path(svg`${wall}L${edge} ${layer.height + 40}Z`, tone);
    }
  }
  for (let crystal = 0; crystal < 6; crystal++) {
    const x = random.chance(0.5) ? random.between(30, 180) : layer.width - random.between(30, 180);
    const y = layer.height - random.between(20, 140);
    const size = random.between(40, 100);
    const colour = random.pick(["#7fe0ff", "#c08fff", "#8fffc8"]);
    layer.glow(x, y - size / 2, size * 1.6, colour, 0.5);
    const shard = svg`M${x - size * 0.2} ${y}L${x - size * 0.12} ${y - size * 0.7}L${x} ${y - size}L${x + size * 0.14} ${y - size * 0.6}L${x + size * 0.2} ${y}Z`;
    layer.path(
      shard,
      layer.across({ 0: lighten(colour, 0.4), 1: mix(colour, "#2a1f55", 0.4) }, x - size * 0.2, x + size * 0.2),
    );
  }
  return { horizon, floor: horizon + (layer.height - horizon) * 0.55, back: horizon + 20, surface: "land" };
};

export const INDOORS = { library, room, bedroom, kitchen, office, cafe, table, stage, cave };
