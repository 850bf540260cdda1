import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import sharp from "sharp";
import { DiskObjectStore } from "../../../../src/adapters/disk/disk-object-store.ts";
import { MemoryEvents } from "../../../../src/adapters/memory/memory-events.ts";
import { openSqliteRecords } from "../../../../src/adapters/sql/sqlite/sqlite.ts";
import type { GatewayOptions } from "../../../../src/gateway.ts";
import type { ModelDescription, ProviderEvent } from "../../../../src/ports/image-provider.ts";
import type { Generation } from "../../../../src/ports/records.ts";
import type { GenerationInput } from "../../../../src/service/generations/generation-input.ts";
import { Previews } from "../../../../src/service/generations/running/previews.ts";
import type { GenerationEvent } from "../../../../src/service/generations/watching/generation-progress.ts";
import { ModelCatalogue } from "../../../../src/service/models/model-catalogue.ts";
import { begin, find, orderOf, WORKER } from "../../../contracts/record-samples.ts";
import { startGateway } from "../../../support/gateways/gateway.ts";
import {
  ANY_SIZE_MODEL,
  aborted,
  poll,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../../support/gateways/scripted-gateway.ts";
import {
  makeImages,
  once,
  plainImage,
  SCRIPTED_MODEL,
  ScriptedProvider,
} from "../../../support/gateways/scripted-provider.ts";
import { scheduledCodec } from "../../../support/images/codec.ts";
import { storedKeys } from "../../../support/stores/stored-files.ts";
import { temporaryDirectories } from "../../../support/temporary-directory.ts";
import { pictureStream } from "../../../support/vendors/picture-stream.ts";
import { startStrictImageApi } from "../../../support/vendors/strict-image-api.ts";

const CALLER = { projectId: "proj_public" };
const MODEL: ModelDescription = { ...ANY_SIZE_MODEL, previews: { maxPartialImages: 3, maxImages: 2 } };

let gateway: ScriptedGateway;

const newDirectory = temporaryDirectories();
const codec = scheduledCodec();

async function start(options: GatewayOptions = {}, model = MODEL): Promise<void> {
  gateway = await startScriptedGateway(options, [model]);
}

function submit(input: Partial<GenerationInput> = {}): Promise<Generation> {
  return gateway.gateway.images.submit(CALLER, { prompt: "a fox", size: "600x300", partialImages: 3, ...input });
}

function partial(index: number, partialIndex: number, bytes: Uint8Array): ProviderEvent {
  return { type: "partial", index, partialIndex, bytes: once(bytes) };
}

async function keys(): Promise<string[]> {
  return storedKeys(gateway.dataDir);
}

/** Makes the provider show these previews, and continue on demand. */
function showing(...previews: readonly ProviderEvent[]): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  gateway.provider.script = async function* (request, signal) {
    yield* previews;
    await Promise.race([promise, aborted(signal)]);
    yield* makeImages(request);
  };
  return resolve;
}

/** Returns the previews that are reported while the provider works. */
async function seePreviews(id: string, count: number): Promise<Extract<GenerationEvent, { type: "partial" }>[]> {
  const seen = [];
  for await (const event of await gateway.gateway.images.watch(CALLER, id)) {
    if (event.type === "partial") seen.push(event);
    if (seen.length === count) break;
  }
  return seen;
}

const open = (url: string) => fetch(gateway.url + url);

