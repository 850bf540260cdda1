import { ERROR_CODES, type ErrorCode } from "../../../errors.ts";
import { MAX_EDIT_IMAGES } from "../../../service/edits/edit-intake.ts";
import { errorResponses, IDEMPOTENCY_KEY, type Json, json, MODEL_HEADERS } from "../openapi-parts.ts";
import { openAIStatus } from "./errors.ts";
import { ImageEditForm, ImageEditRequest, ImageGenerationRequest, PROMPT_EXAMPLE } from "./parameters.ts";

type Schemas = { readonly [name: string]: Json };

const FORM_EXAMPLE: Readonly<Record<string, string>> = { prompt: PROMPT_EXAMPLE, response_format: "url" };

/** Callers need no key yet, and what is not there is told apart by its code. */
const IMAGE_ERRORS: readonly ErrorCode[] = ERROR_CODES.filter(
  (code) => !["UNAUTHENTICATED", "MISDIRECTED"].includes(code),
);

/** What the requests of these routes are checked with. */
export const OPENAI_REQUESTS = { ImageGenerationRequest, ImageEditForm, ImageEditRequest };

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
        "application/json": {
          schema: request,
          example: { prompt: PROMPT_EXAMPLE, size: "1024x1024", response_format: "url" },
        },
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
          example: { prompt: PROMPT_EXAMPLE, images: [{ file_id: "img_…" }], response_format: "url" },
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
            type: "object",
            description: `With stream: each of \`${event}.partial_image\` and the last, \`${event}.completed\`; or \`error\`, whose data is an OpenAIFailure`,
            required: ["event", "data"],
            properties: {
              event: { type: "string" },
              data: {
                type: "string",
                contentMediaType: "application/json",
                contentSchema: { $ref: "#/components/schemas/ImageEvent" },
              },
            },
          },
        },
      },
    },
    ...errorResponses(IMAGE_ERRORS, "OpenAIFailure", openAIStatus),
  };
}
