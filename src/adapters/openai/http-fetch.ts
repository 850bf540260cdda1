import * as http from "node:http";
import * as https from "node:https";
import { decodeContent } from "../content-encoding.ts";

/** The connection was never made, so the server surely saw no request. The cause is the system's error. */
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
 * - Each call has a connection of its own, so that it never fails, its fate unknown, because a kept-alive one was just
 *   being closed; and a failure to connect is told apart from a later one by {@link NotConnected}.
 * - It follows no redirect, which would carry the key elsewhere or repeat the call.
 * - It asks for no compression, and decompresses what some servers compress all the same.
 * - The body has backpressure all the way to the socket; cancelling it closes the connection.
 *
 * It takes what the OpenAI client gives it: an address, a method, headers, a body of text, a stream or none, and a
 * signal. It goes through the proxy of the environment when Node was told to (`NODE_USE_ENV_PROXY`).
 *
 * @see https://undici.nodejs.org/#/docs/api/Client?id=parameter-clientoptions `headersTimeout` and `bodyTimeout`
 */
export const httpFetch: typeof fetch = async (input, init = {}) => {
  const { body } = init;
  if (body && typeof body !== "string" && !(body instanceof ReadableStream)) {
    throw new TypeError("only text, a stream or nothing can be sent");
  }
  const url = new URL(input instanceof Request ? input.url : input);
  const { request } = url.protocol === "https:" ? https : http;
  const outgoing = request(url, {
    method: init.method ?? "GET",
    headers: { ...Object.fromEntries(new Headers(init.headers)), "accept-encoding": "identity", connection: "close" },
    ...(init.signal ? { signal: init.signal } : {}),
  });
  const answered = waitForAnswer(outgoing);
  if (!body || typeof body === "string") outgoing.end(body);
  else void send(body, outgoing);
  return toResponse(await answered);
};

/** Sends a body as fast as the server takes it, and no further once it answers or the connection is gone. */
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
    // What has been sent is no whole body: the server cannot act on it.
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
    // Stays for the life of the call: a failure after the answer began also shows here, and is the body's to report.
    outgoing.on("error", (cause) => {
      reject(
        isConnected ? new TypeError("the connection broke", { cause }) : new NotConnected("no connection", { cause }),
      );
    });
    outgoing.on("response", resolve);
  });
}

/** The answers behind the responses. */
const messages = new WeakMap<Response, http.IncomingMessage>();

/**
 * The bytes of a response's body, for the one who reads it first and alone, and who is done with a piece when it asks
 * for the next one. Where the response came from {@link httpFetch} they are read from the connection itself: the web's
 * streams in between would cost more than decoding.
 */
export function bytesOf(response: Response): AsyncIterable<Uint8Array> | undefined {
  const message = messages.get(response);
  return message ? decoded(message) : (response.body ?? undefined);
}

function decoded(message: http.IncomingMessage): AsyncIterable<Uint8Array> {
  return decodeContent(readOnce(message), message.headers["content-encoding"]);
}

/**
 * Gives the memory of each piece back as soon as it was read. Left to the garbage collector, a few megabytes of an answer
 * would make it go through the whole heap, which costs more than all else on an image's way.
 */
async function* readOnce(message: http.IncomingMessage): AsyncGenerator<Uint8Array> {
  for await (const piece of message as AsyncIterable<Buffer<ArrayBuffer>>) {
    yield piece;
    // A smaller one shares its memory with others.
    if (piece.byteLength === piece.buffer.byteLength) piece.buffer.transfer(0);
  }
}

/** For readers who keep a piece while they ask for the next one. */
async function* copied(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) yield Uint8Array.from(piece);
}

function toResponse(message: http.IncomingMessage): Response {
  // Without a listener a connection that breaks while nobody reads would end the process.
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
