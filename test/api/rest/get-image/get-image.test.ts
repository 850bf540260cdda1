import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { asJson, ENCODINGS, getImage, getImageAsJson } from "../../../support/clients/get-image-client.ts";
import { httpRequest } from "../../../support/clients/http-request.ts";
import { startGateway } from "../../../support/gateways/gateway.ts";
import {
  ANY_SIZE_MODEL,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../../support/gateways/scripted-gateway.ts";
import { makeImages, SCRIPTED_MODEL } from "../../../support/gateways/scripted-provider.ts";

/** The example in the document of 2022. */
const EXAMPLE = { prompt: "A cute asian girl with long hair smiling and looking at me", n: "2", size: "1024x1024" };
const SMALL = { prompt: "A red fox in the snow", n: "2", size: "64x96" };

let gateway: ScriptedGateway;

beforeAll(async () => {
  gateway = await startScriptedGateway({}, [ANY_SIZE_MODEL]);
});

afterAll(() => gateway.close());

beforeEach(() => {
  gateway.provider.requests.length = 0;
});

describe.each(ENCODINGS)("a %s body", (_name, encode) => {
  test.each([
    ["with its Content-Type", true],
    ["without a Content-Type", false],
  ])("%s is answered in the 2022 response shape, with images of exactly the requested size", async (_case, isNamed) => {
    const { body, contentType } = await encode(SMALL);

    const answer = await getImage(gateway.url, body, isNamed ? { "Content-Type": contentType } : {});

    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
    const [first, second] = answer.urlList;
    expect(answer.text).toBe(`{"urlResponse":{"urlList":["${first}","${second}"]},"errorMessage":"OK"}`);
    expect(first).not.toBe(second);
    expect(gateway.provider.requests).toMatchObject([{ prompt: SMALL.prompt, n: 2, size: { width: 64, height: 96 } }]);
    for (const [index, url] of answer.urlList.entries()) {
      expect(new URL(url).origin).toBe(gateway.url);
      await expectPng(url, 64, 96, index);
    }
  });
});

test("n may be a JSON number", async () => {
  const answer = await getImageAsJson(gateway.url, { ...SMALL, n: 3 });

  expect(answer.status).toBe(200);
  expect(answer.urlList).toHaveLength(3);
});

test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])("n of %i gives as many different images, in order", async (n) => {
  const { urlList } = await getImageAsJson(gateway.url, { ...SMALL, n: String(n) });

  expect(new Set(urlList).size).toBe(n);
  for (const [index, url] of urlList.entries()) await expectPng(url, 64, 96, index);
});

test("the images are in order even if the provider makes them in another order", async () => {
  gateway.provider.script = async function* backwards(request) {
    yield* (await Array.fromAsync(makeImages(request))).reverse();
  };
  const { urlList } = await getImageAsJson(gateway.url, { ...SMALL, n: "3" });
  gateway.provider.script = makeImages;

  for (const [index, url] of urlList.entries()) await expectPng(url, 64, 96, index);
});

test("fields the contract does not know are ignored", async () => {
  const answer = await getImageAsJson(gateway.url, { ...SMALL, model: "none", user: "u", response_format: "b64_json" });

  expect(answer.status).toBe(200);
  expect(gateway.provider.requests).toMatchObject([{ model: ANY_SIZE_MODEL.id }]);
});

test("the answer may not be cached, because its links expire", async () => {
  const { headers } = await getImageAsJson(gateway.url, SMALL);

  expect(headers["cache-control"]).toBe("no-store");
  expect(headers["x-content-type-options"]).toBe("nosniff");
  expect(headers["x-request-id"]).toMatch(/^req_[0-9a-z]{26}$/);
});

describe("with a model that makes only multiples of 16 pixels and at least 655,360 pixels", () => {
  let strict: ScriptedGateway;

  beforeAll(async () => {
    strict = await startScriptedGateway({}, [SCRIPTED_MODEL]);
  });

  afterAll(() => strict.close());

  test.each([
    [64, 64],
    [64, 192],
    [100, 300],
    [65, 67],
    [256, 256],
    [512, 512],
    [511, 1023],
    [1000, 1000],
    [1024, 1024],
    [1792, 1024],
    [1024, 1792],
    [1280, 3840],
    [3840, 1280],
    [3840, 2160],
    [3839, 2159],
    [2880, 2880],
    [3840, 3840],
  ])("an image has exactly %ix%i pixels", async (width, height) => {
    strict.provider.requests.length = 0;

    const answer = await getImageAsJson(strict.url, { prompt: "x", n: "1", size: `${width}x${height}` });

    expect(answer).toMatchObject({ status: 200, errorMessage: "OK" });
    await expectPng(answer.urlList[0] ?? "", width, height, 0);
    const [asked] = strict.provider.requests;
    const made = asked?.size ?? { width: 0, height: 0 };
    expect([made.width % 16, made.height % 16]).toEqual([0, 0]);
    expect(made.width * made.height).toBeGreaterThanOrEqual(655_360);
    expect(made.width * made.height).toBeLessThanOrEqual(8_294_400);
    expect(Math.max(made.width, made.height)).toBeLessThanOrEqual(3840);
    expect(Math.max(made.width, made.height)).toBeLessThanOrEqual(3 * Math.min(made.width, made.height));
    const isCoverable = Math.ceil(width / 16) * Math.ceil(height / 16) * 256 <= 8_294_400;
    if (isCoverable) {
      expect(made.width).toBeGreaterThanOrEqual(width);
      expect(made.height).toBeGreaterThanOrEqual(height);
    }
  });
});

test("a new gateway answers the example in the documentation with two images of its own", async () => {
  const fresh = await startGateway();
  try {
    const { body } = await asJson(EXAMPLE);
    const answer = await getImage(fresh.url, body);

    expect(answer).toMatchObject({ status: 200, errorMessage: "OK" });
    const pictures = await Promise.all(answer.urlList.map(async (url) => (await httpRequest(url)).body));
    expect(pictures).toHaveLength(2);
    expect(pictures[0]?.equals(pictures[1] ?? Buffer.alloc(0))).toBe(false);
    for (const picture of pictures) {
      const { width, height, format } = await sharp(picture).metadata();
      const { entropy } = await sharp(picture).stats();
      expect({ width, height, format }).toEqual({ width: 1024, height: 1024, format: "png" });
      expect(entropy).toBeGreaterThan(1);
    }
  } finally {
    await fresh.close();
  }
});

/** Loads an image as an `<img>` would, and returns the index that its plain colour stands for. */
async function expectPng(url: string, width: number, height: number, index: number): Promise<void> {
  const answer = await httpRequest(url);
  expect(answer.status).toBe(200);
  expect(answer.headers["content-type"]).toBe("image/png");
  expect(answer.headers["content-disposition"]).toBe("inline");
  const { data, info } = await sharp(answer.body).raw().toBuffer({ resolveWithObject: true });
  expect((await sharp(answer.body).metadata()).format).toBe("png");
  expect([info.width, info.height]).toEqual([width, height]);
  expect([...data.subarray(0, 3)]).toEqual([20 * index, 200 - 15 * index, 90]);
}
