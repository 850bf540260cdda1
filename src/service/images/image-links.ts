import { createHmac, timingSafeEqual } from "node:crypto";
import { URL_TTL_SECONDS } from "../../bounds.ts";
import { badInput, GatewayError } from "../../errors.ts";
import { FITS, type Rendition } from "../../ports/image-codec.ts";
import { IMAGE_FORMATS, type ImageFormat } from "../../ports/image-provider.ts";
import type { Image, Preview } from "../../ports/records.ts";
import { checkWholeNumber } from "../generations/generation-input.ts";
import { MAX_SIDE } from "./sizes.ts";

/**
 * Seconds for which repeated requests get the same URL of an image, so that pages need not load an image again that
 * they already show. URLs that are valid for less than twice this time stay the same for half of their lifetime.
 */
const STABLE_SECONDS = 300;

/** Takes the place of a rendition's name in the URL of an original. */
export const ORIGINAL = "original";

/** The options for an image's URL. An option that is left out keeps the image as it was stored. */
export interface LinkOptions {
  /** 1–3840 pixels. */
  readonly width?: number | undefined;
  /** 1–3840 pixels. */
  readonly height?: number | undefined;
  /** @defaultValue "COVER" */
  readonly fit?: Rendition["fit"] | undefined;
  readonly format?: ImageFormat | undefined;
  /** 1–100, for lossy formats. */
  readonly quality?: number | undefined;
  /** Whether to deliver the file as the model sent it, content credentials included. @defaultValue false */
  readonly original?: boolean | undefined;
  /** Seconds, 60–604800, rounded up by at most five minutes. @defaultValue the gateway's setting */
  readonly expiresIn?: number | undefined;
}

/** The resource that a signed URL names: an image, or a preview of an image that is being made. */
export type LinkTarget = {
  /** How long the URL remains valid; more than 0. */
  readonly secondsLeft: number;
} & (
  | {
      readonly imageId: string;
      /** `undefined` for the image as it is delivered, {@link ORIGINAL} for the file as the model sent it. */
      readonly rendition: Rendition | typeof ORIGINAL | undefined;
    }
  | { readonly generationId: string; readonly preview: Preview }
);

/**
 * Signed URLs of images: `/images/<image id>[/<rendition>].<format>?expires=<seconds since 1970>&signature=<43
 * characters>`, and of previews: `/images/<generation id>/preview-<image>-<preview>.webp?…`. The signature is an
 * HMAC-SHA-256 of every character before it. The holder of a URL can therefore read exactly this image, in this
 * rendition, until it expires.
 */
export class ImageLinks {
  readonly #secrets: readonly string[];
  readonly #ttlSeconds: number;
  readonly #now: () => Date;

  /** @param secrets the first signs, all verify */
  constructor(secrets: readonly string[], ttlSeconds: number, now: () => Date) {
    this.#secrets = secrets;
    this.#ttlSeconds = ttlSeconds;
    this.#now = now;
  }

