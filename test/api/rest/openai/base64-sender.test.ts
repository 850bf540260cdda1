import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import express from "express";
import { pino } from "pino";
import { answerErrors } from "../../../../src/api/http/answers/errors.ts";
import { assignRequestContext } from "../../../../src/api/http/request-context.ts";
import { inOrder } from "../../../../src/api/http/steps.ts";
import { Base64Sender, type Base64SenderOptions, type Part } from "../../../../src/api/rest/openai/base64-sender.ts";
import type { OpenObject } from "../../../../src/ports/object-store.ts";
import { httpRequest } from "../../../support/clients/http-request.ts";
import { poll } from "../../../support/gateways/scripted-gateway.ts";
import { seededRandom } from "../../../support/random.ts";

/** More than the socket buffers on both sides hold. */
const IMAGE = seededRandom(7).bytes(12_000_001);
const TEXT = IMAGE.toString("base64");
let server: Server | undefined;
const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server?.close();
});

const object: OpenObject = {
  key: "image",
  byteSize: IMAGE.length,
  modifiedAt: new Date(0),
  async *read(_range, scratch = new Uint8Array(64 * 1024)) {
    for (let start = 0; start < IMAGE.length; start += scratch.byteLength) {
      const size = Math.min(scratch.byteLength, IMAGE.length - start);
      scratch.set(IMAGE.subarray(start, start + size));
      yield scratch.subarray(0, size);
    }
  },
};

async function serve(options: Base64SenderOptions, parts: readonly Part[] = ["<", object, ">"]): Promise<string> {
  const sender = new Base64Sender(options);
  const app = express();
  app.use(inOrder(assignRequestContext({ publicUrl: undefined, logger: pino({ enabled: false }) })));
  app.use((_request, response) => sender.send(response, parts));
  app.use(answerErrors);
  server = createServer(app).listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** Requests the image and reads only the beginning of the answer. */
async function askWithoutReading(url: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  socket.on("error", () => {});
  socket.write(`GET / HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
  await once(socket, "readable");
}

test("clients that read nothing are refused if there are too many, and are finally disconnected", async () => {
  const url = await serve({ stallMs: 500, maxAnswers: 2 });
  await Promise.all([askWithoutReading(url), askWithoutReading(url)]);
  const refused = await httpRequest(url);

  expect([refused.status, refused.headers["retry-after"]]).toEqual([503, "5"]);
  expect(JSON.parse(refused.body.toString()).error.code).toBe("OVERLOADED");
  const { body } = await poll(
    () => httpRequest(url),
    ({ status }) => status === 200,
  );
  expect(body.toString() === `<${TEXT}>`).toBe(true);
});

test("the last piece of one image is unchanged by the first of the next", async () => {
  const url = await serve({}, ["<", object, "|", object, "|", object, ">"]);
  const { body } = await httpRequest(url);

  expect(body.toString() === `<${TEXT}|${TEXT}|${TEXT}>`).toBe(true);
});

test("clients of every speed get unchanged bytes, while buffers are reused and connections are cut", async () => {
  const url = await serve({});
  for (let round = 0; round < 3; round++) {
    await askWithoutReading(url);
    const answers = Promise.all(Array.from({ length: 4 }, () => httpRequest(url)));
    sockets.pop()?.destroy();
    for (const { body } of await answers) expect(body.toString() === `<${TEXT}>`).toBe(true);
  }
});
