import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import OpenAI from "openai";
import sharp from "sharp";
import { GuardedDownloads } from "../../../src/adapters/downloads/guarded-downloads.ts";
import { httpFetch } from "../../../src/adapters/http-fetch.ts";
import { createOpenAI } from "../../../src/adapters/openai/openai.ts";
import { GatewayError } from "../../../src/errors.ts";
import type { GenerateRequest, ImageProvider } from "../../../src/ports/image-provider.ts";
import { BLOCK_CHARACTERS } from "../../../src/streamed-json/base64-decoder.ts";
import { OUR_TIMERS } from "../../support/our-timers.ts";
import { type StrictImageApi, startStrictImageApi } from "../../support/vendors/strict-image-api.ts";
import { type ReadEvent, readAll } from "./answers.ts";

const FOX: GenerateRequest = {
  model: "gpt-image-2.6-flare",
  prompt: "a fox in the snow",
  n: 1,
  size: { width: 1024, height: 1024 },
  quality: "LOW",
  format: "PNG",
  background: "AUTO",
  partialImages: 0,
};

let api: StrictImageApi;
let provider: ImageProvider;

beforeEach(async () => {
  api = await startStrictImageApi({ extraModels: ["local-diffusion"] });
  provider = createOpenAI({ apiKey: api.apiKey, baseUrl: api.baseUrl, timeoutMs: 20_000 });
});

afterEach(async () => {
  jest.useRealTimers();
  await provider.close();
  await api.close();
});

function generate(changes: Partial<GenerateRequest> = {}, signal = new AbortController().signal): Promise<ReadEvent[]> {
  return readAll(provider.generate({ ...FOX, ...changes }, signal));
}

async function failure(call: Promise<unknown>): Promise<GatewayError> {
  const error = await call.then(
    () => new Error("it did not fail"),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof GatewayError)) throw error;
  return error;
}

describe("the request to OpenAI", () => {
  test.each([
    ["the least", {}, { quality: "low", output_format: "png" }],
    ["no automatic background", { background: "AUTO", quality: "AUTO" }, { quality: "auto", output_format: "png" }],
    [
      "all choices",
      { n: 2, quality: "MAX", format: "WEBP", background: "TRANSPARENT", size: { width: 1536, height: 864 } },
      { n: 2, quality: "max", output_format: "webp", background: "transparent", size: "1536x864" },
    ],
    [
      "no seed",
      { seed: 7, format: "JPEG", background: "OPAQUE" },
      { quality: "low", output_format: "jpeg", background: "opaque" },
    ],
    [
      "what goes along unseen",
      { format: "WEBP", compression: 0, moderation: "LOW", safetyIdentifier: "4f0" },
      { quality: "low", output_format: "webp", output_compression: 0, moderation: "low", safety_identifier: "4f0" },
    ],
    [
      "previews of one image",
      { partialImages: 2 },
      { quality: "low", output_format: "png", stream: true, partial_images: 2 },
    ],
    [
      "no previews of several, which the vendor refuses",
      { partialImages: 2, n: 2 },
      { quality: "low", output_format: "png", n: 2 },
    ],
  ] as const)("has exactly what the model accepts: %s", async (_name, changes, expected) => {
    await generate(changes);
    const common = { model: FOX.model, prompt: FOX.prompt, n: 1, size: "1024x1024" };
    expect(api.requests.map((request) => request.body)).toEqual([{ ...common, ...expected }]);
  });

  test("uses nothing from the environment and logs nothing", async () => {
    const before = { ...process.env };
    const logged = (["debug", "info", "warn", "error", "log"] as const).map((name) =>
      jest.spyOn(console, name).mockImplementation(() => {}),
    );
    Object.assign(process.env, {
      OPENAI_API_KEY: "sk-of-the-environment",
      OPENAI_BASE_URL: "http://127.0.0.1:1",
      OPENAI_ORG_ID: "org-of-the-environment",
      OPENAI_PROJECT_ID: "proj-of-the-environment",
      OPENAI_LOG: "debug",
    });
    try {
      provider = createOpenAI({ apiKey: api.apiKey, baseUrl: api.baseUrl, timeoutMs: 20_000 });
      await generate();
      api.queue("serverError");
      await failure(generate());
      expect(JSON.stringify(api.requests)).not.toContain("environment");
      for (const log of logged) expect(log).not.toHaveBeenCalled();
    } finally {
      process.env = before;
      jest.restoreAllMocks();
    }
  });

  test("has the URL and headers of the official client", async () => {
    const client = new OpenAI({ apiKey: api.apiKey, baseURL: api.baseUrl, fetch: httpFetch, timeout: 20_000 });
    await client.images.generate({ model: FOX.model, prompt: FOX.prompt, quality: "low" });
    await generate();
    const [official, own] = api.requests.map(({ path, headers: { "content-length": _, ...headers } }) => ({
      path,
      headers,
    }));
    expect(own).toEqual(official);
  });

  test("may name models from the operator's file", async () => {
    provider = createOpenAI({
      apiKey: api.apiKey,
      baseUrl: api.baseUrl,
      timeoutMs: 20_000,
      extraModels: ["local-diffusion"],
    });
    expect(await generate({ model: "local-diffusion" })).toHaveLength(2);
  });
});

