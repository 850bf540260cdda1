import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { GatewayOptions } from "../../../src/gateway.ts";
import type { Generation } from "../../../src/ports/records.ts";
import type { GenerationInput } from "../../../src/service/generations/generation-input.ts";
import type { ImageService } from "../../../src/service/image-service.ts";
import { type RunningGateway, startGateway } from "../../support/gateways/gateway.ts";
import { storedFiles } from "../../support/stores/stored-files.ts";
import { type StrictImageApi, startStrictImageApi } from "../../support/vendors/strict-image-api.ts";

const CALLER = { projectId: "proj_public" };
/** Longer than any of these generations takes; no test waits this long. */
const PATIENCE_MS = 60_000;

let api: StrictImageApi;
let gateway: RunningGateway;
let images: ImageService;

beforeEach(async () => {
  api = await startStrictImageApi();
});

afterEach(async () => {
  await gateway.close();
  await api.close();
});

async function start(options: GatewayOptions = {}): Promise<void> {
  const openai = { apiKey: api.apiKey, baseUrl: api.baseUrl };
  gateway = await startGateway({ openai, defaultModel: "gpt-image-2.6-flare", ...options });
  images = gateway.gateway.images;
}

function submit(input: Partial<GenerationInput> = {}): Promise<Generation> {
  return images.submit(CALLER, { prompt: "a fox", size: "256x256", ...input });
}

async function generate(input: Partial<GenerationInput> = {}): Promise<Generation> {
  return images.wait(await submit(input), PATIENCE_MS);
}

async function find(id: string): Promise<Generation | undefined> {
  const [found] = await images.generations(CALLER, [id]);
  return found;
}

describe("a generation that is canceled", () => {
  test("while it waits is never submitted", async () => {
    await start({ maxConcurrency: 1 });
    const hold = api.holdNext();
    const first = await submit();
    await hold.arrived;
    const waiting = await submit({ prompt: "a badger" });
    const answer = images.wait(waiting, PATIENCE_MS);
    const canceled = await images.cancel(CALLER, waiting.id);
    hold.release();
    await images.wait(first, PATIENCE_MS);
    // An effect of the canceled one would come before the end of the next one.
    await generate({ prompt: "a crow" });

    expect(canceled).toMatchObject({ status: "CANCELED", finishedAt: expect.any(Date) });
    expect(canceled.failure).toBeUndefined();
    expect(await answer).toMatchObject({ id: waiting.id, status: "CANCELED" });
    expect(api.requests.map(({ body }) => body?.prompt)).toEqual(["a fox", "a crow"]);
  });

  test("while the provider works closes the connection, and whether it was billed is unknown", async () => {
    await start();
    const hold = api.holdNext();
    const running = await submit();
    const request = await hold.arrived;
    const answer = images.wait(running, PATIENCE_MS);
    const canceled = await images.cancel(CALLER, running.id);

    expect(await request.closed).toBe("disconnected");
    expect(canceled).toMatchObject({
      status: "CANCELED",
      failure: { code: "INTERRUPTED", retryable: false, billed: "UNKNOWN" },
    });
    expect(await answer).toEqual(canceled);
    await gateway.gateway.drain(PATIENCE_MS);
    expect(await find(running.id)).toEqual(canceled);
    expect(await storedFiles(gateway.dataDir)).toEqual([]);
    expect(api.callCount).toBe(1);
  });

  test("in the middle of the answer keeps the images that have arrived", async () => {
    await start();
    const picture = await madePicture();
    api.queue({ raw: { body: beginning(picture) } });
    const running = await submit({ n: 2 });
    await untilImages(running.id, 1);
    const canceled = await images.cancel(CALLER, running.id);
    await gateway.gateway.drain(PATIENCE_MS);

    expect(canceled).toMatchObject({ status: "CANCELED", failure: { billed: "UNKNOWN" } });
    const [kept = []] = await images.imagesOf([running.id]);
    expect(kept.map(({ index }) => index)).toEqual([0]);
    const { object } = await images.open(images.link(kept[0] as (typeof kept)[number]));
    expect(object.byteSize).toBe(kept[0]?.byteSize);
    // The provider's original and the delivered image, and nothing of the second image.
    expect((await storedFiles(gateway.dataDir)).filter((path) => path.includes(running.id))).toHaveLength(2);
  });

  test("after it has ended does not change", async () => {
    await start();
    const ended = await generate();
    api.queue("moderationBlocked");
    const refused = await generate();

    expect(await images.cancel(CALLER, ended.id)).toEqual(ended);
    expect(await images.cancel(CALLER, refused.id)).toEqual(refused);
    expect([ended.status, refused.status]).toEqual(["SUCCEEDED", "FAILED"]);
  });

  test("twice at the same time is canceled once, and both clients get the result", async () => {
    await start();
    const hold = api.holdNext();
    const running = await submit();
    await hold.arrived;
    const [first, second] = await Promise.all([images.cancel(CALLER, running.id), images.cancel(CALLER, running.id)]);

    expect(first.status).toBe("CANCELED");
    expect(second).toEqual(first);
  });

  test("is returned by its key, and not made again", async () => {
    await start();
    const hold = api.holdNext();
    const running = await submit({ idempotencyKey: "k" });
    await hold.arrived;
    await images.cancel(CALLER, running.id);

    expect(await submit({ idempotencyKey: "k" })).toMatchObject({ id: running.id, status: "CANCELED" });
    expect(api.callCount).toBe(1);
  });
});

