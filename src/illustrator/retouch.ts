import { createAtmosphere } from "./atmosphere.ts";
import { drawSkyEffects } from "./backdrop/sky.ts";
import { Layer } from "./canvas/layer.ts";
import { type Area, freeArea, keepMasked } from "./canvas/mask.ts";
import { type Photo, pastePhoto, pastePhotos } from "./canvas/pasted-photo.ts";
import { encodePng } from "./canvas/png.ts";
import type { Random } from "./canvas/random.ts";
import { divideAlpha, hasAlpha, multiplyAlpha, overlay, type Raster, rasterise } from "./canvas/raster.ts";
import { shadeSubjects, tint } from "./canvas/shading.ts";
import { compose, extentOf, settle } from "./composition.ts";
import { applyStyle, type Drawing, type Drawn, GRAINY, randomOf } from "./draw.ts";
import { emptyScene, type Scene } from "./scene.ts";
import { editScene } from "./scene-edit.ts";
import type { Sources } from "./sources.ts";
import { drawWeather } from "./weather.ts";
import { notesOf, retouchNote } from "./words/notes.ts";
import type { TimeOfDay } from "./words/scenery.ts";

/** A drawing over a picture that the illustrator cannot draw again. */
export interface Retouching extends Drawing {
  readonly sources: Sources;
}

/**
 * Changes a picture of which only the pixels are known:
 *
 * - a place fills what the mask leaves free; without a mask it becomes the wall that the picture hangs on
 * - the other images are pasted as photos, and subjects drawn over them, in the part that the mask leaves free
 * - time of day, weather and colours change the light, what belongs in a sky is drawn over the upper part, and a style is
 *   applied to everything
 *
 * What is in the picture is not removed, replaced or recoloured. Where the mask is opaque, every pixel stays as it is. A
 * prompt without a word that is known gives a little more warmth and contrast.
 */
export function retouch({ sources, ...drawing }: Retouching): Drawn {
  const { prompt, width, height, stage } = drawing;
  const random = randomOf(drawing);
  const scene = emptyScene();
  const unchanged = editScene(scene, prompt, { random, extent: extentOf(width, height) });
  const style = scene.style ?? "plain";
  const picture: Raster = { width, height, data: multiplyAlpha(sources.picture) };
  const area = freeArea(sources.mask, width, height);

  if (scene.place !== undefined) showPlace(picture, scene, random.fork("place"), sources.mask !== undefined);
  if (stage !== "backdrop") {
    if (scene.place === undefined) overlay(picture, drawEffects(scene, random.fork("effects"), picture, area));
    pastePhotos(picture, sources.references, area, random.fork("photos"));
    if (scene.subjects.length > 0) overlay(picture, drawSubjects(scene, random.fork("subjects"), picture, area));
  }
  // A new place has its own light.
  if (scene.place === undefined) changeLight(picture, scene);
  if (scene.tint !== undefined) tint(picture, scene.tint, random.fork("light").between(0.5, 0.75));
  if (stage === "weather" || stage === "finish") overlay(picture, drawAir(scene, random.fork("weather"), picture));
  if (stage === "finish") {
    applyStyle(picture, style, random.fork("style"));
    if (isSilent(scene) && sources.references.length === 0) warm(picture);
  }
  const data = keepMasked(divideAlpha(picture.data), sources);
  const isGrainy = GRAINY.has(style);
  const { metadata } = drawing;
  const png = encodePng({ width, height, data }, { hasAlpha: hasAlpha(data), isGrainy, metadata });
  return { png, notes: [...notesOf(scene, [], prompt), retouchNote(unchanged)] };
}

function showPlace(picture: Raster, scene: Scene, random: Random, isMasked: boolean): void {
  const { width, height } = picture;
  const photo: Photo = { width, height, data: new Uint8Array(picture.data) };
  const composition = compose({ ...scene, subjects: [] }, random, extentOf(width, height));
  picture.data.set(rasterise(composition.backdrop, width, height).data);
  if (isMasked) return;
  pastePhoto(picture, photo, { x: width / 2, y: height / 2, scale: 0.66, turn: random.between(-2.5, 2.5) });
}

/** Places subjects in the free area as in a picture of its own; a room keeps them on the ground and in plain light. */
function drawSubjects(scene: Scene, random: Random, whole: Raster, area: Area): Raster {
  const extent = extentOf(area.width, area.height);
  const indoors: Scene = { ...scene, place: "room" };
  settle(indoors, random, extent);
  const composition = compose(indoors, random, extent);
  const drawn = rasterise(composition.subjects, area.width, area.height);
  shadeSubjects(drawn, composition.atmosphere, 1);
  return moveTo(area, drawn, whole);
}

/** A rainbow, fireworks and the like over the part of the free area where a sky would be. */
function drawEffects(scene: Scene, random: Random, whole: Raster, area: Area): Raster {
  const extent = extentOf(area.width, area.height);
  const layer = new Layer("e", extent.width, extent.height);
  const atmosphere = createAtmosphere(scene, random.fork("atmosphere"));
  drawSkyEffects({ layer, random, atmosphere, scene, isSnowy: false }, layer.height * 0.6);
  return moveTo(area, rasterise(layer, area.width, area.height), whole);
}

/** A layer of the size of the whole picture, with what was drawn in its place. */
function moveTo(area: Area, drawn: Raster, { width, height }: Raster): Raster {
  const moved: Raster = { width, height, data: new Uint8Array(width * height * 4) };
  for (let y = 0; y < area.height; y++) {
    const row = drawn.data.subarray(y * area.width * 4, (y + 1) * area.width * 4);
    moved.data.set(row, ((area.top + y) * width + area.left) * 4);
  }
  return moved;
}

/** The precipitation: the weather's, or what falls in the season. */
function drawAir(asked: Scene, random: Random, { width, height }: Raster): Raster {
  const extent = extentOf(width, height);
  const layer = new Layer("w", extent.width, extent.height);
  const scene: Scene = asked.season === "winter" ? { ...asked, weather: asked.weather ?? "snow" } : asked;
  if ((scene.weather ?? scene.season) !== undefined) {
    const atmosphere = createAtmosphere(scene, random.fork("atmosphere"));
    drawWeather({ layer, random, atmosphere, scene, isSnowy: scene.weather === "snow" }, layer.height * 0.6, false);
  }
  return rasterise(layer, width, height);
}

/** The factors for red, green and blue at a time of day. */
const LIGHT: Readonly<Record<TimeOfDay, readonly [number, number, number]>> = {
  dawn: [1.06, 0.93, 0.9],
  day: [1, 1, 1],
  sunset: [1.1, 0.8, 0.62],
  night: [0.36, 0.44, 0.72],
};

function changeLight({ data }: Raster, { time = "day", weather }: Scene): void {
  const gloom = weather === "storm" ? 0.72 : weather === "rain" || weather === "cloudy" ? 0.86 : 1;
  const factors = LIGHT[time].map((factor) => factor * gloom);
  if (factors.every((factor) => factor === 1)) return;
  for (let position = 0; position < data.length; position += 4) {
    const alpha = data[position + 3] ?? 0;
    for (let channel = 0; channel < 3; channel++) {
      data[position + channel] = Math.min(alpha, (data[position + channel] ?? 0) * (factors[channel] ?? 1));
    }
  }
}

/** Whether the scene makes no visible change. */
const isSilent = ({ place, time, weather, season, style, tint: colour, effects, subjects }: Scene): boolean =>
  (place ??
    time ??
    weather ??
    (season === "summer" ? undefined : season) ??
    style ??
    colour ??
    effects[0] ??
    subjects[0]) === undefined;

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
