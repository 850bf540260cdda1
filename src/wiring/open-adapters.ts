import type { Logger } from "pino";
import { DiskObjectStore } from "../adapters/disk/disk-object-store.ts";
import { GuardedDownloads } from "../adapters/downloads/guarded-downloads.ts";
import { MemoryEvents } from "../adapters/memory/memory-events.ts";
import { MemoryJobQueue } from "../adapters/memory/memory-job-queue.ts";
import { SharpImageCodec } from "../adapters/sharp/sharp-image-codec.ts";
import { openSqliteRecords } from "../adapters/sql/sqlite/sqlite.ts";
import { HttpWebhookSender } from "../adapters/webhook-sender/http-webhook-sender.ts";
import type { Config } from "../config.ts";
import type { Lifecycle } from "../lifecycle.ts";
import type { DerivativeRecords } from "../ports/derivative-records.ts";
import type { Downloads } from "../ports/downloads.ts";
import type { Events } from "../ports/events.ts";
import type { History } from "../ports/history.ts";
import type { ImageCodec } from "../ports/image-codec.ts";
import type { ImageProvider } from "../ports/image-provider.ts";
import type { ImageSigner } from "../ports/image-signer.ts";
import type { JobQueue } from "../ports/job-queue.ts";
import type { ReadableMetrics } from "../ports/metrics.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import type { IdentityTokens } from "../ports/projects/identity-tokens.ts";
import type { Ledger } from "../ports/projects/ledger.ts";
import type { Projects } from "../ports/projects/projects.ts";
import type { Records } from "../ports/records.ts";
import type { WebhookSender, Webhooks } from "../ports/webhooks.ts";
import type { ModelCatalogue } from "../service/models/model-catalogue.ts";
import { lockDataDir, makeDatabasePrivate, pathsIn, prepareDataDir, unusable } from "./data-directory.ts";

/** Storage of generations: the records, and the notices that wake the code which runs them or waits for them. */
export interface Store {
  readonly records: Records;
  readonly history: History;
  readonly derivatives: DerivativeRecords;
  readonly projects: Projects;
  readonly ledger: Ledger;
  readonly webhooks: Webhooks;
  readonly queue: JobQueue;
  readonly events: Events;
  /** What it is and where, for the operator: `PostgreSQL at localhost:5432/pictures`. */
  readonly place: string;
}

/** Storage of image bytes. */
export interface Storage {
  readonly objects: ObjectStore;
  /** What it is and where, for the operator: `S3 bucket pictures`. */
  readonly place: string;
}

/** Downloads the URLs that callers send, from the hosts that the configuration allows. */
export function createDownloads({ downloadHosts }: Config): Downloads {
  return new GuardedDownloads({ hosts: downloadHosts });
}

/** Sends webhooks, to the addresses that the configuration allows. */
export function createWebhookSender({ webhooks }: Config): WebhookSender {
  return new HttpWebhookSender(webhooks);
}

/** Checks the JWTs of the operator's identity provider; `undefined` if none is configured. */
export async function createIdentityTokens({ jwt }: Config, now: () => Date): Promise<IdentityTokens | undefined> {
  if (!jwt) return undefined;
  const { JwtIdentityTokens } = await import("../adapters/jwt/jwt-identity-tokens.ts");
  return new JwtIdentityTokens({ ...jwt, now });
}

/** Decodes and encodes images. */
export function createImageCodec(lifecycle: Lifecycle): ImageCodec {
  const codec = new SharpImageCodec();
  lifecycle.on("closed", () => codec.close());
  return codec;
}

/**
 * Signs images with the operator's certificate; `undefined` if none is configured.
 *
 * @param version the gateway's version, which the signed images name
 * @throws StartError when the certificate or its key cannot sign
 */
export async function createImageSigner(
  { c2pa }: Config,
  version: string,
  now: () => Date,
  lifecycle: Lifecycle,
): Promise<ImageSigner | undefined> {
  if (!c2pa) return undefined;
  const { openC2paImageSigner } = await import("../adapters/c2pa/c2pa-image-signer.ts");
  const signer = await openC2paImageSigner(c2pa, { name: "Pictograph", version }, now());
  lifecycle.on("closed", () => signer.close());
  return signer;
}

/**
 * Opens the metrics, if the configuration asks for them.
 *
 * @param catalogue the models that have labels of their own; all others share one
 */
export async function openMetrics(
  { metrics }: Config,
  providers: readonly ImageProvider[],
  catalogue: ModelCatalogue,
): Promise<ReadableMetrics | undefined> {
  if (metrics === "off") return undefined;
  const { PrometheusMetrics } = await import("../adapters/prometheus/prometheus-metrics.ts");
  const names = new Set(providers.map(({ name }) => name));
  return new PrometheusMetrics({
    isModel: (name) => catalogue.find(name)?.description.id === name,
    isProvider: (name) => names.has(name),
  });
}

/** Measures the operations of the records of a store. */
export async function timeStore(store: Store, metrics: ReadableMetrics | undefined): Promise<Store> {
  if (!metrics) return store;
  const { timedRecords } = await import("../adapters/prometheus/timed-records.ts");
  return { ...store, records: timedRecords(store.records, metrics) };
}

/**
 * Opens the store: PostgreSQL if the configuration names one, otherwise a database in the data directory.
 *
 * @throws StartError when it cannot be used, or another process uses it
 */
export async function openStore(config: Config, logger: Logger, lifecycle: Lifecycle): Promise<Store> {
  if (config.databaseUrl) {
    const { openPostgresStore } = await import("./postgres-store.ts");
    const store = await openPostgresStore({ url: config.databaseUrl, concurrency: config.maxConcurrency, logger });
    lifecycle.on("closed", () => store.close());
    const { history, derivatives, projects, ledger, webhooks } = store.records;
    return { ...store, history, derivatives, projects, ledger, webhooks };
  }
  await prepareDataDir(config.dataDir, logger);
  const path = pathsIn(config.dataDir).database;
  await makeDatabasePrivate(path);
  const records = await openSqliteRecords(path);
  lifecycle.on("closed", () => records.close());
  return {
    records,
    history: records.history,
    derivatives: records.derivatives,
    projects: records.projects,
    ledger: records.ledger,
    webhooks: records.webhooks,
    queue: new MemoryJobQueue(config.maxConcurrency),
    events: new MemoryEvents(),
    place: `SQLite at ${path}`,
  };
}

/**
 * Opens the storage of image bytes: S3 if the configuration names a bucket, otherwise the data directory, which is
 * locked for this process.
 *
 * @throws StartError when it cannot be used, or another process uses it
 */
export async function openStorage(config: Config, logger: Logger, lifecycle: Lifecycle): Promise<Storage> {
  if (config.s3) {
    const { S3ObjectStore } = await import("../adapters/s3/s3-object-store.ts");
    const { bucket, endpoint } = config.s3;
    const objects = await S3ObjectStore.open(config.s3);
    lifecycle.on("closed", () => objects.close());
    return { objects, place: `S3 bucket ${bucket}${endpoint === undefined ? "" : ` at ${endpoint}`}` };
  }
  // The embedded store has prepared and locked the directory already.
  if (config.databaseUrl) lifecycle.on("closed", await lockDataDir(config.dataDir, logger));
  const path = pathsIn(config.dataDir).images;
  const objects = await DiskObjectStore.open(path).catch((error: unknown) => {
    throw unusable(`${path} in PICTOGRAPH_DATA_DIR`, error);
  });
  return { objects, place: `directory ${path}` };
}
