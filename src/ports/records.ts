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
import type { BudgetState } from "./projects/ledger.ts";
import type { RateRefusal, RateRule, RateStatus } from "./projects/rates.ts";
import type { TraceContext } from "./traces.ts";

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
  /** The input to change, by its name in `GenerationInput`; `undefined` if no single input is at fault. */
  readonly field?: string;
  readonly retryAfterSeconds?: number;
}

/** A way in which the gateway or the provider deviated from the request. */
export interface Warning {
  /** Upper snake case, stable: `MODEL_REPLACED`. */
  readonly code: string;
  readonly message: string;
}

/** An input image of an edit. It is a copy, so it stays whatever happens to the original. */
export interface EditSource extends PixelSize {
  /** The key of the copy in the {@link ObjectStore}. The copy is removed when the generation has ended. */
  readonly key: string;
  readonly format: SourceFormat;
  readonly byteSize: number;
  /** In hexadecimal. */
  readonly sha256: string;
  /** The caller's stored image that it is a copy of; `undefined` if it came from elsewhere. */
  readonly imageId?: string;
}

/** The input images of an edit. */
export interface EditOrder {
  readonly images: readonly EditSource[];
  readonly mask?: EditSource;
}

/** The project of the callers of an open gateway, and of everything made before there were projects. */
export const PUBLIC_PROJECT = "proj_public";

/** The owner of a record. */
export interface Owner {
  /** `proj_…` */
  readonly projectId: string;
  /** The end user of the project that it was made for; `undefined` for none. */
  readonly endUser?: string | undefined;
}

/** An entry that the caller stored with a generation. */
export interface MetadataEntry {
  readonly key: string;
  readonly value: string;
}

/** The request for a generation. It does not change after acceptance, except for the model and its fallbacks. */
export interface GenerationOrder extends Owner {
  /** `gen_…`, sorts by time. */
  readonly id: string;
  /** `key_…`: the API key of the request; `undefined` for other credentials, or none. */
  readonly apiKeyId?: string | undefined;
  /** In the caller's order, each key once; `undefined` for none. */
  readonly metadata?: readonly MetadataEntry[] | undefined;
  readonly prompt: string;
  readonly model: string;
  readonly n: number;
  /** The size in which every image is delivered. */
  readonly requestedSize: PixelSize;
  /** The size that is requested from the model. */
  readonly modelSize: PixelSize;
  readonly quality: Quality;
  /** The format images are stored in. */
  readonly format: ImageFormat;
  readonly background: Background;
  readonly seed?: number | undefined;
  /** The number of previews of each image, 1 to 3; `undefined` for none. */
  readonly partialImages?: number | undefined;
  /** The quality of a JPEG or WebP, 0 to 100; `undefined` lets the model decide. */
  readonly compression?: number | undefined;
  readonly moderation?: Moderation | undefined;
  /** Identifies the end user for the provider. Never logged. */
  readonly safetyIdentifier?: string | undefined;
  /** Set if it is an edit. */
  readonly edit?: EditOrder | undefined;
  readonly warnings: readonly Warning[];
  /** The models to use, in this order, while the provider of `model` is not available. @defaultValue none */
  readonly fallbacks?: readonly string[] | undefined;
  /** The prices at acceptance, of each model that may run it. A model without a known price is absent. */
  readonly prices?: Readonly<Record<string, ModelPrice>> | undefined;
  /** The highest possible cost in US dollars, held until it has ended; `undefined` if not known. */
  readonly maxCost?: string | undefined;
  /** SHA-256 of the whole input in hexadecimal, to recognise a repetition of the request. */
  readonly inputHash: string;
  readonly createdAt: Date;
  readonly idempotency?: Idempotency | undefined;
  /** The span of its acceptance; `undefined` if that was not traced. */
  readonly traceContext?: TraceContext | undefined;
}

/** Makes a repeated request return the same generation. */
export interface Idempotency {
  /** Unique per project while it is remembered. */
  readonly key: string;
  /** When the key is forgotten. */
  readonly expiresAt: Date;
}

/** The index of an image, and the index of one of its previews, both from 0. */
export interface Preview {
  readonly imageIndex: number;
  readonly partialIndex: number;
}

/** The cost of a generation, as the ledger charges it. */
export interface Cost {
  /** US dollars as an exact decimal string with at most twelve decimals. */
  readonly usd: string;
  /** Whether the provider may have charged less than that. */
  readonly isEstimated: boolean;
}

export interface Generation extends GenerationOrder {
  readonly status: GenerationStatus;
  /** The previews that were shown, in order; `undefined` for none. */
  readonly previews?: readonly Preview[];
  /** The size that the model made; `undefined` until the first image is stored. */
  readonly generatedSize?: PixelSize;
  readonly failure?: GenerationFailure;
  readonly usage?: TokenUsage;
  /** The cost in US dollars as a decimal string, as the ledger charges it; `undefined` while unknown. */
  readonly cost?: string;
  /** Whether the provider may have charged less. @defaultValue false */
  readonly costIsEstimated?: boolean;
  readonly startedAt?: Date;
  readonly finishedAt?: Date;
}

