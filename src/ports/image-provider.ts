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

/** How strictly the provider filters content; `AUTO` is its usual way. */
export const MODERATIONS = ["AUTO", "LOW"] as const;
export type Moderation = (typeof MODERATIONS)[number];

/**
 * How a picture came to be, in the words of the IPTC: by a model trained on samples or by rules alone, and both for a
 * picture that was changed by one.
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

/** The previews a model can show while it makes an image. */
export interface Previews {
  /** The most previews of one image. */
  readonly maxPartialImages: number;
  /** The most images of a call that shows previews. */
  readonly maxImages: number;
}

/** What a model takes to edit. */
export interface Edits {
  /** The most images that go in. */
  readonly maxInputImages: number;
  /** The largest image that goes in, in bytes. */
  readonly maxInputBytes: number;
  readonly inputFormats: readonly ImageFormat[];
  /** Whether a mask can say where to edit. */
  readonly hasMask: boolean;
}

/** US dollars for a million tokens of each kind, as decimal strings; a kind that is left out has no known price. */
export interface TokenPrices {
  readonly textInput?: string;
  readonly imageInput?: string;
  readonly textOutput?: string;
  readonly imageOutput?: string;
}

/** What a model costs from one day on, until the price of a later day. */
export interface ModelPrice {
  /** The first day, `YYYY-MM-DD` in UTC. */
  readonly from: string;
  /** Where it is published. */
  readonly source: string;
  readonly perMillionTokens?: TokenPrices;
  /** US dollars of one image whatever its size, as a decimal string; on top of the tokens where both stand. */
  readonly perImage?: string;
}

/**
 * How many output tokens one image takes.
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

/** What an image will take, as published: enough to say what it will cost before it is made. */
export interface OutputTokens {
  /** Where it is published. */
  readonly source: string;
  readonly perImage: TokenCountRule;
  /** Tokens of one preview on top. */
  readonly perPartialImage: number;
}

/** What goes into a call will take at most, besides the prompt: enough to bound what it will cost. */
export interface InputTokens {
  /** Where it is published, or was measured. */
  readonly source: string;
  /** Text tokens that every call takes on top of the prompt's. */
  readonly textPerCall: number;
  /** What each image that goes into an edit takes. `undefined` where nothing is known of it. */
  readonly perImage?: { readonly textTokens: number; readonly imageTokens: number };
}

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
  /** Whether it draws by rules alone, without having been trained on samples. @defaultValue false */
  readonly isProcedural?: boolean;
  /** The longest prompt in characters (Unicode code points). */
  readonly maxPromptLength: number;
  /** `undefined` when it shows none. */
  readonly previews?: Previews;
  /** `undefined` where the gateway's own limits are all there are, or `EDIT` is not among the operations. */
  readonly edits?: Edits;
  /** For which operations callers can say how strictly content is filtered. @defaultValue none */
  readonly moderated?: readonly Operation[];
  /** When the vendor made it, as it says itself; `undefined` while that is not known. */
  readonly createdAt?: Date;
  /** `YYYY-MM-DD` as the vendor announced it; `undefined` while none is announced. */
  readonly shutdownDate?: string;
  /** The model to move to when this one shuts down, or has. */
  readonly replacement?: string;
  /**
   * Models of one class cost about the same. Requests for a model that has shut down move by themselves only inside
   * its class. @defaultValue the model is in a class of its own
   */
  readonly priceClass?: string;
  /** Whether someone decided that the replacement may be of another price class. @defaultValue false */
  readonly mayChangePriceClass?: boolean;
  /** The model that this one is a dated snapshot of. It is and costs the same, and ends with it or when it says itself. */
  readonly snapshotOf?: string;
  /** Whether what stands here is only assumed: it is newer than what describes it. @defaultValue false */
  readonly isAssumed?: boolean;
  /** In any order. @defaultValue nothing is known of its price */
  readonly prices?: readonly ModelPrice[];
  /** `undefined` where nothing is published. */
  readonly outputTokens?: OutputTokens;
  /** @defaultValue the prompt's tokens are all that goes in, and nothing is known of edits */
  readonly inputTokens?: InputTokens;
}

