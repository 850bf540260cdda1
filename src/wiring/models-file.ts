import type { z } from "zod";
import type { AiSdkModel } from "../adapters/ai-sdk/ai-sdk-model.ts";
import type { ServerModel } from "../adapters/openai/server-model.ts";
import { StartError } from "../errors.ts";
import { type ModelDescription, QUALITIES } from "../ports/image-provider.ts";
import type { OperatorModels } from "../service/models/model-catalogue.ts";
import { readJsonFile } from "./json-file.ts";
import { FILE_SCHEMA, MODEL_SCHEMAS, type ProviderEntry } from "./models-file-schema.ts";

/** The content of the operator's file `PICTOGRAPH_MODELS_FILE`, which docs/models.md describes. */
export interface ModelsFile extends OperatorModels {
  /** The providers that the file names, with their models. */
  readonly providers: readonly NamedProvider[];
  /** The models of the AI SDK that name their package themselves. They share one provider. */
  readonly aiSdk: readonly AiSdkModel[];
  /** By name: how models of the server of `OPENAI_BASE_URL` are called. */
  readonly openai: ReadonlyMap<string, ServerModel>;
}

/** A provider of the file. */
export type NamedProvider = {
  readonly name: string;
  /** The environment variable that holds its key. */
  readonly keyVariable?: string | undefined;
  /** The most calls at once. */
  readonly concurrency?: number | undefined;
  /** The time limit of one call, in milliseconds. */
  readonly timeoutMs?: number | undefined;
} & (
  | { readonly kind: "openai"; readonly baseUrl: string; readonly models: ReadonlyMap<string, ServerModel> }
  | { readonly kind: "ai-sdk"; readonly models: readonly AiSdkModel[] }
);

type Entries = Readonly<Record<string, ProviderEntry>>;

/** A model as the file describes it: the changes to its description, and how it is called. */
interface ReadModel {
  readonly changes: Partial<ModelDescription>;
  readonly provider: string | undefined;
  readonly sdk?: AiSdkModel;
  readonly server?: ServerModel;
}

/** Reads and checks the file. @throws StartError naming every problem with its place in the file */
export async function readModelsFile(path: string): Promise<ModelsFile> {
  const content = await readJsonFile("PICTOGRAPH_MODELS_FILE", path);
  const read = FILE_SCHEMA.safeParse(content);
  const problems = read.error ? problemsOf(read.error, []) : [];
  const { providers: entries = {}, aliases = {} } = read.data ?? {};
  const models = new Map<string, ReadModel>();
  for (const [id, value] of Object.entries((content as { readonly models?: object } | null)?.models ?? {})) {
    const model = readModel(id, value, entries);
    if (Array.isArray(model)) problems.push(...model);
    else models.set(id, model);
  }
  for (const name of Object.keys(entries)) {
    const hasModel = [...models.values()].some(({ provider }) => provider === name);
    if (!hasModel && problems.length === 0) problems.push(`providers.${name}: no model of the file has this provider`);
  }
  if (problems.length > 0) throw new StartError(problems.map((problem) => `${path}: ${problem}`));
  return {
    models: new Map([...models].map(([id, { changes }]) => [id, changes])),
    aliases: new Map(Object.entries(aliases)),
    providers: Object.entries(entries).map(([name, entry]) => toNamedProvider(name, entry, models)),
    aiSdk: [...models.values()].flatMap(({ provider, sdk }) => (sdk && provider === "ai-sdk" ? [sdk] : [])),
    openai: serverModelsOf(models, (provider) => provider === undefined || provider === "openai"),
  };
}

