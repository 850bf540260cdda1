import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { GatewayError } from "../../../../src/errors.ts";
import {
  asJson,
  asMultipart,
  asUrlencoded,
  type Fields,
  getImage,
  getImageAsJson,
} from "../../../support/clients/get-image-client.ts";
import { holdCalls, type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";
import { makeImages } from "../../../support/gateways/scripted-provider.ts";

const FIELDS = { prompt: "A red fox in the snow", n: "2", size: "64x64" };
const DAY_MS = 24 * 60 * 60 * 1000;
const GENERATE = `mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { id status images { url } } }`;

let gateway: ScriptedGateway;
let now: Date;
let keyCount = 0;
let key: string;

beforeAll(async () => {
  now = new Date();
  gateway = await startScriptedGateway({ now: () => now });
});

afterAll(() => gateway.close());

beforeEach(() => {
  key = `order-${++keyCount}`;
  gateway.provider.requests.length = 0;
  gateway.provider.script = makeImages;
});

const send = (fields: Fields = FIELDS) => getImageAsJson(gateway.url, fields, { "Idempotency-Key": key });

test("the same request again is answered with the same images, and is paid once", async () => {
  const first = await send();
  const again = await send();

  expect(again).toMatchObject({ status: 200, errorMessage: "OK" });
  expect(again.urlList.map(toImageId)).toEqual(first.urlList.map(toImageId));
  expect(gateway.provider.requests).toHaveLength(1);
});

test("the encoding of the request does not matter", async () => {
  const imageIds = new Set<string>();
  for (const encode of [asJson, asMultipart, asUrlencoded]) {
    const { body, contentType } = await encode(FIELDS);
    const { urlList } = await getImage(gateway.url, body, { "Content-Type": contentType, "Idempotency-Key": key });
    for (const url of urlList) imageIds.add(toImageId(url));
  }
  const { urlList } = await getImageAsJson(gateway.url, { ...FIELDS, n: 2 }, { "Idempotency-Key": key });
  for (const url of urlList) imageIds.add(toImageId(url));

  expect(imageIds.size).toBe(2);
  expect(gateway.provider.requests).toHaveLength(1);
});

test("simultaneous requests share one generation", async () => {
  const hold = holdCalls(gateway.provider);
  const answers = Array.from({ length: 20 }, () => send());
  await hold.called;
  hold.release();

  const lists = (await Promise.all(answers)).map((answer) => answer.urlList.map(toImageId).join());
  expect(new Set(lists).size).toBe(1);
  expect(lists[0]).toMatch(/^img_.*,img_/);
  expect(gateway.provider.requests).toHaveLength(1);
});

test("a client that was disconnected gets its images by the key", async () => {
  const hold = holdCalls(gateway.provider);
  const leaver = new AbortController();
  const left = fetch(`${gateway.url}/get-image`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": key },
    body: JSON.stringify(FIELDS),
    signal: leaver.signal,
  });
  await hold.called;
  leaver.abort();
  await expect(left).rejects.toThrow();
  hold.release();

  expect((await send()).urlList).toHaveLength(2);
  expect(gateway.provider.requests).toHaveLength(1);
});

test("a failed generation is not repeated under its key", async () => {
  gateway.provider.script = () => {
    throw new GatewayError("CONTENT_REJECTED", "the prompt was refused", { billed: "NO" });
  };
  const first = await send();
  gateway.provider.script = makeImages;
  const again = await send();

  expect([first.status, again.status]).toEqual([422, 422]);
  expect(again.text).toBe(first.text);
  expect(gateway.provider.requests).toHaveLength(1);
});

test.each([
  ["prompt", { ...FIELDS, prompt: "A red fox in the snow." }],
  ["n", { ...FIELDS, n: "3" }],
  ["size", { ...FIELDS, size: "64x65" }],
])("another %s under the same key is a conflict", async (_name, other) => {
  const first = await send();
  const conflict = await send(other);

  expect(conflict.status).toBe(409);
  expect(conflict.text).toBe(
    '{"urlResponse":{"urlList":[]},"errorMessage":"this idempotency key was used for another input; use a new key"}',
  );
  expect((await send()).urlList.map(toImageId)).toEqual(first.urlList.map(toImageId));
  expect(gateway.provider.requests).toHaveLength(1);
});

test("another input at the same time under the same key is a conflict too, and is not paid for", async () => {
  const hold = holdCalls(gateway.provider);
  const first = send();
  await hold.called;
  const conflict = await send({ ...FIELDS, n: "1" });
  hold.release();

  expect(conflict.status).toBe(409);
  expect((await first).status).toBe(200);
  expect(gateway.provider.requests).toHaveLength(1);
});

test("a refused request does not use up its key", async () => {
  expect((await send({ ...FIELDS, n: "11" })).status).toBe(400);
  expect((await send()).status).toBe(200);
});

test("requests without a key are independent", async () => {
  const [one, other] = [await getImageAsJson(gateway.url, FIELDS), await getImageAsJson(gateway.url, FIELDS)];

  expect(one.urlList.map(toImageId)).not.toEqual(other.urlList.map(toImageId));
  expect(gateway.provider.requests).toHaveLength(2);
});

test("the key is remembered for a day", async () => {
  const first = await send();
  const acceptedAt = now;
  now = new Date(acceptedAt.getTime() + DAY_MS - 1);
  const inTime = await send();
  now = new Date(acceptedAt.getTime() + DAY_MS);
  const late = await send({ ...FIELDS, prompt: "Another fox" });

  expect(inTime.urlList.map(toImageId)).toEqual(first.urlList.map(toImageId));
  expect(late.status).toBe(200);
  expect(late.urlList.map(toImageId)).not.toEqual(first.urlList.map(toImageId));
  expect(gateway.provider.requests).toHaveLength(2);
});

test("the header also works over GraphQL, where it finds the same generation", async () => {
  const { urlList } = await send();
  const input = { prompt: FIELDS.prompt, n: 2, size: FIELDS.size };
  const byHeader = await gateway.graphql(GENERATE, { input }, { "Idempotency-Key": key });
  const byField = await gateway.graphql(GENERATE, { input: { ...input, idempotencyKey: key } });

  for (const { body } of [byHeader, byField]) {
    const urls: string[] = body.data.generateImages.images.map((image: { url: string }) => image.url);
    expect(urls.map(toImageId)).toEqual(urlList.map(toImageId));
  }
  expect(gateway.provider.requests).toHaveLength(1);
});

function toImageId(url: string): string {
  return /img_[0-9a-z]{26}/.exec(url)?.[0] ?? "";
}
