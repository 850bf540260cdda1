import type { Billed, ErrorCode } from "../errors.ts";
import type { Background, ImageFormat, PixelSize, Quality, TokenUsage } from "./image-provider.ts";

export const GENERATION_STATUSES = ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELED"] as const;
export type GenerationStatus = (typeof GENERATION_STATUSES)[number];

export const FAILURE_CODES = [
  "CONTENT_REJECTED",
  "MODEL_UNAVAILABLE",
  "RATE_LIMITED",
  "BUDGET_EXCEEDED",
  "UPSTREAM_FAILED",
  "UPSTREAM_TIMEOUT",
  "INTERRUPTED",
  "INTERNAL",
] as const satisfies readonly ErrorCode[];
export type FailureCode = (typeof FAILURE_CODES)[number];

/** Why an accepted generation ended without its images. */
export interface GenerationFailure {
  readonly code: FailureCode;
  readonly message: string;
  readonly retryable: boolean;
  readonly billed: Billed;
  readonly retryAfterSeconds?: number;
}

/** Something that was done otherwise than asked, without failing. */
export interface Warning {
  /** Upper snake case, stable: `MODEL_REPLACED`. */
  readonly code: string;
  readonly message: string;
}

/** What was asked, fixed when the generation is accepted. */
export interface GenerationOrder {
  /** `gen_…`, sorts by time. */
  readonly id: string;
  /** Who asked, and who alone may read it. */
  readonly owner: string;
  readonly prompt: string;
  readonly model: string;
  readonly n: number;
  /** The pixels every image is delivered at. */
  readonly requestedSize: PixelSize;
  /** The pixels the model is asked for. */
  readonly modelSize: PixelSize;
  readonly quality: Quality;
  /** The format images are stored in. */
  readonly format: ImageFormat;
  readonly background: Background;
  readonly seed?: number;
  readonly warnings: readonly Warning[];
  readonly createdAt: Date;
  readonly idempotency?: Idempotency;
}

/** Makes the same request, sent again, the same generation. */
export interface Idempotency {
  /** The caller's own words, unique per owner while it is remembered. */
  readonly key: string;
  /** SHA-256 of the whole input in hexadecimal, to tell a repetition from another request under the same key. */
  readonly inputHash: string;
  /** When the key is forgotten. */
  readonly expiresAt: Date;
}

export interface Generation extends GenerationOrder {
  readonly status: GenerationStatus;
  /** The pixels the model really made; `undefined` until the first image is stored. */
  readonly generatedSize?: PixelSize;
  readonly failure?: GenerationFailure;
  readonly usage?: TokenUsage;
  readonly startedAt?: Date;
  readonly finishedAt?: Date;
}

/** An image whose bytes are durable. */
export interface Image {
  /** `img_…`, sorts by time. */
  readonly id: string;
  readonly generationId: string;
  readonly owner: string;
  /** Position in the generation, from 0. */
  readonly index: number;
  /** Where the delivered bytes are in the {@link ObjectStore}. */
  readonly key: string;
  /** Where the provider's own bytes are, untouched; equal to `key` when they are delivered as they came. */
  readonly originalKey: string;
  readonly width: number;
  readonly height: number;
  readonly format: ImageFormat;
  readonly byteSize: number;
  /** Of the delivered bytes, in hexadecimal. */
  readonly sha256: string;
  /** A `data:` URI under 1 KB. */
  readonly placeholder: string;
  readonly createdAt: Date;
}

/** How a generation ended. */
export type GenerationOutcome =
  | { readonly status: "SUCCEEDED"; readonly usage?: TokenUsage }
  | { readonly status: "FAILED"; readonly failure: GenerationFailure; readonly usage?: TokenUsage };

/** A slice of one owner's generations, newest first. */
export interface GenerationSlice {
  readonly owner: string;
  readonly status?: GenerationStatus;
  /** Only generations older than this id. */
  readonly olderThan?: string;
  /** Only generations newer than this id. */
  readonly newerThan?: string;
  /** Which end of the range the slice is taken from. */
  readonly from: "newest" | "oldest";
  readonly limit: number;
}

/**
 * The durable truth about generations and images. Every write is on disk when its promise resolves; every state change
 * is a compare-and-set, so that of several who try only one succeeds.
 */
export interface Records {
  /**
   * Stores the order as `QUEUED`. When its owner already used its idempotency key and the key is still remembered,
   * nothing is stored and the earlier generation comes back with `isNew: false`.
   */
  accept(order: GenerationOrder): Promise<{ readonly generation: Generation; readonly isNew: boolean }>;
  /** `QUEUED` → `RUNNING`. `undefined` when the generation is not `QUEUED` (any more). */
  start(id: string, at: Date): Promise<Generation | undefined>;
  /**
   * Adds a stored image to a `RUNNING` generation, with the size the model made. `false`, and nothing added, when the
   * generation is not `RUNNING` (any more).
   */
  addImage(image: Image, generatedSize: PixelSize): Promise<boolean>;
  /** `RUNNING` → the outcome. `false` when the generation is not `RUNNING` (any more). */
  finish(id: string, outcome: GenerationOutcome, at: Date): Promise<boolean>;
  /** Ids in `status`, oldest first, whoever owns them. */
  idsInStatus(status: GenerationStatus): Promise<readonly string[]>;

  /** The generations with these ids, in no promised order; unknown ids are left out. */
  findGenerations(ids: readonly string[]): Promise<readonly Generation[]>;
  listGenerations(slice: GenerationSlice): Promise<readonly Generation[]>;
  /** The images with these ids, in no promised order; unknown ids are left out. */
  findImages(ids: readonly string[]): Promise<readonly Image[]>;
  /** The images of these generations, by generation and index. */
  findImagesOf(generationIds: readonly string[]): Promise<readonly Image[]>;
  close(): Promise<void>;
}
