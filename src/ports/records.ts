import type { Billed, ErrorCode } from "../errors.ts";
import type {
  Background,
  DigitalSourceType,
  ImageFormat,
  ModelPrice,
  Moderation,
  PixelSize,
  Quality,
  SourceFormat,
  TokenUsage,
} from "./image-provider.ts";
import type { BudgetState } from "./ledger.ts";
import type { RateRefusal, RateRule, RateStatus } from "./rates.ts";

export const GENERATION_STATUSES = ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELED"] as const;
export type GenerationStatus = (typeof GENERATION_STATUSES)[number];

export const FAILURE_CODES = [
  "CONTENT_REJECTED",
  "INPUT_REJECTED",
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
  /** The input that has to change, by its name in `GenerationInput`; `undefined` when no single one has to. */
  readonly field?: string;
  readonly retryAfterSeconds?: number;
}

/** Something that was done otherwise than asked, without failing. */
export interface Warning {
  /** Upper snake case, stable: `MODEL_REPLACED`. */
  readonly code: string;
  readonly message: string;
}

/** An image that goes into an edit: a copy of its own, so that it is there whatever becomes of what it was taken from. */
export interface EditSource extends PixelSize {
  /** Where the copy is in the {@link ObjectStore}, until the generation has ended. */
  readonly key: string;
  readonly format: SourceFormat;
  readonly byteSize: number;
  /** In hexadecimal. */
  readonly sha256: string;
  /** The caller's stored image that it is a copy of; `undefined` when it came from elsewhere. */
  readonly imageId?: string;
}

/** What an edit changes, and where. */
export interface EditOrder {
  readonly images: readonly EditSource[];
  readonly mask?: EditSource;
}

/** The project of everything that was made before there were others, and of the callers of an open gateway. */
export const PUBLIC_PROJECT = "proj_public";

/** Whom a record belongs to. */
export interface Owner {
  /** `proj_…` */
  readonly projectId: string;
  /** The end user of the project for whom it was made; `undefined` for nobody in particular. */
  readonly endUser?: string | undefined;
}

/** Something that the caller attached to a generation. */
export interface MetadataEntry {
  readonly key: string;
  readonly value: string;
}

/** What was asked, fixed when the generation is accepted. */
export interface GenerationOrder extends Owner {
  /** `gen_…`, sorts by time. */
  readonly id: string;
  /** `key_…`: the API key that it was asked for with; `undefined` for other credentials, and for none. */
  readonly apiKeyId?: string | undefined;
  /** In the caller's order, each key once; `undefined` for none. */
  readonly metadata?: readonly MetadataEntry[] | undefined;
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
  readonly seed?: number | undefined;
  /** Previews wanted of each image, 1–3; `undefined` for none. */
  readonly partialImages?: number | undefined;
  /** How much of a JPEG's or WebP's quality to keep, 0–100; `undefined` leaves it to the model. */
  readonly compression?: number | undefined;
  readonly moderation?: Moderation | undefined;
  /** Stands for the person who asks. Never logged, never shown. */
  readonly safetyIdentifier?: string | undefined;
  /** Set when images are changed rather than made from text alone. */
  readonly edit?: EditOrder | undefined;
  readonly warnings: readonly Warning[];
  /** The models to go on with, in this order, while the provider of `model` is out of order. @defaultValue none */
  readonly fallbacks?: readonly string[] | undefined;
  /** The prices it was accepted at, of each model that may carry it out; none where a model's price is not known. */
  readonly prices?: Readonly<Record<string, ModelPrice>> | undefined;
  /** The most that it can cost, held until it has ended: US dollars; `undefined` where that is not known. */
  readonly maxCost?: string | undefined;
  /** SHA-256 of the whole input in hexadecimal, to tell a repetition from another request. */
  readonly inputHash: string;
  readonly createdAt: Date;
  readonly idempotency?: Idempotency | undefined;
}

/** Makes the same request, sent again, the same generation. */
export interface Idempotency {
  /** Unique per project while it is remembered. */
  readonly key: string;
  /** When the key is forgotten. */
  readonly expiresAt: Date;
}

/** Which preview of which image, both from 0. */
export interface Preview {
  readonly imageIndex: number;
  readonly partialIndex: number;
}

/** What a generation cost: what the ledger charges for it. */
export interface Cost {
  /** US dollars as an exact decimal string with at most twelve decimals. */
  readonly usd: string;
  /** Whether the provider may have charged less than that. */
  readonly isEstimated: boolean;
}