describe("the answer of OpenAI", () => {
  test.each(["PNG", "JPEG", "WEBP"] as const)(
    "contains the bytes that the provider made, as %s, and its usage",
    async (format) => {
      const events = await generate({ n: 3, format });
      expect(events.map((event) => event.type)).toEqual(["image", "image", "image", "usage"]);
      for (const [index, made] of api.images.entries()) {
        const event = events[index];
        expect(event?.type === "image" && event.index === index && event.bytes.equals(made.bytes)).toBe(true);
        expect(await sharp(made.bytes).metadata()).toMatchObject({
          width: 1024,
          height: 1024,
          format: format.toLowerCase(),
        });
      }
      const sums = { inputTokens: 5, outputTokens: 816, totalTokens: 821 };
      const inputDetails = { textTokens: 5, imageTokens: 0 };
      const outputDetails = { textTokens: 0, imageTokens: 816 };
      expect(events[3]).toEqual({ type: "usage", usage: { ...sums, inputDetails, outputDetails } });
      expect(await api.requests[0]?.closed).toBe("finished");
    },
  );

  test.each([
    ["all previews", "normal", 3],
    ["fewer previews than asked for", "finalEarly", 1],
    ["previews in tiny pieces", { pieces: 97 }, 3],
  ] as const)("contains %s before the image", async (_name, behaviour, count) => {
    api.respondWith(behaviour);
    const events = await generate({ partialImages: 3, format: "WEBP" });
    expect(events.map((event) => event.type)).toEqual([...Array(count).fill("partial"), "image", "usage"]);
    for (const [index, made] of api.images.entries()) {
      const event = events[index];
      expect(event?.type !== "usage" && event?.bytes.equals(made.bytes)).toBe(true);
      if (event?.type === "partial") expect([event.index, event.partialIndex]).toEqual([0, index]);
    }
  });

  test("is read even if its chunks are tiny", async () => {
    api.respondWith({ pieces: 13 });
    const [event] = await generate({ format: "WEBP" });
    expect(event?.type === "image" && event.bytes.equals(api.images[0]?.bytes ?? Buffer.of())).toBe(true);
  });

  test("has fewer images than requested if the provider made fewer", async () => {
    api.respondWith("oneImageTooFew");
    expect((await generate({ n: 3 })).map((event) => event.type)).toEqual(["image", "image", "usage"]);
  });

  test("is passed on even if it is not an image", async () => {
    api.respondWith("notAnImage");
    const [event] = await generate();
    expect(event?.type === "image" && event.bytes.toString()).toBe("This is no image.");
  });

  test.each([0, 2])(
    "is downloaded from the URLs that a compatible server sends, with %i previews",
    async (partialImages) => {
      const downloads = new GuardedDownloads({ hosts: [], ownOrigins: [new URL(api.baseUrl).origin] });
      provider = createOpenAI({ apiKey: api.apiKey, baseUrl: api.baseUrl, timeoutMs: 20_000, downloads });
      api.respondWith("ownUrls");
      const events = await generate({ n: partialImages === 0 ? 3 : 1, partialImages });
      const pictures = events.flatMap((event) => (event.type === "usage" ? [] : [event.bytes]));
      expect(events.at(-1)?.type).toBe("usage");
      expect(pictures).toHaveLength(3);
      expect(pictures.every((bytes, index) => bytes.equals(api.images[index]?.bytes ?? Buffer.of()))).toBe(true);
    },
  );

  test("may be plain JSON from a server that cannot stream", async () => {
    const body = JSON.stringify({ data: [{ b64_json: Buffer.from("fox").toString("base64") }] });
    api.respondWith({ raw: { body } });
    expect(await generate({ partialImages: 2 })).toEqual([{ type: "image", index: 0, bytes: Buffer.from("fox") }]);
  });
});

