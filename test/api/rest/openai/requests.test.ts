import { Writable } from "node:stream";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { type Billed, type ErrorCode, GatewayError } from "../../../../src/errors.ts";
import type { ProviderEvent } from "../../../../src/ports/image-provider.ts";
import { type HttpAnswer, httpRequest } from "../../../support/clients/http-request.ts";
import {
  ANY_SIZE_MODEL,
  holdCalls,
  poll,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../../support/gateways/scripted-gateway.ts";
import { makeImages, once, plainImage } from "../../../support/gateways/scripted-provider.ts";
import { storedFiles } from "../../../support/stores/stored-files.ts";
import { WRONG_PARAMETERS, WRONG_TYPES, type WrongParameter } from "./wrong-parameters.ts";

const logged: string[] = [];
const logger = pino(new Writable({ write: (line, _encoding, done) => done(void logged.push(String(line))) }));

let gateway: ScriptedGateway;

beforeAll(async () => {
  gateway = await startScriptedGateway({ logger }, [ANY_SIZE_MODEL]);
});
afterAll(() => gateway.close());
beforeEach(() => {
  gateway.provider.script = makeImages;
  gateway.provider.requests.length = 0;
});

function send(body: object | string, headers: Readonly<Record<string, string>> = {}): Promise<HttpAnswer> {
  return httpRequest(`${gateway.url}/v1/images/generations`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

// biome-ignore lint/suspicious/noExplicitAny: a test reads whatever it asked for
function read({ body }: HttpAnswer): any {
  return JSON.parse(body.toString());
}

function failWith(code: ErrorCode, billed: Billed, isRetryable: boolean): void {
  gateway.provider.script = async function* failing(): AsyncIterable<ProviderEvent> {
    yield* [];
    throw new GatewayError(code, "it failed", { billed, isRetryable, retryAfterSeconds: 0 });
  };
}

const URLENCODED = { "Content-Type": "application/x-www-form-urlencoded" };
const MULTIPART = { "Content-Type": "multipart/form-data; boundary=b" };
const part = (name: string, more = "") => `--b\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n`;

describe("bad input is refused as OpenAI does, and nothing is submitted or stored:", () => {
  const INVALID = "invalid_value";
  const HIGH = "integer_above_max_value";
  const TYPE = "invalid_type";

  test.each<WrongParameter>([
    ...WRONG_PARAMETERS,
    ...WRONG_TYPES,
    [{ prompt: null }, "missing_required_parameter", "prompt"],
    [{ style: "grim" }, INVALID, "style"],
    [{ svg: {} }, "unsupported_parameter", "svg"],
    [{ image: "fox.png" }, "unknown_parameter", "image"],
  ])("%j", async (change, code, param) => {
    const stored = await storedFiles(gateway.dataDir);
    const answer = await send({ prompt: "a fox", ...change });

    expect(answer.status).toBe(400);
    expect(read(answer)).toEqual({
      error: { message: expect.any(String), type: "invalid_request_error", param, code },
    });
    expect(answer.headers["x-should-retry"]).toBe("false");
    expect(gateway.provider.requests).toEqual([]);
    expect(await storedFiles(gateway.dataDir)).toEqual(stored);
  });

  test.each<[string, string, Record<string, string>, number, string]>([
    ["not JSON", "{", {}, 400, INVALID],
    ["a list", "[]", {}, 400, INVALID],
    ["empty", "", {}, 400, INVALID],
    ["too deep", "[".repeat(500_000), {}, 400, INVALID],
    ["not UTF-8", Buffer.from('{"prompt":"\xff"}', "latin1") as unknown as string, {}, 400, INVALID],
    ["a text", "a fox", { "Content-Type": "text/plain" }, 415, "unsupported_content_type"],
    ["over 1 MiB", `{"prompt":"${"x".repeat(1024 * 1024)}"}`, {}, 413, "payload_too_large"],
    ["a form with a word for a number", "prompt=a+fox&n=two", URLENCODED, 400, TYPE],
    ["a form with a number out of range", "prompt=a+fox&n=11", URLENCODED, 400, HIGH],
    ["a form with two prompts", "prompt=a+fox&prompt=a+cat", URLENCODED, 400, INVALID],
    ["a form with an unknown field", "prompt=a+fox&wings=2", URLENCODED, 400, "unknown_parameter"],
    ["an empty form", "", URLENCODED, 400, "missing_required_parameter"],
    ["a form of half a character", "prompt=%F0%9F", URLENCODED, 400, INVALID],
    ["a form with a file", `${part("prompt", '; filename="a.txt"')}a fox\r\n--b--`, MULTIPART, 400, INVALID],
    ["a form that ends early", `${part("prompt")}a f`, MULTIPART, 400, INVALID],
    ["a form without a boundary", "a fox", { "Content-Type": "multipart/form-data" }, 400, INVALID],
    ["a key of 256 characters", '{"prompt":"a fox"}', { "Idempotency-Key": "k".repeat(256) }, 400, INVALID],
  ])("a body that is %s", async (_what, body, headers, status, code) => {
    const answer = await httpRequest(`${gateway.url}/v1/images/generations`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body,
    });

    expect({ status: answer.status, code: read(answer).error.code }).toEqual({ status, code });
    expect(gateway.provider.requests).toEqual([]);
  });

  test.each([
    ["GET", "/v1/images/generations", 405, "method_not_supported"],
    ["DELETE", "/v1/models/any-size-1", 405, "method_not_supported"],
    ["POST", "/v1/images/variations", 404, null],
    ["GET", "/v1/", 404, null],
  ])("%s %s", async (method, path, status, code) => {
    const answer = await httpRequest(gateway.url + path, { method });

    expect(answer.status).toBe(status);
    expect(read(answer)).toMatchObject({ error: { type: "invalid_request_error", param: null, code } });
  });
});

test.each([
  ["urlencoded", URLENCODED, "prompt=null&n=null&size=null&quality=null&stream=null&output_compression=null"],
  ["multipart", MULTIPART, `${part("prompt")}a fox\r\n${part("n")}null\r\n${part("background")}null\r\n--b--\r\n`],
])("null as client libraries write it into a form counts as omitted: %s", async (_name, headers, body) => {
  const callCount = gateway.provider.requests.length;
  const url = `${gateway.url}/v1/images/generations`;
  const answer = await httpRequest(url, { method: "POST", headers, body });

  expect(answer.status).toBe(200);
  expect(gateway.provider.requests.slice(callCount)).toMatchObject([
    { n: 1, size: { width: 1024, height: 1024 }, quality: "AUTO" },
  ]);
});

describe("an answer", () => {
  test("states its length before the images are read, and has their properties after them", async () => {
    const answer = await send({ prompt: "a fox", size: "70x64", n: 3, quality: "low" });

    expect(Number(answer.headers["content-length"])).toBe(answer.body.length);
    expect(Object.keys(read(answer))).toEqual(["created", "data", "output_format", "quality", "size"]);
    // Without "no-transform", the compression middleware of an Express host would never report that a chunk was sent.
    expect(answer.headers["cache-control"]).toBe("no-store, no-transform");
  });

  test("to a form is the same as to JSON", async () => {
    const body = "prompt=a+fox&n=2&size=64x64&stream=false&response_format=url";
    const answer = await send(body, { "Content-Type": "application/x-www-form-urlencoded" });

    expect(read(answer).data).toHaveLength(2);
  });

  test("to a repeated key is the same, and is paid for once", async () => {
    const first = await send({ prompt: "a key", size: "64x64" }, { "Idempotency-Key": "k" });
    const again = await send({ prompt: "a key", size: "64x64" }, { "Idempotency-Key": "k" });
    const other = await send({ prompt: "another", size: "64x64" }, { "Idempotency-Key": "k" });

    expect(again.body.equals(first.body)).toBe(true);
    expect({ status: other.status, ...read(other).error }).toMatchObject({ status: 409, code: "idempotency_conflict" });
    expect(gateway.provider.requests).toHaveLength(1);
  });

  test("whose client has disconnected is still made, and is in GraphQL", async () => {
    const hold = holdCalls(gateway.provider);
    const leaving = new AbortController();
    const left = fetch(`${gateway.url}/v1/images/generations`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ prompt: "left alone", size: "64x64" }),
      signal: leaving.signal,
    }).catch((error: Error) => error.name);
    await hold.called;
    leaving.abort();
    expect(await left).toBe("AbortError");
    hold.release();

    const query = "{ generations(first: 1) { edges { node { prompt status images { width } } } } }";
    const newest = async () => (await gateway.graphql(query)).body.data.generations.edges[0].node;
    expect(await poll(newest, ({ status }) => status === "SUCCEEDED")).toMatchObject({
      prompt: "left alone",
      images: [{ width: 64 }],
    });
  });
});

