import { describe, expect, test } from "@jest/globals";
import { BrokenAnswer } from "../../../src/adapters/openai/answers/broken-answer.ts";
import { ProviderRefusal } from "../../../src/adapters/refusals/provider-refusal.ts";
import { type AnswerOptions, eventsOf, randomBytes, randomChunks, readAll, readCut, seededRandom } from "./answers.ts";

const STREAM: AnswerOptions = { contentType: "text/event-stream; charset=utf-8", imageCount: 1 };
const USAGE = { input_tokens: 3, output_tokens: 4, total_tokens: 7 };
const SKETCH = Buffer.from("a sketch");
const DRAFT = Buffer.from("a draft!");
const FOX = Buffer.from([0xfb, 0xef, 0xff, 0x00]);

const sketch = { type: "partial", index: 0, partialIndex: 0, bytes: SKETCH };
const draft = { type: "partial", index: 0, partialIndex: 1, bytes: DRAFT };
const fox = { type: "image", index: 0, bytes: FOX };
const usage = { type: "usage", usage: { inputTokens: 3, outputTokens: 4, totalTokens: 7 } };

const partialEvent = (bytes: Buffer, partialImageIndex: number): string =>
  toEvent("image_generation.partial_image", {
    type: "image_generation.partial_image",
    b64_json: bytes.toString("base64"),
    partial_image_index: partialImageIndex,
  });
const completedEvent = (): string =>
  toEvent("image_generation.completed", {
    type: "image_generation.completed",
    b64_json: FOX.toString("base64"),
    usage: USAGE,
  });
const wholeStream = (): string => partialEvent(SKETCH, 0) + partialEvent(DRAFT, 1) + completedEvent();

