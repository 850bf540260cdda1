import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { serverAudits } from "graphql-http";
import { httpRequest } from "../../../support/clients/http-request.ts";
import { type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";

/** The audits whose requests a page can send without a preflight; Apollo Server refuses them. */
const REFUSED_AS_FORGED = [
  "MAY accept application/x-www-form-urlencoded formatted GET requests",
  "MAY allow URL-encoded JSON string {variables} parameter in GETs when accepting application/graphql-response+json",
  "MAY allow URL-encoded JSON string {variables} parameter in GETs when accepting application/json",
];

let gateway: ScriptedGateway;

beforeAll(async () => {
  gateway = await startScriptedGateway();
});

afterAll(() => gateway.close());

describe("the GraphQL over HTTP audit", () => {
  for (const { id, name, fn } of serverAudits({ url: () => `${gateway.url}/graphql` })) {
    test(`${id} ${name}`, async () => {
      const result = await fn();

      expect(result.status === "ok" ? "ok" : [result.status, result.reason]).toEqual(
        REFUSED_AS_FORGED.includes(name) ? ["notice", "Response status code is not 200"] : "ok",
      );
    });
  }
});

describe("the status of an operation that is not executed", () => {
  const CASES: readonly [string, object][] = [
    ["a text that cannot be parsed", { query: "{" }],
    ["a field that does not exist", { query: "{ nonsense }" }],
    [
      "a variable of the wrong type",
      {
        query: "query ($first: Int) { generations(first: $first) { edges { cursor } } }",
        variables: { first: "many" },
      },
    ],
    ["an unknown operation name", { query: "query A { __typename } query B { __typename }", operationName: "C" }],
    ["too many images", { query: twoMutationsOf(6) }],
  ];

  test.each<[number, string]>([
    [200, "APPLICATION/JSON"],
    [200, "application/json; charset=UTF-8"],
    [200, "text/html, application/json"],
    [200, "application/json, */*;q=0.1"],
    [200, "application/graphql-response+json;q=0.5, application/json"],
    [200, "application/graphql-response+json;q=0, application/json;q=0.1"],
    [400, "Application/GraphQL-Response+JSON"],
    [400, "application/json;q=0.5, application/graphql-response+json"],
    [400, "application/json;q=0, application/graphql-response+json;q=0.1"],
    [400, "application/json-patch+json, application/*"],
    [400, "*/*;q=0.1"],
  ])("is %i for Accept: %s", async (status, accept) => {
    const answer = await send(
      "POST",
      { "Content-Type": "application/json", Accept: accept },
      '{"query":"{ nonsense }"}',
    );

    expect(answer.status).toBe(status);
    const type = status === 200 || accept.includes("*") ? "application/json" : "application/graphql-response+json";
    expect(answer.headers["content-type"]).toBe(`${type}; charset=utf-8`);
  });

  test.each(CASES)("of %s is 200 if Accept names plain JSON, and 400 otherwise", async (_case, body) => {
    const statusFor = async (accept?: string) => (await post(body, accept)).status;

    expect(await statusFor("application/json")).toBe(200);
    expect(await statusFor("application/graphql-response+json")).toBe(400);
    expect(await statusFor("application/graphql-response+json, application/json;q=0.9")).toBe(400);
    expect(await statusFor("*/*")).toBe(400);
    expect(await statusFor()).toBe(400);
  });
});

describe("HEAD is answered like GET, without the body", () => {
  const GUARDED = { "Apollo-Require-Preflight": "true" };

  test.each<[string, string, Record<string, string>, number]>([
    ["a query", "?query={models{id}}", GUARDED, 200],
    ["a mutation", '?query=mutation{deleteGeneration(id:"gen_1")}', GUARDED, 405],
    ["a field that does not exist", "?query={nonsense}", GUARDED, 400],
    ["what a foreign page could send", "?query={models{id}}", {}, 400],
    ["a browser", "", { Accept: "text/html" }, 200],
  ])("for %s", async (_case, search, headers, status) => {
    const [head, get] = [await send("HEAD", headers, "", search), await send("GET", headers, "", search)];

    expect([head.status, head.body.length]).toEqual([status, 0]);
    expect(get.status).toBe(status);
    for (const name of ["content-type", "content-length", "cache-control", "allow"]) {
      // Each page of Sandbox has its own nonces, all of the same length.
      expect([name, head.headers[name]]).toEqual([name, get.headers[name]]);
    }
  });
});

describe("a request for an event stream at this path is refused with the path to use", () => {
  const body = JSON.stringify({ query: 'subscription { generationEvents(id: "gen_1") { __typename } }' });
  const search = `?query=${JSON.parse(body).query}`;
  const json = { "Content-Type": "application/json" };

  test.each<[string, string, Record<string, string>, number]>([
    ["by POST", "POST", json, 400],
    ["by POST, as urql does", "POST", { ...json, Accept: "text/event-stream, multipart/mixed" }, 406],
    ["by POST, as graphql-sse does", "POST", { ...json, Accept: "Text/Event-Stream" }, 406],
    [
      "by POST, as Apollo Client does",
      "POST",
      {
        ...json,
        Accept:
          "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/graphql-response+json,application/json;q=0.9",
      },
      400,
    ],
    ["by GET", "GET", { "Apollo-Require-Preflight": "true" }, 400],
    ["by GET, as a browser's EventSource does", "GET", { Accept: "text/event-stream" }, 406],
  ])("%s", async (_case, method, headers, status) => {
    const answer = await send(method, headers, method === "POST" ? body : "", method === "GET" ? search : "");

    expect({ status: answer.status, body: JSON.parse(answer.body.toString()) }).toEqual({
      status,
      body: {
        errors: [
          {
            message:
              "subscriptions run over WebSockets (graphql-transport-ws) at this address, or as server-sent events by POST to its /stream",
            extensions: { code: "BAD_REQUEST" },
          },
        ],
      },
    });
    expect(answer.headers["content-type"]).toMatch(/^application\/(graphql-response\+)?json/);
  });

  test("but a query that also accepts JSON is answered", async () => {
    const headers = { ...json, Accept: "text/event-stream, multipart/mixed, application/json;q=0.1" };
    const { status, body: answered } = await send("POST", headers, '{"query":"{ __typename }"}');

    expect([status, JSON.parse(answered.toString())]).toEqual([200, { data: { __typename: "Query" } }]);
  });
});

describe("automatic persisted queries", () => {
  const query = "{ models { id } }";
  const extensions = { persistedQuery: { version: 1, sha256Hash: createHash("sha256").update(query).digest("hex") } };

  test("need their text once, and then run by their hash over GET and POST", async () => {
    const unknown = await post({ extensions });
    expect(unknown.body.errors).toMatchObject([
      { message: "PersistedQueryNotFound", extensions: { code: "PERSISTED_QUERY_NOT_FOUND" } },
    ]);

    const registered = await post({ query, extensions });
    const known = await post({ extensions });
    expect(registered.body.data.models).toHaveLength(2);
    expect(known).toEqual(registered);

    const search = new URLSearchParams({ extensions: JSON.stringify(extensions) });
    const { body } = await httpRequest(`${gateway.url}/graphql?${search}`, {
      headers: { "Apollo-Require-Preflight": "1" },
    });
    expect(JSON.parse(body.toString())).toEqual(registered.body);
  });

  test("with another hash are refused", async () => {
    const { status, body } = await post({ query: "{ __typename }", extensions });

    expect({ status, body }).toEqual({
      status: 400,
      body: { errors: [{ message: "provided sha does not match query", extensions: { code: "BAD_REQUEST" } }] },
    });
  });

  test("with another protocol version are refused", async () => {
    const { body } = await post({ query, extensions: { persistedQuery: { version: 2, sha256Hash: "" } } });

    expect(body.errors).toEqual([
      { message: "Unsupported persisted query version", extensions: { code: "BAD_REQUEST" } },
    ]);
  });

  test("that are invalid are not stored", async () => {
    const nonsense = "{ nonsense }";
    const sha256Hash = createHash("sha256").update(nonsense).digest("hex");
    await post({ query: nonsense, extensions: { persistedQuery: { version: 1, sha256Hash } } });
    const { body } = await post({ extensions: { persistedQuery: { version: 1, sha256Hash } } });

    expect(body.errors).toMatchObject([{ message: "PersistedQueryNotFound" }]);
  });
});

function twoMutationsOf(n: number): string {
  const field = `generateImages(input: { prompt: "a fox", n: ${n}, size: "64x64" }) { id }`;
  return `mutation { a: ${field} b: ${field} }`;
}

function send(method: string, headers: Record<string, string>, body = "", search = "") {
  return httpRequest(`${gateway.url}/graphql${encodeURI(search)}`, { method, headers, ...(body && { body }) });
}

async function post(body: object, accept?: string) {
  const headers = { "Content-Type": "application/json", ...(accept && { Accept: accept }) };
  const answer = await send("POST", headers, JSON.stringify(body));
  return { status: answer.status, body: JSON.parse(answer.body.toString()) };
}
