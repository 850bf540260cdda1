import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { generateKeyPair, SignJWT, UnsecuredJWT } from "jose";
import { pino } from "pino";
import { RawSocket, socketUrl } from "../../../support/clients/live-clients.ts";
import { type KeyedGateway, startKeyedGateway } from "../../../support/gateways/keyed-gateway.ts";
import { holdCalls } from "../../../support/gateways/scripted-gateway.ts";
import {
  AUDIENCE,
  type IdentityProvider,
  ISSUER,
  startIdentityProvider,
} from "../../../support/network/identity-provider.ts";
import { usePostgres } from "../../../support/stores/use-postgres.ts";

const postgres = usePostgres({ stopsServer: true });
const VIEWER = "{ viewer { project { id } apiKey { id } endUser isAdmin } }";
const MINUTE_MS = 60_000;

let now: Date;
let provider: IdentityProvider;
let gateway: KeyedGateway;
let projectId: string;
let lines: string[];

beforeEach(async () => {
  now = new Date("2026-11-30T12:00:00Z");
  lines = [];
  provider = await startIdentityProvider(() => now);
  const logger = pino({ level: "trace" }, { write: (line) => void lines.push(line) });
  gateway = await startKeyedGateway({ now: () => now, jwt: provider.config, logger });
  projectId = await gateway.createProject();
});

afterEach(async () => {
  await gateway.close();
  await provider.close().catch(() => {});
});

const claims = (more: object = {}) => ({ sub: "ann", pictograph_project: projectId, ...more });
const later = (ms: number) => Math.floor((now.getTime() + ms) / 1000);

async function ask(token: string, headers: Record<string, string> = {}, query = VIEWER) {
  const { status, body } = await gateway.graphql(query, {}, { Authorization: `Bearer ${token}`, ...headers });
  return body.errors ? { status, ...body.errors[0]?.extensions, message: body.errors[0]?.message } : body.data;
}

test("a JWT authenticates an end user of a project", async () => {
  const viewer = { project: { id: projectId }, apiKey: null, endUser: "ann", isAdmin: false };
  const token = await provider.sign(claims());

  expect(await ask(token)).toEqual({ viewer });
  expect(await ask(token, { "Pictograph-Project": projectId })).toEqual({ viewer });
  expect(await ask(await provider.sign(claims({ aud: ["another", AUDIENCE] })))).toEqual({ viewer });
  const inOtherHeader = await gateway.graphql(VIEWER, {}, { "X-API-Key": token });
  expect(inOtherHeader.body.data).toEqual({ viewer });
  expect(provider.requestCount).toBe(1);
});

test("the end user of a JWT sees only its own records", async () => {
  const generate = `mutation { generateImages(input: { prompt: "a fox", size: "64x64" }) { id endUser } }`;
  const { generateImages } = await ask(await provider.sign(claims()), {}, generate);
  expect(generateImages.endUser).toBe("ann");
  const read = `{ generation(id: "${generateImages.id}") { id } }`;

  expect(await ask(await provider.sign(claims({ sub: "bob" })), {}, read)).toEqual({ generation: null });
  expect(await ask(await provider.sign(claims()), {}, read)).toEqual({ generation: { id: generateImages.id } });
  const key = await gateway.createKey(projectId);
  expect((await gateway.graphql(read, {}, key.headers)).body.data).toEqual({ generation: { id: generateImages.id } });
});

test("a JWT has no admin rights, and headers that contradict it are refused", async () => {
  const token = await provider.sign(claims());
  const create = `mutation { createProject(input: { name: "a" }) { id } }`;

  expect(await ask(token, {}, create)).toMatchObject({ code: "FORBIDDEN" });
  expect(await ask(token, {}, `mutation { deleteEndUserData(endUser: "ann") }`)).toMatchObject({ code: "FORBIDDEN" });
  expect(await ask(token, { "Pictograph-Project": "proj_public" })).toMatchObject({ status: 403, code: "FORBIDDEN" });
  const named = await ask(token, { "Pictograph-End-User": "ann" });
  expect(named).toMatchObject({ status: 403, code: "FORBIDDEN" });
  expect(named.message).toContain("Pictograph-End-User");
  const key = await gateway.createKey(projectId);
  const two = await ask(token, { "X-API-Key": key.token });
  expect(two).toMatchObject({ status: 401, message: expect.stringMatching(/Authorization.*X-API-Key/) });
});

