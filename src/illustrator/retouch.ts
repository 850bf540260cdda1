import { createAtmosphere } from "./atmosphere.ts";
import { drawSkyEffects } from "./backdrop/sky.ts";
import { compose } from "./composition.ts";
import { applyStyle, type Drawing, GRAINY } from "./draw.ts";
import { Layer } from "./layer.ts";
import { type Colour, toChannels } from "./palette.ts";
import { type Photo, pastePhoto } from "./pasted-photo.ts";
import { encodePng } from "./png.ts";
import { parsePrompt } from "./prompt.ts";
import { createRandom, type Random } from "./random.ts";
import { overlay, type Raster, rasterise } from "./raster.ts";
import type { Scene } from "./scene.ts";
import { shadeSubjects } from "./shading.ts";
import type { Sources } from "./sources.ts";
import { drawWeather } from "./weather.ts";
import type { TimeOfDay } from "./words/scenery.ts";

/** A drawing that begins with pictures. */
export interface Retouching extends Drawing {
  readonly sources: Sources;
}

/** A part of a picture, in pixels. */
interface Area {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

type Light = Pick<Scene, "time" | "colours" | "weather">;

/**
 * Changes a picture by the words of a prompt, and answers it as PNG. It reads them as a drawing's:
 *
 * - a place fills what the mask leaves free; without a mask it becomes the wall that the picture hangs on
 * - the other images are laid on as prints, and subjects drawn over them, in the part that the mask leaves free
 * - time of day, weather and colours change the light, what belongs in a sky is drawn over the upper part, and a style is
 *   applied to everything
 *
 * Where the mask is opaque, every pixel stays as it is. A prompt without a word that is known gives a little more warmth
 * and contrast.
 */
export function retouch({ sources, ...drawing }: Retouching): Uint8Array {
  const { prompt, seed, index, width, height, stage } = drawing;
  const random = createRandom(`${prompt}\u0000${seed ?? ""}\u0000${index}`);
  const scene = parsePrompt(prompt);
  const style = scene.style ?? "plain";
  const picture: Raster = { width, height, data: multiply(sources.picture) };
  const area = freeArea(sources.mask, width, height);

  if (scene.place !== undefined) showPlace(picture, scene, random.fork("place"), sources.mask !== undefined);
  if (stage !== "backdrop") {
    if (scene.place === undefined) overlay(picture, drawEffects(scene, random.fork("effects"), picture, area));
    pastePhotos(picture, sources.references, area, random.fork("prints"));
    if (scene.subjects.length > 0) overlay(picture, drawSubjects(scene, random.fork("subjects"), picture, area));
  }
  // A place brings its own light.
  const light = scene.place === undefined ? scene : { colours: scene.colours };
  changeLight(picture, light, random.fork("light").between(0.5, 0.75));
  if (stage === "weather" || stage === "finish") overlay(picture, drawSky(scene, random.fork("weather"), picture));
  if (stage === "finish") {
    applyStyle(picture, style, random.fork("style"));
    if (isSilent(scene) && sources.references.length === 0) warm(picture);
  }
  const data = keepMasked(divide(picture.data), sources);
  return encodePng(
    { width, height, data },
    {
      hasAlpha: hasAlpha(data),
      isGrainy: GRAINY.has(style),
      isDivided: true,
      metadata: drawing.metadata,
    },
  );
}

function showPlace(picture: Raster, scene: Scene, random: Random, isMasked: boolean): void {
  const { width, height } = picture;
  const print: Photo = { width, height, data: new Uint8Array(picture.data) };
  const composition = compose({ ...scene, subjects: [] }, random, width, height);
  picture.data.set(rasterise(composition.backdrop, width, height).data);
  if (isMasked) return;
  pastePhoto(picture, print, { x: width / 2, y: height / 2, scale: 0.66, turn: random.between(-2.5, 2.5) });
}

/** Side by side along the lower edge, the more the smaller, each at an angle of its own. */
function pastePhotos(picture: Raster, prints: readonly Photo[], area: Area, random: Random): void {
  const columns = Math.max(2, Math.min(5, prints.length));
  for (const [index, print] of prints.entries()) {
    const [column, row] = [index % columns, Math.floor(index / columns)];
    const room = area.width / columns;
    const scale = Math.min((room * 0.84) / print.width, (area.height * 0.42) / print.height);
    const inRow = Math.min(columns, prints.length - row * columns);
    pastePhoto(picture, print, {
      x: area.left + area.width / 2 + (column - (inRow - 1) / 2) * room,
      y: area.top + area.height * (0.76 - row * 0.3),
      scale,
      turn: random.between(-7, 7),
    });
  }
}

/** Subjects stand in the free area as in a picture of their own; a room keeps them on the ground and in plain light. */
function drawSubjects(scene: Scene, random: Random, { width, height }: Raster, area: Area): Raster {
  const composition = compose({ ...scene, place: "room" }, random, area.width, area.height);
  const drawn = rasterise(composition.subjects, area.width, area.height);
  shadeSubjects(drawn, composition.atmosphere, 1);
  return moveTo(area, drawn, { width, height });
}

/** A rainbow, fireworks and the like over the part of the free area where a sky would be. */
function drawEffects(scene: Scene, random: Random, { width, height }: Raster, area: Area): Raster {
  const unit = 1000 / Math.min(area.width, area.height);
  const layer = new Layer("e", area.width * unit, area.height * unit);
  const atmosphere = createAtmosphere(scene, random.fork("atmosphere"));
  drawSkyEffects({ layer, random, atmosphere, scene, isSnowy: false }, layer.height * 0.6);
  return moveTo(area, rasterise(layer, area.width, area.height), { width, height });
}

/** A moved of the size of the whole picture, with what was drawn in its place. */
function moveTo(area: Area, drawn: Raster, { width, height }: Pick<Raster, "width" | "height">): Raster {
  const moved: Raster = { width, height, data: new Uint8Array(width * height * 4) };
  for (let y = 0; y < area.height; y++) {
    const row = drawn.data.subarray(y * area.width * 4, (y + 1) * area.width * 4);
    moved.data.set(row, ((area.top + y) * width + area.left) * 4);
  }
  return moved;
}

/** What falls through the air: the weather's, or the season's. */
function drawSky(asked: Scene, random: Random, { width, height }: Raster): Raster {
  const unit = 1000 / Math.min(width, height);
  const layer = new Layer("w", width * unit, height * unit);
  const scene: Scene = asked.season === "winter" ? { weather: "snow", ...asked } : asked;
  if ((scene.weather ?? scene.season) !== undefined) {
    const atmosphere = createAtmosphere(scene, random.fork("atmosphere"));
    drawWeather({ layer, random, atmosphere, scene, isSnowy: scene.weather === "snow" }, layer.height * 0.6, false);
  }
  return rasterise(layer, width, height);
}

/** What a time of day multiplies red, green and blue by. */
const LIGHT: Readonly<Record<TimeOfDay, readonly [number, number, number]>> = {
  dawn: [1.06, 0.93, 0.9],
  day: [1, 1, 1],
  sunset: [1.1, 0.8, 0.62],
  night: [0.36, 0.44, 0.72],
};

/** @param share how much of its own colour a pixel gives up for the one that was asked for */
function changeLight({ data }: Raster, { time, colours, weather }: Light, share: number): void {
  const [red, green, blue] = LIGHT[time ?? "day"];
  const gloom = weather === "storm" ? 0.72 : weather === "rain" || weather === "cloudy" ? 0.86 : 1;
  const tint = tintOf(colours);
  if (red * green * blue * gloom === 1 && !tint) return;
  const factors = [red * gloom, green * gloom, blue * gloom];
  for (let position = 0; position < data.length; position += 4) {
    const alpha = data[position + 3] ?? 0;
    const bright = luminanceAt(data, position);
    for (let channel = 0; channel < 3; channel++) {
      const own = data[position + channel] ?? 0;
      const tinted = tint ? own + ((tint[channel]?.[Math.round(bright)] ?? 0) * (alpha / 255) - own) * share : own;
      data[position + channel] = Math.min(alpha, tinted * (factors[channel] ?? 1));
    }
  }
}

/** For each channel and brightness the tinted value: from black over the colour to white. */
function tintOf(colours: readonly Colour[]): readonly Float32Array[] | undefined {
  const [colour] = colours;
  if (colour === undefined) return undefined;
  const channels = toChannels(colour);
  const middle = Math.max(60, Math.min(190, 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]));
  return channels.map((channel) =>
    Float32Array.from({ length: 256 }, (_, bright) =>
      bright < middle ? (channel * bright) / middle : channel + ((255 - channel) * (bright - middle)) / (255 - middle),
    ),
  );
}

