import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { createClient } from "graphql-ws";
import { WebSocket } from "ws";
import { httpRequest } from "../../../support/clients/http-request.ts";
import { RawSocket, socketUrl } from "../../../support/clients/live-clients.ts";
import {
  ADMIN,
  ADMIN_KEY,
  type CreatedKey,
  type KeyedGateway,
  startKeyedGateway,
} from "../../../support/gateways/keyed-gateway.ts";
import { holdCalls, poll } from "../../../support/gateways/scripted-gateway.ts";

const VIEWER = "{ viewer { project { id } apiKey { id } endUser isAdmin } }";

let gateway: KeyedGateway;
let projectId: string;
let key: CreatedKey;
let other: CreatedKey;

beforeAll(async () => {
  // A stream of /v1 sends its headers with the first event, or after this time.
  gateway = await startKeyedGateway({ keepAliveMs: 1_000 });
  projectId = await gateway.createProject();
  key = await gateway.createKey(projectId);
  other = await gateway.createKey(projectId);
});

afterAll(() => gateway.close());

async function ask(headers: Record<string, string>, query = VIEWER) {
  const { status, body } = await gateway.graphql(query, {}, headers);
  return body.errors ? { status, ...body.errors[0]?.extensions, message: body.errors[0]?.message } : body.data.viewer;
}

test.each(["GET /v1/models", "GET /v1/models/any-size-1", "POST /graphql", "POST /get-image", "GET /nowhere"])(
  "%s needs credentials, even if it requests a WebSocket",
  async (route) => {
    const [method = "", path = ""] = route.split(" ");
    const headers = { Connection: "Upgrade", Upgrade: "websocket" };
    expect(await httpRequest(gateway.url + path, { method, headers })).toMatchObject({ status: 401 });
  },
);

describe("credentials", () => {
  test.each([
    ["as a bearer token", () => ({ Authorization: `Bearer ${key.token}` })],
    ["as a bearer token in any case", () => ({ Authorization: `bearer ${key.token}` })],
    ["in X-API-Key", () => ({ "X-API-Key": key.token })],
    ["twice the same", () => ({ Authorization: `Bearer ${key.token}`, "X-API-Key": key.token })],
    ["with their own project", () => ({ "X-API-Key": key.token, "Pictograph-Project": projectId })],
  ])("are accepted %s", async (_how, headers) => {
    expect(await ask(headers())).toEqual({
      project: { id: projectId },
      apiKey: { id: key.id },
      endUser: null,
      isAdmin: false,
    });
  });

  test("of the admin act for the named project, or for the public one", async () => {
    const admin = { apiKey: null, endUser: null, isAdmin: true };
    expect(await ask(ADMIN)).toEqual({ ...admin, project: { id: "proj_public" } });
    expect(await ask({ "X-API-Key": ADMIN_KEY, "Pictograph-Project": projectId })).toEqual({
      ...admin,
      project: { id: projectId },
    });
    expect(await ask({ ...ADMIN, "Pictograph-Project": "proj_none" })).toMatchObject({
      status: 404,
      code: "NOT_FOUND",
    });
  });

  test.each<[string, () => Record<string, string>]>([
    ["a token that is cut", () => ({ "X-API-Key": key.token.slice(0, -1) })],
    ["a token that is doubled", () => ({ "X-API-Key": key.token + key.token })],
    ["a token with another checksum", () => ({ "X-API-Key": swapLast(key.token) })],
    ["a token with another letter", () => ({ "X-API-Key": key.token.replace(/.(?=.{8}$)/, "-") })],
    ["a token of 10 KB", () => ({ "X-API-Key": `pgk_${"a".repeat(10_000)}` })],
    ["a token with Unicode", () => ({ "X-API-Key": `${key.token}\u00e9` })],
    ["an admin key that is cut", () => ({ "X-API-Key": ADMIN_KEY.slice(0, -1) })],
    ["Basic credentials", () => ({ Authorization: `Basic ${btoa(`user:${key.token}`)}` })],
    ["a bearer token with Unicode", () => ({ Authorization: `Bearer ${key.token.slice(0, -1)}\u00e9` })],
    ["a bearer token of 10 KB", () => ({ Authorization: `Bearer pgk_${"a".repeat(10_000)}` })],
    ["a token that is doubled by a comma", () => ({ "X-API-Key": `${key.token}, ${key.token}` })],
    ["an empty bearer token", () => ({ Authorization: "Bearer " })],
    ["a bearer token with spaces in it", () => ({ Authorization: `Bearer ${key.token} ${key.token}` })],
  ])("are refused if they are %s", async (_what, headers) => {
    const answer = await ask(headers());
    expect(answer).toMatchObject({ status: 401, code: "UNAUTHENTICATED" });
    expect(answer.message).not.toContain(key.token.slice(4, 20));
  });

  test("are refused if both headers have them, and the error names both", async () => {
    const answer = await ask({ Authorization: `Bearer ${key.token}`, "X-API-Key": other.token });

    expect(answer).toMatchObject({ status: 401, code: "UNAUTHENTICATED" });
    expect(answer.message).toMatch(/Authorization.*X-API-Key/);
  });

  test("are not read from the query string", async () => {
    const query = new URLSearchParams({ query: "{ __typename }", "X-API-Key": key.token, access_token: key.token });
    expect((await fetch(`${gateway.url}/graphql?${query}`)).status).toBe(401);
  });

  test("are refused if Pictograph-Project contradicts them", async () => {
    expect(await ask({ ...key.headers, "Pictograph-Project": "proj_public" })).toMatchObject({
      status: 403,
      code: "FORBIDDEN",
    });
  });

  test("may come with the name of an end user, in UTF-8", async () => {
    const name = "Zoë 寿司";
    const header = Buffer.from(name).toString("latin1");
    expect(await ask({ ...key.headers, "Pictograph-End-User": header })).toMatchObject({ endUser: name });
    expect(await ask({ ...key.headers, "Pictograph-End-User": "a".repeat(256) })).toMatchObject({
      status: 400,
      code: "BAD_USER_INPUT",
    });
  });
});

