import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type RunningGateway, startGateway } from "../../support/gateways/gateway.ts";
import { ANY_SIZE_MODEL } from "../../support/gateways/scripted-gateway.ts";
import { ScriptedProvider } from "../../support/gateways/scripted-provider.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";
import { type Behaviour, type StrictImageApi, startStrictImageApi } from "../../support/vendors/strict-image-api.ts";

const GENERATE = `mutation ($input: GenerateImagesInput!) {
  generateImages(input: $input) { id status model { id } warnings { code } failure { code billed } images { width } }
}`;
const aliases = {
  sturdy: ["gpt-image-2", "small-1", "any-size-1"],
  narrow: ["gpt-image-2", "small-1"],
  brief: ["gpt-image-2", "leaving-1"],
};
const SMALL = { ...ANY_SIZE_MODEL, id: "small-1", maxImages: 1 };

const LEAVING = { ...ANY_SIZE_MODEL, id: "leaving-1", shutdownDate: "2026-12-01" };

const newDirectory = temporaryDirectories();
let api: StrictImageApi;
let second: ScriptedProvider;
let gateway: RunningGateway;

beforeEach(async () => {
  api = await startStrictImageApi();
  second = new ScriptedProvider([SMALL, ANY_SIZE_MODEL, LEAVING]);
  const modelsFile = join(await newDirectory(), "models.json");
  await writeFile(modelsFile, JSON.stringify({ aliases }));
  const openai = { apiKey: api.apiKey, baseUrl: api.baseUrl };
  gateway = await startGateway({
    modelsFile,
    openai,
    providers: [second],
    now: () => new Date("2026-11-24T10:00:00Z"),
  });
});

afterEach(async () => {
  await gateway.close();
  await api.close();
});

async function generate(input: object = {}) {
  const { body } = await gateway.graphql(GENERATE, { input: { prompt: "a fox", model: "sturdy", ...input } });
  return body.data.generateImages;
}

test("an alias uses its first model while nothing fails", async () => {
  expect(await generate()).toMatchObject({ status: "SUCCEEDED", model: { id: "gpt-image-2" }, warnings: [] });
  expect(second.requests).toEqual([]);
});

test("after an outage the next suitable model is used, and recorded before it is called", async () => {
  api.respondWith({ error: { status: 503 } });
  let recorded: unknown;
  const { script } = second;
  second.script = async function* (request, signal) {
    const { body } = await gateway.graphql("{ generations(first: 1) { edges { node { model { id } status } } } }");
    recorded = body.data.generations.edges[0].node;
    yield* script(request, signal);
  };
  expect(await generate({ n: 2, size: "96x64" })).toMatchObject({
    status: "SUCCEEDED",
    model: { id: "any-size-1" },
    warnings: [{ code: "MODEL_FELL_BACK" }],
    images: [{ width: 96 }, { width: 96 }],
  });
  expect(recorded).toEqual({ model: { id: "any-size-1" }, status: "RUNNING" });
  expect(second.requests).toEqual([expect.objectContaining({ model: "any-size-1", size: { width: 96, height: 64 } })]);
});

test("a fallback model without previews is asked for none, with a warning", async () => {
  api.respondWith({ error: { status: 503, headers: { "retry-after": "0" } } });
  expect(await generate({ partialImages: 2, size: "64x64" })).toMatchObject({
    status: "SUCCEEDED",
    model: { id: "small-1" },
    warnings: [{ code: "MODEL_FELL_BACK" }, { code: "PARTIAL_IMAGES_IGNORED" }],
  });
  expect(second.requests).toMatchObject([{ partialImages: 0 }]);
});

test("a fallback model that shuts down soon has its warning too", async () => {
  api.respondWith({ error: { status: 503, headers: { "retry-after": "0" } } });
  const answer = await fetch(`${gateway.url}/v1/images/generations`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ prompt: "a fox", model: "brief", size: "64x64", response_format: "url" }),
  });
  expect([answer.status, answer.headers.get("Sunset")]).toEqual([200, "Tue, 01 Dec 2026 00:00:00 GMT"]);
  expect(answer.headers.get("Warning")).toMatch(/was not available.*leaving-1 shuts down on 2026-12-01/);
});

test("a provider that cannot be reached counts as an outage", async () => {
  await api.close();
  expect(await generate()).toMatchObject({ status: "SUCCEEDED", model: { id: "small-1" } });
  api = await startStrictImageApi();
});

describe("no fallback model is used", () => {
  test.each<[string, Behaviour, object]>([
    ["after a refusal", "moderationBlocked", { code: "CONTENT_REJECTED", billed: "NO" }],
    ["after a charge that is not certain", "serverError", { code: "UPSTREAM_FAILED", billed: "UNKNOWN" }],
    ["after a call that broke off", "resetInBody", { code: "UPSTREAM_FAILED" }],
    ["from a limit", { rateLimited: { retryAfter: "60" } }, { code: "RATE_LIMITED", billed: "NO" }],
    ["from a budget that is used up", "billingLimit", { code: "BUDGET_EXCEEDED", billed: "NO" }],
    ["from a wrong key", "unauthorized", { code: "UPSTREAM_FAILED", billed: "NO" }],
  ])("%s", async (_what, behaviour, failure) => {
    api.respondWith(behaviour);
    expect(await generate()).toMatchObject({ status: "FAILED", model: { id: "gpt-image-2" }, failure, warnings: [] });
    expect(second.requests).toEqual([]);
  });

  test("if no model can do what was requested", async () => {
    api.respondWith({ error: { status: 503 } });
    const asked = { model: "narrow", n: 2, size: "64x64" };
    expect(await generate(asked)).toMatchObject({
      status: "FAILED",
      failure: { code: "UPSTREAM_FAILED", billed: "NO" },
    });
    expect(second.requests).toEqual([]);
  });
});
