import { Layer, svg, triplesOf } from "../canvas/layer.ts";
import { type Colour, darken, lighten } from "../canvas/palette.ts";
import type { Random } from "../canvas/random.ts";
import { iconSprite } from "./icons.ts";
import type { Sprite } from "./sprite.ts";

let drawn = 0;

type Draw = (layer: Layer, random: Random, colour: Colour | undefined, contents: string | undefined) => void;

/** What has no emoji art, drawn in a box of its own: width and height, feet on the lower edge. */
const LANDMARKS: Readonly<Record<string, readonly [width: number, height: number, draw: Draw]>> = {
  lighthouse: [220, 420, drawLighthouse],
  windmill: [300, 400, drawWindmill],
  bridge: [900, 250, drawBridge],
  pyramid: [460, 270, drawPyramid],
  cottage: [300, 250, drawHouse],
  "cherry-tree": [320, 360, drawBlossomTree],
  "deciduous-tree": [320, 360, drawLeafyTree],
  "hot-air-balloon": [220, 320, drawBalloon],
  "fruit-bowl": [320, 240, drawFruitBowl],
  bowl: [320, 240, drawBowl],
  vase: [260, 360, drawVase],
  fuji: [740, 330, drawFuji],
  "chess-board": [280, 150, drawChessBoard],
  "treasure-chest": [240, 180, drawChest],
  "santa-hat": [120, 80, drawSantaHat],
  "party-hat": [90, 110, drawPartyHat],
  "bow-tie": [80, 40, drawBowTie],
};

/**
 * A drawn landmark or thing, or `undefined` when there is none of this name.
 *
 * @param contents the art of what is in it, where it can hold something
 */
export function landmarkSprite(
  art: string,
  random: Random,
  colour: Colour | undefined,
  contents?: string,
): Sprite | undefined {
  const entry = Object.hasOwn(LANDMARKS, art) ? LANDMARKS[art] : undefined;
  if (entry === undefined) return undefined;
  const [width, height, draw] = entry;
  const layer = new Layer(`l${drawn++ % 100_000}-`, width, height);
  draw(layer, random, colour, contents);
  return { svg: layer.toFragment(), box: { x: 0, y: 0, width, height }, contents };
}

function drawLighthouse(layer: Layer, _random: Random, colour: Colour = "#d9423f"): void {
  layer.path("M0 420Q14 372 60 366Q80 340 120 346Q170 340 190 372Q214 380 220 420Z", "#6a6474");
  layer.path("M60 366Q80 340 120 346L104 420H0Q14 372 60 366Z", "#7f7889");
  const left = (y: number) => 84 - (y - 96) * 0.09;
  const right = (y: number) => 136 + (y - 96) * 0.09;
  for (let band = 0; band < 5; band++) {
    const from = 96 + band * 53;
    const to = from + 53;
    const stripe = svg`M${left(from)} ${from}L${right(from)} ${from}L${right(to)} ${to}L${left(to)} ${to}Z`;
    layer.path(stripe, band % 2 === 0 ? "#f6f2ea" : colour);
  }
  layer.path(svg`M118 96L136 96L${right(361)} 361L128 361Z`, "#2a1d33", 0.16);
  layer.rect(74, 86, 72, 12, "#3a3444", 1, 3);
  layer.rect(90, 50, 40, 38, "#ffe9a0");
  layer.rect(90, 50, 5, 38, "#3a3444");
  layer.rect(107, 50, 5, 38, "#3a3444");
  layer.rect(125, 50, 5, 38, "#3a3444");
  layer.path("M84 52Q88 22 110 16Q132 22 136 52Z", colour);
  layer.circle(110, 14, 6, "#3a3444");
  for (const y of [150, 222]) layer.rect(103, y, 14, 22, "#3f4a66", 1, 7);
  layer.path("M98 362V334a12 12 0 0 1 24 0v28z", "#5a3a2c");
}

