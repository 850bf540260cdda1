import { isUtf8 } from "node:buffer";
import { badInput, GatewayError } from "../../../errors.ts";
import { parseFormBody } from "../../http/form-body.ts";
import { mediaTypeOf } from "../../http/media-type.ts";
import type { Fields } from "./parameters.ts";

/**
 * Reads the parameters of a body that carries no files: JSON as OpenAI documents it, or a form.
 *
 * @param received what was read of it: bytes, or an object where an app around the gateway has parsed it already
 * @param contentType the header as it was received
 * @throws UNSUPPORTED_MEDIA_TYPE, BAD_USER_INPUT when the body cannot be read
 */
export async function readFields(received: unknown, contentType: string | undefined): Promise<Fields> {
  const mediaType = mediaTypeOf(contentType);
  const body = typeof received === "string" ? Buffer.from(received) : (received ?? Buffer.alloc(0));
  if (!Buffer.isBuffer(body)) return { values: toValues(body), isForm: mediaType !== "application/json" };
  if (mediaType === "application/json") return { values: parseJson(body), isForm: false };
  if (mediaType === "multipart/form-data" || mediaType === "application/x-www-form-urlencoded") {
    return { values: await parseFormBody(body, contentType), isForm: true };
  }
  throw new GatewayError("UNSUPPORTED_MEDIA_TYPE", "Unsupported Content-Type. Send the body as application/json.");
}

/** The same where a form would have to carry files. */
export async function readJsonFields(received: unknown, contentType: string | undefined): Promise<Fields> {
  if (mediaTypeOf(contentType) === "application/json") return readFields(received, contentType);
  const message = "Unsupported Content-Type. Send the body as multipart/form-data or application/json.";
  throw new GatewayError("UNSUPPORTED_MEDIA_TYPE", message);
}

function parseJson(body: Buffer): ReadonlyMap<string, unknown> {
  let value: unknown;
  try {
    if (isUtf8(body)) value = JSON.parse(body.toString("utf8"));
  } catch {}
  return toValues(value);
}

function toValues(value: unknown): ReadonlyMap<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return new Map(Object.entries(value));
  throw badInput("body", "We could not parse the JSON body of your request. It must be a JSON object in UTF-8.");
}