/** How an image was made, and what its original file contains. */
export interface Provenance {
  readonly digitalSourceType: DigitalSourceType;
  /** Whether the provider's file carries C2PA content credentials. */
  readonly hasContentCredentials: boolean;
  /** The format of the provider's file. */
  readonly originalFormat: ImageFormat;
  /** Whether the delivered file is signed with the operator's certificate. @defaultValue false */
  readonly isSigned?: boolean;
}

/** A stored image. */
export interface Image extends Owner {
  /** `img_…`, sorts by time. */
  readonly id: string;
  readonly generationId: string;
  /** Position in the generation, from 0. */
  readonly index: number;
  /** The key of the delivered bytes in the {@link ObjectStore}. */
  readonly key: string;
  /** The key of the provider's unchanged bytes. Equal to `key` if they are delivered unchanged. */
  readonly originalKey: string;
  readonly width: number;
  readonly height: number;
  readonly format: ImageFormat;
  readonly byteSize: number;
  /** SHA-256 of the delivered bytes, in hexadecimal. */
  readonly sha256: string;
  /** A `data:` URI under 1 KB; `undefined` until it is first requested. */
  readonly placeholder?: string;
  /** Whether its owner marked it. @defaultValue false */
  readonly isFavorite?: boolean;
  /** `undefined` for images that were stored before this was recorded. */
  readonly provenance?: Provenance;
  readonly createdAt: Date;
}

/** A stored image that is not recorded yet, and the size that the model made. */
export interface UnrecordedImage {
  readonly image: Image;
  readonly generatedSize: PixelSize;
}

/** How a generation ended. */
export type GenerationOutcome =
  | (OutcomeFacts & { readonly status: "SUCCEEDED" })
  | (OutcomeFacts & { readonly status: "FAILED"; readonly failure: GenerationFailure });

interface OutcomeFacts {
  readonly usage?: TokenUsage;
  /** `undefined` if not known. The highest possible cost is then charged, as an estimate. */
  readonly cost?: Cost;
  /** How many images are charged, if the cost is known. @defaultValue all requested images */
  readonly imageCount?: number;
  /** The warnings of the generation and of the provider; `undefined` if none were added. */
  readonly warnings?: readonly Warning[];
}

/** The conditions for accepting a generation. */
export interface AcceptanceTerms {
  /** The most generations that may wait. */
  readonly maxQueued: number;
  /** The most US dollars that the project may spend in a UTC day, besides its own budgets. @defaultValue no limit */
  readonly dailyBudget?: string | undefined;
  /** The rate limits, at most one for each scope, always in the same order. @defaultValue none */
  readonly rates?: readonly RateRule[];
}

export interface AcceptedGeneration {
  readonly generation: Generation;
  /** `false` when the idempotency key led to an earlier generation. */
  readonly isNew: boolean;
  /** The remaining rate limits. Empty for an earlier generation, which does not count. */
  readonly rates: readonly RateStatus[];
}

/** Why a generation was not accepted. `COST_UNBOUNDED`: a budget limits dollars, and the cost has no known bound. */
export type Refusal = "QUEUE_FULL" | "COST_UNBOUNDED" | BudgetExceeded | RateRefusal;

/** The budget that does not cover the generation; of several, the one that resets last. */
export interface BudgetExceeded {
  readonly budget: BudgetState;
  /** The milliseconds until it resets; `undefined` for never. */
  readonly resetsInMs: number | undefined;
}

/** A change to another model, because of an outage or because the model shut down. */
export interface ModelChange {
  readonly model: string;
  readonly modelSize: PixelSize;
  /** The warnings of the generation, and the reason for the change. */
  readonly warnings: readonly Warning[];
  /** The remaining fallbacks. */
  readonly fallbacks: readonly string[];
}

/** The generations of a model that have not ended, whichever process accepted or runs them. */
export interface ModelBacklog {
  readonly model: string;
  /** How many of them wait. */
  readonly queued: number;
  /** The US dollars held for all of them, rounded to a JavaScript number. */
  readonly heldUsd: number;
}

/** The worker that runs a generation, and the end of its lease. */
export interface Claim {
  /** The id of the process: `run_…`. */
  readonly worker: string;
  readonly at: Date;
  readonly leaseUntil: Date;
}

/**
 * Stores generations and images. Every write is on disk when its promise resolves. Every change of state is a
 * compare-and-set: if several processes try it, only one succeeds.
 *
 * A running generation is leased to its worker. When the lease has expired, the worker counts as dead, and any process
 * may end the generation as interrupted. A worker that is alive after all may still record what was paid for.
 *
 * The ledger has one row for each generation that was ever accepted. Neither removal nor retention changes it. The
 * write that accepts a generation holds its images and its highest possible cost, in every budget of its project and
 * its API key. The write that ends it settles the hold: at its cost, or at everything that was held if the cost is not
 * known. If the real end becomes known later, it replaces the settlement, in the windows that held it. Windows are UTC.
 * If several processes share the records, the database's clock decides the window.
 */
