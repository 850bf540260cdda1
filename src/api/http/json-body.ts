import { isUtf8 } from "node:buffer";
import type { Request, RequestHandler } from "express";
import { badInput } from "../../errors.ts";
import { isReadable, readBytes } from "./body-bytes.ts";
import { incomingBodyOf } from "./incoming-body.ts";
import { mediaTypeOf, refuseUnlessUtf8 } from "./media-type.ts";

/** What a value takes in memory beside its characters. A body of `[]` by the thousand is much larger than its text. */
const BYTES_PER_VALUE = 64;

/**
 * Reads a JSON body into `request.body`; an empty one is an empty object. A request of another type is left as it is,
 * and so is one whose body the host's app has read already.
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
 * Parses JSON that came in a request; a byte order mark is left out. Bytes that are not UTF-8 are refused: a parser
 * would replace them, and a damaged prompt would be paid for.
 *
 * @param example what the error tells the sender of broken JSON to send
 * @throws BAD_USER_INPUT with a message that tells nothing of the content, OVERLOADED when there is no room for the values
 */
export function parseJson(json: Buffer | string, request: Request, example = "a JSON object"): unknown {
  if (typeof json !== "string" && !isUtf8(json)) throw badInput("body", "the body is not valid UTF-8");
  const value = parse(json.toString().replace(/^\uFEFF/, ""), example);
  // The bytes are not needed any more.
  incomingBodyOf(request)?.hold("memory", memoryOf(value) - json.length);
  return value;
}

/** The parser's own message repeats the text. */
function parse(text: string, example: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badInput("body", `the body is not valid JSON; send ${example}`);
  }
}

/** About how much memory a parsed value takes, in bytes. */
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
