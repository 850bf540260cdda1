import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { serverAudits } from "graphql-http";
import { httpRequest } from "../../support/http-request.ts";
import { type ScriptedGateway, startScriptedGateway } from "../../support/scripted-gateway.ts";

/** A page can send these without asking first; Apollo Server refuses them, whatever they ask for. */
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

describe("the audits of GraphQL over HTTP", () => {
  for (const { id, name, fn } of serverAudits({ url: () => `${gateway.url}/graphql` })) {
    test(`${id} ${name}`, async () => {
      const result = await fn();

      expect(result.status === "ok" ? "ok" : [result.status, result.reason]).toEqual(
        REFUSED_AS_FORGED.includes(name) ? ["notice", "Response status code is not 200"] : "ok",
      );
    });
  }
});

describe("the status of what is not executed", () => {
  const CASES: readonly [string, object][] = [
    ["what cannot be parsed", { query: "{" }],
    ["what is not in the graph", { query: "{ nonsense }" }],
    [
      "a variable of another kind",
      {
        query: "query ($first: Int) { generations(first: $first) { edges { cursor } } }",
        variables: { first: "many" },
      },
    ],
    ["an operation that is not there", { query: "query A { __typename } query B { __typename }", operationName: "C" }],
    ["too many images", { query: twoMutationsOf(6) }],
  ];

  test.each(CASES)("of %s is 200 where plain JSON is asked for by name, else 400", async (_case, body) => {
    const statusFor = async (accept?: string) => (await post(body, accept)).status;

    expect(await statusFor("application/json")).toBe(200);
    expect(await statusFor("application/graphql-response+json")).toBe(400);
    expect(await statusFor("application/graphql-response+json, application/json;q=0.9")).toBe(400);
    expect(await statusFor("*/*")).toBe(400);
    expect(await statusFor()).toBe(400);
  });
});

describe("automatic persisted queries", () => {
  const query = "{ models { id } }";
  const extensions = { persistedQuery: { version: 1, sha256Hash: createHash("sha256").update(query).digest("hex") } };

  test("are asked for once, and then run by their hash, by POST and by GET", async () => {
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

  test("of another hash are refused", async () => {
    const { status, body } = await post({ query: "{ __typename }", extensions });

    expect({ status, body }).toEqual({
      status: 400,
      body: { errors: [{ message: "provided sha does not match query", extensions: { code: "BAD_REQUEST" } }] },
    });
  });

  test("of another protocol are refused", async () => {
    const { body } = await post({ query, extensions: { persistedQuery: { version: 2, sha256Hash: "" } } });

    expect(body.errors).toEqual([
      { message: "Unsupported persisted query version", extensions: { code: "BAD_REQUEST" } },
    ]);
  });

  test("that are invalid are not kept", async () => {
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

async function post(body: object, accept?: string) {
  const answer = await httpRequest(`${gateway.url}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...(accept && { Accept: accept }) },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: JSON.parse(answer.body.toString()) };
}
