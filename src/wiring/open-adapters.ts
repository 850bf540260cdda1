import { randomBytes } from "node:crypto";
import { access, chmod, constants, mkdir, open, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import { DiskObjectStore } from "../adapters/disk/disk-object-store.ts";
import { GuardedDownloads } from "../adapters/downloads/guarded-downloads.ts";
import { MemoryEvents } from "../adapters/memory/memory-events.ts";
import { MemoryJobQueue } from "../adapters/memory/memory-job-queue.ts";
import { SharpImageCodec } from "../adapters/sharp/sharp-image-codec.ts";
import { lockFile, openSqliteRecords } from "../adapters/sql/sqlite/sqlite.ts";
import { HttpWebhookSender } from "../adapters/webhook-sender/http-webhook-sender.ts";
import { MIN_SECRET_LENGTH } from "../bounds.ts";
import type { Config } from "../config.ts";
import { StartError } from "../errors.ts";
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
import { splitSecrets } from "../settings/setting-parsers.ts";

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
  const path = join(config.dataDir, "pictograph.db");
  await makePrivate(path);
  await makePrivate(join(config.dataDir, "lock"));
  // SQLite gives its log and its shared memory the mode of the database. A process before may have left them behind.
  for (const suffix of ["-wal", "-shm"]) await chmod(path + suffix, PRIVATE_FILE).catch(() => undefined);
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
  const path = join(config.dataDir, "images");
  const objects = await DiskObjectStore.open(path).catch((error: unknown) => {
    throw unusable(`${path} in PICTOGRAPH_DATA_DIR`, error);
  });
  return { objects, place: `directory ${path}` };
}

/** File mode for prompts and the signing secret: only this user may read and write. */
const PRIVATE_FILE = 0o600;
const PRIVATE_DIRECTORY = 0o700;

async function prepareDataDir(path: string, logger: Logger): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: PRIVATE_DIRECTORY });
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    const mode = (await stat(path)).mode & 0o777;
    if ((mode & ~PRIVATE_DIRECTORY) !== 0) {
      const problem = `PICTOGRAPH_DATA_DIR ${path} is open to other users of this machine (mode ${mode.toString(8)})`;
      logger.warn(`${problem}; chmod 700 keeps its prompts and images from them`);
    }
  } catch (error) {
    throw unusable(`PICTOGRAPH_DATA_DIR ${path}`, error);
  }
}

async function lockDataDir(dataDir: string, logger: Logger): Promise<() => void> {
  await prepareDataDir(dataDir, logger);
  const path = join(dataDir, "lock");
  await makePrivate(path);
  return lockFile(path);
}

/**
 * Creates a file that only this user can access, or removes the access of others. Failures are not reported here.
 * Either the next code that opens the file reports them, or the file belongs to another user. In that case the
 * directory is open to others, and a warning says so.
 */
async function makePrivate(path: string): Promise<void> {
  try {
    const file = await open(path, "a", PRIVATE_FILE);
    await file.chmod(PRIVATE_FILE).finally(() => file.close());
  } catch {}
}

function unusable(what: string, cause: unknown): StartError {
  const { code } = cause as NodeJS.ErrnoException;
  return new StartError([`${what} cannot be written (${code}); name a directory of this user`], { cause });
}

/**
 * Returns the secrets that verify image URLs and decrypt the secrets of webhooks; the first one signs and encrypts. If
 * none is configured, one is created and stored. A new secret would make every existing URL invalid.
 *
 * @throws StartError when the file is incomplete: with an empty secret, anyone could sign URLs
 */
export async function signingSecretsOf({ signingSecret, dataDir }: Config): Promise<readonly string[]> {
  if (signingSecret !== undefined) return splitSecrets(signingSecret);
  const path = join(dataDir, "signing-secret");
  await writeFile(path, randomBytes(32).toString("base64url"), { flag: "wx", mode: PRIVATE_FILE, flush: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw unusable(`${path} in PICTOGRAPH_DATA_DIR`, error);
    },
  );
  await makePrivate(path);
  const secret = await readFile(path, "utf8");
  if (secret.length < MIN_SECRET_LENGTH) {
    throw new StartError([`${path} does not hold a whole signing secret; delete it and a new one is made`]);
  }
  return [secret];
}
