import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { createOpenAI } from "../../../src/adapters/openai/openai.ts";
import type { EditSources, GenerateRequest, ImageProvider, SourceImage } from "../../../src/ports/image-provider.ts";
import { plainImage } from "../../support/gateways/scripted-provider.ts";
import { leftHalfMask } from "../../support/images/source-images.ts";
import { OUR_TIMERS } from "../../support/our-timers.ts";
import { type StrictImageApi, startStrictImageApi } from "../../support/vendors/strict-image-api.ts";
import { type ReadEvent, readAll } from "./answers.ts";

const TIMEOUT_MS = 20_000;
const CHUNK_BYTES = 64 * 1024;

let api: StrictImageApi;
let provider: ImageProvider;

beforeEach(async () => {
  api = await startStrictImageApi();
  provider = createOpenAI({ apiKey: api.apiKey, baseUrl: api.baseUrl, timeoutMs: TIMEOUT_MS });
});

afterEach(async () => {
  jest.useRealTimers();
  await api.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

const servers: Server[] = [];

async function serve(answer: RequestListener): Promise<{ readonly url: string }> {
  const server = createServer(answer);
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` };
}

function edit(sources: EditSources, changes: Partial<GenerateRequest> = {}): Promise<ReadEvent[]> {
  const request: GenerateRequest = {
    model: "gpt-image-2.6-flare",
    prompt: "a fox — in “it”",
    n: 1,
    size: { width: 1024, height: 1024 },
    quality: "LOW",
    format: "PNG",
    background: "AUTO",
    partialImages: 0,
    edit: sources,
    ...changes,
  };
  return readAll(provider.generate(request, new AbortController().signal));
}

function sourceOf(bytes: Buffer, format: SourceImage["format"] = "PNG"): SourceImage {
  async function* read() {
    for (let start = 0; start < bytes.length; start += CHUNK_BYTES) yield bytes.subarray(start, start + CHUNK_BYTES);
  }
  return { width: 96, height: 64, format, byteSize: bytes.length, read };
}

describe("an edit", () => {
  test("sends the images and the mask as files, with exactly the parameters of the edit endpoint", async () => {
    const png = await plainImage(96, 64, 1, "PNG");
    const jpeg = await plainImage(96, 64, 2, "JPEG");
    const webp = await plainImage(96, 64, 3, "WEBP");
    const mask = await leftHalfMask(96, 64);
    const [event] = await edit(
      { images: [sourceOf(png), sourceOf(jpeg, "JPEG"), sourceOf(webp, "WEBP")], mask: sourceOf(mask) },
      { n: 2, format: "WEBP", compression: 80, moderation: "LOW", safetyIdentifier: "4f0", background: "TRANSPARENT" },
    );

    expect(event).toMatchObject({ type: "image", index: 0 });
    expect(api.callCount).toBe(1);
    const [request] = api.requests;
    expect(request?.path).toBe("/v1/images/edits");
    expect(request?.body).toEqual({
      model: "gpt-image-2.6-flare",
      prompt: "a fox — in “it”",
      n: 2,
      size: "1024x1024",
      quality: "low",
      output_format: "webp",
      output_compression: 80,
      background: "transparent",
      safety_identifier: "4f0",
    });
    expect(request?.files).toEqual([
      { name: "image[]", fileName: "image-1.png", mediaType: "image/png", bytes: png },
      { name: "image[]", fileName: "image-2.jpeg", mediaType: "image/jpeg", bytes: jpeg },
      { name: "image[]", fileName: "image-3.webp", mediaType: "image/webp", bytes: webp },
      { name: "mask", fileName: "mask.png", mediaType: "image/png", bytes: mask },
    ]);
  });

  test("returns previews, the image and its usage, as a generation does", async () => {
    const events = await edit({ images: [sourceOf(await plainImage(96, 64, 1, "PNG"))] }, { partialImages: 2 });

    expect(events.map(({ type }) => type)).toEqual(["partial", "partial", "image", "usage"]);
    expect(api.requests[0]?.body).toMatchObject({ stream: true, partial_images: 2 });
  });

  test("is refused as a generation is", async () => {
    api.queue("moderationBlocked");

    await expect(edit({ images: [sourceOf(await plainImage(96, 64, 1, "PNG"))] })).rejects.toMatchObject({
      code: "CONTENT_REJECTED",
    });
  });

  test("reads its images only as fast as they are sent, and stops reading at the timeout", async () => {
    const asked = Promise.withResolvers<void>();
    const server = await serve((incoming) => {
      incoming.pause();
      asked.resolve();
    });
    provider = createOpenAI({ apiKey: "k", baseUrl: server.url, timeoutMs: TIMEOUT_MS });
    const left = Promise.withResolvers<void>();
    let readBytes = 0;
    async function* endless() {
      try {
        for (; readBytes < 2 ** 30; readBytes += CHUNK_BYTES) yield Buffer.alloc(CHUNK_BYTES);
      } finally {
        left.resolve();
      }
    }

    jest.useFakeTimers(OUR_TIMERS);
    const call = edit({ images: [{ ...sourceOf(Buffer.alloc(0)), read: endless }] });
    const failed = expect(call).rejects.toMatchObject({ code: "UPSTREAM_TIMEOUT" });
    await asked.promise;
    for (let before = -1; before < readBytes; ) {
      before = readBytes;
      for (let turn = 0; turn < 100; turn++) await setImmediate();
    }
    jest.advanceTimersByTime(TIMEOUT_MS);
    await failed;
    expect(readBytes).toBeLessThan(64 * 1024 * 1024);
    await left.promise;
  });

  test("accepts an answer that comes before everything is sent, and stops sending", async () => {
    const server = await serve((_incoming, outgoing) => {
      outgoing.writeHead(413, { "content-type": "application/json" });
      outgoing.end(JSON.stringify({ error: { message: "Too large.", type: "invalid_request_error" } }));
    });
    provider = createOpenAI({ apiKey: "k", baseUrl: server.url, timeoutMs: TIMEOUT_MS });

    await expect(edit({ images: [sourceOf(Buffer.alloc(40_000_000))] })).rejects.toMatchObject({
      code: "UPSTREAM_FAILED",
      isRetryable: false,
    });
  });

  test("with an unreadable image stops sending", async () => {
    async function* broken() {
      yield (await plainImage(96, 64, 1, "PNG")).subarray(0, 50);
      throw new Error("the disk is gone");
    }
    const source = { ...sourceOf(Buffer.alloc(0)), read: broken };

    await expect(edit({ images: [source] })).rejects.toMatchObject({ code: "UPSTREAM_FAILED" });
    expect(api.images).toEqual([]);
  });
});

describe("the local image API refuses in edits what the vendor refuses:", () => {
  const good = { model: "gpt-image-2.6-flare", prompt: "a fox", quality: "low" };

  async function call(fields: object, files: readonly [string, Buffer, string][]): Promise<Response> {
    const form = new FormData();
    for (const [name, value] of Object.entries({ ...good, ...fields })) form.append(name, String(value));
    for (const [name, bytes, type] of files) form.append(name, new Blob([new Uint8Array(bytes)], { type }), "file");
    const headers = { authorization: `Bearer ${api.apiKey}` };
    return fetch(`${api.baseUrl}/images/edits`, { method: "POST", headers, body: form });
  }

  test.each<[string, object, () => Promise<[string, Buffer, string][]>]>([
    ["moderation", { moderation: "low" }, async () => [["image", await plainImage(64, 64, 1, "PNG"), "image/png"]]],
    ["image", {}, async () => []],
    ["image", {}, async () => [["image", Buffer.from("<svg/>"), "image/svg+xml"]]],
    ["image", {}, async () => [["image", await plainImage(64, 64, 1, "JPEG"), "image/png"]]],
    ["picture", {}, async () => [["picture", await plainImage(64, 64, 1, "PNG"), "image/png"]]],
    ["image", {}, async () => Array(17).fill(["image[]", await plainImage(64, 64, 1, "PNG"), "image/png"])],
    [
      "mask",
      {},
      async () => [
        ["image", await plainImage(64, 64, 1, "PNG"), "image/png"],
        ["mask", await leftHalfMask(64, 66), "image/png"],
      ],
    ],
  ])("%s", async (param, fields, files) => {
    const response = await call(fields, await files());

    expect([response.status, await response.json()]).toMatchObject([400, { error: { param } }]);
    expect(api.images).toEqual([]);
  });
});
