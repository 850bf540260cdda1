import { createHash } from "node:crypto";
import { badInput } from "../errors.ts";
import type { EditOrder } from "../ports/records.ts";
import { type EditReferences, MAX_EDIT_IMAGES } from "./edit-intake.ts";
import { type GenerationInput, type GenerationPlan, planGeneration } from "./generation-input.ts";
import type { ModelCatalogue } from "./model-catalogue.ts";
import { nearestSize, toSizeText } from "./sizes.ts";

/** A change of images that a caller asks for. `size` is by default that of the first image, or the nearest there is. */
export interface EditInput extends GenerationInput, EditReferences {}

/**
 * Checks an edit and decides how it is carried out.
 *
 * @param edit the images; `undefined` while they are not known, for a check of everything else
 * @throws BAD_USER_INPUT naming the field, MODEL_UNAVAILABLE
 */
export function planEdit(input: EditInput, edit: EditOrder | undefined, catalogue: ModelCatalogue): GenerationPlan {
  const { images, mask: _mask, ...rest } = input;
  if (images.length === 0 || images.length > MAX_EDIT_IMAGES) {
    throw badInput("images", `an edit needs 1 to ${MAX_EDIT_IMAGES} images`);
  }
  const [first] = edit?.images ?? [];
  const size = rest.size ?? (first && toSizeText(nearestSize(first)));
  const plan = planGeneration({ ...rest, size }, catalogue, "EDIT");
  return edit ? { ...plan, inputHash: hashWith(plan.inputHash, edit) } : plan;
}

/** Images are told apart by their bytes, wherever they came from. */
function hashWith(inputHash: string, { images, mask }: EditOrder): string {
  const hashes = [images.map(({ sha256 }) => sha256), mask?.sha256 ?? null];
  return createHash("sha256")
    .update(JSON.stringify([inputHash, hashes]))
    .digest("hex");
}
