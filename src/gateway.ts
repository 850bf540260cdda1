import { createRequire } from "node:module";
import type { Express } from "express";
import type { GraphQLSchema } from "graphql";
import { type Logger, pino } from "pino";
import { typeid } from "typeid-js";
import type { IllustratorOptions } from "./adapters/illustrator.ts";
import { contextFor, type OperationRequest } from "./api/graphql/context.ts";
import { buildGraphQLSchema } from "./api/graphql/schema.ts";
import { SOCKET_PATH } from "./api/graphql/transports/websocket-transport.ts";
import { type HostRequest, toCaller } from "./api/http/request-context.ts";
import { type UpgradeListener, upgradeThrough } from "./api/http/upgrade.ts";
import { type Config, defaultModelWith, readConfig } from "./config.ts";
import { StartError } from "./errors.ts";
import { Lifecycle } from "./lifecycle.ts";
import type { ImageProvider } from "./ports/image-provider.ts";
import { NO_METRICS } from "./ports/metrics.ts";
import type { ImageService } from "./service/image-service.ts";
import { ImageLinks } from "./service/images/image-links.ts";
import { ScheduledCodec } from "./service/images/scheduled-codec.ts";
import { ModelCatalogue } from "./service/models/model-catalogue.ts";
import { ModelWatch } from "./service/models/model-watch.ts";
import { ApiKeys } from "./service/projects/api-keys.ts";
import { AppliedLimits } from "./service/projects/applied-limits.ts";
import { Identities } from "./service/projects/identities.ts";
import { LedgerService } from "./service/projects/ledger-service.ts";
import { ProjectService } from "./service/projects/project-service.ts";
import type { WebhookService } from "./service/webhooks/webhook-service.ts";
import { refuseSecondGraphQL } from "./single-graphql.ts";
import { createApi, createMetricsApp } from "./wiring/create-api.ts";
import { createImageService, type ServiceParts } from "./wiring/create-image-service.ts";
import { signingSecretsOf } from "./wiring/data-directory.ts";
import {
  createIdentityTokens,
  createImageCodec,
  createImageSigner,
  openMetrics,
  openStorage,
  openStore,
  type Store,
  timeStore,
} from "./wiring/open-adapters.ts";
import { createProviders, hasPaidProvider, readModels, standInFor } from "./wiring/open-providers.ts";
import { openTraces } from "./wiring/open-traces.ts";
import { openWebhooks } from "./wiring/open-webhooks.ts";

const { version } = createRequire(import.meta.url)("../package.json") as { readonly version: string };

/**
 * The defaults of an embedded gateway that differ from those of a service. The host program decides about host names,
 * pages and money.
 */
const EMBEDDED = {
  hostNames: undefined,
  pages: false,
  dailyBudget: undefined,
  metrics: "off",
  traces: "host",
} as const;

/**
 * The options of an embedded gateway. Absent ones have the defaults of a service, with six exceptions: all host names
 * are accepted, no address is limited, even with `trustProxy`, no pages are served, nothing is counted for metrics,
 * spans go to the tracing system that the host program has registered, if any, and any amount of money may be spent.
 */
export interface GatewayOptions
  extends Partial<Omit<Config, "port" | "metricsPort" | "host" | "stopTimeoutMs" | "logLevel" | "warnings">> {
  /** Used before the built-in providers, for the models that they list. */
  readonly providers?: readonly ImageProvider[];
  /** @defaultValue logs nothing */
  readonly logger?: Logger;
  /** The clock. */
  readonly now?: () => Date;
  /**
   * The address at which this process is reached, if all its clients reach it there. Image URLs in webhooks begin with
   * it if there is no `publicUrl`.
   */
  readonly localUrl?: string;
  /**
   * Returns the project and the end user of a request. It gets the HTTP request of {@link Gateway.app}, or the context
   * value of the GraphQL server that runs {@link Gateway.schema}. A `GatewayError` that it throws is sent to the
   * client; any other error counts as unexpected.
   *
   * @defaultValue all requests have the same caller, and image URLs begin with `publicUrl`
   */
  authenticate?(contextValueOrRequest: unknown): HostRequest | Promise<HostRequest>;
}