function drawWindmill(layer: Layer, random: Random, colour: Colour = "#f3e6d0"): void {
  layer.path("M104 150L196 150L222 400L78 400Z", colour);
  layer.path("M160 150L196 150L222 400L166 400Z", darken(colour, 0.22), 0.7);
  layer.path("M96 152Q150 70 204 152Z", "#a8523c");
  layer.path("M132 400V352a18 18 0 0 1 36 0v48z", "#6d4531");
  for (const y of [200, 272]) layer.rect(140, y, 20, 28, "#5f86a8", 1, 8);
  const turn = random.between(0, 90);
  layer.group(svg`transform="rotate(${turn} 150 140)"`, () => {
    for (let blade = 0; blade < 4; blade++) {
      layer.group(`transform="rotate(${blade * 90} 150 140)"`, () => {
        layer.rect(146, 6, 8, 136, "#6d4531");
        layer.rect(154, 12, 30, 104, "#fbf7ee");
        layer.line("M154 38h30M154 64h30M154 90h30M169 12v104", "#b59a7f", 3);
      });
    }
  });
  layer.circle(150, 140, 11, "#4a3226");
}

function drawBridge(layer: Layer, _random: Random, colour: Colour = "#d9523f"): void {
  const dark = darken(colour, 0.2);
  for (const x of [200, 670]) {
    layer.rect(x, 10, 30, 240, colour);
    layer.rect(x + 20, 10, 10, 240, dark);
    for (const y of [50, 100, 150]) layer.rect(x - 6, y, 42, 9, dark);
  }
  layer.line("M0 150Q110 120 215 16Q450 250 685 16Q790 120 900 150", colour, 8);
  for (let x = 20; x < 900; x += 28) {
    const share =
      x < 215
        ? 16 + ((215 - x) / 215) ** 0.7 * 130
        : x > 685
          ? 16 + ((x - 685) / 215) ** 0.7 * 130
          : 133 - ((x - 450) / 235) ** 2 * 117;
    if (share < 168) layer.line(svg`M${x} ${share}V176`, dark, 2);
  }
  layer.rect(0, 172, 900, 20, dark);
  layer.rect(0, 168, 900, 8, lighten(colour, 0.2));
}

function drawPyramid(layer: Layer, random: Random, colour: Colour = "#e3b868"): void {
  const dark = darken(colour, 0.3);
  layer.path("M0 270L220 0L460 270Z", colour);
  layer.path("M220 0L300 270L460 270Z", dark);
  for (let row = 1; row < 11; row++) {
    const y = row * 25;
    const left = 220 - (220 * y) / 270;
    const middle = 220 + (80 * y) / 270;
    const right = 220 + (240 * y) / 270;
    layer.line(svg`M${left} ${y}H${middle}`, darken(colour, 0.14), 1.8, 0.8);
    layer.line(svg`M${middle} ${y}H${right}`, darken(dark, 0.14), 1.8, 0.8);
    for (let joint = 0; joint < row; joint++)
      layer.line(svg`M${random.between(left, middle)} ${y}v25`, darken(colour, 0.14), 1.6, 0.6);
  }
}

