import { createHash } from "node:crypto";
import { badInput, type GatewayError } from "../../errors.ts";
import {
  BACKGROUNDS,
  IMAGE_FORMATS,
  type ImageFormat,
  MODERATIONS,
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
import type { Attempt } from "./retry-deduplicator.ts";

const DEFAULT_SIZE = "1024x1024";
/** The most images of one generation. */
export const MAX_IMAGES = 10;
/** The longest prompt, in Unicode code points. */
export const MAX_PROMPT_LENGTH = 32_000;
/** The most previews of one image. */
export const MAX_PARTIAL_IMAGES = 3;
/** The longest idempotency key, in characters; the same as Stripe's. */
export const MAX_IDEMPOTENCY_KEY_LENGTH = 255;
/**
 * The longest safety identifier, in characters.
 *
 * @see https://platform.openai.com/docs/guides/safety-best-practices
 */
export const MAX_SAFETY_IDENTIFIER_LENGTH = 64;

/** What a caller asks for, whichever door it came through. Anything left out has the default that stands here. */
export interface GenerationInput {
  /** 1–32,000 characters. */
  readonly prompt: string;
  /** 1–10. @defaultValue 1 */
  readonly n?: number | undefined;
  /** `"WIDTHxHEIGHT"` in pixels. @defaultValue "1024x1024" */
  readonly size?: string | undefined;
  /** @defaultValue the gateway's default model */
  readonly model?: string | undefined;
  /** One of {@link QUALITIES}; the words of retired models, `hd` and `standard`, are translated. @defaultValue "AUTO" */
  readonly quality?: string | undefined;
  /** One of {@link IMAGE_FORMATS}. @defaultValue "PNG" */
  readonly format?: string | undefined;
  /** One of {@link BACKGROUNDS}. @defaultValue "AUTO" */
  readonly background?: string | undefined;
  /** A whole number from 0 to 2147483647; ignored with a warning where the model has no seed. */
  readonly seed?: number | undefined;
  /** How much of the quality to keep, 0–100, for the formats that lose something. @defaultValue the model's own */
  readonly compression?: number | undefined;
  /** One of {@link MODERATIONS}; ignored with a warning where the model has none. @defaultValue "AUTO" */
  readonly moderation?: string | undefined;
  /** Stands for the person who asks, for the provider's abuse monitoring: 1–64 characters, a hash for preference. */
  readonly safetyIdentifier?: string | undefined;
  /** Previews of each image while it is made, 0–3; none with a warning where the model shows none. @defaultValue 0 */
  readonly partialImages?: number | undefined;
  /** A parameter of a retired model that none understands any more; ignored with a warning. */
  readonly style?: string | undefined;
  /** The same key with the same input is the same generation for 24 hours. */
  readonly idempotencyKey?: string | undefined;
  /** Set for clients that send a request again by themselves, without a key; ignored where there is one. */
  readonly attempt?: Attempt | undefined;
}

/** An input that can be carried out, with everything decided. */
export interface GenerationPlan extends Required<Omit<GenerationOrder, DecidedAtAcceptance>> {
  readonly model: CataloguedModel;
  readonly idempotencyKey: string | undefined;
  /** `undefined` where there is a key. */
  readonly attempt: Attempt | undefined;
}

type DecidedAtAcceptance = "id" | "owner" | "model" | "edit" | "createdAt" | "idempotency";

/** What a caller asks for, checked as far as no model decides it. */
interface CheckedInput extends Omit<GenerationPlan, "model" | "modelSize" | "warnings" | "fallbacks"> {
  readonly modelName: string | undefined;
  /** In the caller's own words where a retired model had them. */
  readonly qualityWord: string;
  readonly hasStyle: boolean;
}

/**
 * Checks an input and decides how it is carried out.
 *
 * @param operation what the model has to be able to do
 * @param edit the images that go in, once they are known: where no size is named, the first one's
 * @throws BAD_USER_INPUT naming the field, MODEL_UNAVAILABLE
 */
export function planGeneration(
  input: GenerationInput,
  catalogue: ModelCatalogue,
  operation: Operation = "GENERATE",
  edit?: EditOrder,
): GenerationPlan {
  const [first] = edit?.images ?? [];
  const { modelName, qualityWord, hasStyle, ...asked } = checkInput(input, first && toSizeText(nearestSize(first)));
  const { prompt, n, requestedSize, background, seed, moderation, partialImages = 0 } = asked;
  const { model, fallbacks, warnings: modelWarnings } = catalogue.resolve(modelName);
  const { description } = model;
  const { id, maxPromptLength, maxImages, backgrounds, hasSeed, sizes } = description;
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
  const modelSize = nearestModelSize(requestedSize, sizes);
  const isModerated = description.moderated?.includes(operation) ?? false;
  const plan = {
    ...asked,
    model,
    modelSize,
    quality: quality.quality,
    seed: hasSeed ? seed : undefined,
    moderation: isModerated ? moderation : undefined,
    partialImages: previews.partialImages || undefined,
    warnings: [
      ...modelWarnings,
      ...quality.warnings,
      ...(isCovered(requestedSize, modelSize) ? [] : [enlargedWarning(requestedSize, modelSize)]),
      ...(seed !== undefined && !hasSeed ? [ignoredWarning("seed", description)] : []),
      ...previews.warnings,
      ...(moderation !== undefined && !isModerated ? [unmoderatedWarning(operation, description)] : []),
      ...(hasStyle ? [ignoredWarning("style", description)] : []),
    ],
  };
  const wanted = { prompt, n, requestedSize, modelSize, quality: quality.quality, background };
  const able = fallbacks.filter((other) =>
    canDo(other.description, {
      ...wanted,
      ...(seed !== undefined && { seed }),
      ...(plan.moderation !== undefined && { moderation: plan.moderation }),
      ...(edit && { edit }),
    }),
  );
  return { ...plan, fallbacks: able.length > 0 ? able.map((other) => other.description.id) : undefined };
}

/**
 * Checks what no model decides.
 *
 * @param defaultSize what `size` is when it is left out
 * @throws BAD_USER_INPUT naming the field
 */
export function checkInput(input: GenerationInput, defaultSize = DEFAULT_SIZE): CheckedInput {
  const prompt = checkPrompt(input.prompt);
  const n = checkWholeNumber("n", input.n ?? 1, 1, MAX_IMAGES);
  const requestedSize = parseSize(input.size ?? defaultSize);
  const qualityWord = input.quality ?? "AUTO";
  const quality = LEGACY_QUALITIES.get(qualityWord.toLowerCase()) ?? checkWord("quality", qualityWord, QUALITIES);
  const format = checkWord("format", input.format ?? "PNG", IMAGE_FORMATS);
  const background = checkWord("background", input.background ?? "AUTO", BACKGROUNDS);
  if (background === "TRANSPARENT" && format === "JPEG") {
    throw badInput("background", "a JPEG cannot be transparent; ask for PNG, WEBP or AVIF");
  }
  const seed = input.seed === undefined ? undefined : checkWholeNumber("seed", input.seed, 0, 2_147_483_647);
  const compression = checkCompression(input.compression, format);
  const moderation = checkWord("moderation", input.moderation ?? "AUTO", MODERATIONS);
  const safetyIdentifier = checkSafetyIdentifier(input.safetyIdentifier);
  const partialImages = checkWholeNumber("partialImages", input.partialImages ?? 0, 0, MAX_PARTIAL_IMAGES);
  const idempotencyKey = checkIdempotencyKey(input.idempotencyKey);
  const attempt = idempotencyKey === undefined ? input.attempt : undefined;
  const asked = { prompt, n, size: input.size ?? DEFAULT_SIZE, model: input.model ?? null };
  // What was added later counts only where it is used: keys that were remembered before go on working.
  const added = {
    compression,
    ...(moderation !== "AUTO" && { moderation }),
    ...(partialImages > 0 && { partialImages }),
    client: attempt?.client,
  };
  const more = Object.values(added).some((value) => value !== undefined) ? [added] : [];
  // Nothing that a model decides: what a name stands for changes, and the input is the same.
  const inputHash = createHash("sha256")
    .update(JSON.stringify([asked, quality, format, background, seed ?? null, ...more]))
    .digest("hex");
  return {
    prompt,
    n,
    requestedSize,
    modelName: input.model,
    quality,
    qualityWord,
    format,
    background,
    seed,
    compression,
    moderation: moderation === "AUTO" ? undefined : moderation,
    safetyIdentifier,
    partialImages,
    hasStyle: input.style !== undefined,
    idempotencyKey,
    attempt,
    inputHash,
  };
}

function cannot(operation: Operation, model: ModelDescription, catalogue: ModelCatalogue): GatewayError {
  const able = catalogue.living.filter(({ operations }) => operations.includes(operation)).map(({ id }) => id);
  const what = operation === "EDIT" ? "edit images" : "make images from text alone";
  return badInput("model", `${model.id} cannot ${what}; use one of: ${able.join(", ")}`);
}

function checkPrompt(prompt: string): string {
  if (typeof prompt !== "string" || prompt.trim() === "") {
    throw badInput("prompt", "prompt must be a text that describes the image");
  }
  if (!prompt.isWellFormed() || prompt.includes("\0")) {
    throw badInput("prompt", "prompt must be well-formed Unicode without NUL characters");
  }
  // A code point is one or two code units: only a text between the two bounds has to be counted.
  if (
    prompt.length > MAX_PROMPT_LENGTH &&
    (prompt.length > 2 * MAX_PROMPT_LENGTH || countCodePoints(prompt) > MAX_PROMPT_LENGTH)
  ) {
    throw badInput("prompt", `prompt must have at most ${MAX_PROMPT_LENGTH} characters`);
  }
  return prompt;
}

/** @throws BAD_USER_INPUT naming `field` when `value` is not a whole number from `min` to `max` */
export function checkWholeNumber(field: string, value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw badInput(field, `${field} must be a whole number from ${min} to ${max}`);
  }
  return value;
}

