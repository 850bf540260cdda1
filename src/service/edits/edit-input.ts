import { createHash } from "node:crypto";
import { badInput } from "../../errors.ts";
import type { EditOrder } from "../../ports/records.ts";
import { type GenerationInput, type GenerationPlan, planGeneration } from "../generations/generation-input.ts";
import { editRefusal } from "../models/can-do.ts";
import type { ModelCatalogue } from "../models/model-catalogue.ts";
import { type EditReferences, type ImageReference, MAX_EDIT_IMAGES } from "./edit-intake.ts";

/** A change of images that a caller asks for. `size` is by default that of the first image, or the nearest there is. */
export interface EditInput extends GenerationInput, EditReferences {}

/**
 * Checks an edit and decides how it is carried out.
 *
 * @param edit the images; left out while they are not known, for a check of everything else
 * @throws BAD_USER_INPUT, UNSUPPORTED_MEDIA_TYPE or PAYLOAD_TOO_LARGE naming the field, MODEL_UNAVAILABLE
 */
export function planEdit(input: EditInput, catalogue: ModelCatalogue, edit?: EditOrder): GenerationPlan {
  const { images, mask } = input;
  if (images.length === 0 || images.length > MAX_EDIT_IMAGES) {
    throw badInput("images", `an edit needs 1 to ${MAX_EDIT_IMAGES} images`);
  }
  const plan = planGeneration(input, catalogue, "EDIT", edit);
  const refusal = editRefusal(plan.model.description, edit ?? { images: images.map(() => ({})), mask });
  if (refusal) throw refusal;
  if (!edit) return plan;
  const hashes = [...edit.images, edit.mask].map((source) => source?.sha256);
  return { ...plan, inputHash: hashEdit(plan, input, hashes) };
}

/**
 * What tells an edit from another one: what was asked for, so that a repetition is known by it when what its images are
 * called by has changed or is gone.
 *
 * @param asked everything else
 * @param hashes the SHA-256 of each upload, in its place among the images with the mask behind them
 */
export function hashEdit(
  asked: Pick<GenerationPlan, "inputHash">,
  { images, mask, size }: EditInput,
  hashes: readonly (string | undefined)[],
): string {
  const names = images.map((image, index) => nameOf(image, hashes[index]));
  const maskName = mask ? nameOf(mask, hashes[images.length]) : null;
  return createHash("sha256")
    .update(JSON.stringify([asked.inputHash, size ?? null, names, maskName]))
    .digest("hex");
}

function nameOf(reference: ImageReference, sha256: string | undefined): object {
  if ("id" in reference) return { id: reference.id };
  if ("url" in reference) return { url: reference.url };
  // Its query is another one each time it is handed out.
  if ("link" in reference) return { link: reference.link.split("?")[0] };
  return { sha256 };
}