const isSilent = (scene: Scene): boolean =>
  (scene.place ??
    scene.time ??
    scene.weather ??
    (scene.season === "summer" ? undefined : scene.season) ??
    scene.style ??
    scene.colours[0] ??
    scene.effects[0] ??
    scene.subjects[0]) === undefined;

function warm({ data }: Raster): void {
  for (let position = 0; position < data.length; position += 4) {
    const alpha = data[position + 3] ?? 0;
    for (let channel = 0; channel < 3; channel++) {
      const own = data[position + channel] ?? 0;
      const strong = alpha / 2 + (own - alpha / 2) * 1.12;
      data[position + channel] = Math.max(0, Math.min(alpha, strong + (channel === 0 ? 8 : channel === 2 ? -8 : 2)));
    }
  }
}

/** Too narrow a part is no place for a subject: then it is the whole picture, of which the mask shows what it leaves. */
const NARROWEST_RATIO = 5;
const SMALLEST_SIDE = 16;

/** What surrounds every pixel that may change. */
function freeArea(mask: Uint8Array | undefined, width: number, height: number): Area {
  let [left, top, right, bottom] = mask ? [width, height, -1, -1] : [0, 0, width - 1, height - 1];
  for (let y = 0; mask && y < height; y++) {
    for (let x = 0; x < width; x++) {
      if ((mask[y * width + x] ?? 255) > 127) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = y;
    }
  }
  const area = { left, top, width: right - left + 1, height: bottom - top + 1 };
  const [short, long] = [Math.min(area.width, area.height), Math.max(area.width, area.height)];
  return short < SMALLEST_SIDE || long > short * NARROWEST_RATIO ? { left: 0, top: 0, width, height } : area;
}

