import type { BudgetState } from "./projects/ledger.ts";
import type { AuditEntry, ListSlice } from "./projects/projects.ts";
import type { GenerationFailure } from "./records.ts";

/** The event that only `sendTestWebhook` makes. */
export const TEST_EVENT = "webhook.test";

/** A budget that much was used of, and whose it is. */
export interface BudgetFacts extends BudgetState {
  /** `key_…`: the API key whose budget it is; `undefined` for a budget of the project. */
  readonly apiKeyId?: string | undefined;
}

/**
 * Something that became true. It has no prompt, no end user and no address of an image: these are read when it is
 * delivered, so that what was deleted in the meantime is not sent.
 */
export type WebhookEvent =
  | {
      readonly type: "generation.succeeded" | "generation.failed" | "generation.canceled";
      readonly generationId: string;
      readonly failure?: GenerationFailure | undefined;
      /** ISO 8601, UTC. */
      readonly finishedAt: string;
    }
  | { readonly type: "image.ready"; readonly generationId: string; readonly imageId: string }
  | { readonly type: "budget.threshold"; readonly budget: BudgetFacts; readonly thresholdPercent: number }
  | { readonly type: "budget.exhausted"; readonly budget: BudgetFacts }
  | { readonly type: typeof TEST_EVENT };

/** An event that an endpoint can be told of. */
export type WebhookEventName = Exclude<WebhookEvent["type"], typeof TEST_EVENT>;
/** Each event of {@link WebhookEvent}: the compiler finds a missing one. */
const EVENT_NAMES: Readonly<Record<WebhookEventName, true>> = {
  "generation.succeeded": true,
  "generation.failed": true,
  "generation.canceled": true,
  "image.ready": true,
  "budget.threshold": true,
  "budget.exhausted": true,
};
/** The events that an endpoint can be told of. */
export const WEBHOOK_EVENTS = Object.keys(EVENT_NAMES) as readonly WebhookEventName[];

/** A secret that signs deliveries, encrypted. */
export interface SealedSecret {
  readonly sealed: string;
  /** When it stops signing, in milliseconds since 1970 UTC; `undefined` for never. */
  readonly endsAtMs?: number | undefined;
}

/** Where a project wants to be told of events. */
export interface WebhookEndpoint {
  /** `wh_…`, sorts by time. */
  readonly id: string;
  readonly projectId: string;
  readonly url: string;
  /** What image URLs began with when it was created, for processes that do not know the address of the gateway. */
  readonly rootUrl: string;
  /** `undefined` for all. */
  readonly events?: readonly WebhookEventName[] | undefined;
  readonly description?: string | undefined;
  /** The newest first. */
  readonly secrets: readonly SealedSecret[];
  readonly isDisabled: boolean;
  readonly disabledReason?: string | undefined;
  /** Since when every attempt has failed; `undefined` after a success, and before the first attempt. */
  readonly failingSince?: Date | undefined;
  readonly createdAt: Date;
}

export type WebhookEndpointChanges = Partial<
  Pick<
    WebhookEndpoint,
    "url" | "rootUrl" | "events" | "description" | "secrets" | "isDisabled" | "disabledReason" | "failingSince"
  >
>;

export const DELIVERY_STATUSES = ["PENDING", "DELIVERED", "FAILED"] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

export interface DeliveryAttempt {
  /** ISO 8601, UTC. */
  readonly at: string;
  /** `undefined` if there was no answer. */
  readonly statusCode?: number | undefined;
  /** Why it failed; `undefined` after a success. */
  readonly error?: string | undefined;
}

/** An event on its way to one endpoint. */
export interface WebhookDelivery {
  /** `msg_…`, sorts by time: the header `webhook-id`, the same at each attempt. */
  readonly id: string;
  readonly endpointId: string;
  readonly event: WebhookEvent;
  readonly status: DeliveryStatus;
  /** How many times of the schedule are used up. */
  readonly attemptCount: number;
  /** The last ones, oldest first. */
  readonly attempts: readonly DeliveryAttempt[];
  /** `undefined` once it has ended. While it is being attempted, the time at which another process takes over. */
  readonly nextAttemptAt?: Date | undefined;
  readonly createdAt: Date;
}

/** How an attempt changes a delivery and its endpoint. */
export interface AttemptResult extends Pick<WebhookDelivery, "status" | "attemptCount" | "attempts" | "nextAttemptAt"> {
  /** What it tells of the endpoint; `undefined` for nothing new. */
  readonly endpoint?: Pick<WebhookEndpointChanges, "failingSince" | "isDisabled" | "disabledReason"> | undefined;
}

