import { createHash } from "node:crypto";
import { badInput, type GatewayError } from "../errors.ts";
import {
  BACKGROUNDS,
  type Background,
  IMAGE_FORMATS,
  type ImageFormat,
  MODERATIONS,
  type ModelDescription,
  type Moderation,
  type Operation,
  type PixelSize,
  QUALITIES,
  type Quality,
} from "../ports/image-provider.ts";
import type { Warning } from "../ports/records.ts";
import type { CataloguedModel, ModelCatalogue } from "./model-catalogue.ts";
import type { Attempt } from "./repetitions.ts";
import { isCovered, nearestModelSize, parseSize, toSizeText } from "./sizes.ts";

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
export interface GenerationPlan {
  readonly prompt: string;
  readonly n: number;
  readonly model: CataloguedModel;
  readonly requestedSize: PixelSize;
  readonly modelSize: PixelSize;
  readonly quality: Quality;
  readonly format: ImageFormat;
  readonly background: Background;
  readonly seed: number | undefined;
  readonly compression: number | undefined;
  readonly moderation: Moderation | undefined;
  readonly safetyIdentifier: string | undefined;
  readonly partialImages: number | undefined;
  readonly idempotencyKey: string | undefined;
  /** `undefined` where there is a key. */
  readonly attempt: Attempt | undefined;
  /** SHA-256 over everything that decides what is made, in hexadecimal. */
  readonly inputHash: string;
  readonly warnings: readonly Warning[];
  /** The models that can do the same, to fall back to in this order. @defaultValue none */
  readonly fallbacks?: readonly string[];
}

/**
 * Checks an input and decides how it is carried out.
 *
 * @param operation what the model has to be able to do
 * @param defaultSize what `size` is when it is left out
 * @throws BAD_USER_INPUT naming the field, MODEL_UNAVAILABLE
 */
export function planGeneration(
  input: GenerationInput,
  catalogue: ModelCatalogue,
  operation: Operation = "GENERATE",
  defaultSize = DEFAULT_SIZE,
): GenerationPlan {
  const prompt = checkPrompt(input.prompt);
  const n = checkWholeNumber("n", input.n ?? 1, 1, MAX_IMAGES);
  const requestedSize = parseSize(input.size ?? defaultSize);
  const { model, fallbacks, warnings: modelWarnings } = catalogue.resolve(input.model);
  if (!model.description.operations.includes(operation)) throw cannot(operation, model.description, catalogue);
  const { id, maxPromptLength } = model.description;
  if (prompt.length > maxPromptLength && countCodePoints(prompt) > maxPromptLength) {
    throw badInput("prompt", `prompt must have at most ${maxPromptLength} characters for ${id}`);
  }
  const quality = fitQuality(input.quality ?? "AUTO", model.description);
  const format = checkWord("format", input.format ?? "PNG", IMAGE_FORMATS);
  const background = fitBackground(input.background ?? "AUTO", format, model.description);
  const seed = input.seed === undefined ? undefined : checkWholeNumber("seed", input.seed, 0, 2_147_483_647);
  const compression = checkCompression(input.compression, format);
  const moderation = checkWord("moderation", input.moderation ?? "AUTO", MODERATIONS);
  const isModerated = model.description.moderated?.includes(operation) ?? false;
  const safetyIdentifier = checkSafetyIdentifier(input.safetyIdentifier);
  const wantedPreviews = checkWholeNumber("partialImages", input.partialImages ?? 0, 0, MAX_PARTIAL_IMAGES);
  const previews = fitPreviews(wantedPreviews, n, model.description);
  const idempotencyKey = checkIdempotencyKey(input.idempotencyKey);
  const attempt = idempotencyKey === undefined ? input.attempt : undefined;
  if (n > model.description.maxImages) {
    throw badInput("n", `n must be at most ${model.description.maxImages} for ${model.description.id}`);
  }
  const modelSize = nearestModelSize(requestedSize, model.description.sizes);
  const warnings = [
    ...modelWarnings,
    ...quality.warnings,
    ...(isCovered(requestedSize, modelSize) ? [] : [enlargedWarning(requestedSize, modelSize)]),
    ...(seed !== undefined && !model.description.hasSeed ? [ignoredWarning("seed", model.description)] : []),
    ...previews.warnings,
    ...(moderation !== "AUTO" && !isModerated ? [unmoderatedWarning(operation, model.description)] : []),
    ...(input.style !== undefined ? [ignoredWarning("style", model.description)] : []),
  ];
  const asked = { prompt, n, size: input.size ?? DEFAULT_SIZE, model: input.model ?? null };
  // What was added later counts only where it is used: keys that were remembered before go on working.
  const added = {
    compression,
    ...(moderation !== "AUTO" && { moderation }),
    ...(wantedPreviews > 0 && { partialImages: wantedPreviews }),
    client: attempt?.client,
  };
  const more = Object.values(added).some((value) => value !== undefined) ? [added] : [];
  const inputHash = createHash("sha256")
    .update(JSON.stringify([asked, quality.quality, format, background, seed ?? null, ...more]))
    .digest("hex");
  return {
    prompt,
    n,
    model,
    requestedSize,
    modelSize,
    quality: quality.quality,
    format,
    background,
    seed: model.description.hasSeed ? seed : undefined,
    compression,
    moderation: moderation === "AUTO" || !isModerated ? undefined : moderation,
    safetyIdentifier,
    partialImages: previews.partialImages || undefined,
    idempotencyKey,
    attempt,
    inputHash,
    warnings,
    ...withFallbacks(
      fallbacks
        .map(({ description }) => description)
        .filter((other) =>
          canDo(other, { operation, prompt, n, requestedSize, quality: quality.quality, background, seed }),
        ),
    ),
  };
}

