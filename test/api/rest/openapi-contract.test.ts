import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Validator } from "@seriousme/openapi-schema-validator";
import { createApp } from "../../../src/api/http/app.ts";
import { imageRoutes } from "../../../src/api/rest/images.ts";
import { type ErrorCode, GatewayError } from "../../../src/errors.ts";
import type { ProviderEvent } from "../../../src/ports/image-provider.ts";
import { appOptions } from "../../support/app-options.ts";
import { ContractObserver, type OpenApiDocument } from "../../support/contract-observer.ts";
import { ANY_SIZE_MODEL, type ScriptedGateway, startScriptedGateway } from "../../support/scripted-gateway.ts";
import { makeImages, plainImage } from "../../support/scripted-provider.ts";

const PAGE = "https://app.example";
const STRANGER = { Origin: "https://stranger.example" };
const JSON_BODY = { "Content-Type": "application/json" };
/** Every failure that a provider can be the cause of. */
const FAILURES: readonly ErrorCode[] = [
  "CONTENT_REJECTED",
  "INPUT_REJECTED",
  "RATE_LIMITED",
  "BUDGET_EXCEEDED",
  "INTERNAL",
  "UPSTREAM_FAILED",
  "UPSTREAM_TIMEOUT",
];

let gateway: ScriptedGateway;
let document: OpenApiDocument;
let observer: ContractObserver;
let clock = () => new Date();

beforeAll(async () => {
  const edits = { maxInputImages: 16, maxInputBytes: 49_999_999, inputFormats: ["PNG"], hasMask: true } as const;
  const model = { ...ANY_SIZE_MODEL, operations: ["GENERATE", "EDIT"], edits } as const;
  gateway = await startScriptedGateway({ corsOrigins: [PAGE], now: () => clock() }, [model]);
  document = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as OpenApiDocument;
  observer = new ContractObserver(document);
});
afterAll(() => gateway.close());

test("the document is OpenAPI 3.1, and its server is this one", async () => {
  const { valid, errors } = await new Validator().validate({ ...document });

  expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
  expect(document).toMatchObject({ servers: [{ url: gateway.url }] });
});

/** Each way to ask for images: where, and with what body. */
const DOORS: readonly { readonly path: string; ask(prompt: string): object }[] = [
  { path: "/get-image", ask: (prompt) => ({ prompt, n: "1", size: "64x64" }) },
  { path: "/v1/images/generations", ask: (prompt) => ({ prompt, size: "64x64", response_format: "url" }) },
];

function post(path: string, body: object | string, headers: Record<string, string> = JSON_BODY): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return observer.fetch(`${gateway.url}${path}`, { method: "POST", headers, body: text });
}

async function edit(prompt: string, more: Readonly<Record<string, string>> = {}, headers = {}): Promise<Response> {
  const form = new FormData();
  for (const [name, value] of Object.entries({ prompt, size: "64x64", ...more })) form.append(name, value);
  form.append("image", new Blob([await plainImage(64, 64, 1, "png")], { type: "image/png" }));
  return observer.fetch(`${gateway.url}/v1/images/edits`, { method: "POST", body: form, headers });
}

/** Makes the next call of the provider fail. */
function failNext(code: ErrorCode): void {
  gateway.provider.script = async function* failing(request): AsyncIterable<ProviderEvent> {
    gateway.provider.script = makeImages;
    yield* [];
    if (code === "INTERNAL") throw new Error("a bug");
    if (request) throw new GatewayError(code, "it failed", { billed: "YES", isRetryable: false });
  };
}

test("the doors of images answer as documented", async () => {
  for (const { path, ask } of DOORS) {
    await post(path, ask("a fox"));
    await post(path, "not JSON");
    await post(path, "a", { "Content-Type": "text/plain" });
    await post(path, `{"prompt":"${"x".repeat(1024 * 1024)}"}`);
    await post(path, ask("a fox"), { ...JSON_BODY, ...STRANGER });
    for (const prompt of ["one", "another"]) await post(path, ask(prompt), { ...JSON_BODY, "Idempotency-Key": path });
    for (const code of FAILURES) {
      failNext(code);
      await post(path, ask(`it fails: ${code}`));
    }
  }
  for (const [path, body] of [
    ["/v1/images/generations", { prompt: "a fox", size: "64x64" }],
    ["/v1/images/generations", { prompt: "a fox", model: "nothing" }],
    ["/v1/images/edits", { prompt: "a hat", images: [{ file_id: "img_none" }] }],
    ["/v1/images/edits", { prompt: "a hat", images: [{ file_id: "img_none" }], x: "x".repeat(1024 * 1024) }],
  ] as const) {
    await post(path, body);
  }
  expect(observer.violations).toEqual([]);
});