function drawHouse(layer: Layer, random: Random, colour?: Colour): void {
  const plaster = random.pick(["#f4e4ca", "#f0d8c6", "#e3e6dc", "#f2dfae"]);
  const wall = colour ?? plaster;
  const roof = random.pick(["#b8503c", "#8f4a3c", "#56708f", "#7a4f66"]);
  layer.rect(206, 30, 30, 76, "#9a6150");
  layer.rect(200, 24, 42, 12, "#7f4f42", 1, 2);
  layer.rect(40, 116, 220, 134, wall);
  layer.rect(190, 116, 70, 134, darken(wall, 0.2), 0.5);
  layer.path("M14 124L84 34H216L286 124Z", roof);
  layer.path("M14 124L22 113H278L286 124Z", darken(roof, 0.25));
  for (let row = 0; row < 3; row++)
    layer.line(`M${70 - row * 18} ${56 + row * 22}H${230 + row * 18}`, darken(roof, 0.16), 2.6);
  for (const x of [62, 194]) {
    layer.rect(x - 5, 141, 54, 56, "#fbf7ee", 1, 3);
    layer.rect(x, 146, 44, 46, "#ffd879");
    layer.line(`M${x + 22} 146v46M${x} 169h44`, "#fbf7ee", 5);
    layer.rect(x - 6, 197, 56, 10, "#a8663f", 1, 3);
    for (let bloom = 0; bloom < 5; bloom++)
      layer.circle(x + bloom * 11, 196, 5.4, ["#f06ba8", "#f7c92e", "#e5452f"][bloom % 3] ?? "#f06ba8");
  }
  layer.path("M126 250V182a24 24 0 0 1 48 0v68z", "#7a4a30");
  layer.circle(164, 216, 4, "#f4c542");
  layer.rect(114, 244, 72, 7, "#b9b3ac");
}

function drawBlossomTree(layer: Layer, random: Random, colour: Colour = "#f5a9c6"): void {
  drawCrownedTree(layer, random, colour);
  for (let petal = 0; petal < 26; petal++) {
    layer.ellipse(random.between(20, 300), random.between(60, 356), 4.6, 3, lighten(colour, 0.2));
  }
}

function drawLeafyTree(layer: Layer, random: Random, colour: Colour = "#4fa04f"): void {
  drawCrownedTree(layer, random, colour);
}

function drawCrownedTree(layer: Layer, random: Random, colour: Colour): void {
  layer.path(
    "M140 360Q152 300 148 250L96 196L104 188L150 222L156 150H170L174 216L226 170L234 180L184 244Q180 300 196 360Z",
    "#6b4636",
  );
  const clumps = Array.from(
    { length: 17 },
    () => [random.between(60, 260), random.between(56, 190), random.between(38, 58)] as const,
  );
  for (const [x, y, radius] of clumps) layer.circle(x + 5, y + 12, radius, darken(colour, 0.14));
  for (const [x, y, radius] of clumps) layer.circle(x, y, radius * 0.94, colour);
  for (const [x, y, radius] of clumps)
    layer.circle(x - radius * 0.25, y - radius * 0.3, radius * 0.55, lighten(colour, 0.4), 0.8);
}

function drawBalloon(layer: Layer, random: Random, colour?: Colour): void {
  const silk = random.pick(["#e5504a", "#3f8fe0", "#8a5fd0", "#f0963c"]);
  const first = colour ?? silk;
  const second = random.pick(["#fbe6b0", "#f7c92e", "#ffffff"]);
  const gores = [
    [110, first],
    [92, second],
    [66, first],
    [34, second],
  ] as const;
  for (const [half, fill] of gores)
    layer.path(
      svg`M110 4C${110 - half * 1.32} 4 ${110 - half * 1.3} 150 ${110 - half * 0.26} 232H${110 + half * 0.26}C${110 + half * 1.3} 150 ${110 + half * 1.32} 4 110 4Z`,
      fill,
    );
  layer.path("M110 4C255 4 253 150 139 232H122C190 150 180 30 110 4Z", "#2a1d44", 0.16);
  layer.rect(78, 228, 64, 9, darken(first, 0.25), 1, 3);
  layer.line("M84 236L94 276M136 236L126 276M104 236V276M116 236V276", "#6b4a34", 2.4);
  layer.path("M90 274H130L125 314Q110 320 95 314Z", "#a8763f");
  layer.line("M92 286H128M93 298H127", "#7f5630", 3);
}

/** Where things lie in a bowl: the middle, the size and the turn of each, the far ones first. */
const IN_BOWL = [
  [236, 78, 112, 20],
  [80, 78, 112, -12],
  [160, 56, 102, 6],
  [106, 106, 96, -10],
  [208, 108, 98, 12],
  [262, 120, 84, -20],
  [156, 116, 94, -4],
  [60, 122, 74, -30],
] as const;

