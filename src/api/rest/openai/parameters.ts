import { z } from "zod";
import { MAX_IMAGES } from "../../../bounds.ts";
import { MAX_EDIT_IMAGES } from "../../../service/edits/edit-intake.ts";
import { MAX_PARTIAL_IMAGES, MAX_SAFETY_IDENTIFIER_LENGTH } from "../../../service/generations/generation-input.ts";
import type { Json } from "../openapi-parts.ts";
import { isLonger, optional, PROMPT_SCHEMA, SIZE_FORMAT, sizePattern } from "../request-schema.ts";
import type { ParameterFault } from "./errors.ts";

/*
 * What OpenAI documents of its images, as far as the gateway takes it: these schemas check requests, are their types,
 * and stand in the OpenAPI document.
 */

/** No control character, and no white space at either end; or nothing at all. */
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
    "One of `GET /v1/models`; the names of retired models go on working. The gateway's default when left out",
  ),
  n: optional(z.int().min(1).max(MAX_IMAGES), "How many; a stream carries one"),
  size: optional(
    text({ minLength: 1, pattern: `^(auto|${sizePattern("x")})$`, format: SIZE_FORMAT }),
    "WIDTHxHEIGHT in pixels, delivered exactly: 64 to 3840 a side, ratio 1:3 to 3:1; or auto",
  ),
  quality: optional(
    z.enum(["auto", "low", "medium", "high", "xhigh", "max", "standard", "hd"]),
    "standard and hd are the words of retired models",
  ),
  background: optional(z.enum(["auto", "opaque", "transparent"]), "What is behind the subject"),
  output_format: optional(z.enum(["png", "jpeg", "webp"]), "png when left out"),
  output_compression: optional(z.int().min(0).max(100), "How much of the quality to keep, for jpeg and webp"),
  moderation: optional(
    z.enum(["auto", "low"]),
    "How strictly content is filtered; ignored with a warning where that cannot be set, as in edits",
  ),
  safety_identifier: optional(identifier(), "Stands for the person who asks: a hash for preference"),
  user: optional(identifier(), "The older name of safety_identifier"),
  stream: optional(z.boolean(), "Whether to answer with server-sent events"),
  partial_images: optional(z.int().min(0).max(MAX_PARTIAL_IMAGES), "Previews before the image, with stream"),
  response_format: optional(
    z.enum(["url", "b64_json"]).meta({ examples: ["url"] }),
    "url for signed URLs, of every model; b64_json unless the model is a dall-e",
  ),
};

const EDIT_PARAMETERS = {
  ...SHARED,
  input_fidelity: optional(z.enum(["high", "low"]), "Of retired models; ignored with a warning"),
};

/** What one parameter may be while another one is something. Either counts as its default when it is left out. */
export interface Rule {
  readonly when: { readonly name: string; readonly is: string | boolean; readonly byDefault: boolean };
  readonly allows: { readonly name: string; readonly is: readonly (string | number)[] };
  readonly message: string;
}

/** What each alone may be and together may not. */
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
    message: "A stream carries b64_json only.",
  },
  {
    when: { name: "output_format", is: "jpeg", byDefault: false },
    allows: { name: "background", is: ["auto", "opaque"] },
    message: "A JPEG cannot be transparent; ask for png or webp.",
  },
  {
    when: { name: "output_format", is: "png", byDefault: true },
    allows: { name: "output_compression", is: [100] },
    message: "A PNG loses nothing, so its output_compression can only be 100; ask for jpeg or webp.",
  },
];

const TOGETHER = {
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
    style: optional(z.enum(["vivid", "natural"]), "Of retired models; ignored with a warning"),
  })
  .meta(TOGETHER);

/** The text fields of a form that edits; its files are read while they arrive. */
export const ImageEditFields = z.strictObject({ prompt, ...EDIT_PARAMETERS }).meta(TOGETHER);

/** A form that edits, as the document shows it. */
export const ImageEditForm = z
  .strictObject({
    prompt,
    image: z
      .file()
      .describe(
        `A PNG, JPEG or WebP of less than 50 MB; or up to ${MAX_EDIT_IMAGES}, each as \`image\` or \`image[]\``,
      ),
    mask: z.file().optional().describe("A PNG of the first image's size; it may change where this is clear"),
    ...EDIT_PARAMETERS,
  })
  .meta(TOGETHER);

const nothing = z.null().optional();
const reference = z.union([
  z.strictObject({ file_id: z.string().describe("The id of an image: `img_…`"), image_url: nothing }),
  z.strictObject({
    image_url: z
      .string()
      .describe("Of this gateway, of a host that it allows, or an image of less than 50 MB as data:image/png;base64,…"),
    file_id: nothing,
  }),
]);

export const ImageEditRequest = z
  .strictObject({
    prompt,
    images: z.array(reference).min(1).max(MAX_EDIT_IMAGES),
    mask: optional(
      z.union([reference, z.strictObject({ file_id: nothing, image_url: nothing })]),
      "A PNG of the first image's size; it may change where this is clear",
    ),
    ...EDIT_PARAMETERS,
  })
  .meta(TOGETHER);

/** What requests for images and for edits have in common. */
const Shared = z.strictObject({ prompt, ...SHARED });
export type ImageParameters = Parameters<typeof Shared>;

/** What a request was found to say: `null` stood for what was left out. */
export type Parameters<Schema extends z.ZodObject> = {
  readonly [Name in keyof z.output<Schema>]: Exclude<z.output<Schema>[Name], null>;
};

/** What OpenAI documents and no model behind this gateway can do. */
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
  /** In characters, which are code points. */
  readonly maxLength?: number;
  /** What else is known of it, in JSON Schema; the service checks it. */
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
      error: "it may have no control characters, and no white space around it.",
    })
    .meta({ maxLength: MAX_SAFETY_IDENTIFIER_LENGTH, pattern: IDENTIFIER_PATTERN });
}
