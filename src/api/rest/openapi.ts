import { z } from "zod";
import { MAX_IMAGES } from "../../bounds.ts";
import { ERROR_CODES, type ErrorCode } from "../../errors.ts";
import { IMAGE_FORMATS } from "../../ports/image-provider.ts";
import { HTTP_STATUS } from "../http/status.ts";
import { GET_IMAGE_EXAMPLE, GetImageRequest } from "./get-image-input.ts";
import { OPENAI_ANSWERS } from "./openai/answer-schemas.ts";
import { describeOpenAIPaths, OPENAI_REQUESTS } from "./openai/openapi.ts";
import {
  errorResponses,
  HEADERS,
  IDEMPOTENCY_KEY,
  type Json,
  json,
  MODEL_HEADERS,
  toComponents,
} from "./openapi-parts.ts";

/** Who reads this document has found the gateway under a host that it answers to. */
const GET_IMAGE_ERRORS = ERROR_CODES.filter((code) => !["UNAUTHENTICATED", "NOT_FOUND", "MISDIRECTED"].includes(code));

/** The REST doors as an OpenAPI 3.1 document. */
export function describeRestApi(): { readonly [key: string]: Json } {
  return {
    openapi: "3.1.0",
    info: {
      title: "Pictograph",
      version: "1.0.0",
      description: "The REST doors of Pictograph. Everything else it can do is in the graph at `/graphql`.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "http://localhost:8080" }],
    paths: {
      "/get-image": { post: describeGetImage() },
      "/images/{name}": { get: describeImages("get"), head: describeImages("head") },
      ...describeOpenAIPaths(),
      "/healthz": { get: describeHealth("healthz", "Whether the process lives", {}) },
      "/readyz": {
        get: describeHealth("readyz", "Whether it can take traffic", {
          "503": { description: "Not now, or not any more", content: json("Health") },
        }),
      },
      "/openapi.json": { get: describeDocument() },
    },
    components: { headers: HEADERS, schemas: describeSchemas() },
  };
}

function describeSchemas(): Json {
  return {
    ...toComponents({ GetImageRequest, ...OPENAI_REQUESTS }, "input"),
    ...toComponents({ ...ANSWERS, ...OPENAI_ANSWERS }, "output"),
  };
}

function describeGetImage(): Json {
  const schema = { $ref: "#/components/schemas/GetImageRequest" };
  return {
    operationId: "getImage",
    tags: ["Contract of 2022"],
    summary: "Make images",
    description:
      "The contract of AI-Image-Generate v1.0.0 (2022). The Content-Type header may be missing: the body is then recognised by its content.",
    parameters: [IDEMPOTENCY_KEY],
    requestBody: {
      required: true,
      content: {
        "multipart/form-data": { schema, example: GET_IMAGE_EXAMPLE },
        "application/x-www-form-urlencoded": { schema, example: GET_IMAGE_EXAMPLE },
        "application/json": { schema, example: GET_IMAGE_EXAMPLE },
      },
    },
    responses: {
      "200": {
        description: "The images, as URLs that any viewer can load until they expire",
        headers: MODEL_HEADERS,
        content: { "application/json": { schema: { $ref: "#/components/schemas/GetImageResponse" } } },
      },
      ...errorResponses(GET_IMAGE_ERRORS, "GetImageFailure", (code) => HTTP_STATUS[code]),
    },
  };
}

function describeImages(method: "get" | "head"): Json {
  const query = (name: string, description: string) => ({
    name,
    in: "query",
    required: true,
    description,
    schema: { type: "string" },
  });
  const content = Object.fromEntries(
    IMAGE_FORMATS.map((format) => [`image/${format.toLowerCase()}`, { schema: { type: "string", format: "binary" } }]),
  );
  const bytes = method === "get" ? { content } : {};
  return {
    operationId: `${method}StoredImage`,
    tags: ["Images"],
    summary: method === "get" ? "Load an image" : "Ask about an image",
    description: "URLs are handed out by the other doors. Changing any character of one makes it invalid.",
    parameters: [
      { name: "name", in: "path", required: true, description: "As handed out", schema: { type: "string" } },
      query("expires", "Seconds since 1970, UTC"),
      query("signature", "HMAC-SHA-256 over everything before it, base64url"),
    ],
    responses: {
      "200": { description: "The image", ...bytes },
      ...(method === "get" && { "206": { description: "The part that the Range header asked for", ...bytes } }),
      ...(method === "get" && { "302": { description: "The bucket that keeps the image, at a URL for a minute" } }),
      "304": { description: "The image that If-None-Match names" },
      ...(method === "get" && { "416": { description: "The Range header asks for what is not there" } }),
      ...withoutBodies(
        method === "head",
        errorResponses(IMAGE_ERRORS, "Failure", (code) => HTTP_STATUS[code]),
      ),
    },
  };
}

const IMAGE_ERRORS: readonly ErrorCode[] = ["FORBIDDEN", "NOT_FOUND", "INTERNAL", "OVERLOADED"];

function withoutBodies(
  isHead: boolean,
  responses: { readonly [status: string]: Json },
): {
  readonly [status: string]: Json;
} {
  if (!isHead) return responses;
  const bare = Object.entries(responses).map(([status, response]) => {
    const { content: _content, ...rest } = response as { readonly [key: string]: Json };
    return [status, rest];
  });
  return Object.fromEntries(bare);
}

const FORBIDDEN = { "403": { description: "FORBIDDEN: pages of this origin may not call", content: json("Failure") } };

function describeHealth(operationId: string, summary: string, more: { readonly [status: string]: Json }): Json {
  return {
    operationId,
    tags: ["Service"],
    summary,
    responses: { "200": { description: "Yes", content: json("Health") }, ...FORBIDDEN, ...more },
  };
}

function describeDocument(): Json {
  return {
    operationId: "openapi",
    tags: ["Service"],
    summary: "This document",
    responses: {
      "200": { description: "The REST doors", content: { "application/json": { schema: { type: "object" } } } },
      ...FORBIDDEN,
      ...errorResponses(["RATE_LIMITED"], "Failure", (code) => HTTP_STATUS[code]),
    },
  };
}

const urlResponse = (urlList: z.ZodType) => z.strictObject({ urlList });

const Health = z.strictObject({
  status: z.enum(["ok", "draining", "failed"]),
  checks: z
    .record(z.string(), z.enum(["ok", "failed"]))
    .optional()
    .describe("What is needed to take traffic"),
});

const ANSWERS = {
  GetImageResponse: z.strictObject({
    urlResponse: urlResponse(z.array(z.url()).min(1).max(MAX_IMAGES)),
    errorMessage: z.literal("OK"),
  }),
  GetImageFailure: z.strictObject({
    urlResponse: urlResponse(z.array(z.string()).max(0)),
    errorMessage: z.string().describe("What is wrong and what to send instead; never OK"),
  }),
  Health,
  Failure: z.looseObject({
    error: z.looseObject({
      code: z.enum(ERROR_CODES),
      message: z.string().describe("What is wrong and what to send instead"),
      field: z.string().optional().describe("The input that has to change"),
      requestId: z.string().describe("For the operator"),
    }),
  }),
};
