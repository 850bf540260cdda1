import type { ServerResponse } from "node:http";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import OpenAI, { toFile } from "openai";
import sharp from "sharp";
import { getImageAsJson } from "../../../support/clients/get-image-client.ts";
import { bytesOf } from "../../../support/clients/openai-clients.ts";
import { type RunningGateway, startGateway } from "../../../support/gateways/gateway.ts";
import { plainImage } from "../../../support/gateways/scripted-provider.ts";
import { seededRandom } from "../../../support/random.ts";
import {
  type CompatibleCall,
  type CompatibleServer,
  startCompatibleServer,
} from "../../../support/vendors/compatible-server.ts";
import type { RawAnswer } from "../../../support/vendors/strict-image-api.ts";

const USAGE = { input_tokens: 50, output_tokens: 1024, total_tokens: 1074 };

let png: Buffer;
let base64: string;
let server: CompatibleServer;
let gateway: RunningGateway;
let client: OpenAI;

async function start(models?: RawAnswer): Promise<void> {
  server = await startCompatibleServer();
  if (models) server.models = models;
  gateway = await startGateway({ openai: { apiKey: "any", baseUrl: server.baseUrl }, defaultModel: "gpt-image-2" });
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "any", maxRetries: 0 });
}

async function stop(): Promise<void> {
  await gateway.close();
  await server.close();
}

beforeAll(async () => {
  // About 3 MB, as large as real ones are.
  const raw = { width: 1024, height: 1024, channels: 3 } as const;
  png = await sharp(seededRandom(1).bytes(1024 * 1024 * 3), { raw })
    .png()
    .toBuffer();
  base64 = png.toString("base64");
  await start();
});
afterAll(stop);
beforeEach(() => {
  server.forget();
});

function document(item: object, more: object = {}): string {
  return JSON.stringify({ created: 1, data: [item], usage: USAGE, ...more });
}

async function failureOf(work: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  const error = await work.then(
    () => new Error("it did not fail"),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof OpenAI.APIError)) throw error;
  // A success in between: a provider that fails five times in a row is paused.
  server.answer = () => ({ body: png });
  await client.images.generate({ prompt: "it works", response_format: "url" });
  return error;
}

/** Requests one image, which must equal the server's image byte by byte. */
async function expectImage(): Promise<OpenAI.ImagesResponse> {
  const answer = await client.images.generate({ prompt: "a fox" });
  expect(answer.data).toHaveLength(1);
  expect(bytesOf(answer.data?.[0]).equals(png)).toBe(true);
  return answer;
}

const wrapped = (end: string) => base64.replace(/.{76}/g, `$&${end}`);
const urlSafe = () => base64.replaceAll("+", "-").replaceAll("/", "_");
const item = (b64_json: string) => ({ body: document({ b64_json }) });
const atUrl = (url: string) => ({ body: document({ url }) });

describe("an image is found", () => {
  test.each<[string, () => object]>([
    ["in data that is not a list", () => ({ created: 1, data: { b64_json: base64 } })],
    ["in a list that is the whole answer", () => [{ b64_json: base64 }]],
    ["in images", () => ({ images: [{ b64_json: base64 }], timings: { inference: 1.2 } })],
    ["in images and in data", () => ({ images: [{ b64_json: base64 }], data: [{ b64_json: base64 }] })],
    ["as the item of a list", () => ({ images: [base64], parameters: {} })],
    ["in an envelope", () => ({ code: 200, msg: "ok", data: { data: [{ b64_json: base64 }] } })],
    [
      "beside an error that says success",
      () => ({ data: [{ b64_json: base64 }], error: { code: 0, message: "success" } }),
    ],
  ])("%s", async (_place, answer) => {
    server.answer = () => ({ body: JSON.stringify(answer()) });
    await expectImage();
  });

  test("behind another host name of the same server", async () => {
    const { port } = new URL(server.baseUrl);
    server.serveFile = (_incoming, outgoing) => outgoing.end(png);
    for (const host of ["localhost", "127.0.0.1"]) {
      server.answer = () => atUrl(`http://${host}:${port}/files/0.png`);
      await expectImage();
    }
  });
});

