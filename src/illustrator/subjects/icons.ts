import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Resvg } from "@resvg/resvg-js";
import { type Colour, luminance, mapColours, repaint, toChannels, toHsl } from "../canvas/palette.ts";
import { WHITE } from "../words/colours.ts";
import type { Box, Sprite } from "./sprite.ts";

/** The side of every icon's own square. */
const SIDE = 32;

interface Icon {
  readonly body: string;
  readonly box: Box;
  readonly dominant: Colour;
}

let file: Buffer | undefined;
const icons = new Map<string, Icon | undefined>();
let placed = 0;

/**
 * Finds one icon in the collection. The collection is 9 MB of JSON; cutting out the few icons a picture needs takes
 * less time and memory than parsing it.
 */
function readBody(name: string): string | undefined {
  file ??= readFileSync(createRequire(import.meta.url).resolve("@iconify-json/fluent-emoji-flat/icons.json"));
  const entry = file.indexOf(`"${name}": {`);
  if (entry < 0) return undefined;
  const key = file.indexOf('"body": ', entry);
  const end = file.indexOf("\n", key);
  const literal = file.toString("utf8", key + 8, end).replace(/,$/, "");
  return JSON.parse(literal) as string;
}

function loadIcon(name: string): Icon | undefined {
  if (icons.has(name)) return icons.get(name);
  const body = readBody(name);
  const icon = body === undefined ? undefined : { body, ...measure(body) };
  icons.set(name, icon);
  return icon;
}

/** Draws the icon small to see where its ink is, and which saturated colour covers most of it. */
function measure(body: string): { box: Box; dominant: Colour } {
  const scale = 2;
  const side = SIDE * scale;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}" viewBox="0 0 ${SIDE} ${SIDE}">${body}</svg>`;
  const { pixels } = new Resvg(svg, { font: { loadSystemFonts: false } }).render();
  const fills = [...new Set(body.match(/#[0-9a-f]{6}\b|#[0-9a-f]{3}\b/gi) ?? [])];
  const counts = new Map<Colour, number>();
  let left = side;
  let right = 0;
  let top = side;
  let bottom = 0;
  for (let pixel = 0; pixel < side * side; pixel++) {
    if ((pixels[pixel * 4 + 3] ?? 0) < 128) continue;
    const x = pixel % side;
    const y = Math.floor(pixel / side);
    left = Math.min(left, x);
    right = Math.max(right, x + 1);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y + 1);
    const nearest = nearestOf(fills, pixels[pixel * 4] ?? 0, pixels[pixel * 4 + 1] ?? 0, pixels[pixel * 4 + 2] ?? 0);
    if (nearest !== undefined)
      counts.set(nearest, (counts.get(nearest) ?? 0) + 0.25 + Math.min(0.75, toHsl(nearest).saturation));
  }
  const [dominant = "#808080"] = [...counts].sort(([, first], [, second]) => second - first)[0] ?? [];
  if (right <= left) return { box: { x: 0, y: 0, width: SIDE, height: SIDE }, dominant };
  return {
    box: { x: left / scale, y: top / scale, width: (right - left) / scale, height: (bottom - top) / scale },
    dominant,
  };
}

function nearestOf(fills: readonly Colour[], red: number, green: number, blue: number): Colour | undefined {
  let best: Colour | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const fill of fills) {
    const [r, g, b] = toChannels(fill);
    const distance = (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2;
    if (distance < least) {
      least = distance;
      best = fill;
    }
  }
  return best;
}

/** The colour that most of an icon has, or grey when there is no such icon. */
export function dominantColour(name: string): Colour {
  return loadIcon(name)?.dominant ?? "#808080";
}

/** How bright the darkest coat is on which dark eyes still show, 0–1. */
const DARK = 0.24;

/**
 * The emoji art of a name as a sprite, painted in another colour when one is given. `undefined` when the collection
 * has no such icon. Ids inside get a prefix of their own, so that two icons of one picture never share one.
 *
 * @param eyes the colour of what is dark in the art, such as eyes, where it is painted in a dark colour
 */
export function iconSprite(name: string, colour?: Colour, eyes?: Colour): Sprite | undefined {
  const icon = loadIcon(name);
  if (icon === undefined) return undefined;
  const prefix = `i${placed++ % 100_000}-`;
  const unique = icon.body
    .replace(/\bid="/g, `id="${prefix}`)
    .replace(/url\(#/g, `url(#${prefix}`)
    .replace(/href="#/g, `href="#${prefix}`);
  const paint = (own: Colour): Colour => {
    const isEye =
      luminance(own) < DARK && luminance(colour ?? own) < DARK && repaint(own, icon.dominant, WHITE) === own;
    return isEye ? (eyes ?? own) : repaint(own, icon.dominant, colour ?? own);
  };
  const svg = colour === undefined ? unique : mapColours(unique, paint);
  return { svg, box: icon.box };
}