describe("a failed call is translated:", () => {
  const vendor = (status: number, code: string | null, more = {}) => ({ error: { status, code, ...more } });
  const cases = [
    ["wrong key", "unauthorized", "UPSTREAM_FAILED", "NO", false],
    ["forbidden", vendor(403, "unsupported_country_region_territory"), "UPSTREAM_FAILED", "NO", false],
    ["refused content", "moderationBlocked", "CONTENT_REJECTED", "NO", false],
    ["refused content of 2023", vendor(400, "content_policy_violation"), "CONTENT_REJECTED", "NO", false],
    [
      "content refused before the image",
      vendor(400, "moderation_blocked", { moderation_details: { moderation_stage: "input" } }),
      "CONTENT_REJECTED",
      "NO",
      false,
    ],
    [
      "content refused after the image was made",
      vendor(400, "moderation_blocked", { moderation_details: { moderation_stage: "output" } }),
      "CONTENT_REJECTED",
      "UNKNOWN",
      false,
    ],
    [
      "content refused beside an image",
      {
        raw: {
          body: '{"data":[{"b64_json":"AAAA"}],"error":{"code":"moderation_blocked","moderation_details":{"moderation_stage":"output"}}}',
        },
      },
      "CONTENT_REJECTED",
      "YES",
      false,
    ],
    ["no budget", "billingLimit", "BUDGET_EXCEEDED", "NO", false],
    ["no quota", vendor(429, "insufficient_quota"), "BUDGET_EXCEEDED", "NO", false],
    ["payment required", vendor(402, null), "BUDGET_EXCEEDED", "NO", false],
    ["unknown model", vendor(404, "model_not_found"), "MODEL_UNAVAILABLE", "NO", false],
    ["no such path", vendor(404, null), "UPSTREAM_FAILED", "NO", false],
    ["rate limit", { rateLimited: {} }, "RATE_LIMITED", "NO", true],
    ["refused parameter", vendor(400, "invalid_value", { param: "size" }), "INPUT_REJECTED", "NO", false],
    [
      "refused parameter of a server's own fault",
      vendor(400, null, { type: "server_error", param: "size" }),
      "UPSTREAM_FAILED",
      "NO",
      false,
    ],
    ["redirect", vendor(307, null, { headers: { location: "http://127.0.0.1:1/" } }), "UPSTREAM_FAILED", "NO", false],
    ["server error", "serverError", "UPSTREAM_FAILED", "UNKNOWN", true],
    ["gateway timeout", vendor(504, null), "UPSTREAM_FAILED", "UNKNOWN", true],
    ["unavailable", vendor(503, null), "UPSTREAM_FAILED", "NO", true],
    ["error without JSON", { raw: { status: 502, body: "<html>" } }, "UPSTREAM_FAILED", "UNKNOWN", true],
    ["reset before the answer", "resetBeforeAnswer", "UPSTREAM_FAILED", "UNKNOWN", true],
    ["reset within an image", "resetInBody", "UPSTREAM_FAILED", "YES", true],
    ["half an answer", "halfJson", "UPSTREAM_FAILED", "YES", true],
    ["invalid Base64", "notBase64", "UPSTREAM_FAILED", "YES", true],
    ["addresses", "urls", "UPSTREAM_FAILED", "YES", true],
    ["page", "html", "UPSTREAM_FAILED", "UNKNOWN", true],
    ["no images", "noImages", "UPSTREAM_FAILED", "UNKNOWN", true],
    ["error with status 200", "errorWith200", "UPSTREAM_FAILED", "UNKNOWN", true],
    ["no content", { raw: { status: 204, body: "" } }, "UPSTREAM_FAILED", "UNKNOWN", true],
  ] as const;

  test.each(cases)("%s", async (_name, behaviour, code, billed, isRetryable) => {
    api.respondWith(behaviour);
    const error = await failure(generate());
    expect(error).toMatchObject({ code, isRetryable, details: { billed } });
    expect(error.cause).toBeDefined();
    expect(api.callCount).toBe(1);
  });

  test.each([
    ["seconds", { "retry-after": "7" }, 7],
    ["milliseconds", { "retry-after-ms": "1200", "retry-after": "60" }, 2],
    [
      "a date by the server's clock",
      { "retry-after": "Wed, 21 Oct 2015 07:28:00 GMT", date: "Wed, 21 Oct 2015 07:27:30 GMT" },
      30,
    ],
    ["a date that is over", { "retry-after": "Wed, 21 Oct 2015 07:28:00 GMT" }, 0],
    ["nonsense", { "retry-after": "soon" }, undefined],
  ] as const)("a rate limit with the time to wait, given in %s", async (_name, headers, seconds) => {
    api.respondWith({ error: { status: 429, code: "rate_limit_exceeded", headers } });
    const { details } = await failure(generate());
    expect(details.retryAfterSeconds).toBe(seconds);
  });

  test("a refused parameter is named only if its name is known to be harmless", async () => {
    api.queue({ error: { status: 400, param: "size" } }, { error: { status: 400, param: "a fox in the snow" } });
    expect(await failure(generate())).toMatchObject({
      code: "INPUT_REJECTED",
      message: "the provider refused the value of size; send another one",
      details: { field: "size" },
    });
    expect((await failure(generate())).message).not.toContain("fox");
  });

  test("an error in a stream after a preview", async () => {
    api.queue("errorEvent", "resetInBody", "notBase64", "noImages");
    for (const billed of ["UNKNOWN", "UNKNOWN", "YES", "UNKNOWN"]) {
      const error = await failure(generate({ partialImages: 1 }));
      expect(error).toMatchObject({ code: "UPSTREAM_FAILED", details: { billed } });
    }
  });

  test("a server that does not listen", async () => {
    await api.close();
    const error = await failure(generate());
    expect(error).toMatchObject({ code: "UPSTREAM_FAILED", isRetryable: true, details: { billed: "NO" } });
    expect(error.cause).toMatchObject({ code: "ECONNREFUSED" });
    api = await startStrictImageApi();
  });

  test("a server without TLS where TLS is expected", async () => {
    provider = createOpenAI({ apiKey: api.apiKey, baseUrl: api.baseUrl.replace("http:", "https:"), timeoutMs: 20_000 });
    expect(await failure(generate())).toMatchObject({ code: "UPSTREAM_FAILED", details: { billed: "NO" } });
  });

  test("image URLs at another host that the operator did not allow", async () => {
    const downloads = new GuardedDownloads({ hosts: [], ownOrigins: [new URL(api.baseUrl).origin] });
    provider = createOpenAI({ apiKey: api.apiKey, baseUrl: api.baseUrl, timeoutMs: 20_000, downloads });
    for (const partialImages of [0, 1]) {
      api.respondWith("urls");
      const error = await failure(generate({ partialImages }));
      expect(error).toMatchObject({ code: "UPSTREAM_FAILED", isRetryable: false, details: { billed: "YES" } });
      expect(error.message).toMatch(/could not be downloaded: .* https:\/\/images\.example; PICTOGRAPH_DOWNLOAD_HOSTS/);
      expect(error.message).not.toContain("marked");
    }
  });

  test("a download that takes longer than the call may", async () => {
    const asked = Promise.withResolvers<void>();
    const silent = createServer(() => asked.resolve()).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const origin = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const downloads = new GuardedDownloads({ hosts: [], ownOrigins: [origin] });
    provider = createOpenAI({ apiKey: api.apiKey, baseUrl: api.baseUrl, timeoutMs: 20_000, downloads });
    api.respondWith({ raw: { body: JSON.stringify({ data: [{ url: `${origin}/made.png` }] }) } });
    jest.useFakeTimers(OUR_TIMERS);
    const failed = failure(generate());
    await asked.promise;
    jest.advanceTimersByTime(20_000);
    expect(await failed).toMatchObject({ code: "UPSTREAM_TIMEOUT", details: { billed: "YES" } });
    silent.closeAllConnections();
    silent.close();
  });

  test("a custom fetch that cannot connect", async () => {
    const unreachable = async () => {
      throw new TypeError("fetch failed", { cause: Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" }) });
    };
    provider = createOpenAI({ apiKey: api.apiKey, timeoutMs: 20_000, fetch: unreachable });
    expect(await failure(generate())).toMatchObject({ isRetryable: true, details: { billed: "NO" } });
  });

  test("an error body, of which only a limited part is read", async () => {
    let pulls = 0;
    const body = new ReadableStream({
      pull(controller) {
        pulls++;
        controller.enqueue(Buffer.alloc(16_384, " "));
      },
    });
    provider = createOpenAI({
      apiKey: api.apiKey,
      timeoutMs: 20_000,
      fetch: async () => new Response(body, { status: 500 }),
    });
    expect(await failure(generate())).toMatchObject({ code: "UPSTREAM_FAILED", details: { billed: "UNKNOWN" } });
    expect(pulls).toBeLessThan(10);
  });

  test("its error contains no prompt, key or image, however the provider repeats them", async () => {
    const secrets = [FOX.prompt, api.apiKey, "c2VjcmV0IHdvcmRz"];
    const message = secrets.join(" ");
    const told = { message, type: message, code: message, param: message, headers: { "x-request-id": api.apiKey } };
    const broken = JSON.stringify({ data: [], note: message }).slice(0, -1);
    api.queue(
      ...[400, 401, 404, 429, 500].map((status) => ({ error: { status, ...told } })),
      { error: { status: 400, ...told, code: "moderation_blocked" } },
      { raw: { status: 500, body: message } },
      { raw: { body: JSON.stringify({ error: told }) } },
      { raw: { body: JSON.stringify({ error: message }) } },
      { raw: { body: broken } },
      { raw: { body: `{"data":[{"b64_json":"${secrets[2]}!"}]}` } },
    );
    for (let call = 0; call < 11; call++) {
      const shown = everythingIn(await failure(generate()));
      for (const secret of secrets) expect(shown).not.toContain(secret);
    }
    expect(api.callCount).toBe(11);
  });
});

describe("a time limit applies", () => {
  const timeIsOver = () => jest.advanceTimersByTime(20_000);

  beforeEach(() => void jest.useFakeTimers(OUR_TIMERS));

  test("to the call", async () => {
    const held = api.holdNext();
    const failed = failure(generate());
    const request = await held.arrived;
    timeIsOver();
    expect(await failed).toMatchObject({
      code: "UPSTREAM_TIMEOUT",
      isRetryable: true,
      details: { billed: "UNKNOWN" },
    });
    expect(await request.closed).toBe("disconnected");
    held.release();
  });

  test("to its body", async () => {
    api.respondWith("hangInBody");
    const read = async (): Promise<void> => {
      for await (const event of provider.generate({ ...FOX, format: "WEBP" }, new AbortController().signal)) {
        if (event.type === "usage") continue;
        timeIsOver();
        for await (const _ of event.bytes);
      }
    };
    expect(await failure(read())).toMatchObject({
      code: "UPSTREAM_TIMEOUT",
      isRetryable: true,
      details: { billed: "YES" },
    });
    expect(await api.requests[0]?.closed).toBe("disconnected");
  });

  test("to an error body that never ends", async () => {
    const isRead = Promise.withResolvers<void>();
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("{");
      isRead.resolve();
      await new Promise(() => {});
    }
    api.respondWith({ raw: { status: 500, body: endless() } });
    const failed = failure(generate());
    await isRead.promise;
    timeIsOver();
    expect(await failed).toMatchObject({ code: "UPSTREAM_TIMEOUT" });
  });
});

describe("a client that disconnects", () => {
  const reason = new Error("the caller left");

  test("before the call: nothing is sent", async () => {
    await expect(generate({}, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(api.callCount).toBe(0);
  });

  test("while the call waits: its reason is thrown and the connection closed", async () => {
    const caller = new AbortController();
    const held = api.holdNext();
    const call = generate({}, caller.signal);
    const request = await held.arrived;
    caller.abort(reason);
    await expect(call).rejects.toBe(reason);
    expect(await request.closed).toBe("disconnected");
    held.release();
  });

  test("while the image is read: its reason is thrown and the connection closed", async () => {
    api.respondWith("hangInBody");
    const caller = new AbortController();
    const read = async (): Promise<void> => {
      for await (const event of provider.generate(FOX, caller.signal)) {
        if (event.type === "usage") continue;
        const pending = event.bytes[Symbol.asyncIterator]().next();
        caller.abort(reason);
        await pending;
      }
    };
    await expect(read()).rejects.toBe(reason);
    expect(await api.requests[0]?.closed).toBe("disconnected");
  });

  test("by ending the iteration: the connection is closed", async () => {
    api.respondWith("hangInBody");
    for await (const event of provider.generate(FOX, new AbortController().signal)) {
      expect(event.type).toBe("image");
      break;
    }
    expect(await api.requests[0]?.closed).toBe("disconnected");
  });

  test("in the middle of a read: the connection is closed", async () => {
    api.respondWith("hangInBody");
    const events = provider.generate({ ...FOX, format: "WEBP" }, new AbortController().signal)[Symbol.asyncIterator]();
    const { value } = await events.next();
    if (value?.type !== "image") throw new Error("an image was expected");
    const pending = readAll(
      (async function* () {
        yield value;
      })(),
    );
    await events.return?.();
    await expect(pending).rejects.toBeInstanceOf(GatewayError);
    expect(await api.requests[0]?.closed).toBe("disconnected");
  });

  test("leaves no timer behind", async () => {
    // Other parts of the process set timers too, but none with this value.
    const timeoutMs = 1_234_567;
    const limited = createOpenAI({ apiKey: api.apiKey, baseUrl: api.baseUrl, timeoutMs });
    const started = jest.spyOn(globalThis, "setTimeout");
    const cleared = jest.spyOn(globalThis, "clearTimeout");
    try {
      await readAll(limited.generate(FOX, new AbortController().signal));
      const timers = started.mock.results.filter((_, index) => started.mock.calls[index]?.[1] === timeoutMs);
      expect(timers.length).toBeGreaterThan(0);
      for (const { value } of timers) expect(cleared).toHaveBeenCalledWith(value as NodeJS.Timeout);
    } finally {
      started.mockRestore();
      cleared.mockRestore();
      await limited.close();
    }
  });

  test("leaves no listener on a signal that is used again", async () => {
    const { signal } = new AbortController();
    const added = jest.spyOn(signal, "addEventListener");
    const removed = jest.spyOn(signal, "removeEventListener");
    await generate({}, signal);
    api.respondWith("serverError");
    await failure(generate({}, signal));
    expect(added).toHaveBeenCalledTimes(2);
    expect(removed.mock.calls.map(([, listener]) => listener)).toEqual(
      added.mock.calls.map(([, listener]) => listener),
    );
  });
});

test("a slow consumer slows down the reading of the body", async () => {
  let pulls = 0;
  const body = new ReadableStream(
    {
      pull(controller) {
        controller.enqueue(Buffer.from(pulls++ === 0 ? '{"data":[{"b64_json":"' : "A".repeat(BLOCK_CHARACTERS)));
      },
    },
    { highWaterMark: 0 },
  );
  const headers = { "content-type": "application/json" };
  provider = createOpenAI({ apiKey: "sk-x", timeoutMs: 20_000, fetch: async () => new Response(body, { headers }) });
  for await (const event of provider.generate(FOX, new AbortController().signal)) {
    if (event.type !== "image") continue;
    await new Promise(setImmediate);
    expect(pulls).toBe(2);
    const bytes = event.bytes[Symbol.asyncIterator]();
    await bytes.next();
    await new Promise(setImmediate);
    expect(pulls).toBe(3);
    break;
  }
});

/** Returns every text reachable from a value, including hidden properties. */
function everythingIn(value: unknown, seen = new Set<unknown>()): string {
  if (typeof value !== "object" || value === null) return String(value);
  if (seen.has(value)) return "";
  seen.add(value);
  return Reflect.ownKeys(value)
    .map((key) => `${String(key)} ${everythingIn(Reflect.get(value, key), seen)}`)
    .join("\n");
}
