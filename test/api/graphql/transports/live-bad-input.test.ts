import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { type ApiRequest, contextFor } from "../../../../src/api/graphql/context.ts";
import { OperationGate } from "../../../../src/api/graphql/limits/operation-gate.ts";
import { buildFederatedSchema } from "../../../../src/api/graphql/schema.ts";
import { eventStreamTransport } from "../../../../src/api/graphql/transports/event-stream-transport.ts";
import { LiveOperations } from "../../../../src/api/graphql/transports/live-operations.ts";
import { SOCKET_PATH, webSocketTransport } from "../../../../src/api/graphql/transports/websocket-transport.ts";
import { createApp } from "../../../../src/api/http/app.ts";
import { Arrivals, type ArrivalsOptions } from "../../../../src/api/http/bodies/arrivals.ts";
import { UnsentAnswers } from "../../../../src/api/http/connections/unsent-answers.ts";
import { upgradeThrough } from "../../../../src/api/http/upgrade.ts";
import { OperationsInFlight } from "../../../../src/lifecycle.ts";
import { httpRequest } from "../../../support/clients/http-request.ts";
import { GENERATION_EVENTS, PROTOCOL, RawSocket, socketUrl } from "../../../support/clients/live-clients.ts";
import { appOptions } from "../../../support/gateways/app-options.ts";
import {
  holdCalls,
  poll,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../../support/gateways/scripted-gateway.ts";
import { OUR_TIMERS } from "../../../support/our-timers.ts";

const FOREIGN = "https://evil.example";
const LISTED = "https://app.example";
/** The longest allowed prompt, which is slow to send and quick to request. */
const LONG_PROMPT = "🦊".repeat(32_000);

let gateway: ScriptedGateway;
let id: string;
let server: Server | undefined;
let released: AbortController;
/** The server's side of each connection. */
let connections: Socket[];

beforeEach(async () => {
  connections = [];
  gateway = await startScriptedGateway({ corsOrigins: [LISTED], maxConcurrency: 1 });
  holdCalls(gateway.provider);
  const accepted = await gateway.gateway.images.submit(
    { projectId: "proj_public" },
    { prompt: LONG_PROMPT, size: "64x64" },
  );
  id = accepted.id;
});

afterEach(async () => {
  await gateway.close();
  for (const connection of connections) connection.destroy();
  server?.close();
  server = undefined;
});

/** The same routes in a separate app, with shorter timeouts. */
async function startImpatient(options: {
  initTimeoutMs?: number;
  keepAliveMs?: number;
  room?: ArrivalsOptions;
  unsent?: UnsentAnswers;
}): Promise<string> {
  const { images, projects, ledger, webhooks } = gateway.gateway;
  const schema = buildFederatedSchema(
    contextFor({ images, projects, ledger, webhooks }, (contextValue) => contextValue as ApiRequest),
  );
  const gate = new OperationGate(schema, { hasIntrospection: true, trustedDocuments: undefined });
  const operations = new LiveOperations(schema, { gate, maxSubscribers: 1000, countWatching: () => images.watching });
  const inFlight = new OperationsInFlight();
  released = new AbortController();
  const { room, ...patience } = options;
  const arrivals = new Arrivals(room);
  const live = { maxBodyBytes: 1024 * 1024, arrivals, inFlight, released: released.signal, ...patience };
  const routes = [webSocketTransport(operations, live), eventStreamTransport(operations, live)];
  const app = createApp(routes, appOptions({ arrivals }));
  server = createServer(app).on("upgrade", upgradeThrough(app, SOCKET_PATH));
  server.on("connection", (connection) => connections.push(connection));
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("a socket", () => {
  test.each<[string, string[]]>([
    ["that speaks another protocol", ["mqtt"]],
    ["that speaks the protocol of subscriptions-transport-ws", ["graphql-ws"]],
    ["that names no protocol", []],
  ])("%s is closed with 4406", async (_name, protocols) => {
    const socket = await RawSocket.open(socketUrl(gateway.url), protocols);

    expect(await socket.closed).toEqual({ code: 4406, reason: "Subprotocol not acceptable" });
  });

  test("that offers our protocol among others gets it", async () => {
    const { socket } = await RawSocket.open(socketUrl(gateway.url), ["mqtt", PROTOCOL]);

    expect(socket.protocol).toBe(PROTOCOL);
    socket.terminate();
  });

  test("that never sends connection_init is closed with 4408; one that does stays open", async () => {
    const url = socketUrl(await startImpatient({ initTimeoutMs: 50 }));
    const introduced = await RawSocket.introduced(url);
    const silent = await RawSocket.open(url);

    expect(await silent.closed).toEqual({ code: 4408, reason: "Connection initialisation timeout" });
    introduced.send({ type: "ping" });
    expect(await introduced.message(({ type }) => type === "pong")).toEqual({ type: "pong" });
    introduced.socket.terminate();
  });

  test.each<[string, number, (string | object)[]]>([
    ["text that is not JSON", 4400, ["hello"]],
    ["a message of unknown type", 4400, [{ type: "connection_init" }, { type: "start", id: "1" }]],
    [
      "an id that is a number",
      4400,
      [{ type: "connection_init" }, { type: "subscribe", id: 1, payload: { query: "{a}" } }],
    ],
    ["an empty id", 4400, [{ type: "connection_init" }, { type: "subscribe", id: "", payload: { query: "{a}" } }]],
    ["no query", 4400, [{ type: "connection_init" }, { type: "subscribe", id: "1", payload: {} }]],
    [
      "variables in a list",
      4400,
      [{ type: "connection_init" }, { type: "subscribe", id: "1", payload: { query: "{a}", variables: [] } }],
    ],
    [
      "an id of a kilobyte",
      4400,
      [{ type: "connection_init" }, { type: "subscribe", id: "1".repeat(1024), payload: { query: "{a}" } }],
    ],
    ["what only servers send", 4400, [{ type: "connection_init" }, { type: "next", id: "1", payload: { data: {} } }]],
    ["an operation before it introduces itself", 4401, [{ type: "subscribe", id: "1", payload: { query: "{a}" } }]],
    ["two introductions", 4429, [{ type: "connection_init" }, { type: "connection_init" }]],
    ["a message of two megabytes", 1009, ["a".repeat(2 * 1024 * 1024)]],
  ])("that sends %s is closed with %d", async (_name, code, messages) => {
    const socket = await RawSocket.open(socketUrl(gateway.url));
    for (const message of messages) socket.send(message);

    expect(await socket.closed).toMatchObject({ code });
  });

  test("that uses an id twice is closed with 4409", async () => {
    const socket = await RawSocket.introduced(socketUrl(gateway.url));
    socket.subscribe("1", GENERATION_EVENTS, { id });
    await socket.message(({ type }) => type === "next");
    socket.subscribe("1", GENERATION_EVENTS, { id });

    expect(await socket.closed).toEqual({ code: 4409, reason: "Subscriber for 1 already exists" });

    const long = await RawSocket.introduced(socketUrl(gateway.url));
    for (let time = 0; time < 2; time++) long.subscribe("一".repeat(255), GENERATION_EVENTS, { id });
    expect(await long.closed).toEqual({ code: 4409, reason: "Subscriber already exists" });
  });

  test("may have a hundred operations at once; each further one is refused, and operations it ends make room", async () => {
    const socket = await RawSocket.introduced(socketUrl(gateway.url));
    for (let index = 0; index < 1000; index++) socket.subscribe(`${index}`, GENERATION_EVENTS, { id });
    await socket.message((message) => message.id === "999");
    const answersOf = (type: string) => socket.messages.filter((message) => message.type === type);
    while (answersOf("next").length < 100) await socket.message((message) => message.id === "99");
    socket.send({ type: "complete", id: "0" });
    socket.subscribe("again", GENERATION_EVENTS, { id });

    expect(await socket.message((message) => message.id === "again")).toMatchObject({ type: "next" });
    expect(answersOf("next")).toHaveLength(101);
    expect(answersOf("error")).toHaveLength(900);
    expect(answersOf("error")[0]?.payload).toEqual([
      { message: expect.stringContaining("at most 100 operations"), extensions: { code: "RATE_LIMITED" } },
    ]);
    socket.socket.terminate();
  });

  test("that reads nothing is disconnected", async () => {
    const url = socketUrl(await startImpatient({ keepAliveMs: 2_000 }));
    const reading = await RawSocket.introduced(url);
    const stuck = await RawSocket.introduced(url);
    const query = GENERATION_EVENTS.replace("id status", "id status prompt");
    const [, cut] = connections;
    if (!cut) throw new Error("the server has no second connection");
    (stuck.socket as unknown as { readonly _socket: Socket })._socket.pause();
    for (let index = 0; index < 100; index++) stuck.subscribe(`${index}`, query, { id });
    await once(cut, "close");

    expect(cut.bytesWritten).toBeLessThan(100 * LONG_PROMPT.length);
    expect(reading.socket.readyState).toBe(reading.socket.OPEN);
    stuck.socket.terminate();
    reading.socket.terminate();
  });

  test("that reads none of thousands of short answers is disconnected", async () => {
    const socket = await RawSocket.introduced(socketUrl(await startImpatient({})));
    const [connection] = connections;
    if (!connection) throw new Error("the server has no connection");
    // From now on the server can send nothing, as if the network had stopped.
    connection.cork();
    const cut = once(connection, "close");
    const { _socket: client } = socket.socket as unknown as { readonly _socket: Socket };
    for (let batch = 0; batch < 30; batch++) {
      for (let count = 0; count < 100; count++) socket.send({ type: "ping" });
      await poll(
        async () => connection.bytesRead,
        (bytesRead) => bytesRead === client.bytesWritten || connection.destroyed,
      );
    }
    await cut;

    expect(connection.writableLength).toBeLessThan(1024 * 1024);
    socket.socket.terminate();
  });

  test("that has read nothing for longest is disconnected when too much is unread on all sockets together", async () => {
    const url = socketUrl(await startImpatient({ unsent: new UnsentAnswers({ maxBytes: 150_000 }) }));
    const first = await RawSocket.introduced(url);
    const second = await RawSocket.introduced(url);
    for (const connection of connections) connection.cork();
    const [slowest] = connections;
    if (!slowest) throw new Error("the server has no connection");
    const cut = once(slowest, "close");

    // An unread pong counts half a kilobyte, so two hundred of one client alone are not too much.
    for (const { socket } of [first, second]) {
      for (let count = 0; count < 200; count++) socket.send('{"type":"ping"}');
    }
    await cut;

    expect(connections.map(({ destroyed }) => destroyed)).toEqual([true, false]);
    first.socket.terminate();
    second.socket.terminate();
  });

  describe("that sends a message in fragments", () => {
    const QUERY = JSON.stringify({ type: "subscribe", id: "1", payload: { query: "{ __typename }" } });
    const sendPiece = ({ socket }: RawSocket, text: string, fin = false) =>
      new Promise((resolve) => socket.send(text, { fin }, resolve));
    /** Sends a fragment. Resolves when the server has read it: it has answered the ping sent after it. */
    const sendRead = async (raw: RawSocket, text: string) => {
      await sendPiece(raw, text);
      const read = new AbortController();
      const answered = Promise.race([once(raw.socket, "pong", { signal: read.signal }), raw.closed]);
      raw.socket.ping();
      await answered;
      read.abort();
    };

    afterEach(() => void jest.useRealTimers());

    test("gets its answer when the message is complete, with or without pings between the fragments", async () => {
      const socket = await RawSocket.introduced(socketUrl(gateway.url));
      for (const letter of QUERY.slice(0, -1)) await sendRead(socket, letter);
      await sendPiece(socket, QUERY.slice(-1), true);

      expect(await socket.message(({ id }) => id === "1")).toMatchObject({ type: "next" });
      socket.socket.terminate();
    });

    test("is closed with 1008 after a minute, however often it sends a ping", async () => {
      jest.useFakeTimers(OUR_TIMERS);
      const url = socketUrl(await startImpatient({ initTimeoutMs: 600_000, keepAliveMs: 600_000 }));
      const slow = await RawSocket.introduced(url);
      const idle = await RawSocket.introduced(url);
      await sendRead(slow, QUERY.slice(0, 5));
      for (let sweep = 0; sweep < 13; sweep++) {
        expect(slow.socket.readyState).toBe(slow.socket.OPEN);
        await sendRead(slow, "");
        await jest.advanceTimersByTimeAsync(5_000);
      }

      await jest.advanceTimersByTimeAsync(1_000);
      expect(await slow.closed).toEqual({
        code: 1008,
        reason: "the message arrived too slowly; send it faster or in a smaller operation",
      });
      expect(idle.socket.readyState).toBe(idle.socket.OPEN);
      idle.socket.terminate();
    });

    test("counts three times the size of its message: the one over the limit is closed with 1013, and the rest are answered", async () => {
      const url = socketUrl(await startImpatient({ room: { maxMemoryBytes: 6 * 1024 * 1024 } }));
      const sockets = [];
      for (let index = 0; index < 3; index++) {
        const socket = await RawSocket.introduced(url);
        sockets.push(socket);
        await sendRead(socket, QUERY.slice(0, 5));
        await sendRead(socket, "x".repeat(700_000));
      }
      const [first, , third] = sockets;
      expect(await third?.closed).toMatchObject({ code: 1013 });
      first?.socket.terminate();
      const open = () => connections.filter(({ destroyed }) => !destroyed).length;
      await poll(
        async () => open(),
        (count) => count === 1,
      );
      const fourth = await RawSocket.introduced(url);
      fourth.send(QUERY);

      expect(await fourth.message(({ id }) => id === "1")).toMatchObject({ type: "next" });
      for (const { socket } of [...sockets, fourth]) socket.terminate();
    });

    test("is closed to make room for others after ten seconds of receiving", async () => {
      jest.useFakeTimers(OUR_TIMERS);
      const room = { maxMemoryBytes: 3 * 1024 * 1024 };
      const url = socketUrl(await startImpatient({ initTimeoutMs: 600_000, keepAliveMs: 600_000, room }));
      const slow = await RawSocket.introduced(url);
      await sendRead(slow, "x".repeat(900_000));
      await jest.advanceTimersByTimeAsync(10_000);
      const other = await RawSocket.introduced(url);
      other.send(JSON.stringify({ type: "ping", payload: { text: "x".repeat(500_000) } }));
      await other.message(({ type }) => type === "pong");
      await jest.advanceTimersByTimeAsync(1_000);

      expect(await slow.closed).toMatchObject({ code: 1013 });
      other.socket.terminate();
    });

    test("has its connection ended immediately after a refusal, even if the client does not close its side", async () => {
      jest.useFakeTimers(OUR_TIMERS);
      const room = { maxMemoryBytes: 1024 * 1024 };
      const url = socketUrl(await startImpatient({ initTimeoutMs: 600_000, keepAliveMs: 600_000, room }));
      const socket = await RawSocket.introduced(url);
      const [connection] = connections;
      const { _socket: client } = socket.socket as unknown as { readonly _socket: Socket };
      client.pause();
      void sendPiece(socket, "x".repeat(400_000));

      await poll(
        async () => connection?.destroyed,
        (isDestroyed) => isDestroyed === true,
      );
      client.resume();
      expect(await socket.closed).toMatchObject({ code: 1013 });
    });

    test("counts the memory of one-byte fragments, not only their bytes", async () => {
      const url = socketUrl(await startImpatient({ room: { maxMemoryBytes: 1024 * 1024 } }));
      const socket = await RawSocket.introduced(url);
      for (let batch = 0; batch < 20; batch++) {
        for (let piece = 0; piece < 300; piece++) void sendPiece(socket, "x");
        await sendRead(socket, "x");
      }

      expect(await socket.closed).toMatchObject({ code: 1013 });
    });

    test.each<[string, (raw: RawSocket) => void]>([
      ["pieces", (raw) => void sendPiece(raw, "x")],
      ["pings", ({ socket }) => socket.ping()],
      ["messages", (raw) => raw.send({ type: "ping" })],
    ])("is closed with 1008 when thousands of %s arrive at once", async (_what, send) => {
      const socket = await RawSocket.introduced(socketUrl(gateway.url));
      const { _socket: connection } = socket.socket as unknown as { readonly _socket: Socket };
      connection.cork();
      for (let count = 0; count < 3_000; count++) send(socket);
      connection.uncork();

      expect(await socket.closed).toEqual({
        code: 1008,
        reason: "too many messages arrived at once; send fewer at a time",
      });
    });
  });

  test("counts the memory of its operations while they run; one that does not fit is refused", async () => {
    const url = socketUrl(await startImpatient({ room: { maxMemoryBytes: 1024 * 1024 } }));
    const socket = await RawSocket.introduced(url);
    const waiting = `mutation { generateImages(input: { prompt: "a fox", size: "64x64", idempotencyKey: "k" }) { id } }`;
    socket.subscribe("1", waiting, { junk: Array(9_000).fill([]) });
    socket.subscribe("2", "{ __typename }", { junk: Array(9_000).fill([]) });
    const refused = await socket.message(({ id }) => id === "2");
    socket.subscribe("3", "{ __typename }", {});

    expect(refused).toMatchObject({ type: "error", payload: [{ extensions: { code: "OVERLOADED" } }] });
    expect(await socket.message((message) => message.id === "3")).toMatchObject({ type: "next" });
    socket.socket.terminate();
  });

  test("of a page that may not call is refused before it is opened", async () => {
    await expect(RawSocket.open(socketUrl(gateway.url), PROTOCOL, FOREIGN)).rejects.toThrow("403");
    for (const origin of [LISTED, gateway.url]) {
      const { socket } = await RawSocket.open(socketUrl(gateway.url), PROTOCOL, origin);
      socket.terminate();
    }
  });

  test("is refused at a path without sockets", async () => {
    const elsewhere = gateway.url.replace("http", "ws");
    await expect(RawSocket.open(`${elsewhere}/nowhere`)).rejects.toThrow("404");
    await expect(RawSocket.open(`${elsewhere}/graphql/stream`)).rejects.toThrow("405");
  });
});

test("a client that offers to upgrade to another protocol is answered over HTTP", async () => {
  const headers = {
    Connection: "Upgrade, HTTP2-Settings",
    Upgrade: "h2c",
    "HTTP2-Settings": "AAMAAABkAAQAoAAAAAIAAAAA",
  };
  const { status, body } = await httpRequest(`${gateway.url}/graphql`, {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/json" },
    body: '{"query":"{ __typename }"}',
  });

  expect([status, JSON.parse(body.toString())]).toEqual([200, { data: { __typename: "Query" } }]);
});

test("a subscription over plain HTTP is refused with the transports to use", async () => {
  const { status, body } = await gateway.graphql(GENERATION_EVENTS, { id });

  expect(status).toBe(400);
  expect(body.errors?.[0]).toMatchObject({
    message: expect.stringContaining("graphql-transport-ws"),
    extensions: { code: "BAD_REQUEST" },
  });
});

describe("with room for two sockets and two subscriptions", () => {
  let full: ScriptedGateway;
  let followed: string;

  beforeEach(async () => {
    full = await startScriptedGateway({ maxSubscribers: 2 });
    holdCalls(full.provider);
    followed = (await full.gateway.images.submit({ projectId: "proj_public" }, { prompt: "a fox", size: "64x64" })).id;
  });

  afterEach(() => full.close());

  test("a third socket is refused with 503 until one is closed", async () => {
    const sockets = [await RawSocket.open(socketUrl(full.url)), await RawSocket.open(socketUrl(full.url))];
    await expect(RawSocket.open(socketUrl(full.url))).rejects.toThrow("503");

    sockets[0]?.socket.terminate();
    const open = () => RawSocket.open(socketUrl(full.url)).catch(() => undefined);
    const third = await poll(open, (socket) => socket !== undefined);
    third?.socket.terminate();
    sockets[1]?.socket.terminate();
  });

  test("a third subscription is refused on its socket, and a third stream with 503, until one ends", async () => {
    const socket = await RawSocket.introduced(socketUrl(full.url));
    const next = (name: string) => socket.message(({ id, type }) => id === name && type !== "complete");
    for (const name of ["a", "b", "c"]) {
      socket.subscribe(name, GENERATION_EVENTS, { id: followed });
      await next(name);
    }
    expect(await next("c")).toMatchObject({
      type: "error",
      payload: [
        {
          message: "2 subscribers are connected already; connect again later, or to another process",
          extensions: { code: "OVERLOADED", retryAfterSeconds: 30 },
        },
      ],
    });
    const refused = await openStream(full.url, followed);
    expect([refused.statusCode, refused.headers["retry-after"]]).toEqual([503, "30"]);
    refused.resume();

    socket.send({ type: "complete", id: "a" });
    socket.subscribe("d", GENERATION_EVENTS, { id: "gen_none" });
    expect(await next("d")).toMatchObject({ type: "error", payload: [{ extensions: { code: "NOT_FOUND" } }] });
    const stream = await openStream(full.url, followed);
    expect(stream.statusCode).toBe(200);
    stream.destroy();
    socket.socket.terminate();
  });
});

describe("an event stream", () => {
  const QUERY = '{"query":"{ __typename }"}';
  const JSON_TYPE = { "Content-Type": "application/json" };

  test.each<[string, number, object]>([
    ["by GET", 405, { method: "GET" }],
    ["reserved by PUT", 405, { method: "PUT" }],
    ["of a form", 415, { headers: { "Content-Type": "text/plain" }, body: QUERY }],
    ["of no type", 415, { body: QUERY }],
    ["in another form", 406, { headers: { ...JSON_TYPE, Accept: "application/json" }, body: QUERY }],
    ["of no JSON", 400, { headers: JSON_TYPE, body: "{" }],
    ["of no UTF-8", 400, { headers: JSON_TYPE, body: Buffer.from('{"query":"{ a(b: \\"\xff\\") }"}', "latin1") }],
    ["of a list", 400, { headers: JSON_TYPE, body: `[${QUERY}]` }],
    ["of a query that is a number", 400, { headers: JSON_TYPE, body: '{"query":1}' }],
    ["of variables that are a text", 400, { headers: JSON_TYPE, body: '{"query":"{a}","variables":"{}"}' }],
    ["that is too large", 413, { headers: JSON_TYPE, body: JSON.stringify({ query: "a".repeat(1024 * 1024) }) }],
    ["for a page that may not call", 403, { headers: { ...JSON_TYPE, Origin: FOREIGN }, body: QUERY }],
  ])("%s is refused with %d", async (_name, expected, options) => {
    const { status, body } = await httpRequest(`${gateway.url}/graphql/stream`, { method: "POST", ...options });

    expect([status, JSON.parse(body.toString())]).toEqual([
      expected,
      { errors: [{ message: expect.any(String), extensions: expect.objectContaining({ code: expect.any(String) }) }] },
    ]);
  });

  test("sends comments while nothing happens, and ends without `complete` when the gateway stops", async () => {
    const { id: queued } = await gateway.gateway.images.submit({ projectId: "proj_public" }, { prompt: "never begun" });
    const url = await startImpatient({ keepAliveMs: 20 });
    const socket = await RawSocket.introduced(socketUrl(url));
    const response = await openStream(url, queued);
    let text = "";
    for await (const part of response.setEncoding("utf8")) {
      text += part;
      if (text.includes("event: next") && text.endsWith("\n\n:\n\n:\n\n")) released.abort();
    }

    expect(response.headers).toMatchObject({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
    });
    expect(text).toMatch(/^(:\n\n)+event: next\ndata: \{/);
    expect(text).not.toContain("complete");
    expect(await socket.closed).toEqual({ code: 1001, reason: "the gateway is stopping" });
  });

  const LARGE_EVENTS = `subscription ($id: ID!) { generationEvents(id: $id) { ... on GenerationStatusChanged { generation {
    ${Array.from({ length: 90 }, (_, index) => `a${index}: prompt`).join(" ")} } } } }`;

  test("that has been unread for longest is disconnected when too much is unread on all streams together", async () => {
    const unsent = new UnsentAnswers({ maxBytes: 1.5 * 90 * LONG_PROMPT.length });
    const url = await startImpatient({ keepAliveMs: 600_000, unsent });
    // The server can send nothing, as if the network had stopped.
    server?.on("connection", (connection: Socket) => connection.cork());
    for (let count = 1; count <= 2; count++) {
      openStream(url, id, LARGE_EVENTS).catch(() => undefined);
      await poll(
        async () => connections.length,
        (length) => length === count,
      );
    }
    const [slowest, other] = connections;
    if (!slowest || !other) throw new Error("the server lacks a connection");
    await once(slowest, "close");

    expect(other.destroyed).toBe(false);
  });

  test("that is not read is disconnected", async () => {
    const url = await startImpatient({ keepAliveMs: 100 });
    const response = await openStream(url, id, LARGE_EVENTS);
    response.pause();
    const [cut] = connections;
    if (!cut) throw new Error("the server has no connection");
    await once(cut, "close");

    expect(response.complete).toBe(false);
    response.destroy();
  });
});

async function openStream(url: string, followed: string, query = GENERATION_EVENTS): Promise<IncomingMessage> {
  const headers = { "Content-Type": "application/json", Accept: "text/event-stream" };
  const outgoing = request(`${url}/graphql/stream`, { method: "POST", headers, agent: false });
  outgoing.on("error", () => {});
  outgoing.end(JSON.stringify({ query, variables: { id: followed } }));
  const [response] = await once(outgoing, "response");
  response.on("error", () => {});
  return response;
}