describe("X-Should-Retry tells a client whether to retry", () => {
  // A success in between: a provider that keeps failing is paused.
  beforeEach(() => send({ prompt: "it works", size: "64x64" }));
  afterAll(async () => {
    gateway.provider.script = makeImages;
    await send({ prompt: "it works", size: "64x64" });
  });

  test.each<[ErrorCode, Billed, boolean, number, string]>([
    ["RATE_LIMITED", "NO", true, 429, "true"],
    ["UPSTREAM_FAILED", "NO", true, 502, "true"],
    ["UPSTREAM_FAILED", "NO", false, 502, "false"],
    ["UPSTREAM_FAILED", "UNKNOWN", true, 502, "false"],
    ["UPSTREAM_FAILED", "YES", true, 502, "false"],
    ["UPSTREAM_TIMEOUT", "UNKNOWN", true, 504, "false"],
    ["BUDGET_EXCEEDED", "NO", false, 402, "false"],
    ["CONTENT_REJECTED", "NO", false, 400, "false"],
    ["INPUT_REJECTED", "NO", false, 400, "false"],
  ])("after %s with billed: %s", async (code, billed, isRetryable, status, advice) => {
    failWith(code, billed, isRetryable);
    const answer = await send({ prompt: `${code} ${billed} ${isRetryable}`, size: "64x64" });

    expect({ status: answer.status, advice: answer.headers["x-should-retry"] }).toEqual({ status, advice });
  });
});

