import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type Config, readClientConfig, readConfig } from "../src/config.ts";
import { StartError } from "../src/errors.ts";

const KEY = "sk-marked-key-7f3a";
const SECRET = "marked secret of 16 or more";
const NO_LIMITS = { requestsPerMinute: undefined, connections: undefined, uploads: undefined };
const PROXY_LIMITS = { requestsPerMinute: 600, connections: 100, uploads: 16 };

function problemsOf(environment: Readonly<Record<string, string>>): readonly string[] {
  try {
    readConfig(environment);
  } catch (error) {
    expect(error).toBeInstanceOf(StartError);
    return (error as StartError).message.split("\n");
  }
  return [];
}

describe("the configuration", () => {
  const DEFAULTS: Config = {
    port: 8080,
    host: "127.0.0.1",
    metrics: "route",
    metricsPort: undefined,
    traces: undefined,
    publicUrl: undefined,
    adminKeys: [],
    jwt: undefined,
    hostNames: [],
    pages: true,
    hasStudio: true,
    dataDir: resolve("data"),
    openai: undefined,
    defaultModel: "illustrator-1",
    downloadHosts: [],
    modelsFile: undefined,
    c2pa: undefined,
    signingSecret: undefined,
    webhooks: { allowHttp: false, allowPrivate: false },
    urlTtlSeconds: 7200,
    corsOrigins: undefined,
    trustProxy: undefined,
    addressLimits: NO_LIMITS,
    maxConcurrency: 8,
    maxImagesPerMinute: 300,
    upstreamTimeoutMs: 600_000,
    stopTimeoutMs: 30_000,
    databaseUrl: undefined,
    s3: undefined,
    isRedirecting: true,
    role: "all",
    dailyBudget: { usd: "20", isDefault: true },
    maxDerivativeBytes: undefined,
    minFreeBytes: 1_000_000_000,
    maxQueued: 1000,
    maxSubscribers: 5000,
    retainMs: undefined,
    leaseMs: 60_000,
    keepAliveMs: undefined,
    trustedDocuments: undefined,
    typePrefix: "",
    logLevel: "info",
    isProduction: false,
    warnings: [],
  };

  test("has a default for everything", () => {
    expect(readConfig({})).toEqual(DEFAULTS);
  });

  test("treats an empty or blank variable as not set", () => {
    const names = [...MALFORMED.map(([name]) => name), "NODE_ENV", "AWS_REGION"];
    for (const blank of ["", " ", "\t\n"]) {
      expect(readConfig(Object.fromEntries(names.map((name) => [name, blank])))).toEqual(DEFAULTS);
    }
  });

  test("ignores the variables of other programs", () => {
    expect(readConfig({ PATH: "/bin", PORTS: "x", pictograph_data_dir: "x", OPENAI_ORG_ID: "x" })).toEqual(DEFAULTS);
  });

  test.each([
    ["PICTOGRAPH_DATADIR", "PICTOGRAPH_DATA_DIR"],
    ["PICTOGRAPH_ADMIN_KEYS", "PICTOGRAPH_ADMIN_KEY"],
    ["PICTOGRAPH_ADMIN_KEY_FLE", "PICTOGRAPH_ADMIN_KEY_FILE"],
    ["PICTOGRAPH_METRIC_PORT", "PICTOGRAPH_METRICS_PORT"],
    ["PICTOGRAPH_API_KEYS", "PICTOGRAPH_API_KEY"],
  ])("refuses %s, a misspelling of %s, without printing its value", (name, near) => {
    const problem = `${name} is no setting; did you mean ${near}?`;
    expect(problemsOf({ [name]: KEY })).toEqual([problem]);
    expect(() => readClientConfig({ [name]: KEY })).toThrow(problem);
    expect(readConfig({ [name]: " " })).toEqual(DEFAULTS);
  });

  test("warns of other names that begin with PICTOGRAPH_, without printing their values", () => {
    const { warnings, ...others } = readConfig({ PICTOGRAPH_COLOUR: KEY });
    expect(warnings).toEqual(["PICTOGRAPH_COLOUR is set, but there is no such setting: it has no effect"]);
    expect({ ...others, warnings: [] }).toEqual(DEFAULTS);
  });

  test("ignores variables that commands read, and those that Kubernetes sets for a service named pictograph", () => {
    const environment = {
      PICTOGRAPH_URL: "http://localhost:8080",
      PICTOGRAPH_API_KEY_FILE: "/run/secrets/key",
      PICTOGRAPH_PORT: "tcp://10.0.0.1:8080",
      PICTOGRAPH_PORT_8080_TCP: "tcp://10.0.0.1:8080",
      PICTOGRAPH_PORT_8080_TCP_ADDR: "10.0.0.1",
      PICTOGRAPH_SERVICE_HOST: "10.0.0.1",
      PICTOGRAPH_SERVICE_PORT: "8080",
      PICTOGRAPH_SERVICE_PORT_HTTP: "8080",
      PICTOGRAPH_METRIC_PORT: "tcp://10.0.0.1:9464",
      PICTOGRAPH_WEB_SERVICE_HOST: "10.0.0.2",
    };
    expect(readConfig(environment)).toEqual(DEFAULTS);
  });

  test("reads the variables of OpenTelemetry", () => {
    const { traces } = readConfig({
      OTEL_EXPORTER_OTLP_ENDPOINT: "https://unused.example",
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://collector.example/traces",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20a%3Db, x-team = pictures",
      OTEL_SERVICE_NAME: "pictures",
      OTEL_RESOURCE_ATTRIBUTES: "service.name=ignored,deployment.environment.name=tests",
      OTEL_TRACES_SAMPLER: "traceidratio",
      OTEL_TRACES_SAMPLER_ARG: "0.25",
    });
    expect(traces).toEqual({
      url: "https://collector.example/traces",
      headers: { authorization: "Bearer a=b", "x-team": "pictures" },
      resource: { "service.name": "pictures", "deployment.environment.name": "tests" },
      sampler: { rule: "traceidratio", isParentBased: false, ratio: 0.25 },
    });
  });

  test.each([
    ["OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"],
    ["OTEL_EXPORTER_OTLP_HEADERS", "marked"],
    ["OTEL_EXPORTER_OTLP_HEADERS", "a=marked%"],
    ["OTEL_EXPORTER_OTLP_HEADERS", "a=marked%0Ab"],
    ["OTEL_RESOURCE_ATTRIBUTES", "=marked"],
    ["OTEL_TRACES_EXPORTER", "console"],
    ["OTEL_TRACES_SAMPLER", "sometimes"],
  ])("refuses %s=%s beside a collector, without printing its value", (name, value) => {
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4318", [name]: value };
    expect(() => readConfig(environment)).toThrow(name);
    expect(() => readConfig(environment)).not.toThrow("marked");
  });

  test("refuses a sampling ratio that is not from 0 to 1", () => {
    for (const part of ["2", "-0.1", "half"]) {
      expect(() =>
        readConfig({
          OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4318",
          OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
          OTEL_TRACES_SAMPLER_ARG: part,
        }),
      ).toThrow("OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1");
    }
  });

  test.each([{ OTEL_SDK_DISABLED: "true" }, { OTEL_TRACES_EXPORTER: "none" }])("records no traces with %j", (off) => {
    expect(readConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4318", ...off }).traces).toBeUndefined();
  });

  test("is immutable", () => {
    expect(Object.isFrozen(readConfig({}))).toBe(true);
  });

  test.each<[string, string, Partial<Config>]>([
    ["PORT", "0", { port: 0 }],
    ["PORT", "65535", { port: 65_535 }],
    ["PORT", " 3000 ", { port: 3000 }],
    ["HOST", "::1", { host: "::1" }],
    ["HOST", "localhost", { host: "localhost", hostNames: ["localhost"] }],
    ["HOST", "127.8.8.8", { host: "127.8.8.8" }],
    ["HOST", "LOCALHOST", { host: "LOCALHOST", hostNames: ["localhost"] }],
    ["PICTOGRAPH_METRICS_PORT", "9464", { metrics: "listener", metricsPort: 9464 }],
    [
      "OTEL_EXPORTER_OTLP_ENDPOINT",
      "http://localhost:4318/",
      {
        traces: {
          url: "http://localhost:4318/v1/traces",
          headers: {},
          resource: { "service.name": "pictograph" },
          sampler: { rule: "always_on", isParentBased: true, ratio: 1 },
        },
      },
    ],
    ["OTEL_SERVICE_NAME", "without a collector", {}],
    ["OTEL_TRACES_EXPORTER", "console", {}],
    ["PICTOGRAPH_STUDIO", "off", { hasStudio: false }],
    ["PICTOGRAPH_PUBLIC_URL", "http://[::1]:8080", { publicUrl: "http://[::1]:8080" }],
    [
      "PICTOGRAPH_PUBLIC_URL",
      "http://localhost:8080/pictures/",
      { publicUrl: "http://localhost:8080/pictures", hostNames: ["localhost"] },
    ],
    [
      "PICTOGRAPH_ALLOWED_HOSTS",
      "Pictures.example., pictograph,10.0.0.1,::1",
      { hostNames: ["pictures.example", "pictograph"] },
    ],
    [
      "PICTOGRAPH_MAX_REQUESTS_PER_MINUTE_PER_ADDRESS",
      "60",
      { addressLimits: { ...NO_LIMITS, requestsPerMinute: 60 } },
    ],
    ["PICTOGRAPH_MAX_CONNECTIONS_PER_ADDRESS", "10", { addressLimits: { ...NO_LIMITS, connections: 10 } }],
    ["PICTOGRAPH_MAX_UPLOADS_PER_ADDRESS", "none", { addressLimits: NO_LIMITS }],
    ["PICTOGRAPH_DATA_DIR", "/var/lib/pictograph", { dataDir: "/var/lib/pictograph" }],
    ["PICTOGRAPH_DATA_DIR", "here/and there", { dataDir: join(process.cwd(), "here/and there") }],
    ["PICTOGRAPH_TRUSTED_DOCUMENTS", "operations.json", { trustedDocuments: resolve("operations.json") }],
    ["PICTOGRAPH_DEFAULT_MODEL", "illustrator-1", { defaultModel: "illustrator-1" }],
    ["PICTOGRAPH_DOWNLOAD_HOSTS", "images.example", { downloadHosts: ["images.example"] }],
    [
      "PICTOGRAPH_DOWNLOAD_HOSTS",
      "*.cdn.example, http://files.example:8080",
      { downloadHosts: ["*.cdn.example", "http://files.example:8080"] },
    ],
    ["PICTOGRAPH_SIGNING_SECRET", "sixteen letters!", { signingSecret: "sixteen letters!" }],
    [
      "PICTOGRAPH_SIGNING_SECRET",
      "sixteen letters!, the one before it",
      { signingSecret: "sixteen letters!, the one before it" },
    ],
    ["PICTOGRAPH_WEBHOOK_ALLOW_HTTP", "true", { webhooks: { allowHttp: true, allowPrivate: false } }],
    ["PICTOGRAPH_WEBHOOK_ALLOW_PRIVATE", "true", { webhooks: { allowHttp: false, allowPrivate: true } }],
    ["PICTOGRAPH_URL_TTL_SECONDS", "60", { urlTtlSeconds: 60 }],
    ["PICTOGRAPH_URL_TTL_SECONDS", "604800", { urlTtlSeconds: 604_800 }],
    ["PICTOGRAPH_CORS_ORIGINS", "*", { corsOrigins: "*" }],
    ["PICTOGRAPH_CORS_ORIGINS", "https://app.example", { corsOrigins: ["https://app.example"] }],
    [
      "PICTOGRAPH_CORS_ORIGINS",
      "https://app.example , http://localhost:3000/",
      { corsOrigins: ["https://app.example", "http://localhost:3000"] },
    ],
    ["PICTOGRAPH_TRUST_PROXY", "0", { trustProxy: 0 }],
    ["PICTOGRAPH_MAX_CONCURRENCY", "1", { maxConcurrency: 1 }],
    ["PICTOGRAPH_MAX_CONCURRENCY", "1000", { maxConcurrency: 1000 }],
    ["PICTOGRAPH_UPSTREAM_TIMEOUT_SECONDS", "1", { upstreamTimeoutMs: 1000 }],
    ["PICTOGRAPH_UPSTREAM_TIMEOUT_SECONDS", "86400", { upstreamTimeoutMs: 86_400_000 }],
    ["PICTOGRAPH_STOP_TIMEOUT_SECONDS", "5", { stopTimeoutMs: 5000 }],
    ["PICTOGRAPH_STOP_TIMEOUT_SECONDS", "7200", { stopTimeoutMs: 7_200_000 }],
    ["DATABASE_URL", "postgres://u:p@db.example/pictograph", { databaseUrl: "postgres://u:p@db.example/pictograph" }],
    ["DATABASE_URL", "postgresql://localhost:5433/p", { databaseUrl: "postgresql://localhost:5433/p" }],
    [
      "S3_BUCKET",
      "pictures",
      { s3: { bucket: "pictures", endpoint: undefined, region: undefined, credentials: undefined } },
    ],
    ["AWS_REGION", "eu-west-1", {}],
    ["PICTOGRAPH_IMAGE_DELIVERY", "proxy", { isRedirecting: false }],
    ["PICTOGRAPH_DAILY_BUDGET_USD", "0", { dailyBudget: { usd: "0", isDefault: false } }],
    ["PICTOGRAPH_DAILY_BUDGET_USD", "20", { dailyBudget: { usd: "20", isDefault: false } }],
    ["PICTOGRAPH_DAILY_BUDGET_USD", "0.000000000001", { dailyBudget: { usd: "0.000000000001", isDefault: false } }],
    ["PICTOGRAPH_DAILY_BUDGET_USD", "1000000", { dailyBudget: { usd: "1000000", isDefault: false } }],
    ["PICTOGRAPH_DAILY_BUDGET_USD", "none", { dailyBudget: undefined }],
    ["PICTOGRAPH_MAX_DERIVATIVES_MB", "20000", { maxDerivativeBytes: 20_000_000_000 }],
    ["PICTOGRAPH_MIN_FREE_DISK_MB", "0", { minFreeBytes: 0 }],
    ["PICTOGRAPH_MAX_IMAGES_PER_MINUTE", "10", { maxImagesPerMinute: 10 }],
    ["PICTOGRAPH_MAX_IMAGES_PER_MINUTE", "1000000", { maxImagesPerMinute: 1_000_000 }],
    ["PICTOGRAPH_MAX_QUEUE", "1", { maxQueued: 1 }],
    ["PICTOGRAPH_MAX_SUBSCRIBERS", "1", { maxSubscribers: 1 }],
    ["PICTOGRAPH_RETAIN_DAYS", "30", { retainMs: 2_592_000_000 }],
    ["PICTOGRAPH_LEASE_SECONDS", "5", { leaseMs: 5000 }],
    ["PICTOGRAPH_KEEPALIVE_SECONDS", "15", { keepAliveMs: 15_000 }],
    ["LOG_LEVEL", "debug", { logLevel: "debug" }],
    ["LOG_LEVEL", "silent", { logLevel: "silent" }],
    ["NODE_ENV", "production", { isProduction: true }],
    ["NODE_ENV", "development", { isProduction: false }],
  ])("accepts %s=%s", (name, value, expected) => {
    expect(readConfig({ [name]: value })).toEqual({ ...DEFAULTS, ...expected });
  });

  test("with a key uses OpenAI and its best model by default", () => {
    expect(readConfig({ OPENAI_API_KEY: KEY })).toEqual({
      ...DEFAULTS,
      openai: { apiKey: KEY, baseUrl: undefined },
      defaultModel: "gpt-image-2.6-flare",
    });
  });

  test.each(["gpt-image-2", "dall-e-3", "org/some-model:v1.5", "illustrator-1"])(
    "with a key accepts the default model %s",
    (model) => {
      expect(readConfig({ OPENAI_API_KEY: KEY, PICTOGRAPH_DEFAULT_MODEL: model }).defaultModel).toBe(model);
    },
  );

  test.each([
    ["https://images.example/v1", "https://images.example/v1"],
    ["https://images.example/v1/", "https://images.example/v1"],
    ["http://127.0.0.1:9999", "http://127.0.0.1:9999"],
  ])("with a key accepts the base URL %s", (baseUrl, expected) => {
    const { openai } = readConfig({ OPENAI_API_KEY: KEY, OPENAI_BASE_URL: baseUrl });

    expect(openai).toEqual({ apiKey: KEY, baseUrl: expected });
  });
});

describe("an open gateway that others can reach", () => {
  const OPEN = { PICTOGRAPH_OPEN: "true" };

  test.each<[string, string, Partial<Config>]>([
    ["HOST", "0.0.0.0", { host: "0.0.0.0" }],
    ["HOST", "::", { host: "::" }],
    ["HOST", "10.0.0.1", { host: "10.0.0.1" }],
    ["HOST", "localhost.example", { host: "localhost.example", hostNames: ["localhost.example"] }],
    ["HOST", "Images.example", { host: "Images.example", hostNames: ["images.example"] }],
    [
      "PICTOGRAPH_PUBLIC_URL",
      "https://images.example/",
      { publicUrl: "https://images.example", hostNames: ["images.example"] },
    ],
    [
      "PICTOGRAPH_PUBLIC_URL",
      "https://images.example/pictures",
      { publicUrl: "https://images.example/pictures", hostNames: ["images.example"] },
    ],
    ["PICTOGRAPH_PUBLIC_URL", "http://10.0.0.1:8443", { publicUrl: "http://10.0.0.1:8443" }],
    ["PICTOGRAPH_TRUST_PROXY", "2", { trustProxy: 2, addressLimits: PROXY_LIMITS }],
    [
      "PICTOGRAPH_TRUST_PROXY",
      "loopback, 10.0.0.0/8,::1/128",
      { trustProxy: ["loopback", "10.0.0.0/8", "::1/128"], addressLimits: PROXY_LIMITS },
    ],
    ["PICTOGRAPH_TRUST_PROXY", "192.168.1.1", { trustProxy: ["192.168.1.1"], addressLimits: PROXY_LIMITS }],
  ])("with %s=%s is allowed only by an explicit setting", (name, value, expected) => {
    expect(problemsOf({ [name]: value })).toEqual([
      expect.stringMatching(new RegExp(`^PICTOGRAPH_ADMIN_KEY .*${name}.*PICTOGRAPH_OPEN`)),
    ]);
    expect(problemsOf({ [name]: value, PICTOGRAPH_OPEN: "false" })).toHaveLength(1);
    expect(readConfig({ [name]: value, ...OPEN })).toMatchObject(expected);
  });

  test("names every reason in one error", () => {
    const environment = { HOST: "0.0.0.0", PICTOGRAPH_TRUST_PROXY: "1", PICTOGRAPH_PUBLIC_URL: "https://a.example" };
    const [problem, ...others] = problemsOf(environment);

    expect(others).toEqual([]);
    for (const name of Object.keys(environment)) expect(problem).toContain(name);
  });

  test("warns that it is open", () => {
    expect(readConfig(OPEN).warnings).toEqual([expect.stringContaining("PICTOGRAPH_OPEN")]);
  });

  test("may set the limits of an address, or remove them", () => {
    const proxied = { ...OPEN, PICTOGRAPH_TRUST_PROXY: "1" };

    expect(readConfig({ ...proxied, PICTOGRAPH_MAX_UPLOADS_PER_ADDRESS: "2" }).addressLimits).toEqual({
      ...PROXY_LIMITS,
      uploads: 2,
    });
    expect(readConfig({ ...proxied, PICTOGRAPH_MAX_REQUESTS_PER_MINUTE_PER_ADDRESS: "none" }).addressLimits).toEqual({
      ...PROXY_LIMITS,
      requestsPerMinute: undefined,
    });
  });
});

describe("a keyed gateway", () => {
  const KEY = "marked-key-of-32-characters-long";
  const ANYWHERE = { HOST: "0.0.0.0", PICTOGRAPH_TRUST_PROXY: "1", PICTOGRAPH_PUBLIC_URL: "https://a.example" };

  test.each([
    ["one key", KEY, [KEY]],
    ["two keys, while one replaces the other", `${KEY}1, ${KEY}2`, [`${KEY}1`, `${KEY}2`]],
  ])("has %s, may be reached from anywhere, and accepts every host name", (_what, value, adminKeys) => {
    expect(readConfig({ ...ANYWHERE, PICTOGRAPH_ADMIN_KEY: value })).toMatchObject({
      adminKeys,
      hostNames: undefined,
      dailyBudget: undefined,
      warnings: [],
    });
  });

  test.each([
    ["31 characters", KEY.slice(1)],
    ["a space in it", `${KEY} ${KEY}`],
    ["another script", "é".repeat(32)],
    ["an empty one beside it", `${KEY},`],
    ["a short one beside it", `${KEY},marked`],
  ])("does not start with a key of %s, and does not become open", (_what, value) => {
    const problems = problemsOf({ ...ANYWHERE, PICTOGRAPH_ADMIN_KEY: value });

    expect(problems).toEqual([
      expect.stringMatching(/^PICTOGRAPH_ADMIN_KEY must be 32 or more printable ASCII characters/),
    ]);
    expect(problems[0]).not.toContain("marked");
  });

  test("warns that PICTOGRAPH_OPEN has no effect", () => {
    expect(readConfig({ PICTOGRAPH_ADMIN_KEY: KEY, PICTOGRAPH_OPEN: "true" }).warnings).toEqual([
      expect.stringMatching(/^PICTOGRAPH_OPEN=true has no effect/),
    ]);
  });
});

describe("an identity provider", () => {
  const KEY = "marked-admin-key-of-32-characters-or-more";
  const JWT = {
    PICTOGRAPH_ADMIN_KEY: KEY,
    PICTOGRAPH_JWT_ISSUER: "https://id.example/",
    PICTOGRAPH_JWT_AUDIENCE: "pictograph",
    PICTOGRAPH_JWT_JWKS_URL: "https://id.example/jwks.json",
  };

  test("is read with its default values", () => {
    const jwt = { issuer: "https://id.example/", audience: "pictograph", jwksUrl: "https://id.example/jwks.json" };
    expect(readConfig(JWT).jwt).toEqual({ ...jwt, projectClaim: "pictograph_project" });
    const more = {
      PICTOGRAPH_JWT_PROJECT_CLAIM: "https://id.example/project",
      PICTOGRAPH_JWT_JWKS_URL: "http://[::1]:9/",
    };
    expect(readConfig({ ...JWT, ...more }).jwt).toMatchObject({
      jwksUrl: "http://[::1]:9/",
      projectClaim: "https://id.example/project",
    });
  });

  test.each(["PICTOGRAPH_JWT_ISSUER", "PICTOGRAPH_JWT_AUDIENCE", "PICTOGRAPH_JWT_JWKS_URL"])("needs %s", (name) => {
    expect(problemsOf({ ...JWT, [name]: "" })).toEqual([expect.stringMatching(/must be set together$/)]);
  });

  test("needs an admin key, because an open gateway reads no JWTs", () => {
    expect(problemsOf({ ...JWT, PICTOGRAPH_ADMIN_KEY: "" })).toEqual([
      expect.stringMatching(/^PICTOGRAPH_JWT_ISSUER needs PICTOGRAPH_ADMIN_KEY/),
    ]);
  });

  test.each(["http://id.example/jwks", "http://10.0.0.1/", "https://u:p@id.example/", "ftp://id.example/", "jwks"])(
    "may not have its keys at %s",
    (url) => {
      expect(problemsOf({ ...JWT, PICTOGRAPH_JWT_JWKS_URL: url })).toEqual([
        expect.stringMatching(/^PICTOGRAPH_JWT_JWKS_URL must be an https URL/),
      ]);
    },
  );
});

describe("a secret in a file", () => {
  const KEY = "marked-admin-key-of-32-characters-or-more";
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "pictograph-secrets-"));
  });

  afterEach(() => rm(directory, { recursive: true }));

  async function fileWith(text: string): Promise<string> {
    const path = join(directory, "secret");
    await writeFile(path, text);
    return path;
  }

  test("counts like its variable", async () => {
    const path = await fileWith(`${KEY}\n`);
    const config = readConfig({
      HOST: "0.0.0.0",
      PICTOGRAPH_ADMIN_KEY_FILE: path,
      PICTOGRAPH_SIGNING_SECRET_FILE: path,
    });

    expect(config).toMatchObject({ adminKeys: [KEY], signingSecret: KEY, dailyBudget: undefined });
    const database = await fileWith("postgres://u:p@db.example/pictograph");
    expect(readConfig({ DATABASE_URL_FILE: database }).databaseUrl).toBe("postgres://u:p@db.example/pictograph");
    expect(readConfig({ OPENAI_API_KEY_FILE: await fileWith("sk-marked") }).openai?.apiKey).toBe("sk-marked");
  });

  test("that cannot be read prevents the start, and does not open the gateway", async () => {
    const problemsWith = (path: string, more = {}) =>
      problemsOf({ HOST: "0.0.0.0", PICTOGRAPH_ADMIN_KEY_FILE: path, ...more });
    const path = await fileWith(KEY);

    expect(problemsWith(join(directory, "none"))).toEqual([expect.stringMatching(/_KEY_FILE must be .*ENOENT/)]);
    expect(problemsWith(directory)).toEqual([expect.stringMatching(/_KEY_FILE must be .*EISDIR/)]);
    expect(problemsWith(path, { PICTOGRAPH_ADMIN_KEY: KEY })).toEqual([expect.stringMatching(/both set; set one/)]);
    expect(problemsWith(await fileWith(" \n"))).toEqual([expect.stringMatching(/_KEY_FILE must be .*empty/)]);
    expect(problemsWith(await fileWith("marked".repeat(20_000)))).toEqual([expect.stringMatching(/larger than 65536/)]);
    const short = problemsWith(await fileWith("marked"));
    expect(short).toEqual([expect.stringMatching(/^PICTOGRAPH_ADMIN_KEY must be 32/)]);
  });
});

