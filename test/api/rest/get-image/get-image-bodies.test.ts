import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import {
  asJson,
  asMultipart,
  asUrlencoded,
  ENCODINGS,
  getImage,
  multipartOf,
  textPart,
} from "../../../support/clients/get-image-client.ts";
import { type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";

const FIELDS = { prompt: "A red fox in the snow", n: "1", size: "64x64" };
const JSON_BODY = JSON.stringify(FIELDS);
const FORM_BODY = "prompt=A+red+fox+in+the+snow&n=1&size=64x64";
const PARTS = Object.entries(FIELDS).map(([name, value]) => textPart(name, value));

let gateway: ScriptedGateway;

beforeAll(async () => {
  gateway = await startScriptedGateway();
});

afterAll(() => gateway.close());

beforeEach(() => {
  gateway.provider.requests.length = 0;
});

const PROMPTS = [
  ["Chinese", "一位長髮女孩微笑著看著我"],
  ["emoji of several code points", "👩🏽‍🚀 on 🏴󠁧󠁢󠁳󠁣󠁴󠁿 and 🦊"],
  ["Arabic and Hebrew", "قطة سوداء וחתול לבן"],
  ["combining marks, not composed", "cafe\u0301 a\u030A"],
  [
    "signs that encodings use",
    "100% of a+b & c=d; \"quoted\" 'single' \\back\\slash #tag ?query {curly} [square] <tag>",
  ],
  ["escapes that are only text", "%41 %zz %u0041 &amp; \\u0041 \\n"],
  ["lines and tabs", "first line\r\nsecond line\n\tthird"],
  ["a boundary's look", "--WebKitFormBoundary\r\nContent-Disposition: form-data"],
  ["spaces at both ends", "  a fox  "],
  ["a byte order mark inside", "a\uFEFFb"],
  ["the last character of Unicode", "\u{10FFFF}\uFFFD\uFFFE"],
] as const;

describe.each(ENCODINGS)("a prompt in %s", (_name, encode) => {
  test.each(PROMPTS)("with %s reaches the provider unchanged", async (_case, prompt) => {
    // FormData and a form's own encoding turn every line break into CRLF, as browsers do.
    const sent = encode === asMultipart ? prompt.replaceAll(/\r?\n/g, "\r\n") : prompt;
    const { body, contentType } = await encode({ ...FIELDS, prompt: sent });

    const named = await getImage(gateway.url, body, { "Content-Type": contentType });
    const unnamed = await getImage(gateway.url, body);

    expect([named.errorMessage, unnamed.errorMessage]).toEqual(["OK", "OK"]);
    expect(gateway.provider.requests.map((request) => request.prompt)).toEqual([sent, sent]);
  });

  test("of 32,000 characters is accepted, even if it has four times as many bytes", async () => {
    const prompt = "🦊".repeat(32_000);
    const { body, contentType } = await encode({ ...FIELDS, prompt });

    expect((await getImage(gateway.url, body, { "Content-Type": contentType })).errorMessage).toBe("OK");
    expect(gateway.provider.requests.map((request) => request.prompt)).toEqual([prompt]);
  });

  test("sent in chunks of a few bytes arrives whole", async () => {
    const { body, contentType } = await encode({ ...FIELDS, prompt: "狐狸" });
    const chunks = Array.from({ length: Math.ceil(body.length / 7) }, (_, index) =>
      body.subarray(7 * index, 7 * index + 7),
    );

    expect((await getImage(gateway.url, chunks, { "Content-Type": contentType })).errorMessage).toBe("OK");
    expect((await getImage(gateway.url, chunks)).errorMessage).toBe("OK");
    expect(gateway.provider.requests.map((request) => request.prompt)).toEqual(["狐狸", "狐狸"]);
  });

  test("compressed with gzip arrives decompressed", async () => {
    const { body, contentType } = await encode({ ...FIELDS, prompt: "狐狸" });
    const headers = { "Content-Type": contentType, "Content-Encoding": "gzip" };

    expect((await getImage(gateway.url, gzipSync(body), headers)).errorMessage).toBe("OK");
    expect(gateway.provider.requests.map((request) => request.prompt)).toEqual(["狐狸"]);
  });

  test("is read after 100 Continue if the client expects that, as curl does", async () => {
    const { body, contentType } = await encode(FIELDS);

    const answer = await getImage(gateway.url, body, { "Content-Type": contentType, Expect: "100-continue" });

    expect(answer).toMatchObject({ wasContinued: true, status: 200, errorMessage: "OK" });
  });
});

describe("the endpoint also accepts", () => {
  test.each<[string, string | undefined, string | Buffer]>([
    ["JSON with a charset", "application/json; charset=utf-8", JSON_BODY],
    ["JSON with a quoted charset", 'application/json;charset="UTF-8"', JSON_BODY],
    ["JSON in upper case", "APPLICATION/JSON; CHARSET=UTF8", JSON_BODY],
    ["JSON after a byte order mark", "application/json", `\uFEFF${JSON_BODY}`],
    ["JSON after a byte order mark, unnamed", undefined, `\uFEFF${JSON_BODY}`],
    ["JSON after empty lines, unnamed", undefined, `\r\n \t${JSON_BODY}\r\n`],
    ["JSON with an empty Content-Type", "", JSON_BODY],
    ["JSON with escapes", "application/json", JSON_BODY.replace("A red", "\\u0041\\u0020red")],
    ["JSON that holds form signs, unnamed", undefined, JSON_BODY.replace("{", '{"a=b&c":"d=e",')],
    ["a form in upper case", "APPLICATION/X-WWW-FORM-URLENCODED", FORM_BODY],
    ["a form with a charset", "application/x-www-form-urlencoded; charset=UTF-8", FORM_BODY],
    ["a form with %20 for spaces", "application/x-www-form-urlencoded", FORM_BODY.replaceAll("+", "%20")],
    ["a form with everything escaped", "application/x-www-form-urlencoded", FORM_BODY.replace("prompt", "%70rompt")],
    ["a form with other fields, sent twice", "application/x-www-form-urlencoded", `${FORM_BODY}&a=1&a=2`],
    ["a form with empty pairs", "application/x-www-form-urlencoded", `&${FORM_BODY.replaceAll("&", "&&")}&`],
    ["a form after a byte order mark, unnamed", undefined, `\uFEFF${FORM_BODY}`],
    ["multipart with a quoted boundary", 'multipart/form-data; boundary="a b:c=d"', multipartOf("a b:c=d", ...PARTS)],
    ["multipart with a boundary like that, unnamed", undefined, multipartOf("a b:c=d", ...PARTS)],
    ["multipart in upper case", "MULTIPART/FORM-DATA; BOUNDARY=AaB03x", multipartOf("AaB03x", ...PARTS)],
    ["multipart with a charset", "multipart/form-data; charset=utf-8; boundary=x", multipartOf("x", ...PARTS)],
    ["multipart with a boundary of 70 characters", undefined, multipartOf("x".repeat(70), ...PARTS)],
    ["multipart without the last line's end", "multipart/form-data; boundary=x", multipartOf("x", ...PARTS).trimEnd()],
    [
      "multipart with a preamble and an epilogue",
      "multipart/form-data; boundary=x",
      `This is a message in MIME format.\r\n${multipartOf("x", ...PARTS)}The end.\r\n`,
    ],
    [
      "multipart whose parts name their type",
      "multipart/form-data; boundary=x",
      multipartOf("x", ...PARTS).replaceAll("\r\n\r\n", "\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\n"),
    ],
    [
      "multipart with header names in lower case",
      "multipart/form-data; boundary=x",
      multipartOf("x", ...PARTS).replaceAll("Content-Disposition", "content-disposition"),
    ],
  ])("%s", async (_case, contentType, body) => {
    const answer = await getImage(gateway.url, body, contentType === undefined ? {} : { "Content-Type": contentType });

    expect(answer.errorMessage).toBe("OK");
    expect(gateway.provider.requests).toMatchObject([{ prompt: FIELDS.prompt, n: 1, size: { width: 64, height: 64 } }]);
  });

  test.each(["96X64", "96×64", "96 x 64", "96 × 64"])("a size such as %s", async (size) => {
    const answer = await getImage(gateway.url, JSON.stringify({ ...FIELDS, size }));

    expect(answer.errorMessage).toBe("OK");
    expect(gateway.provider.requests).toMatchObject([{ size: { width: 96, height: 64 } }]);
  });

  test("a path with a slash at its end", async () => {
    const url = `${gateway.url}/get-image/`;
    const [made, refused, got] = await Promise.all([
      fetch(url, { method: "POST", body: new URLSearchParams(FIELDS) }),
      fetch(url, { method: "POST", body: new URLSearchParams({ n: "1" }) }),
      fetch(url),
    ]);

    expect(await made.json()).toMatchObject({ errorMessage: "OK" });
    expect([refused.status, await refused.json()]).toMatchObject([400, { urlResponse: { urlList: [] } }]);
    expect([got.status, await got.json()]).toMatchObject([405, { urlResponse: { urlList: [] } }]);
  });

  test("fields in any order, without a Content-Type", async () => {
    for (const [encode, first] of [asJson, asMultipart, asUrlencoded].flatMap((one) => [
      [one, "n"] as const,
      [one, "size"] as const,
    ])) {
      const { [first]: value, ...others } = FIELDS;
      const { body } = await encode({ [first]: value, ...others });
      expect((await getImage(gateway.url, body)).errorMessage).toBe("OK");
    }
    expect(gateway.provider.requests).toHaveLength(6);
  });
});
