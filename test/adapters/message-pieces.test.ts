import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, get, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, expect, test } from "@jest/globals";
import { MessagePieces } from "../../src/adapters/message-pieces.ts";

const BODY = randomBytes(3_000_000);

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

test.each([
  ["of known length", { "content-length": BODY.length }],
  ["in chunks", {}],
])("a body %s arrives whole, and its memory is freed while it is read", async (_, headers) => {
  const message = await answerWith(headers);
  const chunks: Buffer[] = [];
  message.socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  const pieces: Uint8Array[] = [];
  const read: Buffer[] = [];

  for await (const piece of new MessagePieces(message)) {
    read.push(Buffer.from(piece));
    pieces.push(piece);
    // A slow reader lets pieces wait, and the connection pause.
    if (pieces.length % 3 === 0) await turn();
  }

  expect(Buffer.concat(read).equals(BODY)).toBe(true);
  expect(pieces.length).toBeGreaterThan(20);
  expect(pieces.filter(({ byteLength }) => byteLength > 0)).toEqual([]);
  expect(chunks.length).toBeGreaterThan(20);
  // Whether Node's parser copies is seen when the first piece is read.
  expect(chunks.filter(({ byteLength }) => byteLength > 0).length).toBeLessThan(5);
});

async function answerWith(headers: Record<string, number>): Promise<IncomingMessage> {
  server = createServer((_request, response) => {
    response.writeHead(200, headers).end(BODY);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const request = get({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", agent: false });
  const [message] = await once(request, "response");
  return message as IncomingMessage;
}
