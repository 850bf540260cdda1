import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { type RunningGateway, startGateway } from "../support/gateways/gateway.ts";
import { plainImage } from "../support/gateways/scripted-provider.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";
import { type CompatibleServer, startCompatibleServer } from "../support/vendors/compatible-server.ts";

const newDirectory = temporaryDirectories();
const GENERATE = `mutation ($input: GenerateImagesInput!) { generateImages(input: $input) {
  id status model { id provider } images { id width height } failure { code message } warnings { code message }
} }`;
const EDIT = "mutation ($input: EditImagesInput!) { editImages(input: $input) { status } }";
const VARIABLES = ["TEST_KEY_OF_ONE", "TEST_KEY_OF_TWO", "TEST_KEY_OF_TWO_FILE"];

let one: CompatibleServer;
let two: CompatibleServer;
let gateway: RunningGateway | undefined;

beforeEach(async () => {
  const image = (await plainImage(64, 64, 1, "PNG")).toString("base64");
  one = await startCompatibleServer();
  two = await startCompatibleServer();
  for (const server of [one, two]) server.answer = () => ({ body: JSON.stringify({ data: [{ b64_json: image }] }) });
});

afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
  await one.close();
  await two.close();
  for (const name of VARIABLES) delete process.env[name];
});

async function start(models: object, providers: object = {}): Promise<RunningGateway> {
  const directory = await newDirectory();
  const modelsFile = join(directory, "models.json");
  const content = {
    providers: {
      one: { kind: "openai", baseUrl: one.baseUrl, keyVariable: "TEST_KEY_OF_ONE" },
      two: { kind: "openai", baseUrl: two.baseUrl },
      ...providers,
    },
    models,
  };
  await writeFile(modelsFile, JSON.stringify(content));
  gateway = await startGateway({ modelsFile, defaultModel: Object.keys(models)[0] ?? "" });
  return gateway;
}

const SIZES = { sizes: ["64x64"], prices: [{ from: "2026-01-01", source: "a test", perImage: "0" }] };

async function generate({ graphql }: RunningGateway, model: string) {
  const { body } = await graphql(GENERATE, { input: { prompt: `a fox for ${model}`, size: "64x64", model } });
  return body.data.generateImages;
}

test("two servers of one kind have their own keys, names and required parameters", async () => {
  process.env.TEST_KEY_OF_ONE = "key-1";
  const keyFile = join(await newDirectory(), "key");
  await writeFile(keyFile, "key-2\n");
  process.env.TEST_KEY_OF_TWO_FILE = keyFile;
  const running = await start(
    {
      first: { provider: "one", model: "sdxl", ...SIZES, omit: ["size", "quality", "response_format"] },
      second: {
        provider: "two",
        model: "sdxl",
        ...SIZES,
        operations: ["GENERATE", "EDIT"],
        omit: ["output_format"],
        send: { response_format: "b64_json", steps: 20, tiling: false },
      },
    },
    { two: { kind: "openai", baseUrl: two.baseUrl, keyVariable: "TEST_KEY_OF_TWO" } },
  );
  expect(await generate(running, "first")).toMatchObject({
    status: "SUCCEEDED",
    model: { id: "first", provider: "one" },
    images: [{ width: 64, height: 64 }],
    warnings: [],
  });
  const made = await generate(running, "second");
  expect(made).toMatchObject({ status: "SUCCEEDED", model: { id: "second", provider: "two" }, warnings: [] });
  expect(one.calls).toEqual([
    expect.objectContaining({
      authorization: "Bearer key-1",
      body: { model: "sdxl", prompt: "a fox for first", n: 1, output_format: "png" },
    }),
  ]);
  const sent = { quality: "auto", size: "64x64", response_format: "b64_json", steps: 20, tiling: false };
  expect(two.calls).toEqual([
    expect.objectContaining({
      authorization: "Bearer key-2",
      body: { model: "sdxl", prompt: "a fox for second", n: 1, ...sent },
    }),
  ]);

  two.forget();
  const input = { prompt: "bluer", model: "second", images: [{ id: made.images[0].id }] };
  const { body } = await running.graphql(EDIT, { input });
  expect(body.data.editImages).toEqual({ status: "SUCCEEDED" });
  const [edit] = two.calls;
  expect(edit?.path).toBe("/v1/images/edits");
  const fields = Object.fromEntries(
    [...(edit?.text ?? "").matchAll(/name="(\w+)"\r\n\r\n(.*?)\r\n/g)].map(([, name, value]) => [name, value]),
  );
  expect(fields).toEqual({
    model: "sdxl",
    prompt: "bluer",
    n: "1",
    quality: "auto",
    size: "64x64",
    response_format: "b64_json",
    steps: "20",
    tiling: "false",
  });
});

