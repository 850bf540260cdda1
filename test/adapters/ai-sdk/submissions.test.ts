import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { createAiSdk } from "../../../src/adapters/ai-sdk/ai-sdk.ts";
import type { AiSdkModel } from "../../../src/adapters/ai-sdk/ai-sdk-model.ts";
import { GatewayError } from "../../../src/errors.ts";
import type { GenerateRequest, ImageProvider } from "../../../src/ports/image-provider.ts";
import { plainImage } from "../../support/gateways/scripted-provider.ts";

const REQUEST: GenerateRequest = {
  model: "fox",
  prompt: "a fox",
  n: 1,
  size: { width: 1024, height: 1024 },
  quality: "AUTO",
  format: "PNG",
  background: "AUTO",
  partialImages: 0,
};

let server: Server;
let origin: string;
/** The bodies of all submissions, by path. */
let received: { readonly path: string; readonly body: Readonly<Record<string, unknown>> }[];
/** The answers to the next submissions. */
let answers: object[];

beforeEach(async () => {
  received = [];
  server = createServer(async (incoming, outgoing) => {
    received.push({ path: incoming.url ?? "", body: JSON.parse(await text(incoming)) });
    outgoing.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answers.shift()));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
});

/** A model of Google at the local server. */
function gemini(): AiSdkModel {
  const settings = { baseURL: `${origin}/v1beta`, apiKey: "the-key" };
  return { id: "fox", package: "@ai-sdk/google", model: "gemini-fox", settings, changes: {} };
}

function read(provider: ImageProvider, request = REQUEST): Promise<readonly unknown[]> {
  return Array.fromAsync(provider.generate(request, new AbortController().signal));
}

test("an incomplete answer of Google is not continued by a second, paid call", async () => {
  const data = (await plainImage(64, 64, 1, "PNG")).toString("base64");
  const parts = [{ inlineData: { mimeType: "image/png", data } }];
  const unfinished = { candidates: [{ content: { parts }, finishReason: "CONTINUATION", continuationToken: "more" }] };
  const finished = { candidates: [{ content: { parts }, finishReason: "STOP" }] };
  const provider = await createAiSdk([gemini()]);
  answers = [unfinished, finished];
  const error = await read(provider).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(GatewayError);
  expect(error).toMatchObject({ code: "UPSTREAM_FAILED", isRetryable: false, details: { billed: "UNKNOWN" } });
  expect((error as GatewayError).message).toMatch(/not called again/);
  expect(received).toHaveLength(1);

  // The next call is another one.
  answers = [finished];
  expect(await read(provider)).toHaveLength(1);
});

test("an answer that is too long is not read into memory, and may have been billed", async () => {
  const provider = await createAiSdk([gemini()], { maxAnswerBytes: 10_000 });
  answers = [{ candidates: [], padding: "x".repeat(10_000) }];
  const error = await read(provider).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: "UPSTREAM_FAILED",
    message: "the provider failed",
    details: { billed: "UNKNOWN" },
  });
  expect(received).toHaveLength(1);
});

test("a package may submit once per image, and poll with POST", async () => {
  const entry: AiSdkModel = { id: "fox", package: "test", model: "fox", changes: {} };
  const post = async (call: typeof fetch, path: string) => {
    await call(`${origin}${path}`, { method: "POST", body: "{}" });
  };
  const provider = await createAiSdk([entry], {
    load: async () => ({
      createTest: ({ fetch: call }: { readonly fetch: typeof fetch }) => ({
        imageModel: () => ({
          specificationVersion: "v4",
          async doGenerate() {
            await Promise.all([post(call, "/submit?image=1"), post(call, "/submit?image=2")]);
            for (let polls = 0; polls < 3; polls++) await post(call, "/result");
            return { images: ["AA==", "AA=="] };
          },
        }),
      }),
    }),
  });
  answers = Array(5).fill({});
  expect(await read(provider, { ...REQUEST, n: 2 })).toHaveLength(2);
  expect(received.map(({ path }) => path).toSorted()).toEqual([
    "/result",
    "/result",
    "/result",
    "/submit?image=1",
    "/submit?image=2",
  ]);
});