describe("a JWT is refused", () => {
  const tampered = async () => {
    const [header, , signature] = (await provider.sign(claims())).split(".");
    const payload = Buffer.from(JSON.stringify({ ...claims(), sub: "root", exp: later(MINUTE_MS) })).toString(
      "base64url",
    );
    return `${header}.${payload}.${signature}`;
  };
  const symmetric = () =>
    new SignJWT(claims({ iss: ISSUER, aud: AUDIENCE, exp: later(MINUTE_MS) }))
      .setProtectedHeader({ alg: "HS256", kid: "first" })
      .sign(new TextEncoder().encode("x".repeat(64)));
  const unsigned = () => new UnsecuredJWT(claims({ iss: ISSUER, aud: AUDIENCE, exp: later(MINUTE_MS) })).encode();
  const stranger = async () => {
    const { privateKey } = await generateKeyPair("ES256");
    return new SignJWT(claims({ iss: ISSUER, aud: AUDIENCE, exp: later(MINUTE_MS) }))
      .setProtectedHeader({ alg: "ES256", kid: "unknown" })
      .sign(privateKey);
  };

  test.each<[string, () => Promise<string> | string, RegExp]>([
    ["that has expired", () => provider.sign(claims({ exp: later(-61_000) })), /expired/],
    ["that is not valid yet", () => provider.sign(claims({ nbf: later(62_000) })), /not valid yet/],
    ["of another issuer", () => provider.sign(claims({ iss: "https://evil.example" })), /issuer/],
    ["without an issuer", () => provider.sign(claims({ iss: undefined })), /claim iss/],
    ["for another audience", () => provider.sign(claims({ aud: "another" })), /audience/],
    ["without an end", () => provider.sign(claims({ exp: undefined })), /claim exp/],
    ["without a subject", () => provider.sign(claims({ sub: undefined })), /claim sub/],
    ["whose subject is empty", () => provider.sign(claims({ sub: "" })), /claim sub/],
    ["whose subject is too long", () => provider.sign(claims({ sub: "a".repeat(256) })), /claim sub/],
    ["whose subject has a line feed", () => provider.sign(claims({ sub: "a\nb" })), /claim sub/],
    ["without a project", () => provider.sign(claims({ pictograph_project: undefined })), /claim pictograph_project/],
    ["whose project is no text", () => provider.sign(claims({ pictograph_project: 1 })), /claim pictograph_project/],
    ["of an unknown project", () => provider.sign(claims({ pictograph_project: "proj_none" })), /"proj_none".*exist/],
    ["that is unsigned", unsigned, /signed with one of/],
    ["with a symmetric signature", symmetric, /signed with one of/],
    ["signed by an unknown key", stranger, /key of the issuer/],
    ["with another payload", tampered, /signature/],
    ["that is cut", async () => (await provider.sign(claims())).slice(0, -4), /signature|malformed/],
    ["that is doubled", async () => `${await provider.sign(claims())}${await provider.sign(claims())}`, /./],
    ["of rubbish", () => "a.b.c", /malformed/],
    ["of 10 KB", () => `${"a".repeat(5000)}.${"b".repeat(5000)}.c`, /malformed/],
  ])("%s", async (_what, make, message) => {
    const token = await make();
    const answer = await ask(token);

    expect(answer).toMatchObject({ status: 401, code: "UNAUTHENTICATED", message: expect.stringMatching(message) });
    expect(answer.message).not.toContain(token.slice(0, 20));
  });

  test("if its project is disabled", async () => {
    const token = await provider.sign(claims());
    await gateway.admin(`mutation { updateProject(input: { id: "${projectId}", isDisabled: true }) { id } }`);
    expect(await ask(token)).toMatchObject({ status: 401, message: expect.stringContaining("disabled") });
  });

  test("if it is in the query string", async () => {
    const query = new URLSearchParams({ query: "{ __typename }", access_token: await provider.sign(claims()) });
    expect((await fetch(`${gateway.url}/graphql?${query}`)).status).toBe(401);
  });

  test("if no identity provider is configured", async () => {
    const without = await startKeyedGateway({ now: () => now });
    const { status, body } = await without.graphql(
      VIEWER,
      {},
      { Authorization: `Bearer ${await provider.sign(claims())}` },
    );
    await without.close();
    expect(status).toBe(401);
    expect(body.errors?.[0]?.message).toContain("PICTOGRAPH_JWT_ISSUER");
  });
});

test("clocks may differ by one minute", async () => {
  for (const given of [{ exp: later(-59_000) }, { nbf: later(59_000) }]) {
    expect(await ask(await provider.sign(claims(given)))).toHaveProperty("viewer");
  }
});