const SHARED = {
  DATABASE_URL: "postgres://u:p@db.example/pictograph",
  S3_BUCKET: "pictures",
  S3_ENDPOINT: "http://s3.example:9000/",
  AWS_ACCESS_KEY_ID: "marked-id",
  AWS_SECRET_ACCESS_KEY: "marked-secret",
};

describe("several machines", () => {
  test("share a database, a bucket and a secret, and may divide the work", () => {
    const environment = { ...SHARED, PICTOGRAPH_SIGNING_SECRET: SECRET, PICTOGRAPH_ROLE: "worker", AWS_REGION: "eu-1" };

    expect(readConfig(environment)).toMatchObject({
      role: "worker",
      s3: {
        bucket: "pictures",
        endpoint: "http://s3.example:9000",
        region: "eu-1",
        credentials: { accessKeyId: "marked-id", secretAccessKey: "marked-secret" },
      },
    });
  });

  test("need an explicit signing secret", () => {
    expect(problemsOf(SHARED)).toEqual([expect.stringMatching(/^PICTOGRAPH_SIGNING_SECRET /)]);
  });

  test.each([{}, { DATABASE_URL: SHARED.DATABASE_URL }, { S3_BUCKET: "pictures" }])(
    "cannot divide the work with only %j",
    (environment) => {
      const problems = problemsOf({ ...environment, PICTOGRAPH_ROLE: "web" });
      expect(problems).toEqual([expect.stringMatching(/^PICTOGRAPH_ROLE /)]);
    },
  );

  test("need both parts of the bucket's key", () => {
    const problems = problemsOf({ S3_BUCKET: "pictures", AWS_ACCESS_KEY_ID: "marked-id" });
    expect(problems).toEqual([expect.stringMatching(/^AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY /)]);
  });
});

