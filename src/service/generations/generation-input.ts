import { hash } from "node:crypto";
import { MAX_IMAGES } from "../../bounds.ts";
import { badInput } from "../../errors.ts";
import {
  BACKGROUNDS,
  type Background,
  IMAGE_FORMATS,
  type ImageFormat,
  MODERATIONS,
  type Moderation,
  type PixelSize,
  QUALITIES,
  type Quality,
} from "../../ports/image-provider.ts";
import type { MetadataEntry } from "../../ports/records.ts";
import { parseSize } from "../images/sizes.ts";
import { countCodePoints } from "../models/can-do.ts";
import { checkEndUser } from "../projects/end-user.ts";
import { checkMetadata } from "./metadata.ts";
import type { Attempt } from "./retry-deduplicator.ts";

/** The size of images that are made from text alone, when the request names none. */
export const DEFAULT_SIZE = "1024x1024";
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

/** A caller's request, the same for every API. A field that is left out has the default named here. */
export interface GenerationInput {
  /** 1–32,000 characters. */
  readonly prompt: string;
  /** 1–10. @defaultValue 1 */
  readonly n?: number | undefined;
  /** `"WIDTHxHEIGHT"` in pixels. @defaultValue "1024x1024" */
  readonly size?: string | undefined;
  /** @defaultValue the gateway's default model */
  readonly model?: string | undefined;
  /**
   * One of {@link QUALITIES}; the words of retired models, `hd` and `standard`, are translated.
   *
   * @defaultValue "AUTO"
   */
  readonly quality?: string | undefined;
  /** One of {@link IMAGE_FORMATS}. @defaultValue "PNG" */
  readonly format?: string | undefined;
  /** One of {@link BACKGROUNDS}. @defaultValue "AUTO" */
  readonly background?: string | undefined;
  /** A whole number from 0 to 2147483647; ignored with a warning where the model has no seed. */
  readonly seed?: number | undefined;
  /** The quality of lossy formats, 0–100. @defaultValue the model's own */
  readonly compression?: number | undefined;
  /** One of {@link MODERATIONS}; ignored with a warning where the model has none. @defaultValue "AUTO" */
  readonly moderation?: string | undefined;
  /** Identifies the end user for the provider's abuse monitoring: 1–64 characters, preferably a hash. */
  readonly safetyIdentifier?: string | undefined;
  /** The end user to record, for callers that are not end users themselves: 1–255 characters. */
  readonly endUser?: string | undefined;
  /** Metadata to store with the generation: at most 16 entries with distinct keys. */
  readonly metadata?: readonly MetadataEntry[] | undefined;
  /** Previews of each image while it is made, 0–3; fewer, with a warning, if the model cannot. @defaultValue 0 */
  readonly partialImages?: number | undefined;
  /** A parameter of a retired model that no current model knows; ignored with a warning. */
  readonly style?: string | undefined;
  /** For 24 hours, the same key with the same input returns the same generation. */
  readonly idempotencyKey?: string | undefined;
  /** Set for clients that retry requests automatically without a key; ignored when there is a key. */
  readonly attempt?: Attempt | undefined;
}

/** A caller's request after the checks that do not depend on the model. */
export interface CheckedInput {
  readonly prompt: string;
  readonly n: number;
  /** `undefined` for the operation's default: {@link DEFAULT_SIZE}, or the size of an edit's first image. */
  readonly requestedSize: PixelSize | undefined;
  readonly modelName: string | undefined;
  readonly quality: Quality;
  /** The quality as the caller wrote it, which may be a word of a retired model. */
  readonly qualityWord: string;
  readonly format: ImageFormat;
  readonly background: Background;
  readonly seed: number | undefined;
  readonly compression: number | undefined;
  /** `undefined` for `AUTO`. */
  readonly moderation: Moderation | undefined;
  readonly safetyIdentifier: string | undefined;
  readonly endUser: string | undefined;
  readonly metadata: readonly MetadataEntry[] | undefined;
  readonly partialImages: number;
  readonly hasStyle: boolean;
  readonly idempotencyKey: string | undefined;
  /** `undefined` when there is an idempotency key. */
  readonly attempt: Attempt | undefined;
  /** SHA-256 of every field that affects the images, in hexadecimal. */
  readonly inputHash: string;
}

/**
 * Checks everything that does not depend on the model.
 *
 * @throws BAD_USER_INPUT naming the field
 */
export function checkInput(input: GenerationInput): CheckedInput {
  const prompt = checkPrompt(input.prompt);
  const n = checkWholeNumber("n", input.n ?? 1, 1, MAX_IMAGES);
  const requestedSize = input.size === undefined ? undefined : parseSize(input.size);
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
  const endUser = input.endUser === undefined ? undefined : checkEndUser("endUser", input.endUser);
  const metadata = checkMetadata(input.metadata);
  const partialImages = checkWholeNumber("partialImages", input.partialImages ?? 0, 0, MAX_PARTIAL_IMAGES);
  const idempotencyKey = checkIdempotencyKey(input.idempotencyKey);
  const attempt = idempotencyKey === undefined ? input.attempt : undefined;
  const asked = { prompt, n, size: input.size ?? DEFAULT_SIZE, model: input.model ?? null };
  // Fields that were added later are hashed only when they are set, so that idempotency keys stored before still match.
  const added = {
    compression,
    ...(moderation !== "AUTO" && { moderation }),
    ...(partialImages > 0 && { partialImages }),
    ...(metadata && { metadata }),
    client: attempt?.client,
  };
  const more = Object.values(added).some((value) => value !== undefined) ? [added] : [];
  // The resolved model is not hashed: the model behind a name may change while the input stays the same.
  const inputHash = hash("sha256", JSON.stringify([asked, quality, format, background, seed ?? null, ...more]));
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
    endUser,
    metadata,
    partialImages,
    hasStyle: input.style !== undefined,
    idempotencyKey,
    attempt,
    inputHash,
  };
}

function checkPrompt(prompt: string): string {
  if (typeof prompt !== "string" || prompt.trim() === "") {
    throw badInput("prompt", "prompt must be a text that describes the image");
  }
  if (!prompt.isWellFormed() || prompt.includes("\0")) {
    throw badInput("prompt", "prompt must be well-formed Unicode without NUL characters");
  }
  // A code point has one or two code units. Only texts with a length between the two bounds have to be counted.
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
  throw badInput(
    "compression",
    "PNG is lossless: compression must be 100 or absent. For a smaller file, set format to JPEG or WEBP",
  );
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

/** The quality names of DALL·E 2 and 3. */
export const LEGACY_QUALITIES: ReadonlyMap<string, Quality> = new Map([
  ["standard", "MEDIUM"],
  ["hd", "HIGH"],
]);