export interface Records {
  /**
   * Stores the order as `QUEUED` and holds its images and its `maxCost`. If the project has already used its
   * idempotency key, and the key is still remembered, nothing is stored or held, and the earlier generation is returned
   * with `isNew: false`.
   *
   * Refuses and stores nothing if `maxQueued` generations are waiting (several requests at the same instant may exceed
   * this limit together), if a rate limit would be exceeded, or if spent and held amounts together would exceed a
   * budget (no number of processes can exceed these). A generation that costs nothing is not refused for dollars. Only
   * accepted orders count for a rate limit.
   *
   * @param claim of the worker that runs it at once: it is then stored as `RUNNING`, with a lease. @defaultValue none
   */
  accept(order: GenerationOrder, terms: AcceptanceTerms, claim?: Claim): Promise<AcceptedGeneration | Refusal>;
  /** `QUEUED` → `RUNNING`, with a lease. `undefined` if the generation is not `QUEUED`. */
  start(id: string, claim: Claim): Promise<Generation | undefined>;
  /** Extends the leases of all generations that this worker runs, and returns their ids. */
  extendLeases(worker: string, leaseUntil: Date): Promise<readonly string[]>;
  /**
   * Adds a stored image to a generation, with the size that the model made. @returns false, and nothing is added, if
   * this worker does not run the generation
   */
  addImage(image: Image, generatedSize: PixelSize, worker: string): Promise<boolean>;
  /**
   * Adds a stored preview to a generation. @returns false, and nothing is added, if this worker does not run the
   * generation
   */
  addPreview(id: string, preview: Preview, worker: string): Promise<boolean>;
  /** Adds the placeholder to an image that was stored without one. Does nothing if the image does not exist. */
  keepPlaceholder(imageId: string, placeholder: string): Promise<void>;
  /** Changes the model of a generation. `undefined` if this worker does not run it. */
  changeModel(id: string, worker: string, next: ModelChange): Promise<Generation | undefined>;
  /**
   * `RUNNING` → `QUEUED`, as if it had never been started. Only for a generation that no provider is working on.
   * @returns false if this worker does not run the generation
   */
  park(id: string, worker: string): Promise<boolean>;
  /**
   * `RUNNING` → the outcome, settled.
   *
   * @param last the last image, which is added in the same write. @defaultValue none
   * @returns false, and nothing changes, if this worker does not run the generation
   */
  finish(id: string, worker: string, outcome: GenerationOutcome, at: Date, last?: UnrecordedImage): Promise<boolean>;
  /**
   * Replaces the estimated cost of a generation that was ended or removed elsewhere while this worker ran it. Does
   * nothing if the cost is not an estimate.
   *
   * @param imageCount how many images are charged; `undefined` for all requested images
   */
  correctCost(id: string, cost: Cost, imageCount?: number): Promise<void>;
  /** `RUNNING` with a lease that expired before `at` → `FAILED`, settled as an estimate. Returns the ids. */
  interruptExpired(failure: GenerationFailure, at: Date): Promise<readonly string[]>;
  /**
   * `QUEUED` → `CANCELED`, settled at 0. `RUNNING` → `CANCELED` with this failure, settled as an estimate. @returns
   * false if it had ended or does not exist
   */
  cancel(id: string, failureWhenRunning: GenerationFailure, at: Date): Promise<boolean>;
  /** Marks an image as a favorite, or removes the mark. Does nothing if the image does not exist. */
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

  /** The generations with these ids, in any order. Unknown ids are left out. */
  findGenerations(ids: readonly string[]): Promise<readonly Generation[]>;
  /** The project's generation with this idempotency key, if the key is still remembered at `at`. */
  findByIdempotencyKey(projectId: string, key: string, at: Date): Promise<Generation | undefined>;
  /** The newest generations of this project and input that were accepted at `since` or later, newest first. */
  findLatestOf(projectId: string, inputHash: string, since: Date, limit: number): Promise<readonly Generation[]>;
  /** The images with these ids, in any order. Unknown ids are left out. */
  findImages(ids: readonly string[]): Promise<readonly Image[]>;
  /** The images of these generations, by generation and index. */
  findImagesOf(generationIds: readonly string[]): Promise<readonly Image[]>;
  /**
   * Tries to claim the sweep, which one process does for all that share the records. Returns true if it was free at
   * `at`; it is then claimed until `until`.
   */
  claimSweep(at: Date, until: Date): Promise<boolean>;
  /** The generations that have not ended, by the models that will run them. Models without any are absent. */
  backlog(): Promise<readonly ModelBacklog[]>;
  /** When these records were created. They know nothing of anything older. */
  begunAt(): Promise<Date>;
  /** Removes the counts of networks from before the minute of `at`. */
  forgetAddresses(at: Date): Promise<void>;
  /** Resolves if the store answers and has the schema of this version; rejects otherwise. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
