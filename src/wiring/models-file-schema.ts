import { z } from "zod";
import { MINIMAL_EDITS } from "../adapters/ai-sdk/ai-sdk.ts";
import { FIXED_PARAMETERS, OMITTABLE_PARAMETERS } from "../adapters/openai/server-model.ts";
import {
  BACKGROUNDS,
  type Edits,
  IMAGE_FORMATS,
  OPERATIONS,
  type PixelSize,
  QUALITIES,
  SOURCE_FORMATS,
} from "../ports/image-provider.ts";
import { isUsd } from "../ports/projects/money.ts";
import { MAX_EDIT_IMAGE_BYTES, MAX_EDIT_IMAGES } from "../service/edits/edit-intake.ts";
import { MAX_PARTIAL_IMAGES } from "../service/generations/generation-input.ts";
import { embeddedKeys } from "./embedded-keys.ts";

/** The most parameters that `send` can add to a call, and the longest text of one. */
const MAX_SENT_PARAMETERS = 20;
const MAX_SENT_LENGTH = 1000;
/** The most calls at once of one provider, and the longest time of one call, as for the gateway's own settings. */
const MAX_CONCURRENCY = 1000;
const MAX_TIMEOUT_SECONDS = 86_400;

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$/, "must be a model's name");
const side = z.int().min(1).max(100_000);
const day = z.iso.date("must be a day, YYYY-MM-DD");
const usd = z.string().refine(isUsd, 'must be US dollars as a decimal string, such as "0.04"');
const size = z
  .string()
  .regex(/^[1-9]\d{1,4}x[1-9]\d{1,4}$/, 'must be "WIDTHxHEIGHT"')
  .transform((text): PixelSize => {
    const [width = 0, height = 0] = text.split("x").map(Number);
    return { width, height };
  });
const sizeList = z.array(size).min(1).max(100);
const sizes = z.union([
  sizeList.transform((list) => ({ kind: "list" as const, sizes: list })),
  z
    .strictObject({ multipleOf: side, minSide: side, maxLongSide: side, minPixels: z.int().min(1), maxPixels: z.int() })
    .refine(({ minPixels, maxPixels }) => minPixels <= maxPixels, "minPixels must not exceed maxPixels")
    .refine(({ minSide, maxLongSide }) => minSide <= maxLongSide, "minSide must not exceed maxLongSide")
    .transform((bounds) => ({ kind: "bounds" as const, ...bounds })),
]);
const price = z
  .strictObject({
    from: day,
    source: z.string().min(1).max(1000),
    perImage: usd.optional(),
    perMillionTokens: z
      .strictObject({
        textInput: usd.optional(),
        imageInput: usd.optional(),
        textOutput: usd.optional(),
        imageOutput: usd.optional(),
      })
      .optional(),
  })
  .refine(({ perImage, perMillionTokens }) => perImage ?? perMillionTokens, "needs perImage or perMillionTokens");
const words = <Word extends string>(list: readonly Word[]) => z.array(z.enum(list)).min(1);
const abilities = {
  maxImages: z.int().min(1).max(10).optional(),
  sizes: sizes.optional(),
  formats: words(IMAGE_FORMATS).optional(),
  qualities: words(QUALITIES).optional(),
  backgrounds: words(BACKGROUNDS).optional(),
  operations: words(OPERATIONS).optional(),
  hasSeed: z.boolean().optional(),
  maxPromptLength: z.int().min(1).max(1_000_000).optional(),
  shutdownDate: day.optional(),
  replacement: name.optional(),
  mayChangePriceClass: z.boolean().optional(),
  priceClass: z.string().min(1).max(100).optional(),
  prices: z
    .array(price)
    .refine((prices) => new Set(prices.map(({ from }) => from)).size === prices.length, "two begin on the same day")
    .optional(),
};
/** Creates the schema of `edits`. The parameter holds the defaults of absent properties. */
const editsLike = ({ maxInputImages, maxInputBytes, inputFormats, hasMask }: Edits) =>
  z
    .strictObject({
      maxInputImages: z.int().min(1).max(MAX_EDIT_IMAGES).default(maxInputImages),
      maxInputBytes: z.int().min(1).max(MAX_EDIT_IMAGE_BYTES).default(maxInputBytes),
      inputFormats: words(SOURCE_FORMATS).default(SOURCE_FORMATS.filter((format) => inputFormats.includes(format))),
      hasMask: z.boolean().default(hasMask),
    })
    .optional();
const ALL_EDITS: Edits = {
  maxInputImages: MAX_EDIT_IMAGES,
  maxInputBytes: MAX_EDIT_IMAGE_BYTES,
  inputFormats: SOURCE_FORMATS,
  hasMask: true,
};
const previews = z
  .strictObject({ maxPartialImages: z.int().min(0).max(MAX_PARTIAL_IMAGES), maxImages: z.int().min(1).max(10) })
  .optional();

/** Refuses secrets in a part of the file that a package or a server gets. */
const withoutKeys = <Schema extends z.ZodType>(schema: Schema) =>
  schema.superRefine((value, context) => {
    for (const path of embeddedKeys(value)) {
      const message =
        "is a secret, which this file must not hold; set an environment variable, and name it in keyVariable of a provider";
      context.addIssue({ code: "custom", path: [...path], message });
    }
  });