describe("an image in base64 is read", () => {
  test.each<[string, () => RawAnswer]>([
    ["broken into lines", () => item(wrapped("\n"))],
    ["broken into lines as in mails", () => item(wrapped("\r\n"))],
    [
      "broken into lines that are not escaped",
      () => ({ body: document({ b64_json: "HERE" }).replace("HERE", () => wrapped("\n")) }),
    ],
    ["with escaped solidi", () => ({ body: document({ b64_json: base64 }).replaceAll("/", "\\/") })],
    ["between white space", () => item(` \t\n${base64}\n \n`)],
    ["without padding", () => item(base64.replaceAll("=", ""))],
    ["with more padding than is needed", () => item(`${base64.replaceAll("=", "")}====`)],
    ["with a line break before the padding", () => item(`${base64.replaceAll("=", "")}\n=\n=`)],
    ["of the URL-safe alphabet", () => item(urlSafe())],
    [
      "of the URL-safe alphabet, without padding, in lines",
      () => item(urlSafe().replaceAll("=", "").replace(/.{64}/g, "$&\n")),
    ],
    ["in a data: URI", () => item(`data:image/png;base64,${base64}`)],
    ["in a data: URI with parameters", () => item(`data:image/png;charset=utf-8;name="a.png";base64,${base64}`)],
    ["in a data: URI without a type, in upper case", () => item(`DATA:;BASE64,${base64}`)],
    ["in a data: URI with white space", () => item(`\n data:image/png;base64,\n${wrapped("\n")}`)],
    [
      "in a data: URI with percent-encoded characters",
      () => item(`data:image/png;base64,${encodeURIComponent(wrapped("\n"))}`),
    ],
    ["at url, in a data: URI", () => atUrl(`data:image/png;base64,${base64}`)],
    ["at url, in a data: URI with parameters", () => atUrl(`data:image/png;charset=utf-8;base64,${base64}`)],
    ["at url, as it is", () => atUrl(base64)],
    ["at url, as it is, in lines", () => atUrl(wrapped("\n"))],
    [
      "at both, which counts once",
      () => ({ body: document({ url: `data:image/png;base64,${base64}`, b64_json: base64 }) }),
    ],
    [
      "at b64_json, with null at url",
      () => ({ body: document({ url: null, b64_json: base64, revised_prompt: null }) }),
    ],
  ])("%s", async (_name, answer) => {
    server.answer = answer;

    expect((await expectImage()).usage).toMatchObject({ input_tokens: 50, output_tokens: 1024, total_tokens: 1074 });
    expect(server.calls).toHaveLength(1);
  });

  test.each([
    ["a JPEG", "jpeg"],
    ["a WebP", "webp"],
    ["an AVIF", "avif"],
  ] as const)("at url, as plain Base64, if it is %s", async (_name, format) => {
    const made = await sharp(png)
      .resize(1024, 1024)
      .toFormat(format, { effort: 0 } as object)
      .toBuffer();
    server.answer = () => atUrl(made.toString("base64"));
    const { data } = await client.images.generate({ prompt: "a fox" });

    expect(await sharp(bytesOf(data?.[0])).metadata()).toMatchObject({ format: "png", width: 1024, height: 1024 });
  });

  test("in a stream of events, over lines and with a data: URI", async () => {
    const event = {
      type: "image_generation.completed",
      b64_json: `data:image/png;base64,${wrapped("\n")}`,
      usage: USAGE,
    };
    server.answer = () => ({
      headers: { "content-type": "application/octet-stream" },
      body: `data: ${JSON.stringify(event)}\n\n`,
    });
    await expectImage();
  });

  test.each<[string, () => string, string]>([
    ["is cut short", () => base64.slice(0, -3), "is not base64"],
    ["contains characters outside Base64", () => `${base64.slice(0, 5000)}!${base64.slice(5000)}`, "is not base64"],
    ["goes on after its padding", () => `AA==${base64}`, "is not base64"],
    ["is a data: URI of text", () => "data:image/svg+xml,%3Csvg%2F%3E", "is a data: URI without base64"],
  ])("but not if it %s", async (_name, text, reason) => {
    server.answer = () => item(text());
    const error = await failureOf(client.images.generate({ prompt: "a fox" }));

    expect(error).toMatchObject({ status: 502, code: "upstream_failed" });
    expect(error.message).toBe(`502 the provider's answer cannot be used: an image ${reason}`);
  });
});

