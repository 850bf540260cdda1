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

/** How strictly the provider filters content. `AUTO` is the provider's default. */
export const MODERATIONS = ["AUTO", "LOW"] as const;
export type Moderation = (typeof MODERATIONS)[number];

/**
 * How a picture was made, in the terms of the IPTC: by a model trained on samples, or by rules alone. The `composite…`
 * types are for a picture that was edited by one of them.
 *
 * @see https://cv.iptc.org/newscodes/digitalsourcetype/
 */
export const DIGITAL_SOURCE_TYPES = [
  "trainedAlgorithmicMedia",
  "compositeWithTrainedAlgorithmicMedia",
  "algorithmicMedia",
  "compositeSynthetic",
] as const;
export type DigitalSourceType = (typeof DIGITAL_SOURCE_TYPES)[number];

export const OPERATIONS = ["GENERATE", "EDIT"] as const;
export type Operation = (typeof OPERATIONS)[number];

/** The sizes that a model can make: a fixed list, or every size within bounds. */
export type SizeRule =
  | { readonly kind: "list"; readonly sizes: readonly PixelSize[] }
  | {
      readonly kind: "bounds";
      /** Both sides are divisible by this many pixels. */
      readonly multipleOf: number;
      readonly minSide: number;
      /** The most pixels of the longer side. */
      readonly maxLongSide: number;
      readonly minPixels: number;
      readonly maxPixels: number;
    };

/** The previews that a model can show while it makes an image. */
export interface Previews {
  /** The most previews of one image. */
  readonly maxPartialImages: number;
  /** The most images of a call that shows previews. */
  readonly maxImages: number;
}

/** The limits of a model's edits. */
export interface Edits {
  /** The most input images. */
  readonly maxInputImages: number;
  /** The most bytes of an input image. */
  readonly maxInputBytes: number;
  readonly inputFormats: readonly ImageFormat[];
  /** Whether it accepts a mask. */
  readonly hasMask: boolean;
}

/** US dollars for a million tokens of each kind, as decimal strings. The price of an absent kind is not known. */
export interface TokenPrices {
  readonly textInput?: string;
  readonly imageInput?: string;
  readonly textOutput?: string;
  readonly imageOutput?: string;
}

/** The price of a model from one day on, until a later price begins. */
export interface ModelPrice {
  /** The first day, `YYYY-MM-DD` in UTC. */
  readonly from: string;
  /** The address of the page that publishes it. */
  readonly source: string;
  readonly perMillionTokens?: TokenPrices;
  /** US dollars for one image of any size, as a decimal string. Added to the cost of tokens if both are given. */
  readonly perImage?: string;
}

/**
 * The number of output tokens of one image.
 *
 * - `list`: by quality and size.
 * - `area`: `ceil(f × round(f × shorter / longer) × (offsetPixels + width × height) / scale)`, with `f` by quality.
 */
export type TokenCountRule =
  | { readonly kind: "list"; readonly counts: Readonly<Partial<Record<Quality, Readonly<Record<string, number>>>>> }
  | {
      readonly kind: "area";
      readonly factors: Readonly<Partial<Record<Quality, number>>>;
      readonly offsetPixels: number;
      readonly scale: number;
    };

/** The output tokens of an image, as published. They give its cost before it is made. */
export interface OutputTokens {
  /** The address of the page that publishes it. */
  readonly source: string;
  readonly perImage: TokenCountRule;
  /** The additional tokens of one preview. */
  readonly perPartialImage: number;
}

/** The most input tokens of a call besides the prompt's. They bound its cost before it is made. */
export interface InputTokens {
  /** The address of the page that publishes the numbers, or on which they were measured. */
  readonly source: string;
  /** The text tokens of every call besides the prompt's. */
  readonly textPerCall: number;
  /** The tokens of each input image of an edit; `undefined` if not known. */
  readonly perImage?: { readonly textTokens: number; readonly imageTokens: number };
}

/** Describes one model and its abilities. The service requests only what this description allows. */
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
  /** Whether it draws by rules, without training on samples. @defaultValue false */
  readonly isProcedural?: boolean;
  /** The longest prompt in characters (Unicode code points). */
  readonly maxPromptLength: number;
  /** `undefined` if it shows no previews. */
  readonly previews?: Previews;
  /** `undefined` if only the gateway's own limits apply, or `EDIT` is not among the operations. */
  readonly edits?: Edits;
  /** The operations for which callers can set {@link Moderation}. @defaultValue none */
  readonly moderated?: readonly Operation[];
  /** When the vendor released it, by the vendor's own list; `undefined` while not known. */
  readonly createdAt?: Date;
  /** The day on which it shuts down, `YYYY-MM-DD`, as the vendor announced it; `undefined` while none is announced. */
  readonly shutdownDate?: string;
  /** The model that replaces this one when it shuts down. */
  readonly replacement?: string;
  /**
   * Models of one class cost about the same. A model that has shut down is replaced automatically only by one of its
   * class. @defaultValue a class of its own
   */
  readonly priceClass?: string;
  /** Whether the replacement may be of another price class. @defaultValue false */
  readonly mayChangePriceClass?: boolean;
  /**
   * The model that this one is a dated snapshot of. It has the same abilities and price. It shuts down with that model,
   * or on its own announced day.
   */
  readonly snapshotOf?: string;
  /**
   * Whether this description is assumed, because the model is newer than the release that describes it. @defaultValue
   * false
   */
  readonly isAssumed?: boolean;
  /** In any order. @defaultValue its price is not known */
  readonly prices?: readonly ModelPrice[];
  /** `undefined` if the vendor publishes none. */
  readonly outputTokens?: OutputTokens;
  /** @defaultValue a generation has only the prompt's tokens as input, and the input of an edit is not known */
  readonly inputTokens?: InputTokens;
}

