import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { httpRequest } from "../../../support/clients/http-request.ts";
import type { GraphQLBody } from "../../../support/gateways/gateway.ts";
import { type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";
import { storedFiles } from "../../../support/stores/stored-files.ts";

const GENERATE = "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { id } }";
const INPUT = { prompt: "A red fox in the snow", n: 1, size: "64x64" };

let gateway: ScriptedGateway;

beforeAll(async () => {
  gateway = await startScriptedGateway();
});

afterAll(() => gateway.close());

/** Checks that the provider was not called and that nothing of the request is left. */
afterEach(async () => {
  const { body } = await gateway.graphql("{ generations { edges { node { id } } } }");
  expect(body.data.generations.edges).toEqual([]);
  expect(gateway.provider.requests).toEqual([]);
  expect(await storedFiles(gateway.dataDir)).toEqual([]);
});

function expectRefusal(body: GraphQLBody, field: string, message: RegExp): void {
  expect(body.data ?? null).toBeNull();
  expect(body.errors).toMatchObject([
    { message: expect.stringMatching(message), extensions: { code: "BAD_USER_INPUT", field } },
  ]);
  expect(JSON.stringify(body.errors)).not.toMatch(/stacktrace|node_modules|\.ts:/);
}

describe("an invalid input value is refused with its field and what to send", () => {
  test.each<[string, object, string, RegExp]>([
    ["an empty prompt", { prompt: "" }, "prompt", /^prompt must be a text that describes the image$/],
    ["a blank prompt", { prompt: " \t\n\u3000" }, "prompt", /^prompt must be a text that describes the image$/],
    ["33,000 characters", { prompt: "x".repeat(33_000) }, "prompt", /^prompt must have at most 32000 characters$/],
    ["32,001 characters", { prompt: "🦊".repeat(32_001) }, "prompt", /^prompt must have at most 32000 characters$/],
    ["a lone high surrogate", { prompt: "a \ud83e fox" }, "prompt", /^prompt must be well-formed Unicode/],
    ["a lone low surrogate", { prompt: "\udd8a" }, "prompt", /^prompt must be well-formed Unicode/],
    ["a NUL", { prompt: "a fox\0" }, "prompt", /^prompt must be well-formed Unicode without NUL/],
    ...[0, 11, -1, 2_147_483_647, -2_147_483_648].map(
      (n) => [`n of ${n}`, { n }, "n", /^n must be a whole number from 1 to 10$/] as [string, object, string, RegExp],
    ),
    ...["1024", "1024x", "x1024", "0x0", "", " ", "1024X1024", "１０２４x1024", "1024×1024", "1024x1024\n", "auto"].map(
      (size) =>
        [`size of ${JSON.stringify(size)}`, { size }, "size", /^size must be "WIDTHxHEIGHT" in pixels, such as/] as [
          string,
          object,
          string,
          RegExp,
        ],
    ),
    ...["99999x99999", "63x64", "64x63", "4000x100", "3841x3840"].map(
      (size) =>
        [`size of ${size}`, { size }, "size", /^size must have sides of 64 to 3840 pixels/] as [
          string,
          object,
          string,
          RegExp,
        ],
    ),
    ["size of 100x301", { size: "100x301" }, "size", /^size must have a ratio between 1:3 and 3:1/],
    ["a negative seed", { seed: -1 }, "seed", /^seed must be a whole number from 0 to 2147483647$/],
    [
      "a transparent JPEG",
      { background: "TRANSPARENT", format: "JPEG" },
      "background",
      /^a JPEG cannot be transparent; ask for PNG, WEBP or AVIF$/,
    ],
    ["waiting for less than nothing", { waitSeconds: -1 }, "waitSeconds", /^waitSeconds must be .* from 0 to 600$/],
    ["waiting for too long", { waitSeconds: 601 }, "waitSeconds", /^waitSeconds must be .* from 0 to 600$/],
    ["an empty key", { idempotencyKey: "" }, "idempotencyKey", /^idempotencyKey must have 1 to 255 printable ASCII/],
    ["a key too long", { idempotencyKey: "k".repeat(256) }, "idempotencyKey", /^idempotencyKey must have 1 to 255/],
    ["a key in Chinese", { idempotencyKey: "鑰匙" }, "idempotencyKey", /^idempotencyKey must have 1 to 255 printable/],
  ])("%s", async (_case, wrong, field, message) => {
    const { status, body } = await gateway.graphql(GENERATE, { input: { ...INPUT, ...wrong } });

    expect(status).toBe(200);
    expectRefusal(body, field, message);
    expect(body.errors).toMatchObject([{ path: ["generateImages"] }]);
  });
});

describe("a variable of the wrong type is refused with its field", () => {
  test.each<[string, object, string]>([
    ["n of 2.5", { n: 2.5 }, "n"],
    ["n of abc", { n: "abc" }, "n"],
    ["n as text", { n: "2" }, "n"],
    ["n beyond 32 bits", { n: 2_147_483_648 }, "n"],
    ["n as a list", { n: [1, 2] }, "n"],
    ["no prompt", { prompt: undefined }, "prompt"],
    ["null as prompt", { prompt: null }, "prompt"],
    ["an object as prompt", { prompt: { text: "a fox" } }, "prompt"],
    ["an array as prompt", { prompt: ["a fox", "a cat"] }, "prompt"],
    ["a number as prompt", { prompt: 5 }, "prompt"],
    ["a number as size", { size: 1024 }, "size"],
    ["an object as size", { size: { width: 64, height: 64 } }, "size"],
    ["an unknown quality", { quality: "ULTRA" }, "quality"],
    ["a quality in lower case", { quality: "high" }, "quality"],
    ["an unknown format", { format: "GIF" }, "format"],
    ["an unknown background", { background: "" }, "background"],
    ["a seed with a fraction", { seed: 0.5 }, "seed"],
    ["an unknown field", { promt: "a fox" }, "promt"],
    ["waitSeconds as text", { waitSeconds: "90" }, "waitSeconds"],
  ])("%s", async (_case, wrong, field) => {
    const { status, body } = await gateway.graphql(GENERATE, { input: { ...INPUT, ...wrong } });

    expect(status).toBe(400);
    expectRefusal(body, field, new RegExp(`\\b${field}\\b`));
  });

  test.each<[string, object]>([
    ["no input", {}],
    ["null as input", { input: null }],
    ["a list of inputs", { input: [INPUT, INPUT] }],
    ["text as input", { input: "a fox" }],
  ])("%s", async (_case, variables) => {
    const { status, body } = await gateway.graphql(GENERATE, variables);

    expect(status).toBe(400);
    expect(body.errors?.[0]).toMatchObject({
      message: expect.stringMatching(/input/),
      extensions: { code: "BAD_USER_INPUT" },
    });
  });

  test("keys such as __proto__ and constructor set no field", async () => {
    for (const input of [`{"__proto__": {"prompt": "a fox"}}`, `{"constructor": {"prompt": "a fox"}}`]) {
      const { status } = await httpRequest(`${gateway.url}/graphql`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: `{"query": ${JSON.stringify(GENERATE)}, "variables": {"input": ${input}}}`,
      });
      expect(status).toBe(400);
    }
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test("a prompt nested 100,000 levels deep", async () => {
    const deep = `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`;
    const { status, body } = await httpRequest(`${gateway.url}/graphql`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: `{"query": ${JSON.stringify(GENERATE)}, "variables": {"input": {"prompt": ${deep}}}}`,
    });

    expect(status).toBe(400);
    expect(JSON.parse(body.toString()).errors[0].extensions.code).toBe("BAD_USER_INPUT");
    expect(body.length).toBeLessThan(10_000);
  });
});

test.each([
  ["a number as size", '{ prompt: "a fox", size: 1024 }'],
  ["n of 2.5", '{ prompt: "a fox", n: 2.5 }'],
  ["n of 1e1", '{ prompt: "a fox", n: 1e1 }'],
  ["no prompt", "{ n: 1 }"],
  ["an unknown word", '{ prompt: "a fox", format: GIF }'],
  ["a field twice", '{ prompt: "a fox", prompt: "a cat" }'],
])("an invalid literal is refused before anything runs: %s", async (_case, literal) => {
  const { status, body } = await gateway.graphql(`mutation { generateImages(input: ${literal}) { id } }`);

  expect(status).toBe(400);
  expect(body.data).toBeUndefined();
  expect(body.errors?.[0]?.extensions.code).toBe("GRAPHQL_VALIDATION_FAILED");
});

test("bytes that are not UTF-8 are refused, not replaced", async () => {
  const json = JSON.stringify({ query: GENERATE, variables: { input: { ...INPUT, prompt: "a MARK fox" } } });
  for (const bytes of ["\xff", "\xc3\x28", "\xed\xa0\x80"]) {
    const { status, body } = await httpRequest(`${gateway.url}/graphql`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: Buffer.from(json.replace("MARK", bytes), "latin1"),
    });

    expect(status).toBe(400);
    expect(JSON.parse(body.toString())).toEqual({
      errors: [
        { message: expect.stringContaining("UTF-8"), extensions: expect.objectContaining({ code: "BAD_USER_INPUT" }) },
      ],
    });
  }
});

test("another input under the same idempotency key is refused with the code of a conflict", async () => {
  const own = await startScriptedGateway();
  try {
    const input = { ...INPUT, idempotencyKey: "one" };
    const first = await own.graphql(GENERATE, { input });
    const other = await own.graphql(GENERATE, { input: { ...input, n: 2 } });

    expect(first.body.errors).toBeUndefined();
    expect(other.body.data).toBeNull();
    expect(other.body.errors).toMatchObject([
      {
        message: "this idempotency key was used for another input; use a new key",
        extensions: { code: "IDEMPOTENCY_CONFLICT", field: "idempotencyKey" },
      },
    ]);
    expect(own.provider.requests).toHaveLength(1);
  } finally {
    await own.close();
  }
});
