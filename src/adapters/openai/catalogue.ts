import type {
  Edits,
  InputTokens,
  ModelDescription,
  ModelPrice,
  OutputTokens,
  PixelSize,
  Previews,
  Quality,
  SizeRule,
  TokenPrices,
} from "../../ports/image-provider.ts";
import { isModelName } from "./model-names.ts";
import type { ServerModel } from "./server-model.ts";

/*
 * OpenAI's image models as of 24 November 2026. Retired models are included, so that their names still lead to a
 * current model.
 *
 * Sources:
 * - names, sizes, qualities, formats, counts, prompt lengths, previews and edits: the vendor's reference of `POST
 *   /v1/images/generations` and `/v1/images/edits` (https://developers.openai.com/api/reference/resources/images), and
 *   the types of its client 7.57
 * - shutdown dates: https://developers.openai.com/api/docs/deprecations
 * - prices and token counts: the sources named beside them
 */

const MODEL_PAGES = "https://developers.openai.com/api/docs/models";
const IMAGE_GUIDE = "https://developers.openai.com/api/docs/guides/image-generation";

const UP_TO_HIGH: readonly Quality[] = ["AUTO", "LOW", "MEDIUM", "HIGH"];
const UP_TO_MAX: readonly Quality[] = [...UP_TO_HIGH, "XHIGH", "MAX"];

/**
 * The vendor's largest sizes are 3840x2160 and 2160x3840. The limits of the longer side and of the number of pixels
 * express that. The vendor names no shortest side. The least number of pixels and the ratio of 1:3 to 3:1 keep it above
 * 464.
 */
const ANY_SIZE: SizeRule = {
  kind: "bounds",
  multipleOf: 16,
  minSide: 16,
  maxLongSide: 3840,
  minPixels: 655_360,
  maxPixels: 8_294_400,
};
const THREE_SIZES = list([1024, 1024], [1536, 1024], [1024, 1536]);

/** "Streaming is only supported with n=1." */
const PREVIEWS: Previews = { maxPartialImages: 3, maxImages: 1 };
/** "Less than 50MB." */
const EDITS: Edits = {
  maxInputImages: 16,
  maxInputBytes: 50_000_000 - 1,
  inputFormats: ["PNG", "JPEG", "WEBP"],
  hasMask: true,
};

/** The prices of gpt-image-2 and all later models. */
const CURRENT_PRICES: TokenPrices = {
  textInput: "5",
  imageInput: "8",
  imageOutput: "30",
};

/** The output tokens of gpt-image-1 and gpt-image-1.5. */
const TOKENS_BY_SIZE: OutputTokens = {
  source: `${IMAGE_GUIDE}#calculating-costs`,
  perImage: {
    kind: "list",
    counts: {
      LOW: { "1024x1024": 272, "1024x1536": 408, "1536x1024": 400 },
      MEDIUM: { "1024x1024": 1056, "1024x1536": 1584, "1536x1024": 1568 },
      HIGH: { "1024x1024": 4160, "1024x1536": 6240, "1536x1024": 6208 },
    },
  },
  perPartialImage: 100,
};

/**
 * The formula of the vendor's price calculator, as published in
 * https://community.openai.com/t/gpt-image-2-output-pricing-calculator-online-and-in-your-code/1382699.
 */
const TOKENS_BY_AREA = { kind: "area", offsetPixels: 2_000_000, scale: 4_000_000 } as const;
const TOKENS_OF_2: OutputTokens = {
  source: `${IMAGE_GUIDE}#calculating-costs`,
  perImage: { ...TOKENS_BY_AREA, factors: { LOW: 16, MEDIUM: 48, HIGH: 96 } },
  perPartialImage: 100,
};
/** This formula gives the published counts of 1024x1024 for each quality: 196, 439, 1756, 3122 and 7024. */
const TOKENS_OF_2_5: OutputTokens = {
  source: `${IMAGE_GUIDE}#calculating-costs`,
  perImage: { ...TOKENS_BY_AREA, factors: { LOW: 16, MEDIUM: 24, HIGH: 48, XHIGH: 64, MAX: 96 } },
  perPartialImage: 100,
};

/** The text tokens of a call besides those of the prompt. They were measured. */
const TEXT_INPUT: InputTokens = {
  source: "https://community.openai.com/t/openai-must-document-the-input-image-pricing-of-gpt-image-2/1382940",
  textPerCall: 6,
};
/**
 * The tokens of an input image. The vendor publishes none, so they were measured with gpt-image-2: an image takes at
 * most 1,536 tokens, whatever its size. With gpt-image-1.5, an image also took up to 37 text tokens. The bound here is
 * 64.
 */
const PATCHES_INPUT: InputTokens = { ...TEXT_INPUT, perImage: { textTokens: 64, imageTokens: 1536 } };