describe("a generation that is deleted", () => {
  test("leaves no record, original, delivered image or derivative", async () => {
    await start();
    const generation = await generate({ n: 2, idempotencyKey: "k" });
    const [made = []] = await images.imagesOf([generation.id]);
    const urls = made.flatMap((image) => [images.link(image), images.link(image, { width: 64, format: "WEBP" })]);
    for (const url of urls) expect((await fetch(gateway.url + url)).status).toBe(200);
    expect(await storedFiles(gateway.dataDir)).toHaveLength(6);

    await images.delete(CALLER, generation.id);

    expect(await find(generation.id)).toBeUndefined();
    expect(
      await images.images(
        CALLER,
        made.map(({ id }) => id),
      ),
    ).toEqual([undefined, undefined]);
    expect(await storedFiles(gateway.dataDir)).toEqual([]);
    for (const url of urls) expect((await fetch(gateway.url + url)).status).toBe(404);
  });

  test("frees its idempotency key", async () => {
    await start();
    const first = await generate({ idempotencyKey: "k" });
    await images.delete(CALLER, first.id);
    const second = await generate({ prompt: "a badger", idempotencyKey: "k" });

    expect(second).toMatchObject({ status: "SUCCEEDED", prompt: "a badger" });
    expect(second.id).not.toBe(first.id);
  });

  test("while it waits is never submitted", async () => {
    await start({ maxConcurrency: 1 });
    const hold = api.holdNext();
    const first = await submit();
    await hold.arrived;
    const waiting = await submit({ prompt: "a badger" });
    await images.delete(CALLER, waiting.id);
    hold.release();
    await images.wait(first, PATIENCE_MS);
    await generate({ prompt: "a crow" });

    expect(api.requests.map(({ body }) => body?.prompt)).toEqual(["a fox", "a crow"]);
    expect(await find(waiting.id)).toBeUndefined();
  });

  test("while the provider works aborts the call, and waiting clients get their answer", async () => {
    await start();
    const hold = api.holdNext();
    const running = await submit();
    const request = await hold.arrived;
    const answer = images.wait(running, PATIENCE_MS);
    await images.delete(CALLER, running.id);

    expect(await request.closed).toBe("disconnected");
    await answer;
    await gateway.gateway.drain(PATIENCE_MS);
    expect(await find(running.id)).toBeUndefined();
    expect(await storedFiles(gateway.dataDir)).toEqual([]);
  });

  test("does not affect any other generation", async () => {
    await start();
    const [gone, kept] = [await generate(), await generate({ prompt: "a badger" })];
    await images.delete(CALLER, gone.id);

    expect(await find(kept.id)).toEqual(kept);
    expect(await storedFiles(gateway.dataDir)).toHaveLength(2);
  });
});

test.each(["cancel", "delete"] as const)(
  "a request to %s another owner's generation is told that it does not exist",
  async (act) => {
    await start();
    const foreign = await generate();
    const notFound = { code: "NOT_FOUND", details: { field: "id" } };

    await expect(images[act](CALLER, "gen_01jd0000000000000000000000")).rejects.toMatchObject(notFound);
    await expect(images[act]({ projectId: "other" }, foreign.id)).rejects.toMatchObject(notFound);
    expect(await find(foreign.id)).toEqual(foreign);
  },
);

/** A picture as sent by the vendor. */
async function madePicture(): Promise<string> {
  await generate();
  return (api.images[0] as (typeof api.images)[number]).bytes.toString("base64");
}

/** The first picture whole, the beginning of the second, and then nothing. */
async function* beginning(picture: string): AsyncIterable<Uint8Array> {
  yield Buffer.from(`{"created":1,"data":[{"b64_json":"${picture}"},{"b64_json":"${picture.slice(0, 4000)}`);
  await new Promise(() => {});
}

/** Resolves when this many images are recorded. */
async function untilImages(generationId: string, count: number): Promise<void> {
  for (;;) {
    const [found = []] = await images.imagesOf([generationId]);
    if (found.length >= count) return;
    await fetch(`${gateway.url}/healthz`);
  }
}