test.each(["/images/generations", "/images/edits"])(
  "POST %s is refused with the hint that the base URL lacks the version",
  async (path) => {
    const { status, body } = await httpRequest(gateway.url + path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ prompt: "a fox" }),
    });

    expect(status).toBe(404);
    expect(JSON.parse(String(body)).error.message).toBe(
      `Invalid URL (POST ${path}). The client's base URL has to end with /v1.`,
    );
  },
);

describe("a stream", () => {
  test("sends each preview and image as soon as it exists", async () => {
    const previews = { maxPartialImages: 3, maxImages: 1 };
    const drawing = await startScriptedGateway({ logger }, [{ ...ANY_SIZE_MODEL, previews }]);
    const seen = Promise.withResolvers<void>();
    drawing.provider.script = async function* (request) {
      yield { type: "partial", index: 0, partialIndex: 0, bytes: once(await plainImage(64, 64, 1, "PNG")) };
      await seen.promise;
      yield* makeImages(request);
    };
    const { body } = await fetch(`${drawing.url}/v1/images/generations`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ prompt: "a fox", size: "64x64", stream: true, partial_images: 1 }),
    });
    let text = "";
    for await (const part of body!.pipeThrough(new TextDecoderStream())) {
      text += part;
      // The provider makes the image only after this.
      if (text.includes("\n\n")) seen.resolve();
    }
    await drawing.close();

    expect(text.match(/^event: .*/gm)).toEqual([
      "event: image_generation.partial_image",
      "event: image_generation.completed",
    ]);
  });

  test("sends comments while it waits, and reports a later failure as an event", async () => {
    const impatient = await startScriptedGateway({ logger, keepAliveMs: 50 }, [ANY_SIZE_MODEL]);
    const hold = holdCalls(impatient.provider);
    const response = await fetch(`${impatient.url}/v1/images/generations`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ prompt: "slow", size: "64x64", stream: true }),
    });
    // The headers came with the first comment, because the provider is still held.
    const { body } = await impatient.graphql("{ generations(first: 1) { edges { node { id } } } }");
    await impatient.graphql(`mutation { cancelGeneration(id: "${body.data.generations.edges[0].node.id}") { id } }`);
    const text = await response.text();
    hold.release();
    await impatient.close();

    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(response.headers.get("x-accel-buffering")).toBe("no");
    expect(response.headers.get("cache-control")).toBe("no-store, no-transform");
    expect(text).toMatch(/^(:\n\n)+event: error\ndata: \{"error":\{.*"code":"interrupted"\}\}\n\n$/);
  });

  test("of an answer that is not an image fails with its own status", async () => {
    gateway.provider.script = async function* broken(): AsyncIterable<ProviderEvent> {
      yield { type: "image", index: 0, bytes: once(Buffer.from("no image")) };
    };
    const answer = await send({ prompt: "no image", size: "64x64", stream: true });

    expect({ status: answer.status, ...read(answer).error }).toMatchObject({ status: 502, code: "upstream_failed" });
  });
});

test("the log contains neither the key, the prompt nor the end user", async () => {
  const headers = { Authorization: "Bearer sk-secret-key" };
  await send({ prompt: "a secret prompt", size: "64x64", user: "a-secret-user" }, headers);
  await send({ prompt: "a secret prompt", size: "64x64", n: 99, safety_identifier: "a-secret-user" }, headers);

  expect(logged.length).toBeGreaterThan(0);
  expect(logged.join("")).not.toContain("secret");
});
