import { svg } from "../canvas/layer.ts";
import { type Colour, darken, lighten } from "../canvas/palette.ts";
import type { Random } from "../canvas/random.ts";
import { iconSprite } from "./icons.ts";
import { landmarkSprite } from "./landmarks.ts";
import type { Sprite } from "./sprite.ts";

/** How wide a hat is for the head it is on, and how deep it sits as a share of its height. */
const HATS: Readonly<Record<string, readonly [width: number, depth: number]>> = {
  "top-hat": [1.3, 0.14],
  crown: [0.92, 0.16],
  "womans-hat": [1.7, 0.28],
  "billed-cap": [1.22, 0.3],
  "graduation-cap": [1.35, 0.36],
  "santa-hat": [1.16, 0.2],
  "party-hat": [0.72, 0.14],
  "military-helmet": [1.2, 0.35],
};

/** Puts something on a sprite that has a head: a hat, glasses, a scarf, a tie, headphones. */
export function dress(
  sprite: Sprite,
  worn: { readonly art: string; readonly colour?: Colour | undefined },
  random: Random,
): Sprite {
  const { art, colour } = worn;
  if (art === "scarf") return withScarf(sprite, colour ?? "#d9423f");
  const piece = landmarkSprite(art, random, colour) ?? iconSprite(art, colour);
  if (piece === undefined) return sprite;
  if (art === "glasses" || art === "sunglasses")
    return sprite.eyes === undefined ? sprite : over(sprite, piece, sprite.eyes.at, sprite.eyes.width, 0.5);
  if (art === "bow-tie")
    return sprite.neck === undefined ? sprite : over(sprite, piece, sprite.neck.at, sprite.neck.width * 0.72, 0.5);
  if (sprite.head === undefined) return sprite;
  const { at, width } = sprite.head;
  if (art === "headphone") return over(sprite, piece, [at[0], at[1] + width * 0.3], width * 1.3, 0.5);
  const [share, depth] = HATS[art] ?? [1.2, 0.2];
  return over(sprite, piece, at, width * share, 1 - depth);
}

/** Draws a piece over a sprite, a point of the piece (a share of its height, in the middle) at a point of the sprite. */
function over(sprite: Sprite, piece: Sprite, at: readonly [number, number], width: number, share: number): Sprite {
  const { box } = piece;
  const scale = width / box.width;
  const left = at[0] - width / 2;
  const top = at[1] - box.height * scale * share;
  const drawn = svg`${sprite.svg}<g transform="translate(${left} ${top}) scale(${scale.toFixed(4)}) translate(${-box.x} ${-box.y})">${piece.svg}</g>`;
  const growth = Math.max(0, sprite.box.y - top);
  const stature = sprite.stature ?? sprite.box.height;
  return {
    ...sprite,
    svg: drawn,
    stature,
    box: { ...sprite.box, y: sprite.box.y - growth, height: sprite.box.height + growth },
  };
}

function withScarf(sprite: Sprite, colour: Colour): Sprite {
  if (sprite.neck === undefined) return sprite;
  const [x, y] = sprite.neck.at;
  const half = sprite.neck.width / 2;
  const dark = darken(colour, 0.2);
  const parts = [
    svg`<path d="M${x + half * 0.2} ${y}l${half * 0.55} ${half * 1.5}l${-half * 0.62} ${half * 0.1}l${-half * 0.36} ${-half * 1.5}z" fill="${dark}"/>`,
    svg`<path d="M${x - half} ${y - half * 0.22}Q${x} ${y + half * 0.34} ${x + half} ${y - half * 0.22}L${x + half * 0.96} ${y + half * 0.3}Q${x} ${y + half * 0.86} ${x - half * 0.96} ${y + half * 0.3}Z" fill="${colour}"/>`,
    svg`<path d="M${x - half * 0.5} ${y + half * 0.1}l${half * 0.05} ${half * 0.4}M${x} ${y + half * 0.16}v${half * 0.42}" stroke="${lighten(colour, 0.4)}" stroke-width="${half * 0.12}"/>`,
  ];
  return { ...sprite, svg: sprite.svg + parts.join("") };
}

/** Puts something into a sprite's hand or before its mouth. */
export function give(sprite: Sprite, thing: Sprite): Sprite {
  if (sprite.hand === undefined) return sprite;
  const { at, size } = sprite.hand;
  const { box } = thing;
  const scale = size / Math.max(box.width, box.height);
  const drawn = svg`${sprite.svg}<g transform="translate(${at[0] - (box.width * scale) / 2} ${at[1] - box.height * scale * 0.62}) scale(${scale.toFixed(4)}) translate(${-box.x} ${-box.y})">${thing.svg}</g>`;
  return { ...sprite, svg: drawn };
}

/** Vehicles that hide their driver's lower half. */
const ENCLOSED: ReadonlySet<string> = new Set(["vehicle", "boat", "aircraft"]);
const OPEN: ReadonlySet<string> = new Set(["bicycle", "motorcycle", "motor-scooter", "skateboard", "kick-scooter"]);

/** Seats one sprite on another. Cars, boats and planes are drawn over the people in them. */
export function mount(rider: Sprite, steed: Sprite, art: string, role: string): Sprite {
  const isInside = ENCLOSED.has(role) && !OPEN.has(art);
  const { box } = steed;
  const inside = [box.x + box.width * 0.52, box.y + box.height * (role === "vehicle" ? 0.26 : 0.5)] as const;
  const seat = (isInside ? undefined : steed.saddle?.at) ?? inside;
  const grip = rider.saddle?.at ?? [rider.box.x + rider.box.width / 2, rider.box.y + rider.box.height * 0.85];
  const scale = (box.height * (isInside ? 0.72 : 0.98)) / rider.box.height;
  const left = seat[0] - grip[0] * scale;
  const top = seat[1] - grip[1] * scale;
  const seated = svg`<g transform="translate(${left} ${top}) scale(${scale.toFixed(4)})">${rider.svg}</g>`;
  const upper = Math.min(box.y, top + rider.box.y * scale);
  return {
    ...steed,
    svg: isInside ? seated + steed.svg : steed.svg + seated,
    box: { ...box, y: upper, height: box.y + box.height - upper },
  };
}
