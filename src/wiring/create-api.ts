import type { Express } from "express";
import type { GraphQLSchema } from "graphql";
import type { Logger } from "pino";
import { type ApiRequest, contextFor } from "../api/graphql/context.ts";
import { OperationGate } from "../api/graphql/limits/operation-gate.ts";
import { TrustedDocuments } from "../api/graphql/limits/trusted-documents.ts";
import { buildFederatedSchema } from "../api/graphql/schema.ts";
import { eventStreamTransport } from "../api/graphql/transports/event-stream-transport.ts";
import { createHttpTransport } from "../api/graphql/transports/http-transport.ts";
import { LiveOperations } from "../api/graphql/transports/live-operations.ts";
import { SOCKET_PATH, webSocketTransport } from "../api/graphql/transports/websocket-transport.ts";
import { type AppOptions, createApp, MAX_BODY_BYTES } from "../api/http/app.ts";
import { Arrivals } from "../api/http/bodies/arrivals.ts";
import { healthRoutes } from "../api/http/health/health.ts";
import { metricsRoutes } from "../api/http/health/metrics.ts";
import { getImageRoutes } from "../api/rest/get-image.ts";
import { imageRoutes } from "../api/rest/images.ts";
import { openAIRoutes } from "../api/rest/openai/routes.ts";
import { openApiRoutes } from "../api/rest/openapi-routes.ts";
import { graphiqlAt, type PageLink, pageRoutes } from "../api/web/page-routes.ts";
import { readStudioDocuments, type StudioOptions, studioRoutes } from "../api/web/studio-routes.ts";
import type { Config } from "../config.ts";
import type { Lifecycle } from "../lifecycle.ts";
import { NO_METRICS, type ReadableMetrics } from "../ports/metrics.ts";
import { NO_TRACES, type Traces } from "../ports/traces.ts";
import type { ImageService } from "../service/image-service.ts";
import type { LedgerService } from "../service/projects/ledger-service.ts";
import type { ProjectService } from "../service/projects/project-service.ts";
import type { WebhookService } from "../service/webhooks/webhook-service.ts";
import type { Storage, Store } from "./open-adapters.ts";

/**
 * How much longer REST routes wait than the time limit of a provider call, so that they can answer how the call ended.
 */
const FINAL_ANSWER_MS = 1_000;
/** The hosts of buckets at AWS. */
const AWS_ORIGINS = "https://*.amazonaws.com";
/** The longest silence of a stream: half of the shortest time after which proxies cut silent connections. */
const SILENCE_MS = 15_000;

export interface ApiParts {
  readonly config: Config;
  /** The version of the package. */
  readonly version: string;
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

/**
 * Combines all routers into one Express app.
 *
 * @throws StartError when a list of trusted documents is configured and cannot be used
 */
export async function createApi(parts: ApiParts): Promise<Express> {
  const { config, version, access, maxCallMs, images, store, storage, lifecycle, readable, traces, logger } = parts;
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
    getImage,
    graphql,
    // Before the images, whose paths include those of OpenAI's clients that have a wrong base URL.
    openAI,
    webSocketTransport(operations, live),
    eventStreamTransport(operations, live),
    imageRoutes(images, { ...config, deliveries: metrics }),
    health,
    ...metricsRoute,
    openApiRoutes(),
    ...(config.pages ? [pageRoutes("reference", { ...pages, path: "/docs" }), studioRoutes(studio)] : []),
    ...(showsPages ? [pageRoutes("graphiql", pages)] : []),
    ...(showsPages && isKeyed ? [graphiqlAt(SOCKET_PATH, pages)] : []),
  ];
  return createApp(routes, appOptions);
}

/** Serves the metrics to everyone, under the gateway's host names. */
export function createMetricsApp(
  readable: ReadableMetrics,
  { hostNames, publicUrl }: Config,
  { now, lifecycle, logger }: { readonly now: () => Date; readonly lifecycle: Lifecycle; readonly logger: Logger },
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
