import type { Request } from "express";
import { badInput, GatewayError } from "../../../errors.ts";
import type { JsonPath } from "../../../streamed-json/json-strings.ts";
import { parseFormBody } from "../../http/bodies/form-body.ts";
import { parseJson } from "../../http/bodies/json-body.ts";
import { BadDataUri, type JsonWithUploads, NotJson, withJsonUploads } from "../../http/bodies/json-uploads.ts";
import { mediaTypeOf, refuseUnlessUtf8 } from "../../http/bodies/media-type.ts";
import type { UploadLimits } from "../../http/bodies/uploaded-files.ts";
import { ParameterError } from "./errors.ts";
import type { Fields } from "./read-parameters.ts";

/**
 * Reads the parameters of a body without files: JSON as OpenAI documents it, or a form. A host program may have parsed
 * the body already.
 *
 * @throws UNSUPPORTED_MEDIA_TYPE, BAD_USER_INPUT when the body cannot be read
 */
export async function readFields(request: Request): Promise<Fields> {
  const mediaType = mediaTypeOf(request.get("Content-Type"));
  const { body: received = Buffer.alloc(0) } = request as { body?: unknown };
  const body = typeof received === "string" ? Buffer.from(received) : received;
  // Drop the body now: the request stays in memory until it is answered.
  request.body = undefined;
  if (!Buffer.isBuffer(body)) return { values: toValues(body), isForm: mediaType !== "application/json" };
  if (mediaType === "application/json") return { values: parseValues(body, request), isForm: false };
  if (mediaType === "multipart/form-data" || mediaType === "application/x-www-form-urlencoded") {
    return { values: await parseFormBody(body, request), isForm: true };
  }
  throw new GatewayError("UNSUPPORTED_MEDIA_TYPE", "Unsupported Content-Type. Send the body as application/json.");
}

/**
 * Reads the parameters of a JSON body with files as `data:` URIs, and passes them to `use`.
 *
 * @param paths the places where files may be
 * @throws UNSUPPORTED_MEDIA_TYPE, and every error of {@link withJsonUploads}
 */
export async function withJsonFields<Result>(
  request: Request,
  paths: readonly JsonPath[],
  limits: UploadLimits,
  use: (fields: Fields, files: JsonWithUploads["files"]) => Promise<Result>,
): Promise<Result> {
  const contentType = request.get("Content-Type");
  if (mediaTypeOf(contentType) !== "application/json") {
    const message = "Unsupported Content-Type. Send the body as multipart/form-data or application/json.";
    throw new GatewayError("UNSUPPORTED_MEDIA_TYPE", message);
  }
  refuseUnlessUtf8(contentType);
  try {
    return await withJsonUploads(request, paths, limits, ({ value, files }) =>
      use({ values: toValues(value), isForm: false }, files),
    );
  } catch (error) {
    if (error instanceof BadDataUri) throw badDataUri(error);
    throw error instanceof NotJson ? notJson() : error;
  }
}

function badDataUri({ details }: BadDataUri): ParameterError {
  const name = (details.field ?? "").replace(/\.image_url$/, "");
  const message = `Invalid '${name}': expected a data URL such as data:image/png;base64,….`;
  return new ParameterError("invalid_value", name, message);
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
