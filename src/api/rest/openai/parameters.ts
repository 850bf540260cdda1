import { z } from "zod";
import { MAX_IMAGES } from "../../../bounds.ts";
import { MAX_EDIT_IMAGES } from "../../../service/edits/edit-intake.ts";
import { MAX_PARTIAL_IMAGES, MAX_SAFETY_IDENTIFIER_LENGTH } from "../../../service/generations/generation-input.ts";
import type { Json } from "../openapi-parts.ts";
import { isLonger, optional, PROMPT_SCHEMA, SIZE_FORMAT, sizePattern } from "../request-schema.ts";
import type { ParameterFault } from "./errors.ts";

/*
 * The parameters of OpenAI's Images API that the gateway supports. These schemas check requests, give them their types,
 * and describe them in the OpenAPI document.
 */

/** A text without control characters, and without white space at either end. It may be empty. */
const IDENTIFIER_PATTERN =
  "^([^\\s\\u0000-\\u001f\\u007f-\\u009f]([^\\u0000-\\u001f\\u007f-\\u009f]*[^\\s\\u0000-\\u001f\\u007f-\\u009f])?)?$";
const IDENTIFIER = new RegExp(IDENTIFIER_PATTERN, "u");

export const PROMPT_EXAMPLE = "a red fox in a snowy forest at night";

const prompt = text({ minLength: 1, ...PROMPT_SCHEMA }).meta({
  description: "What the images show",
  examples: [PROMPT_EXAMPLE],
});

const SHARED = {
  model: optional(
    text({ minLength: 1 }),
    "A model of `GET /v1/models`. Names of retired models still work. If absent, the gateway's default model",
  ),
  n: optional(z.int().min(1).max(MAX_IMAGES), "The number of images. A stream can carry only one"),
  size: optional(
    text({ minLength: 1, pattern: `^(auto|${sizePattern("x")})$`, format: SIZE_FORMAT }),
    "The exact size as WIDTHxHEIGHT in pixels: 64 to 3840 a side, ratio 1:3 to 3:1. Or auto",
  ),
  quality: optional(
    z.enum(["auto", "low", "medium", "high", "xhigh", "max", "standard", "hd"]),
    "The quality. standard and hd are the words of retired models",
  ),
  background: optional(z.enum(["auto", "opaque", "transparent"]), "The background behind the subject"),
  output_format: optional(z.enum(["png", "jpeg", "webp"]), "The format. If absent, png"),
  output_compression: optional(z.int().min(0).max(100), "How much of the quality to keep, for jpeg and webp"),
  moderation: optional(
    z.enum(["auto", "low"]),
    "How strictly the provider filters content. Ignored with a warning if the model cannot set it, as in edits",
  ),
  safety_identifier: optional(identifier(), "Identifies the end user, preferably as a hash"),
  user: optional(identifier(), "The older name of safety_identifier"),
  stream: optional(z.boolean(), "Whether to answer with server-sent events"),
  partial_images: optional(
    z.int().min(0).max(MAX_PARTIAL_IMAGES),
    "The number of previews before the image. Needs stream",
  ),
  response_format: optional(
    z.enum(["url", "b64_json"]).meta({ examples: ["url"] }),
    "url for signed URLs, with any model. If absent, url for dall-e models and b64_json for others",
  ),
};

const EDIT_PARAMETERS = {
  ...SHARED,
  input_fidelity: optional(z.enum(["high", "low"]), "A parameter of retired models. Ignored with a warning"),
};

/**
 * A rule about two parameters: the values that one may have while the other has a certain value. A parameter that is
 * left out has its default value.
 */
export interface Rule {
  readonly when: { readonly name: string; readonly is: string | boolean; readonly byDefault: boolean };
  readonly allows: { readonly name: string; readonly is: readonly (string | number)[] };
  readonly message: string;
}

/** Combinations of parameters that are refused although each value alone is valid. */
export const RULES: readonly Rule[] = [
  {
    when: { name: "stream", is: false, byDefault: true },
    allows: { name: "partial_images", is: [0] },
    message: "partial_images needs stream to be true.",
  },
  {
    when: { name: "stream", is: true, byDefault: false },
    allows: { name: "n", is: [1] },
    message: "Streaming is only supported with n=1.",
  },
  {
    when: { name: "stream", is: true, byDefault: false },
    allows: { name: "response_format", is: ["b64_json"] },
    message: "A stream can only carry b64_json; leave response_format out.",
  },
  {
    when: { name: "output_format", is: "jpeg", byDefault: false },
    allows: { name: "background", is: ["auto", "opaque"] },
    message: "A JPEG cannot be transparent; ask for png or webp.",
  },
  {
    when: { name: "output_format", is: "png", byDefault: true },
    allows: { name: "output_compression", is: [100] },
    message:
      "PNG is lossless: output_compression must be 100 or absent. For a smaller file, set output_format to jpeg or webp.",
  },
];

