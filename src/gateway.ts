import { createRequire } from "node:module";
import type { Express } from "express";
import type { GraphQLSchema } from "graphql";
import { type Logger, pino } from "pino";
import { typeid } from "typeid-js";
import type { IllustratorOptions } from "./adapters/illustrator.ts";
import { type ApiRequest, contextFor, type OperationRequest } from "./api/graphql/context.ts";
import { OperationGate } from "./api/graphql/limits/operation-gate.ts";
import { TrustedDocuments } from "./api/graphql/limits/trusted-documents.ts";
import { buildFederatedSchema, buildGraphQLSchema } from "./api/graphql/schema.ts";
import { eventStreamTransport } from "./api/graphql/transports/event-stream-transport.ts";
import { createHttpTransport } from "./api/graphql/transports/http-transport.ts";
import { LiveOperations } from "./api/graphql/transports/live-operations.ts";
import { SOCKET_PATH, webSocketTransport } from "./api/graphql/transports/websocket-transport.ts";
import { type AppOptions, createApp, MAX_BODY_BYTES } from "./api/http/app.ts";
import { Arrivals } from "./api/http/bodies/arrivals.ts";
import { healthRoutes } from "./api/http/health/health.ts";
import { metricsRoutes } from "./api/http/health/metrics.ts";
import { type HostRequest, toCaller } from "./api/http/request-context.ts";
import { type UpgradeListener, upgradeThrough } from "./api/http/upgrade.ts";
import { getImageRoutes } from "./api/rest/get-image.ts";
import { imageRoutes } from "./api/rest/images.ts";
import { openAIRoutes } from "./api/rest/openai/routes.ts";
import { openApiRoutes } from "./api/rest/openapi-routes.ts";
import { graphiqlAt, type PageLink, pageRoutes } from "./api/web/page-routes.ts";
import { readStudioDocuments, type StudioOptions, studioRoutes } from "./api/web/studio-routes.ts";
import { type Config, defaultModelWith, readConfig } from "./config.ts";
import { StartError } from "./errors.ts";
import { Lifecycle } from "./lifecycle.ts";
import type { ImageProvider } from "./ports/image-provider.ts";
import type { ImageSigner } from "./ports/image-signer.ts";
import { type Metrics, NO_METRICS, type ReadableMetrics } from "./ports/metrics.ts";
import { NO_TRACES, type Traces } from "./ports/traces.ts";
import { EditIntake } from "./service/edits/edit-intake.ts";
import { Maintenance } from "./service/generations/maintenance.ts";
import { Previews } from "./service/generations/running/previews.ts";
import { ProviderCalls } from "./service/generations/running/provider-calls.ts";
import { Runner } from "./service/generations/running/runner.ts";
import { GenerationFeed } from "./service/generations/watching/generation-feed.ts";
import { GenerationWatch } from "./service/generations/watching/generation-watch.ts";
import { ImageService } from "./service/image-service.ts";
import { Derivatives } from "./service/images/derivatives.ts";
import { ImageDelivery } from "./service/images/image-delivery.ts";
import { ImageIntake } from "./service/images/image-intake.ts";
import { ImageLinks } from "./service/images/image-links.ts";
import { Placeholders } from "./service/images/placeholders.ts";
import { ScheduledCodec } from "./service/images/scheduled-codec.ts";
import { Signing } from "./service/images/signing.ts";
import { StorageBudget } from "./service/images/storage-budget.ts";
import { ModelCatalogue } from "./service/models/model-catalogue.ts";
import { ModelWatch } from "./service/models/model-watch.ts";
import { ApiKeys } from "./service/projects/api-keys.ts";
import { AppliedLimits } from "./service/projects/applied-limits.ts";
import { Identities } from "./service/projects/identities.ts";
import { LedgerService } from "./service/projects/ledger-service.ts";
import { ProjectService } from "./service/projects/project-service.ts";
import type { WebhookService } from "./service/webhooks/webhook-service.ts";
import { refuseSecondGraphQL } from "./single-graphql.ts";
import {
  createDownloads,
  createIdentityTokens,
  createImageCodec,
  createImageSigner,
  openMetrics,
  openStorage,
  openStore,
  type Storage,
  type Store,
  signingSecretsOf,
  timeStore,
} from "./wiring/open-adapters.ts";
import { createProviders, hasPaidProvider, readModels, standInFor } from "./wiring/open-providers.ts";
import { openTraces } from "./wiring/open-traces.ts";
import { openWebhooks } from "./wiring/open-webhooks.ts";