/** The mask's own value says how much of a pixel stays; where it is opaque, all of it, to the last bit. */
function keepMasked(edited: Uint8Array, { picture, mask }: Sources): Uint8Array {
  if (!mask) return edited;
  for (let pixel = 0; pixel < mask.length; pixel++) {
    const kept = mask[pixel] ?? 255;
    if (kept === 0) continue;
    for (let position = pixel * 4; position < pixel * 4 + 4; position++) {
      edited[position] = Math.round(((picture[position] ?? 0) * kept + (edited[position] ?? 0) * (255 - kept)) / 255);
    }
  }
  return edited;
}

function hasAlpha(data: Uint8Array): boolean {
  for (let position = 3; position < data.length; position += 4) if (data[position] !== 255) return true;
  return false;
}

function multiply(straight: Uint8Array): Uint8Array {
  const data = new Uint8Array(straight);
  for (let position = 0; position < data.length; position += 4) {
    const alpha = data[position + 3] ?? 0;
    if (alpha === 255) continue;
    for (let channel = 0; channel < 3; channel++) {
      data[position + channel] = Math.round(((data[position + channel] ?? 0) * alpha) / 255);
    }
  }
  return data;
}

function divide(data: Uint8Array): Uint8Array {
  for (let position = 0; position < data.length; position += 4) {
    const alpha = data[position + 3] ?? 0;
    if (alpha === 255 || alpha === 0) continue;
    for (let channel = 0; channel < 3; channel++) {
      data[position + channel] = Math.min(255, Math.round(((data[position + channel] ?? 0) * 255) / alpha));
    }
  }
  return data;
}

function luminanceAt(data: Uint8Array, position: number): number {
  return (data[position] ?? 0) * 0.2126 + (data[position + 1] ?? 0) * 0.7152 + (data[position + 2] ?? 0) * 0.0722;
}
