import type { PixelSize } from "../../ports/image-provider.ts";
import type { AiSdkModel, ProviderOptions } from "./ai-sdk-model.ts";

/** How a size is asked for: as it is, or by its shape and a resolution. */
export interface SizeChoice {
  /** `1024x768` */
  readonly size: string | undefined;
  /** `4:3` */
  readonly aspectRatio: string | undefined;
  /** The options that ask for its resolution. */
  readonly providerOptions: ProviderOptions;
}

/** Chooses how to ask a model for one of its sizes. */
export function chooseSize({ asksFor = "size", tiers = [] }: AiSdkModel, wanted: PixelSize): SizeChoice {
  const { width, height } = wanted;
  const tier = tiers.find(({ sizes }) => sizes.some((size) => size.width === width && size.height === height));
  const providerOptions = tier?.providerOptions ?? {};
  if (asksFor === "size") return { size: `${width}x${height}`, aspectRatio: undefined, providerOptions };
  const aspectRatio = asksFor === "aspectRatio" ? exactRatio(width, height) : nearestRatio(wanted, asksFor);
  return { size: undefined, aspectRatio, providerOptions };
}

function exactRatio(width: number, height: number): string {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
  return `${width / divisor(width, height)}:${height / divisor(width, height)}`;
}

/** Vendors round the sides of a ratio to multiples of 8 or 16, so the ratio of a size is not exactly one of the list. */
function nearestRatio({ width, height }: PixelSize, ratios: readonly string[]): string | undefined {
  const distance = (ratio: string): number => {
    const [across = 1, down = 1] = ratio.split(":").map(Number);
    return Math.abs(Math.log(across / down) - Math.log(width / height));
  };
  return ratios.toSorted((a, b) => distance(a) - distance(b))[0];
}

/** Merges options. Those of later arguments count; objects are merged to any depth. */
export function mergeOptions(...all: readonly (ProviderOptions | undefined)[]): ProviderOptions {
  return all.reduce<ProviderOptions>((merged, options) => merge(merged, options ?? {}) as ProviderOptions, {});
}

function merge(first: unknown, second: unknown): unknown {
  if (!isObject(first) || !isObject(second)) return second;
  const entries = Object.entries(second).map(([name, value]) => [name, merge(first[name], value)]);
  return { ...first, ...Object.fromEntries(entries) };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