describe("a response is accepted", () => {
  const right = () => document({ b64_json: base64 });

  test.each<[string, () => RawAnswer]>([
    ["that says it is text", () => ({ headers: { "content-type": "text/plain; charset=utf-8" }, body: right() })],
    ["that says it is text/json", () => ({ headers: { "content-type": "text/json" }, body: right() })],
    ["that says it is a page", () => ({ headers: { "content-type": "text/html" }, body: right() })],
    ["that says it is bytes", () => ({ headers: { "content-type": "application/octet-stream" }, body: right() })],
    ["that does not say what it is", () => ({ headers: { "content-type": "" }, body: right() })],
    ["that says it is a stream of events", () => ({ headers: { "content-type": "text/event-stream" }, body: right() })],
    ["after a byte order mark", () => ({ body: `\uFEFF${right()}` })],
    ["after white space", () => ({ body: `${" \n".repeat(5000)}${right()}` })],
    ["after white space and a byte order mark", () => ({ body: `\n\uFEFF\n${right()}` })],
    ["that is the image itself", () => ({ headers: { "content-type": "image/png" }, body: png })],
    ["that is the image itself, and says otherwise", () => ({ body: png })],
    ["that is compressed with gzip", () => ({ headers: { "content-encoding": "gzip" }, body: gzipSync(right()) })],
    [
      "that is compressed with gzip, by its old name",
      () => ({ headers: { "content-encoding": "X-GZIP" }, body: gzipSync(right()) }),
    ],
    [
      "that is compressed with brotli",
      () => ({ headers: { "content-encoding": "br" }, body: brotliCompressSync(right(), { params: { 1: 1 } }) }),
    ],
    [
      "that is compressed with zstd",
      () => ({ headers: { "content-encoding": "zstd" }, body: zstdCompressSync(right()) }),
    ],
    [
      "that is compressed with deflate",
      () => ({ headers: { "content-encoding": "deflate" }, body: deflateSync(right()) }),
    ],
    [
      "that is compressed with deflate, bare",
      () => ({ headers: { "content-encoding": "deflate" }, body: deflateRawSync(right()) }),
    ],
    ["that is compressed with gzip, unsaid", () => ({ body: gzipSync(right()) })],
    ["that is compressed with zstd, unsaid", () => ({ body: zstdCompressSync(right()) })],
    [
      "that is compressed twice",
      () => ({
        headers: { "content-encoding": "gzip, br" },
        body: brotliCompressSync(gzipSync(right()), { params: { 1: 1 } }),
      }),
    ],
    [
      "that is compressed twice, and says it once",
      () => ({ headers: { "content-encoding": "gzip" }, body: gzipSync(gzipSync(right())) }),
    ],
    ["that says it is compressed and is not", () => ({ headers: { "content-encoding": "gzip" }, body: right() })],
    [
      "that names its charset where its coding belongs",
      () => ({ headers: { "content-encoding": "utf-8" }, body: right() }),
    ],
    [
      "that is the image itself, compressed",
      () => ({ headers: { "content-type": "image/png", "content-encoding": "gzip" }, body: gzipSync(png) }),
    ],
    ["with an empty error", () => ({ body: document({ b64_json: base64 }, { error: {} }) })],
    ["with an error that is null", () => ({ body: document({ b64_json: base64 }, { error: null }) })],
    ["with an error of no text", () => ({ body: document({ b64_json: base64 }, { error: "" }) })],
    [
      "with an error whose fields are empty",
      () => ({ body: document({ b64_json: base64 }, { error: { message: "", type: "", param: null, code: 0 } }) }),
    ],
    ["that breaks off after its image", () => ({ body: `{"data":[{"b64_json":"${base64}"}],"usa` })],
  ])("%s", async (_name, answer) => {
    server.answer = answer;

    await expectImage();
    expect(server.calls).toHaveLength(1);
  });

  test.each<[string, RawAnswer, string]>([
    [
      "a web page",
      {
        headers: { "content-type": "text/html; charset=utf-8" },
        body: "<!DOCTYPE html>\n<html><head><title>Open WebUI 0.6</title></head>…",
      },
      'it is a web page (text/html) that begins "Open WebUI 0.6"',
    ],
    [
      "a web page under another label, without a title",
      { body: "<html><style>b{color:red}</style><body><h1>502 Bad Gateway</h1><hr>nginx/1.24.0</body></html>" },
      'it is a web page (application/json) that begins "502 Bad Gateway nginx/1.24.0"',
    ],
    [
      "a text",
      { headers: { "content-type": "text/plain" }, body: "upstream connect error or disconnect/reset before headers" },
      'it is neither JSON nor an image (text/plain) that begins "upstream connect error or disconnect/reset before headers"',
    ],
    [
      "a text without a type, with what it should not repeat",
      {
        headers: { "content-type": "" },
        body: `no: "fox" sk-abc123 ${"x".repeat(40)} key=0123456789abcdef ${"word ".repeat(50)}`,
      },
      'it is neither JSON nor an image (no known type) that begins "no: … … … key … word word word word"',
    ],
    [
      "an answer of another API",
      { body: '{"id":"chatcmpl-1","object":"chat.completion","choices":[],"a fox, secretly":1}' },
      "it holds no image at data[].b64_json or data[].url, but the members id, object, choices, …",
    ],
    ["not an object", { body: "[]" }, "it holds no image at data[].b64_json or data[].url, but no members"],
  ])("but not if it is %s, and the error says what came", async (_name, raw, description) => {
    server.answer = () => raw;
    const error = await failureOf(client.images.generate({ prompt: "a fox" }));

    expect(error.message).toBe(
      `502 the provider's answer cannot be used: ${description}; check OPENAI_BASE_URL, which has to name the API with its version, as http://host/v1 does`,
    );
  });

  test.each<[string, object, string]>([
    ["under another name", { pictures: ["…"] }, "pictures[0]"],
    ["deeper", { data: [{ image: { base64: "…" } }] }, "data[0].image.base64"],
  ])("but not if the image is %s, and the error says where it was", async (_name, shape, place) => {
    server.answer = () => ({ body: JSON.stringify(shape).replace("…", base64) });
    const error = await failureOf(client.images.generate({ prompt: "a fox" }));

    expect(error.message).toBe(
      `502 the provider's answer cannot be used: it has more than 1048576 bytes beside its images, the last of them at ${place}; images are read at data[].b64_json and data[].url`,
    );
  });

  test.each<[string, number, Record<string, string>, string, string]>([
    [
      "a page",
      404,
      { "content-type": "text/html" },
      "<html><title>404 Not Found</title>",
      'the provider refused the gateway\'s request with status 404: it is a web page (text/html) that begins "404 Not Found"; check OPENAI_BASE_URL, which has to name the API with its version, as http://host/v1 does',
    ],
    [
      "a page of a proxy",
      502,
      { "content-type": "text/html" },
      "<html><title>502 Bad Gateway</title>",
      'the provider failed with status 502: it is a web page (text/html) that begins "502 Bad Gateway"',
    ],
    ["an error in JSON", 500, {}, '{"error":{"message":"a fox"}}', "the provider failed with status 500"],
  ])("as an error for an error status with %s", async (_name, status, headers, body, message) => {
    server.answer = () => ({ status, headers, body });
    const error = await failureOf(client.images.generate({ prompt: "a fox" }));

    expect(error.message).toBe(`502 ${message}`);
  });

  test("only up to the size of the largest image after decompression", async () => {
    // 90 MB in 90 KB.
    const bomb = Buffer.concat([Buffer.from('{"data":[{"b64_json":"'), Buffer.alloc(90_000_000, "A")]);
    server.answer = () => ({ headers: { "content-encoding": "gzip" }, body: gzipSync(bomb) });
    const error = await failureOf(client.images.generate({ prompt: "a fox" }));

    expect(error.message).toBe("502 the provider's answer cannot be used: an image is larger than 67108864 bytes");
  });

  test("but not if its compressed data is damaged", async () => {
    server.answer = () => ({ headers: { "content-encoding": "gzip" }, body: gzipSync(right()).subarray(0, 100_000) });
    const error = await failureOf(client.images.generate({ prompt: "a fox" }));

    expect(error.message).toBe("502 the provider's answer cannot be used: the compressed data is damaged or cut short");
  });
});

