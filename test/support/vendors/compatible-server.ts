import { once } from "node:events";
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { RawAnswer } from "./strict-image-api.ts";

/** A request for images as it arrived. */
export interface CompatibleCall {
  readonly path: string;
  readonly authorization: string | undefined;
  /** The JSON body; empty when it was a form. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** A server that speaks OpenAI's Images API in its own way, and lists its models as most servers do. */
export interface CompatibleServer {
  /** The URL with the version: `http://127.0.0.1:…/v1`. */
  readonly baseUrl: string;
  readonly origin: string;
  readonly calls: readonly CompatibleCall[];
  /** How often any file was requested. */
  readonly downloads: readonly IncomingMessage[];
  /** Returns the answer to a request for images. */
  answer: (call: CompatibleCall) => RawAnswer;
  /** Answers every GET except the list of models. */
  serveFile: (incoming: IncomingMessage, outgoing: ServerResponse, downloadCount: number) => void;
  /** Whether requests for images get no answer. */
  isSilent: boolean;
  /** Answers the list of models. */
  models: RawAnswer;
  /** Clears the recorded requests. */
  forget(): void;
  close(): Promise<void>;
}

export async function startCompatibleServer(): Promise<CompatibleServer> {
  const calls: CompatibleCall[] = [];
  const downloads: IncomingMessage[] = [];
  const http = createServer((incoming, outgoing) => {
    void receive(incoming, outgoing).catch(() => outgoing.destroy());
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const server: CompatibleServer = {
    origin,
    baseUrl: `${origin}/v1`,
    calls,
    downloads,
    answer: () => ({ body: '{"data":[]}' }),
    serveFile: (_incoming, outgoing) => outgoing.writeHead(404).end(),
    isSilent: false,
    models: { body: '{"object":"list","data":[]}' },
    forget() {
      calls.length = 0;
      downloads.length = 0;
    },
    async close() {
      const closed = once(http, "close");
      http.close();
      http.closeAllConnections();
      await closed;
    },
  };

  async function receive(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await buffer(incoming);
    if (incoming.method === "GET" && incoming.url === "/v1/models") return send(outgoing, server.models);
    if (incoming.method === "GET") {
      downloads.push(incoming);
      return server.serveFile(incoming, outgoing, downloads.length);
    }
    const isJson = incoming.headers["content-type"] === "application/json";
    const text = body.toString();
    const { authorization } = incoming.headers;
    const call = { path: incoming.url ?? "", authorization, body: isJson ? JSON.parse(text) : {}, text };
    calls.push(call);
    if (!server.isSilent) send(outgoing, server.answer(call));
  }
  return server;
}

function send(outgoing: ServerResponse, { status = 200, headers = {}, body }: RawAnswer): void {
  const isJson = !Object.keys(headers).some((name) => name.toLowerCase() === "content-type");
  const all: OutgoingHttpHeaders = { ...(isJson && { "content-type": "application/json" }), ...headers };
  // An empty label does not count.
  if (all["content-type"] === "") delete all["content-type"];
  outgoing.writeHead(status, all);
  outgoing.end(body);
}
