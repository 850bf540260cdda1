import { svg } from "../canvas/layer.ts";
import { type Colour, darken, lighten, mapColours, mix, repaint } from "../canvas/palette.ts";
import { dominantColour, iconSprite } from "./icons.ts";
import type { Sprite } from "./sprite.ts";

type Tail = "bushy" | "thin" | "tuft" | "ringed" | "round" | "curl" | "none";

interface Body {
  readonly tail: Tail;
  /** Painted over the coat's colour, for the chest. */
  readonly belly?: Colour;
  /** Legs and arms, where they differ from the coat. */
  readonly limbs?: Colour;
  readonly coat?: Colour;
  /** How wide the body is; 1 is a cat's. */
  readonly girth?: number;
  readonly stripes?: Colour;
}

/** Animals whose art is only a face, and the body that belongs to each. */
const BODIES: Readonly<Record<string, Body>> = {
  "cat-face": { tail: "thin", belly: "#ffe9b8" },
  "dog-face": { tail: "thin", belly: "#fff0d6", coat: "#e39d3c" },
  fox: { tail: "bushy", belly: "#fff3e0", coat: "#ff822d" },
  wolf: { tail: "bushy", belly: "#e6e6ea", coat: "#9b9b9b" },
  raccoon: { tail: "ringed", belly: "#d3d3d3", coat: "#8a8a8e" },
  lion: { tail: "tuft", belly: "#ffe3a3", coat: "#ffb02e" },
  "tiger-face": { tail: "thin", belly: "#fff3e0", coat: "#ff822d", stripes: "#3a2a33" },
  "cow-face": { tail: "tuft", belly: "#ffffff", coat: "#d3d3d3", limbs: "#636363", girth: 1.15 },
  "pig-face": { tail: "curl", coat: "#ff8687", belly: "#ffb3b3", girth: 1.15 },
  "mouse-face": { tail: "thin", belly: "#ece7f2", coat: "#cdc4d6" },
  hamster: { tail: "none", belly: "#fff0d6", coat: "#f3ad61", girth: 1.15 },
  "rabbit-face": { tail: "round", belly: "#f2eef7", coat: "#cdc4d6" },
  bear: { tail: "none", belly: "#c98f6a", coat: "#a56953", girth: 1.2 },
  "polar-bear": { tail: "none", belly: "#ffffff", coat: "#e6e6e6", girth: 1.2 },
  koala: { tail: "none", belly: "#d3d3d3", coat: "#9b9b9b", girth: 1.1 },
  panda: { tail: "none", belly: "#ffffff", coat: "#f4f4f4", limbs: "#2b2033", girth: 1.2 },
  "monkey-face": { tail: "curl", belly: "#e6b08f", coat: "#7d4533" },
  frog: { tail: "none", belly: "#fcf3a0", coat: "#00d26a", girth: 1.15 },
};

/** The face that stands for an animal whose full art cannot wear or hold anything. */
const FACE_OF: Readonly<Record<string, string>> = {
  cat: "cat-face",
  dog: "dog-face",
  "guide-dog": "dog-face",
  poodle: "dog-face",
  tiger: "tiger-face",
  cow: "cow-face",
  pig: "pig-face",
  mouse: "mouse-face",
  rabbit: "rabbit-face",
  monkey: "monkey-face",
  "black-cat": "cat-face",
};

/** Where a rider sits on art seen from the side, in the icon's units. */
const SADDLES: Readonly<Record<string, readonly [number, number]>> = {
  horse: [18.6, 14.2],
  zebra: [17, 14],
  donkey: [17, 15],
  camel: [17.5, 10],
  elephant: [17, 8],
  ox: [17, 10],
  cow: [17, 10],
  deer: [18, 15],
  giraffe: [20, 16],
  dragon: [18, 13],
  sauropod: [17, 14],
  "t-rex": [17, 13],
  ewe: [17, 11],
  goat: [17, 12],
  pig: [17, 10],
  turtle: [17, 10],
  tiger: [17, 12],
  dolphin: [16, 10],
  bicycle: [14, 11],
  motorcycle: [17, 12],
  "motor-scooter": [19, 14],
  skateboard: [16, 14],
  "kick-scooter": [15, 25],
};

/** A black coat that still shows its legs; the art of the black cat is purple. */
const BLACK = "#35323f";

/** The eyes of animals with a dark coat. */
const AMBER = "#f2c84b";

