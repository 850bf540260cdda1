import * as http from "node:http";
import * as https from "node:https";
import type { LookupFunction } from "node:net";
import { decodeContent } from "./content-encoding.ts";
import { MessagePieces } from "./message-pieces.ts";

/** The connection was not made, so the server certainly received no request. The cause is the system's error. */
export class NotConnected extends Error {
  override readonly name = "NotConnected";
}

/** Keeps middleboxes from forgetting a connection that is silent for the minutes an image takes. */
const TCP_KEEP_ALIVE_MS = 30_000;

const NULL_BODY_STATUSES: ReadonlySet<number | undefined> = new Set([204, 205, 304]);

/**
 * A `fetch` for paid calls that take minutes, over `node:http`:
 *
 * - It has no time limit of its own: the caller's signal is the limit. The global `fetch` gives up after 300 s without
 *   headers, or between two pieces of the body, and only an undici dispatcher could tell it otherwise.
 * - Each call has its own connection. With a kept-alive connection that is just being closed, a call could fail without
 *   anyone knowing whether it was carried out. {@link NotConnected} marks a failure to connect.
 * - It follows no redirect, which would carry the key elsewhere or repeat the call.
 * - It requests no compression, but decompresses answers, because some servers compress anyway.
 * - The body has backpressure all the way to the socket; cancelling it closes the connection.
 *
 * It takes what the OpenAI client gives it: an address, a method, headers, a body of text, a stream or none, and a
 * signal. It goes through the proxy of the environment when Node was told to (`NODE_USE_ENV_PROXY`).
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
  init: RequestInit = {},
  connection: https.RequestOptions,
): Promise<Response> {
  const { body } = init;
  if (body && typeof body !== "string" && !(body instanceof ReadableStream)) {
    throw new TypeError("only text, a stream or nothing can be sent");
  }
  const url = new URL(input instanceof Request ? input.url : input);
  const { request } = url.protocol === "https:" ? https : http;
  const outgoing = request(url, {
    ...connection,
    method: init.method ?? "GET",
    headers: { ...Object.fromEntries(new Headers(init.headers)), "accept-encoding": "identity", connection: "close" },
    ...(init.signal ? { signal: init.signal } : {}),
  });
  const answered = waitForAnswer(outgoing);
  if (!body || typeof body === "string") outgoing.end(body);
  else void send(body, outgoing);
  return toResponse(await answered);
}

/** Sends a body as fast as the server accepts it. Stops when the server answers or the connection closes. */
async function send(body: AsyncIterable<Uint8Array>, outgoing: http.ClientRequest): Promise<void> {
  let isOver = false;
  let proceed = (): void => {};
  const stop = (): void => {
    isOver = true;
    proceed();
  };
  outgoing.once("response", stop).once("close", stop);
  outgoing.on("drain", () => proceed());
  try {
    for await (const chunk of body) {
      if (isOver) return;
      if (outgoing.write(chunk)) continue;
      await new Promise<void>((resolve) => {
        proceed = resolve;
        if (isOver || !outgoing.writableNeedDrain) resolve();
      });
    }
    outgoing.end();
  } catch (error) {
    // The server received only a part of the body and cannot act on it.
    outgoing.destroy(error as Error);
  }
}

function waitForAnswer(outgoing: http.ClientRequest): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    let isConnected = false;
    const onConnected = (): void => {
      isConnected = true;
    };
    outgoing.on("socket", (socket) => {
      socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS);
      if (!socket.connecting) onConnected();
      else socket.once("encrypted" in socket ? "secureConnect" : "connect", onConnected);
    });
    // This listener stays until the call ends: later failures are emitted here too, and the body reports them.
    outgoing.on("error", (cause) => {
      reject(
        isConnected ? new TypeError("the connection broke", { cause }) : new NotConnected("no connection", { cause }),
      );
    });
    outgoing.on("response", resolve);
  });
}

/** The Node.js message behind each response. */
const messages = new WeakMap<Response, http.IncomingMessage>();

/**
 * The bytes of a response's body. It may have only one reader, and a piece is valid only until the next one is
 * requested. The body of a response from {@link httpFetch} is read directly from the connection, because web streams
 * would cost more than decoding.
 */
export function bytesOf(response: Response): AsyncIterable<Uint8Array> | undefined {
  const message = messages.get(response);
  return message ? decoded(message) : (response.body ?? undefined);
}

function decoded(message: http.IncomingMessage): AsyncIterable<Uint8Array> {
  return decodeContent(new MessagePieces(message), message.headers["content-encoding"]);
}

/** Copies each piece, for readers that keep a piece while they request the next one. */
async function* copied(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) yield Uint8Array.from(piece);
}

function toResponse(message: http.IncomingMessage): Response {
  // Without a listener, a connection that breaks while its body is not being read would end the process.
  message.on("error", () => {});
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(message.headersDistinct)) {
    for (const value of values) headers.append(name, value);
  }
  const status = message.statusCode ?? 0;
  if (NULL_BODY_STATUSES.has(status)) return new Response(null, { status, headers });
  const response = new Response(ReadableStream.from(copied(decoded(message))), { status, headers });
  messages.set(response, message);
  return response;
}