export interface Generation extends GenerationOrder {
  readonly status: GenerationStatus;
  /** What could be seen of the images before they were there, in that order; `undefined` for nothing. */
  readonly previews?: readonly Preview[];
  /** The pixels the model really made; `undefined` until the first image is stored. */
  readonly generatedSize?: PixelSize;
  readonly failure?: GenerationFailure;
  readonly usage?: TokenUsage;
  /** What it cost in US dollars as a decimal string: what the ledger charges for it; `undefined` while unknown. */
  readonly cost?: string;
  /** Whether the provider may have charged less. @defaultValue false */
  readonly costIsEstimated?: boolean;
  readonly startedAt?: Date;
  readonly finishedAt?: Date;
}

/** How an image came to be, and what its original says of it. */
export interface Provenance {
  readonly digitalSourceType: DigitalSourceType;
  /** Whether the provider's own bytes carry C2PA content credentials. */
  readonly hasContentCredentials: boolean;
  /** The format of the provider's own bytes. */
  readonly originalFormat: ImageFormat;
}

/** An image whose bytes are durable. */
export interface Image extends Owner {
  /** `img_…`, sorts by time. */
  readonly id: string;
  readonly generationId: string;
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
  /** A `data:` URI under 1 KB; `undefined` until it was first made. */
  readonly placeholder?: string;
  /** Whether its owner marked it. @defaultValue false */
  readonly isFavorite?: boolean;
  /** `undefined` for images stored before it was looked for. */
  readonly provenance?: Provenance;
  readonly createdAt: Date;
}

/** How a generation ended. */
export type GenerationOutcome =
  | (OutcomeFacts & { readonly status: "SUCCEEDED" })
  | (OutcomeFacts & { readonly status: "FAILED"; readonly failure: GenerationFailure });

interface OutcomeFacts {
  readonly usage?: TokenUsage;
  /** `undefined` where it is not known: then the most that it can have cost is charged, as an estimate. */
  readonly cost?: Cost;
  /** How many images are charged with a known cost. @defaultValue all that were asked for */
  readonly imageCount?: number;
  /** Those of the generation and the provider's; `undefined` where nothing was added. */
  readonly warnings?: readonly Warning[];
}

/** Under which conditions a generation is accepted. */
export interface AcceptanceTerms {
  /** How many generations may wait. */
  readonly maxQueued: number;
  /** What the project may spend in a UTC day, in US dollars, besides its own budgets. @defaultValue any amount */
  readonly dailyBudget?: string | undefined;
  /** The rate limits, at most one of each scope, always in the same order. @defaultValue none */
  readonly rates?: readonly RateRule[];
}

export interface AcceptedGeneration {
  readonly generation: Generation;
  /** `false` when the idempotency key led to an earlier generation. */
  readonly isNew: boolean;
  /** What is left of the rate limits; empty for an earlier generation, which counts nothing. */
  readonly rates: readonly RateStatus[];
}

/** Why a generation was not accepted. `COST_UNBOUNDED`: a budget limits dollars, and the cost has no known bound. */
export type Refusal = "QUEUE_FULL" | "COST_UNBOUNDED" | BudgetExceeded | RateRefusal;

/** The budget that does not cover the generation. Of several, the one that resets last. */
export interface BudgetExceeded {
  readonly budget: BudgetState;
  /** How long until it resets, in milliseconds; `undefined` for never. */
  readonly resetsInMs: number | undefined;
}

/** How a generation goes on with another model: in an outage, or since its own has ended. */
export interface ModelChange {
  readonly model: string;
  readonly modelSize: PixelSize;
  /** Those of the generation and why it goes on with another model. */
  readonly warnings: readonly Warning[];
  /** What is left. */
  readonly fallbacks: readonly string[];
}

/** Who carries a generation out, and until when others must believe that it lives. */
export interface Claim {
  /** Unique to the process: `run_…`. */
  readonly worker: string;
  readonly at: Date;
  readonly leaseUntil: Date;
}

/**
 * The durable truth about generations and images. Every write is on disk when its promise resolves; every state change
 * is a compare-and-set, so that of several who try only one succeeds.
 *
 * A generation that runs is leased to its worker. When the lease runs out, the worker is presumed dead and anyone may
 * end the generation as interrupted; a worker that turns out to live may still bring in what was paid for.
 *
 * The ledger has one row for each generation that was ever accepted; neither removal nor retention touches it. The write
 * that accepts a generation holds its images and the most it can cost, in every budget of its project and of its API key.
 * The write that ends it settles the hold: at its cost, or at all that was held where the cost is not known. A later and
 * truer end replaces the settlement, in the windows that held it. Windows are UTC; where several processes share the
 * records, the database's clock decides which window it is.
 */