const CURRENT_MODEL: Omit<ModelDescription, "id" | "prices"> = {
  provider: "openai",
  operations: ["GENERATE", "EDIT"],
  maxImages: 10,
  sizes: ANY_SIZE,
  formats: ["PNG", "JPEG", "WEBP"],
  qualities: UP_TO_MAX,
  backgrounds: ["AUTO", "OPAQUE", "TRANSPARENT"],
  hasSeed: false,
  maxPromptLength: 32_000,
  previews: PREVIEWS,
  edits: EDITS,
  // The parameters of edits lack `moderation`, according to the types of the vendor's client.
  moderated: ["GENERATE"],
  priceClass: "standard",
  outputTokens: TOKENS_OF_2_5,
  inputTokens: PATCHES_INPUT,
};

const DALL_E: Omit<ModelDescription, "id" | "maxImages" | "sizes" | "maxPromptLength" | "replacement"> = {
  provider: "openai",
  operations: ["GENERATE"],
  formats: ["PNG"],
  qualities: ["AUTO"],
  backgrounds: ["AUTO", "OPAQUE"],
  hasSeed: false,
  shutdownDate: "2026-05-12",
  priceClass: "per image",
  mayChangePriceClass: true,
};

/**
 * The models. A replacement is never a model that will itself be replaced soon: gpt-image-2.6-sunburst replaces the
 * best models of their time, gpt-image-2.6-flare the fast and cheap ones. Models without an announced shutdown have a
 * replacement too, for the day on which one is announced.
 *
 * A price class groups models by the price of a million output tokens: `standard` about 30 to 40 dollars, `mini` 8, and
 * `per image` for models without tokens. If a name would otherwise stop working, its replacement may be of another
 * class: docs/decisions/2026-11-24-price-classes.md.
 */
export const CATALOGUE: readonly ModelDescription[] = [
  {
    ...CURRENT_MODEL,
    id: "gpt-image-2.6-flare",
    replacement: "gpt-image-2.6-sunburst",
    prices: [price("2026-11-04", "gpt-image-2.6-flare", CURRENT_PRICES)],
  },
  {
    ...CURRENT_MODEL,
    id: "gpt-image-2.6-sunburst",
    replacement: "gpt-image-2.6-flare",
    prices: [price("2026-11-04", "gpt-image-2.6-sunburst", CURRENT_PRICES)],
  },
  {
    ...CURRENT_MODEL,
    id: "gpt-image-2.5-flare",
    replacement: "gpt-image-2.6-flare",
    prices: [price("2026-09-08", "gpt-image-2.5-flare", CURRENT_PRICES)],
  },
  {
    ...CURRENT_MODEL,
    id: "gpt-image-2.5-sunburst",
    replacement: "gpt-image-2.6-sunburst",
    prices: [price("2026-09-08", "gpt-image-2.5-sunburst", CURRENT_PRICES)],
  },
  {
    ...CURRENT_MODEL,
    id: "gpt-image-2",
    qualities: UP_TO_HIGH,
    replacement: "gpt-image-2.6-sunburst",
    outputTokens: TOKENS_OF_2,
    prices: [price("2026-04-21", "gpt-image-2", CURRENT_PRICES)],
  },
  {
    ...CURRENT_MODEL,
    id: "gpt-image-1.5",
    qualities: UP_TO_HIGH,
    sizes: THREE_SIZES,
    shutdownDate: "2026-12-01",
    replacement: "gpt-image-2.6-sunburst",
    outputTokens: TOKENS_BY_SIZE,
    inputTokens: TEXT_INPUT,
    prices: [price("2025-12-16", "gpt-image-1.5", { ...CURRENT_PRICES, textOutput: "10", imageOutput: "32" })],
  },
  {
    // The model that ChatGPT currently uses. The vendor says only that it takes the same parameters as the others. Its
    // prices are those of gpt-image-1.5.
    ...withoutTokenCounts(CURRENT_MODEL),
    id: "chatgpt-image-latest",
    qualities: UP_TO_HIGH,
    sizes: THREE_SIZES,
    replacement: "gpt-image-2.6-sunburst",
    prices: [price("2025-12-16", "chatgpt-image-latest", { ...CURRENT_PRICES, textOutput: "10", imageOutput: "32" })],
  },
  {
    ...withoutTokenCounts(CURRENT_MODEL),
    id: "gpt-image-1-mini",
    qualities: UP_TO_HIGH,
    sizes: THREE_SIZES,
    shutdownDate: "2026-12-01",
    replacement: "gpt-image-2.6-flare",
    priceClass: "mini",
    mayChangePriceClass: true,
    prices: [
      price("2025-10-06", "gpt-image-1-mini", {
        textInput: "2",
        imageInput: "2.5",
        imageOutput: "8",
      }),
    ],
  },
  {
    ...CURRENT_MODEL,
    id: "gpt-image-1",
    qualities: UP_TO_HIGH,
    sizes: THREE_SIZES,
    shutdownDate: "2026-10-23",
    replacement: "gpt-image-2.6-sunburst",
    outputTokens: TOKENS_BY_SIZE,
    inputTokens: TEXT_INPUT,
    prices: [
      price("2025-04-23", "gpt-image-1", {
        textInput: "5",
        imageInput: "10",
        imageOutput: "40",
      }),
    ],
  },
  {
    ...DALL_E,
    id: "dall-e-3",
    maxImages: 1,
    sizes: list([1024, 1024], [1792, 1024], [1024, 1792]),
    maxPromptLength: 4000,
    replacement: "gpt-image-2.6-sunburst",
  },
  {
    ...DALL_E,
    id: "dall-e-2",
    maxImages: 10,
    sizes: list([1024, 1024], [512, 512], [256, 256]),
    maxPromptLength: 1000,
    replacement: "gpt-image-2.6-flare",
  },
];

