import { describe, expect, test } from "@jest/globals";
import { BrokenAnswer } from "../../../src/adapters/openai/answers/broken-answer.ts";
import { Base64Decoder, BLOCK_CHARACTERS } from "../../../src/streamed-json/base64-decoder.ts";
import { EVERY_ITEM, JsonStrings } from "../../../src/streamed-json/json-strings.ts";
import { eventsOf, randomBytes, randomChunks, readAll, readBytes, readCut, seededRandom } from "./answers.ts";

const USAGE = { input_tokens: 3, output_tokens: 4, total_tokens: 7 };
const FOX = Buffer.from("a fox, somehow");
const OWL = Buffer.from([0xfb, 0xef, 0xff, 0xfe, 0x00, 0x3e]);
const fox = FOX.toString("base64");
const owl = OWL.toString("base64");

/** The beginning of a PNG, which identifies a text as an image anywhere in the answer. */
const PNG = Buffer.from("89504e470d0a1a0a0000000d49484452", "hex");
const png = PNG.toString("base64");

const image = (bytes: Buffer, index = 0) => ({ type: "image", index, bytes });
const usage = { type: "usage", usage: { inputTokens: 3, outputTokens: 4, totalTokens: 7 } };

describe("images are found", () => {
  const both = [image(FOX, 0), image(OWL, 1), usage];
  const cases: readonly (readonly [string, string, readonly object[]])[] = [
    ["in the vendor's answer", vendorAnswer([{ b64_json: fox }, { b64_json: owl }]), both],
    [
      "with keys in another order",
      JSON.stringify({ usage: USAGE, data: [{ b64_json: fox }, { b64_json: owl }] }),
      both,
    ],
    [
      "between whitespace of every kind",
      ` \r\n\t{ "data" :\t[\r\n{ "b64_json" : "${fox}" } ,{"b64_json"\n:\n"${owl}"\t} ] , "usage" : ${JSON.stringify(USAGE)} } \n`,
      both,
    ],
    ["under keys with escapes", `{"d\\u0061ta":[{"b64\\u005Fjson":"${fox}","\\"b64_json":"no"}]}`, [image(FOX)]],
    [
      "with escapes in the base64",
      `{"data":[{"b64_json":"${owl.replaceAll("/", "\\/").replaceAll("+", "\\u002b")}"},{"b64_json":"${fox.replace("=", "\\u003D")}"}]}`,
      [image(OWL, 0), image(FOX, 1)],
    ],
    ["without padding", `{"data":[{"b64_json":"${fox.replaceAll("=", "")}"}]}`, [image(FOX)]],
    [
      "only at their place",
      JSON.stringify({
        b64_json: fox,
        meta: { data: [{ b64_json: fox }], b64_json: null },
        data: [{ more: { b64_json: fox }, list: [{ b64_json: fox }], b64_json: owl, z: "b64_json" }],
        list: [{ b64_json: fox }, { data: [{ b64_json: fox }] }],
      }).replace('{"b64_json":', '{"other":'),
      [image(OWL)],
    ],
    [
      "beside texts that look like JSON",
      JSON.stringify({
        note: '{"data":[{"b64_json":"',
        data: [{ revised_prompt: '\\"],}{\u00e9\u{1f98a}', b64_json: owl }],
      }),
      [image(OWL)],
    ],
    ["in data that is not a list", JSON.stringify({ data: { b64_json: fox }, usage: USAGE }), [image(FOX), usage]],
    ["in a list that is the whole answer", JSON.stringify([{ b64_json: fox }, { b64_json: owl }]), both.slice(0, 2)],
    ["in the answer itself", JSON.stringify({ b64_json: fox }), [image(FOX)]],
    [
      "in images",
      JSON.stringify({ images: [{ b64_json: fox }, { url: `data:image/png;base64,${owl}` }] }),
      both.slice(0, 2),
    ],
    [
      "in images and again in data",
      JSON.stringify({ images: [{ b64_json: fox }], data: [{ b64_json: fox }] }),
      [image(FOX)],
    ],
    [
      "as the items of a list",
      JSON.stringify({ data: [png, `data:image/png;base64,${owl}`] }),
      [image(PNG), image(OWL, 1)],
    ],
    ["in an envelope", JSON.stringify({ code: 200, data: { data: [{ b64_json: fox }] } }), [image(FOX)]],
    [
      "in an envelope of another name",
      JSON.stringify({ success: true, result: { data: [{ b64_json: fox }] } }),
      [image(FOX)],
    ],
    [
      "after items that hold none",
      `{"data":[{"b64_json":null},{"b64_json":""},{},null,7,[{"b64_json":"x"}],{"b64_json":"${fox}"}]}`,
      [image(FOX, 6)],
    ],
  ];

  test.each(cases)("%s, wherever the answer is split", async (_name, answer, expected) => {
    const bytes = Buffer.from(answer);
    for (let offset = 0; offset <= bytes.length; offset++) expect(await readCut(bytes, offset)).toEqual(expected);
    expect(await readAll(eventsOf([...bytes].map((byte) => Buffer.of(byte))))).toEqual(expected);
  });

  test("of any length around a block's, in chunks of any size", async () => {
    const random = seededRandom(1);
    const block = (BLOCK_CHARACTERS / 4) * 3;
    for (const length of [1, 2, 3, block - 1, block, block + 1, block + 2, 2 * block, 2 * block + 1]) {
      const made = randomBytes(length, random);
      for (const encoded of [made.toString("base64"), made.toString("base64").replaceAll("=", "")]) {
        const escaped = encoded.replaceAll("/", "\\/");
        for (const text of [encoded, escaped]) {
          const answer = Buffer.from(vendorAnswer([{ b64_json: fox }]).replace(fox, text));
          for (const most of [7, 1000, 65_536, 1_000_000]) {
            const events = await readAll(eventsOf(randomChunks(answer, most, random)));
            expect(events[0]?.type === "image" && events[0].bytes.equals(made)).toBe(true);
          }
        }
      }
    }
  });

  test("in random documents, the same ones that JSON.parse finds", async () => {
    const random = seededRandom(2);
    for (let round = 0; round < 300; round++) {
      const answer = randomDocument(random);
      const expected = reference(answer);
      for (const most of [3, 40, 5000]) {
        const outcome = await outcomeOf(randomChunks(Buffer.from(answer), most, random));
        expect({ answer, outcome }).toEqual({ answer, outcome: expected });
      }
    }
  });

  test("up to the requested number, and further ones are skipped", async () => {
    const answer = Buffer.from(vendorAnswer([{ b64_json: fox }, { b64_json: owl }]));
    expect(await readAll(eventsOf([answer], { imageCount: 1 }))).toEqual([image(FOX), usage]);
  });
});

