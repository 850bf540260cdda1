import type { Background, ImageFormat, Quality } from "../generated/graphql.ts";
import type { Model } from "../state/gateway.ts";

export const QUALITIES: readonly Quality[] = ["AUTO", "LOW", "MEDIUM", "HIGH", "XHIGH", "MAX"];
export const FORMATS: readonly ImageFormat[] = ["PNG", "JPEG", "WEBP", "AVIF"];
export const BACKGROUNDS: readonly Background[] = ["AUTO", "OPAQUE", "TRANSPARENT"];
/** Most images of one generation. */
export const MAX_IMAGES = 10;
/** Most previews of an image. */
export const MAX_PREVIEWS = 3;

/** The chosen quality, or what takes its place if the model does not make it. */
export function possibleQuality(quality: Quality, { qualities }: Model): Quality {
  return qualities.includes(quality) ? quality : "AUTO";
}

/** Why a background has no effect: the model does not make it, or the format has no transparency. */
export type BackgroundObstacle = "opaque" | "transparent" | "jpeg";

export function backgroundObstacle(
  background: Background,
  format: ImageFormat,
  { backgrounds }: Model,
): BackgroundObstacle | undefined {
  if (!backgrounds.includes(background)) return background === "OPAQUE" ? "opaque" : "transparent";
  return background === "TRANSPARENT" && format === "JPEG" ? "jpeg" : undefined;
}

/** The chosen background, or what takes its place if it is not possible. */
export function possibleBackground(background: Background, format: ImageFormat, model: Model): Background {
  return backgroundObstacle(background, format, model) ? "AUTO" : background;
}
