import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import OpenAI from "openai";
import sharp from "sharp";
import { GatewayError } from "../../../../src/errors.ts";
import type { ProviderEvent } from "../../../../src/ports/image-provider.ts";
import { httpRequest } from "../../../support/clients/http-request.ts";
import { bytesOf, OPENAI_CLIENTS } from "../../../support/clients/openai-clients.ts";
import {
  ANY_SIZE_MODEL,
  holdCalls,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../../support/gateways/scripted-gateway.ts";
import { makeImages, once, plainImage } from "../../../support/gateways/scripted-provider.ts";

const MODEL = { ...ANY_SIZE_MODEL, previews: { maxPartialImages: 3, maxImages: 1 } };
const RETIRED = { ...ANY_SIZE_MODEL, id: "dall-e-3", shutdownDate: "2026-05-12", replacement: ANY_SIZE_MODEL.id };

let gateway: ScriptedGateway;

beforeAll(async () => {
  gateway = await startScriptedGateway({}, [MODEL, RETIRED]);
});
afterAll(() => gateway.close());
beforeEach(() => {
  gateway.provider.script = makeImages;
  gateway.provider.requests.length = 0;
});

function failWith(...errors: readonly GatewayError[]): void {
  const left = [...errors];
  gateway.provider.script = async function* failing(request): AsyncIterable<ProviderEvent> {
    const error = left.shift();
    if (error) throw error;
    yield* makeImages(request);
  };
}

describe.each(OPENAI_CLIENTS)("%s", (_name, clientOf) => {
  let client: OpenAI;

  beforeAll(() => {
    client = clientOf(gateway.url);
  });

  test("gets the images as Base64, with their properties", async () => {
    const answer = await client.images.generate({
      prompt: "a fox",
      n: 2,
      size: "96x64",
      quality: "high",
      background: "opaque",
      output_format: "webp",
      output_compression: 40,
      moderation: "low",
      user: "an old name",
      safety_identifier: "4f0c",
    });

    expect(answer).toMatchObject({ background: "opaque", quality: "high", size: "96x64", output_format: "webp" });
    expect(answer).toMatchObject({ created: expect.any(Number), safety_identifier: "4f0c" });
    expect(answer.data).toHaveLength(2);
    for (const image of answer.data ?? []) {
      expect(Object.keys(image)).toEqual(["b64_json"]);
      expect(await sharp(bytesOf(image)).metadata()).toMatchObject({ format: "webp", width: 96, height: 64 });
    }
    expect(gateway.provider.requests).toMatchObject([
      { prompt: "a fox", n: 2, quality: "HIGH", background: "OPAQUE", format: "WEBP", compression: 40 },
    ]);
    expect(gateway.provider.requests).toMatchObject([{ moderation: "LOW", safetyIdentifier: "4f0c" }]);
  });

  test("gets the usage if the provider reports it", async () => {
    gateway.provider.script = async function* telling(request): AsyncIterable<ProviderEvent> {
      yield* makeImages(request);
      const inputDetails = { textTokens: 5, imageTokens: 2 };
      yield { type: "usage", usage: { inputTokens: 7, outputTokens: 100, totalTokens: 107, inputDetails } };
    };
    const { usage } = await client.images.generate({ prompt: "a fox", size: "64x64" });

    expect(usage).toEqual({
      input_tokens: 7,
      input_tokens_details: { image_tokens: 2, text_tokens: 5 },
      output_tokens: 100,
      total_tokens: 107,
    });
  });

  test("gets the details of input tokens, which strict clients need, if no input image makes them uncertain", async () => {
    gateway.provider.script = async function* telling(request): AsyncIterable<ProviderEvent> {
      yield* makeImages(request);
      yield { type: "usage", usage: { inputTokens: 7, outputTokens: 100, totalTokens: 107 } };
    };
    const whole = await client.images.generate({ prompt: "a fox", size: "64x64" });
    const stream = await client.images.generate({ prompt: "a fox, streamed", size: "64x64", stream: true });
    const events: OpenAI.Images.ImageGenStreamEvent[] = [];
    for await (const event of stream) events.push(event);

    const usage = {
      input_tokens: 7,
      input_tokens_details: { image_tokens: 0, text_tokens: 7 },
      output_tokens: 100,
      total_tokens: 107,
    };
    expect(whole.usage).toEqual(usage);
    expect(events.at(-1)).toMatchObject({ type: "image_generation.completed", usage });
  });

  test("gets a usage of zero for the illustrator", async () => {
    const details = { image_tokens: 0, text_tokens: 0 };
    const usage = {
      input_tokens: 0,
      input_tokens_details: details,
      output_tokens: 0,
      output_tokens_details: details,
      total_tokens: 0,
    };
    const request = { prompt: "a fox", size: "64x64", model: "illustrator-1" } as const;
    const stream = await client.images.generate({ ...request, stream: true });
    const events: OpenAI.Images.ImageGenStreamEvent[] = [];
    for await (const event of stream) events.push(event);

    expect((await client.images.generate(request)).usage).toEqual(usage);
    expect(events.at(-1)).toMatchObject({ type: "image_generation.completed", usage });
  });

  test("gets signed URLs if it asks for them", async () => {
    const { data = [] } = await client.images.generate({ prompt: "a fox", size: "64x65", response_format: "url" });

    const image = await httpRequest(data[0]?.url ?? "");
    expect(await sharp(image.body).metadata()).toMatchObject({ format: "png", width: 64, height: 65 });
  });

  test("can still use a retired model; it gets a warning, and URLs as before", async () => {
    const { data: answer, response } = await client.images
      .generate({ prompt: "a fox", model: "dall-e-3", size: "64x64", quality: "hd", style: "vivid", n: null })
      .withResponse();

    expect(Object.keys(answer.data?.[0] ?? {})).toEqual(["url"]);
    const warning = response.headers.get("Warning") ?? "";
    expect(warning).toContain('299 pictograph "the model dall-e-3 is retired; any-size-1 was used instead"');
    expect(warning).toContain("style");
    expect(gateway.provider.requests).toMatchObject([{ model: "any-size-1", n: 1 }]);
  });

  test("streams the image with its properties", async () => {
    const stream = await client.images.generate({ prompt: "a fox", size: "64x72", stream: true, partial_images: 0 });
    const events: OpenAI.Images.ImageGenStreamEvent[] = [];
    for await (const event of stream) events.push(event);

    expect(events.map(({ type }) => type)).toEqual(["image_generation.completed"]);
    expect(events[0]).toMatchObject({ background: "auto", quality: "auto", size: "64x72", output_format: "png" });
    expect(await sharp(bytesOf(events[0])).metadata()).toMatchObject({ format: "png", width: 64, height: 72 });
  });

  test("streams previews before the image", async () => {
    const seen = Promise.withResolvers<void>();
    gateway.provider.script = async function* showing(request): AsyncIterable<ProviderEvent> {
      yield { type: "partial", index: 0, partialIndex: 0, bytes: once(await plainImage(64, 72, 5, "png")) };
      await seen.promise;
      yield* makeImages(request);
    };
    const prompt = `a fox, slowly, for ${_name}`;
    const stream = await client.images.generate({ prompt, size: "64x72", stream: true, partial_images: 2 });
    const events: OpenAI.Images.ImageGenStreamEvent[] = [];
    for await (const event of stream) {
      events.push(event);
      seen.resolve();
    }

    expect(events).toMatchObject([
      { type: "image_generation.partial_image", partial_image_index: 0 },
      { type: "image_generation.completed" },
    ]);
    for (const event of events) expect((await sharp(bytesOf(event)).metadata()).format).toBe(event.output_format);
  });

  test("lists the available models, and can retrieve each, also retired ones", async () => {
    const ids: string[] = [];
    for await (const model of client.models.list()) ids.push(model.id);

    expect(ids).toEqual(["any-size-1", "illustrator-1"]);
    expect(await client.models.retrieve("dall-e-3")).toEqual({
      id: "dall-e-3",
      object: "model",
      created: expect.any(Number),
      owned_by: "scripted",
      shutdown_date: "2026-05-12",
    });
    await expect(client.models.retrieve("a/model")).rejects.toMatchObject({ status: 404, code: "model_not_found" });
  });

  test.each([
    ["an unknown model", { model: "nothing" }, OpenAI.NotFoundError, "model_not_found", "model"],
    ["11 images", { n: 11 }, OpenAI.BadRequestError, "integer_above_max_value", "n"],
    ["an unknown parameter", { wings: 2 }, OpenAI.BadRequestError, "unknown_parameter", "wings"],
  ] as const)("throws its own error for %s", async (_what, change, ErrorClass, code, param) => {
    const thrown = await client.images.generate({ prompt: "a fox", ...change }).catch((error: unknown) => error);

    expect((thrown as Error).constructor.name).toBe(ErrorClass.name);
    expect(thrown).toMatchObject({
      code,
      param,
      type: "invalid_request_error",
      requestID: expect.stringMatching(/^req_/),
    });
    expect(gateway.provider.requests).toEqual([]);
  });

  test("throws its own error for a refusal, and does not retry", async () => {
    failWith(new GatewayError("CONTENT_REJECTED", "refused; change the prompt", { billed: "NO" }));
    const thrown = await client.images
      .generate({ prompt: "a refusal", size: "64x64" })
      .catch((error: unknown) => error);

    expect(thrown).toMatchObject({ status: 400, code: "moderation_blocked", type: "image_generation_user_error" });
    expect(gateway.provider.requests).toHaveLength(1);
  });

  test("throws its own error for a refusal before the first event of a stream", async () => {
    failWith(new GatewayError("CONTENT_REJECTED", "refused; change the prompt", { billed: "NO" }));
    const thrown = await client.images
      .generate({ prompt: "a refusal", size: "64x64", stream: true })
      .catch((error: unknown) => error);

    expect(thrown).toMatchObject({ status: 400, code: "moderation_blocked" });
  });

  test("does not retry a call that may have been billed", async () => {
    failWith(new GatewayError("UPSTREAM_FAILED", "it broke", { billed: "UNKNOWN" }));
    const thrown = await client.images
      .generate({ prompt: "it breaks", size: "64x64" })
      .catch((error: unknown) => error);

    expect(thrown).toMatchObject({ status: 502, code: "upstream_failed", type: "server_error" });
    expect(gateway.provider.requests).toHaveLength(1);
  });

  test("gets the images it paid for when it retries after a broken connection", async () => {
    const hold = holdCalls(gateway.provider);
    const breaking = breakFirstAnswer(hold.called);
    const again = clientOf(gateway.url).withOptions({ fetch: breaking.fetch });
    const answering = again.images.generate({ prompt: `broken ${_name}`, size: "64x64", n: 2 });
    await breaking.brokenOnce;
    hold.release();

    expect((await answering).data).toHaveLength(2);
    expect(breaking.attempts).toBe(2);
    expect(gateway.provider.requests).toHaveLength(1);
  });
});

/** A fetch whose first connection breaks once the provider works. */
function breakFirstAnswer(called: Promise<void>) {
  const broken = Promise.withResolvers<void>();
  const state = { attempts: 0, brokenOnce: broken.promise, fetch: breakingFetch };
  async function breakingFetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    state.attempts++;
    if (state.attempts > 1) return fetch(input, init);
    const cut = new AbortController();
    void called.then(() => cut.abort());
    return fetch(input, { ...init, signal: cut.signal }).catch(() => {
      broken.resolve();
      throw new TypeError("fetch failed: the connection broke");
    });
  }
  return state;
}