const MALFORMED: readonly (readonly [name: string, ...values: string[]])[] = [
  [
    "PICTOGRAPH_DAILY_BUDGET_USD",
    "-1",
    "1e3",
    "$20",
    "20,50",
    "1.1234567890123",
    "1000000.01",
    "NaN",
    "None",
    "10 000",
  ],
  ["PICTOGRAPH_MAX_IMAGES_PER_MINUTE", "9", "0", "1000001", "none", "3e2"],
  ["PORT", "abc", "-1", "65536", "80.5", "8e3", "0x50", "80 80", "８０", "99999999999999999999"],
  ["HOST", "http://localhost", "a b", "-x", "x-", "1.2.3.4:80", "*", "[::1]", "a_b"],
  [
    "PICTOGRAPH_PUBLIC_URL",
    "images.example",
    "ftp://images.example",
    "https://images.example/a/../b",
    "https://images.example/a b",
    "https://images.example?x",
    "https://images.example#x",
    "https://images.example/?",
    "https://user:pass@images.example",
    "https://",
    "https://IMAGES.example",
    "javascript:alert(1)",
  ],
  ["PICTOGRAPH_OPEN", "yes", "1", "TRUE"],
  ["PICTOGRAPH_METRICS_PORT", "-1", "65536", "metrics", "8080"],
  ["PICTOGRAPH_STUDIO", "false", "OFF", "0"],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318", "grpc://collector", "https://user:pass@collector.example"],
  ["PICTOGRAPH_ALLOWED_HOSTS", "*", "images.example:8080", "https://images.example", "a.example,", "a b", "é", "[::1]"],
  ["PICTOGRAPH_MAX_REQUESTS_PER_MINUTE_PER_ADDRESS", "0", "-1", "many", "1000001"],
  ["PICTOGRAPH_MAX_CONNECTIONS_PER_ADDRESS", "0", "off"],
  ["PICTOGRAPH_MAX_UPLOADS_PER_ADDRESS", "0", "NONE"],
  ["OPENAI_API_KEY", "sk with spaces", "sk-\u00e9", "sk-\n1", "“sk”"],
  ["PICTOGRAPH_DEFAULT_MODEL", "gpt-image-2", "illustrator-2", "ILLUSTRATOR-1"],
  [
    "PICTOGRAPH_DOWNLOAD_HOSTS",
    "*",
    "*.example",
    "images.*.example",
    "https://images.example/path",
    "ftp://images.example",
    "user@images.example",
    "a.example,",
    "images example",
  ],
  ["PICTOGRAPH_SIGNING_SECRET", "x", "fifteen letters", "sixteen letters!,", "sixteen letters!,fifteen letters"],
  ["PICTOGRAPH_WEBHOOK_ALLOW_HTTP", "1", "yes"],
  ["PICTOGRAPH_WEBHOOK_ALLOW_PRIVATE", "1", "yes"],
  ["PICTOGRAPH_URL_TTL_SECONDS", "0", "59", "604801", "2h", "-7200", "7200.5", "Infinity"],
  [
    "PICTOGRAPH_CORS_ORIGINS",
    "app.example",
    "https://app.example/path",
    "https://a.example,",
    "*,https://a.example",
    "null",
  ],
  [
    "PICTOGRAPH_TRUST_PROXY",
    "true",
    "yes",
    "-1",
    "10.0.0.0/33",
    "::1/129",
    "10.0.0/8",
    "10.0.0.1/8/8",
    "proxy.example",
    "1.5",
  ],
  ["PICTOGRAPH_MAX_CONCURRENCY", "0", "1001", "-1", "8.5", "many"],
  ["PICTOGRAPH_UPSTREAM_TIMEOUT_SECONDS", "0", "86401", "10m", "-1", "0.5"],
  ["PICTOGRAPH_STOP_TIMEOUT_SECONDS", "4", "7201", "30s", "0"],
  ["LOG_LEVEL", "verbose", "INFO", "30"],
  ["DATABASE_URL", "mysql://localhost/p", "localhost/p", "postgres://localhost", "postgres:///p"],
  ["S3_BUCKET", "ab", "Pictures", "-pictures", "pictures/of", "x".repeat(64)],
  ["S3_ENDPOINT", "https://s3.example", "s3.example", "ftp://s3.example"],
  ["PICTOGRAPH_IMAGE_DELIVERY", "cdn", "PROXY"],
  ["PICTOGRAPH_ROLE", "all in one", "web"],
  ["PICTOGRAPH_MAX_QUEUE", "0", "-1", "many"],
  ["PICTOGRAPH_MAX_SUBSCRIBERS", "0", "1.5", "1000001"],
  ["PICTOGRAPH_RETAIN_DAYS", "0", "0.5", "36501", "30d"],
  ["PICTOGRAPH_LEASE_SECONDS", "1", "3601", "60s"],
  ["PICTOGRAPH_KEEPALIVE_SECONDS", "0", "3601", "off"],
];

