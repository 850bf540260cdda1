import { once as onceOf } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { MockImageModelV4 } from "ai/test";
import { createAiSdk } from "../../../src/adapters/ai-sdk/ai-sdk.ts";
import type { AiSdkModel } from "../../../src/adapters/ai-sdk/ai-sdk-model.ts";
import { GatewayError } from "../../../src/errors.ts";
import type { GenerateRequest, ImageProvider, ProviderEvent, SourceImage } from "../../../src/ports/image-provider.ts";
import { startGateway } from "../../support/gateways/gateway.ts";
import { once, plainImage } from "../../support/gateways/scripted-provider.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";

const newDirectory = temporaryDirectories();
const REQUEST: GenerateRequest = {
  model: "flux",
  prompt: "a fox",
  n: 2,
  size: { width: 1536, height: 1024 },
  quality: "AUTO",
  format: "PNG",
  background: "AUTO",
  seed: 7,
  partialImages: 0,
};
const ENTRY: AiSdkModel = { id: "flux", package: "@ai-sdk/test", model: "the-model", changes: { hasSeed: true } };

async function read(provider: ImageProvider, request = REQUEST, signal = new AbortController().signal) {
  const read: unknown[] = [];
  for await (const event of provider.generate(request, signal)) read.push(await flatten(event));
  return read;
}

async function flatten(event: ProviderEvent): Promise<unknown> {
  if (event.type === "usage") return event.usage;
  const parts: Uint8Array[] = [];
  for await (const part of event.bytes) parts.push(part);
  return [event.index, Buffer.concat(parts).toString()];
}

async function failureOf(provider: ImageProvider): Promise<GatewayError> {
  const error = await read(provider).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(GatewayError);
  return error as GatewayError;
}

type Mock = ConstructorParameters<typeof MockImageModelV4>[0];

function mocked(mock: Mock, entry: AiSdkModel = ENTRY): Promise<ImageProvider> {
  const model = new MockImageModelV4(mock);
  return createAiSdk([entry], { load: async () => ({ createTest: () => ({ imageModel: () => model }) }) });
}

const RESPONSE = { timestamp: new Date(0), modelId: "the-model", headers: {} };