const FRUITS = ["banana", "pineapple", "red-apple", "pear", "peach", "grapes", "lemon", "strawberry"] as const;

function drawFruitBowl(layer: Layer, _random: Random, colour: Colour | undefined): void {
  fillBowl(layer, colour, FRUITS);
}

function drawBowl(layer: Layer, _random: Random, colour: Colour | undefined, contents?: string): void {
  fillBowl(layer, colour, contents === undefined ? [] : [contents]);
}

function fillBowl(layer: Layer, colour: Colour = "#5f8fae", contents: readonly string[]): void {
  layer.ellipse(160, 128, 146, 22, darken(colour, 0.35));
  for (const [index, [x, y, size, turn]] of IN_BOWL.entries()) {
    drawIcon(layer, contents[index % contents.length], x, y, size, turn);
  }
  layer.path("M18 128H302C300 196 256 226 210 228L216 240H104L110 228C64 226 20 196 18 128Z", colour);
  layer.path("M230 128H302C300 196 256 226 210 228L216 240H176C224 220 238 176 230 128Z", darken(colour, 0.25), 0.6);
  layer.rect(12, 120, 296, 17, lighten(colour, 0.3), 1, 8);
  layer.line("M46 156Q58 192 92 208", lighten(colour, 0.5), 7, 0.6);
}

function drawIcon(layer: Layer, name = "", x: number, y: number, size: number, turn: number): void {
  const icon = iconSprite(name);
  if (icon === undefined) return;
  const place = svg`translate(${x} ${y}) rotate(${turn}) scale(${size / 32}) translate(-16 -16)`;
  layer.add(`<g transform="${place}">${icon.svg}</g>`);
}

/** A vase of flowers: those of the prompt, or tulips and roses. */
function drawVase(layer: Layer, random: Random, colour: Colour = "#4f8fae", contents?: string): void {
  const flowers = contents === undefined ? ["tulip", "rose", "hibiscus"] : [contents];
  const stems = triplesOf("56 96 -24, 204 98 24, 92 60 -10, 170 58 12, 130 84 0");
  for (const [x] of stems) layer.line(svg`M130 240Q${130 + (x - 130) * 0.3} 160 ${x} 110`, "#3f8a3d", 6);
  for (const [x, y, turn] of stems) drawIcon(layer, random.pick(flowers), x, y, 108, turn);
  const dark = darken(colour, 0.25);
  layer.path("M92 196H168L160 228Q206 262 196 318Q188 352 160 358H100Q72 352 64 318Q54 262 100 228Z", colour);
  layer.path("M140 196H168L160 228Q206 262 196 318Q188 352 160 358H130Q170 330 164 286Q160 250 140 228Z", dark, 0.5);
  layer.rect(84, 188, 92, 14, lighten(colour, 0.3), 1, 6);
  layer.line("M80 262Q72 290 82 318", lighten(colour, 0.5), 7, 0.6);
}

/** Mount Fuji: a wide cone with a flat top, snow down its gullies. */
function drawFuji(layer: Layer, _random: Random, colour: Colour = "#56709f"): void {
  layer.path("M0 330Q210 230 318 34Q335 12 352 22L372 16L392 24Q408 14 424 36Q530 230 740 330Z", colour);
  layer.path("M372 16L392 24Q408 14 424 36Q530 230 740 330H420Q400 150 372 16Z", darken(colour, 0.22), 0.7);
  layer.path(
    "M318 34Q335 12 352 22L372 16L392 24Q408 14 424 36Q444 76 470 116L446 104L436 150L412 108L396 168L374 112L350 160L332 106L306 146L296 100L268 120Q300 68 318 34Z",
    "#f7faff",
  );
  layer.path("M392 24Q408 14 424 36Q444 76 470 116L446 104L436 150L412 108L396 168L384 136Z", "#c4d3ea");
}

