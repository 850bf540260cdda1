import type { GatewayError } from "../errors.ts";

/** A width and a height in whole pixels. */
export interface PixelSize {
  readonly width: number;
  readonly height: number;
}

export const QUALITIES = ["AUTO", "LOW", "MEDIUM", "HIGH", "XHIGH", "MAX"] as const;
export type Quality = (typeof QUALITIES)[number];

export const IMAGE_FORMATS = ["PNG", "JPEG", "WEBP", "AVIF"] as const;
export type ImageFormat = (typeof IMAGE_FORMATS)[number];

export const BACKGROUNDS = ["AUTO", "OPAQUE", "TRANSPARENT"] as const;
export type Background = (typeof BACKGROUNDS)[number];

export type Operation = "GENERATE" | "EDIT";

/** The sizes a model can make: a fixed list, or every size inside bounds. */
export type SizeRule =
  | { readonly kind: "list"; readonly sizes: readonly PixelSize[] }
  | {
      readonly kind: "bounds";
      /** Both sides are divisible by this many pixels. */
      readonly multipleOf: number;
      readonly minSide: number;
      /** The longer side's limit in pixels. */
      readonly maxLongSide: number;
      readonly minPixels: number;
      readonly maxPixels: number;
    };

/** What one model is and can do. The service asks a model only for what stands here. */
export interface ModelDescription {
  readonly id: string;
  readonly provider: string;
  readonly operations: readonly Operation[];
  /** The most images of one call. */
  readonly maxImages: number;
  readonly sizes: SizeRule;
  readonly formats: readonly ImageFormat[];
  readonly qualities: readonly Quality[];
  readonly backgrounds: readonly Background[];
  /** Whether the same seed gives the same picture. */
  readonly hasSeed: boolean;
  /** The longest prompt in characters (Unicode code points). */
  readonly maxPromptLength: number;
  /** `YYYY-MM-DD` as the vendor announced it; `undefined` while none is announced. */
  readonly shutdownDate?: string;
  /** The model to move to when this one shuts down, or has. */
  readonly replacement?: string;
}

/** One call to a model, already checked against its {@link ModelDescription}. */
export interface GenerateRequest {
  readonly model: string;
  readonly prompt: string;
  /** Number of images, at least 1. */
  readonly n: number;
  readonly size: PixelSize;
  readonly quality: Quality;
  readonly format: ImageFormat;
  readonly background: Background;
  readonly seed?: number;
  /** Previews wanted of each image, 0–3. */
  readonly partialImages: number;
}

/** What the provider says it used. */
export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly totalTokens: number;
}

/**
 * What a provider hands over while it works. The bytes of an image arrive as a stream that is read to its end, or
 * abandoned by `return()`, before the next event is asked for: nothing has to hold an image whole.
 */
export type ProviderEvent =
  | { readonly type: "image"; readonly index: number; readonly bytes: AsyncIterable<Uint8Array> }
  | {
      readonly type: "partial";
      readonly index: number;
      readonly partialIndex: number;
      readonly bytes: AsyncIterable<Uint8Array>;
    }
  | { readonly type: "usage"; readonly usage: TokenUsage };

/**
 * A source of images.
 *
 * - `generate` yields each image once, `index` 0 to n − 1 in any order, and ends. It makes at most one paid call, and
 *   repeats it only where the first attempt surely did no work.
 * - It throws a {@link GatewayError} and nothing else, with `details.billed` telling whether money was spent. A
 *   content refusal is `CONTENT_REJECTED`, an outage `UPSTREAM_FAILED`.
 * - When `signal` aborts it stops and throws the signal's reason.
 * - It yields what it received: whether those bytes are an image is the service's to check.
 */
export interface ImageProvider {
  /** Lower case, stable, seen by clients: `openai`. */
  readonly name: string;
  readonly models: readonly ModelDescription[];
  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<ProviderEvent>;
  /** Frees what the provider holds; no call is in flight any more. */
  close(): Promise<void>;
}
