import { isIP } from "node:net";
import { resolve } from "node:path";
import { type AddressLimits, MAX_IMAGES, URL_TTL_SECONDS } from "./bounds.ts";
import { StartError } from "./errors.ts";
import { LOG_LEVELS, type LogLevel } from "./log.ts";
import { hostNameOf, isLoopback } from "./settings/host-name.ts";
import { CLIENT_SECRETS, withSecretFiles } from "./settings/secret-files.ts";
import {
  modelName,
  oneOf,
  orNone,
  parseAdminKeys,
  parseBoolean,
  parseBucket,
  parseDatabaseUrl,
  parseDownloadHosts,
  parseHost,
  parseHostNames,
  parseHttpUrl,
  parseKeyServerUrl,
  parseOrigins,
  parsePublicUrl,
  parseSecrets,
  parseTrustProxy,
  parseTypePrefix,
  parseUsd,
  parseWord,
  times,
  wholeNumber,
} from "./settings/setting-parsers.ts";
import { readTraces, type TraceExport } from "./settings/trace-settings.ts";
import { checkNames, type Read, type VariableName } from "./settings/variable-names.ts";

/**
 * The settings of a gateway, checked. This file is longer than others because it is one table: what each setting means,
 * and where it is read.
 */
export interface Config {
  /** 0 to 65535; 0 for any free port. */
  readonly port: number;
  readonly host: string;
  /**
   * Whether the gateway counts what it does, and who serves the metrics: `off`, nothing is counted; `route`, the path
   * `/metrics` of the app; `listener`, only `Gateway.metricsApp`. Embedded gateways count only on request.
   */
  readonly metrics: "off" | "route" | "listener";
  /** The port of the listener for metrics, 0 for any free port; `undefined` for none. */
  readonly metricsPort: number | undefined;
  /**
   * Where traces are sent; `undefined` records none. `host` gives the spans to the tracing system that the host program
   * has registered with `@opentelemetry/api`, as embedded gateways do unless they are told otherwise.
   */
  readonly traces: TraceExport | "host" | undefined;
  /**
   * The gateway's address as clients see it, without a trailing slash: `https://example.com/pictures`. `undefined`
   * derives it from each request.
   */
  readonly publicUrl: string | undefined;
  /** Keys that allow everything. Without one the gateway is open: it asks no caller for a key. */
  readonly adminKeys: readonly string[];
  /** The identity provider whose JWTs a keyed gateway takes; `undefined` for none. */
  readonly jwt: JwtConfig | undefined;
  /**
   * The gateway's host names in lower case, besides loopback names and IP addresses. Requests for other names get
   * status 421. `undefined` accepts every name, as embedded gateways do.
   */
  readonly hostNames: readonly string[] | undefined;
  /** Whether Sandbox, GraphiQL and the REST reference are served. Embedded gateways serve them only on request. */
  readonly pages: boolean;
  /** Whether the pages include the studio at `/`. */
  readonly hasStudio: boolean;
  /** Absolute path. */
  readonly dataDir: string;
  /** `undefined` leaves the illustrator as the only provider. */
  readonly openai: { readonly apiKey: string; readonly baseUrl: string | undefined } | undefined;
  readonly defaultModel: string;
  /**
   * The hosts that images may be downloaded from, besides the provider's own server, as `GuardedDownloads` reads them.
   */
  readonly downloadHosts: readonly string[];
  /** Absolute path of the operator's models file; `undefined` for none. */
  readonly modelsFile: string | undefined;
  /** The files of the certificate and the key that sign images; `undefined` signs none. */
  readonly c2pa: C2paConfig | undefined;
  /**
   * Signs image URLs, and encrypts the secrets of webhooks. Several, separated by commas, while it is replaced: the first
   * signs and encrypts, all verify and decrypt. `undefined` creates one and keeps it in the data directory.
   */
  readonly signingSecret: string | undefined;
  /** Whether webhooks may be sent by `http://`, and whether they may be sent to private networks. */
  readonly webhooks: { readonly allowHttp: boolean; readonly allowPrivate: boolean };
  readonly urlTtlSeconds: number;
  /** Origins of the pages that may call. `undefined` decides by route; docs/security.md has the table. */
  readonly corsOrigins: "*" | readonly string[] | undefined;
  /** The trusted proxies, as their number or their addresses. Only their `X-Forwarded-*` headers are used. */
  readonly trustProxy: number | readonly string[] | undefined;
  readonly addressLimits: AddressLimits;
  readonly maxConcurrency: number;
  /** The most images that this process submits to paid providers in a minute. */
  readonly maxImagesPerMinute: number;
  readonly upstreamTimeoutMs: number;
  /** How long after a stop signal the process exits at the latest. Running generations get 3 s less. */
  readonly stopTimeoutMs: number;
  /** A `postgres://` URL; `undefined` keeps records in the data directory. */
  readonly databaseUrl: string | undefined;
  /** `undefined` keeps images in the data directory. */
  readonly s3: S3Config | undefined;
  /** Whether image URLs redirect viewers to the bucket. Otherwise the gateway sends the bytes itself. */
  readonly isRedirecting: boolean;
  /** `web` accepts requests, `worker` runs generations, `all` does both. */
  readonly role: "all" | "web" | "worker";
  /** The budget of a UTC day, in US dollars as a decimal string; `undefined` for no limit. */
  readonly dailyBudget: { readonly usd: string; readonly isDefault: boolean } | undefined;
  /** The most bytes of all derivatives together. @defaultValue 5 GB, or a tenth of the volume if that is less */
  readonly maxDerivativeBytes: number | undefined;
  /** The bytes of the images' volume to keep free. With less, no generation is accepted. 0 for no limit. */
  readonly minFreeBytes: number;
  /** The most generations that may wait. More are refused. */
  readonly maxQueued: number;
  /** The most WebSockets of this process at once, and the most subscriptions. More are refused. */
  readonly maxSubscribers: number;
  /** How long ended generations are kept; `undefined` for no limit. */
  readonly retainMs: number | undefined;
  /** How long a process may be silent before the other processes treat it as dead. */
  readonly leaseMs: number;
  /** How often `/get-image` and `/v1` send white space while their client waits; `undefined` for never. */
  readonly keepAliveMs: number | undefined;
  /** Absolute path of the list of trusted documents, the only ones that then run; `undefined` allows any document. */
  readonly trustedDocuments: string | undefined;
  /** The prefix of every GraphQL type name except those of scalars; empty for none. */
  readonly typePrefix: string;
  readonly logLevel: LogLevel;
  /** Whether `NODE_ENV` is `production`. Introspection is then off. */
  readonly isProduction: boolean;
  /** Warnings about these settings for the operator, one sentence each, to log at the start. */
  readonly warnings: readonly string[];
}

