import { type Billed, type ErrorCode, GatewayError, StartError } from "../../errors.ts";
import {
  type Edits,
  type GenerateRequest,
  type ImageProvider,
  type ModelDescription,
  type ProviderEvent,
  SOURCE_FORMATS,
  type SourceImage,
} from "../../ports/image-provider.ts";

/** An image model of a package of the Vercel AI SDK, as the models file names it. */
export interface AiSdkModel {
  readonly id: string;
  /** The npm package: `@ai-sdk/fal`. */
  readonly package: string;
  /** The vendor's name of the model. */
  readonly model: string;
  /** The package's export that makes its provider. @defaultValue `create` and the package's last word: `createFal` */
  readonly factory?: string;
  /** Given to the factory. @defaultValue the package reads its own environment variables */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly providerOptions?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Which of the two the model understands. @defaultValue "size" */
  readonly asksFor?: "size" | "aspectRatio";
  /** What the file says about what it can do. */
  readonly changes: Partial<ModelDescription>;
}

/** What versions 2, 3 and 4 of the SDK's image models have in common. */
interface SdkImageModel {
  readonly specificationVersion: string;
  readonly maxImagesPerCall?: number | ((options: { modelId: string }) => unknown);
  doGenerate(options: Readonly<Record<string, unknown>>): PromiseLike<SdkResult>;
}

interface SdkResult {
  readonly images: readonly (string | Uint8Array)[];
  readonly usage?: Readonly<Record<string, number | undefined>>;
  readonly warnings?: readonly SdkWarning[];
}

/** `setting` in version 2, `feature` since. */
interface SdkWarning {
  readonly type: string;
  readonly setting?: string;
  readonly feature?: string;
  readonly details?: string;
  readonly message?: string;
}

type Load = (packageName: string) => Promise<Readonly<Record<string, unknown>>>;

/** What nobody says of a model of the SDK is assumed to be little. */
const LEAST: Omit<ModelDescription, "id" | "maxImages"> = {
  provider: "ai-sdk",
  operations: ["GENERATE"],
  sizes: { kind: "list", sizes: [{ width: 1024, height: 1024 }] },
  formats: ["PNG"],
  qualities: ["AUTO"],
  backgrounds: ["AUTO", "OPAQUE"],
  hasSeed: false,
  maxPromptLength: 4000,
};

/** Of a model that edits, for the same reason, and because everything that goes in is whole in memory. */
export const LEAST_EDITS: Edits = {
  maxInputImages: 4,
  maxInputBytes: 10_000_000,
  inputFormats: SOURCE_FORMATS,
  hasMask: false,
};

const VERSIONS = ["v2", "v3", "v4"];
/** Those whose models take images. */
const EDITING_VERSIONS = ["v3", "v4"];

/**
 * Image models of the Vercel AI SDK, each of whatever package it comes from. One `generate` is one call of the model,
 * never repeated by the SDK: its models repeat nothing by themselves.
 *
 * The SDK hands over whole images, so that they are whole in memory here, as with no other provider.
 *
 * @param load imports a package
 * @throws StartError naming each package that is missing, or has no such model
 */
export async function createAiSdk(
  models: readonly AiSdkModel[],
  load: Load = (packageName) => import(packageName),
): Promise<ImageProvider> {
  const problems: string[] = [];
  const known = new Map<string, { readonly sdk: SdkImageModel; readonly entry: AiSdkModel }>();
  const descriptions: ModelDescription[] = [];
  for (const entry of models) {
    try {
      const sdk = await open(entry, load);
      known.set(entry.id, { sdk, entry });
      descriptions.push(describe(entry, await maxImagesOf(sdk, entry)));
    } catch (error) {
      problems.push(`models.${entry.id}: ${(error as Error).message}`);
    }
  }
  if (problems.length > 0) throw new StartError(problems);
  return {
    name: "ai-sdk",
    models: descriptions,
    async *generate(request, signal) {
      const model = known.get(request.model);
      if (!model) throw new GatewayError("MODEL_UNAVAILABLE", "the model is not configured any more", { billed: "NO" });
      yield* generate(model.sdk, model.entry, request, signal);
    },
    close: async () => {},
  };
}

async function open(
  { package: packageName, model, factory, settings, changes }: AiSdkModel,
  load: Load,
): Promise<SdkImageModel> {
  const exported = await load(packageName).catch((cause) => {
    throw new Error(`the package ${packageName} cannot be loaded; npm install ${packageName}`, { cause });
  });
  const lastWord = packageName.split(/[/-]/).at(-1) ?? "";
  const wanted = factory ?? `create${lastWord.charAt(0).toUpperCase()}${lastWord.slice(1)}`;
  const create = exported[wanted];
  if (typeof create !== "function") {
    const others = Object.keys(exported).filter((name) => name.startsWith("create"));
    throw new Error(`${packageName} exports no ${wanted}; set factory to one of: ${others.join(", ")}`);
  }
  const provider = create(settings ?? {});
  const made: unknown = (provider.imageModel ?? provider.image)?.call(provider, model);
  const { specificationVersion } = (made ?? {}) as Partial<SdkImageModel>;
  if (specificationVersion === undefined || !VERSIONS.includes(specificationVersion)) {
    throw new Error(`${packageName} has no image model of version ${VERSIONS.join(", ")}`);
  }
  if (changes.operations?.includes("EDIT") && !EDITING_VERSIONS.includes(specificationVersion)) {
    throw new Error(
      `operations must be ["GENERATE"]: ${packageName} is of version ${specificationVersion}, without edits`,
    );
  }
  return made as SdkImageModel;
}

