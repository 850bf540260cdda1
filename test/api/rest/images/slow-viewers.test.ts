import { once as onceEmitted } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import express from "express";
import { pino } from "pino";
import sharp from "sharp";
import { answerErrors } from "../../../../src/api/http/answers/errors.ts";
import { assignRequestContext } from "../../../../src/api/http/request-context.ts";
import { inOrder } from "../../../../src/api/http/steps.ts";
import { type ImageRoutesOptions, imageRoutes } from "../../../../src/api/rest/images.ts";
import { getImageAsJson } from "../../../support/clients/get-image-client.ts";
import { httpRequest } from "../../../support/clients/http-request.ts";
import { poll, type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";
import { once } from "../../../support/gateways/scripted-provider.ts";
import { seededRandom } from "../../../support/random.ts";
import { storedFiles } from "../../../support/stores/stored-files.ts";

/** More than the socket buffers on both sides hold. */
const SIDE = 1800;
const PIECE_BYTES = 128 * 1024;

let gateway: ScriptedGateway;
let path: string;
let picture: Buffer;
let server: Server;
const sockets: Socket[] = [];

beforeAll(async () => {
  picture = await sharp(seededRandom(1).bytes(3 * SIDE * SIDE), { raw: { width: SIDE, height: SIDE, channels: 3 } })
    .png({ compressionLevel: 1 })
    .toBuffer();
  gateway = await startScriptedGateway();
  gateway.provider.script = async function* draw() {
    yield { type: "image", index: 0, bytes: once(picture) };
  };
  const { urlList } = await getImageAsJson(gateway.url, { prompt: "x", n: "1", size: `${SIDE}x${SIDE}` });
  path = new URL(urlList[0] ?? "").pathname + new URL(urlList[0] ?? "").search;
});

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
});

afterAll(() => gateway.close());

/** The gateway's images, behind routes with other limits. */
async function serve(options: ImageRoutesOptions): Promise<string> {
  const app = express();
  app.use(inOrder(assignRequestContext({ publicUrl: undefined, logger: pino({ enabled: false }) })));
  app.use(imageRoutes(gateway.gateway.images, options).router, answerErrors);
  server = createServer(app);
  server.listen(0, "127.0.0.1");
  await onceEmitted(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Requests the image and reads only the beginning of the answer. */
async function askWithoutReading(url: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  socket.on("error", () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
  await onceEmitted(socket, "readable");
}

describe("viewers that read nothing", () => {
  test("are refused before they fill the memory, and disconnected when they go on reading nothing", async () => {
    const url = await serve({ stallMs: 500, maxBytesInFlight: PIECE_BYTES * 2 });
    await Promise.all([askWithoutReading(url), askWithoutReading(url)]);
    const refused = await httpRequest(url + path);

    expect([refused.status, refused.headers["retry-after"], refused.headers["cache-control"]]).toEqual([
      503,
      "5",
      "no-store",
    ]);
    expect(JSON.parse(refused.body.toString()).error).toMatchObject({
      code: "OVERLOADED",
      message: "too many images are being sent; load this one again later",
    });
    const { body } = await poll(
      () => httpRequest(url + path),
      ({ status }) => status === 200,
    );
    expect(body.equals(picture)).toBe(true);
  });

  test("do not delay viewers that read", async () => {
    const url = await serve({ maxBytesInFlight: PIECE_BYTES * 4 });
    await Promise.all([askWithoutReading(url), askWithoutReading(url), askWithoutReading(url)]);
    for (let round = 0; round < 3; round++) {
      const { status, body } = await httpRequest(url + path);
      expect([status, body.equals(picture)]).toEqual([200, true]);
    }
  });
});

test("a derivative is stored before anyone reads it, so its first viewers hold no copy in memory", async () => {
  const { body } = await gateway.graphql("query ($id: ID!) { image(id: $id) { url(width: 1200, format: PNG) } }", {
    id: /img_[0-9a-z]{26}/.exec(path)?.[0],
  });
  const url = await serve({});
  path = body.data.image.url.slice(gateway.url.length);
  await askWithoutReading(url);

  expect(await storedFiles(gateway.dataDir)).toContainEqual(expect.stringMatching(/1200x-cover\.png$/));
});
