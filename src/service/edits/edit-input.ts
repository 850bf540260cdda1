import { createHash } from "node:crypto";
import { badInput } from "../../errors.ts";
import type { PixelSize } from "../../ports/image-provider.ts";
import type { EditOrder } from "../../ports/records.ts";
import { type CheckedInput, checkInput, type GenerationInput } from "../generations/generation-input.ts";
import { completePlan, draftPlan, type GenerationPlan, type PlanDraft } from "../generations/generation-plan.ts";
import { nearestSize } from "../images/sizes.ts";
import { editRefusal } from "../models/can-do.ts";
import type { ModelCatalogue } from "../models/model-catalogue.ts";
import { type EditReferences, type ImageReference, MAX_EDIT_IMAGES } from "./edit-intake.ts";

/** A caller's request to edit images. By default, `size` is the allowed size nearest to that of the first image. */
export interface EditInput extends GenerationInput, EditReferences {}

/**
 * Checks everything that depends neither on the model nor on the images.
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
 * Plans an edit as far as possible without its images.
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
 * Completes the plan of an edit.
 *
 * @param edit the stored images
 * @throws UNSUPPORTED_MEDIA_TYPE or PAYLOAD_TOO_LARGE naming the field, when the model does not accept an image
 */
export function completeEdit(draft: PlanDraft, input: EditInput, edit: EditOrder): GenerationPlan {
  const refusal = editRefusal(draft.model.description, edit);
  if (refusal) throw refusal;
  const hashes = [...edit.images, edit.mask].map((source) => source?.sha256);
  return { ...completePlan(draft, edit), inputHash: hashEdit(draft, input, hashes) };
}

/**
 * Plans an edit whose images are not read, to quote it.
 *
 * @param sizes those of the images that are known
 * @throws BAD_USER_INPUT when the size of the result depends on an image whose size is not known
 */
export function planEditUnread(
  draft: PlanDraft,
  references: EditReferences,
  sizes: readonly (PixelSize | undefined)[],
): GenerationPlan & { readonly edit: EditReferences } {
  const [first] = sizes;
  const requestedSize = draft.requestedSize ?? (first && nearestSize(first));
  if (requestedSize) return { ...completePlan({ ...draft, requestedSize }), edit: references };
  throw badInput("size", "size is needed, because a quote reads no files; or give the first image by its id");
}

/**
 * Hashes the request for an edit. A retry has the same hash, even when its images were changed or deleted in the
 * meantime, because ids and addresses are hashed instead of the content behind them.
 *
 * @param asked the rest of the request
 * @param hashes the SHA-256 of each upload, at its index among the images; the mask comes last
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
  // The query of a signed URL differs each time the URL is signed.
  if ("link" in reference) return { link: reference.link.split("?")[0] };
  return { sha256 };
}
