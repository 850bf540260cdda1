import type { ModelDescription, PixelSize, Quality } from "../../ports/image-provider.ts";

/** Options for one call, by vendor: `{"google": {"imageConfig": {"imageSize": "2K"}}}`. */
export type ProviderOptions = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

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
  /** Options for every call. */
  readonly providerOptions?: ProviderOptions;
  /** Options for the calls of a quality. */
  readonly qualityOptions?: Readonly<Partial<Record<Quality, ProviderOptions>>>;
  /**
   * Whether the model takes a size or an aspect ratio. A list has the only ratios that it knows, such as `16:9`.
   * @defaultValue "size"
   */
  readonly asksFor?: "size" | "aspectRatio" | readonly string[];
  /** The resolutions of a model that takes a ratio: the sizes of each, and the options that ask for it. */
  readonly tiers?: readonly { readonly sizes: readonly PixelSize[]; readonly providerOptions: ProviderOptions }[];
  /** The abilities that the models file gives it, in place of the defaults. */
  readonly changes: Partial<ModelDescription>;
}
