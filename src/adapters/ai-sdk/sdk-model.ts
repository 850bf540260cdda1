import type { AiSdkModel } from "./ai-sdk-model.ts";

/** The common part of the SDK's image models of versions 2, 3 and 4. */
export interface SdkImageModel {
  readonly specificationVersion: string;
  readonly maxImagesPerCall?: number | ((options: { modelId: string }) => unknown);
  doGenerate(options: Readonly<Record<string, unknown>>): PromiseLike<SdkResult>;
}

export interface SdkResult {
  readonly images: readonly (string | Uint8Array)[];
  readonly usage?: Readonly<Record<string, number | undefined>>;
  readonly warnings?: readonly SdkWarning[];
  /** What the vendor says besides, by vendor. */
  readonly providerMetadata?: Readonly<Record<string, unknown>>;
}

/** A warning. Version 2 names the `setting`, later versions the `feature`. */
export interface SdkWarning {
  readonly type: string;
  readonly setting?: string;
  readonly feature?: string;
  readonly details?: string;
  readonly message?: string;
}

/** Imports a package. */
export type Load = (packageName: string) => Promise<Readonly<Record<string, unknown>>>;

const VERSIONS = ["v2", "v3", "v4"];
/** The versions whose models accept images. */
const EDITING_VERSIONS = ["v3", "v4"];

/**
 * Creates a model with its package.
 *
 * @param fetch makes the model's requests, unless its settings have a function for that
 * @throws Error when the package is missing or lacks the model
 */
export async function openSdkModel(
  { package: packageName, model, factory, settings, changes }: AiSdkModel,
  { load, fetch }: { readonly load: Load; readonly fetch: typeof globalThis.fetch },
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
  const provider = create({ fetch, ...settings });
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

/** The most images of one call, as far as the model says it. */
export async function maxImagesOf({ maxImagesPerCall }: SdkImageModel, { model }: AiSdkModel): Promise<number> {
  const most = typeof maxImagesPerCall === "function" ? await maxImagesPerCall({ modelId: model }) : maxImagesPerCall;
  return Math.max(1, Math.min(10, typeof most === "number" ? most : 1));
}
