import type { Request } from "express";
import { badInput, GatewayError } from "../../../errors.ts";
import { parseFormBody } from "../../http/form-body.ts";
import { parseJson } from "../../http/json-body.ts";
import { mediaTypeOf } from "../../http/media-type.ts";
import type { Fields } from "./parameters.ts";

/**
 * Reads the parameters of a body that carries no files: JSON as OpenAI documents it, or a form. An app around the
 * gateway may have parsed the body already.
 *
 * @throws UNSUPPORTED_MEDIA_TYPE, BAD_USER_INPUT when the body cannot be read
 */
export async function readFields(request: Request): Promise<Fields> {
  const mediaType = mediaTypeOf(request.get("Content-Type"));
  const { body: received = Buffer.alloc(0) } = request as { body?: unknown };
  const body = typeof received === "string" ? Buffer.from(received) : received;
  // The request lives as long as its answer takes.
  request.body = undefined;
  if (!Buffer.isBuffer(body)) return { values: toValues(body), isForm: mediaType !== "application/json" };
  if (mediaType === "application/json") return { values: parseValues(body, request), isForm: false };
  if (mediaType === "multipart/form-data" || mediaType === "application/x-www-form-urlencoded") {
    return { values: await parseFormBody(body, request), isForm: true };
  }
  throw new GatewayError("UNSUPPORTED_MEDIA_TYPE", "Unsupported Content-Type. Send the body as application/json.");
}

/** The same where a form would have to carry files. */
export async function readJsonFields(request: Request): Promise<Fields> {
  if (mediaTypeOf(request.get("Content-Type")) === "application/json") return readFields(request);
  const message = "Unsupported Content-Type. Send the body as multipart/form-data or application/json.";
  throw new GatewayError("UNSUPPORTED_MEDIA_TYPE", message);
}

function parseValues(body: Buffer, request: Request): ReadonlyMap<string, unknown> {
  try {
    return toValues(parseJson(body, request));
  } catch (error) {
    throw error instanceof GatewayError && error.code === "BAD_USER_INPUT" ? notJson() : error;
  }
}

function toValues(value: unknown): ReadonlyMap<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return new Map(Object.entries(value));
  throw notJson();
}

function notJson(): GatewayError {
  return badInput("body", "We could not parse the JSON body of your request. It must be a JSON object in UTF-8.");
}