export interface Gateway {
  /** All APIs as one Express app, to serve or to mount. */
  readonly app: Express;
  /**
   * The graph, to be merged into or stitched to another one. Its resolvers run in any GraphQL server and leave the
   * server's context value as it is; {@link GatewayOptions.authenticate} reads it.
   */
  readonly schema: GraphQLSchema;
  /**
   * Handles WebSockets. Register it for the `upgrade` event of the server that serves {@link app}, for requests below
   * the app's prefix. Without it, subscriptions run only over server-sent events.
   */
  readonly handleUpgrade: UpgradeListener;
  /**
   * Serves `/metrics` to everyone who reaches it, for a listener of its own; `undefined` if nothing is counted. Its
   * requests are not counted.
   */
  readonly metricsApp: Express | undefined;
  /** The service behind every API. */
  readonly images: ImageService;
  /** Projects and API keys. */
  readonly projects: ProjectService;
  /** Budgets and usage. */
  readonly ledger: LedgerService;
  /** Endpoints of webhooks. */
  readonly webhooks: WebhookService;
  /** The facts about what it runs with. */
  readonly facts: GatewayFacts;
  /**
   * Stops accepting and waits at most `graceMs` milliseconds for running generations; the rest is interrupted. Then
   * every waiting client gets its answer. A client of a queued generation gets the generation as it is. After that,
   * WebSockets and event streams are closed, so that their clients connect to another process.
   */
  drain(graceMs: number): Promise<void>;
  /**
   * Drains without a grace period, finishes sending answers, and closes everything. Queued generations stay in the
   * store and run after the next start. Further calls return the same promise.
   *
   * @throws AggregateError when a part could not be closed; the others are closed even then
   */
  close(): Promise<void>;
}

/** The facts about what a gateway runs with, for its operator. They contain no secrets. */
export interface GatewayFacts {
  /** The version of the package. */
  readonly version: string;
  readonly defaultModel: string;
  /** Where records are kept. */
  readonly store: string;
  /** Where image bytes are kept. */
  readonly storage: string;
  /** The most that may be spent in a UTC day, or `none` for no limit. */
  readonly dailyBudgetUsd: string;
}

/**
 * Builds the gateway and resumes the work that an earlier process left. If the start fails, everything is closed,
 * including the providers that were passed in.
 *
 * @throws StartError when the data directory cannot be used, or another process uses it
 */
