import { createHash } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import sharp from "sharp";
import { GatewayError } from "../../../src/errors.ts";
import type { GatewayOptions } from "../../../src/gateway.ts";
import type { ModelDescription, ProviderEvent } from "../../../src/ports/image-provider.ts";
import type { Generation, Image } from "../../../src/ports/records.ts";
import type { GenerationInput } from "../../../src/service/generations/generation-input.ts";
import type { ImageService } from "../../../src/service/image-service.ts";
import {
  aborted,
  holdCalls,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../support/gateways/scripted-gateway.ts";
import { makeImages, once, plainImage, SCRIPTED_MODEL, type Script } from "../../support/gateways/scripted-provider.ts";
import { storedFile, storedKeys } from "../../support/stores/stored-files.ts";

const CALLER = { projectId: "proj_public" };
const SMALL: ModelDescription = {
  ...SCRIPTED_MODEL,
  id: "small-1",
  sizes: { kind: "bounds", multipleOf: 1, minSide: 64, maxLongSide: 3840, minPixels: 1, maxPixels: 3840 * 3840 },
};
const USAGE = { inputTokens: 3, outputTokens: 4, totalTokens: 7 };
/** Longer than any of these generations takes; no test waits this long. */
const PATIENCE_MS = 60_000;

let gateway: ScriptedGateway;
let images: ImageService;

async function start(options: GatewayOptions = {}, models: readonly ModelDescription[] = [SMALL]): Promise<void> {
  gateway = await startScriptedGateway(options, models);
  images = gateway.gateway.images;
}

function submit(input: Partial<GenerationInput> = {}, caller = CALLER): Promise<Generation> {
  return images.submit(caller, { prompt: "a fox", size: "64x64", ...input });
}

async function generate(input: Partial<GenerationInput> = {}): Promise<Generation> {
  return images.wait(await submit(input), PATIENCE_MS);
}

async function imagesOf(generation: Generation): Promise<Image[]> {
  const [found = []] = await images.imagesOf([generation.id]);
  return found;
}

function bytesAt(key: string): Promise<Buffer> {
  return readFile(storedFile(gateway.dataDir, key));
}

/** A provider that sends these events, with these bytes as each image. */
function script(...events: readonly (ProviderEvent | { readonly fail: unknown })[]): Script {
  return async function* () {
    for (const event of events) {
      if ("fail" in event) throw event.fail;
      yield event;
    }
  };
}

function image(index: number, bytes: Uint8Array): ProviderEvent {
  return { type: "image", index, bytes: once(bytes) };
}

describe("images of exactly the requested size", () => {
  beforeEach(() => start({}, [SCRIPTED_MODEL]));
  afterEach(() => gateway.close());

  test.each([
    ["256x256", "816x816"],
    ["512x512", "816x816"],
    ["1024x1024", "1024x1024"],
    ["1792x1024", "1792x1024"],
    ["1024x1792", "1024x1792"],
    ["1000x999", "1008x1008"],
    ["64x192", "480x1408"],
    ["3840x1280", "3840x1280"],
    ["3840x3840", "2880x2880"],
  ])("are delivered at %s from the model's %s, which is kept unchanged", async (size, modelSize) => {
    const made: Buffer[] = [];
    gateway.provider.script = async function* ({ n, size: asked }) {
      for (let index = 0; index < n; index++) {
        const picture = await plainImage(asked.width, asked.height, index, "PNG");
        made[index] = picture;
        yield image(index, picture);
      }
    };
    const generation = await generate({ size, n: 2 });

    const [width = 0, height = 0] = size.split("x").map(Number);
    const [madeWidth = 0, madeHeight = 0] = modelSize.split("x").map(Number);
    expect(generation).toMatchObject({
      status: "SUCCEEDED",
      requestedSize: { width, height },
      generatedSize: { width: madeWidth, height: madeHeight },
    });
    expect(gateway.provider.requests[0]?.size).toEqual({ width: madeWidth, height: madeHeight });
    const delivered = await imagesOf(generation);
    expect(delivered.map(({ index }) => index)).toEqual([0, 1]);
    for (const one of delivered) {
      expect((await bytesAt(one.originalKey)).equals(made[one.index] as Buffer)).toBe(true);
      const bytes = await bytesAt(one.key);
      expect(await sharp(bytes).metadata()).toMatchObject({ format: "png", width, height });
      expect(one).toMatchObject({ width, height, format: "PNG", byteSize: bytes.length });
      expect(one.sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
      expect(one.key === one.originalKey).toBe(size === modelSize);
    }
  });

  test("are delivered whatever size and format the model returns; generatedSize reports that size", async () => {
    const made = await plainImage(640, 480, 3, "JPEG");
    gateway.provider.script = script(image(0, made));
    const generation = await generate({ size: "1024x1024", format: "WEBP" });

    expect(generation).toMatchObject({ status: "SUCCEEDED", generatedSize: { width: 640, height: 480 } });
    const [delivered] = await imagesOf(generation);
    expect(delivered).toMatchObject({ width: 1024, height: 1024, format: "WEBP" });
    expect(await sharp(await bytesAt(delivered?.key ?? "")).metadata()).toMatchObject({
      format: "webp",
      width: 1024,
      height: 1024,
    });
    expect((await bytesAt(delivered?.originalKey ?? "")).equals(made)).toBe(true);
  });

  test("are delivered in a format the model does not make", async () => {
    const generation = await generate({ size: "1024x1024", format: "AVIF" });

    expect(gateway.provider.requests[0]?.format).toBe("PNG");
    const [delivered] = await imagesOf(generation);
    expect(await sharp(await bytesAt(delivered?.key ?? "")).metadata()).toMatchObject({ format: "heif", width: 1024 });
  });
});

test("a model is asked for a format that it makes, preferably PNG", async () => {
  await start({}, [
    { ...SCRIPTED_MODEL, formats: ["JPEG"] },
    { ...SCRIPTED_MODEL, id: "scripted-2", formats: ["JPEG", "PNG"] },
  ]);
  try {
    await generate({ format: "WEBP" });
    await generate({ format: "WEBP", model: "scripted-2" });
    expect(gateway.provider.requests.map(({ format }) => format)).toEqual(["JPEG", "PNG"]);
  } finally {
    await gateway.close();
  }
});

describe("the request to the model", () => {
  beforeEach(() => start({}, [{ ...SMALL, hasSeed: true }]));
  afterEach(() => gateway.close());

  test("is what the client requested", async () => {
    const asked = { n: 3, quality: "LOW", format: "WEBP", background: "TRANSPARENT", seed: 0 } as const;
    await generate(asked);

    expect(gateway.provider.requests).toEqual([
      { model: "small-1", prompt: "a fox", size: { width: 64, height: 64 }, partialImages: 0, ...asked },
    ]);
  });
});

describe("an answer that differs from the request", () => {
  let picture: Buffer;

  beforeEach(async () => {
    picture = await plainImage(64, 64, 0, "PNG");
    await start();
  });
  afterEach(() => gateway.close());

  test("with one image too few fails, and its paid images are kept", async () => {
    gateway.provider.script = script(image(1, picture), image(0, picture));
    const generation = await generate({ n: 3 });

    expect(generation).toMatchObject({
      status: "FAILED",
      failure: { code: "UPSTREAM_FAILED", retryable: true, billed: "YES", message: expect.stringContaining("2 of 3") },
    });
    expect((await imagesOf(generation)).map(({ index }) => index)).toEqual([0, 1]);
    expect(await storedKeys(gateway.dataDir)).toHaveLength(2);
  });

  test("without any image fails, billed unknown", async () => {
    gateway.provider.script = script();

    expect(await generate()).toMatchObject({
      status: "FAILED",
      failure: { code: "UPSTREAM_FAILED", billed: "UNKNOWN" },
    });
    expect(await storedKeys(gateway.dataDir)).toEqual([]);
  });

  test("with one image too many gives the requested number", async () => {
    const surplus = await plainImage(64, 64, 9, "PNG");
    gateway.provider.script = script(image(0, picture), image(1, picture), image(2, surplus));
    const generation = await generate({ n: 2 });

    expect(generation.status).toBe("SUCCEEDED");
    expect(await imagesOf(generation)).toHaveLength(2);
    expect(await storedKeys(gateway.dataDir)).toHaveLength(2);
  });

  test("with two images at the same index keeps the first", async () => {
    const second = await plainImage(64, 64, 9, "PNG");
    gateway.provider.script = script(image(0, picture), image(0, second), image(1, second));
    const generation = await generate({ n: 2 });

    expect(generation.status).toBe("SUCCEEDED");
    const [first] = await imagesOf(generation);
    expect((await bytesAt(first?.key ?? "")).equals(picture)).toBe(true);
    expect(await storedKeys(gateway.dataDir)).toHaveLength(2);
  });

  test.each<[string, () => Uint8Array | Promise<Uint8Array>]>([
    ["nothing", () => Buffer.alloc(0)],
    ["a text", () => Buffer.from("This is no image.")],
    ["a page", () => Buffer.from("<!doctype html><title>502</title>".repeat(10_000))],
    ["SVG", () => Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"/>`)],
    ["a GIF", () => sharp(picture).gif().toBuffer()],
    ["a TIFF", () => sharp(picture).tiff().toBuffer()],
    ["half a PNG", () => picture.subarray(0, picture.length / 2)],
    ["a PNG's first bytes", () => picture.subarray(0, 8)],
    ["a damaged PNG", () => Buffer.concat([picture.subarray(0, 60), Buffer.alloc(40), picture.subarray(100)])],
    ["a PNG of more pixels than any that can be asked for", () => plainImage(3900, 3900, 0, "PNG")],
  ])("with %s in place of an image fails, and leaves nothing on disk", async (_what, makeBytes) => {
    gateway.provider.script = script(image(0, await makeBytes()));
    const generation = await generate();

    expect(generation).toMatchObject({
      status: "FAILED",
      failure: { code: "UPSTREAM_FAILED", billed: "UNKNOWN", message: expect.stringContaining("not an image") },
    });
    expect(generation).not.toHaveProperty("generatedSize");
    expect(await imagesOf(generation)).toEqual([]);
    expect(await storedKeys(gateway.dataDir)).toEqual([]);
  });

  test("keeps the images before a broken one", async () => {
    gateway.provider.script = script(image(0, picture), image(1, Buffer.from("broken")), image(2, picture));
    const generation = await generate({ n: 3 });

    expect(generation).toMatchObject({ status: "FAILED", failure: { code: "UPSTREAM_FAILED", billed: "YES" } });
    expect((await imagesOf(generation)).map(({ index }) => index)).toEqual([0]);
    expect(await storedKeys(gateway.dataDir)).toHaveLength(1);
  });

  test("ends the iteration, so that the provider can close its connection", async () => {
    const seen: string[] = [];
    gateway.provider.script = async function* () {
      try {
        yield { type: "image", index: 0, bytes: once(Buffer.from("broken")) };
        seen.push("asked for more");
      } finally {
        seen.push("left");
      }
    };
    await generate({ n: 2 });

    expect(seen).toEqual(["left"]);
  });
});

describe("a provider that fails", () => {
  beforeEach(() => start());
  afterEach(() => gateway.close());

  test.each([
    ["CONTENT_REJECTED", false, "NO"],
    ["MODEL_UNAVAILABLE", false, "NO"],
    ["RATE_LIMITED", true, "NO"],
    ["BUDGET_EXCEEDED", false, "NO"],
    ["UPSTREAM_FAILED", true, "UNKNOWN"],
    ["UPSTREAM_TIMEOUT", true, "YES"],
  ] as const)("with %s is called once, and its failure is reported", async (code, retryable, billed) => {
    const message = "what to do about it";
    gateway.provider.script = script({ fail: new GatewayError(code, message, { billed, retryAfterSeconds: 99 }) });
    const generation = await generate();

    expect(generation).toMatchObject({ status: "FAILED" });
    expect(generation.failure).toEqual({ code, message, retryable, billed, retryAfterSeconds: 99 });
    expect(gateway.provider.requests).toHaveLength(1);
  });

  test("without saying whether it was billed leaves that unknown", async () => {
    gateway.provider.script = script({ fail: new GatewayError("UPSTREAM_FAILED", "broken") });

    expect((await generate()).failure).toMatchObject({ billed: "UNKNOWN" });
  });

  test.each<[string, unknown]>([
    ["an unexpected error", new TypeError("Cannot read sk-secret of a fox")],
    ["an error of another kind", new GatewayError("BAD_USER_INPUT", "sk-secret a fox")],
    ["a value that is not an Error", "sk-secret a fox"],
    ["nothing", undefined],
  ])("with %s fails as INTERNAL, without its text", async (_what, error) => {
    gateway.provider.script = script({ fail: error });
    const generation = await generate();

    expect(generation).toMatchObject({
      status: "FAILED",
      failure: { code: "INTERNAL", retryable: false, billed: "UNKNOWN" },
    });
    expect(generation.failure?.message).not.toMatch(/sk-secret|a fox|Cannot/);
  });

  test("synchronously, before any answer, fails as INTERNAL", async () => {
    gateway.provider.script = () => {
      throw new Error("not even a generator");
    };

    expect(await generate()).toMatchObject({ status: "FAILED", failure: { code: "INTERNAL" } });
  });

  test("in the middle of an image keeps only the images before that one", async () => {
    const picture = await plainImage(64, 64, 0, "PNG");
    gateway.provider.script = script(image(0, picture), {
      type: "image",
      index: 1,
      bytes: (async function* () {
        yield picture.subarray(0, 50);
        throw new GatewayError("UPSTREAM_FAILED", "the connection broke", { billed: "UNKNOWN" });
      })(),
    });
    const generation = await generate({ n: 2 });

    expect(generation).toMatchObject({
      status: "FAILED",
      failure: { code: "UPSTREAM_FAILED", message: "the connection broke", billed: "YES" },
    });
    const stored = await imagesOf(generation);
    expect(stored.map(({ index }) => index)).toEqual([0]);
    expect(await storedKeys(gateway.dataDir)).toEqual([stored[0]?.key]);
  });

  test("keeps the usage that it reported", async () => {
    const usage: ProviderEvent = { type: "usage", usage: USAGE };
    gateway.provider.script = script(usage, { fail: new GatewayError("CONTENT_REJECTED", "no") });
    expect(await generate()).toMatchObject({ status: "FAILED", usage: USAGE });

    gateway.provider.script = async function* (request) {
      yield* makeImages(request);
      yield usage;
    };
    expect(await generate()).toMatchObject({ status: "SUCCEEDED", usage: USAGE });

    gateway.provider.script = makeImages;
    expect(await generate()).not.toHaveProperty("usage");
  });

  test("does not stop the next generation", async () => {
    gateway.provider.script = script({ fail: new Error("broken") });
    await generate();
    gateway.provider.script = makeImages;

    expect(await generate()).toMatchObject({ status: "SUCCEEDED" });
  });

  test("because the disk failed is INTERNAL, and its iteration ends", async () => {
    await rm(join(gateway.dataDir, "images/.tmp"), { recursive: true });
    let isLeft = false;
    gateway.provider.script = async function* (request) {
      try {
        yield* makeImages(request);
      } finally {
        isLeft = true;
      }
    };
    const generation = await generate();

    expect(generation).toMatchObject({ status: "FAILED", failure: { code: "INTERNAL", billed: "UNKNOWN" } });
    expect(generation.failure?.message).not.toContain("ENOENT");
    expect(isLeft).toBe(true);
  });
});

describe("a provider that never answers", () => {
  afterEach(() => gateway.close());

  test.each<[string, Script]>([
    [
      "at all",
      // biome-ignore lint/correctness/useYield: it never gets that far
      async function* (_request, signal) {
        await aborted(signal);
      },
    ],
    [
      "in full",
      async function* (_request, signal) {
        const picture = await plainImage(64, 64, 0, "PNG");
        const bytes = async function* () {
          yield picture.subarray(0, 40);
          await aborted(signal);
        };
        yield { type: "image", index: 0, bytes: bytes() };
      },
    ],
  ])("%s is aborted after its timeout, and nothing is left", async (_what, silent) => {
    await start({ upstreamTimeoutMs: 50 });
    gateway.provider.script = silent;

    expect(await generate()).toMatchObject({
      status: "FAILED",
      failure: { code: "UPSTREAM_TIMEOUT", retryable: true, billed: "UNKNOWN" },
    });
    expect(await storedKeys(gateway.dataDir)).toEqual([]);
    expect(gateway.provider.requests).toHaveLength(1);
  });
});

describe("a gateway with many generations", () => {
  afterEach(() => gateway.close());

  test.each([1, 3])("makes at most %i calls at once and completes every generation", async (maxConcurrency) => {
    await start({ maxConcurrency });
    let inFlight = 0;
    let most = 0;
    const gates: PromiseWithResolvers<void>[] = [];
    let changed = Promise.withResolvers<void>();
    gateway.provider.script = async function* (request) {
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      most = Math.max(most, ++inFlight);
      changed.resolve();
      changed = Promise.withResolvers<void>();
      try {
        await gate.promise;
        yield* makeImages(request);
      } finally {
        inFlight--;
      }
    };
    const submitted = await Promise.all(Array.from({ length: 8 }, () => submit()));
    const waiting = submitted.map((generation) => images.wait(generation, PATIENCE_MS));
    for (let opened = 0; opened < 8; opened++) {
      while (gates.length <= opened) await changed.promise;
      if (opened === 0) while (gates.length < maxConcurrency) await changed.promise;
      gates[opened]?.resolve();
    }

    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(Array(8).fill("SUCCEEDED"));
    expect(most).toBe(maxConcurrency);
    expect(gateway.provider.requests).toHaveLength(8);
  });

  test("answers immediately if the client does not wait, and continues", async () => {
    await start();
    const hold = holdCalls(gateway.provider);
    const accepted = await submit();
    expect(await images.wait(accepted, 0)).toMatchObject({ id: accepted.id, status: "RUNNING" });
    await hold.called;
    const [running] = await images.generations(CALLER, [accepted.id]);
    expect(running).toMatchObject({ status: "RUNNING", startedAt: expect.anything() });
    hold.release();

    expect(await images.wait(accepted, PATIENCE_MS)).toMatchObject({ status: "SUCCEEDED" });
  });
});

describe("an idempotency key", () => {
  let now: Date;

  beforeEach(async () => {
    now = new Date("2026-11-22T10:00:00Z");
    await start({ now: () => now });
  });
  afterEach(() => gateway.close());

  test("with the same input finds the same generation, for 20 simultaneous clients and for later ones", async () => {
    const hold = holdCalls(gateway.provider);
    const accepted = await Promise.all(Array.from({ length: 20 }, () => submit({ idempotencyKey: "k" })));
    await hold.called;
    hold.release();
    const ended = await Promise.all(accepted.map((generation) => images.wait(generation, PATIENCE_MS)));
    now = new Date(now.getTime() + 86_400_000 - 1);
    const later = await submit({ idempotencyKey: "k" });

    expect(new Set(ended.map(({ id }) => id))).toEqual(new Set([later.id]));
    expect(later.status).toBe("SUCCEEDED");
    expect(gateway.provider.requests).toHaveLength(1);
  });

  test("also finds a failed generation, without another call", async () => {
    gateway.provider.script = script({ fail: new GatewayError("CONTENT_REJECTED", "no") });
    const first = await generate({ idempotencyKey: "k" });
    gateway.provider.script = makeImages;

    expect(await submit({ idempotencyKey: "k" })).toEqual(first);
    expect(gateway.provider.requests).toHaveLength(1);
  });

  test.each<[string, Partial<GenerationInput>]>([
    ["prompt", { prompt: "another" }],
    ["n", { n: 2 }],
    ["size", { size: "65x64" }],
    ["format", { format: "WEBP" }],
  ])("with another %s is a conflict, and nothing is made", async (_what, difference) => {
    const first = await generate({ idempotencyKey: "k" });

    await expect(submit({ idempotencyKey: "k", ...difference })).rejects.toMatchObject({
      code: "IDEMPOTENCY_CONFLICT",
      details: { field: "idempotencyKey" },
    });
    expect(gateway.provider.requests).toHaveLength(1);
    expect((await images.page(CALLER, {})).items.map(({ id }) => id)).toEqual([first.id]);
  });

  test("of another caller, or after 24 hours, makes another generation", async () => {
    const first = await generate({ idempotencyKey: "k" });
    const foreign = await submit({ idempotencyKey: "k" }, { projectId: "other" });
    now = new Date(now.getTime() + 86_400_000);
    const next = await generate({ idempotencyKey: "k" });

    expect(new Set([first.id, foreign.id, next.id]).size).toBe(3);
  });
});

describe("a gateway that stops", () => {
  beforeEach(() => start({ maxConcurrency: 1 }));
  afterEach(() => gateway.close());

  test("lets running generations end, parks waiting ones and accepts no more", async () => {
    const hold = holdCalls(gateway.provider);
    const running = await submit();
    const parked = await submit();
    await hold.called;
    const answers = [images.wait(running, PATIENCE_MS), images.wait(parked, PATIENCE_MS)];
    const draining = gateway.gateway.drain(PATIENCE_MS);
    await expect(submit()).rejects.toMatchObject({ code: "OVERLOADED" });
    hold.release();
    await draining;

    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(["SUCCEEDED", "QUEUED"]);
    expect(await images.wait(parked, PATIENCE_MS)).toMatchObject({ status: "QUEUED" });
    expect(gateway.provider.requests).toHaveLength(1);
  });

  test("parks a generation that waits for its next attempt; it runs after the next start and was not paid for before", async () => {
    await gateway.close();
    const isWaiting = Promise.withResolvers<void>();
    const write = (line: string) => void (line.includes("the call is repeated") && isWaiting.resolve());
    await start({ logger: pino({}, { write }) });
    const limit = { billed: "NO", retryAfterSeconds: 30 } as const;
    gateway.provider.script = script({ fail: new GatewayError("RATE_LIMITED", "too many requests", limit) });
    const waiting = await submit();
    await isWaiting.promise;
    const answer = images.wait(waiting, PATIENCE_MS);
    await gateway.stop();
    expect(await answer).toMatchObject({ id: waiting.id, status: "QUEUED" });
    expect((await answer).startedAt).toBeUndefined();

    const stopped = gateway;
    await start({ dataDir: stopped.dataDir });
    expect(await images.wait(waiting, PATIENCE_MS)).toMatchObject({ id: waiting.id, status: "SUCCEEDED" });
    expect([stopped, gateway].map(({ provider }) => provider.requests.length)).toEqual([1, 1]);
    await stopped.close();
  });

  test("aborts running generations when the grace period ends", async () => {
    const hold = holdCalls(gateway.provider);
    const running = await submit();
    await hold.called;
    const answer = images.wait(running, PATIENCE_MS);
    await gateway.gateway.drain(0);

    expect(await answer).toMatchObject({
      status: "FAILED",
      failure: { code: "INTERRUPTED", retryable: true, billed: "UNKNOWN" },
    });
  });
});
