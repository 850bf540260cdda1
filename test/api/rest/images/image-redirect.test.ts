import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { createApp } from "../../../../src/api/http/app.ts";
import { type HttpServer, listen } from "../../../../src/api/http/server.ts";
import { imageRoutes } from "../../../../src/api/rest/images.ts";
import { getImageAsJson } from "../../../support/clients/get-image-client.ts";
import { httpRequest } from "../../../support/clients/http-request.ts";
import { appOptions } from "../../../support/gateways/app-options.ts";
import { type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";
import { S3_CREDENTIALS, type S3Server, startS3Server } from "../../../support/stores/s3-server.ts";

const TTL_SECONDS = 600;
const START = new Date("2026-11-22T09:30:00Z");

let now = START;
let s3: S3Server;
let bucket: string;
let gateway: ScriptedGateway;
/** The same service with routes that send all bytes through the gateway. */
let proxying: HttpServer;
let url: string;

beforeAll(async () => {
  s3 = await startS3Server("@20minutes/s3rver");
  bucket = await s3.newBucket();
  gateway = await startScriptedGateway({
    s3: { bucket, endpoint: s3.endpoint, region: "us-east-1", credentials: S3_CREDENTIALS },
    urlTtlSeconds: TTL_SECONDS,
    now: () => now,
  });
  proxying = await listen("127.0.0.1", 0);
  await proxying.serve(createApp([imageRoutes(gateway.gateway.images, { isRedirecting: false })], appOptions()));
  [url = ""] = (await getImageAsJson(gateway.url, { prompt: "x", n: "1", size: "256x192" })).urlList;
});

afterAll(async () => {
  proxying.stopAccepting();
  await proxying.close();
  await gateway.close();
  await s3.stop();
});

beforeEach(() => {
  now = START;
});

async function follow(link: string, headers: Record<string, string> = {}) {
  const { status, headers: answered } = await httpRequest(link);
  expect(status).toBe(302);
  return httpRequest(String(answered.location), { headers });
}

describe("with images in S3", () => {
  test("a viewer is redirected to a URL of the store that works for one minute", async () => {
    const { status, headers, body } = await httpRequest(url);

    expect([status, body.length]).toEqual([302, 0]);
    const location = new URL(String(headers.location));
    expect(`${location.origin}${location.pathname}`).toMatch(
      new RegExp(`^${s3.endpoint}/${bucket}/gen_[0-9a-z]{26}/img_[0-9a-z]{26}/original$`),
    );
    expect(location.searchParams.get("X-Amz-Expires")).toBe("60");
    expect(headers).toMatchObject({
      "cache-control": "private, max-age=30",
      "access-control-allow-origin": "*",
      "cross-origin-resource-policy": "cross-origin",
      "x-content-type-options": "nosniff",
    });
    expect(headers.etag).toBeUndefined();
  });

  test("the redirect leads to the image, shown inline with its type, as long as the link lives", async () => {
    const { status, headers, body } = await follow(url);

    expect(status).toBe(200);
    expect(headers).toMatchObject({
      "content-type": "image/png",
      "content-disposition": "inline",
      "cache-control": `private, max-age=${TTL_SECONDS}`,
      "content-length": String(body.length),
    });
    expect([body.readUInt32BE(16), body.readUInt32BE(20)]).toEqual([256, 192]);
    expect(body.equals((await httpRequest(toProxying(url))).body)).toBe(true);
  });

  test("a range request gets its part after the redirect", async () => {
    const whole = await follow(url);
    const { status, body } = await follow(url, { Range: "bytes=10-19" });

    expect(status).toBe(206);
    expect(body.equals(whole.body.subarray(10, 20))).toBe(true);
  });

  test("a browser follows the redirect without help", async () => {
    const response = await fetch(url);

    expect([response.status, response.redirected, response.headers.get("content-type")]).toEqual([
      200,
      true,
      "image/png",
    ]);
    expect(Buffer.from(await response.arrayBuffer()).equals((await follow(url)).body)).toBe(true);
  });

  test.each([
    [59, 29],
    [2, 1],
    [1, 0],
  ])("a link with %i seconds left limits both the redirect and its target", async (left, maxAge) => {
    now = new Date(START.getTime() + (TTL_SECONDS - left) * 1000);
    const { status, headers } = await httpRequest(url);

    expect(status).toBe(302);
    expect(new URL(String(headers.location)).searchParams.get("X-Amz-Expires")).toBe(String(left));
    expect(headers["cache-control"]).toBe(`private, max-age=${maxAge}`);
  });

  test("a changed link and an expired link show nothing", async () => {
    const changed = await httpRequest(`${url}x`);
    now = new Date(START.getTime() + TTL_SECONDS * 1000);
    const expired = await httpRequest(url);

    for (const { status, headers } of [changed, expired]) {
      expect(status).toBe(403);
      expect(headers.location).toBeUndefined();
    }
  });

  test("the store refuses a changed URL", async () => {
    const { headers } = await httpRequest(url);
    const other = String(headers.location).replace(
      "response-content-type=image%2Fpng",
      "response-content-type=text%2Fhtml",
    );

    expect(other).not.toBe(headers.location);
    expect((await httpRequest(other)).status).toBe(403);
  });

  test("the gateway answers HEAD itself, because a URL of the store allows only GET", async () => {
    const { status, headers, body } = await httpRequest(url, { method: "HEAD" });
    const image = await follow(url);

    expect([status, body.length]).toEqual([200, 0]);
    expect(headers.location).toBeUndefined();
    expect(headers).toMatchObject({
      "content-type": "image/png",
      "content-length": String(image.body.length),
      "cache-control": `private, max-age=${TTL_SECONDS}`,
      "accept-ranges": "bytes",
      "access-control-allow-origin": "*",
    });
    const again = await httpRequest(url, { method: "HEAD", headers: { "If-None-Match": String(headers.etag) } });
    expect(again.status).toBe(304);
  });

  test("a derivative is made, stored in S3 and redirected to", async () => {
    const id = /img_[0-9a-z]{26}/.exec(url)?.[0];
    const { body } = await gateway.graphql(
      "query ($id: ID!) { image(id: $id) { url(width: 64, height: 32, format: WEBP) } }",
      { id },
    );
    const first = await httpRequest(body.data.image.url);
    const { status, headers, body: bytes } = await follow(body.data.image.url);

    expect([status, headers["content-type"]]).toEqual([200, "image/webp"]);
    expect(first.status).toBe(302);
    expect(bytes.subarray(8, 12).toString()).toBe("WEBP");
    expect(await s3.footprint(bucket)).toContainEqual(expect.stringContaining("/64x32-cover.webp"));
  });

  test("a deleted image is not found, whatever the method", async () => {
    const { urlList } = await getImageAsJson(gateway.url, { prompt: "y", n: "1", size: "64x64" });
    const [link = ""] = urlList;
    const id = /img_[0-9a-z]{26}/.exec(link)?.[0];
    const { body } = await gateway.graphql("query ($id: ID!) { image(id: $id) { generation { id } } }", { id });
    const generation = body.data.image.generation.id;
    await gateway.graphql("mutation ($id: ID!) { deleteGeneration(id: $id) }", { id: generation });

    expect((await httpRequest(link)).status).toBe(404);
    expect((await httpRequest(link, { method: "HEAD" })).status).toBe(404);
    expect((await s3.footprint(bucket)).filter((path) => path.startsWith(generation))).toEqual([]);
  });
});

describe("with images in S3 that the gateway delivers itself", () => {
  test("an image is delivered as from a disk", async () => {
    const { status, headers, body } = await httpRequest(toProxying(url));

    expect(status).toBe(200);
    expect(headers.location).toBeUndefined();
    expect(headers).toMatchObject({
      "content-type": "image/png",
      "content-length": String(body.length),
      "content-disposition": "inline",
      "cache-control": `private, max-age=${TTL_SECONDS}`,
      "accept-ranges": "bytes",
    });
    expect([body.readUInt32BE(16), body.readUInt32BE(20)]).toEqual([256, 192]);
  });

  test("ranges are delivered, and 304 if the viewer has the image", async () => {
    const whole = await httpRequest(toProxying(url));
    const part = await httpRequest(toProxying(url), { headers: { Range: "bytes=-7" } });
    const beyond = await httpRequest(toProxying(url), { headers: { Range: `bytes=${whole.body.length}-` } });
    const known = await httpRequest(toProxying(url), { headers: { "If-None-Match": String(whole.headers.etag) } });

    expect(part.status).toBe(206);
    expect(part.body.equals(whole.body.subarray(-7))).toBe(true);
    expect([beyond.status, known.status]).toEqual([416, 304]);
  });
});

function toProxying(link: string): string {
  return link.replace(new URL(link).origin, proxying.url);
}
