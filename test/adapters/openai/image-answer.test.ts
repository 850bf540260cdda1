import { describe, expect, test } from "@jest/globals";
import { BrokenAnswer } from "../../../src/adapters/openai/answers/broken-answer.ts";
import type { ProviderEvent } from "../../../src/ports/image-provider.ts";
import { BLOCK_CHARACTERS } from "../../../src/streamed-json/base64-decoder.ts";
import { eventsOf, readAll, readBytes } from "./answers.ts";

const HEAD = Buffer.from('{"data":[{"b64_json":"');
const NEXT = Buffer.from('"},{"b64_json":"');
const TAIL = Buffer.from('"}]}');
const CHUNK = Buffer.alloc(BLOCK_CHARACTERS, "A");
const BLOCK_BYTES = (BLOCK_CHARACTERS / 4) * 3;

type Picture = Extract<ProviderEvent, { type: "image" }>;

/** A body that counts the chunks read from it and records its cancellation. */
function countedBody(parts: Iterable<Buffer>) {
  const body = { pulls: 0, bytes: 0, isCancelled: false, chunks: chunks() };
  async function* chunks(): AsyncGenerator<Uint8Array> {
    let isAtEnd = false;
    try {
      for (const part of parts) {
        body.pulls++;
        body.bytes += part.length;
        yield part;
      }
      isAtEnd = true;
    } finally {
      body.isCancelled = !isAtEnd;
    }
  }
  return body;
}

function* twoImages(chunksEach: number): Generator<Buffer> {
  yield HEAD;
  for (let count = 0; count < chunksEach; count++) yield CHUNK;
  yield NEXT;
  for (let count = 0; count < chunksEach; count++) yield CHUNK;
  yield TAIL;
}

async function nextPicture(events: AsyncGenerator<ProviderEvent>): Promise<Picture> {
  const { value } = await events.next();
  if (value?.type !== "image") throw new Error("an image was expected");
  return value;
}

describe("with a slow consumer", () => {
  test("nothing is read ahead of it", async () => {
    const body = countedBody(twoImages(100));
    const events = eventsOf(body.chunks);
    expect(body.pulls).toBe(0);

    const first = await nextPicture(events);
    await new Promise(setImmediate);
    expect(body.pulls).toBe(2);

    const bytes = first.bytes[Symbol.asyncIterator]();
    for (let blocks = 1; blocks <= 10; blocks++) {
      expect((await bytes.next()).value).toHaveLength(BLOCK_BYTES);
      await new Promise(setImmediate);
      // The chunks of the blocks read, the head, and the chunk that completed the block.
      expect(body.pulls).toBe(blocks + 2);
    }
    await events.return(undefined);
    expect(body.isCancelled).toBe(true);
  });

  test("200 MB of Base64 pass through with at most two blocks in memory", async () => {
    const chunkCount = 1600;
    const body = countedBody(twoImages(chunkCount / 2));
    const limits = { maxImageBytes: 2 ** 28, maxOtherBytes: 100 };
    let handedOver = 0;
    let mostHeld = 0;
    for await (const event of eventsOf(body.chunks, { limits })) {
      if (event.type === "usage") continue;
      for await (const bytes of event.bytes) {
        mostHeld = Math.max(mostHeld, (body.bytes * 3) / 4 - handedOver);
        handedOver += bytes.length;
      }
    }
    expect(handedOver).toBe(chunkCount * BLOCK_BYTES);
    expect(mostHeld).toBeLessThanOrEqual(2 * BLOCK_BYTES + HEAD.length + NEXT.length);
  });

  test("a chunk of any size is passed on in blocks", async () => {
    const [picture] = await readEachSize([Buffer.concat([HEAD, Buffer.alloc(1_000_000, "A"), TAIL])]);
    expect(Math.max(...(picture ?? []))).toBe(BLOCK_BYTES);
    expect(picture?.reduce((sum, size) => sum + size)).toBe(750_000);
  });

  test("tiny chunks are combined into blocks", async () => {
    const text = Buffer.concat([HEAD, Buffer.alloc(400_000, "A"), TAIL]);
    const [picture] = await readEachSize(Array.from({ length: text.length }, (_, at) => text.subarray(at, at + 1)));
    expect(picture).toEqual([BLOCK_BYTES, BLOCK_BYTES, BLOCK_BYTES, 300_000 - 3 * BLOCK_BYTES]);
  });
});

