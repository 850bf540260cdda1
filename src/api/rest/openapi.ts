import { z } from "zod";
import { MAX_IMAGES } from "../../bounds.ts";
import { ERROR_CODES, type ErrorCode } from "../../errors.ts";
import { IMAGE_FORMATS } from "../../ports/image-provider.ts";
import { HTTP_STATUS } from "../http/answers/status.ts";
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
  RATE_HEADERS,
  SECURITY,
  SECURITY_SCHEMES,
  toComponents,
} from "./openapi-parts.ts";

/**
 * The error codes of `POST /get-image`. `MISDIRECTED` is left out: a client that has read this document uses an
 * accepted host name.
 */
const GET_IMAGE_ERRORS = ERROR_CODES.filter((code) => !["NOT_FOUND", "MISDIRECTED"].includes(code));

/** Describes the REST API as an OpenAPI 3.1 document. */
export function describeRestApi(): { readonly [key: string]: Json } {
  return {
    openapi: "3.1.0",
    info: {
      title: "Pictograph",
      version: "1.0.0",
      description: "The REST API of Pictograph. The GraphQL API at `/graphql` can do everything else.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "http://localhost:8080" }],
    paths: {
      "/get-image": { post: describeGetImage() },
      "/images/{name}": { get: describeImages("get"), head: describeImages("head") },
      ...describeOpenAIPaths(),
      "/healthz": { get: describeHealth("healthz", "Whether the process is alive", {}) },
      "/readyz": {
        get: describeHealth("readyz", "Whether it can take traffic", {
          "503": { description: "It cannot take traffic now, or is stopping", content: json("Health") },
        }),
      },
      "/openapi.json": { get: describeDocument() },
    },
    components: { headers: HEADERS, schemas: describeSchemas(), securitySchemes: SECURITY_SCHEMES },
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
    summary: "Generate images",
    description:
      "The contract of AI-Image-Generate v1.0.0 (2022). The Content-Type header is optional. Without it, the body is recognised by its content.",
    security: SECURITY,
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
        headers: { ...MODEL_HEADERS, ...RATE_HEADERS },
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
    summary: method === "get" ? "Load an image" : "Get the headers of an image",
    description:
      "The other routes and the GraphQL API return these URLs. A URL with a changed character is invalid. An image that the gateway encoded says in XMP that a machine made it. With a certificate of the operator it also carries signed content credentials (C2PA). `Image.provenance.isSigned` of the GraphQL API says whether it does.",
    parameters: [
      {
        name: "name",
        in: "path",
        required: true,
        description: "The path of the returned URL after /images/",
        schema: { type: "string" },
      },
      query("expires", "Seconds since 1970, UTC"),
      query("signature", "HMAC-SHA-256 of the URL before this parameter, in base64url"),
    ],
    responses: {
      "200": { description: "The image", ...bytes },
      ...(method === "get" && { "206": { description: "The part that the Range header requests", ...bytes } }),
      ...(method === "get" && {
        "302": { description: "A redirect to the bucket with the image. The new URL works for one minute" },
      }),
      "304": { description: "The viewer already has this image, by If-None-Match" },
      ...(method === "get" && {
        "416": { description: "The Range header requests a part that the image does not have" },
      }),
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
      "200": { description: "The OpenAPI document", content: { "application/json": { schema: { type: "object" } } } },
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
    .describe("The parts of the gateway that are needed to take traffic"),
});

const ANSWERS = {
  GetImageResponse: z.strictObject({
    urlResponse: urlResponse(z.array(z.url()).min(1).max(MAX_IMAGES)),
    errorMessage: z.literal("OK"),
  }),
  GetImageFailure: z.strictObject({
    urlResponse: urlResponse(z.array(z.string()).max(0)),
    errorMessage: z.string().describe("What is wrong and what to send instead. Never OK"),
  }),
  Health,
  Failure: z.looseObject({
    error: z.looseObject({
      code: z.enum(ERROR_CODES),
      message: z.string().describe("What is wrong and what to send instead"),
      field: z.string().optional().describe("The input to change"),
      requestId: z.string().describe("The id of the request in the gateway's log"),
    }),
  }),
};
