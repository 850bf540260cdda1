import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Validator } from "@seriousme/openapi-schema-validator";
import { createApp } from "../../../src/api/http/app.ts";
import { imageRoutes } from "../../../src/api/rest/images.ts";
import { type ErrorCode, GatewayError } from "../../../src/errors.ts";
import type { ProviderEvent } from "../../../src/ports/image-provider.ts";
import { ContractObserver, type OpenApiDocument } from "../../support/clients/contract-observer.ts";
import { appOptions } from "../../support/gateways/app-options.ts";
import { startKeyedGateway } from "../../support/gateways/keyed-gateway.ts";
import { ANY_SIZE_MODEL, type ScriptedGateway, startScriptedGateway } from "../../support/gateways/scripted-gateway.ts";
import { makeImages, plainImage } from "../../support/gateways/scripted-provider.ts";
import { startIdentityProvider } from "../../support/network/identity-provider.ts";
import { RIGHT_PARAMETERS, WRONG_PARAMETERS, WRONG_TYPES } from "./openai/wrong-parameters.ts";

const PAGE = "https://app.example";
const STRANGER = { Origin: "https://stranger.example" };
const JSON_BODY = { "Content-Type": "application/json" };
/** Every failure that a provider can cause. */
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

test("the document is OpenAPI 3.1 and names this server", async () => {
  const { valid, errors } = await new Validator().validate({ ...document });

  expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
  expect(document).toMatchObject({ servers: [{ url: gateway.url }] });
});

