import { z } from "zod";
import type { PixelSize } from "../../../src/ports/image-provider.ts";
import type { VendorRules } from "./strict-vendor.ts";

/** Sizes by ratio in pixels, as Google's guide lists them for 1K. @see https://ai.google.dev/gemini-api/docs/image-generation */
const GEMINI_1K: Readonly<Record<string, PixelSize>> = {
  "1:1": { width: 1024, height: 1024 },
  "2:3": { width: 848, height: 1264 },
  "3:2": { width: 1264, height: 848 },
  "3:4": { width: 896, height: 1200 },
  "4:3": { width: 1200, height: 896 },
  "4:5": { width: 928, height: 1152 },
  "5:4": { width: 1152, height: 928 },
  "9:16": { width: 768, height: 1376 },
  "16:9": { width: 1376, height: 768 },
  "21:9": { width: 1584, height: 672 },
};
const geminiRatio = z.enum(["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"]);
/** The pixels of a ratio at `1K`, `2K` or `4K`. */
function geminiSize(ratio: string, resolution: string): PixelSize {
  const { width, height } = GEMINI_1K[ratio] ?? { width: 1, height: 1 };
  const scale = Number.parseInt(resolution, 10);
  return { width: width * scale, height: height * scale };
}

const bearer: VendorRules["keyOf"] = ({ authorization = "" }) => /^Bearer (.+)$/.exec(authorization)?.[1];
const dataUri = z.string().regex(/^data:image\/(png|jpeg|webp);base64,/);
const base64 = z.string().regex(/^[A-Za-z0-9+/]+=*$/);

const google: VendorRules = {
  keyOf: (headers) => headers["x-goog-api-key"]?.toString(),
  problem: (message) => ({ error: { code: 400, message, status: "INVALID_ARGUMENT" } }),
  routes: [
    {
      path: /^\/v1beta\/models\/gemini-[\w.-]+:generateContent$/,
      schema: z.strictObject({
        contents: z.tuple([
          z.strictObject({
            role: z.literal("user"),
            parts: z
              .array(
                z.union([
                  z.strictObject({ text: z.string() }),
                  z.strictObject({ inlineData: z.strictObject({ mimeType: z.string(), data: base64 }) }),
                ]),
              )
              .min(1)
              .max(15),
          }),
        ]),
        generationConfig: z.strictObject({
          responseModalities: z.tuple([z.literal("IMAGE")]),
          imageConfig: z.strictObject({ aspectRatio: geminiRatio, imageSize: z.enum(["1K", "2K", "4K"]) }),
        }),
      }),
      sizeOf: (body: { generationConfig: { imageConfig: { aspectRatio: string; imageSize: string } } }) => {
        const { aspectRatio, imageSize } = body.generationConfig.imageConfig;
        return geminiSize(aspectRatio, imageSize);
      },
      answer: ([data]) => ({
        candidates: [
          {
            content: { role: "model", parts: [{ inlineData: { mimeType: "image/png", data } }] },
            finishReason: "STOP",
          },
        ],
        usageMetadata: { promptTokenCount: 4, candidatesTokenCount: 1120, totalTokenCount: 1124 },
      }),
    },
  ],
};

const openAIProblem = (message: string) => {
  return { error: { message, type: "invalid_request_error", param: null, code: "unknown_parameter" } };
};
const textSize = ({ size }: { readonly size: string }): PixelSize => {
  const [width = 0, height = 0] = size.split("x").map(Number);
  return { width, height };
};
const b64Answer = (images: readonly string[]) => ({ created: 1, data: images.map((b64_json) => ({ b64_json })) });