describe("previews and the final image are found", () => {
  const all = [sketch, draft, fox, usage];
  const cases: readonly (readonly [string, string, readonly object[]])[] = [
    ["in the vendor's stream", wholeStream(), all],
    ["with CRLF", wholeStream().replaceAll("\n", "\r\n"), all],
    ["with CR", wholeStream().replaceAll("\n", "\r"), all],
    ["without spaces after colons", wholeStream().replaceAll(/^(event|data): /gm, "$1:"), all],
    ["without event names, by their type", withoutNames(wholeStream()), all],
    ["by their event names, without a type", wholeStream().replaceAll(/"type":"[^"]*",/g, ""), all],
    [
      "when the final image comes before all previews",
      partialEvent(SKETCH, 0) + completedEvent(),
      [sketch, fox, usage],
    ],
    [
      "beside comments, other fields and other events",
      `: keep-alive\n\nid: 1\nretry: 5\ndata\n\nevent: image_generation.in_progress\ndata: {"type":"image_generation.in_progress"}\n\n` +
        `data_: {\n: data: {\n${wholeStream()}data: [DONE]\n\n`,
      all,
    ],
    ["over several lines of data", wholeStream().replaceAll(',"b64_json":', '\ndata: ,\ndata: "b64_json":'), all],
    [
      "over several lines of data with CRLF",
      wholeStream().replaceAll(',"b64_json":', '\ndata: ,\ndata: "b64_json":').replaceAll("\n", "\r\n"),
      all,
    ],
    [
      "by the last of several event names, with comments between the lines",
      wholeStream()
        .replaceAll(/"type":"[^"]*",/g, "")
        .replaceAll("event: ", `event: ${"x".repeat(300)}\nevent: `)
        .replaceAll("\ndata", "\n: comment\n:\ndata"),
      all,
    ],
    ["without the last blank line", wholeStream().trimEnd(), all],
    [
      "by a type that comes after the picture, without event names",
      withoutNames(wholeStream()).replaceAll(/\{("type":"[^"]*"),(.*)\}\n/g, "{$2,$1}\n"),
      all,
    ],
    ["by the other members, without a type or event names", withoutTypes(wholeStream()), all],
    [
      "by their order, when no event tells what its picture is",
      [SKETCH, DRAFT, FOX].map((bytes) => toData({ b64_json: bytes.toString("base64") })).join(""),
      [fox],
    ],
    [
      "when the final image's event has a name of its own",
      partialEvent(SKETCH, 0) + toEvent("result", { b64_json: FOX.toString("base64") }),
      [sketch, fox],
    ],
    [
      "in the items of data, as in an answer that is not a stream",
      toData({ created: 1, data: [{ b64_json: FOX.toString("base64"), url: "" }], usage: USAGE }),
      [fox, usage],
    ],
    ["in data that is not a list", toData({ data: { b64_json: FOX.toString("base64") } }), [fox]],
    ["after events that are not JSON", `data: ping\n\n${completedEvent()}`, [fox, usage]],
    [
      "but not in events of another kind",
      toEvent("image_generation.thought", { type: "image_generation.thought", b64_json: "AAAA" }) + completedEvent(),
      [fox, usage],
    ],
  ];

  test.each(cases)("%s, wherever the stream is split", async (_name, stream, expected) => {
    const bytes = Buffer.from(stream);
    for (let offset = 0; offset <= bytes.length; offset++) {
      expect(await readCut(bytes, offset, STREAM)).toEqual(expected);
    }
    expect(
      await readAll(
        eventsOf(
          [...bytes].map((byte) => Buffer.of(byte)),
          STREAM,
        ),
      ),
    ).toEqual(expected);
  });

  test("of any length, in chunks of any size", async () => {
    const random = seededRandom(3);
    const made = randomBytes(200_000, random);
    const stream = Buffer.from(wholeStream().replace(FOX.toString("base64"), made.toString("base64")));
    for (const most of [11, 1500, 65_536, 1_000_000]) {
      const events = await readAll(eventsOf(randomChunks(stream, most, random), STREAM));
      expect(events.map((event) => event.type)).toEqual(["partial", "partial", "image", "usage"]);
      expect(events[2]?.type === "image" && events[2].bytes.equals(made)).toBe(true);
    }
  });

  test("before [DONE], which is not parsed", async () => {
    const stream = Buffer.from(`${completedEvent()}data: [DONE]\n\n`);
    expect(await readAll(eventsOf([stream], { ...STREAM, imageCount: 2 }))).toEqual([fox, usage]);
  });

  test.each([
    ["the last one", wholeStream(), [sketch, draft, fox, usage]],
    [
      "one that comes before its type",
      withoutNames(wholeStream()).replace(/\{("type":"[^"]*"),(.*)\}\n$/, "{$2,$1}\n"),
      [sketch, draft, fox, usage],
    ],
    [
      "[DONE], when no event tells what its picture is",
      `${toData({ b64_json: FOX.toString("base64") })}data: [DONE]\n\n`,
      [fox],
    ],
  ])("and a stream that the server leaves open is closed after %s", async (_name, stream, expected) => {
    let isLeft = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        yield Buffer.from(stream);
        for (let count = 0; count < 1000; count++) yield Buffer.from(": keep-alive\n\n");
        throw new Error("the stream was not left");
      } finally {
        isLeft = true;
      }
    }
    expect(await readAll(eventsOf(endless(), STREAM))).toEqual(expected);
    expect(isLeft).toBe(true);
  });

  test("if there are several in the items of data", async () => {
    const data = [SKETCH, DRAFT, FOX].map((bytes) => ({ b64_json: bytes.toString("base64") }));
    const events = await readAll(eventsOf([Buffer.from(toData({ created: 1, data }))], { ...STREAM, imageCount: 3 }));
    expect(events).toEqual([SKETCH, DRAFT, FOX].map((bytes, index) => ({ type: "image", index, bytes })));
  });
});

test("image URLs in events are downloaded, wherever the stream is split", async () => {
  const download = async function* (address: string) {
    yield Buffer.from(address);
  };
  const named = (name: string, fields: object) =>
    toEvent(`image_generation.${name}`, { type: `image_generation.${name}`, ...fields });
  const stream = Buffer.from(
    named("partial_image", { url: "https://a.example/sketch" }) +
      named("thought", { url: "https://a.example/thought" }) +
      partialEvent(DRAFT, 1) +
      named("completed", { b64_json: null, url: "https://a.example/fox", usage: USAGE }) +
      named("completed", { url: "https://a.example/surplus" }),
  );
  const nameless = Buffer.from(toData({ url: "https://a.example/draft" }) + toData({ url: "https://a.example/fox" }));
  for (let offset = 0; offset <= stream.length; offset++) {
    expect(await readCut(stream, offset, { ...STREAM, download })).toEqual([
      { ...sketch, bytes: Buffer.from("https://a.example/sketch") },
      draft,
      { ...fox, bytes: Buffer.from("https://a.example/fox") },
      usage,
    ]);
  }
  for (let offset = 0; offset <= nameless.length; offset++) {
    expect(await readCut(nameless, offset, { ...STREAM, download })).toEqual([
      { ...fox, bytes: Buffer.from("https://a.example/fox") },
    ]);
  }
});

describe("a broken stream is an error", () => {
  test("if it ends before the final image is complete", async () => {
    const stream = Buffer.from(wholeStream());
    const end = stream.indexOf(FOX.toString("base64")) + FOX.toString("base64").length;
    for (let length = 0; length <= end; length++) {
      await expect(readCut(stream.subarray(0, length), length >> 1, STREAM)).rejects.toThrow(BrokenAnswer);
    }
    for (let length = end + 1; length < wholeStream().trimEnd().length; length++) {
      expect(await readCut(stream.subarray(0, length), length >> 1, STREAM)).toEqual([sketch, draft, fox]);
    }
  });

  test.each([
    ["no event", ""],
    ["no final image", partialEvent(SKETCH, 0)],
    ["a number over two lines", partialEvent(SKETCH, 0).replace(":0}", ":\ndata: 1\ndata: 0}") + completedEvent()],
    ["an event that is not JSON", `data: <html>\n\n${partialEvent(SKETCH, 0)}`],
    ["an image that is not base64", completedEvent().replace("++", "!!")],
    [
      "an address",
      toEvent("image_generation.completed", { type: "image_generation.completed", url: "https://x.example" }),
    ],
  ])("with %s", async (_name, stream) => {
    await expect(readAll(eventsOf([Buffer.from(stream)], STREAM))).rejects.toThrow(BrokenAnswer);
  });

  test.each([
    ["an error event", 'event: error\ndata: {"error":{"code":"moderation_blocked","message":"secret words"}}\n\n'],
    ["a flat error event", 'event: error\ndata: {"code":"moderation_blocked","message":"secret words"}\n\n'],
    ["an error by its type", 'data: {"type":"error","code":"moderation_blocked","message":"secret words"}\n\n'],
  ])("with %s", async (_name, event) => {
    const stream = Buffer.from(partialEvent(SKETCH, 0) + event);
    const error = await readAll(eventsOf([stream], STREAM)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ProviderRefusal);
    expect((error as ProviderRefusal).fields.code).toBe("moderation_blocked");
    expect((error as ProviderRefusal).message).not.toContain("secret");
  });
});

function withoutNames(stream: string): string {
  return stream.replaceAll(/^event: .*\n/gm, "");
}

function withoutTypes(stream: string): string {
  return withoutNames(stream).replaceAll(/"type":"[^"]*",/g, "");
}

function toData(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

function toEvent(name: string, data: object): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
