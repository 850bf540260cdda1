import { once } from "node:events";
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import express from "express";
import type { ProviderEvent } from "../../../../src/ports/image-provider.ts";
import { MAX_EDIT_IMAGE_BYTES } from "../../../../src/service/edits/source-meter.ts";
import {
  ANY_SIZE_MODEL,
  poll,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../../support/gateways/scripted-gateway.ts";
import { makeImages, plainImage } from "../../../support/gateways/scripted-provider.ts";
import { jpegOf, leftHalfMask } from "../../../support/images/source-images.ts";
import { storedFiles } from "../../../support/stores/stored-files.ts";
import { unlinkedFiles } from "../../../support/stores/unlinked-files.ts";

const EDITS = {
  maxInputImages: 16,
  maxInputBytes: MAX_EDIT_IMAGE_BYTES - 1,
  inputFormats: ["PNG", "JPEG", "WEBP"],
  hasMask: true,
} as const;
const MODEL = { ...ANY_SIZE_MODEL, operations: ["GENERATE", "EDIT"], edits: EDITS } as const;
const JSON_TYPE = { "Content-Type": "application/json" };

let gateway: ScriptedGateway;
let picture: Buffer;
let mask: Buffer;
/** The bytes of each image and of the mask, as the provider received them. */
const given: Buffer[] = [];

beforeAll(async () => {
  gateway = await startScriptedGateway({}, [MODEL]);
  picture = await plainImage(96, 64, 1, "png");
  mask = await leftHalfMask(96, 64);
});
afterAll(() => gateway.close());
beforeEach(() => {
  given.length = 0;
  gateway.provider.script = async function* reading(asked): AsyncIterable<ProviderEvent> {
    for (const source of [...(asked.edit?.images ?? []), ...(asked.edit?.mask ? [asked.edit.mask] : [])]) {
      given.push(Buffer.concat(await Array.fromAsync(source.read())));
    }
    yield* makeImages(asked);
  };
});
/** No request may leave files in the temporary directory. */
afterEach(async () => {
  const left = async () => (await unlinkedFiles()).filter((path) => path.includes("/pictograph-upload-"));
  expect(await poll(left, (paths) => paths.length === 0)).toEqual([]);
});

const uriOf = (bytes: Buffer, type = "image/png") => `data:${type};base64,${bytes.toString("base64")}`;
const inUri = (uri: string) => ({ images: [{ image_url: uri }] });

async function send(body: string | Uint8Array, headers: Record<string, string> = {}, url = gateway.url) {
  const response = await fetch(`${url}/v1/images/edits`, {
    method: "POST",
    headers: { ...JSON_TYPE, ...headers },
    body: body as string,
  });
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever was answered
  return { status: response.status, answer: (await response.json()) as any };
}

function edit(change: object, headers: Record<string, string> = {}, url?: string) {
  return send(JSON.stringify({ prompt: "a hat", size: "64x64", response_format: "url", ...change }), headers, url);
}

describe("an image in a data: URI", () => {
  test.each([1_100_000, 20_000_000, MAX_EDIT_IMAGE_BYTES - 1])("may have %i bytes", async (byteSize) => {
    const photo = await jpegOf(byteSize);
    const { status } = await edit(inUri(uriOf(photo, "image/jpeg")));

    expect(status).toBe(200);
    expect(given[0]?.equals(photo)).toBe(true);
  });

  test("may come with others, with a mask, and with other kinds of references", async () => {
    const { answer } = await edit({ images: [{ image_url: uriOf(picture) }] });
    const photo = await jpegOf(3_000_000);
    given.length = 0;
    const { status } = await edit({
      images: [
        { image_url: uriOf(picture) },
        { image_url: answer.data[0].url },
        { image_url: uriOf(photo, "image/jpeg") },
      ],
      mask: { image_url: uriOf(mask) },
    });

    expect(status).toBe(200);
    expect(given).toHaveLength(4);
    expect([0, 2, 3].map((index) => given[index]?.equals([picture, photo, mask][index && index - 1]!))).toEqual([
      true,
      true,
      true,
    ]);
  });

  const base64 = () => picture.toString("base64");
  test.each<[string, () => string]>([
    ["with parameters", () => uriOf(picture, "image/png;charset=utf-8")],
    ["without a type", () => uriOf(picture, "")],
    ["of a type that says nothing", () => uriOf(picture, "application/octet-stream")],
    ["of any image's type", () => uriOf(picture, "image/*")],
    ["in upper case", () => `DATA:IMAGE/PNG;BASE64,${base64()}`],
    ["broken into lines", () => `data:image/png;base64,${base64().replace(/.{76}/g, "$&\n")}`],
    [
      "broken into lines as in mails, with one at its end",
      () => `data:image/png;base64,${base64().replace(/.{76}/g, "$&\r\n")}\r\n`,
    ],
    ["without padding", () => uriOf(picture).replaceAll("=", "")],
    [
      "of the URL-safe alphabet",
      () => uriOf(picture).replaceAll("+", "-").replaceAll("/", "_").replace("image_png", "image/png"),
    ],
    ["percent-encoded", () => `data:image/png;base64,${encodeURIComponent(base64())}`],
    ["after white space", () => ` \n${uriOf(picture)}`],
  ])("is read %s", async (_name, uri) => {
    const { status } = await edit(inUri(uri()));

    expect(status).toBe(200);
    expect(given[0]?.equals(picture)).toBe(true);
  });

  test.each<[string, () => object, number, string, string]>([
    [
      "is too large",
      async () => inUri(uriOf(await jpegOf(MAX_EDIT_IMAGE_BYTES), "image/jpeg")),
      413,
      "payload_too_large",
      "images",
    ] as never,
    [
      "is one byte more than is read",
      async () => inUri(uriOf(await jpegOf(MAX_EDIT_IMAGE_BYTES + 1))),
      413,
      "payload_too_large",
      "images[0].image_url",
    ] as never,
    ["is no base64", () => inUri("data:image/png;base64,!!!!"), 400, "invalid_value", "images[0]"],
    ["is empty", () => inUri("data:image/png;base64,"), 400, "invalid_value", "images[0]"],
    ["is percent-encoded text", () => inUri("data:image/svg+xml,%3Csvg%2F%3E"), 400, "invalid_value", "images[0]"],
    [
      "is a mask and no base64",
      () => ({ ...inUri(uriOf(picture)), mask: { image_url: "data:," } }),
      400,
      "invalid_value",
      "mask",
    ],
    [
      "is one of 18",
      () => ({ images: Array(18).fill({ image_url: uriOf(picture) }) }),
      400,
      "invalid_value",
      "images[17].image_url",
    ],
    [
      "is one of 17",
      () => ({ images: Array(17).fill({ image_url: uriOf(picture) }) }),
      400,
      "array_above_max_length",
      "images",
    ],
  ])("is refused if it %s, and nothing is left", async (_name, change, status, code, param) => {
    const before = await storedFiles(gateway.dataDir);

    expect(await edit(await change())).toMatchObject({ status, answer: { error: { code, param } } });
    expect(await storedFiles(gateway.dataDir)).toEqual(before);
    expect(given).toEqual([]);
  });
});

describe("a null value", () => {
  test.each<[string, () => object]>([
    ["the id beside a URL", () => ({ images: [{ image_url: uriOf(picture), file_id: null }] })],
    ["the mask", () => ({ ...inUri(uriOf(picture)), mask: null })],
    ["everything in the mask", () => ({ ...inUri(uriOf(picture)), mask: { file_id: null, image_url: null } })],
    [
      "every parameter that may be left out",
      () => ({
        ...inUri(uriOf(picture)),
        ...Object.fromEntries(
          "model n quality background output_format output_compression moderation input_fidelity user safety_identifier stream partial_images"
            .split(" ")
            .map((name) => [name, null]),
        ),
      }),
    ],
  ])("counts as omitted: %s", async (_name, change) => {
    expect(await edit(change())).toMatchObject({ status: 200 });
  });

  test.each<[string, object, string]>([
    ["the images", { images: null }, "images"],
    ["an image", { images: [null] }, "images[0]"],
    ["everything in an image", { images: [{ file_id: null, image_url: null }] }, "images[0]"],
  ])("counts as missing where a value is required: %s", async (_name, change, param) => {
    expect(await edit(change)).toMatchObject({ status: 400, answer: { error: { param } } });
  });
});

describe("a JSON body", () => {
  const body = () =>
    JSON.stringify({ prompt: "a hat", size: "64x64", response_format: "url", ...inUri(uriOf(picture)) });

  test.each<[string, () => string | Uint8Array, Record<string, string>]>([
    ["after a byte order mark", () => `\uFEFF${body()}`, {}],
    ["with its images first", () => body().replace(/^\{(.*),("images":.*)\}$/, "{$2,$1}"), {}],
    ["with escapes", () => body().replaceAll("/", "\\/").replace("image_url", "image\\u005furl"), {}],
    ["compressed", () => gzipSync(body()), { "Content-Encoding": "gzip" }],
    ["with a charset", body, { "Content-Type": "application/json; charset=utf-8" }],
  ])("is read %s", async (_name, text, headers) => {
    expect(await send(text(), headers)).toMatchObject({ status: 200 });
    expect(given[0]?.equals(picture)).toBe(true);
  });

  test.each<[string, string, number, string | null]>([
    ["is not JSON", "no", 400, "body"],
    ["ends early", '{"prompt":"a hat","images":[{"image_url":"data:image/png;base64,AAAA', 400, "body"],
    ["is an array", "[]", 400, "body"],
    ["is nested deeply", `{"images":${"[".repeat(100_000)}`, 400, "body"],
    ["has more text than it may", JSON.stringify({ prompt: "x".repeat(1024 ** 2) }), 413, null],
  ])("is refused if it %s", async (_name, sent, status, param) => {
    expect(await send(sent)).toMatchObject({ status, answer: { error: { param } } });
  });

  test("is refused in another charset, or with bytes that are not UTF-8", async () => {
    const latin1 = Buffer.from(body().replace("a hat", "ein Hütchen"), "latin1");

    expect(await send(body(), { "Content-Type": "application/json; charset=latin1" })).toMatchObject({ status: 415 });
    expect(await send(latin1)).toMatchObject({ status: 400, answer: { error: { param: "body" } } });
  });

  test("that is cut short leaves nothing", async () => {
    const before = await storedFiles(gateway.dataDir);
    const outgoing = request(`${gateway.url}/v1/images/edits`, {
      method: "POST",
      headers: { ...JSON_TYPE, "Content-Length": "10000000" },
    });
    outgoing.on("error", () => {});
    outgoing.write(`{"prompt":"a hat","images":[{"image_url":"data:image/png;base64,${"A".repeat(2_000_000)}`);
    await poll(unlinkedFiles, (paths) => paths.some((path) => path.includes("/pictograph-upload-")));
    outgoing.destroy();

    expect(await storedFiles(gateway.dataDir)).toEqual(before);
  });

  test("that is answered early is not read to its end", async () => {
    const outgoing = request(`${gateway.url}/v1/images/edits`, { method: "POST", headers: JSON_TYPE });
    outgoing.on("error", () => {});
    outgoing.write('{"prompt":"a hat","images":[{"image_url":"data:image/png;base64,!');
    outgoing.write("A".repeat(1_000_000));
    const [incoming] = await once(outgoing, "response");

    expect(incoming.statusCode).toBe(400);
    expect(JSON.parse(await text(incoming))).toMatchObject({ error: { param: "images[0]" } });
    outgoing.destroy();
  });

  test.each([
    ["parsed", express.json({ limit: "10mb" })],
    ["read", express.raw({ type: "*/*", limit: "10mb" })],
    ["read as text", express.text({ type: "*/*", limit: "10mb" })],
  ])("that the host program has already %s is taken from there", async (_name, parser) => {
    const host = express().use("/pictures", parser, gateway.gateway.app).listen(0, "127.0.0.1");
    await once(host, "listening");
    const { port } = host.address() as { port: number };
    const photo = await jpegOf(3_000_000);

    expect(await edit(inUri(uriOf(photo, "image/jpeg")), {}, `http://127.0.0.1:${port}/pictures`)).toMatchObject({
      status: 200,
    });
    expect(given[0]?.equals(photo)).toBe(true);
    host.close();
    host.closeAllConnections();
  });
});