test("edits are answered as documented", async () => {
  await edit("a hat");
  await edit("a hat", { n: "two" });
  await edit("a hat", {}, STRANGER);
  await post("/v1/images/edits", "a", { "Content-Type": "text/plain" });
  for (const prompt of ["one", "another"]) await edit(prompt, {}, { "Idempotency-Key": "edit" });
  for (const code of FAILURES) {
    failNext(code);
    await edit(`it fails: ${code}`);
  }
  expect(observer.violations).toEqual([]);
});

test("streams tell what is documented", async () => {
  const body = { prompt: "a streamed fox", size: "64x64", stream: true };
  const streams = [await post("/v1/images/generations", body), await edit("a streamed hat", { stream: "true" })];
  for (const stream of streams) {
    const [, data = ""] = /^data: (.*)$/m.exec(await stream.text()) ?? [];
    observer.checkSchema("ImageEvent", JSON.parse(data));
  }
  expect(observer.violations).toEqual([]);
});

test("images are delivered as documented", async () => {
  const query = `mutation { generateImages(input: { prompt: "a fox", size: "64x64" }) { id images {
    png: url jpeg: url(format: JPEG) webp: url(format: WEBP) avif: url(format: AVIF) } } }`;
  const { body } = await gateway.graphql(query);
  const { id, images } = body.data.generateImages;
  const urls: string[] = Object.values(images[0]);
  const [url = ""] = urls;
  for (const one of urls) {
    await observer.fetch(one);
    await observer.fetch(one, { headers: { Range: "bytes=0-9" } });
  }
  const tag = (await fetch(url)).headers.get("ETag") ?? "";
  await observer.fetch(url, { headers: { Range: "bytes=999999-" } });
  for (const method of ["GET", "HEAD"]) {
    await observer.fetch(url, { method });
    await observer.fetch(url, { method, headers: { "If-None-Match": tag, "Cache-Control": "max-age=0" } });
    await observer.fetch(`${url}x`, { method });
  }
  await gateway.graphql(`mutation { deleteGeneration(id: "${id}") }`);
  for (const method of ["GET", "HEAD"]) await observer.fetch(url, { method });
  clock = () => {
    throw new Error("the clock broke");
  };
  for (const method of ["GET", "HEAD"]) await observer.fetch(url, { method });
  clock = () => new Date();

  expect(observer.violations).toEqual([]);
});

test("images in a bucket are delivered as documented", async () => {
  const answers = [async () => Promise.reject(new GatewayError("OVERLOADED", "the bucket is away"))];
  const temporaryUrl = async () => "https://bucket.example/fox.png";
  const object = { key: "a", byteSize: 1, modifiedAt: new Date(), read: async function* () {}, temporaryUrl };
  const stored = async () => ({ object, format: "PNG", tag: "a", secondsLeft: 60 }) as const;
  const open = async () => (await answers[0]?.()) ?? stored();
  const app = createApp([imageRoutes({ open })], appOptions());
  const server = createServer(app).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/images/img_1.png`;
  for (const method of ["GET", "HEAD"]) await observer.fetch(url, { method });
  answers.length = 0;
  await observer.fetch(url);
  server.close();
  server.closeAllConnections();

  expect(observer.violations).toEqual([]);
});

test("models, health and the document itself are answered as documented", async () => {
  for (const path of ["/v1/models", "/v1/models/any-size-1", "/healthz", "/readyz", "/openapi.json"]) {
    await observer.fetch(`${gateway.url}${path}`);
    await observer.fetch(`${gateway.url}${path}`, { headers: STRANGER });
  }
  await observer.fetch(`${gateway.url}/v1/models/nothing`);
  await gateway.gateway.drain(0);
  await observer.fetch(`${gateway.url}/readyz`);
  for (const { path, ask } of DOORS) await post(path, ask("too late"));
  await edit("too late");

  expect(observer.violations).toEqual([]);
});

test("what one address asks too often is answered as documented", async () => {
  const limited = await startScriptedGateway({
    addressLimits: { requestsPerMinute: 1, connections: undefined, uploads: undefined },
    // Always the same minute.
    now: () => new Date("2026-12-01T12:00:00Z"),
  });
  for (const path of ["/v1/models", "/v1/models/any-size-1", "/openapi.json"]) {
    await fetch(`${limited.url}${path}`);
    await observer.fetch(`${limited.url}${path}`);
  }
  await limited.close();

  expect(observer.violations).toEqual([]);
});

test("every documented answer was seen", () => {
  expect(observer.unseen).toEqual([]);
});