const azureParameters = {
  model: z.string(),
  prompt: z.string(),
  n: z.int().min(1).max(10).optional(),
  size: z.string().regex(/^\d+x\d+$/),
  quality: z.enum(["auto", "low", "medium", "high"]).optional(),
  output_format: z.enum(["png", "jpeg"]).optional(),
  output_compression: z.int().optional(),
  background: z.enum(["transparent", "opaque", "auto"]).optional(),
  user: z.string().optional(),
  stream: z.boolean().optional(),
  partial_images: z.int().optional(),
};
const azureAnswer = (images: readonly string[]) => ({
  ...b64Answer(images),
  usage: {
    input_tokens: 10,
    output_tokens: 1000,
    total_tokens: 1010,
    input_tokens_details: { text_tokens: 10, image_tokens: 0 },
  },
});
const azure: VendorRules = {
  keyOf: bearer,
  problem: openAIProblem,
  models: { object: "list", data: [{ id: "gpt-image-2", object: "model", created_at: 1 }] },
  routes: [
    {
      path: /^\/openai\/v1\/images\/generations$/,
      schema: z.strictObject({ ...azureParameters, moderation: z.enum(["auto", "low"]).optional() }),
      sizeOf: textSize,
      answer: azureAnswer,
    },
    {
      path: /^\/openai\/v1\/images\/edits$/,
      schema: z.strictObject({
        ...azureParameters,
        "image[]": z.array(z.string()).optional(),
        image: z.array(z.string()).optional(),
        mask: z.array(z.string()).length(1).optional(),
      }),
      sizeOf: textSize,
      answer: azureAnswer,
    },
  ],
};

const novaConfig = z.strictObject({
  width: z.int().min(320).max(4096).multipleOf(16),
  height: z.int().min(320).max(4096).multipleOf(16),
  quality: z.enum(["standard", "premium"]).optional(),
  cfgScale: z.number().min(1.1).max(10).optional(),
  seed: z.int().min(0).max(858_993_459).optional(),
  numberOfImages: z.int().min(1).max(5).optional(),
});
const novaText = z.string().min(1).max(1024);
const bedrock: VendorRules = {
  keyOf: bearer,
  problem: (message) => ({ message }),
  routes: [
    {
      path: /^\/model\/amazon\.nova-canvas-v1%3A0\/invoke$/,
      schema: z.discriminatedUnion("taskType", [
        z.strictObject({
          taskType: z.literal("TEXT_IMAGE"),
          textToImageParams: z.strictObject({ text: novaText, negativeText: novaText.optional() }),
          imageGenerationConfig: novaConfig,
        }),
        z.strictObject({
          taskType: z.literal("IMAGE_VARIATION"),
          imageVariationParams: z.strictObject({ images: z.array(base64).min(1).max(5), text: novaText.optional() }),
          imageGenerationConfig: novaConfig,
        }),
      ]),
      sizeOf: (body: { imageGenerationConfig: PixelSize }) => body.imageGenerationConfig,
      countOf: (body: { imageGenerationConfig: { numberOfImages?: number } }) =>
        body.imageGenerationConfig.numberOfImages ?? 1,
      answer: (images) => ({ images }),
    },
  ],
};

const xaiParameters = {
  model: z.literal("grok-imagine-image"),
  prompt: z.string(),
  n: z.int().min(1).max(10).optional(),
  aspect_ratio: z.enum(["1:1", "3:4", "4:3", "9:16", "16:9", "2:3", "3:2", "1:2", "2:1"]).optional(),
  resolution: z.enum(["1k", "2k"]).optional(),
  quality: z.enum(["low", "medium", "high"]).optional(),
  response_format: z.enum(["url", "b64_json"]).optional(),
  user: z.string().optional(),
};
const xaiImage = z.strictObject({ url: dataUri, type: z.literal("image_url") });
/** xAI publishes no sizes; this server makes one megapixel for each `k`. */
const xaiSize = (body: { aspect_ratio: string; resolution: string }): PixelSize => {
  const [across = 1, down = 1] = body.aspect_ratio.split(":").map(Number);
  const side = 1024 * Number.parseInt(body.resolution, 10);
  return { width: Math.round(side * Math.sqrt(across / down)), height: Math.round(side * Math.sqrt(down / across)) };
};
const xai: VendorRules = {
  keyOf: bearer,
  problem: (error) => ({ code: "Client specified an invalid argument", error }),
  routes: [
    {
      path: /^\/v1\/images\/generations$/,
      schema: z.strictObject(xaiParameters),
      sizeOf: xaiSize,
      answer: b64Answer,
    },
    {
      path: /^\/v1\/images\/edits$/,
      schema: z.strictObject({
        ...xaiParameters,
        image: xaiImage.optional(),
        images: z.array(xaiImage).min(2).max(3).optional(),
      }),
      sizeOf: xaiSize,
      answer: b64Answer,
    },
  ],
};

