import { badInput, GatewayError } from "../../errors.ts";
import type { ModelDescription } from "../../ports/image-provider.ts";
import type { EditSource, GenerationOrder } from "../../ports/records.ts";
import { isCovered, nearestModelSize } from "../images/sizes.ts";

/** What decides whether another model can take a generation over; `modelSize` is what the first one would make. */
type Wanted = Pick<
  GenerationOrder,
  "prompt" | "n" | "requestedSize" | "modelSize" | "quality" | "background" | "seed" | "moderation" | "edit"
>;

/** Whether a model can do all that was asked, at least as well as the one it was planned for. */
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

/** What goes into an edit, as far as it is known. */
interface Sources {
  readonly images: readonly Partial<Pick<EditSource, "format" | "byteSize">>[];
  readonly mask?: object | undefined;
}

/** Why a model that edits cannot edit these; `undefined` when it can. */
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
