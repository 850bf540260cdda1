import type { Logger } from "pino";
import { Webhook } from "standardwebhooks";
import type { Metrics } from "../../ports/metrics.ts";
import type { Image, Records } from "../../ports/records.ts";
import { type Span, type SpanStart, type Traces, toHeaders } from "../../ports/traces.ts";
import type {
  AttemptResult,
  DeliveryAttempt,
  WebhookAnswer,
  WebhookDelivery,
  WebhookEndpoint,
  WebhookSender,
  Webhooks,
} from "../../ports/webhooks.ts";
import type { ImageLinks } from "../images/image-links.ts";
import { payloadOf, type RecordedNow } from "./webhook-payload.ts";
import type { WebhookSecrets } from "./webhook-secrets.ts";

export interface WebhookAttemptsOptions {
  readonly webhooks: Webhooks;
  readonly records: Pick<Records, "findGenerations" | "findImagesOf">;
  readonly sender: WebhookSender;
  readonly secrets: WebhookSecrets;
  readonly links: ImageLinks;
  /** What image URLs begin with; `undefined` if this process does not know it. */
  readonly rootUrl: string | undefined;
  readonly metrics: Pick<Metrics, "webhookAttempted">;
  readonly traces: Traces;
  readonly logger: Logger;
  readonly now: () => Date;
}

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
/**
 * The waits between the attempts of a delivery. The first attempt is made at once.
 *
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export const WAITS_MS = [
  5 * SECOND_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
] as const;
/** Each wait is up to this part longer, so that deliveries that failed together are not all repeated together. */
const JITTER = 0.1;
/** An endpoint that fails for so long is disabled: five days. */
const MAX_FAILING_MS = 5 * 24 * HOUR_MS;
/** The most attempts of a delivery that are kept: one schedule, and some by hand. */
const MAX_KEPT_ATTEMPTS = 20;
const GONE = 410;
/** How long a claim lasts: an attempt of ten seconds, and the time to record it. */
export const CLAIM_MS = 20_000;

/** Attempts deliveries: reads their subjects, signs, sends, and records the results. */
export class WebhookAttempts {
  readonly #options: WebhookAttemptsOptions;

  constructor(options: WebhookAttemptsOptions) {
    this.#options = options;
  }

  /** Attempts claimed deliveries, all at the same time. Calls `onEnd` after each. Never rejects. */
  async attemptAll(
    endpoint: WebhookEndpoint,
    claimed: readonly WebhookDelivery[],
    signal: AbortSignal,
    onEnd: () => void = () => {},
  ): Promise<void> {
    let recorded: Map<string, RecordedNow>;
    try {
      recorded = await this.#read(claimed);
    } catch (error) {
      // They are due again when the claim is over.
      this.#options.logger.warn({ err: error }, "what webhooks tell of could not be read; they are sent later");
      for (const _ of claimed) onEnd();
      return;
    }
    await Promise.all(
      claimed.map(async (delivery) => {
        try {
          const about = recorded.get(delivery.id) ?? NOTHING;
          await this.#options.traces.within(spanOf(endpoint, delivery, about), (span) =>
            this.#attempt(endpoint, delivery, about, { span, signal }),
          );
        } catch (err) {
          const facts = { endpointId: endpoint.id, deliveryId: delivery.id };
          if (!signal.aborted) this.#options.logger.error({ ...facts, err }, "a webhook could not be sent or recorded");
        } finally {
          onEnd();
        }
      }),
    );
  }

  async #attempt(
    endpoint: WebhookEndpoint,
    delivery: WebhookDelivery,
    recorded: RecordedNow,
    { span, signal }: { readonly span: Span; readonly signal: AbortSignal },
  ): Promise<void> {
    const { webhooks, sender, metrics, now, logger } = this.#options;
    const at = now();
    let answer: WebhookAnswer;
    try {
      answer = await sender.send(this.#sign(endpoint, delivery, recorded, at), signal);
    } catch (error) {
      if (signal.aborted) await webhooks.release(delivery, now());
      throw error;
    }
    span.set({ "http.response.status_code": answer.statusCode });
    if (answer.error !== undefined) span.fail(answer.statusCode === undefined ? NO_ANSWER : String(answer.statusCode));
    const result = resultOf(endpoint, delivery, { at: at.toISOString(), ...answer }, now());
    const facts = { endpointId: endpoint.id, deliveryId: delivery.id, event: delivery.event.type, ...answer };
    await webhooks.record(delivery, result);
    metrics.webhookAttempted({
      event: delivery.event.type,
      outcome: OUTCOMES[result.status],
      ageMs: now().getTime() - delivery.createdAt.getTime(),
    });
    if (result.endpoint?.isDisabled)
      logger.warn(facts, `a webhook endpoint was disabled: ${result.endpoint.disabledReason}`);
    else if (result.status === "FAILED") logger.warn(facts, "a webhook was given up");
    else logger.debug(facts, "a webhook was attempted");
  }

  #sign(endpoint: WebhookEndpoint, delivery: WebhookDelivery, recorded: RecordedNow, at: Date) {
    const { secrets, links, traces, rootUrl = endpoint.rootUrl } = this.#options;
    const body = payloadOf(delivery, recorded, (image) => rootUrl + links.sign(image));
    const signatures = secrets.open(endpoint, at).map((secret) => new Webhook(secret).sign(delivery.id, at, body));
    const headers = {
      "content-type": "application/json",
      "user-agent": "pictograph",
      "webhook-id": delivery.id,
      "webhook-timestamp": String(Math.floor(at.getTime() / SECOND_MS)),
      "webhook-signature": signatures.join(" "),
      ...toHeaders(traces.current()),
    };
    return { url: endpoint.url, headers, body };
  }

  /** The present records of each delivery's generation. */
  async #read(deliveries: readonly WebhookDelivery[]): Promise<Map<string, RecordedNow>> {
    const { records } = this.#options;
    const ids = [...new Set(deliveries.flatMap(({ event }) => ("generationId" in event ? [event.generationId] : [])))];
    const [generations, images] = await Promise.all([records.findGenerations(ids), records.findImagesOf(ids)]);
    const byId = new Map(generations.map((generation) => [generation.id, generation]));
    const imagesOf = Map.groupBy<string, Image>(images, ({ generationId }) => generationId);
    return new Map(
      deliveries.flatMap(({ id, event }) => {
        if (!("generationId" in event)) return [];
        const { generationId } = event;
        return [[id, { generation: byId.get(generationId), images: imagesOf.get(generationId) ?? [] }] as const];
      }),
    );
  }
}

