import { createHash } from "node:crypto";
import { badInput } from "../../errors.ts";
import type { EditOrder } from "../../ports/records.ts";
import { type CheckedInput, checkInput, type GenerationInput } from "../generations/generation-input.ts";
import { completePlan, draftPlan, type GenerationPlan, type PlanDraft } from "../generations/generation-plan.ts";
import { editRefusal } from "../models/can-do.ts";
import type { ModelCatalogue } from "../models/model-catalogue.ts";
import { type EditReferences, type ImageReference, MAX_EDIT_IMAGES } from "./edit-intake.ts";

/** A change of images that a caller asks for. `size` is by default that of the first image, or the nearest there is. */
export interface EditInput extends GenerationInput, EditReferences {}

/**
 * Checks what no model and no image decides.
 *
 * @throws BAD_USER_INPUT naming the field
 */
export function checkEdit(input: EditInput): CheckedInput {
  const checked = checkInput(input);
  const { images } = input;
  if (images.length === 0 || images.length > MAX_EDIT_IMAGES) {
    throw badInput("images", `an edit needs 1 to ${MAX_EDIT_IMAGES} images`);
  }
  return checked;
}

/**
 * Decides how an edit is carried out, as far as its images do not decide it.
 *
 * @throws BAD_USER_INPUT naming the field, MODEL_UNAVAILABLE
 */
export function draftEdit(checked: CheckedInput, references: EditReferences, catalogue: ModelCatalogue): PlanDraft {
  const draft = draftPlan(checked, catalogue, "EDIT");
  const { images, mask } = references;
  const refusal = editRefusal(draft.model.description, { images: images.map(() => ({})), mask });
  if (refusal) throw refusal;
  return draft;
}

/**
 * Decides the rest.
 *
 * @param edit the images, stored
 * @throws UNSUPPORTED_MEDIA_TYPE or PAYLOAD_TOO_LARGE naming the field, when the model does not take one of them
 */
export function completeEdit(draft: PlanDraft, input: EditInput, edit: EditOrder): GenerationPlan {
  const refusal = editRefusal(draft.model.description, edit);
  if (refusal) throw refusal;
  const hashes = [...edit.images, edit.mask].map((source) => source?.sha256);
  return { ...completePlan(draft, edit), inputHash: hashEdit(draft, input, hashes) };
}

/**
 * What tells an edit from another one: what was asked for, so that a repetition is known by it when what its images are
 * called by has changed or is gone.
 *
 * @param asked everything else
 * @param hashes the SHA-256 of each upload, in its place among the images with the mask behind them
 */
export function hashEdit(
  asked: Pick<CheckedInput, "inputHash">,
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
