import { badInput, GatewayError } from "../../errors.ts";
import type { AuditEntry } from "../../ports/projects/projects.ts";
import {
  TEST_EVENT,
  WEBHOOK_EVENTS,
  type WebhookDelivery,
  type WebhookEndpoint,
  type WebhookEndpointChanges,
  type WebhookEventName,
  type WebhookSender,
  type Webhooks,
} from "../../ports/webhooks.ts";
import type { Caller } from "../projects/caller.ts";
import { type ListPage, type ListRequest, readPage } from "../projects/list-page.ts";
import { CLAIM_MS, type WebhookAttempts } from "./webhook-attempts.ts";
import { livingAt, type WebhookSecrets } from "./webhook-secrets.ts";

/** The most endpoints of a project. */
export const MAX_ENDPOINTS = 20;
/** The longest description, in characters. */
const MAX_DESCRIPTION_LENGTH = 500;
/** How long an earlier secret may go on signing: 30 days. */
const MAX_OVERLAP_SECONDS = 30 * 24 * 60 * 60;
/** The most secrets that sign at once. Each adds a signature to the header. */
const MAX_SECRETS = 5;

/** In a change, absent fields stay, and null removes a value. */
export interface EndpointInput {
  readonly url?: string | null | undefined;
  /** Null for all. */
  readonly events?: readonly string[] | null | undefined;
  readonly description?: string | null | undefined;
  readonly isDisabled?: boolean | null | undefined;
}

/** An endpoint with its new secret, which nobody can read again. */
export interface EndpointWithSecret {
  readonly endpoint: WebhookEndpoint;
  readonly secret: string;
}

export interface WebhookServiceOptions {
  readonly webhooks: Webhooks;
  readonly attempts: WebhookAttempts;
  readonly secrets: WebhookSecrets;
  readonly sender: Pick<WebhookSender, "check">;
  /**
   * The beginning of image URLs; `undefined` if it depends on the client's request, so that no endpoint can be created.
   */
  readonly rootUrl: string | undefined;
  readonly now: () => Date;
  /** @param prefix `wh`, `msg` or `log` */
  readonly newId: (prefix: string) => string;
  /** Aborts when the gateway stops. */
  readonly stopped: AbortSignal;
}

/** The endpoints of projects: who may see and change them, and what was delivered to them. */
export class WebhookService {
  readonly #options: WebhookServiceOptions;

  constructor(options: WebhookServiceOptions) {
    this.#options = options;
  }

  /** The endpoints of the caller's project, newest first. @throws FORBIDDEN */
  async endpoints(caller: Caller): Promise<readonly WebhookEndpoint[]> {
    refuseEndUsers(caller);
    return this.#options.webhooks.listOf(caller.projectId);
  }