function swapLast(token: string): string {
  return token.slice(0, -1) + (token.endsWith("a") ? "b" : "a");
}

describe("a page written in 2022", () => {
  const send = (headers = {}) =>
    fetch(`${gateway.url}/get-image`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Origin: "https://old.example", ...headers },
      body: JSON.stringify({ prompt: "a fox", n: "1", size: "64x64" }),
    });
  const allow = (allowsAnonymous: boolean) =>
    gateway.admin(
      'mutation ($a: Boolean!) { updateProject(input: { id: "proj_public", allowsAnonymous: $a }) { id } }',
      { a: allowsAnonymous },
    );

  test("sends no key, and is served only if the public project allows anonymous requests", async () => {
    expect((await send()).status).toBe(401);
    await allow(true);
    const response = await send();
    expect(response.status).toBe(200);
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    const { urlResponse } = (await response.json()) as { urlResponse: { urlList: string[] } };
    expect((await fetch(urlResponse.urlList[0] ?? "")).status).toBe(200);

    // A wrong key is not treated as a missing one, and nothing else is served without a key.
    expect((await send({ "X-API-Key": swapLast(key.token) })).status).toBe(401);
    expect((await fetch(`${gateway.url}/v1/models`)).status).toBe(401);
    expect((await gateway.graphql("{ __typename }")).status).toBe(401);
    await allow(false);
    expect((await send()).status).toBe(401);
  });
});

describe("a WebSocket", () => {
  const socketWith = async (payload: object, headers: Record<string, string> = {}) => {
    const client = createClient({
      url: socketUrl(gateway.url),
      connectionParams: { ...payload },
      retryAttempts: 0,
      webSocketImpl: class extends WebSocket {
        constructor(url: string, protocol: string) {
          super(url, protocol, { headers });
        }
      },
    });
    try {
      const { value } = await client.iterate({ query: VIEWER }).next();
      return value?.data?.viewer;
    } catch (error) {
      const { code, reason } = error as { code?: number; reason?: string };
      return { code, reason };
    } finally {
      await client.dispose();
    }
  };

  test.each<[string, () => object, () => Record<string, string>]>([
    ["in connectionParams", () => ({ authorization: `Bearer ${key.token}` }), () => ({})],
    ["in connectionParams of any case", () => ({ "x-API-key": key.token }), () => ({})],
    ["in the headers of the upgrade", () => ({}), () => key.headers],
    ["in both, the same", () => ({ "X-API-Key": key.token }), () => key.headers],
  ])("takes credentials %s", async (_how, payload, headers) => {
    expect(await socketWith(payload(), headers())).toMatchObject({ apiKey: { id: key.id } });
  });

  test("may name an end user", async () => {
    expect(await socketWith({ "X-API-Key": key.token, "pictograph-end-user": "Zoë" })).toMatchObject({
      endUser: "Zoë",
    });
  });

  test.each<[string, () => object, () => Record<string, string>]>([
    ["different ones in the two places", () => ({ "X-API-Key": other.token }), () => key.headers],
    ["two different ones", () => ({ "X-API-Key": other.token, Authorization: `Bearer ${key.token}` }), () => ({})],
    ["one that is not a string", () => ({ "X-API-Key": { token: key.token } }), () => ({})],
    ["another project", () => ({ "X-API-Key": key.token, "Pictograph-Project": "proj_public" }), () => ({})],
    ["a token that is cut", () => ({ "X-API-Key": key.token.slice(0, -1) }), () => ({})],
    ["a token of 10 KB", () => ({ "X-API-Key": `pgk_${"a".repeat(10_000)}` }), () => ({})],
    ["a token with Unicode", () => ({ "X-API-Key": `${key.token}寿` }), () => ({})],
  ])("refuses %s", async (_what, payload, headers) => {
    expect(await socketWith(payload(), headers())).toMatchObject({ code: 4401 });
  });

  test("does not read a token from its URL", async () => {
    const query = new URLSearchParams({ "X-API-Key": key.token, access_token: key.token });
    const raw = await RawSocket.open(`${socketUrl(gateway.url)}?${query}`);
    raw.send({ type: "connection_init" });
    expect(await raw.closed).toMatchObject({ code: 4401 });
  });
});

