import { afterEach, describe, expect, test } from "@jest/globals";
import type { GatewayOptions } from "../../../src/gateway.ts";
import { getImageAsJson } from "../../support/clients/get-image-client.ts";
import { type RunningGateway, startGateway } from "../../support/gateways/gateway.ts";
import { type HeldCall, type StrictImageApi, startStrictImageApi } from "../../support/vendors/strict-image-api.ts";

const GENERATE =
  "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { id status images { id } } }";
const FIELDS = { prompt: "a fox", n: "1", size: "256x256" };
const INPUT = { prompt: "a fox", size: "256x256" };

let api: StrictImageApi;
let gateway: RunningGateway;

async function start(options: GatewayOptions): Promise<void> {
  api = await startStrictImageApi();
  const openai = { apiKey: api.apiKey, baseUrl: api.baseUrl };
  gateway = await startGateway({ openai, defaultModel: "gpt-image-2.6-flare", ...options });
}

afterEach(async () => {
  await gateway.close();
  await api.close();
});

async function generate(input: object) {
  const { status, body } = await gateway.graphql(GENERATE, { input: { ...INPUT, ...input } });
  return { status, generation: body.data?.generateImages, error: body.errors?.[0] };
}

describe("a gateway whose only place and queue of two are full", () => {
  let hold: HeldCall;

  async function fill(): Promise<void> {
    await start({ maxConcurrency: 1, maxQueued: 2 });
    hold = api.holdNext();
    await generate({ idempotencyKey: "running", waitSeconds: 0 });
    await hold.arrived;
    for (const idempotencyKey of ["first", "second"]) await generate({ idempotencyKey, waitSeconds: 0 });
  }

  test("refuses another request over REST, and says when to try again", async () => {
    await fill();
    const answer = await getImageAsJson(gateway.url, FIELDS);

    expect(answer).toMatchObject({ status: 503, urlList: [] });
    expect(answer.errorMessage).toMatch(/^2 generations are waiting already; /);
    expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
    expect(answer.text).toBe(JSON.stringify({ urlResponse: { urlList: [] }, errorMessage: answer.errorMessage }));
    hold.release();
  });

  test("refuses another request over GraphQL, and says when to try again", async () => {
    await fill();
    const { generation, error } = await generate({ waitSeconds: 0 });

    expect(generation ?? null).toBeNull();
    expect(error).toMatchObject({
      message: expect.stringMatching(/^2 generations are waiting already; /),
      extensions: { code: "OVERLOADED", retryAfterSeconds: expect.any(Number) },
    });
    hold.release();
  });

  test("accepts a repeated request by its key, over both APIs", async () => {
    await fill();
    const again = await generate({ idempotencyKey: "second", waitSeconds: 0 });
    const overRest = getImageAsJson(gateway.url, FIELDS, { "Idempotency-Key": "first" });
    hold.release();

    expect(again.generation).toMatchObject({ status: "QUEUED" });
    expect(await overRest).toMatchObject({ status: 200, errorMessage: "OK" });
    expect((await generate({ idempotencyKey: "second" })).generation).toEqual({
      id: again.generation.id,
      status: "SUCCEEDED",
      images: [{ id: expect.any(String) }],
    });
    expect(api.callCount).toBe(3);
  });

  test("keeps nothing of a refused request, whose key can be used again", async () => {
    await fill();
    expect((await generate({ idempotencyKey: "third", waitSeconds: 0 })).error).toBeDefined();
    hold.release();
    await generate({ idempotencyKey: "second" });

    const other = await generate({ idempotencyKey: "third", prompt: "a badger" });
    expect(other.generation).toMatchObject({ status: "SUCCEEDED" });
    const { body } = await gateway.graphql("{ generations { edges { node { id } } } }");
    expect(body.data.generations.edges).toHaveLength(4);
    expect(api.callCount).toBe(4);
  });
});

test("the gateway makes as many calls as it may, and no more", async () => {
  await start({ maxConcurrency: 3 });
  const holds = Array.from({ length: 9 }, () => api.holdNext());
  const answers = Array.from({ length: 9 }, () => generate({}));
  const inFlight = new Set<number>();
  let most = 0;
  for (const [index, hold] of holds.entries()) {
    void hold.arrived.then((request) => {
      most = Math.max(most, inFlight.add(index).size);
      void request.closed.then(() => inFlight.delete(index));
    });
  }
  for (const [index, hold] of holds.entries()) {
    if (index === 0) await Promise.all(holds.slice(0, 3).map(({ arrived }) => arrived));
    await hold.arrived;
    hold.release();
  }

  expect((await Promise.all(answers)).map(({ generation }) => generation.status)).toEqual(Array(9).fill("SUCCEEDED"));
  expect(most).toBe(3);
});

test("a hundred simultaneous requests with one key, over both APIs, make one call and get the same images", async () => {
  await start({});
  const hold = api.holdNext();
  const overRest = Array.from({ length: 50 }, () => getImageAsJson(gateway.url, FIELDS, { "Idempotency-Key": "k" }));
  const overGraphQL = Array.from({ length: 50 }, () => generate({ idempotencyKey: "k" }));
  await hold.arrived;
  hold.release();

  const lists = [
    ...(await Promise.all(overRest)).map(({ urlList }) => urlList.map((url) => /img_[0-9a-z]{26}/.exec(url)?.[0])),
    ...(await Promise.all(overGraphQL)).map(({ generation }) => generation.images.map(({ id }: { id: string }) => id)),
  ];
  expect(lists).toHaveLength(100);
  expect(new Set(lists.map((list) => list.join())).size).toBe(1);
  expect(lists[0]).toEqual([expect.stringMatching(/^img_/)]);
  expect(api.callCount).toBe(1);
});

test("a client that disconnects has no effect: its images are made, stored and found by the key", async () => {
  await start({});
  const hold = api.holdNext();
  const leaver = new AbortController();
  const left = fetch(`${gateway.url}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query: GENERATE, variables: { input: { ...INPUT, idempotencyKey: "k" } } }),
    signal: leaver.signal,
  });
  const request = await hold.arrived;
  leaver.abort();
  await expect(left).rejects.toThrow();
  hold.release();

  expect(await request.closed).toBe("finished");
  expect((await generate({ idempotencyKey: "k" })).generation).toMatchObject({
    status: "SUCCEEDED",
    images: [{ id: expect.any(String) }],
  });
  expect(api.callCount).toBe(1);
});
