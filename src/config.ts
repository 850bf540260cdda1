import { isIP } from "node:net";
import { resolve } from "node:path";
import { parseDownloadHost } from "./adapters/downloads/guarded-downloads.ts";
import { StartError } from "./errors.ts";
import { LOG_LEVELS, type LogLevel } from "./log.ts";
import { URL_TTL_SECONDS } from "./service/images/image-links.ts";

/** Everything that can be set from outside, checked. */
export interface Config {
  /** 0–65535; 0 takes any free port. */
  readonly port: number;
  readonly host: string;
  /** Origin of handed-out URLs without a trailing slash; `undefined` derives it from each request. */
  readonly publicUrl: string | undefined;
  /** Absolute path. */
  readonly dataDir: string;
  /** `undefined` leaves the illustrator as the only provider. */
  readonly openai: { readonly apiKey: string; readonly baseUrl: string | undefined } | undefined;
  readonly defaultModel: string;
  /** From where images may be downloaded, besides the provider's own server; as `GuardedDownloads` reads them. */
  readonly downloadHosts: readonly string[];
  /** The operator's models, an absolute path; `undefined` for none. */
  readonly modelsFile: string | undefined;
  /** `undefined` generates one and keeps it in the data directory. */
  readonly signingSecret: string | undefined;
  readonly urlTtlSeconds: number;
  readonly corsOrigins: "*" | readonly string[];
  /** Number of proxies, or their addresses, whose `X-Forwarded-*` headers count. */
  readonly trustProxy: number | readonly string[] | undefined;
  readonly maxConcurrency: number;
  readonly upstreamTimeoutMs: number;
  /** A `postgres://` URL; `undefined` keeps records in the data directory. */
  readonly databaseUrl: string | undefined;
  /** `undefined` keeps images in the data directory. */
  readonly s3: S3Config | undefined;
  /** Whether image URLs answer with a redirect to the bucket, instead of passing the bytes on. */
  readonly isRedirecting: boolean;
  /** What this process does of the work; the others do the rest. */
  readonly role: "all" | "web" | "worker";
  /** How many generations may wait before more are refused. */
  readonly maxQueued: number;
  /** How many WebSockets, and how many subscriptions, this process has at once before more are refused. */
  readonly maxSubscribers: number;
  /** How long ended generations are kept; `undefined` for ever. */
  readonly retainMs: number | undefined;
  /** How long the other processes wait before they presume that one is dead which no longer says that it lives. */
  readonly leaseMs: number;
  /** How often a waiting `/get-image` answer sends white space; `undefined` for never. */
  readonly keepAliveMs: number | undefined;
  /** Absolute path of the list of the only documents that run; `undefined` lets any run. */
  readonly trustedDocuments: string | undefined;
  readonly logLevel: LogLevel;
  /** Whether `NODE_ENV` says so: introspection is then off. */
  readonly isProduction: boolean;
}