/** For how long deliveries are claimed, and how many. */
export interface DeliveryClaim {
  readonly at: Date;
  /** Until then no other process attempts them. */
  readonly until: Date;
  readonly limit: number;
}

/** The deliveries that have not ended. */
export interface DeliveryBacklog {
  readonly waiting: number;
  /** When the oldest of them was stored; `undefined` if there is none. */
  readonly oldestAt: Date | undefined;
}

/** How long deliveries that have ended are kept. */
export interface DeliveryRetention {
  readonly deliveredBefore: Date;
  readonly failedBefore: Date;
  /** The budget windows that had ended by then are forgotten. */
  readonly at: Date;
}

/**
 * Endpoints, and the deliveries to them. The transaction that makes an event true stores its deliveries; see
 * {@link Records}. Every change of an endpoint by a caller is stored together with its entry in the audit log.
 */
export interface Webhooks {
  /** @returns false, and nothing is stored, if the project has `maxCount` endpoints already */
  create(endpoint: WebhookEndpoint, maxCount: number, entry: AuditEntry): Promise<boolean>;
  /**
   * Changes an endpoint. Of several changes at once, each sees what the one before left. Deliveries that wait for an
   * endpoint fail when it is disabled.
   *
   * @param change if it throws, nothing is changed or logged
   * @param entry `undefined` for a change that no caller made
   * @returns `undefined` if there is no such endpoint
   */
  update(
    id: string,
    change: (endpoint: WebhookEndpoint) => WebhookEndpointChanges,
    entry: AuditEntry | undefined,
  ): Promise<WebhookEndpoint | undefined>;
  /** Removes an endpoint with its deliveries. @returns false if there is no such endpoint */
  remove(id: string, entry: AuditEntry): Promise<boolean>;
  find(id: string): Promise<WebhookEndpoint | undefined>;
  /** The endpoints of a project, newest first. */
  listOf(projectId: string): Promise<readonly WebhookEndpoint[]>;
  /** All endpoints whose ids come after this one, in the order of their ids. */
  listAfter(id: string, limit: number): Promise<readonly WebhookEndpoint[]>;

  /** Stores a delivery that is claimed until its `nextAttemptAt`. */
  addDelivery(delivery: WebhookDelivery): Promise<void>;
  findDelivery(id: string): Promise<WebhookDelivery | undefined>;
  listDeliveries(endpointId: string, slice: ListSlice): Promise<readonly WebhookDelivery[]>;
  /** The endpoints, not disabled, with deliveries that are due. */
  findDue(at: Date): Promise<readonly WebhookEndpoint[]>;
  /** Claims deliveries to an endpoint that are due. No two processes get the same ones. */
  claim(endpointId: string, claim: DeliveryClaim): Promise<readonly WebhookDelivery[]>;
  /** Begins the schedule of a delivery anew, and claims it. `undefined` if there is no such delivery. */
  restart(id: string, until: Date): Promise<WebhookDelivery | undefined>;
  /** Records an attempt. @returns false, and nothing is recorded, if the claim is over */
  record(claimed: WebhookDelivery, result: AttemptResult): Promise<boolean>;
  /** Gives up a claim, so that the delivery is due at once. */
  release(claimed: WebhookDelivery, at: Date): Promise<void>;
  /** The deliveries that have not ended, whether they are due or wait for their next attempt. */
  backlog(): Promise<DeliveryBacklog>;
  /** Removes what ended long ago. */
  forget(retention: DeliveryRetention): Promise<void>;
  /** Calls `listener` after this process has stored deliveries, until the returned function is called. */
  onStored(listener: () => void): () => void;
}

export interface WebhookRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What became of a request: one of the two is always set, both for an answer that is no success. */
export type WebhookAnswer = Pick<DeliveryAttempt, "statusCode" | "error">;

/**
 * Sends requests to addresses that callers chose. No private network can be reached unless the operator allows it, and
 * no redirect is followed. An answer must begin within 10 seconds, and at most 4 KB of it are read.
 */
export interface WebhookSender {
  /** @throws BAD_USER_INPUT naming `url` if no request is sent to this address */
  check(url: string): void;
  /** Never rejects, except with the reason of the signal when it aborts. */
  send(request: WebhookRequest, signal: AbortSignal): Promise<WebhookAnswer>;
}
