import { afterEach, describe, expect, test } from "@jest/globals";
import type { GatewayOptions } from "../../../src/gateway.ts";
import {
  ANY_SIZE_MODEL,
  holdCalls,
  poll,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../support/gateways/scripted-gateway.ts";
import { makeImages } from "../../support/gateways/scripted-provider.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";

const GENERATE = "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { id status } }";
const CANCEL = "mutation ($id: ID!) { cancelGeneration(id: $id) { status } }";
const READ = "query ($id: ID!) { generation(id: $id) { status } }";

const PAID = { ...ANY_SIZE_MODEL, id: "paid-1" };
const FREE = {
  ...ANY_SIZE_MODEL,
  id: "free-1",
  prices: [{ from: "2026-01-01", source: "a test", perImage: "0.00" }],
};

const newDirectory = temporaryDirectories();
const running: ScriptedGateway[] = [];

afterEach(async () => {
  for (const gateway of running.splice(0)) await gateway.close();
});

async function start(options: GatewayOptions): Promise<ScriptedGateway> {
  const gateway = await startScriptedGateway(options, [PAID, FREE]);
  running.push(gateway);
  return gateway;
}

/** Accepts a generation and does not wait for it. */
async function accept(gateway: ScriptedGateway, input: object = {}): Promise<string> {
  const { body } = await gateway.graphql(GENERATE, {
    input: { prompt: "a fox", size: "64x64", waitSeconds: 0, ...input },
  });
  return body.data.generateImages.id;
}

async function finish(gateway: ScriptedGateway, input: object = {}): Promise<string> {
  const { body } = await gateway.graphql(GENERATE, { input: { prompt: "a fox", size: "64x64", ...input } });
  return body.data.generateImages.status;
}

async function statusOf(gateway: ScriptedGateway, id: string): Promise<string> {
  return (await gateway.graphql(READ, { id })).body.data.generation.status;
}

async function cancel(gateway: ScriptedGateway, id: string): Promise<void> {
  await gateway.graphql(CANCEL, { id });
}

describe("a canceled call", () => {
  test("keeps its place, so that a loop of generating and canceling makes no more calls than there are places", async () => {
    const gateway = await start({ maxConcurrency: 2 });
    const { called } = holdCalls(gateway.provider);
    for (let i = 0; i < 30; i++) {
      const id = await accept(gateway, { prompt: `fox ${i}` });
      await called;
      await cancel(gateway, id);
      expect(await statusOf(gateway, id)).toBe("CANCELED");
    }

    expect(gateway.provider.requests).toHaveLength(2);
  });

  test("keeps its place as long as calls of its model usually take", async () => {
    const gateway = await start({ maxConcurrency: 1 });
    await finish(gateway);
    const hold = holdCalls(gateway.provider);
    const id = await accept(gateway);
    await hold.called;
    await cancel(gateway, id);
    gateway.provider.script = makeImages;

    expect(await finish(gateway)).toBe("SUCCEEDED");
  });

  test("keeps its place until its provider has ended the call", async () => {
    const gateway = await start({ maxConcurrency: 1 });
    await finish(gateway);
    const released = Promise.withResolvers<void>();
    const called = Promise.withResolvers<void>();
    gateway.provider.script = async function* (request) {
      called.resolve();
      await released.promise;
      yield* makeImages(request);
    };
    const id = await accept(gateway);
    await called.promise;
    await cancel(gateway, id);
    gateway.provider.script = makeImages;
    const next = await accept(gateway, { prompt: "the next one" });
    expect(await statusOf(gateway, next)).toBe("QUEUED");
    expect(gateway.provider.requests).toHaveLength(2);
    released.resolve();

    expect(
      await poll(
        () => statusOf(gateway, next),
        (status) => status === "SUCCEEDED",
      ),
    ).toBe("SUCCEEDED");
  });

  test("frees its place immediately if calls are free", async () => {
    const gateway = await start({ maxConcurrency: 1 });
    const hold = holdCalls(gateway.provider);
    const id = await accept(gateway, { model: "free-1" });
    await hold.called;
    await cancel(gateway, id);
    gateway.provider.script = makeImages;

    expect(await finish(gateway)).toBe("SUCCEEDED");
  });

  test("frees its place when the gateway stops", async () => {
    const gateway = await start({ maxConcurrency: 1 });
    const { called } = holdCalls(gateway.provider);
    const id = await accept(gateway);
    const waiting = await accept(gateway);
    await called;
    await cancel(gateway, id);
    expect(await statusOf(gateway, waiting)).toBe("QUEUED");

    await gateway.stop();
    expect(gateway.provider.requests).toHaveLength(1);
  });
});

describe("images above the limit per minute", () => {
  test("wait in the queue while free models continue, and can be canceled", async () => {
    const gateway = await start({ maxImagesPerMinute: 10 });
    expect(await finish(gateway, { n: 10 })).toBe("SUCCEEDED");
    const [first, second] = [await accept(gateway, { n: 2 }), await accept(gateway)];
    for (let i = 0; i < 2; i++) expect(await finish(gateway, { n: 10, model: "free-1" })).toBe("SUCCEEDED");
    expect([await statusOf(gateway, first), await statusOf(gateway, second)]).toEqual(["QUEUED", "QUEUED"]);
    await cancel(gateway, first);

    expect(await statusOf(gateway, first)).toBe("CANCELED");
    expect(gateway.provider.requests.filter(({ model }) => model === "paid-1")).toHaveLength(1);
  });

  test("stay queued when the gateway stops, and are made after the next start", async () => {
    const dataDir = await newDirectory();
    const before = await start({ dataDir, maxImagesPerMinute: 10 });
    await finish(before, { n: 9 });
    const id = await accept(before, { n: 2 });
    expect(await statusOf(before, id)).toBe("QUEUED");
    await before.stop();

    const after = await start({ dataDir });
    expect(
      await poll(
        () => statusOf(after, id),
        (status) => status !== "QUEUED" && status !== "RUNNING",
      ),
    ).toBe("SUCCEEDED");
    expect(before.provider.requests).toHaveLength(1);
  });

  test("each count against the limit", async () => {
    const gateway = await start({ maxImagesPerMinute: 10 });
    for (let i = 0; i < 10; i++) expect(await finish(gateway)).toBe("SUCCEEDED");
    const next = await accept(gateway);
    expect(await finish(gateway, { model: "free-1" })).toBe("SUCCEEDED");
    expect(await statusOf(gateway, next)).toBe("QUEUED");
  });
});

describe("the only place", () => {
  test("is free again after requests that start nothing", async () => {
    const gateway = await start({ maxConcurrency: 1, dailyBudget: { usd: "20", isDefault: false } });
    const free = { model: FREE.id, idempotencyKey: "a key" };
    expect(await finish(gateway, free)).toBe("SUCCEEDED");
    // A repetition, another input under the same key, and a model whose cost is not known.
    for (const input of [free, { ...free, prompt: "a hen" }, { model: PAID.id }]) {
      await gateway.graphql(GENERATE, { input: { prompt: "a fox", size: "64x64", ...input } });
    }

    expect(gateway.provider.requests).toHaveLength(1);
    expect(await finish(gateway, { model: FREE.id })).toBe("SUCCEEDED");
  });
});
