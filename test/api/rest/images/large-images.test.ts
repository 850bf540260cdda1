import { once as onceEmitted } from "node:events";
import { closeSync, openSync } from "node:fs";
import { get, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import sharp from "sharp";
import { getImageAsJson } from "../../../support/clients/get-image-client.ts";
import { httpRequest } from "../../../support/clients/http-request.ts";
import { poll, type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";
import { once } from "../../../support/gateways/scripted-provider.ts";
import { seededRandom } from "../../../support/random.ts";

const WIDTH = 640;
const HEIGHT = 480;

let gateway: ScriptedGateway;
/** About one megabyte each, more than an answer holds in memory. */
const pictures: Buffer[] = [];
let urls: readonly string[];

beforeAll(async () => {
  gateway = await startScriptedGateway();
  for (let index = 0; index < 3; index++) pictures.push(await drawNoise(index));
  gateway.provider.script = async function* draw() {
    for (const [index, picture] of pictures.entries()) yield { type: "image", index, bytes: once(picture) };
  };
  ({ urlList: urls } = await getImageAsJson(gateway.url, { prompt: "x", n: "3", size: `${WIDTH}x${HEIGHT}` }));
});

afterAll(() => gateway.close());

function drawNoise(seed: number): Promise<Buffer> {
  return sharp(seededRandom(seed).bytes(3 * WIDTH * HEIGHT), { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
    .png()
    .toBuffer();
}

async function answerTo(url: string): Promise<IncomingMessage> {
  const [answer] = await onceEmitted(get(url, { agent: false }), "response");
  return answer;
}

async function readSlowly(url: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await answerTo(url)) {
    chunks.push(chunk);
    for (let turn = 0; turn < 20; turn++) await nextTurn();
  }
  return Buffer.concat(chunks);
}

async function leaveInTheMiddle(url: string): Promise<void> {
  const answer = await answerTo(url);
  await onceEmitted(answer, "data");
  answer.destroy();
}

/** POSIX assigns the lowest free number, so a leaked file would change it. */
function lowestFreeDescriptor(): number {
  const descriptor = openSync("/dev/null", "r");
  closeSync(descriptor);
  return descriptor;
}

test("every viewer gets exactly its bytes, even beside slow viewers and viewers that disconnect", async () => {
  const viewers = Array.from({ length: 60 }, (_, index) => index);
  await Promise.all(
    viewers.map(async (viewer) => {
      const url = urls[viewer % 3] ?? "";
      const picture = pictures[viewer % 3] ?? Buffer.alloc(0);
      if (viewer % 5 === 0) return leaveInTheMiddle(url);
      const bytes = viewer % 5 === 1 ? await readSlowly(url) : (await httpRequest(url)).body;
      expect(bytes.equals(picture)).toBe(true);
    }),
  );
});

test("viewers that request the next image before the last has arrived get both", async () => {
  const order = [0, 1, 2, 1, 0, 2, 2, 0];
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  const received: Buffer[] = [];
  socket.on("data", (chunk) => received.push(chunk));
  for (const [place, index] of order.entries()) {
    const { pathname, search } = new URL(urls[index] ?? "");
    const connection = place === order.length - 1 ? "close" : "keep-alive";
    socket.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: ${connection}\r\n\r\n`);
  }
  await onceEmitted(socket, "end");

  let rest = Buffer.concat(received);
  for (const index of order) {
    const picture = pictures[index] ?? Buffer.alloc(0);
    const start = rest.indexOf("\r\n\r\n") + 4;
    expect(rest.subarray(start, start + picture.length).equals(picture)).toBe(true);
    rest = rest.subarray(start + picture.length);
  }
  expect(rest).toHaveLength(0);
});

test("a range may cross the boundaries of the blocks that are read", async () => {
  const [url = ""] = urls;
  const [picture = Buffer.alloc(0)] = pictures;
  for (const [start, end] of [
    [131_071, 131_072],
    [1, 262_144],
    [100_000, picture.length - 2],
  ] as const) {
    const { status, body } = await httpRequest(url, { headers: { Range: `bytes=${start}-${end}` } });
    expect([status, body.equals(picture.subarray(start, end + 1))]).toEqual([206, true]);
  }
});

test("no file stays open for viewers that disconnected", async () => {
  const before = lowestFreeDescriptor();
  for (let round = 0; round < 5; round++) {
    await Promise.all(Array.from({ length: 20 }, () => leaveInTheMiddle(urls[round % 3] ?? "")));
  }

  const free = await poll(
    async () => {
      await httpRequest(urls[0] ?? "");
      return lowestFreeDescriptor();
    },
    (descriptor) => descriptor <= before + 3,
  );
  expect(free).toBeLessThanOrEqual(before + 3);
});