describe("with the AI SDK's test model", () => {
  test("one call requests exactly what was planned, and images are read in either form", async () => {
    const calls: unknown[] = [];
    const provider = await mocked({
      maxImagesPerCall: 4,
      doGenerate: async (options) => {
        calls.push(options);
        const images = [Buffer.from("one").toString("base64"), Buffer.from("two").toString("base64"), "AAAA"];
        const usage = { inputTokens: 3, outputTokens: 4, totalTokens: 7 };
        return { images, warnings: [], response: RESPONSE, usage };
      },
    });
    expect(provider.models).toEqual([expect.objectContaining({ id: "flux", provider: "ai-sdk", maxImages: 4 })]);
    expect(await read(provider)).toEqual([[0, "one"], [1, "two"], { inputTokens: 3, outputTokens: 4, totalTokens: 7 }]);
    expect(calls).toEqual([
      expect.objectContaining({ prompt: "a fox", n: 2, size: "1536x1024", aspectRatio: undefined, seed: 7 }),
    ]);
  });

  test("a model that knows only aspect ratios gets one", async () => {
    const calls: { readonly size?: unknown; readonly aspectRatio?: unknown }[] = [];
    const doGenerate = async (options: object) => {
      calls.push(options);
      return { images: [new Uint8Array([1])], warnings: [], response: RESPONSE };
    };
    await read(await mocked({ doGenerate }, { ...ENTRY, asksFor: "aspectRatio" }));
    expect(calls[0]).toMatchObject({ size: undefined, aspectRatio: "3:2" });
  });

  test("a model with fixed aspect ratios and resolutions gets the nearest", async () => {
    const calls: object[] = [];
    const doGenerate = async (options: object) => {
      calls.push(options);
      return { images: [new Uint8Array([1])], warnings: [], response: RESPONSE };
    };
    const tier = (imageSize: string) => ({ test: { imageConfig: { imageSize } } });
    const provider = await mocked(
      { doGenerate },
      {
        ...ENTRY,
        asksFor: ["1:1", "3:4", "2:3", "16:9"],
        tiers: [
          { sizes: [{ width: 864, height: 1184 }], providerOptions: tier("1K") },
          { sizes: [{ width: 2752, height: 1536 }], providerOptions: tier("2K") },
        ],
        providerOptions: { test: { watermark: false, imageConfig: { person: "any" } } },
        qualityOptions: { HIGH: { test: { steps: 50 } } },
      },
    );
    await read(provider, { ...REQUEST, size: { width: 864, height: 1184 } });
    await read(provider, { ...REQUEST, size: { width: 2752, height: 1536 }, quality: "HIGH" });
    const first = { watermark: false, imageConfig: { person: "any", imageSize: "1K" } };
    const second = { watermark: false, imageConfig: { person: "any", imageSize: "2K" }, steps: 50 };
    expect(calls).toEqual([
      expect.objectContaining({ size: undefined, aspectRatio: "3:4", providerOptions: { test: first } }),
      expect.objectContaining({ size: undefined, aspectRatio: "16:9", providerOptions: { test: second } }),
    ]);
  });

  describe("an editing model", () => {
    const editing: AiSdkModel = { ...ENTRY, changes: { operations: ["GENERATE", "EDIT"] } };
    const source = (text: string, format: SourceImage["format"]): SourceImage => {
      return { width: 64, height: 64, format, byteSize: text.length, read: () => once(Buffer.from(text)) };
    };

    test("gets the images whole, with the mask", async () => {
      const calls: { readonly files?: unknown; readonly mask?: unknown }[] = [];
      const doGenerate = async (options: object) => {
        calls.push(options);
        return { images: [new Uint8Array([1])], warnings: [], response: RESPONSE };
      };
      const provider = await mocked({ doGenerate }, editing);
      expect(provider.models[0]?.edits).toMatchObject({ maxInputImages: 4, hasMask: false });
      const images = [source("one", "PNG"), source("two", "JPEG")];
      await read(provider, { ...REQUEST, edit: { images, mask: source("three", "PNG") } });
      expect(calls).toEqual([
        expect.objectContaining({
          files: [
            { type: "file", mediaType: "image/png", data: Buffer.from("one") },
            { type: "file", mediaType: "image/jpeg", data: Buffer.from("two") },
          ],
          mask: { type: "file", mediaType: "image/png", data: Buffer.from("three") },
        }),
      ]);
    });

    test("must have a version that supports edits", async () => {
      const old = { specificationVersion: "v2", doGenerate: async () => ({ images: [] }) };
      const load = async () => ({ createTest: () => ({ imageModel: () => old }) });
      await expect(createAiSdk([editing], { load })).rejects.toThrow(/^models\.flux: operations must be/);
      expect((await createAiSdk([ENTRY], { load })).models).toHaveLength(1);
    });
  });

  test("warnings of every version are reported with the first image", async () => {
    const warnings = [
      { type: "unsupported", feature: "seed" },
      { type: "unsupported-setting", setting: "size", details: "use aspectRatio" },
      { type: "compatibility", feature: "n" },
      { type: "other", message: "mind the gap" },
    ] as never;
    const images = [new Uint8Array([1]), new Uint8Array([2])];
    const provider = await mocked({ doGenerate: async () => ({ images, warnings, response: RESPONSE }) });
    const events = await Array.fromAsync(provider.generate(REQUEST, new AbortController().signal));
    expect(events.map((event) => "warnings" in event && event.warnings)).toEqual([
      ["seed is not supported", "size is not supported: use aspectRatio", "n is only partly supported", "mind the gap"],
      false,
    ]);
  });

  test("an answer without images, or an unknown error, may have been billed", async () => {
    const empty = await mocked({ doGenerate: async () => ({ images: [], warnings: [], response: RESPONSE }) });
    expect(await failureOf(empty)).toMatchObject({ code: "UPSTREAM_FAILED", isRetryable: false });
    const broken = await mocked({
      doGenerate: async () => {
        throw new Error("a fox");
      },
    });
    const failure = await failureOf(broken);
    expect(failure).toMatchObject({ code: "UPSTREAM_FAILED", details: { billed: "UNKNOWN" } });
    expect(failure.cause).toBeUndefined();
  });

  test.each<[string, object]>([
    ["Gemini's finish reason", { google: { finishReason: "IMAGE_SAFETY" } }],
    [
      "Gemini's block reason",
      { google: { finishReason: null, promptFeedback: { blockReason: "PROHIBITED_CONTENT" } } },
    ],
  ])("an answer without images is a content refusal if it has %s", async (_name, providerMetadata) => {
    const answer = { images: [], warnings: [], response: RESPONSE, providerMetadata };
    const provider = await mocked({ doGenerate: async () => answer as never });
    expect(await failureOf(provider)).toMatchObject({ code: "CONTENT_REJECTED", isRetryable: false });
  });

  test("a black image by fal is a content refusal, and the others are kept", async () => {
    const images = [new Uint8Array([1]), Buffer.from("two")];
    const providerMetadata = { fal: { images: [{ nsfw: true }, { nsfw: false }] } };
    const answer = { images, warnings: [], response: RESPONSE, providerMetadata };
    const events = (await mocked({ doGenerate: async () => answer as never })).generate(
      REQUEST,
      new AbortController().signal,
    );
    const iterator = events[Symbol.asyncIterator]();
    const { value } = await iterator.next();
    expect(await flatten(value as ProviderEvent)).toEqual([1, "two"]);
    await expect(iterator.next()).rejects.toMatchObject({ code: "CONTENT_REJECTED", details: { billed: "YES" } });
  });

  test.each([
    "Image generation was blocked due to a content policy violation.",
    "Amazon Bedrock request was moderated: Derivative Works Filter",
  ])("the package's error %s is a content refusal", async (message) => {
    const provider = await mocked({
      doGenerate: async () => {
        throw new Error(message);
      },
    });
    expect(await failureOf(provider)).toMatchObject({ code: "CONTENT_REJECTED", isRetryable: false });
  });

  test("an aborted call throws the signal's reason", async () => {
    const left = new AbortController();
    const provider = await mocked({
      doGenerate: async ({ abortSignal }) => {
        left.abort(new Error("left"));
        abortSignal?.throwIfAborted();
        throw new Error("not aborted");
      },
    });
    await expect(read(provider, REQUEST, left.signal)).rejects.toThrow("left");
  });
});

