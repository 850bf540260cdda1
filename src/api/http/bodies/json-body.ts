import { isUtf8 } from "node:buffer";
import type { Request, RequestHandler } from "express";
import { badInput } from "../../../errors.ts";
import { isReadable, readBytes } from "./body-bytes.ts";
import { incomingBodyOf } from "./incoming-body.ts";
import { mediaTypeOf, refuseUnlessUtf8 } from "./media-type.ts";

/** Memory that a value takes besides its characters. Thousands of `[]` take far more memory parsed than as text. */
const BYTES_PER_VALUE = 64;

/**
 * Reads a JSON body into `request.body`. An empty body becomes an empty object. A request of another type stays as it
 * is, and so does one whose body the host's app has already read.
 *
 * @throws UNSUPPORTED_MEDIA_TYPE when its charset is not UTF-8, BAD_USER_INPUT when it is neither an object nor an
 *   array, and what {@link readBytes} and {@link parseJson} throw
 */
export function readJson(maxBytes: number): RequestHandler {
  return async (request, _response, next) => {
    const contentType = request.headers["content-type"];
    if (mediaTypeOf(contentType) === "application/json" && isReadable(request)) {
      refuseUnlessUtf8(contentType);
      const bytes = await readBytes(request, maxBytes);
      const value = bytes.length === 0 ? {} : parseJson(bytes, request);
      if (typeof value !== "object" || value === null) throw badInput("body", "the body must be a JSON object");
      request.body = value;
    }
    next();
  };
}

/**
 * Parses JSON that came in a request, without its byte order mark. Bytes that are not UTF-8 are refused. A parser would
 * replace them, and the caller would pay for a damaged prompt.
 *
 * @param example what the error for broken JSON tells the client to send
 * @throws BAD_USER_INPUT with a message that repeats no content, OVERLOADED when there is no room for the values
 */
export function parseJson(json: Buffer | string, request: Request, example = "a JSON object"): unknown {
  if (typeof json !== "string" && !isUtf8(json)) throw badInput("body", "the body is not valid UTF-8");
  const value = parse(json.toString().replace(/^\uFEFF/, ""), example);
  // The values replace the bytes, which are no longer needed.
  incomingBodyOf(request)?.hold("memory", memoryOf(value) - json.length);
  return value;
}

/** Replaces the parser's own error message, which repeats the text. */
function parse(text: string, example: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badInput("body", `the body is not valid JSON; send ${example}`);
  }
}

/** Estimates how much memory a parsed value takes, in bytes. */
export function memoryOf(value: unknown): number {
  let bytes = 0;
  const left = [value];
  while (left.length > 0) {
    const one = left.pop();
    bytes += BYTES_PER_VALUE + (typeof one === "string" ? one.length : 0);
    if (typeof one === "object" && one !== null) for (const inner of Object.values(one)) left.push(inner);
  }
  return bytes;
}

/** Whether a parsed value is a JSON object: no list, and not null. */
export function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