/** Reads a model. @returns its problems, if it has any */
function readModel(id: string, value: unknown, entries: Entries): ReadModel | string[] {
  const name = String((value as { readonly provider?: unknown } | null)?.provider);
  const entry = Object.hasOwn(entries, name) ? entries[name] : undefined;
  if (name === "ai-sdk" || entry?.kind === "ai-sdk") {
    const read = MODEL_SCHEMAS[entry ? "namedSdk" : "ai-sdk"].safeParse(value);
    return read.error ? problemsOf(read.error, ["models", id]) : toSdkModel(id, read.data, entry);
  }
  const read = MODEL_SCHEMAS.other.safeParse(value);
  if (read.error) return problemsOf(read.error, ["models", id]);
  const { model, omit, send, provider, ...abilities } = read.data;
  const server = {
    ...(model !== undefined && { name: model }),
    ...(omit && { omit }),
    ...(send && { send }),
  };
  const isServers = provider === undefined || provider === "openai" || entry !== undefined;
  if (!isServers && Object.keys(server).length > 0) {
    return [`models.${id}: only models of OpenAI-compatible servers have ${Object.keys(server).join(" and ")}`];
  }
  return { provider, changes: toChanges({ ...abilities, ...(provider !== undefined && { provider }) }), server };
}

type SdkEntry = z.infer<(typeof MODEL_SCHEMAS)["namedSdk"]> & Partial<z.infer<(typeof MODEL_SCHEMAS)["ai-sdk"]>>;

function toSdkModel(id: string, read: SdkEntry, entry: ProviderEntry | undefined): ReadModel {
  const { model, provider, asksFor, tiers, providerOptions, qualityOptions, ...rest } = read;
  const { package: packageName = "", factory, settings, ...abilities } = { ...rest, ...packageOf(entry) };
  const tierSizes = tiers?.flatMap(({ sizes }) => sizes);
  const qualities = QUALITIES.filter((word) => word === "AUTO" || qualityOptions?.[word]);
  const changes = toChanges({
    ...abilities,
    provider,
    ...(tierSizes && { sizes: { kind: "list" as const, sizes: tierSizes } }),
    ...(qualityOptions && { qualities: abilities.qualities ?? qualities }),
  });
  const sdk = { id, package: packageName, model, factory, settings, providerOptions, qualityOptions, asksFor, tiers };
  return { provider, changes, sdk: withoutAbsent({ ...sdk, changes }) };
}

function packageOf(entry: ProviderEntry | undefined): Partial<Pick<SdkEntry, "package" | "factory" | "settings">> {
  if (entry?.kind !== "ai-sdk") return {};
  const { package: packageName, factory, settings } = entry;
  return withoutAbsent({ package: packageName, factory, settings });
}

/** An operator who names a replacement has accepted its price class, unless the file says otherwise. */
function toChanges(abilities: object): Partial<ModelDescription> {
  const changes = abilities as Partial<ModelDescription>;
  if (changes.replacement === undefined) return changes;
  return { ...changes, mayChangePriceClass: changes.mayChangePriceClass ?? true };
}

function toNamedProvider(name: string, entry: ProviderEntry, models: ReadonlyMap<string, ReadModel>): NamedProvider {
  const { keyVariable, concurrency, timeoutSeconds } = entry;
  const timeoutMs = timeoutSeconds === undefined ? undefined : timeoutSeconds * 1000;
  const common = { name, keyVariable, concurrency, timeoutMs };
  if (entry.kind === "openai") {
    const { kind, baseUrl } = entry;
    return { ...common, kind, baseUrl, models: serverModelsOf(models, (provider) => provider === name) };
  }
  const own = [...models.values()].flatMap(({ provider, sdk }) => (sdk && provider === name ? [sdk] : []));
  return { ...common, kind: entry.kind, models: own };
}

function serverModelsOf(
  models: ReadonlyMap<string, ReadModel>,
  isOf: (provider: string | undefined) => boolean,
): ReadonlyMap<string, ServerModel> {
  const own = [...models].filter(([, { provider, server }]) => server && isOf(provider));
  return new Map(own.map(([id, { server = {} }]) => [id, server]));
}

/** Removes absent properties, whose place would otherwise hide a default. */
function withoutAbsent<Kind extends object>(value: Kind): { [Key in keyof Kind]: Exclude<Kind[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, property]) => property !== undefined)) as never;
}

function problemsOf({ issues }: z.core.$ZodError, place: readonly PropertyKey[]): string[] {
  return issues.map((issue) => {
    const path = [...place, ...issue.path];
    const where = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
    // The problem of a name is inside.
    const message = (issue.code === "invalid_key" && issue.issues[0]?.message) || issue.message;
    return where ? `${where.slice(1)}: ${message}` : message;
  });
}