/** An animal as a sprite. With `isActive` it has to hold or wear something, and shows its face. */
export function creatureSprite(art: string, colour: Colour | undefined, isActive: boolean): Sprite | undefined {
  if (art === "unicorn") return unicorn(colour);
  const isBlackCat = art === "black-cat";
  const name = isActive ? (FACE_OF[art] ?? art) : art;
  const body = BODIES[name];
  if (body !== undefined) return withBody(name, body, colour ?? (isBlackCat ? BLACK : undefined));
  if (name === "robot" || name === "alien" || name === "alien-monster") return withMachineBody(name, colour);
  const sprite = iconSprite(name, colour ?? (isBlackCat ? BLACK : undefined), AMBER);
  if (sprite === undefined) return undefined;
  const { x, y, width, height } = sprite.box;
  const saddle = SADDLES[name];
  return {
    ...sprite,
    head: { at: [x + width * 0.3, y + height * 0.06], width: width * 0.4 },
    eyes: { at: [x + width * 0.28, y + height * 0.22], width: width * 0.34 },
    neck: { at: [x + width * 0.36, y + height * 0.42], width: width * 0.36 },
    hand: { at: [x + width * 0.08, y + height * 0.62], size: width * 0.42 },
    saddle: { at: saddle ?? [x + width * 0.55, y + height * 0.42], size: 17 },
  };
}

function withBody(name: string, body: Body, colour: Colour | undefined): Sprite | undefined {
  const face = iconSprite(name, colour, AMBER);
  if (face === undefined) return undefined;
  const paint = (own: Colour): Colour => (colour === undefined ? own : repaint(own, body.coat ?? own, colour));
  const coat = paint(body.coat ?? dominantColour(name));
  const belly = body.belly ?? lighten(coat, 0.4);
  const limbs = body.limbs ?? coat;
  const shade = darken(limbs, 0.16);
  const girth = body.girth ?? 1;
  const x = (offset: number) => 16 + offset * girth;
  const parts = [
    tailOf(body.tail, coat, belly, girth),
    svg`<path d="M${x(0)} 23C${x(-9.5)} 23 ${x(-12)} 38 ${x(-11.8)} 50C${x(-11.4)} 58 ${x(-7)} 60.5 ${x(0)} 60.5C${x(7)} 60.5 ${x(11.4)} 58 ${x(11.8)} 50C${x(12)} 38 ${x(9.5)} 23 ${x(0)} 23Z" fill="${coat}"/>`,
    stripesOf(body.stripes, x),
    svg`<ellipse cx="16" cy="42" rx="${6.8 * girth}" ry="12.5" fill="${belly}"/>`,
    svg`<ellipse cx="${x(-9)}" cy="53.5" rx="${5 * girth}" ry="7" fill="${shade}"/><ellipse cx="${x(9)}" cy="53.5" rx="${5 * girth}" ry="7" fill="${shade}"/>`,
    svg`<path d="M${x(-8)} 38Q${x(-9)} 50 ${x(-7.4)} 58H${x(-3)}Q${x(-2.6)} 50 ${x(-5)} 40Z" fill="${limbs}"/><path d="M${x(8)} 38Q${x(9)} 50 ${x(7.4)} 58H${x(3)}Q${x(2.6)} 50 ${x(5)} 40Z" fill="${limbs}"/>`,
    svg`<ellipse cx="${x(-4.6)}" cy="59" rx="4.6" ry="2.8" fill="${limbs}"/><ellipse cx="${x(4.6)}" cy="59" rx="4.6" ry="2.8" fill="${limbs}"/>`,
    svg`<path d="M${x(-6.2)} 59.5v1.6M${x(-4.2)} 59.8v1.6M${x(3.6)} 59.8v1.6M${x(5.8)} 59.5v1.6" stroke="${darken(limbs, 0.32)}" stroke-width="0.5" stroke-linecap="round"/>`,
    svg`<ellipse cx="16" cy="29.5" rx="${8.4 * girth}" ry="2.6" fill="${darken(coat, 0.22)}" opacity="0.5"/>`,
    face.svg,
  ];
  const { box } = face;
  return {
    svg: parts.join(""),
    box: { x: 16 - 14.5 * girth, y: box.y, width: 29 * girth, height: 61.8 - box.y },
    overhang: body.tail === "none" || body.tail === "round" ? 0 : 10,
    head: { at: [16, box.y + earsOf(name)], width: Math.min(19, box.width * 0.66) },
    eyes: { at: [16, 15.4], width: 19 },
    neck: { at: [16, 29], width: 17 },
    hand: { at: [16, 46], size: 17 },
    saddle: { at: [16, 40], size: 18 },
  };
}

/** How far below the tip of the ears a hat sits. */
function earsOf(name: string): number {
  if (name === "rabbit-face") return 11;
  return name === "cat-face" || name === "fox" || name === "wolf" || name === "mouse-face" ? 6 : 3.2;
}

