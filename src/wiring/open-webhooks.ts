import type { Logger } from "pino";
import { typeid } from "typeid-js";
import type { Config } from "../config.ts";
import type { Lifecycle } from "../lifecycle.ts";
import type { Metrics } from "../ports/metrics.ts";
import type { Traces } from "../ports/traces.ts";
import type { ImageLinks } from "../service/images/image-links.ts";
import { WebhookAttempts } from "../service/webhooks/webhook-attempts.ts";
import { WebhookDeliverer } from "../service/webhooks/webhook-deliverer.ts";
import { WebhookSecrets } from "../service/webhooks/webhook-secrets.ts";
import { WebhookService } from "../service/webhooks/webhook-service.ts";
import { createWebhookSender, type Store } from "./open-adapters.ts";

export interface WebhookParts {
  readonly config: Config;
  readonly store: Store;
  readonly links: ImageLinks;
  readonly signingSecrets: readonly string[];
  /** What image URLs begin with; `undefined` if that depends on who asks. */
  readonly rootUrl: string | undefined;
  readonly lifecycle: Lifecycle;
  readonly metrics: Metrics;
  readonly traces: Traces;
  readonly logger: Logger;
  readonly now: () => Date;
}

export interface OpenedWebhooks {
  readonly service: WebhookService;
  /** Begins to deliver, unless other processes do. */
  start(): void;
}

/**
 * Opens the webhooks: encrypts their secrets under the present signing secret, and delivers until the gateway stops.
 *
 * @throws StartError when a secret cannot be decrypted
 */
export async function openWebhooks(parts: WebhookParts): Promise<OpenedWebhooks> {
  const { config, store, links, signingSecrets, rootUrl, lifecycle, metrics, traces, logger, now } = parts;
  const { webhooks, records } = store;
  const secrets = new WebhookSecrets(signingSecrets);
  const resealed = await secrets.resealAll(webhooks);
  if (resealed > 0)
    logger.info({ endpoints: resealed }, "encrypted the secrets of webhooks under the new signing secret");
  const sender = createWebhookSender(config);
  const attempts = new WebhookAttempts({
    webhooks,
    records,
    sender,
    secrets,
    links,
    rootUrl,
    metrics,
    traces,
    logger,
    now,
  });
  const service = new WebhookService({
    webhooks,
    attempts,
    secrets,
    sender,
    rootUrl,
    now,
    newId: (prefix) => typeid(prefix).toString(),
    stopped: lifecycle.releasing,
  });
  const deliverer = new WebhookDeliverer({ webhooks, attempts, logger, now });
  // Generations that end while the gateway drains are told of too.
  lifecycle.on("released", () => deliverer.stop(lifecycle.graceOver));
  return {
    service: lifecycle.counting(service),
    start() {
      if (config.role !== "web") deliverer.start();
    },
  };
}