/** The formats of an edit's input images. */
export const SOURCE_FORMATS = ["PNG", "JPEG", "WEBP"] as const satisfies readonly ImageFormat[];
export type SourceFormat = (typeof SOURCE_FORMATS)[number];

/** An input image of an edit. Its sides are those that a viewer shows, after any EXIF orientation. */
export interface SourceImage extends PixelSize {
  readonly format: SourceFormat;
  readonly byteSize: number;
  /** Reads the bytes. Each call starts at the beginning. */
  read(): AsyncIterable<Uint8Array>;
  /**
   * Looks up how the image was made: the generation from text first, then each edit in order. Resolves to `undefined`
   * if a step is not on record: the image came from elsewhere, an earlier edit had a mask or several images, or one of
   * the generations was deleted. Absent if no records are kept.
   */
  origin?(): Promise<readonly OriginStep[] | undefined>;
}

/** One step in the making of an image: a generation or an edit. */
export interface OriginStep {
  readonly model: string;
  readonly prompt: string;
  readonly seed?: number;
  /** Position among the images of its call, from 0. */
  readonly index: number;
  /** The size that was requested from the model. */
  readonly size: PixelSize;
  readonly background: Background;
}

/** The input of an edit. */
export interface EditSources {
  /** 1 to 16 images. The first one is edited, the others are references. */
  readonly images: readonly SourceImage[];
  /** A PNG of the first image's size with an alpha channel. The image may change only where the mask is transparent. */
  readonly mask?: SourceImage;
}

/** A call to a model, checked against its {@link ModelDescription}. */
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
  /** The quality of a JPEG or WebP, 0 to 100; `undefined` lets the model decide. */
  readonly compression?: number;
  /** `undefined` for the provider's default. */
  readonly moderation?: Moderation;
  /** Identifies the end user for the provider's abuse monitoring. Never logged. */
  readonly safetyIdentifier?: string;
  /** The number of previews of each image, 0 to 3. */
  readonly partialImages: number;
  /** Set for an edit. The model's operations then include `EDIT`. */
  readonly edit?: EditSources;
}

/** The token usage that the provider reports. Details are absent if it does not report them. */
export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly totalTokens: number;
  readonly inputDetails?: TokenDetails;
  readonly outputDetails?: TokenDetails;
}

/** The kinds of tokens that make up a sum. */
export interface TokenDetails {
  readonly textTokens: number;
  readonly imageTokens: number;
}

/** A warning with a code of its own; a plain string has the code `PROVIDER_WARNING`. */
export interface ProviderWarning {
  /** Upper snake case, stable: `NOT_DRAWN`. */
  readonly code: string;
  readonly message: string;
}

/**
 * An event of a provider call. `bytes` must be read to their end, or abandoned with `return()`, before the next event
 * is requested. Each piece is valid until the next one is requested. So nothing has to hold a whole image in memory.
 */
export type ProviderEvent =
  | {
      readonly type: "image";
      readonly index: number;
      readonly bytes: AsyncIterable<Uint8Array>;
      /** What the provider did differently from the request, for the caller. Never logged. @defaultValue none */
      readonly warnings?: readonly (string | ProviderWarning)[];
    }
  | {
      readonly type: "partial";
      readonly index: number;
      readonly partialIndex: number;
      readonly bytes: AsyncIterable<Uint8Array>;
    }
  | { readonly type: "usage"; readonly usage: TokenUsage };

/** The facts about a model in the vendor's own list. Facts that the list lacks are absent. */
export interface Announcement {
  readonly createdAt?: Date;
  /** `YYYY-MM-DD`, or `null` if no shutdown is announced. */
  readonly shutdownDate?: string | null;
}

/**
 * Generates and edits images.
 *
 * - `generate` yields each image once, `index` 0 to n − 1 in any order, and then ends. It makes at most one paid call.
 *   It repeats a call only if the first one certainly did no work.
 * - It throws only a {@link GatewayError}, whose `details.billed` says whether the call was charged. A content refusal
 *   is `CONTENT_REJECTED`, an outage `UPSTREAM_FAILED`.
 * - When `signal` aborts, it stops and throws the signal's reason.
 * - It yields the bytes unchecked. The service checks whether they are an image.
 */
export interface ImageProvider {
  /** A stable name in lower case, which clients see: `openai`. */
  readonly name: string;
  readonly models: readonly ModelDescription[];
  /** The time limit of one call, in milliseconds. @defaultValue the gateway's */
  readonly timeoutMs?: number;
  /**
   * The most calls of one process at once. These calls do not count towards the gateway's own limit, so that a slow
   * provider keeps no place from the others. @defaultValue the gateway's limit, which all such providers share
   */
  readonly concurrency?: number;
  /**
   * Describes a model that is not among `models` by its name: a dated snapshot, or a model that is newer than this
   * release. `undefined` for any other name.
   */
  describe?(id: string): ModelDescription | undefined;
  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<ProviderEvent>;
  /** Reads what the vendor's list says about its models, by name. Absent if the provider has no such list. */
  announcements?(signal: AbortSignal): Promise<ReadonlyMap<string, Announcement>>;
  /** Frees all resources. Call it when no call is in flight. */
  close(): Promise<void>;
}