export async function createGateway(options: GatewayOptions = {}): Promise<Gateway> {
  const { providers: ownProviders = [], logger = pino({ enabled: false }), now = () => new Date() } = options;
  const config = { ...readConfig({}), ...EMBEDDED, defaultModel: defaultModelWith(options.openai), ...options };
  const lifecycle = new Lifecycle(logger);
  try {
    const traces = await openTraces(config, version, logger, lifecycle);
    for (const provider of ownProviders) lifecycle.on("closed", () => provider.close());
    const operator = await readModels(config);
    const codec = new ScheduledCodec(createImageCodec(lifecycle));
    const signer = await createImageSigner(config, version, now, lifecycle);
    const illustrator = illustratorWith(codec);
    const providers = [...ownProviders, ...(await createProviders(config, operator, illustrator, traces, lifecycle))];
    const catalogue = new ModelCatalogue(providers, config.defaultModel, now, operator, standInFor(providers));
    const readable = await openMetrics(config, providers, catalogue);
    const metrics = readable ?? NO_METRICS;
    const store = await timeStore(await openStore(config, logger, lifecycle), readable);
    const storage = await openStorage(config, logger, lifecycle);
    const limits = new AppliedLimits(store.projects);
    const signingSecrets = await signingSecretsOf(config);
    const links = new ImageLinks(signingSecrets, config.urlTtlSeconds, now);
    const observers = { logger, metrics, traces };
    const parts = { config, store, storage, catalogue, codec, signer, limits, links, lifecycle, ...observers, now };
    const images = createImageService(parts);
    const { authenticate } = options;
    const apiKeys = new ApiKeys({ projects: store.projects, logger, now });
    const projects = createProjectService(parts, images, () => {
      apiKeys.forget();
      limits.forget();
    });
    const ledger = new LedgerService({ ledger: store.ledger, dailyBudget: config.dailyBudget, now });
    const rootUrl = config.publicUrl ?? options.localUrl;
    const webhooks = await openWebhooks({
      config,
      store,
      links,
      signingSecrets,
      rootUrl,
      lifecycle,
      ...observers,
      now,
    });
    const services = { images, projects, ledger, webhooks: webhooks.service };
    const isKeyed = config.adminKeys.length > 0 && !authenticate;
    if (!isKeyed && !authenticate && config.role !== "worker") await refuseToLoseKeys(store);
    const tokens = isKeyed ? await createIdentityTokens(config, now) : undefined;
    const identities = tokens && new Identities({ tokens, projects: limits, logger, now });
    const credentials = isKeyed
      ? { socketPath: SOCKET_PATH, adminKeys: config.adminKeys, apiKeys, identities, projects }
      : undefined;
    const access = { hasPaidProvider: hasPaidProvider(providers), authenticate, credentials, now };
    const maxCallMs = Math.max(config.upstreamTimeoutMs, ...providers.map(({ timeoutMs = 0 }) => timeoutMs));
    const app = await createApi({
      config,
      version,
      access,
      maxCallMs,
      ...services,
      store,
      storage,
      lifecycle,
      readable,
      traces,
      logger,
    });
    const modelWatch = new ModelWatch(providers, catalogue, logger);
    lifecycle.on("draining", () => modelWatch.stop());
    await images.start();
    modelWatch.start();
    webhooks.start();
    lifecycle.accept();
    let schema: GraphQLSchema | undefined;
    return {
      app,
      // Built on first use: most programs never use it, and building it takes as long as opening the store.
      get schema() {
        refuseSecondGraphQL();
        const toContext = contextFor(services, readRequestsWith(options, config, logger));
        schema ??= buildGraphQLSchema(toContext, config.typePrefix);
        return schema;
      },
      handleUpgrade: upgradeThrough(app, SOCKET_PATH),
      metricsApp: readable && createMetricsApp(readable, config, { now, lifecycle, logger }),
      ...services,
      facts: {
        version,
        defaultModel: catalogue.defaultModel,
        store: store.place,
        storage: storage.place,
        dailyBudgetUsd: config.dailyBudget?.usd ?? "none",
      },
      drain: (graceMs) => lifecycle.drain(graceMs),
      close: () => lifecycle.close(),
    };
  } catch (error) {
    // Other failures are logged there. The caller needs the reason of the failed start.
    await lifecycle.close().catch(() => {});
    throw error;
  }
}

/** Reads the caller of an operation that the host's own server runs. */
function readRequestsWith({ authenticate }: GatewayOptions, { publicUrl = "" }: Config, logger: Logger) {
  const toRequest = (host: HostRequest): OperationRequest => {
    const { rootUrl = publicUrl, idempotencyKey } = host;
    return { caller: toCaller(host), rootUrl, idempotencyKey, logger };
  };
  return (contextValue: unknown): OperationRequest | Promise<OperationRequest> => {
    const host = authenticate?.(contextValue) ?? {};
    return host instanceof Promise ? host.then(toRequest) : toRequest(host);
  };
}

function createProjectService(
  { config, store, now }: Pick<ServiceParts, "config" | "store" | "now">,
  images: ImageService,
  onChange: () => void,
): ProjectService {
  return new ProjectService({
    projects: store.projects,
    onChange,
    ledger: store.ledger,
    now,
    newId: (prefix) => typeid(prefix).toString(),
    isKeyed: config.adminKeys.length > 0,
    removeGenerationsOf: (projectId, endUser) => images.deleteAllOf(projectId, endUser),
  });
}

/** @throws StartError if there are API keys: losing the admin key must not open the gateway to everybody */
async function refuseToLoseKeys({ projects, place }: Store): Promise<void> {
  if (!(await projects.hasApiKeys())) return;
  throw new StartError([
    `PICTOGRAPH_ADMIN_KEY must be set: there are API keys (${place}), and without it everybody could call; revoke them all before the gateway may be open`,
  ]);
}

/** Connects the illustrator to the codec, which decodes the images of its edits. */
function illustratorWith(codec: ScheduledCodec): IllustratorOptions {
  const turn = { kind: "generation", projectId: "illustrator" } as const;
  return { decode: (image, box) => codec.decode(image, image, box, turn) };
}
