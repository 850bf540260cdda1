import type { GenerateRequest, ImageFormat, ModelDescription } from "../../../ports/image-provider.ts";
import type { Generation } from "../../../ports/records.ts";
import { fitPreviews } from "../generation-plan.ts";

/**
 * Builds the request to the model of a generation.
 * @param edit the images to edit; `undefined` for none
 */
export function toRequest(
  generation: Generation,
  description: ModelDescription,
  edit: GenerateRequest["edit"],
): GenerateRequest {
  const { model, prompt, n, modelSize: size, quality, background } = generation;
  const { seed, compression, moderation, safetyIdentifier, partialImages = 0 } = generation;
  const format = formatToRequest(generation.format, description.formats);
  return {
    model,
    prompt,
    n,
    size,
    quality,
    format,
    background,
    partialImages: fitPreviews(partialImages, n, description).partialImages,
    ...(seed !== undefined && { seed }),
    ...(compression !== undefined && format === generation.format && { compression }),
    ...(moderation !== undefined && { moderation }),
    ...(safetyIdentifier !== undefined && { safetyIdentifier }),
    ...(edit && { edit }),
  };
}

/**
 * The format to request from the model. If the model does not make the wanted one, the gateway converts the image, from
 * PNG if possible, because PNG is lossless.
 */
function formatToRequest(wanted: ImageFormat, offered: readonly ImageFormat[]): ImageFormat {
  return [wanted, "PNG" as const].find((format) => offered.includes(format)) ?? offered[0] ?? "PNG";
}
