import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { GuardedDownloads } from "../../../src/adapters/downloads/guarded-downloads.ts";
import { GatewayError } from "../../../src/errors.ts";
import { seededRandom } from "../../support/random.ts";

const FILE = seededRandom(1).bytes(300_000);
const LIMITS = { maxBytes: 1_000_000, timeoutMs: 60_000, isPaid: true };
/** Milliseconds before each retry. */
const WAITS = [500, 1000, 2000, 4000, 8000, 16_000, 32_000];

let server: Server;
let origin: string;
let requestCount: number;
/** Answers the requests with these functions in order, and all later requests with the last one. */
let answers: ((outgoing: ServerResponse) => void)[];
let waits: number[];
let downloads: GuardedDownloads;

beforeEach(async () => {
  requestCount = 0;
  waits = [];
  server = createServer((_incoming, outgoing) => {
    answers[Math.min(requestCount++, answers.length - 1)]?.(outgoing);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  downloads = new GuardedDownloads({ hosts: [], ownOrigins: [origin], wait: async (ms) => waits.push(ms) });
});
afterEach(async () => {
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
});

const whole = (outgoing: ServerResponse) => void outgoing.end(FILE);
const status = (code: number) => (outgoing: ServerResponse) => void outgoing.writeHead(code).end();
const reset = (outgoing: ServerResponse) => void outgoing.destroy();
/** Declares the file's full length and sends less. */
const cutAt =
  (length: number, file = FILE) =>
  (outgoing: ServerResponse) => {
    outgoing.writeHead(200, { "content-length": file.length });
    outgoing.write(file.subarray(0, length), () => outgoing.destroy());
  };
const cutChunk = (outgoing: ServerResponse) => void outgoing.write(FILE.subarray(0, 70_000), () => outgoing.destroy());

function download(limits: typeof LIMITS | Omit<typeof LIMITS, "isPaid"> = LIMITS, path = "/a.png"): Promise<Buffer> {
  return buffer(downloads.read(`${origin}${path}`, limits));
}

async function failureOf(work: Promise<unknown>): Promise<Pick<GatewayError, "code" | "message">> {
  const error = await work.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(GatewayError);
  const { code, message } = error as GatewayError;
  return { code, message };
}

describe("a download of a paid image", () => {
  test.each<[string, (outgoing: ServerResponse) => void]>([
    ["with status 404", status(404)],
    ["with status 403", status(403)],
    ["with status 202", status(202)],
    ["with status 429", status(429)],
    ["with status 500", status(500)],
    ["with status 503", status(503)],
    ["by a reset", reset],
    ["in the middle", cutAt(100_000)],
    ["in the middle of a chunk", cutChunk],
  ])("that fails %s is repeated for more than a minute", async (_name, fail) => {
    answers = [...WAITS.map(() => fail), whole];

    expect((await download()).equals(FILE)).toBe(true);
    expect(waits).toEqual(WAITS);
    expect(waits.reduce((sum, wait) => sum + wait)).toBeGreaterThan(60_000);
  });

  test("that keeps failing fails with the last error", async () => {
    answers = [reset, status(503), status(404)];
    const { host } = new URL(origin);

    expect(await failureOf(download())).toEqual({
      code: "BAD_USER_INPUT",
      message: `${host} answers with status 404`,
    });
    expect(requestCount).toBe(WAITS.length + 1);
  });

  test("returns each byte once, wherever it breaks off", async () => {
    for (const lengths of [[1], [150_000, 10], [10, 150_000, 150_000], [299_999, 0, 299_999]]) {
      requestCount = 0;
      answers = [...lengths.map((length) => cutAt(length)), whole];
      expect((await download()).equals(FILE)).toBe(true);
      expect(requestCount).toBe(lengths.length + 1);
    }
  });

  test("never mixes two files", async () => {
    const other = Buffer.from(FILE);
    other[10] = other[10]! ^ 1;
    answers = [cutAt(100_000), cutAt(200_000, other), whole];
    expect((await download()).equals(FILE)).toBe(true);

    requestCount = 0;
    answers = [cutAt(100_000), (outgoing) => void outgoing.end(other)];
    const message = "the host sent another file when it was asked again";
    expect(await failureOf(download())).toEqual({ code: "UPSTREAM_FAILED", message });

    requestCount = 0;
    answers = [cutAt(100_000), (outgoing) => void outgoing.end(FILE.subarray(0, 1000))];
    expect(await failureOf(download())).toEqual({ code: "UPSTREAM_FAILED", message });
  });

  test("ends immediately if its reader gives up during a wait", async () => {
    answers = [status(503)];
    const gaveUp = new Error("gave up");
    const giving = new AbortController();
    const real = new GuardedDownloads({
      hosts: [],
      ownOrigins: [origin],
      wait: async () => {
        giving.abort(gaveUp);
        throw gaveUp;
      },
    });

    await expect(buffer(real.read(`${origin}/a.png`, LIMITS, giving.signal))).rejects.toBe(gaveUp);
    expect(requestCount).toBe(1);
  });

  test("is not repeated if it is not allowed or too large", async () => {
    answers = [(outgoing) => void outgoing.writeHead(302, { location: "http://127.0.0.1:1/" }).end()];
    expect(await failureOf(download())).toMatchObject({ code: "BAD_USER_INPUT" });
    answers = [whole];
    expect(await failureOf(download({ ...LIMITS, maxBytes: 1000 }))).toMatchObject({ code: "PAYLOAD_TOO_LARGE" });

    expect(waits).toEqual([]);
  });
});

test("any other download is attempted once", async () => {
  answers = [status(503), whole];

  expect(await failureOf(download({ maxBytes: 1_000_000, timeoutMs: 60_000 }))).toMatchObject({
    code: "UPSTREAM_FAILED",
  });
  expect(requestCount).toBe(1);
});

test("a compressed file counts with its decompressed size, and is read only up to the limit", async () => {
  const bomb = gzipSync(Buffer.alloc(100_000_000));
  answers = [(outgoing) => void outgoing.writeHead(200, { "content-encoding": "gzip" }).end(bomb)];
  let byteCount = 0;
  const read = async () => {
    for await (const chunk of downloads.read(`${origin}/a.png`, LIMITS)) byteCount += chunk.length;
  };

  expect(await failureOf(read())).toEqual({
    code: "PAYLOAD_TOO_LARGE",
    message: "the file is larger than 1000000 bytes",
  });
  expect(byteCount).toBeLessThanOrEqual(1_000_000);
});