describe("the key server", () => {
  test("is not asked again immediately for an unknown key, because anybody can send one", async () => {
    expect(await ask(await provider.sign(claims()))).toHaveProperty("viewer");
    expect(await ask(await provider.sign(claims(), { kid: "third" }))).toMatchObject({ status: 401 });
    expect(provider.requestCount).toBe(1);
  });

  test.each<[string, () => Promise<void> | void]>([
    ["is down", () => provider.close()],
    [
      "answers HTML",
      () => provider.answerWith((_request, response) => response.end("<html><body>Sign in</body></html>")),
    ],
    ["answers with an error", () => provider.answerWith((_request, response) => response.writeHead(500).end())],
    [
      "redirects",
      () =>
        provider.answerWith((_request, response) =>
          response.writeHead(302, { Location: "https://evil.example" }).end(),
        ),
    ],
    [
      "answers JSON that is not a key set",
      () => provider.answerWith((_request, response) => response.end('{"keys":1}')),
    ],
    ["answers without end", () => provider.answerWith((_request, response) => flood(response))],
    ["never answers", () => provider.answerWith(() => {})],
  ])("that %s is not reported as the client's fault", async (_what, fail) => {
    const token = await provider.sign(claims());
    await fail();
    const response = await fetch(`${gateway.url}/v1/images/generations`, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ prompt: "a" }),
    });

    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(await response.json()).toMatchObject({ error: { code: "overloaded" } });
    const raw = await RawSocket.open(socketUrl(gateway.url));
    raw.send({ type: "connection_init", payload: { Authorization: `Bearer ${token}` } });
    expect(await raw.closed).toMatchObject({ code: 1013 });
    // API keys still work.
    expect((await gateway.graphql(VIEWER, {}, (await gateway.createKey(projectId)).headers)).status).toBe(200);
  });

  test("is not needed for tokens signed with a known key", async () => {
    const token = await provider.sign(claims());
    expect(await ask(token)).toHaveProperty("viewer");
    await provider.close();
    expect(await ask(token)).toHaveProperty("viewer");
  });
});

function flood(response: { write(text: string): boolean; on(event: string, listener: () => void): unknown }): void {
  const write = () => {
    while (response.write("x".repeat(100_000)));
  };
  response.on("drain", write);
  write();
}

describe("an open subscription or stream", () => {
  const events = (id: string) => `subscription { generationEvents(id: "${id}") { __typename } }`;

  async function begin(token: string) {
    const hold = holdCalls(gateway.provider);
    const query = `mutation { generateImages(input: { prompt: "a fox", size: "64x64", waitSeconds: 0 }) { id } }`;
    const { generateImages } = await ask(token, {}, query);
    return { hold, query: events(generateImages.id) };
  }

  const ENDS: [string, () => unknown][] = [
    ["the JWT expires", () => (now = new Date(now.getTime() + 60 * MINUTE_MS))],
    [
      "its project is disabled",
      () => gateway.admin(`mutation { updateProject(input: { id: "${projectId}", isDisabled: true }) { id } }`),
    ],
  ];

  test.each(ENDS)("is closed when %s", async (_what, end) => {
    const token = await provider.sign(claims());
    const { hold, query } = await begin(token);
    const raw = await RawSocket.open(socketUrl(gateway.url));
    raw.send({ type: "connection_init", payload: { authorization: `Bearer ${token}` } });
    await raw.message(({ type }) => type === "connection_ack");
    raw.send({ type: "subscribe", id: "1", payload: { query } });
    await raw.message(({ type }) => type === "next");
    const stream = await fetch(`${gateway.url}/graphql/stream`, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json", Accept: "text/event-stream" },
      body: JSON.stringify({ query }),
    });
    await end();

    expect(await raw.closed).toMatchObject({ code: 4401 });
    const text = await stream.text();
    expect(text).toContain("event: next");
    expect(text).not.toContain("event: complete");
    hold.release();
  });
});

test("a WebSocket is closed when its JWT expires, even while the database is down", async () => {
  const databaseUrl = await postgres.newDatabase();
  const missed = Promise.withResolvers<void>();
  const isMissed = (line: string) => line.includes("the store does not tell whether credentials still work");
  const logger = pino({ level: "warn" }, { write: (line) => isMissed(line) && missed.resolve() });
  const others = await startKeyedGateway({ now: () => now, jwt: provider.config, databaseUrl, logger });
  const token = await provider.sign(claims({ pictograph_project: await others.createProject() }));
  const raw = await RawSocket.open(socketUrl(others.url));
  raw.send({ type: "connection_init", payload: { authorization: `Bearer ${token}` } });
  await raw.message(({ type }) => type === "connection_ack");
  await postgres.server.stopServer();
  // From now on, everything read before is out of date.
  await missed.promise;
  now = new Date(now.getTime() + 60 * MINUTE_MS);

  expect(await raw.closed).toMatchObject({ code: 4401 });
  await postgres.server.startServer();
  await others.close();
});

test("the log contains no part of a JWT", async () => {
  const token = await provider.sign(claims());
  await ask(token);
  await ask(`${token.slice(0, -3)}AAA`);
  await provider.close();
  await ask(await provider.sign(claims(), { kid: "new" }));

  expect(lines.length).toBeGreaterThan(3);
  for (const part of token.split(".")) expect(lines.join("")).not.toContain(part);
});
