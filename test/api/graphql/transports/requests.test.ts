import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type HttpRequest, httpRequest } from "../../../support/clients/http-request.ts";
import type { GraphQLBody } from "../../../support/gateways/gateway.ts";
import { type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";

const JSON_TYPE = "application/json";
const RESPONSE_TYPE = "application/graphql-response+json";
const MUTATION = 'mutation { generateImages(input: { prompt: "a fox", size: "64x64" }) { id } }';
const MODELS = "{ models { id } }";
/** Apollo Server's guard: a header that another site's page cannot set without a preflight. */
const GUARDED = { "Apollo-Require-Preflight": "true" };

let gateway: ScriptedGateway;

beforeAll(async () => {
  gateway = await startScriptedGateway({ corsOrigins: "*" });
});

afterAll(() => gateway.close());

async function send(request: HttpRequest, query?: Readonly<Record<string, string>>) {
  const search = query ? `?${new URLSearchParams(query)}` : "";
  const { status, headers, body } = await httpRequest(`${gateway.url}/graphql${search}`, request);
  return { status, headers, text: body.toString(), json: () => JSON.parse(body.toString()) as GraphQLBody };
}

const post = (body: string | Buffer, headers: Readonly<Record<string, string>> = {}) =>
  send({ method: "POST", headers: { "Content-Type": JSON_TYPE, ...headers }, body });

describe("a query", () => {
  test.each([undefined, JSON_TYPE, RESPONSE_TYPE, "*/*"])("over GET is answered for Accept: %s", async (accept) => {
    const { status, headers, json } = await send(
      { headers: { ...GUARDED, ...(accept && { Accept: accept }) } },
      { query: MODELS },
    );

    expect({ status, body: json() }).toEqual({
      status: 200,
      body: { data: { models: [{ id: "any-size-1" }, { id: "illustrator-1" }] } },
    });
    const type = accept === RESPONSE_TYPE ? RESPONSE_TYPE : JSON_TYPE;
    expect(headers["content-type"]).toBe(`${type}; charset=utf-8`);
  });

  test("over GET takes variables and an operation name", async () => {
    const query = "query A { models { id } } query B($id: ID!) { generation(id: $id) { id } }";
    const variables = JSON.stringify({ id: "gen_none" });
    const { status, json } = await send({ headers: GUARDED }, { query, variables, operationName: "B" });

    expect({ status, body: json() }).toEqual({ status: 200, body: { data: { generation: null } } });
  });

  test.each([JSON_TYPE, "application/json; charset=utf-8", "APPLICATION/JSON"])(
    "over POST is read as %s",
    async (type) => {
      const { status, json } = await post(JSON.stringify({ query: MODELS }), { "Content-Type": type });

      expect([status, json().data.models.length]).toEqual([200, 2]);
    },
  );

  test.each<[string, Record<string, string>, string | Buffer | readonly string[]]>([
    ["compressed", { "Content-Encoding": "gzip" }, gzipSync(JSON.stringify({ query: MODELS }))],
    ["in pieces, whose number is not known", {}, [...JSON.stringify({ query: MODELS })]],
    ["with a byte order mark", {}, `\uFEFF${JSON.stringify({ query: MODELS })}`],
  ])("over POST is read %s", async (_case, headers, body) => {
    const { status, json } = await send({ method: "POST", headers: { "Content-Type": JSON_TYPE, ...headers }, body });

    expect([status, json().data.models.length]).toEqual([200, 2]);
  });

  test("over POST may contain Chinese and emoji", async () => {
    const query = "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { prompt } }";
    const prompt = "一位長髮女孩 👩🏽‍🚀";
    const { json } = await post(JSON.stringify({ query, variables: { input: { prompt, size: "64x64" } } }));

    expect(json().data.generateImages.prompt).toBe(prompt);
    expect(gateway.provider.requests.at(-1)?.prompt).toBe(prompt);
  });
});

test("a mutation over GET is refused and does not run", async () => {
  const callCount = gateway.provider.requests.length;
  for (const headers of [GUARDED, { "Content-Type": JSON_TYPE }]) {
    const { status, headers: answered, json } = await send({ headers }, { query: MUTATION });

    expect(status).toBe(405);
    expect(answered.allow).toMatch(/\bPOST\b/);
    expect(json().errors).toHaveLength(1);
  }
  expect([400, 405]).toContain((await send({}, { query: MUTATION })).status);
  expect(gateway.provider.requests).toHaveLength(callCount);
});

describe("requests that another site's page can send without a preflight are refused and do not run", () => {
  test.each<[string, string | undefined, string]>([
    ["a form", "application/x-www-form-urlencoded", new URLSearchParams({ query: MUTATION }).toString()],
    ["JSON that calls itself text", "text/plain", JSON.stringify({ query: MUTATION })],
    ["JSON that calls itself text, with a charset", "text/plain;charset=UTF-8", JSON.stringify({ query: MUTATION })],
    ["JSON without a type", undefined, JSON.stringify({ query: MUTATION })],
    [
      "multipart",
      "multipart/form-data; boundary=x",
      `--x\r\nContent-Disposition: form-data; name="query"\r\n\r\n${MUTATION}\r\n--x--\r\n`,
    ],
    [
      "a beacon with a type that only looks like JSON",
      "text/plain; application/json",
      JSON.stringify({ query: MUTATION }),
    ],
  ])("%s", async (_case, contentType, body) => {
    const callCount = gateway.provider.requests.length;
    const headers = { ...(contentType && { "Content-Type": contentType }), Origin: "https://evil.example" };
    const { status, json } = await send({ method: "POST", headers, body }, { query: MUTATION });

    expect([400, 415]).toContain(status);
    expect(json().errors?.[0]?.message).toEqual(expect.any(String));
    expect(json().errors?.[0]?.extensions.code).not.toMatch(/INTERNAL/);
    expect(gateway.provider.requests).toHaveLength(callCount);
  });
});

describe("an unreadable body is refused with a GraphQL error", () => {
  test.each<[string, string | Buffer, number, string, RegExp]>([
    ["half a JSON", '{"query": "{ models', 400, "BAD_USER_INPUT", /JSON/],
    ["null", "null", 400, "BAD_USER_INPUT", /JSON/],
    ["bytes that are not UTF-8", Buffer.from('{"query":"\xff"}', "latin1"), 400, "BAD_USER_INPUT", /UTF-8/],
    ["a text", '"{ models { id } }"', 400, "BAD_USER_INPUT", /JSON/],
    [
      "2 MB",
      JSON.stringify({ query: MODELS, variables: { a: "x".repeat(2_000_000) } }),
      413,
      "PAYLOAD_TOO_LARGE",
      /1 MiB/,
    ],
  ])("%s", async (_case, body, status, code, message) => {
    const answer = await post(body);

    expect({ status: answer.status, body: answer.json() }).toEqual({
      status,
      body: { errors: [{ message: expect.stringMatching(message), extensions: expect.objectContaining({ code }) }] },
    });
    expect(answer.headers["content-type"]).toMatch(/^application\/json; charset=utf-8/);
    expect(answer.text).not.toMatch(/node_modules|SyntaxError|body-parser/);
  });

  test("another charset", async () => {
    const { status, json } = await post(JSON.stringify({ query: MODELS }), {
      "Content-Type": "application/json; charset=latin1",
    });

    expect(status).toBe(415);
    expect(json().errors?.[0]?.extensions.code).toBe("UNSUPPORTED_MEDIA_TYPE");
  });

  test.each<[string, object]>([
    ["an empty object", {}],
    ["an empty query", { query: "" }],
    ["a query that is not a string", { query: { models: true } }],
    ["a list of queries", [{ query: MODELS }, { query: MODELS }]],
    ["variables that are not an object", { query: MODELS, variables: "a" }],
    ["an operation that is not there", { query: MODELS, operationName: "Other" }],
  ])("%s", async (_case, body) => {
    const { status, json } = await post(JSON.stringify(body));

    expect(status).toBe(400);
    expect(json().data).toBeUndefined();
    expect(json().errors?.[0]?.message).toEqual(expect.any(String));
    expect(json().errors?.[0]?.extensions.code).not.toMatch(/INTERNAL/);
  });

  test.each<[string, string, string]>([
    ["a query that cannot be parsed", "{ models { id }", "GRAPHQL_PARSE_FAILED"],
    ["a field that is not there", "{ models { secret } }", "GRAPHQL_VALIDATION_FAILED"],
    ["a variable that is not declared", "{ generation(id: $id) { id } }", "GRAPHQL_VALIDATION_FAILED"],
  ])("%s", async (_case, query, code) => {
    const { status, json, text } = await post(JSON.stringify({ query }));

    expect(status).toBe(400);
    expect(json().errors?.[0]?.extensions.code).toBe(code);
    expect(text).not.toMatch(/stacktrace|node_modules/);
  });

  test.each([200, 1000, 3000, 10_000, 100_000])("a query nested %i levels deep", async (depth) => {
    for (const query of [
      "{a".repeat(depth) + "}".repeat(depth),
      `{generation(id:${"[".repeat(depth)}${"]".repeat(depth)}){id}}`,
    ]) {
      const { status, text } = await post(JSON.stringify({ query }));

      expect(status).toBe(400);
      expect(text).not.toMatch(/call stack|RangeError|node_modules|INTERNAL/i);
    }
    expect((await gateway.graphql(MODELS)).status).toBe(200);
  });
});

test("deeply nested variables are refused if the operation declares them, and ignored otherwise", async () => {
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  const body = (query: string) => `{"query": ${JSON.stringify(query)}, "variables": {"first": ${deep}}}`;
  const refused = await post(body("query ($first: Int) { generations(first: $first) { edges { cursor } } }"));

  expect([refused.status, refused.json().errors?.[0]?.extensions]).toEqual([
    400,
    { code: "BAD_USER_INPUT", field: "first" },
  ]);
  expect((await post(body(MODELS))).json().data.models).toHaveLength(2);
});

test.each(["PUT", "DELETE", "PATCH"])("%s is refused", async (method) => {
  const { status } = await send({
    method,
    headers: { "Content-Type": JSON_TYPE },
    body: JSON.stringify({ query: MODELS }),
  });

  expect(status).toBe(405);
});

test("answers have the request id, and headers that forbid sniffing and caching", async () => {
  const { headers } = await post(JSON.stringify({ query: MODELS }));

  expect(headers["x-request-id"]).toMatch(/^req_[0-9a-z]{26}$/);
  expect(headers["x-content-type-options"]).toBe("nosniff");
  expect(headers["cache-control"]).toBe("no-store");
  expect(headers["x-powered-by"]).toBeUndefined();
});