const { version } = createRequire(import.meta.url)("../package.json") as { readonly version: string };

/**
 * How much longer REST routes wait than the time limit of a provider call, so that they can answer how the call ended.
 */
const FINAL_ANSWER_MS = 1_000;
/** The hosts of buckets at AWS. */
const AWS_ORIGINS = "https://*.amazonaws.com";
/** The longest silence of a stream: half of the shortest time after which proxies cut silent connections. */
const SILENCE_MS = 15_000;

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
 * The options of an embedded gateway. Absent ones have the defaults of a service, with five exceptions: all host names
 * are accepted, no pages are served, nothing is counted for metrics, spans go to the tracing system that the host program
 * has registered, if any, and any amount of money may be spent.
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
    const images = await createImageService(parts);
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

/** @throws StartError when there are API keys: who loses the admin key must not let everybody in */
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

interface ServiceParts {
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

async function createImageService(parts: ServiceParts): Promise<ImageService> {
  const { config, store, storage, catalogue, codec, signer, limits, links, lifecycle, now } = parts;
  const { logger, metrics, traces } = parts;
  const { records, history, queue, events } = store;
  const { objects } = storage;
  const { upstreamTimeoutMs, retainMs, maxQueued, dailyBudget, role, leaseMs } = config;
  const storageBudget = new StorageBudget({ ...config, derivatives: store.derivatives, objects, logger, now });
  const signing = new Signing({ signer, objects, logger, now });
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
  return lifecycle.counting(service);
}

interface ApiParts {
  readonly config: Config;
  readonly access: Pick<AppOptions, "hasPaidProvider" | "authenticate" | "credentials" | "now">;
  /** The longest time of one call to any provider, in milliseconds. */
  readonly maxCallMs: number;
  readonly images: ImageService;
  readonly projects: ProjectService;
  readonly ledger: LedgerService;
  readonly webhooks: WebhookService;
  readonly store: Store;
  readonly storage: Storage;
  readonly lifecycle: Lifecycle;
  readonly readable: ReadableMetrics | undefined;
  readonly traces: Traces;
  readonly logger: Logger;
}

/** Combines all routers into one Express app. */
async function createApi(parts: ApiParts): Promise<Express> {
  const { config, access, maxCallMs, images, store, storage, lifecycle, readable, traces, logger } = parts;
  const { operations: inFlight, releasing, released } = lifecycle;
  const arrivals = new Arrivals();
  const metrics = readable ?? NO_METRICS;
  const appOptions: AppOptions = { ...config, ...access, logger, operations: inFlight, arrivals, metrics, traces };
  const health = healthRoutes({
    isStopping: () => lifecycle.isStopping,
    checks: { store: () => store.records.ping(), storage: () => storage.objects.ping() },
  });
  // A host program decides itself who may read the metrics.
  const hasRoute = config.metrics === "route" && !access.authenticate;
  const metricsRoute = readable && hasRoute ? [metricsRoutes(readable, access.credentials ? "admin" : "loopback")] : [];
  if (config.role === "worker") return createApp([health, ...metricsRoute], appOptions);
  const schema = buildFederatedSchema(
    contextFor(parts, (contextValue) => contextValue as ApiRequest),
    config.typePrefix,
  );
  const gate = await openGate(schema, config);
  const showsPages = config.pages && gate.showsSchema;
  const isKeyed = access.credentials !== undefined;
  const showsSandbox = config.pages && !config.isProduction && !isKeyed;
  const graphql = await createHttpTransport(schema, { maxBodyBytes: MAX_BODY_BYTES, gate, showsSandbox, logger });
  lifecycle.on("closed", () => graphql.close());
  const waitMs = maxCallMs + FINAL_ANSWER_MS;
  const { keepAliveMs } = config;
  const getImage = getImageRoutes(images, { maxBodyBytes: MAX_BODY_BYTES, waitMs, keepAliveMs });
  const silenceMs = keepAliveMs ?? SILENCE_MS;
  const openAIOptions = { maxBodyBytes: MAX_BODY_BYTES, waitMs, silenceMs, keepAliveMs, releasing };
  const openAI = openAIRoutes(images, openAIOptions);
  const operations = new LiveOperations(schema, {
    gate,
    maxSubscribers: config.maxSubscribers,
    countWatching: () => images.watching,
  });
  const live = { maxBodyBytes: MAX_BODY_BYTES, arrivals, inFlight, released };
  const studio = studioOptions(config, showsPages);
  const pages = { typePrefix: config.typePrefix, version, links: pageLinks(studio, showsPages) };
  // A request tries the routers in this order, so the quick and most used ones come first.
  const routes = [
    graphql,
    webSocketTransport(operations, live),
    eventStreamTransport(operations, live),
    // Before the images, whose paths include those of OpenAI's clients that have a wrong base URL.
    openAI,
    imageRoutes(images, { ...config, deliveries: metrics }),
    health,
    ...metricsRoute,
    getImage,
    openApiRoutes(),
    ...(config.pages ? [pageRoutes("reference", { ...pages, path: "/docs" }), studioRoutes(studio)] : []),
    ...(showsPages ? [pageRoutes("graphiql", pages)] : []),
    ...(showsPages && isKeyed ? [graphiqlAt(SOCKET_PATH, pages)] : []),
  ];
  return createApp(routes, appOptions);
}

/** Serves the metrics to everyone, under the gateway's host names. */
function createMetricsApp(
  readable: ReadableMetrics,
  { hostNames, publicUrl }: Config,
  { now, lifecycle, logger }: Pick<ServiceParts, "now" | "lifecycle" | "logger">,
): Express {
  return createApp([metricsRoutes(readable, "everyone")], {
    hostNames,
    publicUrl,
    corsOrigins: [],
    hasPaidProvider: false,
    trustProxy: undefined,
    addressLimits: { requestsPerMinute: undefined, connections: undefined, uploads: undefined },
    now,
    logger,
    operations: lifecycle.operations,
    arrivals: new Arrivals(),
    metrics: NO_METRICS,
    traces: NO_TRACES,
  });
}

/** The pages that people can go to from each of them. */
function pageLinks({ hasStudio }: StudioOptions, hasGraphiql: boolean): readonly PageLink[] {
  return [
    ...(hasStudio ? [{ href: "./", label: "Studio" }] : []),
    ...(hasGraphiql ? [{ href: "graphiql", label: "GraphiQL" }] : []),
    { href: "docs", label: "REST reference" },
  ];
}

function studioOptions(config: Config, hasGraphiql: boolean): StudioOptions {
  const { s3, isRedirecting } = config;
  return {
    hasStudio: servesStudio(config),
    routes: {
      "/graphql": "the GraphQL API, by POST",
      "/graphql/stream": "GraphQL subscriptions as server-sent events, by POST",
      "/v1": "the Images API of OpenAI",
      "/get-image": "the API of 2022, by POST",
      "/openapi.json": "describes the REST APIs",
      "/docs": "the REST APIs as a page",
      ...(hasGraphiql && { "/graphiql": "explores the graph" }),
      "/healthz": "whether the process is alive",
      "/readyz": "whether it can take traffic",
    },
    imageOrigins: s3 && isRedirecting ? [s3.endpoint === undefined ? AWS_ORIGINS : new URL(s3.endpoint).origin] : [],
  };
}

/** Whether the studio is served. Its documents name types without a prefix. */
function servesStudio({ pages, hasStudio, typePrefix }: Config): boolean {
  return pages && hasStudio && typePrefix === "";
}

/** @throws StartError when a list of trusted documents is configured and cannot be used */
async function openGate(schema: GraphQLSchema, config: Config) {
  const { trustedDocuments: path, isProduction } = config;
  const open = (path: string) =>
    TrustedDocuments.open(path, schema, servesStudio(config) ? readStudioDocuments() : undefined);
  const trustedDocuments = path === undefined ? undefined : await open(path);
  return new OperationGate(schema, { hasIntrospection: !isProduction, trustedDocuments });
}
