import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";
import type { Request, RequestHandler } from "express";
import { badInput, GatewayError } from "../../../errors.ts";
import { BoundedBytes } from "../../../streamed-json/bounded-bytes.ts";
import { BodyReader } from "./body-reader.ts";
import { incomingBodyOf } from "./incoming-body.ts";

const DECODERS: Readonly<Record<string, typeof gunzipSync>> = {
  gzip: gunzipSync,
  "x-gzip": gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
};

/**
 * Reads a body of any type into `request.body`, as a Buffer. A request without a body stays as it is, and so does one
 * whose body the host's app has already read.
 *
 * @throws the errors of {@link readBytes}
 */
export function readRawBody(maxBytes: number, isWanted: (request: Request) => boolean = () => true): RequestHandler {
  return async (request, _response, next) => {
    if (isReadable(request) && isWanted(request)) request.body = await readBytes(request, maxBytes);
    next();
  };
}

/** Whether a request has a body that no code has begun to read. */
export function isReadable(request: Request): boolean {
  return incomingBodyOf(request) !== undefined && !request.readableDidRead && !request.readableEnded;
}

/**
 * Reads a whole body into memory, decompressed.
 *
 * @param maxBytes limits both the body as sent and the decompressed body
 * @throws PAYLOAD_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE for an unknown `Content-Encoding`, BAD_USER_INPUT when the body is
 *   cut short, damaged or too slow, OVERLOADED when there is no room for it
 */
export async function readBytes(request: Request, maxBytes: number): Promise<Buffer> {
  const encoding = (request.get("Content-Encoding") ?? "identity").toLowerCase();
  const decode = Object.hasOwn(DECODERS, encoding) ? DECODERS[encoding] : undefined;
  if (!decode && encoding !== "identity") {
    const known = Object.keys(DECODERS).join(", ");
    throw new GatewayError("UNSUPPORTED_MEDIA_TYPE", `this Content-Encoding is not supported; send ${known} or none`);
  }
  if (Number(request.get("Content-Length")) > maxBytes) throw tooLarge(maxBytes);
  const bytes = await receive(request, maxBytes);
  if (!decode) return bytes;
  // Decompresses synchronously: many decoders at once would hold far more memory than their output.
  const decoded = decodeAtMost(decode, bytes, maxBytes);
  incomingBodyOf(request)?.hold("memory", decoded.length);
  return decoded;
}

async function receive(request: Request, maxBytes: number): Promise<Buffer> {
  const body = incomingBodyOf(request);
  const expectedBytes = Number(request.get("Content-Length") ?? maxBytes);
  const collected = new BoundedBytes(maxBytes, () => tooLarge(maxBytes), expectedBytes);
  const reader = new BodyReader(request, (piece) => {
    const { heldBytes } = collected;
    collected.append(piece);
    body?.hold("memory", collected.heldBytes - heldBytes);
    return undefined;
  });
  try {
    await reader.done;
  } catch (error) {
    // The stack of the error holds the function above, and lives as long as the connection.
    collected.clear();
    throw error;
  }
  return collected.bytes;
}

/**
 * Yields the bytes of a body as they arrive, no faster than they are consumed. When the consumer stops early, the rest
 * of the body is dropped.
 *
 * @param maxBytes limits the body as sent
 * @throws PAYLOAD_TOO_LARGE, BAD_USER_INPUT when the body is cut short or too slow, OVERLOADED when others need its
 *   room
 */
export async function* arrivingBytes(request: Request, maxBytes: number): AsyncGenerator<Buffer> {
  let length = 0;
  let arrived = Promise.withResolvers<Buffer>();
  let isTaken = Promise.withResolvers<void>();
  const reader = new BodyReader(request, (piece) => {
    length += piece.length;
    if (length > maxBytes) throw tooLarge(maxBytes);
    isTaken = Promise.withResolvers();
    arrived.resolve(piece);
    return isTaken.promise;
  });
  const end = reader.done.then(() => undefined);
  // The race below awaits this promise only while nothing arrives, so nothing else may handle its rejection.
  end.catch(() => undefined);
  try {
    for (;;) {
      const piece = await Promise.race([arrived.promise, end]);
      if (!piece) return;
      arrived = Promise.withResolvers();
      yield piece;
      isTaken.resolve();
    }
  } finally {
    reader.fail(new Error("nobody reads the body any more"));
  }
}

function decodeAtMost(decode: typeof gunzipSync, bytes: Buffer, maxBytes: number): Buffer {
  try {
    return decode(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(maxBytes);
    throw badInput("body", "the body does not match its Content-Encoding, or is cut short; send it again");
  }
}

function tooLarge(maxBytes: number): GatewayError {
  const mebibytes = Math.floor(maxBytes / 1024 ** 2);
  return new GatewayError("PAYLOAD_TOO_LARGE", `the body is too large; send at most ${mebibytes} MiB`);
}