describe("a preview", () => {
  afterEach(() => gateway.close());

  test("is reported while the image is made, as a small file with the image's proportions behind a signed URL", async () => {
    await start();
    const picture = await plainImage(1200, 800, 3, "png");
    const finish = showing(partial(0, 0, picture), partial(0, 1, picture));
    const { id, warnings } = await submit();
    const [first, second] = await seePreviews(id, 2);
    const { images } = gateway.gateway;
    const url = first ? images.previewLink(first.generation, first) : "";
    const answer = await open(url);
    const bytes = Buffer.from(await answer.arrayBuffer());

    expect([first, second]).toMatchObject([
      { imageIndex: 0, partialIndex: 0 },
      { imageIndex: 0, partialIndex: 1 },
    ]);
    expect(warnings).toEqual([]);
    expect(gateway.provider.requests[0]?.partialImages).toBe(3);
    expect(answer.headers.get("content-type")).toBe("image/webp");
    expect(await sharp(bytes).metadata()).toMatchObject({ width: 512, height: 256, format: "webp" });
    expect((await open(url.replace("preview-0-0", "preview-0-1"))).status).toBe(403);
    finish();
    expect(await images.wait(await submit(), 20_000)).toMatchObject({ status: "SUCCEEDED" });
  });

  test("is reported to later viewers unless its image is there", async () => {
    await start();
    const picture = await plainImage(64, 64, 3, "png");
    const seenBoth = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    gateway.provider.script = async function* (request) {
      yield partial(1, 0, picture);
      yield partial(0, 0, picture);
      const images = makeImages({ ...request, n: 2 })[Symbol.asyncIterator]();
      await seenBoth.promise;
      yield (await images.next()).value;
      await release.promise;
      yield (await images.next()).value;
    };
    const { id } = await submit({ n: 2 });
    const seen: string[] = [];
    for await (const event of await gateway.gateway.images.watch(CALLER, id)) {
      seen.push(event.type === "partial" ? `partial ${event.imageIndex}` : event.type);
      if (seen.filter((name) => name.startsWith("partial")).length === 2) seenBoth.resolve();
      if (event.type === "image") break;
    }
    const late = await gateway.gateway.images.watch(CALLER, id);
    const story = [(await late.next()).value, (await late.next()).value, (await late.next()).value];
    release.resolve();

    expect(seen.slice(-3)).toEqual(["partial 1", "partial 0", "image"]);
    expect(story.map((event) => event?.type).sort()).toEqual(["image", "partial", "status"]);
    expect(story.find((event) => event?.type === "partial")).toMatchObject({ imageIndex: 1 });
  });

  test("is removed after a stop or deletion, and never counts as an image", async () => {
    await start();
    const picture = await plainImage(64, 64, 3, "png");
    const finish = showing(partial(0, 0, picture));
    const { id } = await submit();
    const [seen] = await seePreviews(id, 1);
    if (!seen) throw new Error("there is no preview");
    finish();
    const { images } = gateway.gateway;
    const generation = await images.wait(await submit({ idempotencyKey: "second" }), 20_000);
    await images.wait(seen.generation, 20_000);
    const url = images.previewLink(seen.generation, seen);
    expect((await open(url)).status).toBe(200);
    expect(await images.imagesOf([id])).toMatchObject([[{ index: 0 }]]);
    await images.delete(CALLER, id);
    expect((await open(url)).status).toBe(404);
    await gateway.gateway.drain(0);

    expect((await keys()).filter((key) => key.includes("preview"))).toEqual([]);
    expect((await keys()).some((key) => key.startsWith(generation.id))).toBe(true);
  });

  test.each<[string, (picture: Buffer) => ProviderEvent[]]>([
    ["is no image", () => [partial(0, 0, Buffer.from("<html>"))]],
    ["is empty", () => [partial(0, 0, Buffer.alloc(0))]],
    ["is of an image that nobody asked for", (picture) => [partial(1, 0, picture), partial(0, 3, picture)]],
    ["is larger than any preview", () => [partial(0, 0, Buffer.alloc(17 * 1024 * 1024))]],
  ])("that %s is omitted, and the image is delivered", async (_name, previews) => {
    await start();
    showing(...previews(await plainImage(64, 64, 0, "png")))();
    const generation = await submit();
    const story = await Array.fromAsync(await gateway.gateway.images.watch(CALLER, generation.id));

    expect(story.map(({ type }) => type)).not.toContain("partial");
    expect(story.at(-1)).toMatchObject({ type: "status", generation: { status: "SUCCEEDED" } });
    expect((await keys()).filter((key) => key.includes("preview"))).toEqual([]);
  });
});

describe("a request for previews", () => {
  afterEach(() => gateway.close());

  test.each([
    [{ n: 3 }, undefined, "any-size-1 shows previews of at most 2 images a call; none will come"],
    [{ n: 2, partialImages: 1 }, 1, undefined],
    [{ partialImages: 0 }, undefined, undefined],
  ])("reaches only models that show them: %j", async (input, partialImages, warning) => {
    await start();
    const generation = await gateway.gateway.images.wait(await submit(input), 20_000);

    expect(generation.partialImages).toBe(partialImages);
    expect(gateway.provider.requests[0]?.partialImages).toBe(partialImages ?? 0);
    const [told] = generation.warnings;
    if (warning === undefined) expect(told).toBeUndefined();
    else expect(told).toEqual({ code: "PARTIAL_IMAGES_IGNORED", message: expect.stringContaining(warning) });
  });

  test("to a model without previews leads to a warning", async () => {
    await start({}, ANY_SIZE_MODEL);
    const { warnings } = await submit();

    expect(warnings).toEqual([
      { code: "PARTIAL_IMAGES_IGNORED", message: "any-size-1 shows no previews; none will come" },
    ]);
  });

  test.each([-1, 4, 1.5])("is refused with %d per image", async (partialImages) => {
    await start();

    await expect(submit({ partialImages })).rejects.toMatchObject({
      code: "BAD_USER_INPUT",
      details: { field: "partialImages" },
    });
  });

  test("finds the generation of a key used without previews", async () => {
    await start();
    await submit({ idempotencyKey: "k", partialImages: 0 });
    await submit({ idempotencyKey: "k", partialImages: undefined });

    await expect(submit({ idempotencyKey: "k" })).rejects.toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
  });
});

