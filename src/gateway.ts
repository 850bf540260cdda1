import { randomBytes } from "node:crypto";
import { access, constants, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Express } from "express";
import type { GraphQLSchema } from "graphql";
import { type Logger, pino } from "pino";
import { typeid } from "typeid-js";
import { type Config, defaultModelWith, MIN_SECRET_LENGTH, readConfig } from "./config.ts";
import { StartError } from "./errors.ts";
import { createGraphQLDoor } from "./graphql/door.ts";
import { buildGraphQLSchema } from "./graphql/schema.ts";
import { createApp, MAX_BODY_BYTES } from "./http/app.ts";
import type { ImageProvider } from "./ports/image-provider.ts";
import type { Records } from "./ports/records.ts";
import { createIllustrator } from "./providers/illustrator/illustrator.ts";
import { getImageDoor } from "./rest/get-image.ts";
import { imagesDoor } from "./rest/images.ts";
import { ImageDelivery } from "./service/delivery.ts";
import { ImageLinks } from "./service/image-links.ts";
import { ImageService } from "./service/image-service.ts";
import { ModelCatalogue } from "./service/model-catalogue.ts";
import { Runner } from "./service/runner.ts";
import { DiskObjectStore } from "./storage/disk-object-store.ts";
import { MemoryEvents } from "./store/memory-events.ts";
import { MemoryJobQueue } from "./store/memory-job-queue.ts";
import { openSqliteRecords } from "./store/sqlite.ts";

/** How much longer than a provider's time the REST door waits: to tell how the call ended. */
const LAST_WORD_MS = 1_000;

/** What a program that embeds the gateway may set; everything left out is as in a fresh service. */
export interface GatewayOptions extends Partial<Omit<Config, "port" | "host" | "logLevel">> {
  /** Asked before the built-in ones, for the models they name. */
  readonly providers?: readonly ImageProvider[];
  /** @defaultValue logs nothing */
  readonly logger?: Logger;
  /** The clock. */
  readonly now?: () => Date;
}

export interface Gateway {
  /** Every door as one Express app, to listen with or to mount. */
  readonly app: Express;
  readonly schema: GraphQLSchema;
  /** The service behind the doors. */
  readonly images: ImageService;
  /** Accepts nothing more and lets what runs finish, at most for `graceMs` milliseconds; the rest is interrupted. */
  drain(graceMs: number): Promise<void>;
  /** Drains at once and frees everything. Queued generations stay on disk and run after the next start. */
  close(): Promise<void>;
}

/**
 * Puts the gateway together and takes up what an earlier process left.
 *
 * @throws StartError when the data directory cannot be used, or another process uses it
 */
export async function createGateway(options: GatewayOptions = {}): Promise<Gateway> {
  const { providers: ownProviders = [], logger = pino({ enabled: false }), now = () => new Date() } = options;
  const config = { ...readConfig({}), defaultModel: defaultModelWith(options.openai), ...options };
  const providers = [...ownProviders, ...(await createProviders(config)), createIllustrator()];
  const catalogue = new ModelCatalogue(providers, config.defaultModel, now);
  await prepareDataDir(config.dataDir);
  const records = await openSqliteRecords(join(config.dataDir, "pictograph.db"));
  const closeAdapters = async () => {
    await Promise.all(providers.map((provider) => provider.close()));
    await records.close();
  };
  try {
    const images = await createImageService({ config, records, catalogue, logger, now });
    const schema = await buildGraphQLSchema();
    const graphql = await createGraphQLDoor(images, schema, {
      maxBodyBytes: MAX_BODY_BYTES,
      hasIntrospection: !config.isProduction,
      logger,
    });
    const getImage = getImageDoor(images, {
      maxBodyBytes: MAX_BODY_BYTES,
      waitMs: config.upstreamTimeoutMs + LAST_WORD_MS,
    });
    const app = createApp([getImage, imagesDoor(images), graphql], { ...config, logger });
    await images.start();
    const close = async () => {
      await images.drain(0);
      await graphql.close();
      await closeAdapters();
    };
    return { app, schema, images, drain: (graceMs) => images.drain(graceMs), close };
  } catch (error) {
    await closeAdapters();
    throw error;
  }
}

interface ServiceParts {
  readonly config: Config;
  readonly records: Records;
  readonly catalogue: ModelCatalogue;
  readonly logger: Logger;
  readonly now: () => Date;
}

async function createImageService({ config, records, catalogue, logger, now }: ServiceParts): Promise<ImageService> {
  const objects = await openObjects(join(config.dataDir, "images"));
  const signingSecret = config.signingSecret ?? (await keptSecret(join(config.dataDir, "signing-secret")));
  const links = new ImageLinks(signingSecret, config.urlTtlSeconds, now);
  const events = new MemoryEvents();
  const runner = new Runner({
    records,
    objects,
    events,
    catalogue,
    logger,
    now,
    newImageId: () => typeid("img").toString(),
    upstreamTimeoutMs: config.upstreamTimeoutMs,
  });
  return new ImageService({
    records,
    queue: new MemoryJobQueue(config.maxConcurrency),
    events,
    catalogue,
    links,
    delivery: new ImageDelivery(records, objects, links),
    runner,
    logger,
    now,
    newGenerationId: () => typeid("gen").toString(),
  });
}

async function createProviders({ openai, defaultModel, upstreamTimeoutMs }: Config): Promise<ImageProvider[]> {
  if (!openai) return [];
  const { createOpenAI } = await import("./providers/openai/openai.ts");
  const { apiKey, baseUrl } = openai;
  return [
    createOpenAI({ apiKey, timeoutMs: upstreamTimeoutMs, extraModels: [defaultModel], ...(baseUrl && { baseUrl }) }),
  ];
}

async function prepareDataDir(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unusable(`PICTOGRAPH_DATA_DIR ${path}`, error);
  }
}

function unusable(what: string, cause: unknown): StartError {
  const { code } = cause as NodeJS.ErrnoException;
  return new StartError([`${what} cannot be written (${code}); name a directory of this user`], { cause });
}

async function openObjects(path: string): Promise<DiskObjectStore> {
  return DiskObjectStore.open(path).catch((error: unknown) => {
    throw unusable(`${path} in PICTOGRAPH_DATA_DIR`, error);
  });
}

/**
 * The secret is made once: with another one, every URL that is still around would stop working.
 *
 * @throws StartError when the file is not whole: what is signed with an empty secret, anyone can sign
 */
async function keptSecret(path: string): Promise<string> {
  await writeFile(path, randomBytes(32).toString("base64url"), { flag: "wx", mode: 0o600, flush: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw unusable(`${path} in PICTOGRAPH_DATA_DIR`, error);
    },
  );
  const secret = await readFile(path, "utf8");
  if (secret.length < MIN_SECRET_LENGTH) {
    throw new StartError([`${path} does not hold a whole signing secret; delete it and a new one is made`]);
  }
  return secret;
}
