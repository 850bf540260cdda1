import type { ModelDescription, PixelSize, Quality, SizeRule } from "../../ports/image-provider.ts";

/**
 * OpenAI's image models as of 22 November 2026, the retired ones included so that their names still lead to a living
 * one.
 *
 * Sizes, qualities, counts, prompt lengths and the models' names: the vendor's reference of `POST /v1/images/generations`
 * (https://platform.openai.com/docs/api-reference/images/create), as the types of its client 7.57 repeat it. Shutdown
 * dates: https://platform.openai.com/docs/deprecations.
 *
 * Replacements keep a model's class and skip a generation that would soon have to be replaced in turn: what was the
 * best of its day becomes gpt-image-2.6-sunburst, what was the quick and cheap one gpt-image-2.6-flare.
 */
export const CATALOGUE: readonly ModelDescription[] = [
  current("gpt-image-2.6-flare", "to max"),
  current("gpt-image-2.6-sunburst", "to max"),
  current("gpt-image-2.5-flare", "to max"),
  current("gpt-image-2.5-sunburst", "to max"),
  current("gpt-image-2", "to high"),
  {
    ...current("gpt-image-1.5", "to high"),
    sizes: threeSizes(),
    shutdownDate: "2026-12-01",
    replacement: "gpt-image-2.6-sunburst",
  },
  {
    ...current("gpt-image-1-mini", "to high"),
    sizes: threeSizes(),
    shutdownDate: "2026-12-01",
    replacement: "gpt-image-2.6-flare",
  },
  {
    ...current("gpt-image-1", "to high"),
    sizes: threeSizes(),
    shutdownDate: "2026-10-23",
    replacement: "gpt-image-2.6-sunburst",
  },
  {
    ...current("dall-e-3", "to high"),
    maxImages: 1,
    sizes: list([1024, 1024], [1792, 1024], [1024, 1792]),
    formats: ["PNG"],
    qualities: ["AUTO"],
    backgrounds: ["AUTO", "OPAQUE"],
    maxPromptLength: 4000,
    shutdownDate: "2026-05-12",
    replacement: "gpt-image-2.6-sunburst",
  },
  {
    ...current("dall-e-2", "to high"),
    sizes: list([1024, 1024], [512, 512], [256, 256]),
    formats: ["PNG"],
    qualities: ["AUTO"],
    backgrounds: ["AUTO", "OPAQUE"],
    maxPromptLength: 1000,
    shutdownDate: "2026-05-12",
    replacement: "gpt-image-2.6-flare",
  },
];

/**
 * The catalogue and, described by the rules of gpt-image-2, the names that it does not know: a compatible server's
 * model, or one newer than this release.
 */
export function describeModels(extraModels: readonly string[]): readonly ModelDescription[] {
  const known = new Set(CATALOGUE.map((model) => model.id));
  const unknown = [...new Set(extraModels)].filter((id) => !known.has(id));
  return [...CATALOGUE, ...unknown.map((id) => current(id, "to high"))];
}

function current(id: string, qualities: "to high" | "to max"): ModelDescription {
  const toHigh: readonly Quality[] = ["AUTO", "LOW", "MEDIUM", "HIGH"];
  return {
    id,
    provider: "openai",
    operations: ["GENERATE"],
    maxImages: 10,
    sizes: anySize(),
    formats: ["PNG", "JPEG", "WEBP"],
    qualities: qualities === "to high" ? toHigh : [...toHigh, "XHIGH", "MAX"],
    backgrounds: ["AUTO", "OPAQUE", "TRANSPARENT"],
    hasSeed: false,
    maxPromptLength: 32_000,
  };
}

/**
 * The vendor's largest size is 3840x2160, upright or not: the longer side and the number of pixels say it. It names no
 * shortest side; the least number of pixels and the ratio of 1:3 to 3:1 keep it above 464.
 */
function anySize(): SizeRule {
  return {
    kind: "bounds",
    multipleOf: 16,
    minSide: 16,
    maxLongSide: 3840,
    minPixels: 655_360,
    maxPixels: 8_294_400,
  };
}

function threeSizes(): SizeRule {
  return list([1024, 1024], [1536, 1024], [1024, 1536]);
}

function list(...sizes: readonly (readonly [number, number])[]): SizeRule {
  return { kind: "list", sizes: sizes.map(([width, height]): PixelSize => ({ width, height })) };
}