describe("a consumer that stops reading", () => {
  test.each([
    ["without reading", async () => {}],
    ["by return()", async (picture: Picture) => void (await picture.bytes[Symbol.asyncIterator]().return?.())],
    [
      "in the middle",
      async (picture: Picture) => {
        for await (const _ of picture.bytes) break;
      },
    ],
  ])("one image %s gets the next one complete", async (_name, leave) => {
    const events = eventsOf(countedBody(twoImages(5)).chunks);
    await leave(await nextPicture(events));
    const second = await nextPicture(events);
    expect(second.index).toBe(1);
    expect(await readBytes(second.bytes)).toHaveLength(5 * BLOCK_BYTES);
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  test("one image gets no bytes of it after the next one began", async () => {
    const events = eventsOf(countedBody(twoImages(5)).chunks);
    const first = await nextPicture(events);
    const second = await nextPicture(events);
    expect(await readBytes(first.bytes)).toHaveLength(0);
    expect(await readBytes(second.bytes)).toHaveLength(5 * BLOCK_BYTES);
    expect(await readBytes(second.bytes)).toHaveLength(0);
  });

  test("altogether cancels the body", async () => {
    const body = countedBody(twoImages(50));
    for await (const event of eventsOf(body.chunks)) {
      expect(event.type).toBe("image");
      break;
    }
    expect(body.isCancelled).toBe(true);
    expect(body.pulls).toBe(2);
  });
});

describe("the size limits stop", () => {
  const limits = { maxImageBytes: 200_000, maxOtherBytes: 1000 };

  test("an image that never ends", async () => {
    function* endless(): Generator<Buffer> {
      yield HEAD;
      for (;;) yield CHUNK;
    }
    const body = countedBody(endless());
    await expect(readAll(eventsOf(body.chunks, { limits }))).rejects.toThrow("larger than 200000 bytes");
    expect(body.isCancelled).toBe(true);
    expect(body.pulls).toBeLessThan(6);
  });

  test("a string that never ends", async () => {
    function* endless(): Generator<Buffer> {
      yield Buffer.from('{"revised_prompt":"');
      for (;;) yield CHUNK;
    }
    await expect(readAll(eventsOf(endless(), { limits }))).rejects.toThrow("more than 1000 bytes beside its images");
  });

  test.each([
    ["between tokens", '{"created":'],
    ["in an image", '{"data":[{"b64_json":"AAAA'],
    ["before everything", ""],
  ])("white space that never ends: %s", async (_name, beginning) => {
    function* endless(): Generator<Buffer> {
      yield Buffer.from(beginning);
      for (;;) yield Buffer.alloc(65_536, " ");
    }
    const body = countedBody(endless());
    const error = readAll(eventsOf(body.chunks, { limits, imageCount: 1 }));
    await expect(error).rejects.toThrow("it has more than 2000000 bytes");
    expect(body.isCancelled).toBe(true);
  });

  test("only images over the limit each, not together", async () => {
    const ofThreeBlocks = { ...limits, maxImageBytes: 3 * BLOCK_BYTES };
    const events = await readAll(eventsOf(twoImages(2), { limits: ofThreeBlocks }));
    expect(events.map((event) => event.type === "image" && event.bytes.length)).toEqual([
      2 * BLOCK_BYTES,
      2 * BLOCK_BYTES,
    ]);
  });

  test("no amount of white space from being skipped without being stored", async () => {
    const space = Buffer.alloc(65_536, " ");
    const parts = [...Array(20).fill(space), HEAD, Buffer.from("AAAA"), TAIL, ...Array(20).fill(space)];
    expect(await readAll(eventsOf(parts, { limits }))).toHaveLength(1);
  });
});

describe("an error", () => {
  test("of the body reaches the reader of the bytes and the next request for an event", async () => {
    const broken = new Error("the connection broke");
    async function* breaking(): AsyncGenerator<Uint8Array> {
      yield HEAD;
      yield CHUNK;
      throw broken;
    }
    const events = eventsOf(breaking());
    const picture = await nextPicture(events);
    await expect(readBytes(picture.bytes)).rejects.toBe(broken);
    await expect(events.next()).rejects.toBe(broken);
  });

  test("about an answer of an unknown kind cancels the body", async () => {
    const body = countedBody([Buffer.from("<html><body>Not here</body></html>"), CHUNK]);
    await expect(readAll(eventsOf(body.chunks))).rejects.toThrow(BrokenAnswer);
    expect(body.isCancelled).toBe(true);
  });

  test("after the last requested image loses nothing", async () => {
    async function* breaking(): AsyncGenerator<Uint8Array> {
      yield* twoImages(1);
      throw new Error("the connection broke");
    }
    expect(await readAll(eventsOf(breaking(), { imageCount: 2 }))).toHaveLength(2);
    await expect(readAll(eventsOf(breaking(), { imageCount: 3 }))).rejects.toThrow("the connection broke");
  });

  test("of an aborted call is thrown even after the last image", async () => {
    const isGone = new Error("it has gone");
    async function* breaking(): AsyncGenerator<Uint8Array> {
      yield* twoImages(1);
      throw isGone;
    }
    await expect(readAll(eventsOf(breaking(), { imageCount: 2, isCanceled: () => true }))).rejects.toBe(isGone);
  });
});

describe("the usage", () => {
  const answer = (usage: unknown) => Buffer.from(JSON.stringify({ data: [{ b64_json: "AAAA" }], usage }));
  const whole = { input_tokens: 60, output_tokens: 500, total_tokens: 560 };

  test("separates text and images if the provider does", async () => {
    const usage = {
      ...whole,
      input_tokens_details: { text_tokens: 10, image_tokens: 50 },
      output_tokens_details: { text_tokens: 0, image_tokens: 500 },
    };
    expect((await readAll(eventsOf([answer(usage)]))).at(-1)).toEqual({
      type: "usage",
      usage: {
        inputTokens: 60,
        outputTokens: 500,
        totalTokens: 560,
        inputDetails: { textTokens: 10, imageTokens: 50 },
        outputDetails: { textTokens: 0, imageTokens: 500 },
      },
    });
  });

  test.each([
    ["null", null],
    ["of another sum", { text_tokens: 10, image_tokens: 51 }],
    ["incomplete", { text_tokens: 10 }],
    ["more than the sum", { text_tokens: 61 }],
    ["negative", { text_tokens: -10, image_tokens: 70 }],
    ["texts", { text_tokens: "10", image_tokens: "50" }],
  ])("has no parts if they are %s", async (_name, details) => {
    const usage = { ...whole, input_tokens_details: details };
    expect((await readAll(eventsOf([answer(usage)]))).at(-1)).toEqual({
      type: "usage",
      usage: { inputTokens: 60, outputTokens: 500, totalTokens: 560 },
    });
  });

  test.each([
    ["without a sum", { input_tokens: 60, output_tokens: 500 }],
    ["without input", { output_tokens: 500, total_tokens: 560 }],
    ["without output", { input_tokens: 60, total_tokens: 560 }],
    ["with nulls", { ...whole, input_tokens_details: null, output_tokens_details: null }],
    ["with a text for a number", { ...whole, input_tokens: "60" }],
    ["in the words of text models", { prompt_tokens: 60, completion_tokens: 500, total_tokens: 560 }],
  ])("is read as far as it is consistent: %s", async (_name, usage) => {
    expect((await readAll(eventsOf([answer(usage)]))).at(-1)).toEqual({
      type: "usage",
      usage: { inputTokens: 60, outputTokens: 500, totalTokens: 560 },
    });
  });

  test.each([
    [{ text_tokens: 60 }, { textTokens: 60, imageTokens: 0 }],
    [
      { image_tokens: 60, text_tokens: null },
      { textTokens: 0, imageTokens: 60 },
    ],
  ])("derives the parts from %j, one of which is the total", async (details, inputDetails) => {
    expect((await readAll(eventsOf([answer({ ...whole, input_tokens_details: details })]))).at(-1)).toMatchObject({
      usage: { inputDetails },
    });
  });

  test.each([
    ["missing", undefined],
    ["null", null],
    ["of zeros, which servers that do not count send", { input_tokens: 0, output_tokens: 0, total_tokens: 0 }],
    ["negative", { input_tokens: -1, output_tokens: 2, total_tokens: 1 }],
    ["texts", { input_tokens: "1", output_tokens: "2", total_tokens: "3" }],
    ["a sum alone", { total_tokens: 3 }],
    ["input alone", { input_tokens: 3 }],
    ["a sum that is all input", { input_tokens: 3, total_tokens: 3 }],
    ["less than its parts", { input_tokens: 3, total_tokens: 2 }],
    ["fractional", { input_tokens: 1.5, output_tokens: 2, total_tokens: 3.5 }],
  ])("is unknown if it is %s", async (_name, usage) => {
    const events = await readAll(eventsOf([answer(usage)]));
    expect(events.map((event) => event.type)).toEqual(["image"]);
  });
});

async function readEachSize(parts: readonly Buffer[]): Promise<number[][]> {
  const sizes: number[][] = [];
  for await (const event of eventsOf(parts)) {
    if (event.type === "usage") continue;
    const ofPicture: number[] = [];
    for await (const bytes of event.bytes) ofPicture.push(bytes.length);
    sizes.push(ofPicture);
  }
  return sizes;
}
