import { ERROR_CODES, type ErrorCode } from "../../../errors.ts";
import { MAX_EDIT_IMAGES } from "../../../service/edits/edit-intake.ts";
import { MAX_IMAGES } from "../../../service/generations/generation-input.ts";
import { errorResponses, IDEMPOTENCY_KEY, type Json, json, MODEL_HEADERS } from "../openapi-parts.ts";
import { OPENAI_CODES, openAIStatus } from "./errors.ts";
import { EDIT_PARAMETERS, GENERATION_PARAMETERS, type Parameter } from "./parameters.ts";

type Schemas = { readonly [name: string]: Json };

const PROMPT = "a red fox in a snowy forest at night";

const FORM_EXAMPLE: Readonly<Record<string, string>> = { prompt: PROMPT, response_format: "url" };

/** Callers need no key yet, and what is not there is told apart by its code. */
const IMAGE_ERRORS: readonly ErrorCode[] = ERROR_CODES.filter(
  (code) => !["UNAUTHENTICATED", "MISDIRECTED"].includes(code),
);

/** What the parameters mean; what they may be stands beside their readers. */
const MEANINGS: Readonly<Record<string, string>> = {
  prompt: "What the images show",
  model: "One of `GET /v1/models`; the names of retired models go on working. The gateway's default when left out",
  n: "How many; a stream carries one",
  size: "WIDTHxHEIGHT in pixels, delivered exactly: 64 to 3840 a side, ratio 1:3 to 3:1; or auto",
  quality: "standard and hd are the words of retired models",
  background: "Transparent not with jpeg",
  output_compression: "How much of the quality to keep, for jpeg and webp",
  moderation: "How strictly content is filtered; ignored with a warning where that cannot be set, as in edits",
  safety_identifier: "Stands for the person who asks: a hash for preference",
  user: "The older name of safety_identifier",
  stream: "Whether to answer with server-sent events",
  partial_images: "Previews before the image, with stream",
  response_format: "url for signed URLs, of every model; b64_json unless the model is a dall-e",
  style: "Of retired models; ignored with a warning",
  input_fidelity: "Of retired models; ignored with a warning",
};

export function describeOpenAIPaths(): Schemas {
  return {
    "/v1/images/generations": { post: describeGeneration() },
    "/v1/images/edits": { post: describeEdit() },
    "/v1/models": {
      get: {
        operationId: "listModels",
        tags: ["OpenAI"],
        summary: "List the models",
        responses: {
          "200": { description: "Every model that can be asked for", content: json("ModelList") },
          ...errorResponses(["FORBIDDEN", "RATE_LIMITED"], "OpenAIFailure", openAIStatus),
        },
      },
    },
    "/v1/models/{model}": {
      get: {
        operationId: "retrieveModel",
        tags: ["OpenAI"],
        summary: "One model, or a retired one",
        parameters: [{ name: "model", in: "path", required: true, schema: { type: "string" } }],
        responses: {
          "200": {
            description: "The model",
            headers: { Sunset: { $ref: "#/components/headers/Sunset" } },
            content: json("Model"),
          },
          ...errorResponses(["FORBIDDEN", "MODEL_UNAVAILABLE", "RATE_LIMITED"], "OpenAIFailure", openAIStatus),
        },
      },
    },
  };
}

function describeGeneration(): Json {
  const request = { $ref: "#/components/schemas/ImageGenerationRequest" };
  return {
    operationId: "createImage",
    tags: ["OpenAI"],
    summary: "Make images, as OpenAI's clients ask",
    parameters: [IDEMPOTENCY_KEY],
    requestBody: {
      required: true,
      content: {
        "application/json": { schema: request, example: { prompt: PROMPT, size: "1024x1024", response_format: "url" } },
        "multipart/form-data": { schema: request, example: FORM_EXAMPLE },
        "application/x-www-form-urlencoded": { schema: request, example: FORM_EXAMPLE },
      },
    },
    responses: describeAnswers("image_generation"),
  };
}

function describeEdit(): Json {
  return {
    operationId: "editImage",
    tags: ["OpenAI"],
    summary: "Change images, as OpenAI's clients ask",
    description: `1 to ${MAX_EDIT_IMAGES} PNG, JPEG or WebP files of less than 50 MB, in any order with the other fields; or images of the gateway by their ids.`,
    parameters: [IDEMPOTENCY_KEY],
    requestBody: {
      required: true,
      content: {
        "multipart/form-data": {
          schema: { $ref: "#/components/schemas/ImageEditForm" },
          example: FORM_EXAMPLE,
        },
        "application/json": {
          schema: { $ref: "#/components/schemas/ImageEditRequest" },
          example: { prompt: PROMPT, images: [{ file_id: "img_…" }], response_format: "url" },
        },
      },
    },
    responses: describeAnswers("image_edit"),
  };
}