  /** The deliveries to an endpoint, newest first. @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT */
  async deliveries(caller: Caller, endpointId: string, request: ListRequest): Promise<ListPage<WebhookDelivery>> {
    await this.#own(caller, endpointId, "endpointId");
    return readPage(request, (slice) => this.#options.webhooks.listDeliveries(endpointId, slice));
  }

  /** @throws FORBIDDEN, BAD_USER_INPUT */
  async create(caller: Caller, input: EndpointInput & { readonly url: string }): Promise<EndpointWithSecret> {
    refuseEndUsers(caller);
    const { webhooks, secrets, now, newId } = this.#options;
    const rootUrl = this.#requireRootUrl();
    const id = newId("wh");
    const secret = secrets.create();
    const endpoint: WebhookEndpoint = {
      id,
      projectId: caller.projectId,
      url: this.#checkUrl(input.url),
      rootUrl,
      events: checkEvents(input.events),
      description: checkDescription(input.description),
      secrets: [{ sealed: secrets.seal(secret, id) }],
      isDisabled: false,
      createdAt: now(),
    };
    if (
      !(await webhooks.create(endpoint, MAX_ENDPOINTS, this.#entry(caller, "createWebhookEndpoint", endpoint, input)))
    ) {
      throw badInput("url", `a project has at most ${MAX_ENDPOINTS} webhook endpoints; delete one first`);
    }
    return { endpoint, secret };
  }

  /** @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT */
  async update(caller: Caller, id: string, input: EndpointInput): Promise<WebhookEndpoint> {
    const before = await this.#own(caller, id, "id");
    const { url, events, description, isDisabled } = input;
    const changes: WebhookEndpointChanges = {
      ...(url !== undefined && { url: this.#checkUrl(url ?? ""), rootUrl: this.#requireRootUrl() }),
      ...(events !== undefined && { events: checkEvents(events) }),
      ...(description !== undefined && { description: checkDescription(description) }),
      ...(isDisabled !== undefined && {
        isDisabled: isDisabled ?? false,
        disabledReason: isDisabled ? "it was disabled by updateWebhookEndpoint" : undefined,
        // Its receiver begins anew.
        failingSince: undefined,
      }),
    };
    const entry = this.#entry(caller, "updateWebhookEndpoint", before, input);
    const endpoint = await this.#options.webhooks.update(id, () => changes, entry);
    if (!endpoint) throw unknownEndpoint("id");
    return endpoint;
  }

  /** Removes an endpoint with everything that waits for it. @throws FORBIDDEN, NOT_FOUND */
  async delete(caller: Caller, id: string): Promise<void> {
    const endpoint = await this.#own(caller, id, "id");
    const entry = this.#entry(caller, "deleteWebhookEndpoint", endpoint, {});
    if (!(await this.#options.webhooks.remove(id, entry))) throw unknownEndpoint("id");
  }

  /**
   * Gives an endpoint another secret. The earlier ones sign too until the overlap ends.
   *
   * @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT
   */
  async rotateSecret(caller: Caller, id: string, overlapSeconds: number): Promise<EndpointWithSecret> {
    if (!Number.isInteger(overlapSeconds) || overlapSeconds < 0 || overlapSeconds > MAX_OVERLAP_SECONDS) {
      throw badInput("overlapSeconds", `overlapSeconds must be a whole number from 0 to ${MAX_OVERLAP_SECONDS}`);
    }
    const before = await this.#own(caller, id, "id");
    const { webhooks, secrets, now } = this.#options;
    const secret = secrets.create();
    const at = now();
    const untilMs = at.getTime() + overlapSeconds * 1000;
    const rotated = ({ secrets: earlier }: WebhookEndpoint) => [
      { sealed: secrets.seal(secret, id) },
      ...livingAt(earlier, at)
        .map(({ sealed, endsAtMs = untilMs }) => ({ sealed, endsAtMs: Math.min(endsAtMs, untilMs) }))
        .filter(({ endsAtMs }) => endsAtMs > at.getTime())
        .slice(0, MAX_SECRETS - 1),
    ];
    const change = (endpoint: WebhookEndpoint) => ({ secrets: rotated(endpoint) });
    const endpoint = await webhooks.update(id, change, this.#entry(caller, "rotateWebhookSecret", before, {}));
    if (!endpoint) throw unknownEndpoint("id");
    return { endpoint, secret };
  }

  /** Sends a test event at once, and returns what became of it. @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT */
  async sendTest(caller: Caller, endpointId: string): Promise<WebhookDelivery> {
    const endpoint = await this.#ownEnabled(caller, endpointId, "endpointId");
    const { webhooks, now, newId } = this.#options;
    const createdAt = now();
    const delivery: WebhookDelivery = {
      id: newId("msg"),
      endpointId,
      event: { type: TEST_EVENT },
      status: "PENDING",
      attemptCount: 0,
      attempts: [],
      nextAttemptAt: claimedUntil(createdAt),
      createdAt,
    };
    await webhooks.addDelivery(delivery);
    return this.#attempt(endpoint, delivery);
  }

  /**
   * Sends a delivery again immediately, in any state, and returns its new state. Its schedule starts again.
   * @throws FORBIDDEN, NOT_FOUND, BAD_USER_INPUT
   */
  async redeliver(caller: Caller, deliveryId: string): Promise<WebhookDelivery> {
    refuseEndUsers(caller);
    const { webhooks, now } = this.#options;
    const before = await webhooks.findDelivery(deliveryId);
    if (!before) throw unknownDelivery();
    const endpoint = await this.#ownEnabled(caller, before.endpointId, "deliveryId");
    const delivery = await webhooks.restart(deliveryId, claimedUntil(now()));
    if (!delivery) throw unknownDelivery();
    return this.#attempt(endpoint, delivery);
  }

  async #attempt(endpoint: WebhookEndpoint, claimed: WebhookDelivery): Promise<WebhookDelivery> {
    const { webhooks, attempts, stopped } = this.#options;
    await attempts.attemptAll(endpoint, [claimed], stopped);
    return (await webhooks.findDelivery(claimed.id)) ?? claimed;
  }

  /** @throws NOT_FOUND if it is not of the caller's project; the admin may change every endpoint */
  async #own(caller: Caller, id: string, field: string): Promise<WebhookEndpoint> {
    refuseEndUsers(caller);
    const endpoint = await this.#options.webhooks.find(id);
    if (!endpoint || !(caller.isAdmin || endpoint.projectId === caller.projectId)) {
      throw field === "deliveryId" ? unknownDelivery() : unknownEndpoint(field);
    }
    return endpoint;
  }

  async #ownEnabled(caller: Caller, id: string, field: string): Promise<WebhookEndpoint> {
    const endpoint = await this.#own(caller, id, field);
    if (!endpoint.isDisabled) return endpoint;
    throw badInput(field, "this webhook endpoint is disabled; enable it with updateWebhookEndpoint first");
  }

  #checkUrl(url: string): string {
    this.#options.sender.check(url);
    return url;
  }

  #requireRootUrl(): string {
    const { rootUrl } = this.#options;
    if (rootUrl !== undefined) return rootUrl;
    throw badInput(
      "url",
      "webhooks need PICTOGRAPH_PUBLIC_URL (publicUrl of createGateway): the image URLs in them begin with it",
    );
  }

  #entry({ adminKeyHint, apiKeyId }: Caller, action: string, endpoint: WebhookEndpoint, input: object): AuditEntry {
    const { now, newId } = this.#options;
    const changes = Object.entries(input).flatMap(([name, value]) => (value === undefined ? [] : [name]));
    const actor = apiKeyId ?? (adminKeyHint === undefined ? "anyone" : `admin:${adminKeyHint}`);
    const { id: webhookEndpointId, projectId } = endpoint;
    return { id: newId("log"), actor, action, projectId, webhookEndpointId, changes, createdAt: now() };
  }
}

function claimedUntil(at: Date): Date {
  return new Date(at.getTime() + CLAIM_MS);
}

function checkEvents(events: readonly string[] | null | undefined): readonly WebhookEventName[] | undefined {
  if (!events) return undefined;
  const known = WEBHOOK_EVENTS.filter((name) => events.includes(name));
  if (events.length > 0 && known.length === events.length) return known;
  throw badInput(
    "events",
    `events must be one or more of ${WEBHOOK_EVENTS.join(", ")}, each once; without it, all count`,
  );
}

function checkDescription(description: string | null | undefined): string | undefined {
  if (!description) return undefined;
  if (description.length <= MAX_DESCRIPTION_LENGTH && /^[^\p{Cc}\p{Cs}]+$/u.test(description)) return description;
  throw badInput(
    "description",
    `description must have at most ${MAX_DESCRIPTION_LENGTH} characters, without control characters`,
  );
}

/** Webhooks belong to projects. */
function refuseEndUsers({ endUser }: Caller): void {
  if (endUser === undefined) return;
  throw new GatewayError("FORBIDDEN", "end users manage no webhooks; call with an API key and no end user");
}

function unknownEndpoint(field: string): GatewayError {
  return new GatewayError("NOT_FOUND", "there is no such webhook endpoint", { field });
}

function unknownDelivery(): GatewayError {
  return new GatewayError("NOT_FOUND", "there is no such webhook delivery", { field: "deliveryId" });
}