/** The span of an attempt continues the trace of the generation that the event tells of. The path may be secret. */
function spanOf({ url }: WebhookEndpoint, { id, event }: WebhookDelivery, { generation }: RecordedNow): SpanStart {
  return {
    name: "deliver webhook",
    kind: "CLIENT",
    parent: generation?.traceContext,
    attributes: {
      "http.request.method": "POST",
      "server.address": URL.parse(url)?.hostname,
      "pictograph.webhook.event": event.type,
      "pictograph.webhook.delivery.id": id,
    },
  };
}

/** The error of an attempt without an answer. */
const NO_ANSWER = "no_answer";

/** The metrics' name for the status after an attempt. */
const OUTCOMES = { DELIVERED: "DELIVERED", PENDING: "RETRYING", FAILED: "GIVEN_UP" } as const;

const NOTHING: RecordedNow = { generation: undefined, images: [] };

/** What an attempt makes of its delivery and its endpoint. */
function resultOf(
  endpoint: WebhookEndpoint,
  delivery: WebhookDelivery,
  attempt: DeliveryAttempt,
  at: Date,
): AttemptResult {
  const attempts = [...delivery.attempts, attempt].slice(-MAX_KEPT_ATTEMPTS);
  const attemptCount = delivery.attemptCount + 1;
  if (attempt.error === undefined) {
    const recovers = endpoint.failingSince !== undefined && { endpoint: { failingSince: undefined } };
    return { status: "DELIVERED", attempts, attemptCount, nextAttemptAt: undefined, ...recovers };
  }
  const { failingSince = at } = endpoint;
  const disabledReason = reasonToDisable(attempt, at.getTime() - failingSince.getTime());
  const waitMs = WAITS_MS[delivery.attemptCount];
  const isOver = waitMs === undefined || disabledReason !== undefined;
  return {
    status: isOver ? "FAILED" : "PENDING",
    attempts,
    attemptCount,
    nextAttemptAt: isOver ? undefined : new Date(at.getTime() + waitMs * (1 + JITTER * Math.random())),
    ...(disabledReason !== undefined
      ? { endpoint: { failingSince, isDisabled: true, disabledReason } }
      : endpoint.failingSince === undefined && { endpoint: { failingSince } }),
  };
}

function reasonToDisable({ statusCode }: DeliveryAttempt, failingMs: number): string | undefined {
  if (statusCode === GONE) return "the receiver answered with status 410: it wants no more events";
  return failingMs >= MAX_FAILING_MS ? "every attempt has failed for five days" : undefined;
}