  /**
   * Signs a URL of an image, and returns its path and query, relative to the gateway's root.
   *
   * @throws BAD_USER_INPUT naming the option that is out of range
   */
  sign(image: Image, options: LinkOptions = {}): string {
    const { min, max } = URL_TTL_SECONDS;
    const ttlSeconds = checkWholeNumber("expiresIn", options.expiresIn ?? this.#ttlSeconds, min, max);
    const expires = this.#expiryAfter(ttlSeconds);
    const { name, format } = options.original ? nameOfOriginal(image, options) : nameOfRendition(image, options);
    const extension = format.toLowerCase();
    const signed = `/images/${name}.${extension}?expires=${expires}`;
    return `${signed}&signature=${this.#signature(signed)}`;
  }

  /** Signs a URL of a preview, and returns its path and query, relative to the gateway's root. */
  signPreview(generationId: string, { imageIndex, partialIndex }: Preview): string {
    const expires = this.#expiryAfter(this.#ttlSeconds);
    const signed = `/images/${generationId}/preview-${imageIndex}-${partialIndex}.webp?expires=${expires}`;
    return `${signed}&signature=${this.#signature(signed)}`;
  }

  /**
   * Reads a URL that {@link sign} or {@link signPreview} made.
   *
   * @param url path and query exactly as they were received
   * @throws FORBIDDEN when a character was changed, or when the URL has expired
   */
  verify(url: string): LinkTarget {
    const [, signed, signature] = /^(.*)&signature=(.*)$/s.exec(url) ?? [];
    if (signed === undefined || signature === undefined || !this.#isSignature(signature, signed)) {
      throw new GatewayError("FORBIDDEN", "the signature is wrong: this image URL was changed or cut short");
    }
    const parts = /^\/images\/([^/.]+)(?:\/([^/]+))?\.([a-z]+)\?expires=([0-9]+)$/.exec(signed);
    if (!parts) throw new Error("a signed image URL could not be read back");
    const [, id = "", name, extension = "", expires] = parts;
    const secondsLeft = Math.ceil(Number(expires) - this.#now().getTime() / 1000);
    if (secondsLeft <= 0) {
      const expiredAt = new Date(Number(expires) * 1000).toISOString();
      throw new GatewayError("FORBIDDEN", `this image URL expired at ${expiredAt}; ask for a new one`);
    }
    const preview = name === undefined ? undefined : parsePreview(name);
    if (preview) return { generationId: id, preview, secondsLeft };
    if (name === undefined || name === ORIGINAL) return { imageId: id, rendition: name, secondsLeft };
    return { imageId: id, rendition: parseRendition(name, extension), secondsLeft };
  }

  /** The expiry in seconds since 1970, rounded up so that requests within a few minutes get the same URL. */
  #expiryAfter(ttlSeconds: number): number {
    const stableSeconds = Math.min(STABLE_SECONDS, Math.floor(ttlSeconds / 2));
    const earliest = Math.floor(this.#now().getTime() / 1000) + ttlSeconds;
    return Math.ceil(earliest / stableSeconds) * stableSeconds;
  }

  #isSignature(signature: string, text: string): boolean {
    return this.#secrets.some((secret) => isEqual(signature, signatureOf(text, secret)));
  }

  #signature(text: string): string {
    return signatureOf(text, this.#secrets[0] ?? "");
  }
}

function signatureOf(text: string, secret: string): string {
  return createHmac("sha256", secret).update(text).digest("base64url");
}

function isEqual(given: string, expected: string): boolean {
  const bytes = Buffer.from(given);
  return bytes.length === expected.length && timingSafeEqual(bytes, Buffer.from(expected));
}

/** The format of the file as the model sent it. */
export function originalFormatOf({ format, provenance }: Image): ImageFormat {
  return provenance?.originalFormat ?? format;
}

function nameOfOriginal(image: Image, options: LinkOptions) {
  for (const option of ["width", "height", "format", "quality"] as const) {
    if (options[option] !== undefined)
      throw badInput(option, `the original is delivered unchanged; leave ${option} out`);
  }
  const isDelivered = image.key === image.originalKey;
  return { name: isDelivered ? image.id : `${image.id}/${ORIGINAL}`, format: originalFormatOf(image) };
}

function nameOfRendition(image: Image, options: LinkOptions) {
  const rendition = toRendition(image, options);
  const name = rendition ? `${image.id}/${toRenditionName(rendition)}` : image.id;
  return { name, format: rendition?.format ?? image.format };
}

/** `undefined` when the options ask for the image as it is stored. */
function toRendition(image: Image, options: LinkOptions): Rendition | undefined {
  const { width, height, fit = "COVER", format = image.format } = options;
  if (options.quality !== undefined) checkWholeNumber("quality", options.quality, 1, 100);
  const quality = format === "PNG" ? undefined : options.quality;
  if (width !== undefined) checkWholeNumber("width", width, 1, MAX_SIDE);
  if (height !== undefined) checkWholeNumber("height", height, 1, MAX_SIDE);
  const hasSameSize = (width ?? image.width) === image.width && (height ?? image.height) === image.height;
  if (hasSameSize && format === image.format && quality === undefined) return undefined;
  checkResultingSize(image, width, height);
  // With only one side given, the other follows from the image's shape, and `fit` has no effect.
  const hasBox = width !== undefined && height !== undefined;
  return { width, height, fit: hasBox ? fit : "COVER", format, quality };
}

/** Checks that a side that is computed from the other one is within the limit too. */
function checkResultingSize(image: Image, width: number | undefined, height: number | undefined): void {
  if (width !== undefined && height === undefined && (width * image.height) / image.width > MAX_SIDE) {
    throw badInput("width", `width would make the image higher than ${MAX_SIDE} pixels`);
  }
  if (height !== undefined && width === undefined && (height * image.width) / image.height > MAX_SIDE) {
    throw badInput("height", `height would make the image wider than ${MAX_SIDE} pixels`);
  }
}

/** `512x256-cover`, `512x-cover-q80`: one rendition, one name. */
export function toRenditionName({ width, height, fit, quality }: Rendition): string {
  const box = `${width ?? ""}x${height ?? ""}-${fit.toLowerCase()}`;
  return quality === undefined ? box : `${box}-q${quality}`;
}

function parsePreview(name: string): Preview | undefined {
  const [, imageIndex, partialIndex] = /^preview-([0-9]+)-([0-9]+)$/.exec(name) ?? [];
  return imageIndex && partialIndex
    ? { imageIndex: Number(imageIndex), partialIndex: Number(partialIndex) }
    : undefined;
}

function parseRendition(name: string, extension: string): Rendition {
  const [, width, height, fitName, quality] = /^([0-9]*)x([0-9]*)-([a-z]+)(?:-q([0-9]+))?$/.exec(name) ?? [];
  const fit = FITS.find((candidate) => candidate.toLowerCase() === fitName);
  const format = IMAGE_FORMATS.find((candidate) => candidate.toLowerCase() === extension);
  if (!fit || !format) throw new Error("a signed rendition could not be read back");
  return {
    width: width ? Number(width) : undefined,
    height: height ? Number(height) : undefined,
    fit,
    format,
    quality: quality ? Number(quality) : undefined,
  };
}
