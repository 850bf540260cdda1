import type { BudgetState } from "./projects/ledger.ts";
import type { AuditEntry, ListSlice } from "./projects/projects.ts";
import type { GenerationFailure } from "./records.ts";

/** The event that only `sendTestWebhook` makes. */
export const TEST_EVENT = "webhook.test";

/** A budget, its owner, and how much of it is used. */
export interface BudgetFacts extends BudgetState {
  /** `key_…`: the API key whose budget it is; `undefined` for a budget of the project. */
  readonly apiKeyId?: string | undefined;
}

/**
 * An event. It contains no prompt, no end user and no image URL: these are read at delivery, so that nothing that was
 * deleted meanwhile is sent.
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

/** An event that an endpoint can subscribe to. */
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
/** The events that an endpoint can subscribe to. */
export const WEBHOOK_EVENTS = Object.keys(EVENT_NAMES) as readonly WebhookEventName[];

/** A secret that signs deliveries, encrypted. */
export interface SealedSecret {
  readonly sealed: string;
  /** When it stops signing, in milliseconds since 1970 UTC; `undefined` for never. */
  readonly endsAtMs?: number | undefined;
}

/** An address that receives a project's events. */
export interface WebhookEndpoint {
  /** `wh_…`, sorts by time. */
  readonly id: string;
  readonly projectId: string;
  readonly url: string;
  /** The beginning of image URLs when it was created, for processes that do not know the gateway's address. */
  readonly rootUrl: string;
  /** `undefined` for all. */
  readonly events?: readonly WebhookEventName[] | undefined;
  readonly description?: string | undefined;
  /** Newest first. */
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
  /** The number of attempts of the schedule that have been made. */
  readonly attemptCount: number;
  /** The last attempts, oldest first. */
  readonly attempts: readonly DeliveryAttempt[];
  /** `undefined` once it has ended. While it is being attempted, the time at which another process takes over. */
  readonly nextAttemptAt?: Date | undefined;
  readonly createdAt: Date;
}

/** The changes that an attempt makes to a delivery and its endpoint. */
export interface AttemptResult extends Pick<WebhookDelivery, "status" | "attemptCount" | "attempts" | "nextAttemptAt"> {
  /** The new state of the endpoint; `undefined` for no change. */
  readonly endpoint?: Pick<WebhookEndpointChanges, "failingSince" | "isDisabled" | "disabledReason"> | undefined;
}

/** The duration of a claim, and the number of deliveries. */
export interface DeliveryClaim {
  readonly at: Date;
  /** No other process attempts them before this time. */
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
   * Changes an endpoint. Simultaneous changes are made one after the other. When an endpoint is disabled, its waiting
   * deliveries fail.
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
  /** Claims due deliveries to an endpoint. No two processes get the same ones. */
  claim(endpointId: string, claim: DeliveryClaim): Promise<readonly WebhookDelivery[]>;
  /** Restarts the schedule of a delivery, and claims it. `undefined` if there is no such delivery. */
  restart(id: string, until: Date): Promise<WebhookDelivery | undefined>;
  /** Records an attempt. @returns false, and nothing is recorded, if the claim has expired */
  record(claimed: WebhookDelivery, result: AttemptResult): Promise<boolean>;
  /** Gives up a claim, so that the delivery is due immediately. */
  release(claimed: WebhookDelivery, at: Date): Promise<void>;
  /** The deliveries that have not ended, whether they are due or wait for their next attempt. */
  backlog(): Promise<DeliveryBacklog>;
  /** Removes deliveries that ended long ago. */
  forget(retention: DeliveryRetention): Promise<void>;
  /** Calls `listener` after this process has stored deliveries, until the returned function is called. */
  onStored(listener: () => void): () => void;
}

export interface WebhookRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The result of a request. One of the two is always set; both are set for an answer that is not a success. */
export type WebhookAnswer = Pick<DeliveryAttempt, "statusCode" | "error">;

/**
 * Sends requests to addresses that callers chose. No private network can be reached unless the operator allows it, and
 * no redirect is followed. An answer must begin within 10 seconds, and at most 4 KB of it are read.
 */
export interface WebhookSender {
  /** @throws BAD_USER_INPUT naming `url` if no request is sent to this address */
  check(url: string): void;
  /** Never rejects, except with the signal's reason when the signal aborts. */
  send(request: WebhookRequest, signal: AbortSignal): Promise<WebhookAnswer>;
}
