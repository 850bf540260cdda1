import { nearestName } from "../nearest-name.ts";
import { CLIENT_SECRETS, SECRETS } from "./secret-files.ts";
import type { Parse } from "./setting-parsers.ts";

/** Every environment variable that `config.ts` reads, besides the files of secrets. */
export const VARIABLES = [
  "PORT",
  "HOST",
  "DATABASE_URL",
  "S3_BUCKET",
  "S3_ENDPOINT",
  "AWS_REGION",
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "OPENAI_API_KEY",
  "OPENAI_BASE_URL",
  "LOG_LEVEL",
  "OTEL_EXPORTER_OTLP_ENDPOINT",
  "OTEL_EXPORTER_OTLP_HEADERS",
  "OTEL_EXPORTER_OTLP_PROTOCOL",
  "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
  "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
  "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
  "OTEL_RESOURCE_ATTRIBUTES",
  "OTEL_SDK_DISABLED",
  "OTEL_SERVICE_NAME",
  "OTEL_TRACES_EXPORTER",
  "OTEL_TRACES_SAMPLER",
  "OTEL_TRACES_SAMPLER_ARG",
  "PICTOGRAPH_ADMIN_KEY",
  "PICTOGRAPH_ALLOWED_HOSTS",
  "PICTOGRAPH_API_KEY",
  "PICTOGRAPH_C2PA_CERTIFICATE",
  "PICTOGRAPH_C2PA_KEY",
  "PICTOGRAPH_CORS_ORIGINS",
  "PICTOGRAPH_DAILY_BUDGET_USD",
  "PICTOGRAPH_DATA_DIR",
  "PICTOGRAPH_DEFAULT_MODEL",
  "PICTOGRAPH_DOWNLOAD_HOSTS",
  "PICTOGRAPH_IMAGE_DELIVERY",
  "PICTOGRAPH_JWT_AUDIENCE",
  "PICTOGRAPH_JWT_ISSUER",
  "PICTOGRAPH_JWT_JWKS_URL",
  "PICTOGRAPH_JWT_PROJECT_CLAIM",
  "PICTOGRAPH_KEEPALIVE_SECONDS",
  "PICTOGRAPH_LEASE_SECONDS",
  "PICTOGRAPH_MAX_CONCURRENCY",
  "PICTOGRAPH_MAX_CONNECTIONS_PER_ADDRESS",
  "PICTOGRAPH_MAX_DERIVATIVES_MB",
  "PICTOGRAPH_MAX_IMAGES_PER_MINUTE",
  "PICTOGRAPH_MAX_QUEUE",
  "PICTOGRAPH_MAX_REQUESTS_PER_MINUTE_PER_ADDRESS",
  "PICTOGRAPH_MAX_SUBSCRIBERS",
  "PICTOGRAPH_MAX_UPLOADS_PER_ADDRESS",
  "PICTOGRAPH_METRICS_PORT",
  "PICTOGRAPH_MIN_FREE_DISK_MB",
  "PICTOGRAPH_MODELS_FILE",
  "PICTOGRAPH_OPEN",
  "PICTOGRAPH_PUBLIC_URL",
  "PICTOGRAPH_RETAIN_DAYS",
  "PICTOGRAPH_ROLE",
  "PICTOGRAPH_SIGNING_SECRET",
  "PICTOGRAPH_STOP_TIMEOUT_SECONDS",
  "PICTOGRAPH_STUDIO",
  "PICTOGRAPH_SUBGRAPH_PREFIX",
  "PICTOGRAPH_TRUSTED_DOCUMENTS",
  "PICTOGRAPH_TRUST_PROXY",
  "PICTOGRAPH_UPSTREAM_TIMEOUT_SECONDS",
  "PICTOGRAPH_URL",
  "PICTOGRAPH_URL_TTL_SECONDS",
  "PICTOGRAPH_WEBHOOK_ALLOW_HTTP",
  "PICTOGRAPH_WEBHOOK_ALLOW_PRIVATE",
] as const;

export type VariableName = (typeof VARIABLES)[number];

/** Reads one variable. A wrong value is added to the problems, and `absent` is returned. */
export type Read = <Value>(name: VariableName, parse: Parse<Value>, absent: Value) => Value;

const KNOWN = [...VARIABLES, ...[...SECRETS, ...CLIENT_SECRETS].map((name) => `${name}_FILE`)].filter((name) =>
  name.startsWith("PICTOGRAPH_"),
);
/**
 * What Kubernetes sets in every container for a service whose name begins with `pictograph`.
 *
 * @see https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
 */
const OF_KUBERNETES = /_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/;
const ADDRESS_OF_KUBERNETES = /^(tcp|udp|sctp):\/\//;

/**
 * Looks for variables `PICTOGRAPH_…` that nothing reads.
 *
 * @param problems gets a sentence for each one that nearly spells a known variable
 * @returns a warning for each other one
 */
export function checkNames(
  environment: Readonly<Record<string, string | undefined>>,
  problems: string[],
): readonly string[] {
  const warnings: string[] = [];
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith("PICTOGRAPH_") || KNOWN.includes(name) || !value?.trim()) continue;
    if (OF_KUBERNETES.test(name) || (name.endsWith("_PORT") && ADDRESS_OF_KUBERNETES.test(value))) continue;
    const near = nearestName(name, KNOWN);
    if (near === undefined) warnings.push(`${name} is set, but there is no such setting: it has no effect`);
    else problems.push(`${name} is no setting; did you mean ${near}?`);
  }
  return warnings;
}
