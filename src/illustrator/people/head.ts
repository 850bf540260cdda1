import { type Layer, svg } from "../canvas/layer.ts";
import { type Colour, darken, lighten, mix } from "../canvas/palette.ts";
import type { Outfit } from "../words/people.ts";
import { drawFeatures } from "./features.ts";
import { drawFrontHair } from "./hair.ts";
import type { Appearance } from "./looks.ts";

/**
 * Draws a head around (0, 0): 100 units from ear to ear, the chin at 60, the crown at −62. The hair that falls behind
 * the shoulders is drawn by `drawBackHair`, before the body.
 */
export function drawHead(layer: Layer, person: Appearance): void {
  const shade = darken(person.skin, 0.14);
  for (const side of [-1, 1]) {
    layer.ellipse(side * 49, 6, 9, 13, person.skin);
    layer.ellipse(side * 50, 7, 4.5, 8, shade);
  }
  layer.path(faceOutline(person), person.skin);
  layer.path("M-46 10C-42 44 -26 60 0 62C26 60 42 44 46 10C44 36 26 51 0 52C-26 51 -44 36 -46 10Z", shade, 0.35);
  if (person.beard === "beard") drawBeard(layer, person.hairColour);
  // A child's face sits low, under a high forehead.
  layer.group(person.age === "child" ? 'transform="translate(0 8)"' : "", () => drawFeatures(layer, person));
  if (person.beard !== undefined) drawMoustache(layer, person.hairColour);
  drawFrontHair(layer, person);
  if (person.glasses !== undefined) drawGlasses(layer, person.glasses);
  drawHeadwear(layer, person);
}

function faceOutline({ age, gender }: Appearance): string {
  const jaw = age === "child" ? 34 : gender === "male" ? 36 : 28;
  const chin = age === "child" ? 56 : 62;
  return svg`M-49 -12C-50 -76 50 -76 49 -12C50 22 ${jaw + 8} 42 ${jaw * 0.72} ${chin - 9}C${jaw * 0.4} ${chin} ${-jaw * 0.4} ${chin} ${-jaw * 0.72} ${chin - 9}C${-jaw - 8} 42 -50 22 -49 -12Z`;
}

function drawBeard(layer: Layer, colour: Colour): void {
  layer.path(
    "M-49 4C-52 50 -32 86 0 88C32 86 52 50 49 4C44 18 34 24 22 22C8 19 -8 19 -22 22C-34 24 -44 18 -49 4Z",
    colour,
  );
  const strands = "M-28 50Q-24 66 -14 76M28 50Q24 66 14 76M-8 58Q-6 72 -2 80M9 58Q7 72 3 80";
  layer.line(strands, darken(colour, 0.16), 2.2, 0.8);
}

function drawMoustache(layer: Layer, colour: Colour): void {
  layer.path("M0 22C-8 15 -22 18 -30 29C-20 31 -8 32 0 27C8 32 20 31 30 29C22 18 8 15 0 22Z", lighten(colour, 0.06));
}

function drawGlasses(layer: Layer, kind: "glasses" | "sunglasses"): void {
  const frame = kind === "glasses" ? "#3a3340" : "#1c1a22";
  for (const side of [-1, 1]) {
    const x = side * 21;
    if (kind === "glasses") {
      const lens = `<rect x="${x - 16}" y="-16" width="32" height="29" rx="12" fill="#ffffff" fill-opacity="0.2" stroke="${frame}" stroke-width="3.4"/>`;
      layer.add(lens);
      layer.line(`M${x - 8} -6l7 -6`, "#ffffff", 2.4, 0.7);
    } else {
      layer.path(`M${x - 17} -14h34v10c0 10 -7 17 -17 17s-17 -7 -17 -17z`, frame);
      layer.line(`M${x - 9} -4l8 -6`, "#8f9fc0", 2.6, 0.8);
    }
    layer.line(`M${side * 37} -6L${side * 49} -10`, frame, 3.2);
  }
  layer.line("M-6 -4Q0 -9 6 -4", frame, 3.4);
}

type Shape = readonly [data: string, colour: Colour, opacity?: number];

const circle = (x: number, y: number, radius: number): string =>
  `M${x - radius} ${y}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0z`;