describe("an image behind a URL", () => {
  const send = (outgoing: ServerResponse, headers: Record<string, string | number> = {}, body: Buffer = png) =>
    void outgoing.writeHead(200, { "content-type": "image/png", ...headers }).end(body);

  beforeEach(() => {
    server.serveFile = (_incoming, outgoing) => send(outgoing);
  });

  test.each<[string, (origin: string) => string, string]>([
    ["at this server", (origin) => `${origin}/files/0.png?a=1&b=2`, "/files/0.png?a=1&b=2"],
    ["as a path", () => "/files/0.png", "/files/0.png"],
    ["as a path that begins as a JPEG does", () => "/9j/images/of/a/fox", "/9j/images/of/a/fox"],
    ["below the API", () => "files/0.png", "/v1/files/0.png"],
    ["beside the API", () => "../files/0.png", "/files/0.png"],
    ["without a scheme", (origin) => origin.slice("http:".length).concat("/0.png"), "/0.png"],
    ["with white space around it", (origin) => ` ${origin}/0.png\n`, "/0.png"],
  ])("is downloaded: %s", async (_name, urlAt, path) => {
    server.answer = () => ({ body: document({ url: urlAt(server.origin), b64_json: null }) });

    await expectImage();
    expect(server.downloads.map(({ url }) => url)).toEqual([path]);
    expect(server.calls).toHaveLength(1);
  });

  test("is downloaded if b64_json holds the URL", async () => {
    server.answer = () => ({ body: document({ b64_json: `${server.origin}/0.png` }) });
    await expectImage();
  });

  test.each<[string, (outgoing: ServerResponse, count: number) => void]>([
    ["gzip", (outgoing) => send(outgoing, { "content-encoding": "gzip" }, gzipSync(png))],
    ["zstd", (outgoing) => send(outgoing, { "content-encoding": "zstd" }, zstdCompressSync(png))],
    ["gzip, unsaid", (outgoing) => send(outgoing, {}, gzipSync(png))],
  ])("is decompressed: %s", async (_name, serve) => {
    server.serveFile = (_incoming, outgoing, count) => serve(outgoing, count);
    server.answer = () => ({ body: document({ url: "/0.png" }) });
    await expectImage();
  });

  test.each<[string, (outgoing: ServerResponse) => void]>([
    ["is not there yet", (outgoing) => outgoing.writeHead(404).end()],
    ["may not be read yet", (outgoing) => outgoing.writeHead(403).end()],
    ["is at a busy host", (outgoing) => outgoing.writeHead(503).end()],
    ["is at a host that closes the connection", (outgoing) => outgoing.destroy()],
    [
      "is cut short",
      (outgoing) => {
        outgoing.writeHead(200, { "content-type": "image/png", "content-length": png.length });
        outgoing.write(png.subarray(0, 1_000_000), () => outgoing.destroy());
      },
    ],
    [
      "is cut short in the middle of a chunk, compressed",
      (outgoing) => {
        outgoing.writeHead(200, { "content-type": "image/png", "content-encoding": "gzip" });
        outgoing.write(gzipSync(png).subarray(0, 1_000_000), () => outgoing.destroy());
      },
    ],
  ])("that %s at first is requested again, and not paid for again", async (_name, fail) => {
    server.serveFile = (_incoming, outgoing, count) => (count === 1 ? fail(outgoing) : send(outgoing));
    server.answer = () => ({ body: document({ url: "/0.png" }) });

    await expectImage();
    expect(server.downloads).toHaveLength(2);
    expect(server.calls).toHaveLength(1);
  });
});