/** The formats of images that go into an edit. */
export const SOURCE_FORMATS = ["PNG", "JPEG", "WEBP"] as const satisfies readonly ImageFormat[];
export type SourceFormat = (typeof SOURCE_FORMATS)[number];

/** An image that goes into an edit. Its sides are those that a viewer shows: an orientation in its EXIF data counts. */
export interface SourceImage extends PixelSize {
  readonly format: SourceFormat;
  readonly byteSize: number;
  /** Reads the bytes; each call from the beginning. */
  read(): AsyncIterable<Uint8Array>;
  /**
   * Looks up how the image was made: first from text, then by edits of that image, in order. The promise is `undefined`
   * when not all of it is on record: the image came from elsewhere, an earlier edit had a mask or several images, or one
   * of the generations was deleted. Absent where nothing keeps records.
   */
  origin?(): Promise<readonly OriginStep[] | undefined>;
}

/** One generation or edit in the making of an image. */
export interface OriginStep {
  readonly model: string;
  readonly prompt: string;
  readonly seed?: number;
  /** Position among the images of its call, from 0. */
  readonly index: number;
  /** The size that the model was asked for. */
  readonly size: PixelSize;
  readonly background: Background;
}

/** What is changed, and where. */
export interface EditSources {
  /** 1–16. The first one is the picture that is edited, the others are references. */
  readonly images: readonly SourceImage[];
  /** A PNG of the first image's size with an alpha channel: only where it is transparent may the image change. */
  readonly mask?: SourceImage;
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
  /** How much of a JPEG's or WebP's quality to keep, 0–100; `undefined` leaves it to the model. */
  readonly compression?: number;
  /** `undefined` for the provider's usual way. */
  readonly moderation?: Moderation;
  /** Stands for the person who asks, for the provider's own abuse monitoring. Never logged. */
  readonly safetyIdentifier?: string;
  /** Previews wanted of each image, 0–3. */
  readonly partialImages: number;
  /** Set when images are to be changed; only ever for a model whose operations include `EDIT`. */
  readonly edit?: EditSources;
}

/** What the provider says it used; the parts as far as it tells them. */
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
 * What a provider hands over while it works. The bytes of an image arrive as a stream that is read to its end, or
 * abandoned by `return()`, before the next event is asked for, and each of its pieces is valid until the next one is
 * asked for: nothing has to hold an image whole.
 */
export type ProviderEvent =
  | {
      readonly type: "image";
      readonly index: number;
      readonly bytes: AsyncIterable<Uint8Array>;
      /** What the provider did otherwise than asked, for the caller; nothing of it is logged. @defaultValue none */
      readonly warnings?: readonly (string | ProviderWarning)[];
    }
  | {
      readonly type: "partial";
      readonly index: number;
      readonly partialIndex: number;
      readonly bytes: AsyncIterable<Uint8Array>;
    }
  | { readonly type: "usage"; readonly usage: TokenUsage };

/** What a vendor's own list says of a model; what it does not say is left out. */
export interface Announcement {
  readonly createdAt?: Date;
  /** `YYYY-MM-DD`, or `null` where no end is announced. */
  readonly shutdownDate?: string | null;
}

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
  /**
   * Describes a model of the vendor's that is not among `models`, by its name: a dated snapshot, or one that is newer
   * than the description of the others. `undefined` for any other name.
   */
  describe?(id: string): ModelDescription | undefined;
  generate(request: GenerateRequest, signal: AbortSignal): AsyncIterable<ProviderEvent>;
  /** What the vendor says of its models today, by their names. Left out by providers that cannot know. */
  announcements?(signal: AbortSignal): Promise<ReadonlyMap<string, Announcement>>;
  /** Frees what the provider holds; no call is in flight any more. */
  close(): Promise<void>;
}
