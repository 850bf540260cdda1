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
import type { AiSdkModel } from "./ai-sdk-model.ts";
import { createSdkFetch, type SdkFetchOptions } from "./sdk-fetch.ts";
import {
  type Load,
  maxImagesOf,
  openSdkModel,
  type SdkImageModel,
  type SdkResult,
  type SdkWarning,
} from "./sdk-model.ts";
import { chooseSize, mergeOptions } from "./size-choice.ts";
import { withBoundedSubmissions } from "./submissions.ts";
import { toGatewayError } from "./to-gateway-error.ts";
import { withheldImages } from "./withheld-images.ts";

export interface AiSdkOptions extends SdkFetchOptions {
  /** The provider's name. @defaultValue `ai-sdk` */
  readonly name?: string;
  /** Imports a package. @defaultValue `import` */
  readonly load?: Load;
}

/** The default description of a model. The SDK describes no abilities, so the default assumes few. */
const MINIMAL_MODEL: Omit<ModelDescription, "id" | "provider" | "maxImages"> = {
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

/**
 * Creates a provider for image models of the Vercel AI SDK. Each model may come from a different package. One
 * `generate` makes one call of the model. The models themselves do not retry.
 *
 * The SDK returns whole images, so they are held in memory as a whole. No other provider does this.
 *
 * @throws StartError naming each package that is missing or lacks its model
 */
export async function createAiSdk(
  models: readonly AiSdkModel[],
  { name = "ai-sdk", load = (packageName) => import(packageName), ...fetchOptions }: AiSdkOptions = {},
): Promise<ImageProvider> {
  const problems: string[] = [];
  const known = new Map<string, { readonly sdk: SdkImageModel; readonly entry: AiSdkModel }>();
  const descriptions: ModelDescription[] = [];
  for (const entry of models) {
    try {
      const sdk = await openSdkModel(entry, { load, fetch: createSdkFetch(fetchOptions) });
      known.set(entry.id, { sdk, entry });
      descriptions.push({ ...describe(entry, await maxImagesOf(sdk, entry)), provider: name });
    } catch (error) {
      problems.push(`models.${entry.id}: ${(error as Error).message}`);
    }
  }
  if (problems.length > 0) throw new StartError(problems);
  return {
    name,
    models: descriptions,
    async *generate(request, signal) {
      const model = known.get(request.model);
      if (!model) throw new GatewayError("MODEL_UNAVAILABLE", "the model is no longer configured", { billed: "NO" });
      yield* generate(model.sdk, model.entry, request, signal);
    },
    close: async () => {},
  };
}

function describe({ id, changes }: AiSdkModel, maxImages: number): Omit<ModelDescription, "provider"> {
  const edits = changes.operations?.includes("EDIT") ? { edits: MINIMAL_EDITS } : {};
  return { ...MINIMAL_MODEL, maxImages, ...edits, ...changes, id };
}

async function* generate(
  sdk: SdkImageModel,
  entry: AiSdkModel,
  request: GenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<ProviderEvent> {
  signal.throwIfAborted();
  const { n } = request;
  const options = await toOptions(entry, request, signal);
  const submitted = withBoundedSubmissions(n, async () => sdk.doGenerate(options));
  const result = await submitted.catch((error) => {
    signal.throwIfAborted();
    throw toGatewayError(error);
  });
  const withheld = withheldImages(result);
  const warnings = (result.warnings ?? []).map(toText);
  for (const [index, image] of result.images.slice(0, n).entries()) {
    if (withheld.indexes.has(index)) continue;
    const bytes = once(typeof image === "string" ? Buffer.from(image, "base64") : image);
    yield { type: "image", index, bytes, ...(warnings.length > 0 && { warnings: warnings.splice(0) }) };
  }
  yield* usageOf(result);
  if (withheld.error) throw withheld.error;
}

async function toOptions(
  entry: AiSdkModel,
  { prompt, n, size, quality, seed, edit }: GenerateRequest,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const choice = chooseSize(entry, size);
  return {
    prompt,
    n,
    size: choice.size,
    aspectRatio: choice.aspectRatio,
    seed,
    files: edit && (await Promise.all(edit.images.map(toFile))),
    mask: edit?.mask && (await toFile(edit.mask)),
    providerOptions: mergeOptions(entry.providerOptions, choice.providerOptions, entry.qualityOptions?.[quality]),
    abortSignal: signal,
  };
}

function* usageOf({ usage = {} }: SdkResult): Generator<ProviderEvent> {
  const { inputTokens, outputTokens, totalTokens } = usage;
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

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