/** An identity provider whose JWTs are credentials. */
export interface JwtConfig {
  /** The value of `iss`, exactly. */
  readonly issuer: string;
  /** A value of `aud`. */
  readonly audience: string;
  /** Where the identity provider publishes its keys; https, or http on loopback. */
  readonly jwksUrl: string;
  /** The claim that holds the project's id. */
  readonly projectClaim: string;
}

/** The PEM files of the operator's certificate for content credentials. */
export interface C2paConfig {
  /** Absolute path of the certificate, followed by those of its issuers. */
  readonly certificate: string;
  /** Absolute path of the private key. */
  readonly key: string;
}

/** An S3-compatible bucket. */
export interface S3Config {
  readonly bucket: string;
  /** `undefined` for Amazon S3. */
  readonly endpoint: string | undefined;
  /** `undefined` lets the AWS SDK find it: environment, shared files, the machine's role. */
  readonly region: string | undefined;
  /** `undefined` lets the AWS SDK find them, in the same places. */
  readonly credentials:
    | { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string }
    | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_PORT = 8080;
const ILLUSTRATOR = "illustrator-1";
const BEST_OPENAI_MODEL = "gpt-image-2.6-flare";
const DEFAULT_DAILY_BUDGET_USD = "20";
const DEFAULT_PROJECT_CLAIM = "pictograph_project";
const MEGABYTE = 1_000_000;
const DAY_MS = 24 * 60 * 60 * 1000;
/** The default limits of one address behind a trusted proxy: enough for a busy office, too little for a flood. */
const DEFAULT_ADDRESS_LIMITS: AddressLimits = { requestsPerMinute: 600, connections: 100, uploads: 16 };

/**
 * Reads the environment. An empty variable counts as not set.
 *
 * @param environment `{}` gives the defaults
 * @throws StartError naming every wrong variable and what it should be
 */
export function readConfig(environment: Environment = process.env): Config {
  const problems: string[] = [];
  const unknownNames = checkNames(environment, problems);
  const settings = withSecretFiles(environment, problems);
  const isSet = (name: VariableName) => Boolean(settings[name]?.trim());
  const read = readerOf(settings, problems);
  const access = readAccess(read, problems);
  const openai = readOpenAI(read, problems);
  const hasModelChoice = isSet("OPENAI_API_KEY") || isSet("PICTOGRAPH_MODELS_FILE");
  const config: Config = {
    port: read("PORT", wholeNumber(0, 65_535), DEFAULT_PORT),
    ...access,
    ...readMetrics(read, problems),
    traces: readTraces(read, problems),
    pages: true,
    hasStudio: read("PICTOGRAPH_STUDIO", oneOf("on", "off"), "on") === "on",
    dataDir: resolve(read("PICTOGRAPH_DATA_DIR", (text) => text, "./data")),
    openai,
    defaultModel: read(
      "PICTOGRAPH_DEFAULT_MODEL",
      hasModelChoice ? modelName(BEST_OPENAI_MODEL) : parseIllustratorName,
      defaultModelWith(openai),
    ),
    downloadHosts: read("PICTOGRAPH_DOWNLOAD_HOSTS", parseDownloadHosts, []),
    modelsFile: read<string | undefined>("PICTOGRAPH_MODELS_FILE", (text) => resolve(text), undefined),
    c2pa: readC2pa(read, problems),
    signingSecret: read("PICTOGRAPH_SIGNING_SECRET", parseSecrets, undefined),
    webhooks: {
      allowHttp: read("PICTOGRAPH_WEBHOOK_ALLOW_HTTP", parseBoolean, false),
      allowPrivate: read("PICTOGRAPH_WEBHOOK_ALLOW_PRIVATE", parseBoolean, false),
    },
    urlTtlSeconds: read("PICTOGRAPH_URL_TTL_SECONDS", wholeNumber(URL_TTL_SECONDS.min, URL_TTL_SECONDS.max), 7200),
    corsOrigins: read("PICTOGRAPH_CORS_ORIGINS", parseOrigins, undefined),
    maxConcurrency: read("PICTOGRAPH_MAX_CONCURRENCY", wholeNumber(1, 1000), 8),
    maxImagesPerMinute: read("PICTOGRAPH_MAX_IMAGES_PER_MINUTE", wholeNumber(MAX_IMAGES, 1_000_000), 300),
    upstreamTimeoutMs: read("PICTOGRAPH_UPSTREAM_TIMEOUT_SECONDS", times(1000, wholeNumber(1, 86_400)), 600_000),
    stopTimeoutMs: read("PICTOGRAPH_STOP_TIMEOUT_SECONDS", times(1000, wholeNumber(5, 7200)), 30_000),
    databaseUrl: read("DATABASE_URL", parseDatabaseUrl, undefined),
    s3: readS3(read, problems),
    isRedirecting: read("PICTOGRAPH_IMAGE_DELIVERY", oneOf("redirect", "proxy"), "redirect") === "redirect",
    role: read("PICTOGRAPH_ROLE", oneOf("all", "web", "worker"), "all"),
    dailyBudget: read(
      "PICTOGRAPH_DAILY_BUDGET_USD",
      parseDailyBudget,
      isSet("PICTOGRAPH_ADMIN_KEY") ? undefined : { usd: DEFAULT_DAILY_BUDGET_USD, isDefault: true },
    ),
    maxDerivativeBytes: read<number | undefined>(
      "PICTOGRAPH_MAX_DERIVATIVES_MB",
      times(MEGABYTE, wholeNumber(1, 999_999_999)),
      undefined,
    ),
    minFreeBytes: read("PICTOGRAPH_MIN_FREE_DISK_MB", times(MEGABYTE, wholeNumber(0, 999_999_999)), 1000 * MEGABYTE),
    maxQueued: read("PICTOGRAPH_MAX_QUEUE", wholeNumber(1, 1_000_000), 1000),
    maxSubscribers: read("PICTOGRAPH_MAX_SUBSCRIBERS", wholeNumber(1, 1_000_000), 5000),
    retainMs: read<number | undefined>("PICTOGRAPH_RETAIN_DAYS", times(DAY_MS, wholeNumber(1, 36_500)), undefined),
    leaseMs: read("PICTOGRAPH_LEASE_SECONDS", times(1000, wholeNumber(2, 3600)), 60_000),
    keepAliveMs: read<number | undefined>("PICTOGRAPH_KEEPALIVE_SECONDS", times(1000, wholeNumber(1, 3600)), undefined),
    trustedDocuments: read<string | undefined>("PICTOGRAPH_TRUSTED_DOCUMENTS", (text) => resolve(text), undefined),
    typePrefix: read("PICTOGRAPH_SUBGRAPH_PREFIX", parseTypePrefix, ""),
    logLevel: read("LOG_LEVEL", oneOf(...LOG_LEVELS), "info"),
    isProduction: settings.NODE_ENV === "production",
    warnings: [...access.warnings, ...unknownNames],
  };
  const isShared = config.databaseUrl !== undefined && config.s3 !== undefined;
  if (isShared && !isSet("PICTOGRAPH_SIGNING_SECRET")) {
    problems.push(
      "PICTOGRAPH_SIGNING_SECRET must be set with DATABASE_URL and S3_BUCKET: all processes need the same secret",
    );
  }
  if (config.role !== "all" && !isShared) {
    problems.push("PICTOGRAPH_ROLE needs DATABASE_URL and S3_BUCKET; without them, one process does all the work");
  }
  if (problems.length > 0) throw new StartError(problems);
  return Object.freeze(config);
}

function readerOf(settings: Environment, problems: string[]): Read {
  return (name, parse, absent) => {
    const text = settings[name]?.trim();
    if (!text) return absent;
    try {
      return parse(text);
    } catch (error) {
      problems.push(`${name} ${(error as Error).message}`);
      return absent;
    }
  };
}

/** The settings of the commands that call a gateway. */
export interface ClientConfig {
  /** The gateway's address without a slash at the end; `undefined` for the default. */
  readonly url: string | undefined;
  /** The key to call it with. */
  readonly apiKey: string | undefined;
}

/**
 * Reads the settings of the commands that call a gateway.
 *
 * @throws StartError naming every wrong variable and what it should be
 */
export function readClientConfig(environment: Environment = process.env): ClientConfig {
  const problems: string[] = [];
  checkNames(environment, problems);
  const read = readerOf(withSecretFiles(environment, problems, CLIENT_SECRETS), problems);
  const config: ClientConfig = {
    url: read<string | undefined>("PICTOGRAPH_URL", parsePublicUrl, undefined),
    apiKey: read<string | undefined>("PICTOGRAPH_API_KEY", parseWord, undefined),
  };
  if (problems.length > 0) throw new StartError(problems);
  return config;
}

/**
 * Reads the keys of providers from the variables that the operator's models file names, or from the files that
 * `<NAME>_FILE` names.
 *
 * @throws StartError naming every variable that is not set
 */
export function readProviderKeys(
  names: readonly string[],
  environment: Environment = process.env,
): ReadonlyMap<string, string> {
  const problems: string[] = [];
  const settings = withSecretFiles(environment, problems, names);
  const keys = new Map<string, string>();
  for (const name of new Set(names)) {
    const text = settings[name]?.trim();
    try {
      if (text) keys.set(name, parseWord(text));
      else if (!settings[`${name}_FILE`]) problems.push(`${name} must be set: it holds the key of a provider`);
    } catch (error) {
      problems.push(`${name} ${(error as Error).message}`);
    }
  }
  if (problems.length > 0) throw new StartError(problems);
  return keys;
}

/** Whether the terminal cannot move its cursor. */
export function isDumbTerminal(environment: Environment = process.env): boolean {
  return environment.TERM === "dumb";
}

/** The default model when none is configured. */
export function defaultModelWith(openai: Config["openai"]): string {
  return openai ? BEST_OPENAI_MODEL : ILLUSTRATOR;
}

const OPEN_TO_ALL = "PICTOGRAPH_OPEN=true: anyone who can reach this gateway may use it and spend its operator's money";
const OPEN_BUT_KEYED = "PICTOGRAPH_OPEN=true has no effect, because PICTOGRAPH_ADMIN_KEY is set: callers need keys";

type AccessSettings = Pick<
  Config,
  "host" | "publicUrl" | "adminKeys" | "jwt" | "hostNames" | "trustProxy" | "addressLimits" | "warnings"
>;

/**
 * Reads who can reach the gateway, and by which names. A gateway without keys that other machines can reach must be
 * allowed explicitly.
 */
function readAccess(read: Read, problems: string[]): AccessSettings {
  const adminKeys = read("PICTOGRAPH_ADMIN_KEY", parseAdminKeys, []);
  const isKeyed = adminKeys.length > 0 || problems.some((problem) => /^PICTOGRAPH_ADMIN_KEY(_FILE)? /.test(problem));
  const host = read("HOST", parseHost, "127.0.0.1");
  const publicUrl = read("PICTOGRAPH_PUBLIC_URL", parsePublicUrl, undefined);
  const trustProxy = read("PICTOGRAPH_TRUST_PROXY", parseTrustProxy, undefined);
  const allowedHosts = read("PICTOGRAPH_ALLOWED_HOSTS", parseHostNames, []);
  const isOpenToAll = read("PICTOGRAPH_OPEN", parseBoolean, false);

  const listeningName = isIP(host) ? host : (hostNameOf(host) ?? host);
  const publicName = publicUrl === undefined ? undefined : hostNameOf(new URL(publicUrl).host);
  const names = [listeningName, ...(publicName === undefined ? [] : [publicName]), ...allowedHosts];
  const isBehindProxy = trustProxy !== undefined && trustProxy !== 0;
  const waysIn = [
    ...(isLoopback(listeningName) ? [] : [`HOST=${host} is not loopback`]),
    ...(isBehindProxy ? ["PICTOGRAPH_TRUST_PROXY trusts a proxy"] : []),
    ...(publicName === undefined || isLoopback(publicName) ? [] : ["PICTOGRAPH_PUBLIC_URL is not loopback"]),
  ];
  if (waysIn.length > 0 && !isOpenToAll && !isKeyed) {
    problems.push(
      `PICTOGRAPH_ADMIN_KEY must be set, because ${waysIn.join(" and ")}; callers then need keys. Or set PICTOGRAPH_OPEN=true if anyone who can reach the gateway may use it and spend its budget`,
    );
  }
  const limit = (name: VariableName, field: keyof AddressLimits) =>
    read(name, orNone(wholeNumber(1, 1_000_000)), isBehindProxy ? DEFAULT_ADDRESS_LIMITS[field] : undefined);
  return {
    host,
    publicUrl,
    adminKeys,
    jwt: readJwt(read, problems, isKeyed),
    hostNames: isKeyed ? undefined : [...new Set(names.filter((name) => !isIP(name)))],
    trustProxy,
    addressLimits: {
      requestsPerMinute: limit("PICTOGRAPH_MAX_REQUESTS_PER_MINUTE_PER_ADDRESS", "requestsPerMinute"),
      connections: limit("PICTOGRAPH_MAX_CONNECTIONS_PER_ADDRESS", "connections"),
      uploads: limit("PICTOGRAPH_MAX_UPLOADS_PER_ADDRESS", "uploads"),
    },
    warnings: isOpenToAll ? [isKeyed ? OPEN_BUT_KEYED : OPEN_TO_ALL] : [],
  };
}

function readMetrics(read: Read, problems: string[]): Pick<Config, "metrics" | "metricsPort"> {
  const metricsPort = read<number | undefined>("PICTOGRAPH_METRICS_PORT", wholeNumber(0, 65_535), undefined);
  if (metricsPort && metricsPort === read("PORT", Number, DEFAULT_PORT)) {
    problems.push("PICTOGRAPH_METRICS_PORT must be another port than PORT; leave it out to serve /metrics on PORT");
  }
  return { metrics: metricsPort === undefined ? "route" : "listener", metricsPort };
}

function readJwt(read: Read, problems: string[], isKeyed: boolean): JwtConfig | undefined {
  const issuer = read<string | undefined>("PICTOGRAPH_JWT_ISSUER", parseWord, undefined);
  const audience = read<string | undefined>("PICTOGRAPH_JWT_AUDIENCE", parseWord, undefined);
  const jwksUrl = read<string | undefined>("PICTOGRAPH_JWT_JWKS_URL", parseKeyServerUrl, undefined);
  const projectClaim = read<string | undefined>("PICTOGRAPH_JWT_PROJECT_CLAIM", parseWord, undefined);
  const isWrong = problems.some((problem) => problem.startsWith("PICTOGRAPH_JWT_"));
  if (isWrong || [issuer, audience, jwksUrl, projectClaim].every((value) => value === undefined)) return undefined;
  if (issuer === undefined || audience === undefined || jwksUrl === undefined) {
    problems.push("PICTOGRAPH_JWT_ISSUER, PICTOGRAPH_JWT_AUDIENCE and PICTOGRAPH_JWT_JWKS_URL must be set together");
    return undefined;
  }
  if (!isKeyed) {
    problems.push(
      "PICTOGRAPH_JWT_ISSUER needs PICTOGRAPH_ADMIN_KEY: without it the gateway is open, and reads no JWTs",
    );
  }
  return { issuer, audience, jwksUrl, projectClaim: projectClaim ?? DEFAULT_PROJECT_CLAIM };
}

function readOpenAI(read: Read, problems: string[]): Config["openai"] {
  const apiKey = read<string | undefined>("OPENAI_API_KEY", parseWord, undefined);
  const baseUrl = read<string | undefined>("OPENAI_BASE_URL", parseHttpUrl, undefined);
  if (apiKey !== undefined) return { apiKey, baseUrl };
  if (baseUrl !== undefined)
    problems.push("OPENAI_BASE_URL needs OPENAI_API_KEY; set it to any text if the server needs no key");
  return undefined;
}

function readC2pa(read: Read, problems: string[]): C2paConfig | undefined {
  const certificate = read<string | undefined>("PICTOGRAPH_C2PA_CERTIFICATE", (text) => resolve(text), undefined);
  const key = read<string | undefined>("PICTOGRAPH_C2PA_KEY", (text) => resolve(text), undefined);
  if (certificate !== undefined && key !== undefined) return { certificate, key };
  if (certificate !== undefined || key !== undefined) {
    problems.push("PICTOGRAPH_C2PA_CERTIFICATE and PICTOGRAPH_C2PA_KEY must be set together");
  }
  return undefined;
}

function parseDailyBudget(text: string): Config["dailyBudget"] {
  return text === "none" ? undefined : { usd: parseUsd(text), isDefault: false };
}

function parseIllustratorName(text: string): string {
  if (text === ILLUSTRATOR) return text;
  throw new Error(`must be ${ILLUSTRATOR} while neither OPENAI_API_KEY nor PICTOGRAPH_MODELS_FILE is set`);
}

function readS3(read: Read, problems: string[]): S3Config | undefined {
  const bucket = read<string | undefined>("S3_BUCKET", parseBucket, undefined);
  const endpoint = read<string | undefined>("S3_ENDPOINT", parseHttpUrl, undefined);
  const region = read<string | undefined>("AWS_REGION", parseWord, undefined);
  const accessKeyId = read<string | undefined>("AWS_ACCESS_KEY_ID", parseWord, undefined);
  const secretAccessKey = read<string | undefined>("AWS_SECRET_ACCESS_KEY", parseWord, undefined);
  if (!bucket) {
    if (endpoint) problems.push("S3_ENDPOINT needs S3_BUCKET");
    return undefined;
  }
  if (!accessKeyId !== !secretAccessKey) {
    problems.push("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set together");
  }
  const sessionToken = read<string | undefined>("AWS_SESSION_TOKEN", parseWord, undefined);
  const credentials =
    accessKeyId && secretAccessKey
      ? { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) }
      : undefined;
  return { bucket, endpoint, region, credentials };
}
