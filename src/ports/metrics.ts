import type { ErrorCode } from "../errors.ts";
import type { Operation } from "./image-provider.ts";
import type { FailureCode, ModelBacklog } from "./records.ts";
import type { DeliveryBacklog, WebhookEvent } from "./webhooks.ts";

/** The APIs and pages that a request can be for; `other` for unknown paths. */
export const ENTRY_POINTS = [
  "get_image",
  "graphql",
  "graphql_stream",
  "graphql_websocket",
  "images",
  "metrics",
  "openai",
  "pages",
  "probes",
  "other",
] as const;

export type EntryPoint = (typeof ENTRY_POINTS)[number];

/** One generation that this process ended. */
export interface EndedGeneration {
  /** The model that ran it. */
  readonly model: string;
  readonly provider: string | undefined;
  readonly operation: Operation;
  readonly outcome: "SUCCEEDED" | "CANCELED" | FailureCode;
  /** What it cost, in US dollars; `undefined` if its price is not known. */
  readonly costUsd: string | undefined;
  /** The images that were made and have no known price. */
  readonly unpricedImages: number;
}

/** One submission to a provider, from its start until its answer was read and its images were stored. */
export interface EndedCall {
  readonly model: string;
  readonly provider: string;
  readonly outcome: "SUCCEEDED" | ErrorCode;
  readonly durationMs: number;
}

/** Functions that return current levels. */
export interface Levels {
  /** Clients that follow generations: subscriptions and event streams. */
  subscribers(): number;
  /** Generations that this process runs, with those that wait for the limit of images per minute. */
  running(): number;
  /** Images that wait for a decoder, to be checked or to become derivatives. */
  decodesWaiting(): number;
}

/** The backlog of the processes that share a store. All of them read the same values. */
export interface StoreLevels {
  readonly models: readonly ModelBacklog[];
  readonly deliveries: DeliveryBacklog;
}

/** One attempt to deliver a webhook. */
export interface EndedDelivery {
  readonly event: WebhookEvent["type"];
  /** `RETRYING` if it failed and will be repeated. */
  readonly outcome: "DELIVERED" | "RETRYING" | "GIVEN_UP";
  /** From the event to the end of this attempt. */
  readonly ageMs: number;
}

/**
 * Counts what the gateway does, for the operator's monitoring. No method throws, and none takes a key, a prompt or the
 * id of a record.
 */
export interface Metrics {
  /** Counts a request. @param status the HTTP status of the answer; `undefined` if the client left before it */
  requestEnded(entryPoint: EntryPoint, status: number | undefined): void;
  /** Counts a generation or an edit that was not accepted. */
  generationRefused(code: ErrorCode): void;
  /** @param waitedMs the time between its acceptance and its start, in milliseconds */
  generationStarted(waitedMs: number): void;
  generationEnded(generation: EndedGeneration): void;
  providerCallEnded(call: EndedCall): void;
  /** Counts a call that is repeated because the provider did no work. */
  providerCallRepeated(provider: string): void;
  /** Tells whether calls to a provider are paused because it keeps failing. */
  providerPaused(provider: string, isPaused: boolean): void;
  /** Counts a generation that continues with another model. @param model the model whose provider is not available */
  generationFellBack(model: string): void;
  /** Counts a call that cost more than was held for its generation. */
  billExceededHold(model: string): void;
  imageStored(model: string, byteSize: number): void;
  /** Counts an image, or a part of it, that a viewer got whole. @param byteSize the bytes that the gateway sent */
  imageSent(byteSize: number): void;
  /** Counts a viewer of an image who was redirected to the bucket. */
  imageRedirected(): void;
  /** Counts a derivative that was made and stored. */
  derivativeStored(byteSize: number): void;
  /** Counts an image that was signed with the operator's certificate, or that could not be signed. */
  imageSigned(outcome: "SIGNED" | "FAILED"): void;
  webhookAttempted(delivery: EndedDelivery): void;
  /** Measures an operation of the records. @param operation the name of the method */
  storeAnswered(operation: string, durationMs: number): void;
  /** Reads these levels from now on, whenever the metrics are read. */
  watch(levels: Levels): void;
  /** Reads these levels when the metrics are read, though not every time. They are absent while they cannot be read. */
  watchStore(read: () => Promise<StoreLevels>): void;
  /** Tells until when the certificate that signs images is valid. */
  certificateExpires(at: Date): void;
}

/** Metrics that can be read. */
export interface ReadableMetrics extends Metrics {
  /** The type of the text, for `Content-Type`. */
  readonly contentType: string;
  /** Returns all metrics as text. */
  read(): Promise<string>;
}

function ignore(): void {}

/** Counts nothing. */
export const NO_METRICS: Metrics = {
  requestEnded: ignore,
  generationRefused: ignore,
  generationStarted: ignore,
  generationEnded: ignore,
  providerCallEnded: ignore,
  providerCallRepeated: ignore,
  providerPaused: ignore,
  generationFellBack: ignore,
  billExceededHold: ignore,
  imageStored: ignore,
  imageSent: ignore,
  imageRedirected: ignore,
  derivativeStored: ignore,
  imageSigned: ignore,
  webhookAttempted: ignore,
  storeAnswered: ignore,
  watch: ignore,
  watchStore: ignore,
  certificateExpires: ignore,
};
