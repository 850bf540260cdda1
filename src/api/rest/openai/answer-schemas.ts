import { z } from "zod";
import { MAX_IMAGES } from "../../../bounds.ts";
import { OPENAI_CODES } from "./errors.ts";

/* The answers of `/v1`, for the OpenAPI document. */

const count = z.int().min(0);
const base64 = z.string().meta({ contentEncoding: "base64" });
const seconds = count.describe("Seconds since 1970, UTC");

const details = z.strictObject({ image_tokens: count, text_tokens: count });

const ImageUsage = z.strictObject({
  input_tokens: count,
  input_tokens_details: details.optional(),
  output_tokens: count,
  output_tokens_details: details.optional(),
  total_tokens: count,
});

const background = z.enum(["auto", "opaque", "transparent"]);
const output_format = z.enum(["png", "jpeg", "webp"]);
const quality = z.enum(["auto", "low", "medium", "high", "xhigh", "max"]);
const size = z.string().regex(/^[0-9]+x[0-9]+$/);
const usage = ImageUsage.optional();
const safety_identifier = z.string().optional();

const ImagesResponse = z.strictObject({
  created: seconds,
  data: z
    .array(z.union([z.strictObject({ b64_json: base64 }), z.strictObject({ url: z.url() })]))
    .min(1)
    .max(MAX_IMAGES),
  background: background.optional(),
  output_format,
  quality: quality.optional(),
  size,
  usage,
  safety_identifier,
});

const ImageEvent = z.strictObject({
  type: z.string().regex(/^image_(generation|edit)\.(partial_image|completed)$/),
  b64_json: base64,
  created_at: seconds,
  partial_image_index: count.optional(),
  background,
  output_format,
  quality,
  size,
  usage,
  safety_identifier,
});

const Model = z.strictObject({
  id: z.string(),
  object: z.literal("model"),
  created: count.describe("Seconds since 1970, UTC. 0 if the vendor does not publish it"),
  owned_by: z.string(),
  shutdown_date: z.iso.date().nullable(),
});

const ModelList = z.strictObject({ object: z.literal("list"), data: z.array(Model) });

const OpenAIFailure = z.strictObject({
  error: z.strictObject({
    message: z.string().describe("What is wrong and what to send instead"),
    type: z.string(),
    param: z.string().nullable().describe("The parameter to change"),
    code: z.enum(OPENAI_CODES).nullable(),
  }),
});

export const OPENAI_ANSWERS = { ImagesResponse, ImageUsage, ImageEvent, ModelList, Model, OpenAIFailure };
