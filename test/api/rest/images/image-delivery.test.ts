import { rm } from "node:fs/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { getImageAsJson } from "../../../support/clients/get-image-client.ts";
import { httpRequest } from "../../../support/clients/http-request.ts";
import { type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";
import { storedFiles } from "../../../support/stores/stored-files.ts";

const TTL_SECONDS = 600;
const START = new Date("2026-11-22T09:30:00Z");

let now = START;
let gateway: ScriptedGateway;
let url: string;
let whole: Buffer;
let etag: string;

beforeAll(async () => {
  gateway = await startScriptedGateway({ urlTtlSeconds: TTL_SECONDS, now: () => now });
  [url = ""] = (await getImageAsJson(gateway.url, { prompt: "x", n: "1", size: "256x256" })).urlList;
  const answer = await httpRequest(url);
  whole = answer.body;
  etag = String(answer.headers.etag);
});

afterAll(() => gateway.close());

beforeEach(() => {
  now = START;
});

test("an image comes with every header that a browser and its caches need", async () => {
  const { status, headers, body } = await httpRequest(url);

  expect(status).toBe(200);
  expect(headers).toMatchObject({
    "content-type": "image/png",
    "content-length": String(body.length),
    "content-disposition": "inline",
    "cache-control": `private, max-age=${TTL_SECONDS}`,
    "accept-ranges": "bytes",
    "content-security-policy": "sandbox",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "cross-origin",
    "access-control-allow-origin": "*",
  });
  expect(headers.etag).toMatch(/^"[^"]+"$/);
  expect(new Date(String(headers["last-modified"])).getTime()).not.toBeNaN();
  expect(headers["set-cookie"]).toBeUndefined();
  expect(headers["x-powered-by"]).toBeUndefined();
});

test("a cache may keep an image only as long as its link works", async () => {
  now = new Date(START.getTime() + (TTL_SECONDS - 5) * 1000);

  expect((await httpRequest(url)).headers["cache-control"]).toBe("private, max-age=5");
});

test("HEAD returns the same headers without the image", async () => {
  const get = await httpRequest(url);
  const head = await httpRequest(url, { method: "HEAD" });

  expect(head.status).toBe(200);
  expect(head.body).toHaveLength(0);
  const { date: _date, "x-request-id": _id, ...expected } = get.headers;
  expect(head.headers).toMatchObject(expected);
});

test("HEAD of a changed link is refused", async () => {
  const { status, body } = await httpRequest(`${url}x`, { method: "HEAD" });

  expect([status, body.length]).toEqual([403, 0]);
});

test.each(["POST", "PUT", "DELETE"])("%s is refused for images", async (method) => {
  const { status, body } = await httpRequest(url, { method });

  expect([404, 405]).toContain(status);
  expect(JSON.parse(body.toString())).toHaveProperty("error.code");
  expect((await httpRequest(url)).status).toBe(200);
});

describe("Range", () => {
  const last = () => whole.length - 1;

  test.each<[string, () => string, () => [number, number]]>([
    ["the first byte", () => "bytes=0-0", () => [0, 0]],
    ["the beginning", () => "bytes=0-99", () => [0, 99]],
    ["the middle", () => "bytes=100-149", () => [100, 149]],
    ["from somewhere on", () => "bytes=200-", () => [200, last()]],
    ["the end", () => "bytes=-50", () => [last() - 49, last()]],
    ["more than there is", () => `bytes=100-${10 * whole.length}`, () => [100, last()]],
    ["all of it", () => "bytes=0-", () => [0, last()]],
    ["a suffix longer than all", () => `bytes=-${10 * whole.length}`, () => [0, last()]],
    ["the last byte", () => `bytes=${last()}-`, () => [last(), last()]],
  ])("%s returns exactly those bytes", async (_case, range, part) => {
    const [start, end] = part();
    const { status, headers, body } = await httpRequest(url, { headers: { Range: range() } });

    expect(status).toBe(206);
    expect(headers["content-range"]).toBe(`bytes ${start}-${end}/${whole.length}`);
    expect(headers["content-length"]).toBe(String(end - start + 1));
    expect(headers["content-type"]).toBe("image/png");
    expect(body.equals(whole.subarray(start, end + 1))).toBe(true);
  });

  test.each([() => `bytes=${whole.length}-`, () => `bytes=${whole.length}-${whole.length + 1}`, () => "bytes=-0"])(
    "beyond the end is refused with 416: %s",
    async (range) => {
      const { status, headers, body } = await httpRequest(url, { headers: { Range: range() } });

      expect(status).toBe(416);
      expect(headers["content-range"]).toBe(`bytes */${whole.length}`);
      expect(body).toHaveLength(0);
    },
  );

  test.each(["bytes=0-1,5-9", "bytes=9-0", "bytes=a-b", "pixels=0-9", "bytes", "", "bytes=0-9 5"])(
    "that is not one byte range returns the whole image: %j",
    async (range) => {
      const { status, body } = await httpRequest(url, { headers: { Range: range } });

      expect(status).toBe(200);
      expect(body.equals(whole)).toBe(true);
    },
  );

  test("applies only if If-Range names the present image", async () => {
    const Range = "bytes=0-9";
    const same = await httpRequest(url, { headers: { Range, "If-Range": etag } });
    const other = await httpRequest(url, { headers: { Range, "If-Range": '"another"' } });

    expect(same.status).toBe(206);
    expect(other.status).toBe(200);
    expect(other.body.equals(whole)).toBe(true);
  });

  test("applies only to GET", async () => {
    const { status, headers } = await httpRequest(url, { method: "HEAD", headers: { Range: "bytes=0-9" } });

    expect([status, headers["content-length"]]).toEqual([200, String(whole.length)]);
  });

  test("returns pieces that make up the image", async () => {
    const size = 97;
    const pieces: Buffer[] = [];
    for (let start = 0; start < whole.length; start += size) {
      pieces.push((await httpRequest(url, { headers: { Range: `bytes=${start}-${start + size - 1}` } })).body);
    }
    expect(Buffer.concat(pieces).equals(whole)).toBe(true);
  });
});

describe("If-None-Match", () => {
  test.each([() => etag, () => `W/${etag}`, () => `"other", ${etag}`, () => "*"])(
    "that matches is answered with 304: %s",
    async (tags) => {
      const { status, headers, body } = await httpRequest(url, { headers: { "If-None-Match": tags() } });

      expect(status).toBe(304);
      expect(body).toHaveLength(0);
      expect(headers.etag).toBe(etag);
      expect(headers["cache-control"]).toBe(`private, max-age=${TTL_SECONDS}`);
    },
  );

  test("that does not match is answered with the image", async () => {
    const { status, body } = await httpRequest(url, { headers: { "If-None-Match": '"other"' } });

    expect(status).toBe(200);
    expect(body.equals(whole)).toBe(true);
  });

  test("does not make a changed or expired link valid", async () => {
    const headers = { "If-None-Match": etag };
    expect((await httpRequest(url.slice(0, -1), { headers })).status).toBe(403);
    now = new Date(START.getTime() + TTL_SECONDS * 1000);
    expect((await httpRequest(url, { headers })).status).toBe(403);
  });
});

test("an image has the same ETag under every link, different from those of other images", async () => {
  const { urlList } = await getImageAsJson(gateway.url, { prompt: "y", n: "2", size: "64x64" });
  const id = /img_[0-9a-z]{26}/.exec(url)?.[0];
  const { body } = await gateway.graphql("query ($id: ID!) { image(id: $id) { url(expiresIn: 61) } }", { id });
  const tags = await Promise.all(
    [body.data.image.url, ...urlList].map(async (link: string) => (await httpRequest(link)).headers.etag),
  );

  expect(body.data.image.url).not.toBe(url);
  expect(tags[0]).toBe(etag);
  expect(new Set(tags).size).toBe(3);
});

test("many simultaneous viewers all get the whole image", async () => {
  const answers = await Promise.all(Array.from({ length: 50 }, () => httpRequest(url)));

  expect(answers.every((answer) => answer.status === 200 && answer.body.equals(whole))).toBe(true);
});

test("an image whose file is gone is not found", async () => {
  const own = await startScriptedGateway();
  try {
    const { urlList } = await getImageAsJson(own.url, { prompt: "x", n: "2", size: "64x64" });
    const ids = urlList.map((link) => /img_[0-9a-z]{26}/.exec(link)?.[0] ?? "");
    for (const file of await storedFiles(own.dataDir)) if (file.includes(ids[0] ?? "")) await rm(file);
    const [gone, kept] = await Promise.all(urlList.map((link) => httpRequest(link)));

    expect(gone?.status).toBe(404);
    expect(JSON.parse(String(gone?.body)).error).toMatchObject({
      code: "NOT_FOUND",
      message: "this image was deleted",
    });
    expect(gone?.headers["content-type"]).toBe("application/json; charset=utf-8");
    expect(kept?.status).toBe(200);
  } finally {
    await own.close();
  }
});
