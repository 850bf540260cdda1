import { freeArea, keepMasked, toUnits } from "./canvas/mask.ts";
import { pastePhotos } from "./canvas/pasted-photo.ts";
import { encodePng } from "./canvas/png.ts";
import { createRandom, type Random } from "./canvas/random.ts";
import { divideAlpha, hasAlpha, overlay, type Raster, rasterise, rasteriseBlurred } from "./canvas/raster.ts";
import { shadeSubjects, tint, vignette } from "./canvas/shading.ts";
import { type Composition, compose, extentOf, settle } from "./composition.ts";
import type { Scene } from "./scene.ts";
import { readScene } from "./scene-builder.ts";
import { editScene } from "./scene-edit.ts";
import type { PixelSize, Sources } from "./sources.ts";
import { mosaic } from "./style/mosaic.ts";
import { oil } from "./style/paint.ts";
import { sketch, watercolour } from "./style/paper.ts";
import { neon, pixelArt, poster } from "./style/screen.ts";
import { monochrome, vintage } from "./style/tone.ts";
import { type Note, notesOf } from "./words/notes.ts";
import type { Style } from "./words/scenery.ts";

/** How far a picture has come: what is behind, what it is about, the light and weather over it, and its style. */
export type Stage = "backdrop" | "subjects" | "weather" | "finish";

/** A prompt that a scene is drawn from or changed by. */
export interface Step {
  readonly prompt: string;
  readonly seed: number | undefined;
  /** Which picture of a call this is; each has another composition. */
  readonly index: number;
}

/** Everything one picture depends on. */
export interface Drawing extends Step {
  /** The edits of the scene so far, and the one that is asked for now. @defaultValue none */
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
  /** The size that the scene was composed for, if the picture is cut out of it. @defaultValue the picture's own */
  readonly sceneSize?: PixelSize | undefined;
}

/** A picture, and notes on what it lacks of its prompt. */
export interface Drawn {
  readonly png: Uint8Array;
  readonly notes: readonly Note[];
}

/** Draws a picture as PNG of exactly the size asked for. The same drawing always gives the same bytes. */
export function draw(drawing: Drawing): Drawn {
  const { prompt, edits = [], width, height, isTransparent, metadata, sources, sceneSize = drawing } = drawing;
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
  const isAlone = isTransparent && (scene.subjects.length > 0 || edits.length > 0);
  const data = isAlone
    ? divideAlpha(paintSubjects(composition, random, drawing).data)
    : paint(scene, composition, random, drawing).data;
  const kept = sources?.mask ? keepMasked(data, sources) : data;
  const isGrainy = !isAlone && GRAINY.has(scene.style ?? "plain");
  const options = { hasAlpha: (isAlone || sources?.mask !== undefined) && hasAlpha(kept), isGrainy, metadata };
  return { png: encodePng({ width, height, data: kept }, options), notes };
}

function paint(scene: Scene, composition: Composition, random: Random, drawing: Drawing): Raster {
  const { width, height, stage, sources } = drawing;
  const { backdrop, subjects, finish, backdropBlur } = composition;
  const blur = (backdropBlur * Math.min(width, height)) / 1000;
  const picture = blur > 0 ? rasteriseBlurred(backdrop, width, height, blur) : rasterise(backdrop, width, height);
  if (stage !== "backdrop" && !subjects.isEmpty) overlay(picture, paintSubjects(composition, random, drawing));
  if ((stage === "weather" || stage === "finish") && !finish.isEmpty)
    overlay(picture, rasterise(finish, width, height));
  if (stage !== "finish") return picture;
  const { style = "plain", backdropColour } = scene;
  if (style === "plain" && backdropColour === undefined) vignette(picture, 0.15);
  if (scene.tint !== undefined) tint(picture, scene.tint, 0.6);
  pastePhotos(picture, sources?.references ?? [], { left: 0, top: 0, width, height }, random.fork("photos"));
  applyStyle(picture, style, random.fork("style"));
  return picture;
}

function paintSubjects({ subjects, atmosphere, hasShading }: Composition, random: Random, size: PixelSize): Raster {
  const picture = rasterise(subjects, size.width, size.height);
  if (hasShading) shadeSubjects(picture, atmosphere, random.fork("light").chance(0.5) ? 1 : -1);
  return picture;
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
  vintage,
  monochrome,
  mosaic,
  poster,
};

export function applyStyle(picture: Raster, style: Style, random: Random): void {
  STYLES[style](picture, random);
}
