import type { Logger } from "pino";
import { typeid } from "typeid-js";
import type { Config } from "../config.ts";
import type { Lifecycle } from "../lifecycle.ts";
import type { ImageSigner } from "../ports/image-signer.ts";
import type { Metrics } from "../ports/metrics.ts";
import type { Traces } from "../ports/traces.ts";
import { EditIntake } from "../service/edits/edit-intake.ts";
import { Maintenance } from "../service/generations/maintenance.ts";
import { Previews } from "../service/generations/running/previews.ts";
import { ProviderCalls } from "../service/generations/running/provider-calls.ts";
import { Runner } from "../service/generations/running/runner.ts";
import { GenerationFeed } from "../service/generations/watching/generation-feed.ts";
import { GenerationWatch } from "../service/generations/watching/generation-watch.ts";
import { ImageService } from "../service/image-service.ts";
import { Derivatives } from "../service/images/derivatives.ts";
import { ImageDelivery } from "../service/images/image-delivery.ts";
import { ImageIntake } from "../service/images/image-intake.ts";
import type { ImageLinks } from "../service/images/image-links.ts";
import { Placeholders } from "../service/images/placeholders.ts";
import type { ScheduledCodec } from "../service/images/scheduled-codec.ts";
import { Signing } from "../service/images/signing.ts";
import { StorageBudget } from "../service/images/storage-budget.ts";
import type { ModelCatalogue } from "../service/models/model-catalogue.ts";
import type { AppliedLimits } from "../service/projects/applied-limits.ts";
import { createDownloads, type Storage, type Store } from "./open-adapters.ts";

export interface ServiceParts {
  readonly config: Config;
  readonly store: Store;
  readonly storage: Storage;
  readonly catalogue: ModelCatalogue;
  readonly codec: ScheduledCodec;
  readonly signer: ImageSigner | undefined;
  readonly limits: AppliedLimits;
  readonly links: ImageLinks;
  readonly lifecycle: Lifecycle;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly traces: Traces;
  readonly now: () => Date;
}

/** Creates the service behind every API, and counts its operations. */
export function createImageService(parts: ServiceParts): ImageService {
  const { config, store, storage, catalogue, codec, signer, limits, links, lifecycle, now } = parts;
  const { logger, metrics, traces } = parts;
  const { records, history, queue, events } = store;
  const { objects } = storage;
  const { upstreamTimeoutMs, retainMs, maxQueued, dailyBudget, role, leaseMs } = config;
  const storageBudget = new StorageBudget({ ...config, derivatives: store.derivatives, objects, logger, now });
  const signing = new Signing({ signer, objects, metrics, logger, now });
  const derivatives = new Derivatives({ budget: storageBudget, objects, codec, signing, metrics, traces, logger });
  const delivery = new ImageDelivery({ records, objects, links, derivatives });
  const edits = new EditIntake({ records, objects, downloads: createDownloads(config), links, delivery, codec });
  const worker = typeid("run").toString();
  const runner = new Runner({
    records,
    events,
    catalogue,
    intake: new ImageIntake({ objects, catalogue, codec, signing, now, newImageId: () => typeid("img").toString() }),
    edits,
    previews: new Previews({ objects, records, events, catalogue, codec, logger, worker }),
    calls: new ProviderCalls(logger, metrics),
    metrics,
    traces,
    logger,
    now,
    worker,
    upstreamTimeoutMs,
    leaseMs,
    maxImagesPerMinute: config.maxImagesPerMinute,
    maxConcurrency: config.maxConcurrency,
  });
  const service = new ImageService({
    records,
    history,
    queue,
    events,
    catalogue,
    links,
    delivery,
    placeholders: new Placeholders(records, objects, codec),
    edits,
    limits,
    storage: storageBudget,
    runner,
    maintenance: new Maintenance({
      records,
      budget: storageBudget,
      objects,
      queue,
      events,
      webhooks: store.webhooks,
      ledger: store.ledger,
      logger,
      now,
      retainMs,
      leaseMs,
    }),
    watch: new GenerationWatch(records, events, logger),
    feed: new GenerationFeed({ records, history, events, logger, now }),
    lifecycle,
    metrics,
    traces,
    logger,
    now,
    newGenerationId: () => typeid("gen").toString(),
    isWorker: role !== "web",
    maxQueued,
    dailyBudget,
  });
  metrics.watch({
    subscribers: () => service.watching,
    running: () => runner.count,
    decodesWaiting: () => codec.waiting,
  });
  metrics.watchStore(async () => ({ models: await records.backlog(), deliveries: await store.webhooks.backlog() }));
  if (signer) metrics.certificateExpires(signer.expiresAt);
  return lifecycle.counting(service);
}