function describe({ id, changes }: AiSdkModel, maxImages: number): ModelDescription {
  const edits = changes.operations?.includes("EDIT") ? { edits: LEAST_EDITS } : {};
  return { ...LEAST, maxImages, ...edits, ...changes, id };
}

async function maxImagesOf({ maxImagesPerCall }: SdkImageModel, { model }: AiSdkModel): Promise<number> {
  const most = typeof maxImagesPerCall === "function" ? await maxImagesPerCall({ modelId: model }) : maxImagesPerCall;
  return Math.max(1, Math.min(10, typeof most === "number" ? most : 1));
}

async function* generate(
  sdk: SdkImageModel,
  { asksFor = "size", providerOptions = {} }: AiSdkModel,
  { prompt, n, size, seed, edit }: GenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<ProviderEvent> {
  signal.throwIfAborted();
  const { width, height } = size;
  const options = {
    prompt,
    n,
    size: asksFor === "size" ? `${width}x${height}` : undefined,
    aspectRatio: asksFor === "aspectRatio" ? ratioOf(width, height) : undefined,
    seed,
    files: edit && (await Promise.all(edit.images.map(toFile))),
    mask: edit?.mask && (await toFile(edit.mask)),
    providerOptions,
    abortSignal: signal,
  };
  const result = await Promise.resolve(sdk.doGenerate(options)).catch((error) => {
    signal.throwIfAborted();
    throw toGatewayError(error);
  });
  if (result.images.length === 0) {
    throw new GatewayError("UPSTREAM_FAILED", "the provider answered without an image", { isRetryable: false });
  }
  const warnings = (result.warnings ?? []).map(toText);
  for (const [index, image] of result.images.slice(0, n).entries()) {
    const bytes = once(typeof image === "string" ? Buffer.from(image, "base64") : image);
    yield { type: "image", index, bytes, ...(index === 0 && warnings.length > 0 && { warnings }) };
  }
  const { inputTokens, outputTokens, totalTokens } = result.usage ?? {};
  if (inputTokens !== undefined && outputTokens !== undefined && totalTokens) {
    yield { type: "usage", usage: { inputTokens, outputTokens, totalTokens } };
  }
}

async function toFile({ format, read }: SourceImage): Promise<object> {
  const data = Buffer.concat(await Array.fromAsync(read()));
  return { type: "file", mediaType: `image/${format.toLowerCase()}`, data };
}

function toText({ type, setting, feature = setting, details, message }: SdkWarning): string {
  if (message !== undefined) return String(message);
  const what = `${feature} is ${type === "compatibility" ? "only partly supported" : "not supported"}`;
  return details === undefined ? what : `${what}: ${details}`;
}

function ratioOf(width: number, height: number): string {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
  return `${width / divisor(width, height)}:${height / divisor(width, height)}`;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** How vendors name a refusal for its content, in the body of an answer with status 400, 403 or 422. */
const CONTENT_WORDS = /content_policy|moderation_blocked|moderation_failed|content_filter|content_moderat|safety|nsfw/i;
const NOT_CONNECTED = new Set(["ECONNREFUSED", "EAI_AGAIN", "ENETUNREACH", "EHOSTUNREACH", "ENOTFOUND"]);

/** The cause is left out: the SDK's errors hold the prompt, and answers of the vendor. */
function toGatewayError(error: unknown): GatewayError {
  const {
    name,
    statusCode: status,
    responseBody,
  } = error as {
    readonly name?: string;
    readonly statusCode?: number;
    readonly responseBody?: string;
  };
  const make = (code: ErrorCode, message: string, billed: Billed, isRetryable: boolean): GatewayError =>
    new GatewayError(code, message, { billed, isRetryable });
  if (name === "AI_LoadAPIKeyError") return make("UPSTREAM_FAILED", "the provider's key is not set", "NO", false);
  if (status === undefined) {
    return isNotConnected(error)
      ? make("UPSTREAM_FAILED", "the provider could not be reached", "NO", true)
      : make("UPSTREAM_FAILED", "the provider failed", "UNKNOWN", true);
  }
  if ([400, 403, 422].includes(status) && CONTENT_WORDS.test(responseBody ?? "")) {
    return make("CONTENT_REJECTED", "the provider's content policy refused the prompt; change the prompt", "NO", false);
  }
  if (status === 402) return make("BUDGET_EXCEEDED", "the account with the provider has no budget left", "NO", false);
  if (status === 429) return make("RATE_LIMITED", "the provider's rate limit is reached", "NO", true);
  if (status === 503) return make("UPSTREAM_FAILED", "the provider is not available at the moment", "NO", true);
  if (status >= 400 && status < 500) {
    return make("UPSTREAM_FAILED", `the provider refused the gateway's request with status ${status}`, "NO", false);
  }
  // The SDK fetches what a vendor answers with an address: the image may have been made.
  return make("UPSTREAM_FAILED", "the provider failed", "UNKNOWN", true);
}

function isNotConnected(error: unknown): boolean {
  for (let cause = error, depth = 0; cause && depth < 8; cause = (cause as Error).cause, depth++) {
    if (NOT_CONNECTED.has(String((cause as NodeJS.ErrnoException).code))) return true;
  }
  return false;
}
