import type { AiSdkModel } from "../adapters/ai-sdk/ai-sdk-model.ts";
import { GuardedDownloads } from "../adapters/downloads/guarded-downloads.ts";
import {
  createIllustrator,
  ILLUSTRATOR_MODEL,
  ILLUSTRATOR_NAME,
  type IllustratorOptions,
} from "../adapters/illustrator.ts";
import { isModelName } from "../adapters/openai/model-names.ts";
import type { OpenAIOptions } from "../adapters/openai/openai.ts";
import { type Config, readProviderKeys } from "../config.ts";
import type { Lifecycle } from "../lifecycle.ts";
import type { ImageProvider } from "../ports/image-provider.ts";
import { type Traces, toHeaders } from "../ports/traces.ts";
import type { StandIn } from "../service/models/model-catalogue.ts";
import { hostNameOf, isLoopback } from "../settings/host-name.ts";
import type { ModelsFile, NamedProvider } from "./models-file.ts";

/**
 * Reads the operator's models file, if one is configured.
 *
 * @throws StartError naming every problem of the file
 */
export async function readModels({ modelsFile }: Config): Promise<ModelsFile | undefined> {
  if (modelsFile === undefined) return undefined;
  const { readModelsFile } = await import("./models-file.ts");
  return readModelsFile(modelsFile);
}

/**
 * Makes the illustrator answer for the names of OpenAI's models, so that code written for them runs without a key. This
 * applies only where its pictures cannot be mistaken for those of a provider.
 *
 * @param providers all providers
 */
export function standInFor(providers: readonly ImageProvider[]): StandIn | undefined {
  return hasPaidProvider(providers) ? undefined : { id: ILLUSTRATOR_MODEL, answersTo: isModelName };
}

/**
 * Creates the providers that the configuration and the models file name, and the illustrator.
 *
 * @param illustratorOptions the functions that the illustrator needs from outside
 * @param traces whose context servers that speak OpenAI's API get with each call
 * @throws StartError naming every key that is not set, or every package that is missing or lacks its model
 */
export async function createProviders(
  config: Config,
  operator: ModelsFile | undefined,
  illustratorOptions: IllustratorOptions,
  traces: Pick<Traces, "current">,
  lifecycle: Lifecycle,
): Promise<ImageProvider[]> {
  const open = <Provider extends ImageProvider>(provider: Provider): Provider => {
    lifecycle.on("closed", () => provider.close());
    return provider;
  };
  const illustrator = open(createIllustrator(illustratorOptions));
  const { providers = [], aiSdk = [] } = operator ?? {};
  const keys = readKeys(operator);
  const settings = { ...config, moreHeaders: () => toHeaders(traces.current()) };
  const own: ImageProvider[] = [];
  if (config.openai) own.push(open(await openOpenAI(settings, config.openai, operator)));
  if (aiSdk.length > 0) own.push(open(await openAiSdk(aiSdk)));
  for (const provider of providers) own.push(open(await openNamed(settings, provider, keys)));
  return [...own, illustrator];
}

/**
 * Reads the keys of the providers of the models file, by variable.
 *
 * @throws StartError naming every variable that is not set
 */
export function readKeys(operator: ModelsFile | undefined): ReadonlyMap<string, string> {
  return readProviderKeys(operator?.providers.flatMap(({ keyVariable }) => keyVariable ?? []) ?? []);
}

/** The settings of servers that speak OpenAI's API. */
interface ServerSettings extends Config {
  readonly moreHeaders: () => Readonly<Record<string, string>>;
}

function openOpenAI(
  settings: ServerSettings,
  { apiKey, baseUrl }: NonNullable<Config["openai"]>,
  operator: ModelsFile | undefined,
): Promise<ImageProvider> {
  const { defaultModel } = settings;
  // Models of the operator's file are described in that file.
  const isDescribed = operator?.models.has(defaultModel) || operator?.aliases.has(defaultModel);
  return openServer(settings, {
    apiKey,
    ...(baseUrl !== undefined && { baseUrl }),
    extraModels: isDescribed ? [] : [defaultModel],
    ...(operator && { models: operator.openai }),
  });
}

/** Opens a provider of the models file. It has its own connection settings, limits and failures. */
async function openNamed(
  settings: ServerSettings,
  named: NamedProvider,
  keys: ReadonlyMap<string, string>,
): Promise<ImageProvider> {
  const { name, keyVariable, concurrency, timeoutMs } = named;
  const apiKey = keyVariable === undefined ? undefined : keys.get(keyVariable);
  const limits = { ...(concurrency !== undefined && { concurrency }), ...(timeoutMs !== undefined && { timeoutMs }) };
  if (named.kind === "ai-sdk") return { ...(await openAiSdk(named.models, name, apiKey)), ...limits };
  const { baseUrl, models } = named;
  const server = await openServer(settings, { name, apiKey: apiKey ?? NO_KEY, baseUrl, models, ...limits });
  return { ...server, ...limits };
}

/** What servers without keys get. The client of OpenAI always sends one. */
export const NO_KEY = "none";

async function openServer(
  { upstreamTimeoutMs, downloadHosts, moreHeaders }: ServerSettings,
  options: Omit<OpenAIOptions, "timeoutMs" | "downloads" | "moreHeaders"> & { readonly timeoutMs?: number },
): Promise<ImageProvider> {
  const { createOpenAI } = await import("../adapters/openai/openai.ts");
  const { baseUrl } = options;
  const ownOrigins = baseUrl === undefined ? [] : originsOf(new URL(baseUrl));
  const downloads = new GuardedDownloads({ hosts: downloadHosts, ownOrigins });
  return createOpenAI({ timeoutMs: upstreamTimeoutMs, ...options, downloads, moreHeaders });
}

async function openAiSdk(models: readonly AiSdkModel[], name?: string, apiKey?: string): Promise<ImageProvider> {
  const { createAiSdk } = await import("../adapters/ai-sdk/ai-sdk.ts");
  const keyed = models.map((model) => {
    return apiKey === undefined ? model : { ...model, settings: { ...model.settings, apiKey } };
  });
  return createAiSdk(keyed, { ...(name !== undefined && { name }) });
}

/** The origins of a server. On this machine it has several names, and may answer with another one than it is called by. */
function originsOf(url: URL): string[] {
  if (!isLoopback(hostNameOf(url.host) ?? "")) return [url.origin];
  const names = ["localhost", "127.0.0.1", "[::1]"];
  return [url.origin, ...names.map((name) => Object.assign(new URL(url), { hostname: name }).origin)];
}

/** Whether a call may cost money. Only the illustrator is certainly free. */
export function hasPaidProvider(providers: readonly ImageProvider[]): boolean {
  return providers.some(({ name }) => name !== ILLUSTRATOR_NAME);
}