/** An S3-compatible bucket. */
export interface S3Config {
  readonly bucket: string;
  /** `undefined` for AWS. */
  readonly endpoint: string | undefined;
  /** `undefined` leaves it to the usual places of AWS programs. */
  readonly region: string | undefined;
  /** `undefined` leaves them to the usual places of AWS programs. */
  readonly credentials:
    | { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string }
    | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

const ILLUSTRATOR = "illustrator-1";
const BEST_OPENAI_MODEL = "gpt-image-2.6-flare";
/** The shortest signing secret that is taken, in characters. */
export const MIN_SECRET_LENGTH = 16;
const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Reads the environment. A variable that is empty counts as not set.
 *
 * @param environment `{}` gives the defaults
 * @throws StartError naming every variable that is wrong, and what it should be
 */
export function readConfig(environment: Environment = process.env): Config {
  const problems: string[] = [];
  const read = <Value>(name: string, parse: (text: string) => Value, absent: Value): Value => {
    const text = environment[name]?.trim();
    if (!text) return absent;
    try {
      return parse(text);
    } catch (error) {
      problems.push(`${name} ${(error as Error).message}`);
      return absent;
    }
  };
  const openai = readOpenAI(read, problems);
  const config: Config = {
    port: read("PORT", wholeNumber(0, 65_535), 8080),
    host: read("HOST", parseHost, "127.0.0.1"),
    publicUrl: read("PICTOGRAPH_PUBLIC_URL", parseOrigin, undefined),
    dataDir: resolve(read("PICTOGRAPH_DATA_DIR", (text) => text, "./data")),
    openai,
    defaultModel: read(
      "PICTOGRAPH_DEFAULT_MODEL",
      environment.OPENAI_API_KEY?.trim() || environment.PICTOGRAPH_MODELS_FILE?.trim()
        ? parseModelName
        : parseIllustratorName,
      defaultModelWith(openai),
    ),
    downloadHosts: read("PICTOGRAPH_DOWNLOAD_HOSTS", parseDownloadHosts, []),
    modelsFile: read<string | undefined>("PICTOGRAPH_MODELS_FILE", (text) => resolve(text), undefined),
    signingSecret: read("PICTOGRAPH_SIGNING_SECRET", parseSecret, undefined),
    urlTtlSeconds: read("PICTOGRAPH_URL_TTL_SECONDS", wholeNumber(URL_TTL_SECONDS.min, URL_TTL_SECONDS.max), 7200),
    corsOrigins: read("PICTOGRAPH_CORS_ORIGINS", parseOrigins, "*"),
    trustProxy: read("PICTOGRAPH_TRUST_PROXY", parseTrustProxy, undefined),
    maxConcurrency: read("PICTOGRAPH_MAX_CONCURRENCY", wholeNumber(1, 1000), 8),
    upstreamTimeoutMs: read("PICTOGRAPH_UPSTREAM_TIMEOUT_SECONDS", wholeNumber(1, 86_400), 600) * 1000,
    databaseUrl: read("DATABASE_URL", parseDatabaseUrl, undefined),
    s3: readS3(read, problems),
    isRedirecting: read("PICTOGRAPH_IMAGE_DELIVERY", oneOf("redirect", "proxy"), "redirect") === "redirect",
    role: read("PICTOGRAPH_ROLE", oneOf("all", "web", "worker"), "all"),
    maxQueued: read("PICTOGRAPH_MAX_QUEUE", wholeNumber(1, 1_000_000), 1000),
    maxSubscribers: read("PICTOGRAPH_MAX_SUBSCRIBERS", wholeNumber(1, 1_000_000), 5000),
    retainMs: read<number | undefined>(
      "PICTOGRAPH_RETAIN_DAYS",
      inMilliseconds(wholeNumber(1, 36_500), DAY_MS),
      undefined,
    ),
    leaseMs: read("PICTOGRAPH_LEASE_SECONDS", wholeNumber(2, 3600), 60) * 1000,
    keepAliveMs: read<number | undefined>(
      "PICTOGRAPH_KEEPALIVE_SECONDS",
      inMilliseconds(wholeNumber(1, 3600), 1000),
      undefined,
    ),
    trustedDocuments: read<string | undefined>("PICTOGRAPH_TRUSTED_DOCUMENTS", (text) => resolve(text), undefined),
    logLevel: read("LOG_LEVEL", oneOf(...LOG_LEVELS), "info"),
    isProduction: environment.NODE_ENV === "production",
  };
  const isShared = config.databaseUrl !== undefined && config.s3 !== undefined;
  if (isShared && !environment.PICTOGRAPH_SIGNING_SECRET?.trim()) {
    problems.push("PICTOGRAPH_SIGNING_SECRET must be set with DATABASE_URL and S3_BUCKET: all processes share one");
  }
  if (config.role !== "all" && !isShared) {
    problems.push("PICTOGRAPH_ROLE needs DATABASE_URL and S3_BUCKET: without them, one process does everything");
  }
  if (problems.length > 0) throw new StartError(problems);
  return Object.freeze(config);
}

/** The model that is used when none is configured. */
export function defaultModelWith(openai: Config["openai"]): string {
  return openai ? BEST_OPENAI_MODEL : ILLUSTRATOR;
}

type Read = <Value>(name: string, parse: (text: string) => Value, absent: Value) => Value;

function readOpenAI(read: Read, problems: string[]): Config["openai"] {
  const apiKey = read<string | undefined>("OPENAI_API_KEY", parseWord, undefined);
  const baseUrl = read<string | undefined>("OPENAI_BASE_URL", parseHttpUrl, undefined);
  if (apiKey !== undefined) return { apiKey, baseUrl };
  if (baseUrl !== undefined)
    problems.push("OPENAI_BASE_URL needs OPENAI_API_KEY (any text where the server asks for none)");
  return undefined;
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw new Error(`must be a whole number from ${min} to ${max}`);
    return value;
  };
}