/** The routes that generate images, each with the body of a request. */
const IMAGE_ROUTES: readonly { readonly path: string; ask(prompt: string): object }[] = [
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

/** Makes the provider's next call fail. */
function failNext(code: ErrorCode): void {
  gateway.provider.script = async function* failing(request): AsyncIterable<ProviderEvent> {
    gateway.provider.script = makeImages;
    yield* [];
    if (code === "INTERNAL") throw new Error("a bug");
    if (request) throw new GatewayError(code, "it failed", { billed: "YES", isRetryable: false });
  };
}

test("the image routes answer as documented", async () => {
  for (const { path, ask } of IMAGE_ROUTES) {
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

describe("the gateway accepts exactly what its document allows:", () => {
  const values = (...of: readonly unknown[]) => of;
  const FIELDS = { prompt: "a fox", n: "1", size: "64x64" };
  const sizes = [
    ...["64x64", "3840x1280", "96X64", "96×64", "96 x 64", "100x300"],
    ...["0", "0x0", "63x64", "64x193", "3841x3840", "064x64", "64x64 ", "64  x64", "1024", "auto", ""],
  ];

  test.each<[string, readonly unknown[]]>([
    [
      "n",
      values(1, 10, "1", "10", "007", 0, 11, -1, 1.5, "0", "11", "-1", "1.5", "", "two", true, null, [1], undefined),
    ],
    ["size", [...sizes, null, 64, undefined]],
    [
      "prompt",
      values("x", "x".repeat(32_000), "🦊".repeat(32_000), "", " \n", "a\0b", "x".repeat(32_001), 7, null, undefined),
    ],
    ["more", values(1, null, {})],
  ])("the field %s of /get-image", async (name, candidates) => {
    for (const value of candidates) {
      const body = { ...FIELDS, [name]: value };
      const { status } = await post("/get-image", body);
      const isAccepted = observer.accepts("GetImageRequest", JSON.parse(JSON.stringify(body)));
      expect({ value, status }).toEqual({ value, status: isAccepted ? 200 : 400 });
    }
  });

  test.each<[string, readonly object[]]>([
    ["right", RIGHT_PARAMETERS],
    ["wrong", [...WRONG_PARAMETERS, ...WRONG_TYPES].map(([change]) => change)],
  ])("%s parameters of /v1/images/generations", async (_what, changes) => {
    for (const change of changes) {
      const body = JSON.parse(JSON.stringify({ prompt: "a fox", size: "64x64", ...change }));
      const answer = await post("/v1/images/generations", body);
      await answer.text();
      const isAccepted = observer.accepts("ImageGenerationRequest", body);
      expect({ change, status: answer.status }).toEqual({ change, status: isAccepted ? 200 : 400 });
    }
  });

  test("the images and masks of /v1/images/edits", async () => {
    const uri = `data:image/png;base64,${(await plainImage(64, 64, 1, "png")).toString("base64")}`;
    const [image, wrong] = [{ image_url: uri }, { image_url: uri, file_id: "img_1" }];
    const bodies = [
      ...[{ images: [image] }, { images: [{ ...image, file_id: null }], mask: null }],
      ...[
        { images: [image], mask: {} },
        { images: [image], mask: { file_id: null, image_url: null } },
      ],
      ...[{ images: [] }, { images: [null] }, { images: [{}] }, { images: [wrong] }, { images: image }, {}],
      ...[{ images: [{ url: uri }] }, { images: [image], mask: uri }, { images: [image], mask: [] }],
      ...[{ images: Array(16).fill(image) }, { images: Array(17).fill(image) }, { images: [image], style: "vivid" }],
    ];
    for (const change of bodies) {
      const body = { prompt: "a hat", size: "64x64", ...change };
      const { status } = await post("/v1/images/edits", body);
      const isAccepted = observer.accepts("ImageEditRequest", body);
      expect({ images: Object.keys(change), status }).toEqual({
        images: Object.keys(change),
        status: isAccepted ? 200 : 400,
      });
    }
  });

  test.each(["/healthz", "/readyz", "/openapi.json", "/images/a.png", "/get-image", "/v1/models", "/v1/images/edits"])(
    "the methods of %s",
    async (path) => {
      const { origin, hostname, port } = new URL(gateway.url);
      for (const method of ["TRACE", "PUT", "PATCH", "DELETE", "POST", "GET"]) {
        if (method.toLowerCase() in (document.paths[path.replace("a.png", "{name}")] ?? {})) continue;
        const outgoing = request({ hostname, port, path, method });
        outgoing.end();
        const [incoming] = await once(outgoing, "response");
        incoming.resume();
        expect([origin, method, incoming.statusCode]).toEqual([origin, method, 405]);
        expect(incoming.headers.allow).toBeDefined();
      }
    },
  );
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

test("streams have the documented events", async () => {
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
  for (const { path, ask } of IMAGE_ROUTES) await post(path, ask("too late"));
  await edit("too late");

  expect(observer.violations).toEqual([]);
});

test("requests above the limit of an address are answered as documented", async () => {
  const limited = await startScriptedGateway({
    addressLimits: { requestsPerMinute: 1, connections: undefined, uploads: undefined },
    // The clock stands still, so the minute never ends.
    now: () => new Date("2026-12-01T12:00:00Z"),
  });
  for (const path of ["/v1/models", "/v1/models/any-size-1", "/openapi.json"]) {
    await fetch(`${limited.url}${path}`);
    await observer.fetch(`${limited.url}${path}`);
  }
  await limited.close();

  expect(observer.violations).toEqual([]);
});

test("requests with a JWT whose key cannot be fetched are answered as documented", async () => {
  const provider = await startIdentityProvider(() => new Date());
  const keyed = await startKeyedGateway({ jwt: provider.config });
  const headers = { Authorization: `Bearer ${await provider.sign({ sub: "ann", pictograph_project: "proj_public" })}` };
  await provider.close();
  for (const path of ["/v1/models", "/v1/models/any-size-1"]) await observer.fetch(keyed.url + path, { headers });
  await keyed.close();

  expect(observer.violations).toEqual([]);
});

test("requests without credentials to a keyed gateway are answered as documented", async () => {
  const keyed = await startKeyedGateway();
  for (const path of ["/v1/models", "/v1/models/any-size-1"]) await observer.fetch(`${keyed.url}${path}`);
  for (const path of ["/get-image", "/v1/images/generations", "/v1/images/edits"]) {
    await observer.fetch(`${keyed.url}${path}`, { method: "POST" });
  }
  await keyed.close();

  expect(observer.violations).toEqual([]);
});

test("every documented answer occurred in these tests", () => {
  expect(observer.unseen).toEqual([]);
});
