import { once } from "node:events";
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from "node:http";
import { buffer } from "node:stream/consumers";

export interface HttpRequest {
  /** @defaultValue "GET" */
  readonly method?: string;
  /** Exactly these: unlike `fetch`, nothing but `Host`, `Connection` and the body's length is added. */
  readonly headers?: OutgoingHttpHeaders;
  /** Sent chunked when it is a list, one chunk each. */
  readonly body?: string | Buffer | readonly (string | Buffer)[];
  /** Sent unchanged, where a URL would be normalized: `/images/../../etc/passwd`. @defaultValue the URL's path */
  readonly path?: string;
  /** Breaks the connection. */
  readonly signal?: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Whether the server answered `Expect: 100-continue` before the body was sent. */
  readonly wasContinued: boolean;
}

/**
 * Sends one request over its own connection. If the request has `Expect: 100-continue`, the body is sent only after the
 * server asks for it.
 */
export async function httpRequest(url: string, options: HttpRequest = {}): Promise<HttpAnswer> {
  const { method = "GET", headers = {}, body, path, signal } = options;
  const { hostname, port, pathname, search } = new URL(url);
  const length = typeof body === "string" || Buffer.isBuffer(body) ? { "Content-Length": Buffer.byteLength(body) } : {};
  const outgoing = request({
    hostname,
    port,
    method,
    path: path ?? `${pathname}${search}`,
    headers: { ...length, ...headers },
    agent: false,
    ...(signal && { signal }),
  });
  let wasContinued = false;
  const answered = once(outgoing, "response");
  if (Object.keys(headers).some((name) => name.toLowerCase() === "expect")) {
    outgoing.flushHeaders();
    await Promise.race([once(outgoing, "continue").then(() => (wasContinued = true)), answered]);
  }
  for (const chunk of Array.isArray(body) ? body : []) outgoing.write(chunk);
  outgoing.end(Array.isArray(body) ? undefined : body);
  const [incoming] = await answered;
  return { status: incoming.statusCode, headers: incoming.headers, body: await buffer(incoming), wasContinued };
}