/** What a model has to be able to do to take over from another. */
interface Wanted extends Pick<GenerationPlan, "prompt" | "n" | "requestedSize" | "quality" | "background" | "seed"> {
  readonly operation: Operation;
}

function canDo(model: ModelDescription, wanted: Wanted): boolean {
  return (
    model.operations.includes(wanted.operation) &&
    wanted.n <= model.maxImages &&
    countCodePoints(wanted.prompt) <= model.maxPromptLength &&
    isCovered(wanted.requestedSize, nearestModelSize(wanted.requestedSize, model.sizes)) &&
    model.qualities.includes(wanted.quality) &&
    model.backgrounds.includes(wanted.background) &&
    (wanted.seed === undefined || model.hasSeed)
  );
}

function withFallbacks(models: readonly ModelDescription[]): { fallbacks?: readonly string[] } {
  return models.length > 0 ? { fallbacks: models.map(({ id }) => id) } : {};
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

function countCodePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
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

function fitQuality(asked: string, model: ModelDescription): { quality: Quality; warnings: Warning[] } {
  const translated = LEGACY_QUALITIES.get(asked.toLowerCase());
  const wanted = translated ?? checkWord("quality", asked, QUALITIES);
  const upToWanted = QUALITIES.slice(0, QUALITIES.indexOf(wanted) + 1);
  const quality = upToWanted.findLast((candidate) => model.qualities.includes(candidate)) ?? "AUTO";
  if (translated === undefined && quality === wanted) return { quality, warnings: [] };
  const asWord = translated === undefined ? wanted : asked.toLowerCase();
  return {
    quality,
    warnings: [
      { code: "QUALITY_REPLACED", message: `${model.id} has no quality ${asWord}; ${quality} was used instead` },
    ],
  };
}

function fitBackground(asked: string, format: ImageFormat, model: ModelDescription): Background {
  const background = checkWord("background", asked, BACKGROUNDS);
  if (background === "TRANSPARENT" && format === "JPEG") {
    throw badInput("background", "a JPEG cannot be transparent; ask for PNG, WEBP or AVIF");
  }
  if (!model.backgrounds.includes(background)) {
    throw badInput("background", `${model.id} makes only these backgrounds: ${model.backgrounds.join(", ")}`);
  }
  return background;
}

function fitPreviews(wanted: number, n: number, { id, previews }: ModelDescription) {
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