function describeAnswers(event: string): Json {
  return {
    "200": {
      description: "The images. A `Warning` header says what was done otherwise than asked.",
      headers: MODEL_HEADERS,
      content: {
        ...(json("ImagesResponse") as object),
        "text/event-stream": {
          schema: {
            type: "string",
            description: `With stream: \`${event}.partial_image\` events and then \`${event}.completed\`, each an ImageEvent; or an \`error\` event with an OpenAIFailure`,
          },
        },
      },
    },
    ...errorResponses(IMAGE_ERRORS, "OpenAIFailure", openAIStatus),
  };
}

function propertiesOf(parameters: Readonly<Record<string, Parameter<unknown>>>): Schemas {
  const described = Object.entries(parameters).map(([name, { schema }]) => {
    const description = MEANINGS[name];
    const example = FORM_EXAMPLE[name];
    const about = { ...(description !== undefined && { description }), ...(example && { examples: [example] }) };
    return [name, { ...schema, ...about }];
  });
  return Object.fromEntries(described);
}

export function describeOpenAISchemas(): Schemas {
  const integer: Json = { type: "integer", minimum: 0 };
  const text: Json = { type: "string" };
  const file: Json = { type: "string", format: "binary" };
  const object = (required: readonly string[], properties: Schemas): Json => {
    return { type: "object", required, additionalProperties: false, properties };
  };
  const reference: Json = {
    oneOf: [
      object(["file_id"], { file_id: { type: "string", description: "The id of an image: `img_…`" } }),
      object(["image_url"], {
        image_url: {
          type: "string",
          format: "uri",
          description:
            "Of this gateway, of a host that it allows, or an image of less than 50 MB as data:image/png;base64,…",
        },
      }),
    ],
  };
  const about: Schemas = {
    background: { type: "string", enum: ["auto", "opaque", "transparent"] },
    output_format: { type: "string", enum: ["png", "jpeg", "webp"] },
    quality: { type: "string", enum: ["auto", "low", "medium", "high", "xhigh", "max"] },
    size: { type: "string", pattern: "^[0-9]+x[0-9]+$" },
    usage: { $ref: "#/components/schemas/ImageUsage" },
    safety_identifier: text,
  };
  const details: Json = {
    type: "object",
    required: ["image_tokens", "text_tokens"],
    additionalProperties: false,
    properties: { image_tokens: integer, text_tokens: integer },
  };
  return {
    ImageGenerationRequest: object(["prompt"], propertiesOf(GENERATION_PARAMETERS)),
    ImageEditForm: object(["prompt", "image"], {
      image: { ...(file as object), description: "Or several, each as `image[]`" },
      mask: { ...(file as object), description: "A PNG of the first image's size; it may change where this is clear" },
      ...propertiesOf(EDIT_PARAMETERS),
    }),
    ImageEditRequest: object(["prompt", "images"], {
      images: { type: "array", minItems: 1, maxItems: MAX_EDIT_IMAGES, items: reference },
      mask: reference,
      ...propertiesOf(EDIT_PARAMETERS),
    }),
    ImagesResponse: object(["created", "data", "output_format", "size"], {
      created: { ...(integer as object), description: "Seconds since 1970, UTC" },
      data: {
        type: "array",
        minItems: 1,
        maxItems: MAX_IMAGES,
        items: {
          oneOf: [
            object(["b64_json"], { b64_json: { type: "string", contentEncoding: "base64" } }),
            object(["url"], { url: { type: "string", format: "uri" } }),
          ],
        },
      },
      ...about,
    }),
    ImageUsage: object(["input_tokens", "output_tokens", "total_tokens"], {
      input_tokens: integer,
      input_tokens_details: details,
      output_tokens: integer,
      output_tokens_details: details,
      total_tokens: integer,
    }),
    ImageEvent: object(["type", "b64_json", "created_at", "background", "output_format", "quality", "size"], {
      type: { type: "string", pattern: "^image_(generation|edit)\\.(partial_image|completed)$" },
      b64_json: { type: "string", contentEncoding: "base64" },
      created_at: integer,
      partial_image_index: integer,
      ...about,
    }),
    ModelList: object(["object", "data"], {
      object: { type: "string", const: "list" },
      data: { type: "array", items: { $ref: "#/components/schemas/Model" } },
    }),
    Model: object(["id", "object", "created", "owned_by", "shutdown_date"], {
      id: text,
      object: { type: "string", const: "model" },
      created: {
        ...(integer as object),
        description: "Seconds since 1970, UTC, as the vendor says it; 0 if it does not",
      },
      owned_by: text,
      shutdown_date: { type: ["string", "null"], format: "date" },
    }),
    OpenAIFailure: object(["error"], {
      error: object(["message", "type", "param", "code"], {
        message: { type: "string", description: "What is wrong and what to send instead" },
        type: text,
        param: { type: ["string", "null"], description: "The parameter that has to change" },
        code: { type: ["string", "null"], enum: [...OPENAI_CODES, null] },
      }),
    }),
  };
}