describe("a malformed configuration", () => {
  const cases = MALFORMED.flatMap(([name, ...values]) => values.map((value) => [name, value] as const));

  test.each(cases)("is refused for %s=%j only", (name, value) => {
    expect(problemsOf({ [name]: value })).toEqual([expect.stringMatching(new RegExp(`^${name} .`))]);
  });

  test("is refused for a base URL without a key", () => {
    const problems = problemsOf({ OPENAI_BASE_URL: "https://images.example/v1" });

    expect(problems).toEqual([expect.stringMatching(/^OPENAI_BASE_URL .*OPENAI_API_KEY/)]);
  });

  test.each([
    "images.example",
    "ftp://images.example",
    "https://user:marked-password@images.example/v1",
    "https://x/v1?key=marked",
  ])("is refused for the base URL %s without printing it", (baseUrl) => {
    const problems = problemsOf({ OPENAI_API_KEY: KEY, OPENAI_BASE_URL: baseUrl });

    expect(problems).toEqual([expect.stringMatching(/^OPENAI_BASE_URL /)]);
    expect(problems[0]).not.toContain("marked");
  });

  test.each(["?x", "a b", "-gpt", "gpt image", "x".repeat(101), "é"])(
    "is refused for the model %j with a key",
    (model) => {
      expect(problemsOf({ OPENAI_API_KEY: KEY, PICTOGRAPH_DEFAULT_MODEL: model })).toEqual([
        expect.stringMatching(/^PICTOGRAPH_DEFAULT_MODEL /),
      ]);
    },
  );

  test("says what lets another model be the default", () => {
    expect(problemsOf({ PICTOGRAPH_DEFAULT_MODEL: "gpt-image-2" })).toEqual([
      "PICTOGRAPH_DEFAULT_MODEL must be illustrator-1 while neither OPENAI_API_KEY nor PICTOGRAPH_MODELS_FILE is set",
    ]);
    expect(problemsOf({ PICTOGRAPH_DEFAULT_MODEL: "gpt-image-2", PICTOGRAPH_MODELS_FILE: "models.json" })).toEqual([]);
  });

  test("reports a malformed key only, not the model that needs it", () => {
    const problems = problemsOf({ OPENAI_API_KEY: "a b", PICTOGRAPH_DEFAULT_MODEL: "gpt-image-2" });
    expect(problems).toEqual([expect.stringMatching(/^OPENAI_API_KEY /)]);
  });

  test("is refused with all problems, one per line", () => {
    const environment = Object.fromEntries(MALFORMED.map(([name, value = ""]) => [name, value]));
    const problems = problemsOf({ ...environment, OPENAI_BASE_URL: "nowhere", PICTOGRAPH_DEFAULT_MODEL: "a b" });

    const named = problems.map((problem) => problem.split(" ")[0]);
    const expected = [...MALFORMED.map(([name]) => name), "OPENAI_BASE_URL"];
    expect([...new Set(named)].sort()).toEqual([...expected].sort());
    expect(named).toHaveLength(expected.length);
  });

  test("never prints a secret", () => {
    const message = [
      ...problemsOf({ OPENAI_API_KEY: `${KEY} with a space` }),
      ...problemsOf({ OPENAI_API_KEY: KEY, PICTOGRAPH_SIGNING_SECRET: SECRET, PORT: "x" }),
      ...problemsOf({ PICTOGRAPH_SIGNING_SECRET: "marked" }),
      ...problemsOf({ DATABASE_URL: "mysql://user:marked-password@localhost/pictograph" }),
      ...problemsOf({ PICTOGRAPH_PUBLIC_URL: "https://user:marked-password@images.example" }),
      ...problemsOf({ PICTOGRAPH_CORS_ORIGINS: "https://user:marked-password@images.example" }),
    ].join("\n");

    expect(message.split("\n")).toHaveLength(6);
    expect(message).not.toMatch(/marked|sk-/);
  });
});

describe("the certificate that signs images", () => {
  const FILES = { PICTOGRAPH_C2PA_CERTIFICATE: "c2pa.pem", PICTOGRAPH_C2PA_KEY: "/keys/c2pa.key" };

  test("is read as absolute paths", () => {
    expect(readConfig(FILES).c2pa).toEqual({ certificate: resolve("c2pa.pem"), key: "/keys/c2pa.key" });
  });

  test.each(Object.keys(FILES))("needs %s", (name) => {
    expect(problemsOf({ ...FILES, [name]: "" })).toEqual([
      "PICTOGRAPH_C2PA_CERTIFICATE and PICTOGRAPH_C2PA_KEY must be set together",
    ]);
  });
});
