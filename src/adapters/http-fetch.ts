import type { LookupFunction } from "node:net";
import { callHttp, type HttpAnswer, type HttpCall } from "./http-call.ts";

const NULL_BODY_STATUSES: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * {@link callHttp} as a `fetch`, for libraries that make paid calls. The global `fetch` gives up after 300 s without
 * headers, or between two pieces of the body, and only an undici dispatcher could tell it otherwise.
 *
 * It takes what the OpenAI client and the AI SDK give it: an address, a method, headers, a body of text, a stream or
 * none, and a signal.
 *
 * @see https://undici.nodejs.org/#/docs/api/Client?id=parameter-clientoptions `headersTimeout` and `bodyTimeout`
 */
export const httpFetch: typeof fetch = (input, init) => fetchThrough(input, init, {});

/** A `fetch` like {@link httpFetch} for addresses that nobody vouches for. It goes through no proxy. */
export function guardedHttpFetch(lookup: LookupFunction): typeof fetch {
  return (input, init) => fetchThrough(input, init, { agent: false, lookup });
}

async function fetchThrough(
  input: Parameters<typeof fetch>[0],
  { method = "GET", headers, body, signal }: RequestInit = {},
  connection: NonNullable<HttpCall["connection"]>,
): Promise<Response> {
  if (body && typeof body !== "string" && !(body instanceof ReadableStream)) {
    throw new TypeError("only text, a stream or nothing can be sent");
  }
  return toResponse(
    await callHttp(new URL(input instanceof Request ? input.url : input), {
      method,
      headers: Object.fromEntries(new Headers(headers)),
      body: body || undefined,
      signal: signal ?? undefined,
      connection,
    }),
  );
}

/** The bytes behind each response. */
const bodies = new WeakMap<Response, AsyncIterable<Uint8Array>>();

/**
 * The bytes of a response's body. It may have only one reader, and a piece is valid only until the next one is
 * requested. The body of a response from {@link httpFetch} is read directly from the connection, because web streams
 * would cost more than decoding.
 */
export function bytesOf(response: Response): AsyncIterable<Uint8Array> | undefined {
  return bodies.get(response) ?? response.body ?? undefined;
}

/** Cancelling the body of the response closes the connection. */
function toResponse({ status, headers, body }: HttpAnswer): Response {
  if (NULL_BODY_STATUSES.has(status)) return new Response(null, { status, headers: headers() });
  const response = new Response(ReadableStream.from(copied(body)), { status, headers: headers() });
  bodies.set(response, body);
  return response;
}

/** Copies each piece, for readers that keep a piece while they request the next one. */
async function* copied(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) yield Uint8Array.from(piece);
}