describe("image URLs are downloaded", () => {
  const download = async function* (address: string) {
    yield Buffer.from("at ");
    yield Buffer.from(address);
  };
  const at = (address: string, index: number) => image(Buffer.from(`at ${address}`), index);

  test.each<[string, string, readonly object[]]>([
    [
      "all of them, with the usage before or after",
      JSON.stringify({ usage: USAGE, data: [{ url: "https://a.example/1" }, { url: "https://a.example/2" }] }),
      [at("https://a.example/1", 0), at("https://a.example/2", 1), usage],
    ],
    [
      "beside images, which come first",
      JSON.stringify({ data: [{ url: "https://a.example/1" }, { b64_json: fox }], usage: USAGE }),
      [image(FOX, 1), at("https://a.example/1", 0), usage],
    ],
    [
      "with escapes and whitespace",
      '{ "data" : [ { "u\\u0072l" : "https:\\/\\/a.example\\/\\u0031" , "b64_json" : null } ] }',
      [at("https://a.example/1", 0)],
    ],
    [
      "unless the image is there too",
      JSON.stringify({
        data: [
          { url: "https://a.example/1", b64_json: fox },
          { b64_json: "", url: "" },
        ],
      }),
      [image(FOX)],
    ],
  ])("%s, wherever the answer is split", async (_name, answer, expected) => {
    const bytes = Buffer.from(answer);
    for (let offset = 0; offset <= bytes.length; offset++) {
      expect(await readCut(bytes, offset, { download })).toEqual(expected);
    }
  });

  test("up to the requested number, and only those that the consumer reads", async () => {
    const data = ["1", "2", "3"].map((path) => ({ url: `https://a.example/${path}` }));
    const asked: string[] = [];
    const counted = async function* (address: string) {
      asked.push(address);
      yield* download(address);
    };
    const options = { download: counted, imageCount: 2 };
    const indexes: number[] = [];
    for await (const event of eventsOf([Buffer.from(JSON.stringify({ data }))], options)) {
      if (event.type === "usage") continue;
      indexes.push(event.index);
      if (event.index === 1) expect(String(await readBytes(event.bytes))).toBe("at https://a.example/2");
    }
    expect(indexes).toEqual([0, 1]);
    expect(asked).toEqual(["https://a.example/2"]);
  });

  test("and an error in a download becomes the answer's error", async () => {
    const broken = new Error("the host broke");
    const breaking = async function* () {
      yield Buffer.from("half");
      throw broken;
    };
    const answer = Buffer.from('{"data":[{"url":"https://a.example/1"}]}');
    await expect(readAll(eventsOf([answer], { download: breaking }))).rejects.toBe(broken);
  });
});

