import { compose, extentOf, settle } from "./composition.ts";
import { type Area, freeArea, keepMasked, toUnits } from "./mask.ts";
import { type Note, notesOf } from "./notes.ts";
import { pastePhotos } from "./pasted-photo.ts";
import { encodePng } from "./png.ts";
import { createRandom, type Random } from "./random.ts";
import { divideAlpha, hasAlpha, overlay, type Raster, rasterise, rasteriseBlurred } from "./raster.ts";
import { readScene } from "./scene-builder.ts";
import { editScene } from "./scene-edit.ts";
import { shadeSubjects, tint, vignette } from "./shading.ts";
import type { PixelSize, Sources } from "./sources.ts";
import { mosaic } from "./style/mosaic.ts";
import { oil } from "./style/paint.ts";
import { sketch, watercolour } from "./style/paper.ts";
import { neon, pixelArt, poster } from "./style/screen.ts";
import { monochrome, vintage } from "./style/tone.ts";
import type { Style } from "./words/scenery.ts";

/** How far a picture has come: what is behind, what it is about, the light and weather over it, and its style. */
export type Stage = "backdrop" | "subjects" | "weather" | "finish";

/** What a scene is drawn from, or changed by. */
export interface Step {
  readonly prompt: string;
  readonly seed: number | undefined;
  /** Which picture of a call this is; each has another composition. */
  readonly index: number;
}

/** Everything one picture depends on. */
export interface Drawing extends Step {
  /** What changes the scene before it is drawn, the last one now. @defaultValue none */
  readonly edits?: readonly Step[];
  /** In pixels, as is `height`. */
  readonly width: number;
  readonly height: number;
  /** Draws the subjects alone, on nothing. */
  readonly isTransparent: boolean;
  readonly stage: Stage;
  /** The content of an `iTXt` chunk of the PNG, such as XMP. The file has none if it is undefined. */
  readonly metadata?: Uint8Array;
  /** The images of an edit: what its mask keeps, and the photos that are pasted. */
  readonly sources?: Sources | undefined;
  /** The size whose proportions the scene has, where the picture is a part of it. @defaultValue that of the picture */
  readonly sceneSize?: PixelSize | undefined;
}

/** A picture, and what of its last prompt it does not show. */
export interface Drawn {
  readonly png: Uint8Array;
  readonly notes: readonly Note[];
}

/** Draws a picture as PNG of exactly the size asked for. The same drawing always gives the same bytes. */
export function draw(drawing: Drawing): Drawn {
  const { prompt, edits = [], width, height, stage, isTransparent, metadata, sources, sceneSize = drawing } = drawing;
  const random = randomOf(drawing);
  const extent = extentOf(sceneSize.width, sceneSize.height);
  const scene = readScene(prompt);
  settle(scene, random, extent);
  let unchanged: readonly string[] = [];
  for (const edit of edits) {
    const isMasked = sources?.mask !== undefined && edit === edits.at(-1);
    const area = isMasked ? toUnits(freeArea(sources.mask, width, height), drawing, extent) : undefined;
    unchanged = editScene(scene, edit.prompt, { random: randomOf(edit), extent, area });
  }
  const composition = compose(scene, random, extent);
  const notes = notesOf(scene, unchanged, edits.at(-1)?.prompt ?? prompt);

  const unit = Math.min(width, height) / 1000;
  const drawSubjects = (): Raster => {
    const subjects = rasterise(composition.subjects, width, height);
    if (composition.hasShading)
      shadeSubjects(subjects, composition.atmosphere, random.fork("light").chance(0.5) ? 1 : -1);
    return subjects;
  };
  if (isTransparent && scene.subjects.length > 0 && sources?.mask === undefined) {
    const data = divideAlpha(drawSubjects().data);
    return { notes, png: encodePng({ width, height, data }, { hasAlpha: true, isGrainy: false, metadata }) };
  }
  const picture =
    composition.backdropBlur > 0
      ? rasteriseBlurred(composition.backdrop, width, height, composition.backdropBlur * unit)
      : rasterise(composition.backdrop, width, height);
  if (stage !== "backdrop" && !composition.subjects.isEmpty) overlay(picture, drawSubjects());
  const hasWeather = stage === "weather" || stage === "finish";
  if (hasWeather && !composition.finish.isEmpty) overlay(picture, rasterise(composition.finish, width, height));
  const style = scene.style ?? "plain";
  if (stage === "finish") {
    if (style === "plain" && scene.backdropColour === undefined) vignette(picture, 0.15);
    if (scene.tint !== undefined) tint(picture, scene.tint, 0.6);
    const whole: Area = { left: 0, top: 0, width, height };
    pastePhotos(picture, sources?.references ?? [], whole, random.fork("photos"));
    applyStyle(picture, style, random.fork("style"));
  }
  const isGrainy = GRAINY.has(style);
  if (sources?.mask === undefined) return { notes, png: encodePng(picture, { hasAlpha: false, isGrainy, metadata }) };
  const data = keepMasked(picture.data, sources);
  const options = { hasAlpha: hasAlpha(data), isGrainy, metadata };
  return { notes, png: encodePng({ width, height, data }, options) };
}

/** The seed of a picture and of every change of it: the prompt, the caller's seed and the index. */
export function randomOf({ prompt, seed, index }: Step): Random {
  return createRandom(`${prompt}\u0000${seed ?? ""}\u0000${index}`);
}
/** Styles that cover the picture with grain. */
export const GRAINY: ReadonlySet<Style> = new Set(["watercolour", "oil", "sketch"]);

/** How a whole picture is turned into one that was made in another way. */
const STYLES: Readonly<Record<Style, (picture: Raster, random: Random) => void>> = {
  plain: () => {},
  watercolour,
  oil,
  pixel: pixelArt,
  sketch,
  neon,
  vintage: (picture) => {
    vintage(picture);
    vignette(picture, 0.4);
  },
  monochrome,
  mosaic,
  poster,
};

export function applyStyle(picture: Raster, style: Style, random: Random): void {
  STYLES[style](picture, random);
}