/** The snapshots that the vendor lists. Each has the description and the price of the model it was taken from. */
const SNAPSHOTS = [
  ["gpt-image-2-2026-04-21", "gpt-image-2"],
  ["gpt-image-2.5-sunburst-2026-09-08", "gpt-image-2.5-sunburst"],
  ["gpt-image-2.5-flare-2026-09-08", "gpt-image-2.5-flare"],
  ["gpt-image-1.5-2025-12-16", "gpt-image-1.5"],
] as const;

/**
 * Returns the catalogue and a description of each extra model that it lacks, such as a compatible server's model or one
 * newer than this release. Unknown models get the rules of gpt-image-2 without its price.
 */
export function describeModels(extraModels: readonly string[]): readonly ModelDescription[] {
  const known = new Set<string>([...CATALOGUE.map((model) => model.id), ...SNAPSHOTS.map(([id]) => id)]);
  const unknown = [...new Set(extraModels)].filter((id) => !known.has(id));
  const others = unknown.map((id) => describeSnapshot(id) ?? describeUnknown(id));
  return [...CATALOGUE, ...SNAPSHOTS.flatMap(([id]) => describeSnapshot(id) ?? []), ...others];
}

/** Implements {@link ImageProvider.describe}: recognises dated snapshots and new models by the name that they share. */
export function describeModel(id: string): ModelDescription | undefined {
  if (!isModelName(id) || !id.startsWith("gpt-image-")) return undefined;
  return describeSnapshot(id) ?? { ...describeUnknown(id), isAssumed: true };
}

/**
 * Describes the models of a compatible server that the operator named. A model that OpenAI also has is described like
 * OpenAI's, without its price and dates. Of any other model only the least is assumed.
 *
 * @param provider the provider's name
 * @param models by the gateway's name
 */
export function describeServerModels(
  provider: string,
  models: ReadonlyMap<string, ServerModel>,
): readonly ModelDescription[] {
  return [...models].map(([id, { name = id }]) => {
    const like = CATALOGUE.find((model) => model.id === name) ?? describeSnapshot(name) ?? LEAST_MODEL;
    const {
      prices: _prices,
      priceClass: _class,
      shutdownDate: _day,
      replacement: _replacement,
      snapshotOf: _family,
      createdAt: _created,
      ...abilities
    } = like;
    return { ...abilities, id, provider };
  });
}

const LEAST_MODEL: Omit<ModelDescription, "id" | "provider"> & Partial<ModelDescription> = {
  operations: ["GENERATE"],
  maxImages: 1,
  sizes: list([1024, 1024]),
  formats: ["PNG"],
  qualities: ["AUTO"],
  backgrounds: ["AUTO", "OPAQUE"],
  hasSeed: false,
  maxPromptLength: 4000,
};

function describeSnapshot(id: string): ModelDescription | undefined {
  const [, name] = /^(.+)-20\d\d-\d\d-\d\d$/.exec(id) ?? [];
  const model = CATALOGUE.find((candidate) => candidate.id === name);
  return model && { ...model, id, snapshotOf: model.id };
}

function describeUnknown(id: string): ModelDescription {
  const { priceClass: _, ...abilities } = withoutTokenCounts(CURRENT_MODEL);
  return { ...abilities, id, qualities: UP_TO_HIGH };
}

/** Removes the token counts, which are not published for unknown models. */
function withoutTokenCounts({
  outputTokens: _output,
  inputTokens: _input,
  ...model
}: typeof CURRENT_MODEL): Omit<typeof CURRENT_MODEL, "outputTokens" | "inputTokens"> {
  return model;
}

function price(from: string, page: string, perMillionTokens: TokenPrices): ModelPrice {
  return { from, source: `${MODEL_PAGES}/${page}`, perMillionTokens };
}

function list(...sizes: readonly (readonly [number, number])[]): SizeRule {
  return { kind: "list", sizes: sizes.map(([width, height]): PixelSize => ({ width, height })) };
}
