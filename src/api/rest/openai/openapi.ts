import { ERROR_CODES, type ErrorCode } from "../../../errors.ts";
import { MAX_EDIT_IMAGES } from "../../../service/edits/edit-intake.ts";
import {
  errorResponses,
  IDEMPOTENCY_KEY,
  type Json,
  json,
  MODEL_HEADERS,
  RATE_HEADERS,
  SECURITY,
} from "../openapi-parts.ts";
import { openAIStatus } from "./errors.ts";
import { ImageEditForm, ImageEditRequest, ImageGenerationRequest, PROMPT_EXAMPLE } from "./parameters.ts";

type Schemas = { readonly [name: string]: Json };

const FORM_EXAMPLE: Readonly<Record<string, string>> = { prompt: PROMPT_EXAMPLE, response_format: "url" };

/**
 * The error codes of the image routes. `MISDIRECTED` is left out: a client that has read this document uses an accepted
 * host name.
 */
const IMAGE_ERRORS: readonly ErrorCode[] = ERROR_CODES.filter((code) => code !== "MISDIRECTED");

/** The schemas that check the requests of these routes. */
export const OPENAI_REQUESTS = { ImageGenerationRequest, ImageEditForm, ImageEditRequest };

export function describeOpenAIPaths(): Schemas {
  return {
    "/v1/images/generations": { post: describeGeneration() },
    "/v1/images/edits": { post: describeEdit() },
    "/v1/models": {
      get: {
        operationId: "listModels",
        tags: ["OpenAI"],
        summary: "List the models that you may request",
        security: SECURITY,
        responses: {
          "200": { description: "The models", content: json("ModelList") },
          ...errorResponses(
            ["UNAUTHENTICATED", "FORBIDDEN", "RATE_LIMITED", "OVERLOADED"],
            "OpenAIFailure",
            openAIStatus,
          ),
        },
      },
    },
    "/v1/models/{model}": {
      get: {
        operationId: "retrieveModel",
        tags: ["OpenAI"],
        summary: "Get a model, current or retired",
        security: SECURITY,
        parameters: [{ name: "model", in: "path", required: true, schema: { type: "string" } }],
        responses: {
          "200": {
            description: "The model",
            headers: { Sunset: { $ref: "#/components/headers/Sunset" } },
            content: json("Model"),
          },
          ...errorResponses(
            ["UNAUTHENTICATED", "FORBIDDEN", "MODEL_UNAVAILABLE", "RATE_LIMITED", "OVERLOADED"],
            "OpenAIFailure",
            openAIStatus,
          ),
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
    summary: "Generate images with OpenAI's parameters",
    security: SECURITY,
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
    summary: "Edit images with OpenAI's parameters",
    description: `1 to ${MAX_EDIT_IMAGES} PNG, JPEG or WebP files of less than 50 MB, in any order among the other fields. In JSON, also images of the gateway by their ids.`,
    security: SECURITY,
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
      description: "The images. A `Warning` header says what the gateway did differently from the request.",
      headers: { ...MODEL_HEADERS, ...RATE_HEADERS },
      content: {
        ...(json("ImagesResponse") as object),
        "text/event-stream": {
          schema: {
            type: "object",
            description: `With stream: a \`${event}.partial_image\` for each preview, then \`${event}.completed\`. If it fails, \`error\` with an OpenAIFailure as data`,
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
