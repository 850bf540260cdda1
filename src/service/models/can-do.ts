import { badInput, GatewayError } from "../../errors.ts";
import type { ModelDescription } from "../../ports/image-provider.ts";
import type { EditSource, GenerationOrder } from "../../ports/records.ts";
import { isCovered, nearestModelSize } from "../images/sizes.ts";

/** What another model must support to take over a generation. `modelSize` is the size that the first model makes. */
type Wanted = Pick<
  GenerationOrder,
  "prompt" | "n" | "requestedSize" | "modelSize" | "quality" | "background" | "seed" | "moderation" | "edit"
>;

/** Whether a model can make the requested images, at least as well as the planned model. */
export function canDo(model: ModelDescription, wanted: Wanted): boolean {
  const { prompt, n, requestedSize, modelSize, quality, background, seed, moderation, edit } = wanted;
  const operation = edit ? "EDIT" : "GENERATE";
  const made = nearestModelSize(requestedSize, model.sizes);
  return (
    model.operations.includes(operation) &&
    n <= model.maxImages &&
    countCodePoints(prompt) <= model.maxPromptLength &&
    (isCovered(requestedSize, made) || isCovered(modelSize, made)) &&
    model.qualities.includes(quality) &&
    model.backgrounds.includes(background) &&
    (seed === undefined || model.hasSeed) &&
    (moderation === undefined || model.moderated?.includes(operation) === true) &&
    (edit === undefined || editRefusal(model, edit) === undefined)
  );
}

/** The images of an edit, as far as they are known. */
interface Sources {
  readonly images: readonly Partial<Pick<EditSource, "format" | "byteSize">>[];
  readonly mask?: object | undefined;
}

/** The reason why a model cannot edit these images; `undefined` if it can. */
export function editRefusal({ id, edits }: ModelDescription, { images, mask }: Sources): GatewayError | undefined {
  if (!edits) return undefined;
  const { maxInputImages, maxInputBytes, inputFormats, hasMask } = edits;
  if (images.length > maxInputImages) return badInput("images", `${id} edits at most ${maxInputImages} images at once`);
  if (mask && !hasMask) return badInput("mask", `${id} takes no mask; leave it out, or name another model`);
  if (images.some(({ format }) => format !== undefined && !inputFormats.includes(format))) {
    return new GatewayError("UNSUPPORTED_MEDIA_TYPE", `${id} edits only ${inputFormats.join(", ")} files`, {
      field: "images",
    });
  }
  if (images.some(({ byteSize = 0 }) => byteSize > maxInputBytes)) {
    return new GatewayError("PAYLOAD_TOO_LARGE", `${id} edits files of at most ${maxInputBytes} bytes`, {
      field: "images",
    });
  }
  return undefined;
}

export function countCodePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