function tailOf(tail: Tail, coat: Colour, belly: Colour, girth: number): string {
  const root = 16 + 8.5 * girth;
  const dark = darken(coat, 0.18);
  switch (tail) {
    case "bushy":
      return svg`<path d="M${root} 57C34 60 42 50 40 38C39.5 34 36 33 34.5 37C33 43 30 46 ${root} 50Z" fill="${dark}"/><path d="M40 38C39.5 34 36 33 34.5 37C34 39.6 33.4 41.4 32.6 43C35.4 45 38.6 44.8 40.3 42.6C40.4 41 40.2 39.6 40 38Z" fill="${belly}"/>`;
    case "thin":
      return svg`<path d="M${root} 57C36 58 37 48 34 43" fill="none" stroke="${dark}" stroke-width="3.6" stroke-linecap="round"/>`;
    case "tuft":
      return svg`<path d="M${root} 56C36 58 38 48 35 43" fill="none" stroke="${dark}" stroke-width="2.4" stroke-linecap="round"/><circle cx="35" cy="41.6" r="3" fill="${darken(coat, 0.5)}"/>`;
    case "ringed":
      return svg`<path d="M${root} 57C37 58 40 48 36.5 39" fill="none" stroke="${coat}" stroke-width="6.4" stroke-linecap="round"/><path d="M33.6 55.8l2.2 3M37.6 49.8l3.2 .6M37.4 44l3-1.4" stroke="#3a3440" stroke-width="2.2"/>`;
    case "round":
      return svg`<circle cx="${16 + 11 * girth}" cy="55" r="4" fill="${lighten(coat, 0.5)}"/>`;
    case "curl":
      return svg`<path d="M${root} 56c6 2 9-3 6-6s-6 2-2.6 3.4" fill="none" stroke="${dark}" stroke-width="1.9" stroke-linecap="round"/>`;
    case "none":
      return "";
    default:
      return tail satisfies never;
  }
}

function stripesOf(colour: Colour | undefined, x: (offset: number) => number): string {
  if (colour === undefined) return "";
  return [33, 39, 45]
    .map((y) => svg`<path d="M${x(-10.6)} ${y}l4 1.2l-4 1.6zM${x(10.6)} ${y}l-4 1.2l4 1.6z" fill="${colour}"/>`)
    .join("");
}

/** A robot's or an alien's face on a body of its own. */
function withMachineBody(name: string, colour: Colour | undefined): Sprite | undefined {
  const face = iconSprite(name, colour);
  if (face === undefined) return undefined;
  const isRobot = name === "robot";
  const metal = colour ?? (isRobot ? "#b4acbc" : "#8fd6a0");
  const dark = darken(metal, 0.35);
  const glow = isRobot ? "#00a6ed" : "#c58be8";
  const limb = (data: string) =>
    `<path d="${data}" fill="none" stroke="${dark}" stroke-width="3.2" stroke-linecap="round" stroke-linejoin="round"/>`;
  const svg = [
    limb("M8 36L2.6 44L6 50"),
    limb("M24 36L29.4 44L26 50"),
    `<circle cx="6" cy="50.4" r="2.7" fill="${metal}"/><circle cx="26" cy="50.4" r="2.7" fill="${metal}"/>`,
    limb("M11.6 52V60M20.4 52V60"),
    `<path d="M7 62.4a4.4 4.4 0 0 1 8.8 0zM16.2 62.4a4.4 4.4 0 0 1 8.8 0z" fill="${dark}"/>`,
    `<rect x="13" y="27" width="6" height="6" fill="${dark}"/>`,
    `<rect x="6.4" y="31" width="19.2" height="23" rx="${isRobot ? 3.4 : 8}" fill="${metal}"/>`,
    `<rect x="6.4" y="47" width="19.2" height="7" rx="3.4" fill="${mix(metal, dark, 0.4)}"/>`,
    isRobot
      ? `<rect x="10" y="35" width="12" height="8.4" rx="1.6" fill="#2b2f4a"/><path d="M11.6 39.4h2l1.2-2.4l2 4.6l1.4-2.2h2.2" stroke="#5ee7ff" stroke-width="0.9" fill="none" stroke-linecap="round" stroke-linejoin="round"/><circle cx="10.4" cy="50.4" r="1.2" fill="#f8312f"/><circle cx="14.2" cy="50.4" r="1.2" fill="#fcd53f"/>`
      : `<circle cx="16" cy="40" r="4" fill="${glow}"/>`,
    face.svg,
  ];
  return {
    svg: svg.join(""),
    box: { x: 1, y: face.box.y, width: 30, height: 62.4 - face.box.y },
    head: { at: [16, face.box.y + 3], width: 18 },
    eyes: { at: [16, 15], width: 18 },
    neck: { at: [16, 30], width: 14 },
    hand: { at: [26.6, 45.5], size: 15 },
    saddle: { at: [16, 40], size: 18 },
  };
}

/** The horse in white, with a horn and a mane of many colours. */
function unicorn(colour: Colour | undefined): Sprite | undefined {
  const horse = creatureSprite("horse", colour ?? "#f1ecf7", false);
  if (horse === undefined) return undefined;
  const svg = mapColours(horse.svg, (own) => (own === "#212121" || own === "#1c1c1c" ? "#c58be8" : own));
  return {
    ...horse,
    svg: `${svg}<path d="M7.6 6.4L4.2 -1L9.6 5z" fill="#fcd53f"/><path d="M6.4 3.6l1.7-1M7.2 5.2l1.9-1.2" stroke="#e0a02e" stroke-width="0.5"/>`,
    box: { ...horse.box, y: horse.box.y - 2, height: horse.box.height + 2 },
  };
}
