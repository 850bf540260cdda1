import PQueue from "p-queue";
import type { Config } from "../config.ts";
import type { ModelsFile, NamedProvider } from "../wiring/models-file.ts";
import { NO_KEY } from "../wiring/open-providers.ts";
import { type Finding, ok, problem, type RemoteFinding, type RemoteTime, warning } from "./finding.ts";

const NAME = "provider";
const OPENAI_URL = "https://api.openai.com/v1";
const ANSWER_TIMEOUT_MS = 10_000;
/** The most of a list of models that is read, in bytes. */
const MAX_LIST_BYTES = 4 * 1024 * 1024;
/** How many providers are asked at once. */
const MAX_QUESTIONS = 8;

/** A server that speaks OpenAI's API, and the settings that a finding about it may advise to correct. */
interface Server {
  /** How findings begin: the address, and before it the provider's name in the models file. */
  readonly title: string;
  readonly baseUrl: string;
  /** `undefined` if calls carry no key. */
  readonly apiKey: string | undefined;
  /** The server's names of the models that the gateway calls. */
  readonly models: readonly string[];
  readonly addressSetting: string;
  readonly keyAdvice: string;
  readonly modelAdvice: string;
}

/**
 * Asks each provider for its models, which costs nothing and shows whether the key works.
 *
 * @param keys the keys of the providers of the models file, by variable
 */
export async function checkProviders(
  config: Config,
  models: ModelsFile | undefined,
  keys: ReadonlyMap<string, string>,
): Promise<readonly RemoteFinding[]> {
  const named = models?.providers ?? [];
  const servers = [
    ...(config.openai ? [openAIServer(config, config.openai, models)] : []),
    ...named.flatMap((provider) => (provider.kind === "openai" ? [namedServer(provider, keys)] : [])),
  ];
  const packages = [
    ...named.flatMap(({ kind, name }) => (kind === "ai-sdk" ? [name] : [])),
    ...(models && models.aiSdk.length > 0 ? ["ai-sdk"] : []),
  ];
  if (servers.length + packages.length === 0) {
    return [{ finding: ok(NAME, "no OPENAI_API_KEY: the built-in illustrator draws") }];
  }
  const questions = new PQueue({ concurrency: MAX_QUESTIONS });
  const found = await questions.addAll(servers.map((server) => () => ask(server)));
  const notAsked = packages.map((name) => ok(NAME, `${name} is not asked: packages of the AI SDK list no models`));
  return [...found, ...notAsked.map((finding) => ({ finding }))];
}

/** The time that is nearest to this machine's: if one provider agrees, only the others' clocks are wrong. */
export function nearestTime(findings: readonly RemoteFinding[]): RemoteTime | undefined {
  const distance = ({ time, readAt }: RemoteTime) => Math.abs(time.getTime() - readAt.getTime());
  return findings
    .flatMap(({ remoteTime }) => remoteTime ?? [])
    .toSorted((one, other) => distance(one) - distance(other))[0];
}

function openAIServer(
  { defaultModel }: Config,
  { apiKey, baseUrl = OPENAI_URL }: NonNullable<Config["openai"]>,
  models: ModelsFile | undefined,
): Server {
  const isElsewhere = models?.aliases.has(defaultModel) || models?.models.has(defaultModel);
  const called = models?.openai.get(defaultModel);
  return {
    title: baseUrl,
    baseUrl,
    apiKey,
    models: called || !isElsewhere ? [called?.name ?? defaultModel] : [],
    addressSetting: "OPENAI_BASE_URL",
    keyAdvice: "set OPENAI_API_KEY to a valid key",
    modelAdvice: "set PICTOGRAPH_DEFAULT_MODEL to a model that it lists",
  };
}

function namedServer(
  { name, baseUrl, keyVariable, models }: NamedProvider & { readonly kind: "openai" },
  keys: ReadonlyMap<string, string>,
): Server {
  return {
    title: `${name}: ${baseUrl}`,
    baseUrl,
    apiKey: keyVariable === undefined ? undefined : keys.get(keyVariable),
    models: [...models].map(([id, model]) => model.name ?? id),
    addressSetting: `baseUrl of ${name} in the models file`,
    keyAdvice:
      keyVariable === undefined
        ? `name the variable of its key in keyVariable of ${name} in the models file`
        : `set ${keyVariable} to a valid key`,
    modelAdvice: "correct the models file, unless the server also accepts names that it does not list",
  };
}

async function ask(server: Server): Promise<RemoteFinding> {
  const { title, apiKey = NO_KEY, addressSetting } = server;
  const baseUrl = server.baseUrl.replace(/\/$/, "");
  let response: Response;
  try {
    response = await fetch(`${baseUrl}/models`, {
      headers: { Authorization: `Bearer ${apiKey}` },
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      redirect: "manual",
    });
  } catch (error) {
    const { cause, name } = error as Error;
    const reason = (cause as NodeJS.ErrnoException | undefined)?.code ?? name;
    return {
      finding: problem(
        NAME,
        `${title} cannot be reached (${reason})`,
        `check the network, or correct ${addressSetting}`,
      ),
    };
  }
  const date = Date.parse(response.headers.get("date") ?? "");
  const finding = await judge(response, server);
  await response.body?.cancel().catch(() => {});
  if (Number.isNaN(date)) return { finding };
  return { finding, remoteTime: { source: "the provider", time: new Date(date), readAt: new Date() } };
}

async function judge(response: Response, server: Server): Promise<Finding> {
  const { title, apiKey, models, addressSetting, keyAdvice, modelAdvice } = server;
  const { status } = response;
  if (status === 401 || status === 403) {
    const what = apiKey === undefined ? "refuses calls without a key" : "refuses the key";
    return problem(NAME, `${title} ${what} (status ${status})`, keyAdvice);
  }
  if (status === 404) {
    const advice = `check that ${addressSetting} ends as the server's paths do, often in /v1`;
    return warning(NAME, `${title} has no list of models`, advice);
  }
  if (status !== 200) {
    return problem(NAME, `${title} lists its models with status ${status}`, "ask the provider, or try again later");
  }
  const ids = await readModelIds(response).catch(() => undefined);
  if (!ids) return warning(NAME, `${title} sends no list of models that can be read`, `check ${addressSetting}`);
  const accepts = apiKey === undefined ? "answers" : "accepts the key";
  const missing = models.filter((model) => !ids.includes(model));
  if (missing.length > 0) {
    return warning(NAME, `${title} ${accepts}, but does not list ${missing.join(", ")}`, modelAdvice);
  }
  return ok(NAME, `${title} ${accepts}${models.length > 0 ? ` and has ${models.join(", ")}` : ""}`);
}

async function readModelIds(response: Response): Promise<readonly string[] | undefined> {
  const chunks: Uint8Array[] = [];
  let byteCount = 0;
  for await (const chunk of response.body ?? []) {
    byteCount += chunk.byteLength;
    if (byteCount > MAX_LIST_BYTES) return undefined;
    chunks.push(chunk);
  }
  const { data } = JSON.parse(Buffer.concat(chunks).toString()) as { data?: unknown };
  return Array.isArray(data) ? data.map((model) => String(model?.id)) : undefined;
}
