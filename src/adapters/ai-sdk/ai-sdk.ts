import { GatewayError, StartError } from "../../errors.ts";
import {
  type Edits,
  type GenerateRequest,
  type ImageProvider,
  type ModelDescription,
  type ProviderEvent,
  SOURCE_FORMATS,
  type SourceImage,
} from "../../ports/image-provider.ts";
import { toGatewayError } from "./to-gateway-error.ts";

/** An image model from a package of the Vercel AI SDK, as the models file describes it. */
export interface AiSdkModel {
  readonly id: string;
  /** The npm package: `@ai-sdk/fal`. */
  readonly package: string;
  /** The vendor's name for the model. */
  readonly model: string;
  /** The package's export that creates its provider. @defaultValue `create` and the package's last word: `createFal` */
  readonly factory?: string;
  /** Options for the factory. @defaultValue the package reads its own environment variables */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly providerOptions?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Whether the model takes a size or an aspect ratio. @defaultValue "size" */
  readonly asksFor?: "size" | "aspectRatio";
  /** The abilities that the models file gives it, in place of the defaults. */
  readonly changes: Partial<ModelDescription>;
}

/** The common part of the SDK's image models of versions 2, 3 and 4. */
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

/** A warning. Version 2 names the `setting`, later versions the `feature`. */
interface SdkWarning {
  readonly type: string;
  readonly setting?: string;
  readonly feature?: string;
  readonly details?: string;
  readonly message?: string;
}

type Load = (packageName: string) => Promise<Readonly<Record<string, unknown>>>;

/** The default description of a model. The SDK describes no abilities, so the default assumes few. */
const MINIMAL_MODEL: Omit<ModelDescription, "id" | "maxImages"> = {
  provider: "ai-sdk",
  operations: ["GENERATE"],
  sizes: { kind: "list", sizes: [{ width: 1024, height: 1024 }] },
  formats: ["PNG"],
  qualities: ["AUTO"],
  backgrounds: ["AUTO", "OPAQUE"],
  hasSeed: false,
  maxPromptLength: 4000,
};

/** The default limits of a model that edits. They are low because the SDK needs whole images in memory. */
export const MINIMAL_EDITS: Edits = {
  maxInputImages: 4,
  maxInputBytes: 10_000_000,
  inputFormats: SOURCE_FORMATS,
  hasMask: false,
};

const VERSIONS = ["v2", "v3", "v4"];
/** The versions whose models accept images. */
const EDITING_VERSIONS = ["v3", "v4"];

/**
 * Creates a provider for image models of the Vercel AI SDK. Each model may come from a different package. One
 * `generate` makes one call of the model. The models themselves do not retry.
 *
 * The SDK returns whole images, so they are held in memory as a whole. No other provider does this.
 *
 * @param load imports a package
 * @throws StartError naming each package that is missing or lacks its model
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
      if (!model) throw new GatewayError("MODEL_UNAVAILABLE", "the model is no longer configured", { billed: "NO" });
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
  const edits = changes.operations?.includes("EDIT") ? { edits: MINIMAL_EDITS } : {};
  return { ...MINIMAL_MODEL, maxImages, ...edits, ...changes, id };
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