test("the fields before an image can be read when the image begins", () => {
  const json = new JsonStrings({
    paths: [["images", EVERY_ITEM, "b64_json"]],
    recognise: (_field, _text, isWhole) => (isWhole ? undefined : { kind: "base64", start: 0, isUri: false }),
    decoder: new Base64Decoder(100),
    maxOtherBytes: 100,
  });
  const [start] = json.write(Buffer.from(`{"created":1,"images":[{"a":2},{"b64_json":"${fox}`));
  expect(start).toEqual({ type: "start", field: "b64_json", item: 1, prefix: "" });
  expect(json.soFar()).toEqual({ created: 1, images: [{ a: 2 }, { b64_json: "" }] });
});

describe("a broken answer is an error", () => {
  test("if it ends too early", async () => {
    const answer = Buffer.from(vendorAnswer([{ b64_json: fox, url: "x\\u00e9" }, { b64_json: owl }]));
    for (let length = 0; length < answer.length; length++) {
      await expect(readCut(answer.subarray(0, length), length >> 1)).rejects.toThrow(BrokenAnswer);
    }
  });

  test("if any byte is wrong, unless JSON and Base64 still allow it", async () => {
    const answer = Buffer.from(vendorAnswer([{ b64_json: owl.replace("/", "\\/") }, { b64_json: fox }]));
    for (let offset = 0; offset < answer.length; offset++) {
      for (const byte of Buffer.from('"\\{}[]:,=-_+x0 \0\x7f\xff\n', "latin1")) {
        const wrong = Buffer.from(answer);
        wrong[offset] = byte;
        const expected = reference(new TextDecoder().decode(wrong));
        const outcome = await outcomeOf([wrong.subarray(0, offset), wrong.subarray(offset)]);
        expect({ offset, byte, outcome }).toEqual({ offset, byte, outcome: expected });
      }
    }
  });

  test.each([
    ["no JSON", "<html>"],
    ["nothing", ""],
    ["something after the document", `${vendorAnswer([{ b64_json: fox }])}{}`],
    ["two numbers in a row", `{"data":[{"b64_json":"${fox}"}],"a":1 2}`],
    ["no images", '{"data":[]}'],
    ["an object of images", `{"data":{"0":{"b64_json":"${fox}"}}}`],
    ["no data", '{"created":1}'],
    ["null for every image", '{"data":[{"b64_json":null}]}'],
    ["an image that is a number", `{"data":[{"b64_json":"${fox}"},{"b64_json":7}]}`],
    ["two images in one place", `{"data":[{"b64_json":"${fox}","b64_json":"${owl}"}]}`],
    ["two lists of images", `{"data":[{"b64_json":"${fox}"}],"data":[{"b64_json":"${owl}"}]}`],
    ["addresses", '{"data":[{"url":"https://images.example/1.png","b64_json":""}]}'],
    ["another control character in base64", '{"data":[{"b64_json":"AAAA\\bAAAA"}]}'],
    ["a letter beyond ASCII in base64", '{"data":[{"b64_json":"AAAA\\u0141AAA"}]}'],
    ["padding in the middle", '{"data":[{"b64_json":"AA==AAAA"}]}'],
    ["digits after padding and white space", '{"data":[{"b64_json":"AA== AAAA"}]}'],
    ["white space for an image", '{"data":[{"b64_json":" \\n "}]}'],
    ["white space without end for an image", `{"data":[{"b64_json":"${" ".repeat(2000)}${fox}"}]}`],
    ["a data: URI without base64", '{"data":[{"b64_json":"data:image/svg+xml,%3Csvg/%3E"}]}'],
    ["a data: URI without data", '{"data":[{"b64_json":"data:image/png;base64"}]}'],
    ["an empty data: URI", '{"data":[{"b64_json":"data:image/png;base64,"}]}'],
    ["percent signs in Base64 outside a URI", '{"data":[{"b64_json":"AAA%3D"}]}'],
    ["half a percent-encoded character", '{"data":[{"url":"data:image/png;base64,AAA%3"}]}'],
    ["one character too many", '{"data":[{"b64_json":"AAAAA"}]}'],
    ["only padding", '{"data":[{"b64_json":"=="}]}'],
  ])("with %s", async (_name, answer) => {
    await expect(readCut(Buffer.from(answer), answer.length >> 1)).rejects.toThrow(BrokenAnswer);
  });

  test("with deep nesting", async () => {
    const answer = Buffer.from(vendorAnswer([{ b64_json: fox, x: 0 }]).replace("0", "[".repeat(100) + "]".repeat(100)));
    await expect(readAll(eventsOf([answer]))).rejects.toThrow("nested too deeply");
  });

  test("for every byte outside the Base64 alphabet, at every position of a block's end", async () => {
    for (let byte = 0; byte < 256; byte++) {
      if (/[A-Za-z0-9+/=_\\" \t\n\f\r-]/.test(String.fromCharCode(byte))) continue;
      for (const place of [20, BLOCK_CHARACTERS - 1, BLOCK_CHARACTERS]) {
        const characters = Buffer.alloc(BLOCK_CHARACTERS + 4, "A");
        characters[place] = byte;
        const answer = Buffer.concat([Buffer.from('{"data":[{"b64_json":"'), characters, Buffer.from('"}]}')]);
        await expect(readAll(eventsOf([answer]))).rejects.toThrow("an image is not base64");
      }
    }
  });

  test("and no message contains its text", async () => {
    const error = await readAll(eventsOf([Buffer.from('{"secret words"')])).catch((thrown: unknown) => thrown);
    expect(String((error as Error).stack)).not.toContain("secret");
    expect((error as Error).cause).toBeUndefined();
  });
});

/** An answer as the vendor writes it. A backslash in an image's text is an escape in the JSON. */
function vendorAnswer(data: readonly object[]): string {
  const chosen = { output_format: "png", quality: "low", size: "1024x1024" };
  return JSON.stringify({ created: 1_795_348_800, background: "opaque", data, ...chosen, usage: USAGE }).replaceAll(
    "\\\\",
    "\\",
  );
}

type Outcome = readonly (readonly [index: number, base64: string])[] | "broken";

async function outcomeOf(chunks: Iterable<Buffer>): Promise<Outcome> {
  try {
    const events = await readAll(eventsOf(chunks, { imageCount: Number.POSITIVE_INFINITY }));
    return events.flatMap((event) => (event.type === "image" ? [[event.index, event.bytes.toString("base64")]] : []));
  } catch (error) {
    if (error instanceof BrokenAnswer) return "broken";
    throw error;
  }
}

/** The expected images, found by parsing the whole answer. */
function reference(answer: string): Outcome {
  let document: { error?: unknown; data?: unknown; type?: unknown } | null;
  try {
    // A line break inside Base64 is skipped, although JSON requires it to be escaped.
    document = JSON.parse(answer.replaceAll(/(?<="b64_json":")[^"]*/g, (text) => text.replaceAll(/\n/g, " ")));
  } catch {
    return "broken";
  }
  if (!Array.isArray(document?.data)) return "broken";
  const found: (readonly [number, string])[] = [];
  for (const [index, item] of document.data.entries()) {
    const base64: unknown = Array.isArray(item) ? undefined : item?.b64_json;
    if (base64 === undefined || base64 === null || (typeof base64 === "string" && base64.trim() === "")) continue;
    if (typeof base64 !== "string" || !isBase64(base64)) return "broken";
    found.push([index, Buffer.from(base64, "base64").toString("base64")]);
  }
  return found.length === 0 ? "broken" : found;
}

function isBase64(text: string): boolean {
  return (
    /^([A-Za-z0-9+/_-]{4})*([A-Za-z0-9+/_-]{2,3})?=*$/.test(text.replaceAll(/[ \t\n\f\r]/g, "")) &&
    !/^[ =]*$/.test(text)
  );
}

/** Random JSON with one or more images among decoys, with white space and escapes wherever JSON allows them. */
function randomDocument(random: () => number): string {
  const pick = <T>(choices: readonly T[]): T => choices[Math.floor(random() * choices.length)]!;
  const space = (): string => (random() < 0.3 ? pick([" ", "\n", "\r\n\t ", "  "]) : "");
  const text = (value: string): string =>
    `"${[...value].map((c) => (random() < 0.1 ? `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}` : c)).join("")}"`;
  const base64 = (): string =>
    text(randomBytes(Math.floor(random() * 40), random).toString("base64")).replaceAll("/", () => pick(["/", "\\/"]));
  const list = (items: readonly string[]): string => `[${space()}${items.join(`${space()},${space()}`)}${space()}]`;
  const object = (members: readonly (readonly [string, string])[]): string =>
    `{${space()}${members.map(([key, value]) => `${text(key)}${space()}:${space()}${value}`).join(`${space()},${space()}`)}${space()}}`;
  const decoy = (depth: number): string => {
    const leaves = [
      () => base64(),
      () => pick(["null", "true", "-1.5e3", "0"]),
      () => text('a"b\\'.replace(/["\\]/g, "")),
    ];
    const nested = [
      () =>
        object([
          ["b64_json", decoy(depth + 1)],
          ["x", decoy(depth + 1)],
        ]),
      () => object([["data", list([object([["b64_json", base64()]])])]]),
      () => list([decoy(depth + 1), decoy(depth + 1)]),
    ];
    return pick(depth > 3 ? leaves : [...leaves, ...nested])();
  };
  const item = (): string => {
    const members: (readonly [string, string])[] = [
      ["revised_prompt", decoy(3)],
      ["more", decoy(0)],
    ];
    members.splice(Math.floor(random() * 3), 0, ["b64_json", random() < 0.9 ? base64() : pick(["null", "7", "{}"])]);
    return object(members);
  };
  const members: (readonly [string, string])[] = [
    ["created", "1"],
    ["b64_json_", decoy(0)],
  ];
  members.splice(Math.floor(random() * 3), 0, ["data", list(Array.from({ length: Math.floor(random() * 4) }, item))]);
  return space() + object(members) + space();
}

describe("an error beside images", () => {
  const warned = (count: number, error: unknown) =>
    Buffer.from(JSON.stringify({ data: [{ b64_json: fox }, { b64_json: owl }].slice(0, count), error }));

  test.each([{ code: 0, message: "success" }, { code: "slow" }, "slow", 7])(
    "does not matter if all images are there: %j",
    async (error) => {
      expect(await readAll(eventsOf([warned(2, error)], { imageCount: 2 }))).toEqual([image(FOX), image(OWL, 1)]);
    },
  );

  test("fails the call if an image is missing", async () => {
    await expect(readAll(eventsOf([warned(1, { code: "slow" })], { imageCount: 2 }))).rejects.toThrow("slow");
  });

  test("fails the call if it refuses content", async () => {
    const answer = warned(2, { code: "content_policy_violation" });
    await expect(readAll(eventsOf([answer], { imageCount: 2 }))).rejects.toThrow("content_policy_violation");
  });

  test("does not matter beside all image URLs either", async () => {
    const answer = JSON.stringify({ images: ["https://a.example/fox"], error: { code: 0, message: "success" } });
    const download = async function* (address: string) {
      yield Buffer.from(address);
    };
    const events = await readAll(eventsOf([Buffer.from(answer)], { imageCount: 1, download }));
    expect(events).toEqual([image(Buffer.from("https://a.example/fox"))]);
  });
});
