import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import {
  asJson,
  asMultipart,
  asUrlencoded,
  ENCODINGS,
  type GetImageAnswer,
  getImage,
  multipartOf,
  textPart,
  toGetImageAnswer,
} from "../../../support/clients/get-image-client.ts";
import { httpRequest } from "../../../support/clients/http-request.ts";
import { type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";
import { storedFiles } from "../../../support/stores/stored-files.ts";

const FIELDS = { prompt: "A red fox in the snow", n: "1", size: "64x64" };
const PARTS = Object.entries(FIELDS).map(([name, value]) => textPart(name, value));
const JSON_TYPE = "application/json";
const FORM_TYPE = "application/x-www-form-urlencoded";
const MULTIPART_TYPE = "multipart/form-data; boundary=x";

let gateway: ScriptedGateway;

beforeAll(async () => {
  gateway = await startScriptedGateway({ corsOrigins: "*" });
});

afterAll(() => gateway.close());

/** Checks that the provider was not called and that nothing of the request is left. */
afterEach(async () => {
  const { body } = await gateway.graphql("{ generations { edges { node { id } } } }");
  expect(body.data.generations.edges).toEqual([]);
  expect(gateway.provider.requests).toEqual([]);
  expect(await storedFiles(gateway.dataDir)).toEqual([]);
});

const missing = (name: keyof typeof FIELDS) => {
  const { [name]: _left, ...others } = FIELDS;
  return others;
};

describe.each(ENCODINGS)("in %s", (_name, encode) => {
  test.each([
    ["no fields at all", {}, /^(prompt|the multipart body)\b.*\bsend\b/],
    ["no prompt", missing("prompt"), /^prompt is missing; send it as text, such as ".+"$/],
    ["an empty prompt", { ...FIELDS, prompt: "" }, /^prompt is missing; send it as text, such as ".+"$/],
    ["a blank prompt", { ...FIELDS, prompt: " \t\r\n\u3000 " }, /^prompt must be a text that describes the image$/],
    ["a prompt of 32,001 characters", { ...FIELDS, prompt: "狐".repeat(32_001) }, /^prompt must have at most 32000 ch/],
    ["a prompt of 33,000 characters", { ...FIELDS, prompt: "x".repeat(33_000) }, /^prompt must have at most 32000 ch/],
    ["a prompt with a NUL", { ...FIELDS, prompt: "a fox\0" }, /^prompt must be well-formed Unicode without NUL/],
    ["no n", missing("n"), /^n is missing; send it as text, such as "2"$/],
    ["an empty n", { ...FIELDS, n: "" }, /^n is missing; send it as text, such as "2"$/],
    ...["0", "11", "-1", "2.5", "abc", "1e1", "0x2", " ", "2 3", "+2", "２", "Infinity", "NaN", "1".repeat(400)].map(
      (n) => [`n of ${n.slice(0, 9)}`, { ...FIELDS, n }, /^n must be a whole number from 1 to 10$/] as const,
    ),
    ["no size", missing("size"), /^size is missing; send it as text, such as "1024x1024"$/],
    ["an empty size", { ...FIELDS, size: "" }, /^size is missing; send it as text, such as "1024x1024"$/],
    ...[
      ...[
        "1024",
        "1024x",
        "x1024",
        "0x0",
        "1024xX1024",
        "1024  x 1024",
        "１０２４x1024",
        "1024x1024x1024",
        " 1024x1024",
      ],
      ...[
        "1024x1024\n",
        "1024.0x1024",
        "-64x64",
        "1e3x1e3",
        "0x40x0x40",
        "01024x1024",
        "auto",
        "large",
        "9".repeat(999),
      ],
    ].map(
      (size) =>
        [
          `size of ${JSON.stringify(size.slice(0, 14))}`,
          { ...FIELDS, size },
          /^size must be "WIDTHxHEIGHT" in pixels/,
        ] as const,
    ),
    ...["99999x99999", "63x64", "64x63", "3841x3840", "4000x100", "999999x999999"].map(
      (size) =>
        [`size of ${size}`, { ...FIELDS, size }, /^size must have sides of 64 to 3840 pixels, such as/] as const,
    ),
    ...["100x301", "301x100", "64x193", "3840x1279"].map(
      (size) =>
        [`size of ${size}`, { ...FIELDS, size }, /^size must have a ratio between 1:3 and 3:1, such as/] as const,
    ),
    ["names of an object's own", JSON.parse('{"__proto__":"x","constructor":"y"}'), /^prompt is missing/],
  ])("%s is refused", async (_case, fields, message) => {
    const { body, contentType } = await encode(fields as Record<string, string>);

    const answer = await getImage(gateway.url, body, { "Content-Type": contentType });

    expectRefusal(answer, 400, message);
  });

  test("every encoding of a lone surrogate or of bytes that are not UTF-8 is refused", async () => {
    const { body, contentType } = await encode({ ...FIELDS, prompt: "a MARK fox" });
    for (const bytes of ["\xff", "\xc3\x28", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xc0\xaf", "\xe4\xb8"]) {
      const broken = Buffer.from(body.toString("latin1").replace("MARK", bytes), "latin1");
      for (const headers of [{ "Content-Type": contentType }, {}]) {
        expectRefusal(await getImage(gateway.url, broken, headers), 400, /^the body is not valid UTF-8/);
      }
    }
  });

  test("a body of 2 MB is refused, whatever its headers say", async () => {
    const { body, contentType } = await encode({ ...FIELDS, prompt: "x".repeat(2_000_000) });
    const headers = { "Content-Type": contentType };
    const chunks = Array.from({ length: 8 }, (_, index) => body.subarray(250_000 * index, 250_000 * (index + 1)));

    for (const answer of [
      await getImage(gateway.url, body, headers),
      await getImage(gateway.url, body),
      await getImage(gateway.url, [...chunks, body.subarray(2_000_000)], headers),
      await getImage(gateway.url, gzipSync(body), { ...headers, "Content-Encoding": "gzip" }),
    ]) {
      expectRefusal(answer, 413, /^the body is too large; send at most 1 MiB$/);
    }
  });
});

/** A body as the document of 2022 shows it. */
const YAML = 'prompt: A cute asian girl\nn: "2"\nsize: 1024x1024\n';
const YAML_REFUSAL = /^the body is YAML, .* send the same as JSON: \{"prompt": /;

describe("an unreadable body", () => {
  test.each<[string, string | undefined, string | Buffer, number, RegExp]>([
    ["nothing", undefined, "", 400, /^prompt is missing; send/],
    ["nothing, said to be JSON", JSON_TYPE, "", 400, /^the body is not valid JSON; send \{"prompt": /],
    ["nothing, said to be multipart", MULTIPART_TYPE, "", 400, /^the multipart body is broken or cut short; send/],
    [
      "JSON cut short",
      JSON_TYPE,
      '{"prompt": "a fox", "n": "1"',
      400,
      /^the body is not valid JSON; send \{"prompt": /,
    ],
    ["JSON cut short, unnamed", undefined, '{"prompt": "a fox', 400, /^the body is not valid JSON; send \{"prompt": /],
    ["JSON with a comma too many", JSON_TYPE, '{"prompt": "a fox",}', 400, /^the body is not valid JSON; send/],
    ["JSON in single quotes", JSON_TYPE, "{'prompt': 'a fox'}", 400, /^the body is not valid JSON; send/],
    ["a JSON array", JSON_TYPE, JSON.stringify([FIELDS]), 400, /^the body must be a JSON object: \{"prompt": /],
    ["a JSON array, unnamed", undefined, JSON.stringify([FIELDS]), 400, /^the body must be a JSON object: /],
    ["null", JSON_TYPE, "null", 400, /^the body must be a JSON object: /],
    ["null, unnamed", undefined, "null", 400, /^the body must be a JSON object: /],
    ["a JSON string", JSON_TYPE, '"a fox"', 400, /^the body must be a JSON object: /],
    ["a number, unnamed", undefined, "42", 400, /^the body must be a JSON object: /],
    ["JSON nested 200,000 deep", JSON_TYPE, "[".repeat(200_000) + "]".repeat(200_000), 400, /^the body must be a JSON/],
    [
      "a prompt nested 100,000 deep",
      JSON_TYPE,
      `{"prompt":${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)},"n":"1","size":"64x64"}`,
      400,
      /^prompt must be text, such as/,
    ],
    ["YAML as in the document of 2022", undefined, YAML, 400, YAML_REFUSAL],
    ["YAML that a client calls a form", FORM_TYPE, YAML, 400, YAML_REFUSAL],
    ["YAML in another order, after its mark", undefined, `---\n\n"size": 64x64\n${YAML}`, 400, YAML_REFUSAL],
    ["YAML that says so", "application/yaml", YAML, 415, /^send the body as multipart/],
    ["a plain sentence, unnamed", undefined, "A red fox in the snow", 400, /^the body is not valid JSON; send/],
    ["bytes, unnamed", undefined, Buffer.from([0, 1, 2, 3, 255]), 400, /^the body is not valid UTF-8/],
    ["a form in UTF-16", FORM_TYPE, Buffer.from("\uFEFFprompt=fox", "utf16le"), 400, /^the body is not valid UTF-8/],
    ["a form cut in a character", FORM_TYPE, "prompt=%E4%B8", 400, /^the body is not valid UTF-8/],
  ])("is refused: %s", async (_case, contentType, body, status, message) => {
    const headers = contentType === undefined ? {} : { "Content-Type": contentType };
    expectRefusal(await getImage(gateway.url, body, headers), status, message);
  });

  test("is refused: gzip that is not gzip", async () => {
    const headers = { "Content-Type": JSON_TYPE, "Content-Encoding": "gzip" };
    expectRefusal(await getImage(gateway.url, "{}", headers), 400, /^the body does not match its Content-Encoding/);
  });
});

describe("JSON values of the wrong type", () => {
  test.each([
    ["an object as prompt", { ...FIELDS, prompt: { text: "a fox" } }, /^prompt must be text, such as/],
    ["an array as prompt", { ...FIELDS, prompt: ["a fox"] }, /^prompt must be text, such as/],
    ["a number as prompt", { ...FIELDS, prompt: 5 }, /^prompt must be text, such as/],
    ["true as prompt", { ...FIELDS, prompt: true }, /^prompt must be text, such as/],
    ["null as prompt", { ...FIELDS, prompt: null }, /^prompt is missing; send/],
    ["null as n", { ...FIELDS, n: null }, /^n is missing; send/],
    ["an array as n", { ...FIELDS, n: ["2"] }, /^n must be/],
    ["true as n", { ...FIELDS, n: true }, /^n must be/],
    ...[0, 11, -1, 2.5, 1e300].map(
      (n) => [`${n} as n`, { ...FIELDS, n }, /^n must be a whole number from 1 to 10$/] as const,
    ),
    ["a number as size", { ...FIELDS, size: 1024 }, /^size must be text, such as "1024x1024"$/],
    ["an object as size", { ...FIELDS, size: { width: 64, height: 64 } }, /^size must be text, such as "1024x1024"$/],
  ])("%s is refused", async (_case, fields, message) => {
    const { body } = await asJson(fields);
    expectRefusal(await getImage(gateway.url, body, { "Content-Type": JSON_TYPE }), 400, message);
  });

  test.each([
    ["a high surrogate alone", String.raw`{"prompt": "a \ud83e fox", "n": "1", "size": "64x64"}`],
    ["a low surrogate alone", String.raw`{"prompt": "\udd8a", "n": "1", "size": "64x64"}`],
    ["surrogates the wrong way round", String.raw`{"prompt": "\udd8a\ud83e", "n": "1", "size": "64x64"}`],
    ["an escaped NUL", String.raw`{"prompt": "a fox\u0000", "n": "1", "size": "64x64"}`],
  ])("%s in the prompt is refused", async (_case, body) => {
    expectRefusal(await getImage(gateway.url, body), 400, /^prompt must be well-formed Unicode without NUL/);
  });

  test.each([
    ["__proto__ with every field", `{"__proto__": ${JSON.stringify(FIELDS)}}`],
    ["constructor with every field", `{"constructor": {"prototype": ${JSON.stringify(FIELDS)}}}`],
  ])("%s sets no field", async (_case, body) => {
    expectRefusal(await getImage(gateway.url, body), 400, /^prompt is missing; send/);
    expect(Object.keys(Object.prototype)).toEqual([]);
    expectRefusal(await getImage(gateway.url, "{}"), 400, /^prompt is missing; send/);
  });
});

describe("a multipart body", () => {
  test.each<[string, string | undefined, string, RegExp]>([
    [
      "without a boundary",
      "multipart/form-data",
      multipartOf("x", ...PARTS),
      /^the multipart body needs a boundary in its Content-Type; let FormData set the header$/,
    ],
    [
      "with an empty boundary",
      "multipart/form-data; boundary=",
      multipartOf("x", ...PARTS),
      /^the multipart body is broken or cut short; send it as FormData does$/,
    ],
    [
      "with another boundary",
      "multipart/form-data; boundary=y",
      multipartOf("x", ...PARTS),
      /^the multipart body is broken/,
    ],
    [
      "with a prompt that is a file",
      MULTIPART_TYPE,
      multipartOf(
        "x",
        'Content-Disposition: form-data; name="prompt"; filename="prompt.txt"\r\nContent-Type: text/plain\r\n\r\na fox',
        ...PARTS.slice(1),
      ),
      /^prompt was sent as a file; send it as a text field$/,
    ],
    [
      "with a file besides",
      MULTIPART_TYPE,
      multipartOf("x", ...PARTS, 'Content-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n\x89PNG'),
      /^image was sent as a file; send it as a text field$/,
    ],
    [
      "with a prompt twice",
      MULTIPART_TYPE,
      multipartOf("x", ...PARTS, textPart("prompt", "b")),
      /^prompt was sent twice; send it once$/,
    ],
    [
      "with n twice, the same",
      undefined,
      multipartOf("x", ...PARTS, textPart("n", "1")),
      /^n was sent twice; send it once$/,
    ],
    [
      "with __proto__ in place of fields",
      undefined,
      multipartOf("x", textPart("__proto__", "x")),
      /^prompt is missing; send/,
    ],
    [
      "with a part without a name",
      MULTIPART_TYPE,
      multipartOf("x", "Content-Disposition: form-data\r\n\r\na"),
      /^(prompt|the multipart)/,
    ],
    [
      "with 101 fields before those that matter",
      MULTIPART_TYPE,
      multipartOf("x", ...Array.from({ length: 101 }, (_, index) => textPart(`f${index}`, "")), ...PARTS),
      /./,
    ],
  ])("%s is refused", async (_case, contentType, body, message) => {
    const headers = contentType === undefined ? {} : { "Content-Type": contentType };
    expectRefusal(await getImage(gateway.url, body, headers), 400, message);
  });

  test("cut short at any byte is refused", async () => {
    const { body, contentType } = await asMultipart(FIELDS);
    const end = body.lastIndexOf("--");
    for (let length = 1; length <= end + 1; length++) {
      const answer = await getImage(gateway.url, body.subarray(0, length), { "Content-Type": contentType });
      expectRefusal(answer, 400, /^the multipart body is broken or cut short; send it as FormData does$/);
    }
  });

  test("with a real file from FormData is refused", async () => {
    const form = new FormData();
    form.append("prompt", new Blob(["a fox"], { type: "text/plain" }), "prompt.txt");
    for (const name of ["n", "size"] as const) form.append(name, FIELDS[name]);
    const response = await fetch(`${gateway.url}/get-image`, { method: "POST", body: form });

    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      urlResponse: { urlList: [] },
      errorMessage: "prompt was sent as a file; send it as a text field",
    });
  });
});

test.each([
  "prompt=a&n=1&size=64x64&prompt=b",
  "prompt=a&prompt=a&n=1&size=64x64",
  "prompt=a&n=1&size=64x64&%70rompt=b",
])("a form with a field twice is refused: %s", async (body) => {
  expectRefusal(await getImage(gateway.url, body), 400, /^prompt was sent twice; send it once$/);
});

describe("a Content-Type that is not supported", () => {
  test.each([
    ["text/plain"],
    ["text/plain;charset=UTF-8"],
    ["application/xml"],
    ["application/octet-stream"],
    ["application/x-www-form-urlencoded-not"],
    ["multipart/mixed; boundary=x"],
    ["application/graphql"],
    ["json"],
    ["application/json; charset=utf-16"],
    ["application/json; charset=gb18030"],
    ['application/json; charset="iso-8859-1"'],
    ["application/x-www-form-urlencoded; charset=shift_jis"],
    ["multipart/form-data; boundary=x; charset=big5"],
  ])("%s is refused with the types to send", async (contentType) => {
    const { body } = contentType.startsWith("multipart")
      ? { body: multipartOf("x", ...PARTS) }
      : await (contentType.includes("urlencoded") ? asUrlencoded : asJson)(FIELDS);

    const answer = await getImage(gateway.url, body, { "Content-Type": contentType });

    expectRefusal(
      answer,
      415,
      contentType.includes("charset=") && !contentType.startsWith("text") ? /UTF-8/ : /^send the body as .*multipart/,
    );
  });

  test("an unknown Content-Encoding is refused", async () => {
    const { body } = await asJson(FIELDS);
    expectRefusal(await getImage(gateway.url, body, { "Content-Encoding": "rot13" }), 415, /Content-Encoding.*send/);
  });
});

test.each(["GET", "PUT", "DELETE", "PATCH"])("%s is refused with the hint to use POST", async (method) => {
  const { body } = await asJson(FIELDS);
  const target = `${gateway.url}/get-image?prompt=a+fox&n=1&size=64x64`;
  const answer = toGetImageAnswer(
    await httpRequest(target, method === "GET" ? { method } : { method, body, headers: { "Content-Type": JSON_TYPE } }),
  );

  expectRefusal(answer, 405, /^send prompt, n and size by POST$/);
  expect(answer.headers.allow).toContain("POST");
});

test("HEAD is refused too, without a body", async () => {
  const { status, body } = await httpRequest(`${gateway.url}/get-image`, { method: "HEAD" });

  expect(status).toBe(405);
  expect(body).toHaveLength(0);
});

test("fields in the query string of a POST are ignored", async () => {
  const target = `${gateway.url}/get-image?prompt=a+fox&n=1&size=64x64`;
  expectRefusal(toGetImageAnswer(await httpRequest(target, { method: "POST" })), 400, /^prompt is missing; send/);
});

test.each([
  ["empty", ""],
  ["longer than 255 characters", "k".repeat(256)],
  ["with a character that is not ASCII", Buffer.from("schlüssel").toString("latin1")],
])("an Idempotency-Key that is %s is refused", async (_case, key) => {
  const { body } = await asJson(FIELDS);
  expectRefusal(
    await getImage(gateway.url, body, { "Idempotency-Key": key }),
    400,
    /^idempotencyKey must have 1 to 255/,
  );
});

function expectRefusal(answer: GetImageAnswer, status: number, message: RegExp): void {
  expect({ status: answer.status, message: answer.errorMessage }).toEqual({
    status,
    message: expect.stringMatching(message),
  });
  expect(answer.text).toBe(JSON.stringify({ urlResponse: { urlList: [] }, errorMessage: answer.errorMessage }));
  expect(answer.errorMessage).not.toBe("OK");
  expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
  expect(answer.headers["access-control-allow-origin"]).toBe("*");
}