function parseHost(text: string): string {
  if (isIP(text) || /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(text)) return text;
  throw new Error("must be an IP address or a host name, such as 127.0.0.1 or 0.0.0.0");
}

function parseHttpUrl(text: string): string {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.search || url.hash) {
    throw new Error("must be an http or https URL without credentials and query, such as https://host.example/v1");
  }
  return url.href.replace(/\/$/, "");
}

function parseOrigin(text: string): string {
  const url = URL.parse(text);
  if (url && /^https?:$/.test(url.protocol) && !url.username && (text === url.origin || text === `${url.origin}/`)) {
    return url.origin;
  }
  throw new Error("must be an origin in lower case without a path, such as https://images.example");
}

function parseOrigins(text: string): "*" | readonly string[] {
  if (text === "*") return "*";
  try {
    return text.split(",").map((origin) => parseOrigin(origin.trim()));
  } catch {
    throw new Error("must be * or origins separated by commas, such as https://app.example,http://localhost:3000");
  }
}

function parseDownloadHosts(text: string): readonly string[] {
  const hosts = text.split(",").map((host) => host.trim());
  try {
    hosts.forEach(parseDownloadHost);
    return hosts;
  } catch {
    throw new Error("must be hosts separated by commas, such as images.example,*.cdn.example");
  }
}

function parseTrustProxy(text: string): number | readonly string[] {
  if (/^[0-9]{1,2}$/.test(text)) return Number(text);
  const addresses = text.split(",").map((address) => address.trim());
  if (addresses.every(isProxyAddress)) return addresses;
  throw new Error("must be the number of proxies, or their addresses separated by commas, such as 10.0.0.0/8,loopback");
}

function isProxyAddress(text: string): boolean {
  if (["loopback", "linklocal", "uniquelocal"].includes(text)) return true;
  const [address = "", prefix, ...rest] = text.split("/");
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^[0-9]{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128));
}

function parseModelName(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$/.test(text)) return text;
  throw new Error(`must be a model's name, such as ${BEST_OPENAI_MODEL}`);
}

function parseIllustratorName(text: string): string {
  if (text === ILLUSTRATOR) return text;
  throw new Error(`must be ${ILLUSTRATOR} while OPENAI_API_KEY is not set`);
}

function parseSecret(text: string): string {
  if (text.length >= MIN_SECRET_LENGTH) return text;
  throw new Error(`must have at least ${MIN_SECRET_LENGTH} characters; openssl rand -base64 32 makes a good one`);
}

function oneOf<Word extends string>(...words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const word = words.find((candidate) => candidate === text);
    if (word) return word;
    throw new Error(`must be one of ${words.join(", ")}`);
  };
}

function inMilliseconds(parse: (text: string) => number, unitMs: number): (text: string) => number {
  return (text) => parse(text) * unitMs;
}

function parseDatabaseUrl(text: string): string {
  const url = URL.parse(text);
  if (url && /^postgres(ql)?:$/.test(url.protocol) && url.hostname && url.pathname.length > 1) return text;
  throw new Error("must be a URL of PostgreSQL, such as postgres://user:password@host:5432/database");
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
    problems.push("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set together, or neither");
  }
  const sessionToken = read<string | undefined>("AWS_SESSION_TOKEN", parseWord, undefined);
  const credentials =
    accessKeyId && secretAccessKey
      ? { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) }
      : undefined;
  return { bucket, endpoint, region, credentials };
}

function parseBucket(text: string): string {
  if (/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(text)) return text;
  throw new Error("must be the name of a bucket: 3 to 63 lower case letters, digits, dots and hyphens");
}

function parseWord(text: string): string {
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw new Error("must be printable ASCII without spaces");
}
