import { compose } from "./composition.ts";
import { encodePng } from "./png.ts";
import { parsePrompt } from "./prompt.ts";
import { createRandom, type Random } from "./random.ts";
import { overlay, type Raster, rasterise, rasteriseBlurred } from "./raster.ts";
import { shadeSubjects, vignette } from "./shading.ts";
import { mosaic } from "./style/mosaic.ts";
import { oil } from "./style/paint.ts";
import { sketch, watercolour } from "./style/paper.ts";
import { neon, pixelArt, poster } from "./style/screen.ts";
import { monochrome, vintage } from "./style/tone.ts";
import type { Style } from "./words/scenery.ts";

/** How far a picture has come: what is behind, what it is about, the light and weather over it, and its style. */
export type Stage = "backdrop" | "subjects" | "weather" | "finish";

/** Everything one picture depends on. */
export interface Drawing {
  readonly prompt: string;
  readonly seed: number | undefined;
  /** Which picture of a call this is; each has another composition. */
  readonly index: number;
  /** In pixels, as is `height`. */
  readonly width: number;
  readonly height: number;
  /** Draws the subjects alone, on nothing. */
  readonly isTransparent: boolean;
  readonly stage: Stage;
  /** The content of an `iTXt` chunk of the PNG, such as XMP. The file has none if it is undefined. */
  readonly metadata?: Uint8Array;
}

/** Draws a picture as PNG bytes of exactly the size asked for. The same drawing always gives the same bytes. */
export function draw(drawing: Drawing): Uint8Array {
  const { prompt, seed, index, width, height, stage, isTransparent, metadata } = drawing;
  const random = createRandom(`${prompt}\u0000${seed ?? ""}\u0000${index}`);
  const scene = parsePrompt(prompt);
  const composition = compose(scene, random, width, height);
  const unit = Math.min(width, height) / 1000;
  const isAlone = isTransparent && scene.subjects.length > 0;

  const drawSubjects = (): Raster => {
    const subjects = rasterise(composition.subjects, width, height);
    if (composition.hasShading)
      shadeSubjects(subjects, composition.atmosphere, random.fork("light").chance(0.5) ? 1 : -1);
    return subjects;
  };
  if (isAlone) return encodePng(drawSubjects(), { hasAlpha: true, isGrainy: false, metadata });

  const picture =
    composition.backdropBlur > 0
      ? rasteriseBlurred(composition.backdrop, width, height, composition.backdropBlur * unit)
      : rasterise(composition.backdrop, width, height);
  if (stage !== "backdrop" && !composition.subjects.isEmpty) overlay(picture, drawSubjects());
  const hasWeather = stage === "weather" || stage === "finish";
  if (hasWeather && !composition.finish.isEmpty) overlay(picture, rasterise(composition.finish, width, height));
  if (stage === "finish") {
    if (scene.style === undefined || scene.style === "plain") vignette(picture, 0.15);
    applyStyle(picture, scene.style ?? "plain", random.fork("style"));
  }
  return encodePng(picture, { hasAlpha: false, isGrainy: GRAINY.has(scene.style ?? "plain"), metadata });
}

/** Styles that cover the picture with grain. */
export const GRAINY: ReadonlySet<Style> = new Set(["watercolour", "oil", "sketch"]);

/** Turns a whole picture into one that was made in another way. */
export function applyStyle(picture: Raster, style: Style, random: Random): void {
  switch (style) {
    case "plain":
      return;
    case "watercolour":
      watercolour(picture, random);
      return;
    case "oil":
      oil(picture, random);
      return;
    case "pixel":
      pixelArt(picture);
      return;
    case "sketch":
      sketch(picture, random);
      return;
    case "neon":
      neon(picture, random);
      return;
    case "vintage":
      vintage(picture);
      vignette(picture, 0.4);
      return;
    case "monochrome":
      monochrome(picture);
      return;
    case "mosaic":
      mosaic(picture, random);
      return;
    case "poster":
      poster(picture);
      return;
    default:
      style satisfies never;
  }
}