describe("a connection whose key ends", () => {
  let ending: CreatedKey;
  let generationId: string;
  let hold: ReturnType<typeof holdCalls>;
  const begin = `mutation { generateImages(input: { prompt: "a fox", size: "64x64", waitSeconds: 0 }) { id } }`;

  beforeEach(async () => {
    hold = holdCalls(gateway.provider);
    ending = await gateway.createKey(await gateway.createProject());
    const { body } = await gateway.graphql(begin, {}, ending.headers);
    generationId = body.data.generateImages.id;
  });

  const ENDS: [string, () => Promise<unknown>][] = [
    ["is revoked", () => gateway.admin(`mutation { revokeApiKey(id: "${ending.id}") { id } }`)],
    [
      "is disabled",
      () => gateway.admin(`mutation { updateApiKey(input: { id: "${ending.id}", isDisabled: true }) { id } }`),
    ],
    [
      "loses its token",
      () => gateway.admin(`mutation { rotateApiKey(id: "${ending.id}", overlapSeconds: 0) { token } }`),
    ],
  ];

  test.each(ENDS)("over a WebSocket is closed when it %s", async (_how, end) => {
    const raw = await RawSocket.open(socketUrl(gateway.url));
    raw.send({ type: "connection_init", payload: { "X-API-Key": ending.token } });
    await raw.message(({ type }) => type === "connection_ack");
    const query = `subscription { generationEvents(id: "${generationId}") { __typename } }`;
    raw.send({ type: "subscribe", id: "1", payload: { query } });
    await raw.message(({ type }) => type === "next");
    await end();

    expect(await raw.closed).toMatchObject({ code: 4401 });
    hold.release();
  });

  test.each(ENDS)("over an event stream is closed when it %s", async (_how, end) => {
    const response = await fetch(`${gateway.url}/graphql/stream`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "text/event-stream", ...ending.headers },
      body: JSON.stringify({ query: `subscription { generationEvents(id: "${generationId}") { __typename } }` }),
    });
    await end();
    const text = await response.text();

    expect(text).toContain("event: next");
    expect(text).not.toContain("event: complete");
    hold.release();
  });

  test("over a stream of /v1 is closed, and its generation continues", async () => {
    const response = await fetch(`${gateway.url}/v1/images/generations`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...ending.headers },
      body: JSON.stringify({ prompt: "a streamed fox", size: "64x64", stream: true }),
    });
    expect(response.status).toBe(200);
    await ENDS[0]?.[1]();
    await expect(response.text()).rejects.toThrow();
    hold.release();
    await poll(
      async () => (await gateway.admin(`{ generations(first: 1) { nodes { prompt status } } }`)).generations.nodes[0],
      ({ prompt, status }) => prompt === "a streamed fox" && status === "SUCCEEDED",
    );
  });
});

test("the log contains no secrets", async () => {
  const lines: string[] = [];
  const { pino } = await import("pino");
  const logged = await startKeyedGateway({
    logger: pino({ level: "trace" }, { write: (line) => void lines.push(line) }),
  });
  const created = await logged.createKey("proj_public");
  for (const token of [created.token, swapLast(created.token), `${ADMIN_KEY}x`]) {
    await logged.graphql(VIEWER, {}, { "X-API-Key": token });
    await fetch(`${logged.url}/graphql?access_token=${token}`);
  }
  await logged.close();

  expect(lines.length).toBeGreaterThan(5);
  for (const secret of [created.token.slice(10, 40), ADMIN_KEY]) expect(lines.join("")).not.toContain(secret);
});