const packageName = z.string().regex(/^(@[a-z0-9._-]+\/)?[a-z0-9._-]+$/, "must be the name of an npm package");
const providerOptions = withoutKeys(z.record(z.string(), z.record(z.string(), z.json())));
const vendorName = z.string().min(1).max(200);
/** The part of a package of the AI SDK: how its provider is created. */
const sdkPackage = {
  package: packageName,
  factory: z
    .string()
    .regex(/^create\w+$/)
    .optional(),
  settings: withoutKeys(z.record(z.string(), z.json())).optional(),
};

/** A model of the AI SDK whose provider the file names. */
const sdkModel = z
  .strictObject({
    ...abilities,
    edits: editsLike(MINIMAL_EDITS),
    provider: z.string(),
    model: vendorName,
    providerOptions: providerOptions.optional(),
    qualityOptions: z.partialRecord(z.enum(QUALITIES), providerOptions).optional(),
    asksFor: z
      .union([
        z.enum(["size", "aspectRatio"]),
        z
          .array(z.string().regex(/^[1-9]\d{0,3}:[1-9]\d{0,3}$/, 'must be "WIDTH:HEIGHT"'))
          .min(1)
          .max(50),
      ])
      .optional(),
    tiers: z
      .array(z.strictObject({ sizes: sizeList, providerOptions }))
      .min(1)
      .max(10)
      .optional(),
  })
  .refine(({ sizes, tiers }) => !sizes || !tiers, {
    path: ["tiers"],
    message: "list the sizes in sizes or in tiers, not in both",
  })
  .refine(
    ({ qualities = [], qualityOptions = {} }) => qualities.every((word) => word === "AUTO" || word in qualityOptions),
    { path: ["qualities"], message: "qualityOptions must say how to ask for each of them" },
  );

/** The schemas of a model, by what its provider is. */
export const MODEL_SCHEMAS = {
  "ai-sdk": sdkModel.safeExtend(sdkPackage),
  namedSdk: sdkModel,
  other: z
    .strictObject({
      ...abilities,
      edits: editsLike(ALL_EDITS),
      previews,
      provider: z.string().min(1).max(100).optional(),
      model: vendorName.optional(),
      omit: words(OMITTABLE_PARAMETERS).optional(),
      send: withoutKeys(
        z
          .record(
            z
              .string()
              .regex(/^[a-z][a-z0-9_]{0,63}$/i, "must be the name of a parameter")
              .refine((parameter) => !FIXED_PARAMETERS.has(parameter), "is what callers ask for, and cannot be sent"),
            z.union([z.string().max(MAX_SENT_LENGTH), z.number(), z.boolean()]),
          )
          .refine(
            (sent) => Object.keys(sent).length <= MAX_SENT_PARAMETERS,
            `at most ${MAX_SENT_PARAMETERS} parameters`,
          ),
      ).optional(),
    })
    .refine(({ omit = [], send = {} }) => !omit.some((parameter) => parameter in send), {
      path: ["send"],
      message: "a parameter of omit cannot be sent",
    })
    .refine(({ omit = [], maxImages }) => !omit.includes("n") || maxImages === 1, {
      path: ["omit"],
      message: 'n can be omitted only with "maxImages": 1',
    }),
};

/** The secrets of the gateway itself, which no provider gets. */
const isOwnSecret = (variable: string) => /^(PICTOGRAPH_|DATABASE_URL$|AWS_SECRET_ACCESS_KEY$)/.test(variable);

const calls = {
  keyVariable: z
    .string()
    .regex(/^[A-Z][A-Z0-9_]{0,99}$/, "must be the name of an environment variable, which holds the key")
    .refine((variable) => !isOwnSecret(variable), "is a secret of the gateway itself")
    .optional(),
  concurrency: z.int().min(1).max(MAX_CONCURRENCY).optional(),
  timeoutSeconds: z.int().min(1).max(MAX_TIMEOUT_SECONDS).optional(),
};
const provider = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("openai"),
    baseUrl: z
      .url({ protocol: /^https?$/, error: "must be an http or https URL" })
      .refine(
        (url) => !new URL(url).username && !new URL(url).search && !new URL(url).hash,
        "must have no credentials, no query and no fragment",
      ),
    ...calls,
  }),
  z.strictObject({ kind: z.literal("ai-sdk"), ...sdkPackage, ...calls }),
]);
export type ProviderEntry = z.infer<typeof provider>;

/** Names that mean something else: providers without a name of their own, and what unknown models are said to have. */
const RESERVED_NAMES = new Set(["openai", "ai-sdk", "illustrator", "unknown"]);
const providerName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,39}$/, "must be a name of lower case letters, digits and hyphens")
  .refine((text) => !RESERVED_NAMES.has(text), "is the name of a provider of the gateway; choose another one");

export const FILE_SCHEMA = z.strictObject({
  providers: z.record(providerName, provider).optional(),
  models: z.record(name, z.unknown()).optional(),
  aliases: z.record(name, z.union([name.transform((one) => [one]), z.array(name).min(1).max(10)])).optional(),
});