describe("a server that", () => {
  // The gateway remembers the parameters that a server refuses, so each test has a new one.
  beforeEach(async () => {
    await stop();
    await start();
  });

  const refusal = (message: string, fields: object = {}) => ({
    status: 400,
    body: JSON.stringify({ error: { message, type: "invalid_request_error", ...fields } }),
  });
  const image = () => item(base64);
  const answers =
    (refuse: (call: CompatibleCall) => RawAnswer | undefined) =>
    (call: CompatibleCall): RawAnswer =>
      refuse(call) ?? image();

  test("answers with local file paths unless asked for Base64 is asked for Base64", async () => {
    server.answer = ({ body }) =>
      body.response_format === "b64_json" ? image() : { body: document({ url: "/data/image/9f19.jpg" }) };

    await expectImage();
    expect(server.calls).toHaveLength(1);
  });

  test.each<[string, (name: string) => RawAnswer]>([
    [
      "as the vendor does",
      (name) => refusal(`Unknown parameter: '${name}'.`, { param: name, code: "unknown_parameter" }),
    ],
    ["by its param", (name) => refusal(`Argument not supported: ${name}`, { param: name, code: "400" })],
    [
      "in its message",
      (name) => refusal(`Unrecognized request argument supplied: ${name}`, { param: null, code: null }),
    ],
    ["in a text", (name) => ({ status: 400, body: JSON.stringify({ error: `json: unknown field "${name}"` }) })],
    [
      "as FastAPI does",
      (name) => ({
        status: 422,
        body: JSON.stringify({
          detail: [{ type: "extra_forbidden", loc: ["body", name], msg: "Extra inputs are not permitted" }],
        }),
      }),
    ],
  ])("refuses parameters %s is called again without them, and never gets them again", async (_name, refuse) => {
    server.answer = answers(({ body }) => {
      const name = ["response_format", "size", "quality", "output_format"].find((candidate) => candidate in body);
      return name === undefined ? undefined : refuse(name);
    });

    await expectImage();
    expect(server.calls).toHaveLength(5);
    await expectImage();
    expect(server.calls.map(({ body }) => Object.keys(body).toSorted()).slice(-2)).toEqual([
      ["model", "n", "prompt"],
      ["model", "n", "prompt"],
    ]);
    expect(server.calls).toHaveLength(6);
  });

  test("refuses a parameter leads to a warning if the parameter mattered to the client", async () => {
    server.answer = answers(({ body }) =>
      "size" in body ? refusal("size is not supported", { param: "size" }) : undefined,
    );
    const { body } = await gateway.graphql(
      `mutation { generateImages(input: { prompt: "a fox", size: "640x480", quality: HIGH }) { status warnings { code message } images { width height } } }`,
    );

    expect(body.data.generateImages).toEqual({
      status: "SUCCEEDED",
      warnings: [
        { code: "PROVIDER_WARNING", message: "the provider does not take size for gpt-image-2; it was left out" },
      ],
      images: [{ width: 640, height: 480 }],
    });
  });

  test("refuses a value is not called again, and the error names the parameter", async () => {
    server.answer = () =>
      refusal("Invalid 'prompt': string too long.", { param: "prompt", code: "string_above_max_length" });
    const error = await failureOf(client.images.generate({ prompt: "a fox" }));
    const detail = [
      { type: "string_too_long", loc: ["body", "prompt"], msg: "String should have at most 10 characters" },
    ];
    server.answer = () => ({ status: 422, body: JSON.stringify({ detail }) });
    const other = await getImageAsJson(gateway.url, { prompt: "a fox", n: "1", size: "64x64" });

    expect(error).toMatchObject({ status: 400, param: "prompt", type: "invalid_request_error" });
    expect(other).toMatchObject({
      status: 422,
      errorMessage: "the provider refused the value of prompt (string_too_long); send another one",
    });
    expect(server.calls.filter(({ body }) => body.prompt === "a fox")).toHaveLength(2);
  });

  test("lists its models as OpenAI does gets only parameters that OpenAI has", async () => {
    await stop();
    await start({ body: JSON.stringify({ data: [{ id: "gpt-image-2", shutdown_date: null }] }) });
    server.answer = () => refusal("Unknown parameter: 'size'.", { param: "size", code: "unknown_parameter" });
    const error = await failureOf(client.images.generate({ prompt: "a fox" }));

    expect(error).toMatchObject({ status: 400, param: "size" });
    const asked = server.calls
      .filter(({ body }) => body.prompt === "a fox")
      .map(({ body }) => Object.keys(body).toSorted());
    expect(asked).toEqual([["model", "n", "output_format", "prompt", "quality", "size"]]);
  });

  test("refuses a parameter of edits is called again without it", async () => {
    server.answer = answers(({ text }) =>
      text.includes('name="size"') ? refusal("Argument not supported: size", { param: "size" }) : undefined,
    );
    const file = await toFile(await plainImage(1024, 1024, 1, "png"), "fox.png", { type: "image/png" });
    const { data } = await client.images.edit({ image: file, prompt: "a hat" });

    expect(bytesOf(data?.[0]).equals(png)).toBe(true);
    expect(server.calls.map(({ path, text }) => [path, text.includes('name="response_format"')])).toEqual([
      ["/v1/images/edits", true],
      ["/v1/images/edits", true],
    ]);
  });
});
