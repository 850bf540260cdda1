import type OpenAI from "openai";
import { toStreamingFile } from "openai";
import type { EditSources, SourceImage } from "../../ports/image-provider.ts";

/**
 * The parameters of an edit: those of a generation without `moderation`, which edits do not have, plus the images as
 * files that are read while they are sent.
 *
 * @see https://platform.openai.com/docs/api-reference/images/createEdit
 */
export function toEditParameters(
  { moderation: _, ...parameters }: OpenAI.Images.ImageGenerateParams,
  { images, mask }: EditSources,
): OpenAI.Images.ImageEditParams {
  return {
    ...parameters,
    image: images.map((image, index) => toFile(image, `image-${index + 1}`)),
    ...(mask && { mask: toFile(mask, "mask") }),
  } as OpenAI.Images.ImageEditParams;
}

function toFile(image: SourceImage, name: string) {
  const format = image.format.toLowerCase();
  return toStreamingFile(image.read(), `${name}.${format}`, { type: `image/${format}` });
}
