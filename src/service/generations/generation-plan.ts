import { badInput, type GatewayError } from "../../errors.ts";
import {
  type ModelDescription,
  type Operation,
  type PixelSize,
  QUALITIES,
  type Quality,
} from "../../ports/image-provider.ts";
import type { EditOrder, GenerationOrder, Warning } from "../../ports/records.ts";
import { isCovered, nearestModelSize, nearestSize, parseSize, toSizeText } from "../images/sizes.ts";
import { canDo, countCodePoints } from "../models/can-do.ts";
import type { CataloguedModel, ModelCatalogue } from "../models/model-catalogue.ts";
import { type CheckedInput, DEFAULT_SIZE, LEGACY_QUALITIES } from "./generation-input.ts";
import type { Attempt } from "./retry-deduplicator.ts";

/** A complete plan for a generation. */
export interface GenerationPlan extends Required<Omit<GenerationOrder, DecidedAtAcceptance>> {
  readonly model: CataloguedModel;
  readonly idempotencyKey: string | undefined;
  /** `undefined` when there is an idempotency key. */
  readonly attempt: Attempt | undefined;
}

type DecidedAtAcceptance =
  | "id"
  | "projectId"
  | "apiKeyId"
  | "model"
  | "edit"
  | "prices"
  | "maxCost"
  | "createdAt"
  | "idempotency"
  | "traceContext";

/** The part of a plan that does not depend on the size. The size of an edit may be known only with its images. */
export interface PlanDraft extends Omit<GenerationPlan, "requestedSize" | "modelSize" | "fallbacks"> {
  readonly requestedSize: PixelSize | undefined;
  /** The configured fallback models. It is not checked yet whether they can carry out the request. */
  readonly candidates: readonly CataloguedModel[];
}

/**
 * Plans how to carry out a request.
 *
 * @param permit checks the plan before its size is decided
 * @throws BAD_USER_INPUT naming the field, MODEL_UNAVAILABLE, and any error of `permit`
 */
export function planGeneration(
  input: CheckedInput,
  catalogue: ModelCatalogue,
  permit: (draft: PlanDraft) => PlanDraft = (draft) => draft,
): GenerationPlan {
  return completePlan(permit(draftPlan(input, catalogue, "GENERATE")));
}

/**
 * Plans everything except the size.
 *
 * @throws BAD_USER_INPUT naming the field, MODEL_UNAVAILABLE
 */
export function draftPlan(checked: CheckedInput, catalogue: ModelCatalogue, operation: Operation): PlanDraft {
  const { modelName, qualityWord, hasStyle, ...asked } = checked;
  const { prompt, n, background, seed, moderation, partialImages } = asked;
  const { model, fallbacks: candidates, warnings: modelWarnings } = catalogue.resolve(modelName);
  const { description } = model;
  const { id, maxPromptLength, maxImages, backgrounds, hasSeed } = description;
  if (!description.operations.includes(operation)) throw cannot(operation, description, catalogue);
  if (prompt.length > maxPromptLength && countCodePoints(prompt) > maxPromptLength) {
    throw badInput("prompt", `prompt must have at most ${maxPromptLength} characters for ${id}`);
  }
  if (!backgrounds.includes(background)) {
    throw badInput("background", `${id} makes only these backgrounds: ${backgrounds.join(", ")}`);
  }
  if (n > maxImages) throw badInput("n", `n must be at most ${maxImages} for ${id}`);
  const quality = fitQuality(asked.quality, qualityWord, description);
  const previews = fitPreviews(partialImages, n, description);
  const isModerated = description.moderated?.includes(operation) ?? false;
  return {
    ...asked,
    model,
    candidates,
    quality: quality.quality,
    seed: hasSeed ? seed : undefined,
    moderation: isModerated ? moderation : undefined,
    partialImages: previews.partialImages || undefined,
    warnings: [
      ...modelWarnings,
      ...quality.warnings,
      ...(seed !== undefined && !hasSeed ? [ignoredWarning("seed", description)] : []),
      ...previews.warnings,
      ...(moderation !== undefined && !isModerated ? [unmoderatedWarning(operation, description)] : []),
      ...(hasStyle ? [ignoredWarning("style", description)] : []),
    ],
  };
}

