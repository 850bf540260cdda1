import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { httpRequest } from "../support/clients/http-request.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/processes/gateway-process.ts";

/** As large as a body may be, minus room for the rest of it. */
const MEGABYTE = 1024 * 1024 - 1000;
/** The heap limit of the process: a few hundred such requests would not fit if they were kept. */
const HEAP_MEGABYTES = 128;
/** Buffers are outside the heap, and are freed with its garbage. */
const MAX_GROWTH_BYTES = 400 * 1024 * 1024;
const ROUNDS = 20;

let gateway: GatewayProcess;

beforeAll(async () => {
  gateway = await startGatewayProcess({
    env: { LOG_LEVEL: "warn", NODE_OPTIONS: `--max-old-space-size=${HEAP_MEGABYTES}` },
  });
});

afterAll(() => gateway.stop(), 35_000);

async function post(body: object, headers: Readonly<Record<string, string>> = {}) {
  const answer = await httpRequest(`${gateway.url}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return { status: answer.status, size: answer.body.length, body: JSON.parse(answer.body.toString()) };
}

async function residentBytes(): Promise<number> {
  const status = await readFile(`/proc/${gateway.processId}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

const repeat = (text: string, length = MEGABYTE) => text.repeat(Math.floor(length / text.length));

const IN_VARIABLE = "query ($first: Int) { generations(first: $first) { edges { cursor } } }";
const INPUT = "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { id } }";

const REFUSED: readonly [string, object, string | RegExp][] = [
  ["braces nested a million deep", { query: repeat("{a") }, "Syntax Error: Token limit of 2000 exceeded."],
  ["braces that are never closed", { query: repeat("{") }, /^Syntax Error: /],
  ["brackets nested a million deep", { query: `{generation(id:${repeat("[")}` }, /^Syntax Error: /],
  ["10,000 aliases", { query: `{ ${repeat("a:node ", 70_000)} }` }, "Syntax Error: Token limit of 2000 exceeded."],
  [
    "10,000 directives",
    { query: `{ __typename ${repeat("@skip ", 60_000)} }` },
    "Syntax Error: Token limit of 2000 exceeded.",
  ],
  ["a name of a megabyte", { query: `{ ${repeat("a")} }` }, /^Cannot query field "a+…a+" on type "Query"\.$/],
  [
    "fragments in a circle",
    { query: "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }" },
    'Cannot spread fragment "A" within itself via "B".',
  ],
  [
    "a text of a megabyte for a number",
    { query: IN_VARIABLE, variables: { first: repeat("a") } },
    /^Variable "\$first" got invalid value "a+…a+"$/,
  ],
  [
    "a megabyte of quotes for a number",
    { query: IN_VARIABLE, variables: { first: repeat('"', MEGABYTE / 2) } },
    /^Variable "\$first" got invalid value "[\\"]+…[\\"]+$/,
  ],
  [
    "a name of a megabyte in an input",
    { query: INPUT, variables: { input: { [` at "${repeat("a", MEGABYTE - 10)}`]: 1 } } },
    /^Variable "\$input" got invalid value \{ /,
  ],
  [
    "a list nested 3,000 deep",
    { query: IN_VARIABLE, variables: { first: JSON.parse(nestedList(3000)) } },
    "a variable may have at most 32 levels of objects and lists",
  ],
];

function nestedList(depth: number): string {
  return "[".repeat(depth) + "]".repeat(depth);
}

describe("malformed, oversized or deeply nested input is refused with a short and precise error", () => {
  test.each(REFUSED)("%s", async (_case, request, message) => {
    const { status, size, body } = await post(request);

    expect({ status, data: body.data }).toEqual({ status: 400, data: undefined });
    if (typeof message === "string") expect(body.errors[0].message).toBe(message);
    else expect(body.errors[0].message).toMatch(message);
    expect(size).toBeLessThan(5_000);
  });

  test("only the first of many errors are returned", async () => {
    const { status, body } = await post({
      query: `{ ${Array.from({ length: 1900 }, (_, index) => `f${index}`).join(" ")} }`,
    });

    expect(status).toBe(400);
    expect(body.errors.at(-1).message).toBe("Too many validation errors, error limit reached. Validation aborted.");
    expect(body.errors.length).toBeLessThanOrEqual(101);
  });

  test("ids of another type, or of a megabyte, find nothing", async () => {
    const query = "query ($id: ID!) { image(id: $id) { id } generation(id: $id) { id } node(id: $id) { id } }";
    for (const id of [
      "img_01h455vb4pex5vsknk084sn02q",
      "gen_01h455vb4pex5vsknk084sn02q",
      "",
      "garbage",
      "\0",
      repeat("a"),
    ]) {
      expect((await post({ query, variables: { id } })).body).toEqual({
        data: { image: null, generation: null, node: null },
      });
    }
    const { body } = await post({
      query: 'mutation { cancelGeneration(id: "img_01h455vb4pex5vsknk084sn02q") { id } }',
    });
    expect(body.errors).toMatchObject([{ message: "you have no such generation", extensions: { code: "NOT_FOUND" } }]);
  });

  test.each<[string, object, string]>([
    ["a negative first", { first: -1 }, "first must be a whole number from 0 to 100"],
    ["a negative last", { last: -1 }, "last must be a whole number from 0 to 100"],
    ["10,001", { first: 10_001 }, "first must be a whole number from 0 to 100"],
    ["10,001 from the other end", { last: 10_001 }, "last must be a whole number from 0 to 100"],
    ["a cursor that was tampered with", { after: "Z2VuXzAx" }, "after must be a cursor from this list"],
    ["a cursor of a megabyte", { before: repeat("a") }, "before must be a cursor from this list"],
  ])("a page with %s", async (_case, variables, message) => {
    const query =
      "query ($first: Int, $last: Int, $after: String, $before: String) { generations(first: $first, last: $last, after: $after, before: $before) { edges { cursor } } }";

    expect((await post({ query, variables })).body.errors).toMatchObject([
      { message, extensions: { code: "BAD_USER_INPUT", field: Object.keys(variables).at(-1) } },
    ]);
  });

  test("an upload where none is expected is refused", async () => {
    const part = (name: string, text: string) =>
      `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${text}\r\n`;
    const file = `--x\r\nContent-Disposition: form-data; name="0"; filename="a.png"\r\n\r\n${repeat("a")}\r\n--x--\r\n`;
    const send = (operations: object, map: object) =>
      httpRequest(`${gateway.url}/graphql`, {
        method: "POST",
        headers: { "Content-Type": "multipart/form-data; boundary=x", "Apollo-Require-Preflight": "true" },
        body: part("operations", JSON.stringify(operations)) + part("map", JSON.stringify(map)) + file,
      });
    const answer = await send({ query: IN_VARIABLE, variables: { first: null } }, { 0: ["variables.first"] });

    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body.toString()).errors).toMatchObject([{ extensions: { code: "BAD_USER_INPUT" } }]);
    expect(answer.body.toString()).not.toMatch(/node_modules|INTERNAL/);
  });
});

test("the process stays within its memory limit", async () => {
  for (const [, request] of REFUSED) await post(request);
  const before = await residentBytes();
  for (let round = 0; round < ROUNDS; round++) await Promise.all(REFUSED.map(([, request]) => post(request)));

  expect((await residentBytes()) - before).toBeLessThan(MAX_GROWTH_BYTES);
  expect((await post({ query: "{ __typename }" })).body).toEqual({ data: { __typename: "Query" } });
});
