import { once } from "node:events";
import { type IncomingMessage, type OutgoingHttpHeaders, request } from "node:http";
import type { Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import type { HttpAnswer } from "./http-request.ts";

const HANDSHAKE = {
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Protocol": "graphql-transport-ws",
};

/** Requests a WebSocket with these headers, and closes it as soon as it is open: the status is then 101. */
export async function upgradeRequest(url: string, headers: OutgoingHttpHeaders = {}): Promise<HttpAnswer> {
  const { hostname, port, pathname } = new URL(url);
  const outgoing = request({ hostname, port, path: pathname, headers: { ...HANDSHAKE, ...headers }, agent: false });
  outgoing.end();
  const upgraded = once(outgoing, "upgrade") as Promise<[IncomingMessage, Socket]>;
  const [answer, socket] = await Promise.race([upgraded, once(outgoing, "response") as Promise<[IncomingMessage]>]);
  socket?.destroy();
  const body = socket ? Buffer.alloc(0) : await buffer(answer);
  return { status: answer.statusCode ?? 0, headers: answer.headers, body, wasContinued: false };
}