const falParameters = {
  prompt: z.string(),
  image_size: z.strictObject({ width: z.int().min(512).max(2048), height: z.int().min(512).max(2048) }),
  num_images: z.int().min(1).max(4).optional(),
  seed: z.int().optional(),
  guidance_scale: z.number().optional(),
  enable_prompt_expansion: z.boolean().optional(),
  enable_safety_checker: z.boolean().optional(),
  output_format: z.enum(["jpeg", "png", "webp"]).optional(),
  sync_mode: z.boolean().optional(),
};
const falRoute = {
  sizeOf: (body: { image_size: PixelSize }) => body.image_size,
  countOf: (body: { num_images?: number }) => body.num_images ?? 1,
  answer: (images: readonly string[], origin: string) => ({
    images: images.map((_, index) => ({ url: `${origin}/made/${index}.png`, content_type: "image/png" })),
    has_nsfw_concepts: images.map(() => false),
    prompt: "",
    seed: 1,
    timings: {},
  }),
};
const fal: VendorRules = {
  keyOf: ({ authorization = "" }) => /^Key (.+)$/.exec(authorization)?.[1],
  problem: (msg) => ({ detail: [{ loc: ["body"], msg, type: "extra_forbidden" }] }),
  routes: [
    { path: /^\/fal-ai\/flux-2\/flash$/, schema: z.strictObject(falParameters), ...falRoute },
    {
      path: /^\/fal-ai\/flux-2\/flash\/edit$/,
      schema: z.strictObject({ ...falParameters, image_urls: z.array(dataUri).min(1).max(4) }),
      ...falRoute,
    },
  ],
};

const openrouter: VendorRules = {
  keyOf: bearer,
  problem: (message) => ({ error: { code: 400, message } }),
  routes: [
    {
      path: /^\/api\/v1\/images$/,
      schema: z.strictObject({
        model: z.string(),
        prompt: z.string(),
        n: z.int().optional(),
        aspect_ratio: geminiRatio,
        resolution: z.enum(["1K", "2K", "4K"]),
        quality: z.string().optional(),
        output_format: z.string().optional(),
        output_compression: z.int().optional(),
        background: z.string().optional(),
        seed: z.int().optional(),
        user: z.string().optional(),
        provider: z.looseObject({}).optional(),
        input_references: z
          .array(z.strictObject({ type: z.literal("image_url"), image_url: z.strictObject({ url: dataUri }) }))
          .optional(),
      }),
      sizeOf: (body: { aspect_ratio: string; resolution: string }) => geminiSize(body.aspect_ratio, body.resolution),
      answer: (images) => ({
        created: 1,
        data: images.map((b64_json) => ({ b64_json, media_type: "image/png" })),
        usage: { prompt_tokens: 4, completion_tokens: 1120, total_tokens: 1124, cost: 0.0336 },
      }),
    },
  ],
};

/** Xinference. */
const local: VendorRules = {
  keyOf: bearer,
  problem: (detail) => ({ detail }),
  models: { object: "list", data: [{ id: "sdxl-turbo", object: "model", created: 0, owned_by: "xinference" }] },
  routes: [
    {
      path: /^\/v1\/images\/generations$/,
      schema: z.strictObject({
        model: z.literal("sdxl-turbo"),
        prompt: z.string(),
        n: z.int().optional(),
        response_format: z.literal("b64_json", "without it, the answer has paths of files"),
        size: z.string().regex(/^\d+x\d+$/),
        kwargs: z.string().optional(),
        user: z.string().optional(),
      }),
      sizeOf: textSize,
      answer: b64Answer,
    },
  ],
};

/** The rules by the provider's name in docs/vendors.md. */
export const VENDOR_RULES: Readonly<Record<string, VendorRules>> = {
  google,
  azure,
  bedrock,
  xai,
  fal,
  openrouter,
  local,
};