describe("a real provider that shows previews:", () => {
  afterEach(() => gateway.close());

  test("the illustrator", async () => {
    const illustrated = await startGateway();
    gateway = Object.assign(illustrated, { provider: null as never });
    const { images } = illustrated.gateway;
    const { id } = await images.submit(CALLER, { prompt: "a red fox", size: "768x512", partialImages: 2 });
    const story = await Array.fromAsync(await images.watch(CALLER, id));
    const previews = story.filter((event) => event.type === "partial");

    expect(previews[0]).toMatchObject({ imageIndex: 0, partialIndex: 0 });
    expect(story.at(-1)).toMatchObject({ type: "status", generation: { status: "SUCCEEDED" } });
    const url = previews[0] ? images.previewLink(previews[0].generation, previews[0]) : "";
    const { width, height } = await sharp(Buffer.from(await (await open(url)).arrayBuffer())).metadata();
    expect({ width, height }).toEqual({ width: 512, height: 341 });
  });

  test("OpenAI, for single images only", async () => {
    const api = await startStrictImageApi();
    const openai = { apiKey: api.apiKey, baseUrl: api.baseUrl };
    const connected = await startGateway({ openai });
    gateway = Object.assign(connected, { provider: null as never });
    const { images } = connected.gateway;
    const seen = Promise.withResolvers<void>();
    api.queue({ raw: { headers: { "content-type": "text/event-stream" }, body: pictureStream(seen.promise) } });
    const { id } = await images.submit(CALLER, { prompt: "a red fox", partialImages: 2 });
    const story = await Array.fromAsync(await images.watch(CALLER, id), (event) => {
      if (event.type === "partial" && event.partialIndex === 1) seen.resolve();
      return event;
    });
    const several = await images.submit(CALLER, { prompt: "a red fox", n: 2, partialImages: 2 });
    const ended = await images.wait(several, 20_000);
    await api.close();

    expect(story.map(({ type }) => type).slice(-5)).toEqual(["status", "partial", "partial", "image", "status"]);
    expect(api.requests[0]?.body).toMatchObject({ stream: true, partial_images: 2 });
    expect(api.requests[1]?.body).not.toHaveProperty("stream");
    expect(ended.warnings.map(({ code }) => code)).toEqual(["PARTIAL_IMAGES_IGNORED"]);
    expect(ended.status).toBe("SUCCEEDED");
  });
});

test("previews are removed some time after the end, and late ones are never shown", async () => {
  const dataDir = await newDirectory();
  const records = await openSqliteRecords(join(dataDir, "pictograph.db"));
  const objects = await DiskObjectStore.open(join(dataDir, "images"));
  const events = new MemoryEvents();
  const logger = pino({ enabled: false });
  const catalogue = new ModelCatalogue([new ScriptedProvider()], SCRIPTED_MODEL.id, () => new Date());
  const previews = new Previews({ objects, records, events, catalogue, codec, logger, worker: WORKER, graceMs: 10 });
  await begin(records, { ...orderOf("gen_1"), partialImages: 3 });
  const generation = await find(records, "gen_1");
  if (!generation) throw new Error("there is no generation");
  const strip = previews.begin(generation);
  const shown = Promise.withResolvers<void>();
  events.subscribe("gen_1", () => shown.resolve());
  const picture = await plainImage(64, 64, 0, "png");
  const show = (index: number, partialIndex: number) =>
    strip.take({ type: "partial", index, partialIndex, bytes: once(picture) });
  await show(0, 0);
  await shown.promise;
  strip.finish(0);
  await show(0, 1);
  strip.end();
  await show(1, 0);
  const count = () => Array.fromAsync(objects.list("gen_1/")).then((found) => found.length);
  expect(await poll(count, (left) => left === 0)).toBe(0);
  await previews.close();

  expect(await count()).toBe(0);
  expect((await find(records, "gen_1"))?.previews).toEqual([{ imageIndex: 0, partialIndex: 0 }]);
  await records.close();
});