describe("with @ai-sdk/fal against a local server", () => {
  let server: Server;
  let status: number;
  let body: unknown;
  let imageStatus: number;
  /** How many downloads break off halfway before one succeeds. */
  let brokenDownloads: number;
  let downloads: number;
  let waits: number[];
  let retryAfter: string | undefined;
  let asked: unknown[];
  let provider: ImageProvider;
  let baseURL: string;

  beforeEach(async () => {
    status = 200;
    imageStatus = 200;
    brokenDownloads = 0;
    downloads = 0;
    waits = [];
    retryAfter = undefined;
    asked = [];
    const png = await plainImage(64, 64, 1, "PNG");
    server = createServer(async (incoming, outgoing) => {
      if (incoming.method === "GET") {
        downloads++;
        if (brokenDownloads-- > 0) {
          outgoing.writeHead(200, { "content-type": "image/png", "content-length": png.length });
          return void outgoing.write(png.subarray(0, 10), () => outgoing.destroy());
        }
        return void outgoing.writeHead(imageStatus, { "content-type": "image/png" }).end(png);
      }
      let text = "";
      for await (const part of incoming) text += part;
      asked.push([incoming.url, incoming.headers.authorization, JSON.parse(text)]);
      const headers = {
        "content-type": "application/json",
        ...(retryAfter !== undefined && { "retry-after": retryAfter }),
      };
      outgoing.writeHead(status, headers).end(JSON.stringify(body));
    });
    server.listen(0, "127.0.0.1");
    await onceOf(server, "listening");
    baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    body = { images: [{ url: `${baseURL}/made.png`, width: 64, height: 64, content_type: "image/png" }] };
    const settings = { baseURL, apiKey: "the-key" };
    provider = await createAiSdk([{ ...ENTRY, package: "@ai-sdk/fal", model: "fal-ai/flux/dev", settings }], {
      wait: async (ms) => waits.push(ms),
      resolve: async () => [{ address: "127.0.0.1", family: 4 }],
    });
  });

  afterEach(() => void server.close());

  test("an image comes back, from one call", async () => {
    const [[index, png] = []] = (await read(provider, { ...REQUEST, n: 1 })) as [number, string][];
    expect([index, png?.slice(1, 4)]).toEqual([0, "PNG"]);
    expect(asked).toEqual([
      [
        "/fal-ai/flux/dev",
        "Key the-key",
        expect.objectContaining({ prompt: "a fox", num_images: 1, seed: 7, image_size: { width: 1536, height: 1024 } }),
      ],
    ]);
  });

  test("a gateway generates images with it, and reports their cost and the package's warnings", async () => {
    const modelsFile = join(await newDirectory(), "models.json");
    const flux = {
      provider: "ai-sdk",
      package: "@ai-sdk/fal",
      model: "fal-ai/flux/dev",
      settings: { baseURL },
      providerOptions: { fal: { output_format: "png" } },
      sizes: ["64x64"],
      operations: ["GENERATE", "EDIT"],
      edits: { maxInputImages: 1 },
      prices: [{ from: "2026-11-01", source: "a test", perImage: "0.025" }],
    };
    await writeFile(modelsFile, JSON.stringify({ models: { flux } }));
    process.env.FAL_API_KEY = "the-key";
    const gateway = await startGateway({ modelsFile, defaultModel: "flux" });
    try {
      const answer = await fetch(`${gateway.url}/v1/images/generations`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ prompt: "a fox", size: "64x64", response_format: "url" }),
      });
      expect(await answer.json()).toMatchObject({ data: [{ url: expect.stringContaining("/images/img_") }] });
      expect(answer.headers.get("Warning")).toMatch(/'output_format' \(use 'outputFormat'\)/);
      const query =
        "{ generations { edges { node { images { id } model { id provider } cost warnings { code message } } } } }";
      const { body: history } = await gateway.graphql(query);
      expect(history.data.generations.edges).toMatchObject([
        {
          node: {
            model: { id: "flux", provider: "ai-sdk" },
            cost: "0.025000",
            warnings: [{ code: "PROVIDER_WARNING" }],
          },
        },
      ]);
      expect(asked).toHaveLength(1);

      const node = history.data.generations.edges[0].node;
      const edit = `mutation { editImages(input: { prompt: "bluer", images: [{ id: "${node.images[0].id}" }] }) { status } }`;
      const { body: edited } = await gateway.graphql(edit);
      expect(edited.data.editImages).toEqual({ status: "SUCCEEDED" });
      expect(asked[1]).toMatchObject([
        "/fal-ai/flux/dev",
        "Key the-key",
        { prompt: "bluer", image_url: expect.stringMatching(/^data:image\/png;base64,/) },
      ]);
    } finally {
      await gateway.close();
      delete process.env.FAL_API_KEY;
    }
  });

  test.each<[number, object, string, string, boolean]>([
    [
      422,
      { detail: [{ type: "content_policy_violation", msg: "a fox", loc: [] }] },
      "CONTENT_REJECTED",
      "UNKNOWN",
      false,
    ],
    [
      422,
      { detail: [{ type: "content_policy_violation", loc: ["body", "prompt"] }] },
      "CONTENT_REJECTED",
      "UNKNOWN",
      false,
    ],
    [400, { error: "the fox is not safe: nsfw" }, "CONTENT_REJECTED", "NO", false],
    [400, { error: { code: "OutputImageSensitiveContentDetected" } }, "CONTENT_REJECTED", "UNKNOWN", false],
    [422, { detail: [{ type: "value_error", msg: "wrong", loc: [] }] }, "UPSTREAM_FAILED", "NO", false],
    [400, { error: { message: "a fox", code: 400 } }, "UPSTREAM_FAILED", "NO", false],
    [404, { error: { code: "model_not_found" } }, "MODEL_UNAVAILABLE", "NO", false],
    [401, {}, "UPSTREAM_FAILED", "NO", false],
    [403, {}, "UPSTREAM_FAILED", "NO", false],
    [402, {}, "BUDGET_EXCEEDED", "NO", false],
    [429, { error: { code: "insufficient_quota" } }, "BUDGET_EXCEEDED", "NO", false],
    [429, {}, "RATE_LIMITED", "NO", true],
    [503, {}, "UPSTREAM_FAILED", "NO", true],
    [500, {}, "UPSTREAM_FAILED", "UNKNOWN", true],
  ])("status %i with %j becomes %s, billed %s", async (failing, answer, code, billed, isRetryable) => {
    status = failing;
    body = answer;
    const failure = await failureOf(provider);
    expect(failure).toMatchObject({ code, isRetryable, details: { billed } });
    expect(failure.message).not.toContain("fox");
    expect(asked).toHaveLength(1);
  });

  test.each<[string, object, string]>([
    ["OpenAI", { error: { type: "invalid_request_error", param: "prompt", code: "too_long" } }, "prompt"],
    ["fal", { detail: [{ type: "less_than", loc: ["body", "num_images"], msg: "a fox" }] }, "n"],
    [
      "a parameter with an odd name",
      { detail: [{ type: "enum", loc: ["body", "safety_tolerance"] }] },
      "safety_tolerance",
    ],
    ["Replicate", { title: "failed", invalid_fields: [{ type: "bad", field: "input.prompt" }] }, "prompt"],
    [
      "Google",
      {
        error: {
          code: 400,
          status: "INVALID_ARGUMENT",
          details: [{ fieldViolations: [{ field: "instances.prompt" }] }],
        },
      },
      "prompt",
    ],
  ])("a refused input is named in the words of %s", async (_name, answer, field) => {
    status = 422;
    body = answer;
    const failure = await failureOf(provider);
    expect(failure).toMatchObject({ code: "INPUT_REJECTED", isRetryable: false, details: { billed: "NO", field } });
    expect(failure.message).toContain(` ${field}`);
    expect(failure.message).not.toContain("fox");
  });

  test("the wait that the vendor asks for is passed on", async () => {
    status = 429;
    retryAfter = "7";
    expect((await failureOf(provider)).details.retryAfterSeconds).toBe(7);
  });

  test.each([404, 403, 429, 503, 500])(
    "an image that cannot be downloaded for a minute, with status %i, may have been paid for: the call is not repeated",
    async (failing) => {
      imageStatus = failing;
      expect(await failureOf(provider)).toMatchObject({ code: "UPSTREAM_FAILED", details: { billed: "UNKNOWN" } });
      expect(asked).toHaveLength(1);
      expect(downloads).toBe(waits.length + 1);
      expect(waits.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThan(60_000);
    },
  );

  test("an image is downloaded again if its download breaks off", async () => {
    brokenDownloads = 2;
    const [[index, png] = []] = (await read(provider, { ...REQUEST, n: 1 })) as [number, string][];
    expect([index, png?.slice(1, 4)]).toEqual([0, "PNG"]);
    expect([asked.length, downloads]).toEqual([1, 3]);
  });

  test("an address in a private network is not requested, whatever its name", async () => {
    const { port } = server.address() as AddressInfo;
    body = { images: [{ url: `http://images.example:${port}/made.png` }] };
    expect(await failureOf(provider)).toMatchObject({ code: "UPSTREAM_FAILED", details: { billed: "UNKNOWN" } });
    expect(downloads).toBe(0);
  });

  test("the call is not repeated if the image's host cannot be reached any more", async () => {
    const isClosed = onceOf(server, "close");
    server.on("request", (_incoming, outgoing) => outgoing.on("finish", () => server.close()));
    const failure = await failureOf(provider);
    expect(failure).toMatchObject({ code: "UPSTREAM_FAILED", details: { billed: "UNKNOWN" } });
    server.closeAllConnections();
    await isClosed;
    expect(asked).toHaveLength(1);
  });

  test("a server that refuses connections certainly billed nothing", async () => {
    server.close();
    server.closeAllConnections();
    await onceOf(server, "close");
    expect(await failureOf(provider)).toMatchObject({ isRetryable: true, details: { billed: "NO" } });
  });
});
