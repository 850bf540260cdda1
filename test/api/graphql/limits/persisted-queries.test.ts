import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { graphql } from "../../../support/clients/graphql-client.ts";
import { type Message, overStream, RawSocket, socketUrl } from "../../../support/clients/live-clients.ts";
import { type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";

const NOT_FOUND = { message: "PersistedQueryNotFound", extensions: { code: "PERSISTED_QUERY_NOT_FOUND" } };
const FOLLOW = "subscription ($id: ID!) { generationEvents(id: $id) { __typename } }";

let gateway: ScriptedGateway;
let id: string;

beforeAll(async () => {
  gateway = await startScriptedGateway();
  const made = await graphql(
    gateway.url,
    'mutation { generateImages(input: { prompt: "a fox", size: "64x64" }) { id } }',
  );
  id = made.data.generateImages.id;
});

afterAll(() => gateway.close());

/** A document made unique by a comment, and its id. */
function newDocument(query: string) {
  const text = `${query} # ${crypto.randomUUID()}`;
  const sha256Hash = createHash("sha256").update(text).digest("hex");
  return { query: text, extensions: { persistedQuery: { version: 1, sha256Hash } } };
}

/** The first answer to an operation, or its errors if it does not begin. */
type Ask = (payload: object) => Promise<unknown>;

const askBySocket: Ask = async (payload) => {
  const socket = await RawSocket.introduced(socketUrl(gateway.url));
  socket.send({ type: "subscribe", id: "1", payload });
  const { type, payload: answer }: Message = await socket.message((message) => message.id === "1");
  socket.socket.terminate();
  return type === "error" ? { errors: answer } : answer;
};

const askByStream: Ask = async (payload) => {
  for await (const result of overStream(gateway.url, payload as { query: string })) return result;
  return undefined;
};

describe.each([
  ["over WebSockets", askBySocket],
  ["over event streams", askByStream],
])("%s", (_transport, ask) => {
  const first = { data: { generationEvents: { __typename: "GenerationStatusChanged" } } };

  test("a subscription's text is requested once; then it runs by its id, with an empty text or none", async () => {
    const { query, extensions } = newDocument(FOLLOW);
    const byId = { variables: { id }, extensions };

    expect(await ask({ query: "", ...byId })).toEqual({ errors: [NOT_FOUND] });
    expect(await ask({ query, ...byId })).toEqual(first);
    expect(await ask({ query: "", ...byId })).toEqual(first);
  });

  test("a document sent here is known over HTTP too, and vice versa", async () => {
    const sentHere = newDocument("{ models { id } }");
    await ask(sentHere);
    expect((await post({ extensions: sentHere.extensions })).data.models).toHaveLength(2);

    const sentThere = newDocument("{ models { id } }");
    await post(sentThere);
    expect(await ask({ query: "", extensions: sentThere.extensions })).toMatchObject({
      data: { models: [{ id: "any-size-1" }, { id: "illustrator-1" }] },
    });
  });

  test("an invalid document is not stored, and a document whose hash differs is refused", async () => {
    const invalid = newDocument("{ nonsense }");
    expect(await ask(invalid)).toMatchObject({ errors: [{ extensions: { code: "GRAPHQL_VALIDATION_FAILED" } }] });
    expect(await ask({ query: "", extensions: invalid.extensions })).toEqual({ errors: [NOT_FOUND] });

    const { extensions } = newDocument(FOLLOW);
    expect(await ask({ query: FOLLOW, variables: { id }, extensions })).toEqual({
      errors: [{ message: "provided sha does not match query", extensions: { code: "BAD_REQUEST" } }],
    });
  });

  test.each<[string, unknown]>([
    ["another version", { version: 2, sha256Hash: "" }],
    ["no hash", { version: 1 }],
    ["a hash that is not a string", { version: 1, sha256Hash: { a: 1 } }],
    ["a text", "1"],
  ])("an id with %s is refused", async (_case, persistedQuery) => {
    expect(await ask({ query: FOLLOW, variables: { id }, extensions: { persistedQuery } })).toEqual({
      errors: [{ message: "Unsupported persisted query version", extensions: { code: "BAD_REQUEST" } }],
    });
  });
});

async function post(body: object) {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return (await response.json()) as { data: { models: unknown[] } };
}
