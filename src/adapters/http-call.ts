import * as http from "node:http";
import * as https from "node:https";
import { decodeContent } from "./content-encoding.ts";
import { MessagePieces } from "./message-pieces.ts";

/** The connection was not made, so the server certainly received no request. The cause is the system's error. */
export class NotConnected extends Error {
  override readonly name = "NotConnected";
}

export interface HttpCall {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Text, or bytes that are read while they are sent. @defaultValue none */
  readonly body?: string | AsyncIterable<Uint8Array> | undefined;
  /** Ends the call, and the body of its answer. */
  readonly signal?: AbortSignal | undefined;
  /** How to connect. @defaultValue through the proxy of the environment, if Node was told to use it */
  readonly connection?: https.RequestOptions;
}

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string | null;
  /** All headers. Building them costs more than most answers need. */
  headers(): Headers;
  /** The body, decompressed. It may have one reader, and a piece is valid only until the next one is requested. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Keeps middleboxes from forgetting a connection that is silent for the minutes an image takes. */
const TCP_KEEP_ALIVE_MS = 30_000;

/**
 * Makes a paid call that takes minutes, over `node:http`:
 *
 * - It has no time limit of its own: the caller's signal is the limit.
 * - Each call has its own connection. With a kept-alive connection that is just being closed, a call could fail without
 *   anyone knowing whether it was carried out. {@link NotConnected} marks a failure to connect.
 * - It follows no redirect, which would carry the key elsewhere or repeat the call.
 * - It requests no compression, but decompresses answers, because some servers compress anyway.
 * - The body has backpressure all the way to the socket. A reader that stops early closes the connection.
 *
 * @throws NotConnected, and TypeError when the connection breaks later
 */
export async function callHttp(url: URL, { method, headers, body, signal, connection }: HttpCall): Promise<HttpAnswer> {
  signal?.throwIfAborted();
  const { request } = url.protocol === "https:" ? https : http;
  const outgoing = request(url, {
    ...connection,
    method,
    headers: { ...headers, "accept-encoding": "identity", connection: "close" },
  });
  if (signal) destroyOnAbort(outgoing, signal);
  const answered = waitForAnswer(outgoing);
  if (body === undefined || typeof body === "string") outgoing.end(body);
  else void send(body, outgoing);
  return toAnswer(await answered);
}

/** Costs much less than the option `signal` of a request. */
function destroyOnAbort(outgoing: http.ClientRequest, signal: AbortSignal): void {
  const abort = (): void => void outgoing.destroy(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  outgoing.once("close", () => signal.removeEventListener("abort", abort));
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

function toAnswer(message: http.IncomingMessage): HttpAnswer {
  // Without a listener, a connection that breaks while its body is not being read would end the process.
  message.on("error", () => {});
  const { "content-type": contentType = null, "content-encoding": encoding } = message.headers;
  return {
    status: message.statusCode ?? 0,
    contentType,
    headers: () => headersOf(message),
    body: decodeContent(new MessagePieces(message), encoding),
  };
}

function headersOf(message: http.IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(message.headersDistinct)) {
    for (const value of values) headers.append(name, value);
  }
  return headers;
}