function checkWord<Word extends string>(field: string, value: string, words: readonly Word[]): Word {
  const word = words.find((candidate) => candidate === value.toUpperCase());
  if (!word) throw badInput(field, `${field} must be one of ${words.join(", ")}`);
  return word;
}

function checkCompression(compression: number | undefined, format: ImageFormat): number | undefined {
  if (compression === undefined) return undefined;
  checkWholeNumber("compression", compression, 0, 100);
  if (format !== "PNG") return compression;
  if (compression === 100) return undefined;
  throw badInput("compression", "a PNG loses nothing, so that its compression can only be 100; ask for JPEG or WEBP");
}

function checkSafetyIdentifier(identifier: string | undefined): string | undefined {
  if (identifier === undefined) return undefined;
  if (/^.{1,64}$/su.test(identifier) && identifier.isWellFormed() && !identifier.includes("\0")) return identifier;
  throw badInput(
    "safetyIdentifier",
    `safetyIdentifier must have 1 to ${MAX_SAFETY_IDENTIFIER_LENGTH} characters, such as a hash of the user's name`,
  );
}

function checkIdempotencyKey(key: string | undefined): string | undefined {
  if (key === undefined) return undefined;
  if (key.length < 1 || key.length > MAX_IDEMPOTENCY_KEY_LENGTH || !/^[\x21-\x7e]+( +[\x21-\x7e]+)*$/.test(key)) {
    throw badInput(
      "idempotencyKey",
      `idempotencyKey must have 1 to ${MAX_IDEMPOTENCY_KEY_LENGTH} printable ASCII characters`,
    );
  }
  return key;
}

/** What DALL·E 2 and 3 called their qualities. */
const LEGACY_QUALITIES: ReadonlyMap<string, Quality> = new Map([
  ["standard", "MEDIUM"],
  ["hd", "HIGH"],
]);

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

/** How many previews of each image a model shows of those that are wanted, and why not all. */
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