/** What an occupation wears on its head, where it is drawn in the colour of the clothes by shades of it. */
const HEADWEAR: Partial<Readonly<Record<Outfit, (cloth: Colour, skin: Colour) => readonly Shape[]>>> = {
  knight: () => [
    ["M-54 6C-58 -80 58 -80 54 6L44 10C46 -24 30 -30 0 -30C-30 -30 -46 -24 -44 10Z", "#aeb8c6"],
    ["M-54 6C-58 -80 0 -76 0 -70V-30C-30 -30 -46 -24 -44 10Z", "#c9d1dc"],
    ["M-6 -70Q-2 -112 40 -98Q20 -92 8 -68Z", "#d9484a"],
  ],
  royal: () => [
    ["M-34 -46L-42 -88L-20 -68L0 -96L20 -68L42 -88L34 -46Q0 -38 -34 -46Z", "#f4c542"],
    ["M-34 -46Q0 -38 34 -46L35.5 -55Q0 -46 -35.5 -55Z", "#d99b2b"],
    [circle(0, -62, 5), "#e5485a"],
    [circle(-21, -60, 5) + circle(21, -60, 5), "#4f9be8"],
  ],
  chef: () => [
    ["M-36 -44C-66 -60 -56 -104 -24 -98C-14 -122 24 -122 30 -98C60 -102 64 -60 36 -44Z", "#fbfaf6"],
    ["M-36 -62L-36 -36Q0 -28 36 -36V-62Q0 -52 -36 -62Z", "#ece8e0"],
  ],
  police: (cloth) => [
    ["M-56 -44C-60 -80 60 -80 56 -44Q0 -60 -56 -44Z", darken(cloth, 0.05)],
    ["M-44 -44Q0 -58 44 -44Q52 -34 40 -32Q0 -44 -40 -32Q-52 -34 -44 -44Z", "#1c2233"],
    ["M0 -68l4 7l8 1l-6 6l1 8l-7 -4l-7 4l1 -8l-6 -6l8 -1z", "#f4c542"],
  ],
  firefighter: () => helmet("#d9402f", "#b8301f", "#f4c542"),
  worker: () => helmet("#f7c92e", "#e0ac1f", "#e0ac1f"),
  wizard: (cloth) => [
    ["M-46 -40Q-16 -70 -6 -128Q20 -150 30 -120Q16 -120 18 -100Q26 -64 46 -40Z", cloth],
    ["M-70 -34Q0 -66 70 -34Q40 -22 0 -26Q-40 -22 -70 -34Z", darken(cloth, 0.2)],
    ["M-44 -44Q0 -58 44 -44L47 -38Q0 -52 -47 -38Z", "#f4c542"],
  ],
  pirate: () => [
    ["M-62 -38Q-60 -66 -30 -64Q0 -100 30 -64Q60 -66 62 -38Q0 -58 -62 -38Z", "#2b2733"],
    [circle(0, -66, 8), "#f4f1ea"],
    ["M6 -12h30v16q-16 10 -30 0zM-48 -31.5L48 2.5L48 5.5L-48 -28.5Z", "#1c1a22"],
  ],
  cowboy: () => brimmedHat("#8a5a36", "#4a2f20"),
  farmer: () => brimmedHat("#e6c06a", "#c9503f"),
  santa: () => [
    ["M-46 -42Q-30 -100 30 -104Q64 -98 62 -62Q52 -76 40 -72Q46 -56 46 -42Z", "#d9302f"],
    [`M-43 -54h86a11 11 0 0 1 0 22h-86a11 11 0 0 1 0 -22z${circle(63, -58, 12)}`, "#fbfaf6"],
  ],
  ninja: () => [
    ["M-51 -14C-52 -80 52 -80 51 -14L46 -14Q0 -26 -46 -14Z", "#2b2b38"],
    ["M-49 12Q0 2 49 12C48 40 32 62 0 64C-32 62 -48 40 -49 12Z", "#2b2b38"],
    ["M-50 -32Q0 -44 50 -32V-20Q0 -32 -50 -20Z", "#c9403f"],
  ],
  soldier: () => [
    ["M-54 -24C-58 -86 58 -86 54 -24Q0 -42 -54 -24Z", "#5f6f45"],
    ["M-54 -24Q0 -42 54 -24L56 -16Q0 -34 -56 -16Z", "#4a5836"],
  ],
  superhero: (cloth) => [
    [
      "M-47 -14Q-20 -26 0 -12Q20 -26 47 -14Q44 10 22 9Q8 8 0 0Q-8 8 -22 9Q-44 10 -47 -14Z",
      mix(cloth, "#1c1a40", 0.3),
      0.28,
    ],
  ],
  athlete: (cloth, skin) => [["M-49 -34Q0 -50 49 -34V-24Q0 -40 -49 -24Z", mix(cloth, skin, 0.1)]],
};

const helmet = (shell: Colour, brim: Colour, crest: Colour): Shape[] => [
  ["M-50 -36C-54 -92 54 -92 50 -36Z", shell],
  ["M-60 -36Q0 -52 60 -36Q62 -28 54 -28Q0 -42 -54 -28Q-62 -28 -60 -36Z", brim],
  ["M-8 -80h16v44h-16z", crest],
];

const brimmedHat = (felt: Colour, ribbon: Colour): Shape[] => [
  ["M-36 -44C-34 -92 -16 -92 0 -84C16 -92 34 -92 36 -44Z", felt],
  ["M-78 -44Q-60 -30 0 -44Q60 -30 78 -44Q60 -62 0 -54Q-60 -62 -78 -44Z", darken(felt, 0.12)],
  ["M-36 -56Q0 -48 36 -56V-48Q0 -40 -36 -48Z", ribbon],
];

function drawHeadwear(layer: Layer, { outfit, outfitColour, skin }: Appearance): void {
  if (outfit === "astronaut") drawSpaceHelmet(layer);
  for (const [data, colour, opacity] of HEADWEAR[outfit]?.(outfitColour, skin) ?? []) layer.path(data, colour, opacity);
}

function drawSpaceHelmet(layer: Layer): void {
  layer.add(
    `<path d="M-62 0A62 62 0 1 1 62 0A62 62 0 0 1 0 66A62 62 0 0 1 -62 0Z" fill="#bfe4ff" fill-opacity="0.2" stroke="#eef2f6" stroke-width="11"/>`,
  );
  layer.add(`<circle cx="0" cy="1" r="57" fill="none" stroke="#aeb9c8" stroke-width="3"/>`);
  layer.line("M-43 -25A50 50 0 0 1 -12 -48", "#ffffff", 7, 0.75);
  layer.rect(-74, -14, 16, 32, "#c94f4f", 1, 5);
  layer.rect(58, -14, 16, 32, "#c94f4f", 1, 5);
}