test("a parameter that the operator sets is always sent, even if the server refuses it", async () => {
  process.env.TEST_KEY_OF_ONE = "key-1";
  const running = await start({
    first: { provider: "one", ...SIZES, send: { response_format: "b64_json" } },
    second: { provider: "two", ...SIZES },
  });
  one.answer = () => ({ status: 400, body: '{"error":{"param":"response_format","message":"unknown parameter"}}' });
  expect(await generate(running, "first")).toMatchObject({ status: "FAILED", failure: { code: "UPSTREAM_FAILED" } });
  expect(one.calls).toHaveLength(1);
});

test("a server that keeps failing is paused, and the other one continues", async () => {
  process.env.TEST_KEY_OF_ONE = "key-1";
  const running = await start({ first: { provider: "one", ...SIZES }, second: { provider: "two", ...SIZES } });
  one.answer = () => ({ status: 500, body: "{}" });
  for (let failures = 0; failures < 5; failures++) await generate(running, "first");
  const calls = one.calls.length;
  const { failure } = await generate(running, "first");
  expect(failure.message).toMatch(/the provider one failed 5 times in a row/);
  expect(one.calls).toHaveLength(calls);
  expect(await generate(running, "second")).toMatchObject({ status: "SUCCEEDED" });
});

test("a provider has its own time limit", async () => {
  process.env.TEST_KEY_OF_ONE = "key-1";
  const silent = { kind: "openai", baseUrl: two.baseUrl, timeoutSeconds: 1 };
  const running = await start(
    { first: { provider: "one", ...SIZES }, second: { provider: "two", ...SIZES } },
    { two: silent },
  );
  two.isSilent = true;
  expect(await generate(running, "second")).toMatchObject({
    status: "FAILED",
    failure: { code: "UPSTREAM_TIMEOUT" },
  });
  expect(await generate(running, "first")).toMatchObject({ status: "SUCCEEDED" });
});

test("an OpenAI model on another server keeps its abilities and has no price", async () => {
  process.env.TEST_KEY_OF_ONE = "key-1";
  const { graphql } = await start({
    azure: { provider: "one", model: "gpt-image-2" },
    "gpt-image-2": { provider: "two", maxImages: 2 },
  });
  const { body } = await graphql("{ models { id provider maxImages operations streams price { source } } }");
  const byId = new Map(body.data.models.map((model: { id: string }) => [model.id, model]));
  const both = { operations: ["GENERATE", "EDIT"], streams: true, price: null };
  expect(byId.get("azure")).toEqual({ id: "azure", provider: "one", maxImages: 10, ...both });
  expect(byId.get("gpt-image-2")).toEqual({ id: "gpt-image-2", provider: "two", maxImages: 2, ...both });
});

test("a missing key prevents the start, and the error names its variable", async () => {
  const models = { first: { provider: "one", ...SIZES }, second: { provider: "two", ...SIZES } };
  await expect(start(models)).rejects.toThrow(/^TEST_KEY_OF_ONE must be set: it holds the key of a provider/);
});