export interface Records {
  /**
   * Stores the order as `QUEUED` and holds its images and its `maxCost`. When its project already used its idempotency
   * key and the key is still remembered, nothing is stored or held and the earlier generation comes back with `isNew:
   * false`.
   *
   * Refuses, storing nothing, when `maxQueued` generations wait already (several at the same instant may pass this limit
   * together), or when a rate limit would be exceeded, or what was spent and what is held would exceed a budget (nothing
   * passes these limits, however many processes accept). A generation that costs nothing is not refused for dollars.
   * Only accepted orders count for a rate limit.
   */
  accept(order: GenerationOrder, terms: AcceptanceTerms): Promise<AcceptedGeneration | Refusal>;
  /** `QUEUED` → `RUNNING`, leased. `undefined` when the generation is not `QUEUED` (any more). */
  start(id: string, claim: Claim): Promise<Generation | undefined>;
  /** Extends the leases of everything this worker runs, and answers what that is. */
  extendLeases(worker: string, leaseUntil: Date): Promise<readonly string[]>;
  /**
   * Adds a stored image to a generation this worker runs, with the size the model made. `false`, and nothing added,
   * when the worker does not run it (any more).
   */
  addImage(image: Image, generatedSize: PixelSize, worker: string): Promise<boolean>;
  /** Adds a stored preview to a generation this worker runs. `false`, and nothing added, when it does not (any more). */
  addPreview(id: string, preview: Preview, worker: string): Promise<boolean>;
  /** Adds the placeholder to an image that was stored without; does nothing when there is no such image (any more). */
  keepPlaceholder(imageId: string, placeholder: string): Promise<void>;
  /** Gives a generation this worker runs to another model. `undefined` when the worker does not run it (any more). */
  changeModel(id: string, worker: string, next: ModelChange): Promise<Generation | undefined>;
  /**
   * `RUNNING` → `QUEUED`, as if it had never been started. `false` when this worker does not run the generation (any
   * more). Only for what no provider has in hand.
   */
  park(id: string, worker: string): Promise<boolean>;
  /** `RUNNING` → the outcome, settled. `false` when this worker does not run the generation (any more). */
  finish(id: string, worker: string, outcome: GenerationOutcome, at: Date): Promise<boolean>;
  /**
   * Replaces the estimated cost of a generation that others ended, or removed, while this worker ran it. Does nothing
   * where the cost was not estimated.
   *
   * @param imageCount how many images are charged; `undefined` for all that were asked for
   */
  correctCost(id: string, cost: Cost, imageCount?: number): Promise<void>;
  /** `RUNNING` with a lease that ended before `at` → `FAILED`, settled as an estimate. Answers the ids. */
  interruptExpired(failure: GenerationFailure, at: Date): Promise<readonly string[]>;
  /**
   * `QUEUED` → `CANCELED`, settled at 0; `RUNNING` → `CANCELED` with this failure, settled as an estimate. `false` when it
   * had ended, or does not exist.
   */
  cancel(id: string, failureWhenRunning: GenerationFailure, at: Date): Promise<boolean>;
  /** Marks an image as a favorite, or takes the mark away; does nothing when there is no such image (any more). */
  setFavorite(imageId: string, isFavorite: boolean): Promise<void>;
  /** Removes an image from its generation. Removing one that does not exist is not an error. */
  removeImage(imageId: string): Promise<void>;
  /**
   * Removes a generation and its images. One that has not ended is settled as if it were canceled. Removing one that does
   * not exist is not an error.
   */
  remove(id: string): Promise<void>;

  /** Ids of `QUEUED` generations accepted before `at`, oldest first, at most `limit`. */
  idsQueuedBefore(at: Date, limit: number): Promise<readonly string[]>;
  /** Ids of ended generations accepted before `at`, oldest first, at most `limit`. */
  idsEndedBefore(at: Date, limit: number): Promise<readonly string[]>;

  /** The generations with these ids, in no promised order; unknown ids are left out. */
  findGenerations(ids: readonly string[]): Promise<readonly Generation[]>;
  /** The project's generation with this idempotency key, if the key is still remembered at `at`. */
  findByIdempotencyKey(projectId: string, key: string, at: Date): Promise<Generation | undefined>;
  /** The newest generations of this project and input that were accepted at `since` or later, newest first. */
  findLatestOf(projectId: string, inputHash: string, since: Date, limit: number): Promise<readonly Generation[]>;
  /** The images with these ids, in no promised order; unknown ids are left out. */
  findImages(ids: readonly string[]): Promise<readonly Image[]>;
  /** The images of these generations, by generation and index. */
  findImagesOf(generationIds: readonly string[]): Promise<readonly Image[]>;
  /** Whether the sweep, which one does for all who share the records, is the caller's until `until`: nobody's at `at`. */
  claimSweep(at: Date, until: Date): Promise<boolean>;
  /** When these records were begun: they can know nothing of what is older. */
  begunAt(): Promise<Date>;
  /** Forgets the networks whose requests were counted before the minute of `at`. */
  forgetAddresses(at: Date): Promise<void>;
  /** Resolves when the store answers and is as this version needs it; rejects otherwise. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