function drawChessBoard(layer: Layer, _random: Random, colour: Colour = "#f3e3c4"): void {
  const at = (column: number, row: number) => {
    const depth = row / 8;
    const half = 92 + depth * 44;
    return [140 - half + (column / 8) * half * 2, 52 + depth * 66] as const;
  };
  layer.path("M40 48L240 48L282 122L-2 122Z", "#6b4430");
  layer.path("M-2 122L282 122L278 142L2 142Z", "#4f3022");
  for (let row = 0; row < 8; row++)
    for (let column = 0; column < 8; column++)
      layer.polygon(
        [at(column, row), at(column + 1, row), at(column + 1, row + 1), at(column, row + 1)],
        (row + column) % 2 === 0 ? colour : "#8a5a3a",
      );
  const piece = (column: number, row: number, isWhite: boolean, height: number) => {
    const [x, y] = at(column + 0.5, row + 0.6);
    const fill = isWhite ? "#fbf6ea" : "#2b2733";
    const body = svg`M${x - 10} ${y}H${x + 10}L${x + 7} ${y - 6}Q${x + 3} ${y - height * 0.4} ${x + 5} ${y - height * 0.62}H${x - 5}Q${x - 3} ${y - height * 0.4} ${x - 7} ${y - 6}Z`;
    layer.path(body, fill);
    layer.circle(x, y - height * 0.74, height * 0.19, fill);
    if (height > 46) layer.path(svg`M${x - 8} ${y - height * 0.86}l4 -9l4 6l4 -6l4 9z`, fill);
  };
  for (const [column, row, height] of triplesOf("1 1 40, 3 1 56, 5 2 40, 6 1 40")) piece(column, row, false, height);
  for (const [column, row, height] of triplesOf("2 4 44, 0 6 44, 4 6 62, 6 5 44, 7 6 44"))
    piece(column, row, true, height);
}

function drawChest(layer: Layer, random: Random): void {
  for (let coin = 0; coin < 22; coin++) {
    const [x, y] = [random.between(40, 200), random.between(62, 96)];
    layer.ellipse(x, y, 15, 11, random.pick(["#f7c92e", "#ffdf70", "#e0a92e"]));
  }
  layer.path("M20 60Q24 4 120 4Q216 4 220 60L206 62Q200 26 120 26Q40 26 34 62Z", "#8a5630");
  layer.rect(18, 88, 204, 90, "#a86b3c", 1, 6);
  layer.rect(18, 88, 204, 14, "#7f4f2c", 1, 4);
  for (const x of [38, 184]) layer.rect(x, 88, 18, 90, "#e0b64a");
  layer.rect(104, 82, 32, 36, "#e0b64a", 1, 5);
  layer.circle(120, 98, 5, "#4a3020");
}

function drawSantaHat(layer: Layer): void {
  layer.path("M14 62Q30 4 84 6Q116 12 112 46Q104 34 92 36Q100 50 102 62Z", "#d9302f");
  layer.rect(6, 56, 106, 22, "#fbfaf6", 1, 11);
  layer.circle(112, 46, 11, "#fbfaf6");
}

function drawPartyHat(layer: Layer, random: Random, colour?: Colour): void {
  const base = colour ?? random.pick(["#e5504a", "#3f8fe0", "#8a5fd0", "#2fae8a"]);
  layer.path("M45 14L82 104Q45 116 8 104Z", base);
  layer.path("M32 46L60 50L66 66L24 66ZM15 86L75 84L80 99Q60 106 40 107Z", "#f7c92e");
  layer.circle(45, 13, 12, "#fbfaf6");
}

function drawBowTie(layer: Layer, _random: Random, colour: Colour = "#d9302f"): void {
  layer.path("M40 20L6 4Q0 20 6 36ZM40 20L74 4Q80 20 74 36Z", colour);
  layer.rect(31, 10, 18, 20, darken(colour, 0.25), 1, 6);
}
