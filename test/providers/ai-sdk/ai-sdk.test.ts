import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { MockImageModelV4 } from "ai/test";
import { GatewayError } from "../../../src/errors.ts";
import type { GenerateRequest, ImageProvider, ProviderEvent } from "../../../src/ports/image-provider.ts";
import { type AiSdkModel, createAiSdk } from "../../../src/providers/ai-sdk/ai-sdk.ts";
import { plainImage } from "../../support/scripted-provider.ts";

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
  return createAiSdk([entry], async () => ({ createTest: () => ({ imageModel: () => model }) }));
}

const RESPONSE = { timestamp: new Date(0), modelId: "the-model", headers: {} };

describe("with the SDK's own test model", () => {
  test("one call asks for exactly what was planned, and images come in either form", async () => {
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

  test("a model that knows only shapes is asked for one", async () => {
    const calls: { readonly size?: unknown; readonly aspectRatio?: unknown }[] = [];
    const doGenerate = async (options: object) => {
      calls.push(options);
      return { images: [new Uint8Array([1])], warnings: [], response: RESPONSE };
    };
    await read(await mocked({ doGenerate }, { ...ENTRY, asksFor: "aspectRatio" }));
    expect(calls[0]).toMatchObject({ size: undefined, aspectRatio: "3:2" });
  });

  test("an answer without images, and an error that nobody knows, may have been billed", async () => {
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

  test("a call that is cut off throws the signal's reason", async () => {
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
  let asked: unknown[];
  let provider: ImageProvider;

  beforeEach(async () => {
    status = 200;
    asked = [];
    const png = await plainImage(64, 64, 1, "PNG");
    server = createServer(async (incoming, outgoing) => {
      if (incoming.method === "GET") return void outgoing.writeHead(200, { "content-type": "image/png" }).end(png);
      let text = "";
      for await (const part of incoming) text += part;
      asked.push([incoming.url, incoming.headers.authorization, JSON.parse(text)]);
      outgoing.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    body = { images: [{ url: `${baseURL}/made.png`, width: 64, height: 64, content_type: "image/png" }] };
    const settings = { baseURL, apiKey: "the-key" };
    provider = await createAiSdk([{ ...ENTRY, package: "@ai-sdk/fal", model: "fal-ai/flux/dev", settings }]);
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

  test.each<[number, object, string, string, boolean]>([
    [422, { detail: [{ type: "content_policy_violation", msg: "a fox", loc: [] }] }, "CONTENT_REJECTED", "NO", false],
    [422, { detail: [{ type: "value_error", msg: "wrong", loc: [] }] }, "UPSTREAM_FAILED", "NO", false],
    [401, {}, "UPSTREAM_FAILED", "NO", false],
    [402, {}, "BUDGET_EXCEEDED", "NO", false],
    [429, {}, "RATE_LIMITED", "NO", true],
    [503, {}, "UPSTREAM_FAILED", "NO", true],
    [500, {}, "UPSTREAM_FAILED", "UNKNOWN", true],
  ])("status %i with %j is %s, billed %s", async (failing, answer, code, billed, isRetryable) => {
    status = failing;
    body = answer;
    const failure = await failureOf(provider);
    expect(failure).toMatchObject({ code, isRetryable, details: { billed } });
    expect(failure.message).not.toContain("fox");
    expect(asked).toHaveLength(1);
  });

  test("a server that is gone surely billed nothing", async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
    expect(await failureOf(provider)).toMatchObject({ isRetryable: true, details: { billed: "NO" } });
  });
});