/**
 * Completes a plan with the sizes and the fallback models that can carry it out.
 *
 * @param edit the images of an edit; if no size was requested, the size of the first image counts
 */
export function completePlan({ candidates, ...draft }: PlanDraft, edit?: EditOrder): GenerationPlan {
  const [first] = edit?.images ?? [];
  const requestedSize = draft.requestedSize ?? (first ? nearestSize(first) : parseSize(DEFAULT_SIZE));
  const modelSize = nearestModelSize(requestedSize, draft.model.description.sizes);
  const isEnlarged = !isCovered(requestedSize, modelSize);
  const warnings = isEnlarged ? [...draft.warnings, enlargedWarning(requestedSize, modelSize)] : draft.warnings;
  const plan = { ...draft, requestedSize, modelSize, warnings };
  const able = candidates.filter(({ description }) => canDo(description, { ...plan, edit }));
  return { ...plan, fallbacks: able.length > 0 ? able.map(({ description }) => description.id) : undefined };
}

function cannot(operation: Operation, model: ModelDescription, catalogue: ModelCatalogue): GatewayError {
  const able = catalogue.living.filter(({ operations }) => operations.includes(operation)).map(({ id }) => id);
  const what = operation === "EDIT" ? "edit images" : "make images from text alone";
  return badInput("model", `${model.id} cannot ${what}; use one of: ${able.join(", ")}`);
}

function fitQuality(wanted: Quality, word: string, model: ModelDescription): { quality: Quality; warnings: Warning[] } {
  const upToWanted = QUALITIES.slice(0, QUALITIES.indexOf(wanted) + 1);
  const quality = upToWanted.findLast((candidate) => model.qualities.includes(candidate)) ?? "AUTO";
  const isTranslated = LEGACY_QUALITIES.has(word.toLowerCase());
  if (!isTranslated && quality === wanted) return { quality, warnings: [] };
  const asWord = isTranslated ? word.toLowerCase() : wanted;
  return {
    quality,
    warnings: [
      { code: "QUALITY_REPLACED", message: `${model.id} has no quality ${asWord}; ${quality} was used instead` },
    ],
  };
}

/** Limits the requested previews to those that the model can show, with a warning if there are fewer. */
export function fitPreviews(
  wanted: number,
  n: number,
  { id, previews }: ModelDescription,
): { readonly partialImages: number; readonly warnings: readonly Warning[] } {
  const { maxPartialImages = 0, maxImages = 0 } = previews ?? {};
  const partialImages = n > maxImages ? 0 : Math.min(wanted, maxPartialImages);
  const limit =
    maxImages === 0
      ? `${id} shows no previews`
      : n > maxImages
        ? `${id} shows previews of at most ${maxImages} images a call`
        : `${id} shows at most ${maxPartialImages} previews of an image`;
  const warning = { code: "PARTIAL_IMAGES_IGNORED", message: `${limit}; ${partialImages || "none"} will come` };
  return { partialImages, warnings: partialImages === wanted ? [] : [warning] };
}

function enlargedWarning(requested: PixelSize, made: PixelSize): Warning {
  const message = `the model makes at most ${toSizeText(made)} of this shape; it was enlarged to ${toSizeText(requested)}`;
  return { code: "ENLARGED", message };
}

function unmoderatedWarning(operation: Operation, { id }: ModelDescription): Warning {
  const what = operation === "EDIT" ? "moderation of edits" : "moderation";
  return { code: "MODERATION_IGNORED", message: `${id} has no ${what} that could be set; it was ignored` };
}

function ignoredWarning(parameter: string, model: ModelDescription): Warning {
  return { code: `${parameter.toUpperCase()}_IGNORED`, message: `${model.id} has no ${parameter}; it was ignored` };
}
