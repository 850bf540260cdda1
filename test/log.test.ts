import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { toLoggedPath } from "../src/api/http/request-log.ts";
import { getImageAsJson } from "./support/clients/get-image-client.ts";
import { generateImages, graphql, listGenerations } from "./support/clients/graphql-client.ts";
import { httpRequest } from "./support/clients/http-request.ts";
import { gatewayProcesses } from "./support/processes/gateway-processes.ts";
import { type Behaviour, type StrictImageApi, startStrictImageApi } from "./support/vendors/strict-image-api.ts";

const PROMPT = 'a "marzipan" zeppelin\n    at the seaside, \\u006darked 寿司';
/** Any part of the prompt, plain or escaped, would contain one of these. */
const MARKS = /marzipan|zeppelin|seaside|寿司|\\u5bff|%E5%AF%BF/i;
const TIMEOUT_MS = 120_000;
const IMAGE = "img_01kaj0000000000000000000zz";
const GENERATION = "gen_01kaj0000000000000000000zz";

describe("the log of a whole session", () => {
  const startService = gatewayProcesses();
  let api: StrictImageApi;

  beforeEach(async () => {
    api = await startStrictImageApi();
  });

  afterEach(() => api.close());

  test.each(["info", "warn"])(
    "at level %s consists of JSON lines without prompts, keys, signatures or images",
    async (level) => {
      const secret = "a signing secret of the tests";
      const service = await startService({
        OPENAI_API_KEY: api.apiKey,
        OPENAI_BASE_URL: api.baseUrl,
        PICTOGRAPH_SIGNING_SECRET: secret,
        LOG_LEVEL: level,
      });
      const fields = { prompt: PROMPT, n: "1", size: "64x64" };
      const key = { "Idempotency-Key": "marked-idempotency-key" };
      const made = await getImageAsJson(service.url, fields, key);
      expect(made.errorMessage).toBe("OK");
      const generated = await generateImages(service.url, { prompt: PROMPT });
      const urls = [...made.urlList, ...generated.images.map(({ url }) => url)];
      expect(urls).toHaveLength(2);
      for (const url of urls) {
        expect((await httpRequest(url)).status).toBe(200);
        expect((await httpRequest(url.slice(0, -1))).status).toBe(403);
        expect((await httpRequest(url.replace(/expires=\d/, "expires=9"))).status).toBe(403);
        // As people mistype and paste them.
        for (const typed of [
          url.replace("?", "%3F"),
          url.replace("?", "&"),
          url.replace("?", "/"),
          url.replace("/images/", "/Images/"),
          url.replace("/images/", "/images//"),
          url.replace("/images/", "/pictures/images/"),
          url.replace("/images/", "/image/").replace("?", "&"),
          `${service.url}/${url}`,
        ]) {
          expect((await httpRequest(typed)).status).toBeGreaterThanOrEqual(400);
        }
      }

      const echo = `Incorrect API key provided: ${api.apiKey}. Your prompt was: ${PROMPT}`;
      const failures: Behaviour[] = [
        { error: { status: 401, message: echo, code: "invalid_api_key" } },
        { error: { status: 400, message: echo, code: echo, param: echo, type: echo } },
        { error: { status: 429, message: echo, headers: { "retry-after": "3600" } } },
        { error: { status: 500, message: echo } },
        { raw: { body: JSON.stringify({ error: { message: echo, code: echo } }) } },
        { raw: { headers: { "content-type": "text/html" }, body: echo } },
        { raw: { body: `{"data":[{"b64_json":"${echo}` } },
        "moderationBlocked",
        "notAnImage",
        "resetInBody",
      ];
      for (const [index, failure] of failures.entries()) {
        // A success in between: after five outages in a row the provider would be paused.
        if (index === 6) expect((await getImageAsJson(service.url, fields)).status).toBe(200);
        api.queue(failure);
        const { status, errorMessage } = await getImageAsJson(service.url, fields);
        expect(status).toBeGreaterThanOrEqual(400);
        expect(errorMessage).not.toMatch(MARKS);
      }
      expect(api.callCount).toBe(13);

      const json = { "Content-Type": "application/json" };
      await getImageAsJson(service.url, { ...fields, prompt: PROMPT.repeat(1000) });
      await getImageAsJson(service.url, { ...fields, size: PROMPT, n: PROMPT });
      await getImageAsJson(service.url, { ...fields, n: "2" }, key);
      await httpRequest(`${service.url}/get-image`, { method: "POST", headers: json, body: `{"prompt": "${PROMPT}` });
      await httpRequest(`${service.url}/graphql`, { method: "POST", headers: json, body: `{"query": "${PROMPT}` });
      await httpRequest(`${service.url}/get-image?prompt=${encodeURIComponent(PROMPT)}`);
      await httpRequest(`${service.url}/get-image/${encodeURIComponent(PROMPT)}`);
      await httpRequest(`${service.url}/graphql?query=${encodeURIComponent(`{ a(prompt: ${PROMPT}`)}`);
      await graphql(
        service.url,
        `mutation { generateImages(input: { prompt: ${JSON.stringify(PROMPT)}, n: 11 }) { id } }`,
      );
      await graphql(service.url, "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { id } }", {
        input: { prompt: PROMPT, size: PROMPT, marzipan: PROMPT },
      });
      await listGenerations(service.url);
      await service.stop();

      const output = service.lines.join("\n");
      expect(service.stderr).toBe("");
      for (const line of service.lines) {
        expect(JSON.parse(line)).toMatchObject({
          level: expect.stringMatching(/^(info|warn|error)$/),
          time: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/),
          msg: expect.stringMatching(/./),
        });
      }
      expect(service.lines.length).toBeGreaterThan(level === "info" ? 30 : 8);
      expect(output).not.toMatch(MARKS);
      expect(output).not.toContain(api.apiKey);
      expect(output).not.toMatch(/\bsk-/);
      expect(output).not.toContain(secret);
      expect(output).not.toContain("marked-idempotency-key");
      for (const url of urls) expect(output).not.toContain(new URL(url).searchParams.get("signature"));
      expect(output).not.toMatch(/signature=|expires=/);
      for (const { bytes } of api.images) {
        expect(output).not.toContain(bytes.toString("base64", 0, 30));
        expect(output).not.toContain(bytes.toString("hex", 0, 8));
      }
      expect(output).not.toMatch(/iVBOR|PNG\\r|data:image/);
    },
    TIMEOUT_MS,
  );

  test(
    "contains requests by id, and generations with their ends",
    async () => {
      const service = await startService({ OPENAI_API_KEY: api.apiKey, OPENAI_BASE_URL: api.baseUrl });
      const answer = await getImageAsJson(service.url, { prompt: PROMPT, n: "1", size: "64x64" });
      api.queue("unauthorized");
      await getImageAsJson(service.url, { prompt: PROMPT, n: "1", size: "64x64" });
      const [failed, made] = await listGenerations(service.url);
      const kept = await readFile(join(service.dataDirectory, "signing-secret"), "utf8");
      await service.stop();

      const lines = service.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
      const requestId = answer.headers["x-request-id"];
      expect(lines.filter((line) => line.requestId === requestId)).toMatchObject([
        { level: "info", method: "POST", path: "/get-image", status: 200, durationMs: expect.any(Number) },
      ]);
      const duration = expect.any(Number);
      const end = { level: "info", msg: "generation ended", model: "gpt-image-2.6-flare", operation: "GENERATE" };
      const durations = { queuedMs: duration, runMs: duration, providerMs: duration };
      expect(lines.filter((line) => line.generationId === made?.id)).toMatchObject([
        {
          ...end,
          ...durations,
          status: "SUCCEEDED",
          requestedImages: 1,
          imageCount: 1,
          costUsd: expect.stringMatching(/^0\.0*[1-9]/),
        },
      ]);
      expect(lines.filter((line) => line.generationId === failed?.id)).toMatchObject([
        { level: "warn", err: { name: "GatewayError", code: "UPSTREAM_FAILED", cause: { name: expect.any(String) } } },
        { ...end, ...durations, status: "FAILED", code: "UPSTREAM_FAILED", billed: "NO", imageCount: 0 },
      ]);
      expect(service.lines.join("\n")).not.toContain(kept);
    },
    TIMEOUT_MS,
  );

  test(
    "says how a canceled generation ended, and one whose process died",
    async () => {
      const env = { OPENAI_API_KEY: api.apiKey, OPENAI_BASE_URL: api.baseUrl, PICTOGRAPH_MAX_CONCURRENCY: "1" };
      const dying = await startService(env);
      const hold = api.holdNext();
      const running = await generateImages(dying.url, { prompt: PROMPT, waitSeconds: 0 });
      await hold.arrived;
      const waiting = await generateImages(dying.url, { prompt: PROMPT, n: 2, waitSeconds: 0 });
      await graphql(dying.url, `mutation { cancelGeneration(id: "${waiting.id}") { id } }`);
      // The process writes its lines in groups.
      await dying.waitForLine((line) => line.includes("generation ended"));
      await dying.kill();
      const next = await startService({ ...env, PICTOGRAPH_DATA_DIR: dying.dataDirectory });
      await next.stop();
      hold.release();

      const lines = [...dying.lines, ...next.lines].map((line) => JSON.parse(line) as Record<string, unknown>);
      const common = {
        model: "gpt-image-2.6-flare",
        operation: "GENERATE",
        imageCount: 0,
        queuedMs: expect.any(Number),
      };
      const ends = lines.filter(({ msg }) => msg === "generation ended");
      expect(ends).toEqual([
        expect.objectContaining({ ...common, generationId: waiting.id, status: "CANCELED", requestedImages: 2 }),
        expect.objectContaining({
          ...common,
          generationId: running.id,
          status: "FAILED",
          code: "INTERRUPTED",
          billed: "UNKNOWN",
          costIsEstimated: true,
          runMs: expect.any(Number),
        }),
      ]);
      // The calls of these generations did not end in the process that ended them.
      for (const end of ends) expect(end).not.toHaveProperty("providerMs");
      expect(ends[0]).not.toHaveProperty("runMs");
    },
    TIMEOUT_MS,
  );
});

test.each([
  ["/get-image", "/get-image"],
  ["/v1/models/org/some-model", "/v1/models/org/some-model"],
  ["/v1/images/generations", "/v1/images/generations"],
  [`/images/${IMAGE}.png`, `/images/${IMAGE}`],
  [`/images/${IMAGE}/512x-cover.webp&expires=1&signature=x`, `/images/${IMAGE}`],
  [`/images/${GENERATION}/preview-0-1.webp`, `/images/${GENERATION}`],
  ["/images/signature=x", "/images/"],
  ["/images/", "/images/"],
  [`/pictures/IMAGES/${IMAGE}.png%3Fsignature=x`, `/pictures/images/${IMAGE}`],
  [`/a fox/images/${IMAGE}`, `/a/images/${IMAGE}`],
  ["/image%73/signature", "/image"],
  ["/a%20red%20fox", "/a"],
  ["/signature=x", "/signature"],
  [`/${"x".repeat(1000)}`, `/${"x".repeat(99)}`],
])("the path %s is logged as %s", (path, expected) => {
  expect(toLoggedPath(path)).toBe(expected);
});

describe("an error in the log", () => {
  /** The output on stdout of a real process that logs this error. */
  async function logged(level: string, makeError: string): Promise<Record<string, unknown>> {
    const script = `
      import { createLogger } from ${JSON.stringify(new URL("../dist/log.js", import.meta.url).href)};
      import { GatewayError } from ${JSON.stringify(new URL("../dist/errors.js", import.meta.url).href)};
      const prompt = ${JSON.stringify(PROMPT)};
      function failing() { return ${makeError}; }
      createLogger(${JSON.stringify(level)}).error({ err: failing() }, "it failed");
    `;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script]);
    return JSON.parse(stdout) as Record<string, unknown>;
  }

  test.each([
    "new TypeError('bad prompt: ' + prompt)",
    "new Error(prompt)",
    "new Error('x', { cause: new Error(prompt) })",
    "new GatewayError('UPSTREAM_FAILED', 'it broke', { cause: new Error(prompt, { cause: new RangeError(prompt) }) })",
    "Object.assign(new Error('x'), { body: prompt, request: { prompt }, toJSON: () => prompt })",
    "prompt",
    "({ message: prompt })",
    "new AggregateError([new Error(prompt)], prompt)",
  ])("made by %s appears without its message", async (makeError) => {
    const line = await logged("info", makeError);

    expect(line).toMatchObject({ level: "error", msg: "it failed", err: { name: expect.any(String) } });
    expect(JSON.stringify(line)).not.toMatch(MARKS);
  });

  test("shows where it was thrown", async () => {
    const { err } = await logged("info", "new TypeError(prompt)");

    expect(err).toMatchObject({
      name: "TypeError",
      frames: expect.arrayContaining([expect.stringContaining("failing")]),
    });
  });

  test("appears with the messages of the gateway and the operating system", async () => {
    const gateway = await logged("info", "new GatewayError('RATE_LIMITED', 'the limit is reached')");
    expect(gateway.err).toMatchObject({ name: "GatewayError", code: "RATE_LIMITED", message: "the limit is reached" });

    const system = await logged(
      "info",
      "Object.assign(new Error('EFBIG: file too large'), { code: 'EFBIG', syscall: 'write' })",
    );
    expect(system.err).toMatchObject({ code: "EFBIG", message: "EFBIG: file too large" });
  });

  test("appears with its message at level debug", async () => {
    const { err } = await logged("debug", "new Error('x', { cause: new Error(prompt) })");

    expect(JSON.stringify(err)).toMatch(MARKS);
  });
});
