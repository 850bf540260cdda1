import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { getImageAsJson } from "../support/clients/get-image-client.ts";
import { generateImages, graphql } from "../support/clients/graphql-client.ts";
import { follow, overStream } from "../support/clients/live-clients.ts";
import { poll } from "../support/gateways/scripted-gateway.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/processes/gateway-process.ts";
import { pictureStream } from "../support/vendors/picture-stream.ts";
import { type StrictImageApi, startStrictImageApi } from "../support/vendors/strict-image-api.ts";
import { type DistributedGround, distributedGround } from "./chaos/chaos-ground.ts";

/** For starting and stopping real processes, whose helpers have their own limits. */
const TIMEOUT_MS = 120_000;
const FIELDS = { prompt: "a fox", n: "1", size: "256x256" };
const INPUT = { prompt: "a fox", size: "256x256" };

let ground: DistributedGround;
let api: StrictImageApi;
/** Accepts, waits and serves; only the other one runs what it accepts. */
let web: GatewayProcess;
let runner: GatewayProcess;

beforeAll(async () => {
  ground = await distributedGround();
  api = await startStrictImageApi();
  [web, runner] = await Promise.all([start(0, "web"), start(1, "all")]);
}, TIMEOUT_MS);

afterAll(async () => {
  await Promise.all([web.stop(), runner.stop()]);
  await api.close();
  await ground[Symbol.asyncDispose]();
}, TIMEOUT_MS);

let callsBefore: number;

beforeEach(() => {
  callsBefore = api.callCount;
});

const callCount = () => api.callCount - callsBefore;

function start(index: number, role: "web" | "worker" | "all"): Promise<GatewayProcess> {
  const provider = { OPENAI_API_KEY: api.apiKey, OPENAI_BASE_URL: api.baseUrl, PICTOGRAPH_MAX_CONCURRENCY: "1" };
  return startGatewayProcess({ env: { ...ground.env(index), ...provider, PICTOGRAPH_ROLE: role } });
}

async function keysOf(generationId: string): Promise<readonly string[]> {
  return (await ground.storedKeys()).filter((key) => key.startsWith(`${generationId}/`));
}

async function act(name: "cancelGeneration" | "deleteGeneration", id: string): Promise<unknown> {
  const fields = name === "cancelGeneration" ? " { status failure { code billed } }" : "";
  const { data, errors } = await graphql(web.url, `mutation ($id: ID!) { answer: ${name}(id: $id)${fields} }`, { id });
  if (errors) throw new Error(JSON.stringify(errors));
  return data.answer;
}

test("a hundred simultaneous requests with one key, to two processes over both APIs, make one call and get the same image", async () => {
  const hold = api.holdNext();
  const overRest = Array.from({ length: 50 }, (_, index) =>
    getImageAsJson((index % 2 ? web : runner).url, FIELDS, { "Idempotency-Key": "k" }),
  );
  const overGraphQL = Array.from({ length: 50 }, (_, index) =>
    generateImages((index % 2 ? web : runner).url, { ...INPUT, idempotencyKey: "k" }),
  );
  await hold.arrived;
  hold.release();

  const urls = [
    ...(await Promise.all(overRest)).flatMap(({ urlList }) => urlList),
    ...(await Promise.all(overGraphQL)).flatMap(({ images }) => images.map(({ url }) => url)),
  ];
  expect(urls).toHaveLength(100);
  expect(new Set(urls.map((url) => /img_[0-9a-z]{26}/.exec(url)?.[0])).size).toBe(1);
  expect(callCount()).toBe(1);
});

describe("a generation that another process runs", () => {
  test("is aborted when it is canceled; one that waits behind it and is canceled is never submitted", async () => {
    const hold = api.holdNext();
    const running = await generateImages(web.url, { ...INPUT, waitSeconds: 0 });
    const request = await hold.arrived;
    const waiting = await generateImages(web.url, { ...INPUT, prompt: "a badger", waitSeconds: 0 });

    expect(await act("cancelGeneration", waiting.id)).toEqual({ status: "CANCELED", failure: null });
    expect(await act("cancelGeneration", running.id)).toEqual({
      status: "CANCELED",
      failure: { code: "INTERRUPTED", billed: "UNKNOWN" },
    });
    expect(await request.closed).toBe("disconnected");
    hold.release();
    // An effect of the canceled ones would come before the end of those accepted after them.
    expect(await generateImages(web.url, { ...INPUT, prompt: "a crow" })).toMatchObject({ status: "SUCCEEDED" });
    expect(api.requests.slice(callsBefore).map(({ body }) => body?.prompt)).toEqual(["a fox", "a crow"]);
  });

  test("leaves no record, image, derivative or preview when it is deleted", async () => {
    const seen = Promise.withResolvers<void>();
    api.queue({ raw: { headers: { "content-type": "text/event-stream" }, body: pictureStream(seen.promise) } });
    const { id } = await generateImages(web.url, { ...INPUT, partialImages: 2, waitSeconds: 0 });
    for await (const { partialIndex } of follow(overStream, web.url, id)) if (partialIndex === 1) seen.resolve();
    const text = "query ($id: ID!) { generation(id: $id) { images { url derivative: url(width: 64) } } }";
    const { data } = await graphql(web.url, text, { id });
    const [{ url, derivative }] = data.generation.images;
    for (const address of [url, derivative]) expect((await fetch(address)).status).toBe(200);
    // The provider's image, the delivered one, a derivative, and two previews.
    await poll(
      () => keysOf(id),
      (keys) => keys.length === 5,
    );

    expect(await act("deleteGeneration", id)).toBe(id);
    expect((await graphql(runner.url, text, { id })).data.generation).toBeNull();
    expect(await keysOf(id)).toEqual([]);
    for (const address of [url, derivative]) expect((await fetch(address)).status).toBe(404);
  });
});

describe("when the process that ran everything dies", () => {
  let third: GatewayProcess | undefined;

  afterEach(() => third?.stop(), TIMEOUT_MS);

  test(
    "another one runs what waited, and every process reports submitted generations as interrupted",
    async () => {
      const hold = api.holdNext();
      const inHand = generateImages(web.url, { ...INPUT, prompt: "in hand", idempotencyKey: "in hand" });
      const { closed } = await hold.arrived;
      const waiting = getImageAsJson(web.url, { ...FIELDS, prompt: "waiting" }, { "Idempotency-Key": "waiting" });
      await poll(
        () => graphql(web.url, "{ generations(status: QUEUED) { edges { node { prompt } } } }"),
        ({ data }) => data.generations.edges.length === 1,
      );
      await runner.kill();
      expect(await closed).toBe("disconnected");
      hold.release();
      third = await start(2, "worker");

      expect(await inHand).toMatchObject({ status: "FAILED", failure: { code: "INTERRUPTED", billed: "UNKNOWN" } });
      expect(await waiting).toMatchObject({ status: 200, errorMessage: "OK" });
      expect((await fetch((await waiting).urlList[0] ?? "")).status).toBe(200);
      expect(api.requests.slice(callsBefore).map(({ body }) => body?.prompt)).toEqual(["in hand", "waiting"]);
    },
    TIMEOUT_MS,
  );
});