const RULES_AS_JSON_SCHEMA = {
  allOf: RULES.map(({ when, allows }): Json => {
    const condition = { properties: { [when.name]: { enum: [when.is, ...(when.byDefault ? [null] : [])] } } };
    return {
      if: when.byDefault ? condition : { ...condition, required: [when.name] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema, in a document
      then: { properties: { [allows.name]: { enum: [...allows.is, null] } } },
    };
  }),
};

export const ImageGenerationRequest = z
  .strictObject({
    prompt,
    ...SHARED,
    style: optional(z.enum(["vivid", "natural"]), "A parameter of retired models. Ignored with a warning"),
  })
  .meta(RULES_AS_JSON_SCHEMA);

/** The text fields of an edit sent as a form. Its files are read while they arrive. */
export const ImageEditFields = z.strictObject({ prompt, ...EDIT_PARAMETERS }).meta(RULES_AS_JSON_SCHEMA);

/** An edit sent as a form, for the OpenAPI document. */
export const ImageEditForm = z
  .strictObject({
    prompt,
    image: z
      .file()
      .describe(
        `A PNG, JPEG or WebP file of less than 50 MB. Up to ${MAX_EDIT_IMAGES} files, each as \`image\` or \`image[]\``,
      ),
    mask: z
      .file()
      .optional()
      .describe("A PNG of the same size as the first image. Only its transparent areas may change"),
    ...EDIT_PARAMETERS,
  })
  .meta(RULES_AS_JSON_SCHEMA);

const nothing = z.null().optional();
const reference = z.union([
  z.strictObject({ file_id: z.string().describe("The id of an image: `img_…`"), image_url: nothing }),
  z.strictObject({
    image_url: z
      .string()
      .describe(
        "The URL of an image of this gateway or at a host that it allows, or an image of less than 50 MB as data:image/png;base64,…",
      ),
    file_id: nothing,
  }),
]);

export const ImageEditRequest = z
  .strictObject({
    prompt,
    images: z.array(reference).min(1).max(MAX_EDIT_IMAGES),
    mask: optional(
      z.union([reference, z.strictObject({ file_id: nothing, image_url: nothing })]),
      "A PNG of the same size as the first image. Only its transparent areas may change",
    ),
    ...EDIT_PARAMETERS,
  })
  .meta(RULES_AS_JSON_SCHEMA);

/** The parameters that generations and edits share. */
const Shared = z.strictObject({ prompt, ...SHARED });
export type ImageParameters = Parameters<typeof Shared>;

/** The parameters of a request after it was checked. `null` counts as absent. */
export type Parameters<Schema extends z.ZodObject> = {
  readonly [Name in keyof z.output<Schema>]: Exclude<z.output<Schema>[Name], null>;
};

/** Parameters that OpenAI documents and that no model of this gateway supports. */
export const UNSUPPORTED: ReadonlySet<string> = new Set([
  "complexity",
  "frame_count",
  "frame_duration_ms",
  "svg",
  "prompt_rewriter",
  "markup",
]);

interface TextBounds {
  readonly minLength?: number;
  /** The most characters (Unicode code points). */
  readonly maxLength?: number;
  /** Further keywords for the JSON Schema. The service checks these rules. */
  readonly [keyword: string]: unknown;
}

function text({ minLength = 0, maxLength, ...described }: TextBounds) {
  const atLeast = minLength > 0 ? z.string().min(minLength) : z.string();
  if (maxLength === undefined) return atLeast.meta(described);
  return atLeast.refine(...atMost(maxLength)).meta({ maxLength, ...described });
}

function atMost(maxLength: number) {
  const fault: ParameterFault = "string_above_max_length";
  const error = `string too long. Expected a string with maximum length ${maxLength}.`;
  return [(value: string) => !isLonger(value, maxLength), { error, params: { fault } }] as const;
}

function identifier() {
  return z
    .string()
    .refine(...atMost(MAX_SAFETY_IDENTIFIER_LENGTH))
    .refine((value) => IDENTIFIER.test(value), {
      error: "it must not contain control characters, or white space at either end.",
    })
    .meta({ maxLength: MAX_SAFETY_IDENTIFIER_LENGTH, pattern: IDENTIFIER_PATTERN });
}
