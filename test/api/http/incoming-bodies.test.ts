import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import express from "express";

import { createApp } from "../../../src/api/http/app.ts";
import { Arrivals, type ArrivalsOptions } from "../../../src/api/http/bodies/arrivals.ts";
import { readBytes } from "../../../src/api/http/bodies/body-bytes.ts";
import { getImageRoutes } from "../../../src/api/rest/get-image.ts";
import { openAIRoutes } from "../../../src/api/rest/openai/routes.ts";
import { BoundedBytes } from "../../../src/streamed-json/bounded-bytes.ts";
import { httpRequest } from "../../support/clients/http-request.ts";
import { collectGarbage } from "../../support/collect-garbage.ts";
import { appOptions } from "../../support/gateways/app-options.ts";
import {
  holdCalls,
  poll,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../support/gateways/scripted-gateway.ts";
import { OUR_TIMERS } from "../../support/our-timers.ts";
import { unlinkedFiles } from "../../support/stores/unlinked-files.ts";

const MEBIBYTE = 1024 ** 2;
/** How often the gateway checks the progress of a body. */
const SWEEP_MS = 5_000;
const FIELDS = JSON.stringify({ prompt: "a fox", n: "1", size: "64x64" });

let gateway: ScriptedGateway;
let server: Server | undefined;
let url: string;
/** The server's side of each connection. */
let connections: Socket[];
let clients: Client[];

beforeEach(async () => {
  connections = [];
  clients = [];
  gateway = await startScriptedGateway();
});

afterEach(async () => {
  jest.useRealTimers();
  for (const client of clients) client.socket.destroy();
  for (const connection of connections) connection.destroy();
  server?.close();
  await gateway.close();
});

async function serve(app: RequestListener): Promise<void> {
  server = createServer({ requestTimeout: 0 }, app).on("connection", (connection) => connections.push(connection));
  await once(server.listen(0, "127.0.0.1"), "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The REST routes in an app with lower limits. */
async function serveWithRoom(room: ArrivalsOptions): Promise<void> {
  const { images } = gateway.gateway;
  const limits = {
    maxBodyBytes: MEBIBYTE,
    waitMs: 600_000,
    keepAliveMs: undefined,
    silenceMs: 15_000,
    releasing: new AbortController().signal,
  };
  const app = createApp([getImageRoutes(images, limits), openAIRoutes(images, limits)], {
    ...appOptions(),
    arrivals: new Arrivals(room),
  });
  await serve(app);
}

/** A client that sends its body in steps. */
class Client {
  readonly socket: Socket;
  readonly #received: Promise<string>;
  /** The server's side of the connection. */
  readonly #connection: Socket;
  #sentBytes = 0;

  private constructor(socket: Socket, connection: Socket) {
    this.socket = socket.on("error", () => {});
    this.#connection = connection;
    this.#received = text(socket).catch(() => "");
  }

  static async begin(path: string, headers: Readonly<Record<string, string | number>>): Promise<Client> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    const { localPort } = socket;
    const find = async () => connections.find(({ remotePort }) => remotePort === localPort);
    const connection = await poll(find, (found) => found !== undefined);
    const client = new Client(socket, connection as Socket);
    clients.push(client);
    const lines = Object.entries({ Host: "localhost", Connection: "close", ...headers });
    await client.send(`POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`);
    return client;
  }

  /** Resolves when the server has read it. */
  async send(bytes: string | Buffer): Promise<void> {
    this.#sentBytes += Buffer.byteLength(bytes);
    this.socket.write(bytes);
    await poll(
      async () => this.#connection.bytesRead,
      (bytesRead) => bytesRead === this.#sentBytes || this.#connection.destroyed,
    );
  }

  /** Everything received until the connection was closed. */
  get received(): Promise<string> {
    return this.#received;
  }

  get isClosed(): boolean {
    return this.#connection.destroyed;
  }
}

async function sweep(times: number): Promise<void> {
  for (let count = 0; count < times; count++) await jest.advanceTimersByTimeAsync(SWEEP_MS);
}

async function uploadsLeft(): Promise<string[]> {
  return (await unlinkedFiles()).filter((path) => path.includes("/pictograph-upload-"));
}

const JSON_TYPE = { "Content-Type": "application/json" };
const FORM_TYPE = { "Content-Type": "multipart/form-data; boundary=b", "Apollo-Require-Preflight": "1" };
const FIELD = '--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\na fox\r\n';
const FILE = '--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n';

describe("a body that arrives at less than 1 KiB a second", () => {
  beforeEach(async () => {
    await serve(gateway.gateway.app);
    jest.useFakeTimers(OUR_TIMERS);
  });

  test.each<[string, string, Readonly<Record<string, string>>, string]>([
    ["JSON", "/graphql", JSON_TYPE, "{"],
    ["JSON of a stream", "/graphql/stream", JSON_TYPE, "{"],
    ["JSON", "/get-image", JSON_TYPE, "{"],
    ["anything", "/get-image", {}, ""],
    ["JSON", "/v1/images/generations", JSON_TYPE, "{"],
    ["JSON", "/v1/images/edits", JSON_TYPE, "{"],
    ["a form in a field", "/v1/images/edits", FORM_TYPE, FIELD.slice(0, -5)],
    ["a form in a file", "/v1/images/edits", FORM_TYPE, `${FIELD}${FILE}abc`],
    ["a form", "/graphql", FORM_TYPE, "--b\r\n"],
  ])("is answered with 408: %s to %s", async (_what, path, headers, start) => {
    const client = await Client.begin(path, { ...headers, "Content-Length": 100_000 });
    await client.send(start);
    for (let count = 0; count < 7; count++) {
      expect(client.isClosed).toBe(false);
      await client.send("x".repeat(4 * 1024));
      await sweep(1);
    }
    const received = await client.received;

    expect(received).toMatch(/^HTTP\/1\.1 408 /);
    expect(received).toContain("Connection: close");
    expect(received).toContain("the body came too slowly; send at least 1024 bytes a second");
    await poll(uploadsLeft, (files) => files.length === 0);
  });

  test("that no handler reads ends its connection", async () => {
    const client = await Client.begin("/healthz", { "Content-Length": 100_000 });
    await client.send("x");
    await sweep(12);

    expect(await client.received).toMatch(/^HTTP\/1\.1 405 /);
    expect(client.isClosed).toBe(true);
  });
});

describe("a body that arrives slowly but fast enough", () => {
  test("is answered even if it takes ten minutes", async () => {
    await serve(gateway.gateway.app);
    jest.useFakeTimers(OUR_TIMERS);
    const body = FIELDS.padEnd(120 * 6 * 1024);
    const client = await Client.begin("/get-image", { ...JSON_TYPE, "Content-Length": body.length });
    for (let sent = 0; sent < body.length; sent += 6 * 1024) {
      await client.send(body.slice(sent, sent + 6 * 1024));
      await sweep(1);
    }
    jest.useRealTimers();

    expect(await client.received).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe("the rest of a body that was refused", () => {
  beforeEach(async () => {
    await serve(gateway.gateway.app);
    jest.useFakeTimers(OUR_TIMERS);
  });

  test("is dropped, so that the answer arrives and the connection can be used again", async () => {
    const client = await Client.begin("/v1/images/edits", {
      ...FORM_TYPE,
      Connection: "keep-alive",
      "Content-Length": 20 * MEBIBYTE,
    });
    await client.send('--b\r\nContent-Disposition: form-data; name="wings"\r\n\r\n2');
    const rest = 20 * MEBIBYTE - 54;
    await client.send(Buffer.alloc(rest));
    await client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    const received = await client.received;

    expect(received).toMatch(/^HTTP\/1\.1 400 .*"unknown_parameter".*HTTP\/1\.1 200 /s);
    expect(await uploadsLeft()).toEqual([]);
  });

  test("is read for half a minute at most, however fast it comes", async () => {
    const client = await Client.begin("/v1/images/edits", {
      ...FORM_TYPE,
      Connection: "keep-alive",
      "Content-Length": 100 * MEBIBYTE,
    });
    await client.send('--b\r\nContent-Disposition: form-data; name="wings"\r\n\r\n2');
    for (let count = 0; count < 8; count++) {
      await client.send("x".repeat(64 * 1024));
      await sweep(1);
    }

    expect(client.isClosed).toBe(true);
  });
});

describe("with 4 MiB of memory for all bodies together", () => {
  beforeEach(() => serveWithRoom({ maxMemoryBytes: 4 * MEBIBYTE }));

  /** Sends a body without its last byte. */
  async function sendAlmost(path: string, headers: Readonly<Record<string, string>>, body: string): Promise<Client> {
    const client = await Client.begin(path, { ...headers, "Content-Length": body.length + 1 });
    await client.send(body);
    return client;
  }

  test.each<[string, string, Readonly<Record<string, string>>, string]>([
    ["JSON", "/get-image", JSON_TYPE, "x".repeat(MEBIBYTE - 1)],
    ["JSON", "/v1/images/generations", JSON_TYPE, "x".repeat(MEBIBYTE - 1)],
    ["text of forms", "/v1/images/edits", FORM_TYPE, FIELD.replace("a fox", "x".repeat(800_000))],
  ])("one body too many is refused with 503 until another is gone: %s to %s", async (_what, path, headers, body) => {
    const first = await sendAlmost(path, headers, body);
    for (let count = 0; count < 3; count++) await sendAlmost(path, headers, body);
    const refused = await sendAlmost(path, headers, body);
    const received = await refused.received;
    expect(received).toMatch(/^HTTP\/1\.1 503 .*Retry-After: 5/s);
    expect(received).toMatch(/overloaded|receiving too much data at once/);

    first.socket.destroy();
    await poll(
      async () => first.isClosed,
      (isClosed) => isClosed,
    );
    const small = await httpRequest(`${url}/get-image`, { method: "POST", headers: JSON_TYPE, body: FIELDS });
    expect(small.status).toBe(200);
  });

  test("the body that has been arriving for longest is refused to make room", async () => {
    jest.useFakeTimers(OUR_TIMERS);
    const body = "x".repeat(MEBIBYTE - 1);
    const oldest = await sendAlmost("/get-image", JSON_TYPE, body);
    for (let count = 0; count < 3; count++) await sendAlmost("/get-image", JSON_TYPE, body);
    await sweep(2);
    const answer = await httpRequest(`${url}/get-image`, {
      method: "POST",
      headers: JSON_TYPE,
      body: FIELDS.padEnd(1000_000),
    });

    expect(await oldest.received).toMatch(/^HTTP\/1\.1 503 /);
    expect(clients.map(({ isClosed }) => isClosed)).toEqual([true, false, false, false]);
    expect(answer.status).toBe(200);
  });

  test("a body counts with its size in memory, until it is answered", async () => {
    const hold = holdCalls(gateway.provider);
    const query = "{ generations { edges { node { id } } } }";
    const accepted = async () => (await gateway.graphql(query)).body.data.generations.edges.length;
    const long = JSON.stringify({ ...JSON.parse(FIELDS), more: "x".repeat(900_000) });
    const waiting = Array.from({ length: 4 }, () =>
      httpRequest(`${url}/get-image`, { method: "POST", headers: JSON_TYPE, body: long }),
    );
    await poll(accepted, (count) => count === 4);
    const post = (body: string) => httpRequest(`${url}/get-image`, { method: "POST", headers: JSON_TYPE, body });
    expect((await post(long)).status).toBe(503);
    hold.release();
    for (const answer of await Promise.all(waiting)) expect(answer.status).toBe(200);

    const many = await post(`[${"[],".repeat(100_000)}1]`);
    expect(many.status).toBe(503);
    expect((await post(FIELDS)).status).toBe(200);
  });

  test("a compressed body counts with its decompressed size", async () => {
    const headers = { ...JSON_TYPE, "Content-Encoding": "gzip" };
    const post = (body: Buffer) => httpRequest(`${url}/get-image`, { method: "POST", headers, body });

    expect((await post(gzipSync(" ".repeat(10 * MEBIBYTE)))).status).toBe(413);
    expect((await post(gzipSync(FIELDS.padEnd(MEBIBYTE)))).status).toBe(200);
  });
});

describe("with 8 MiB of disk for all uploads together", () => {
  beforeEach(() => serveWithRoom({ maxDiskBytes: 8 * MEBIBYTE }));

  async function sendFile(bytes: Buffer): Promise<Client> {
    const client = await Client.begin("/v1/images/edits", { ...FORM_TYPE, "Content-Length": 50 * MEBIBYTE });
    await client.send(Buffer.concat([Buffer.from(FIELD + FILE), bytes]));
    return client;
  }

  test("one upload too many is refused with 503, and nothing of it is left", async () => {
    await sendFile(Buffer.alloc(4 * MEBIBYTE));
    const refused = await sendFile(Buffer.alloc(5 * MEBIBYTE));

    expect(await refused.received).toMatch(/^HTTP\/1\.1 503 /);
    await poll(uploadsLeft, (files) => files.length === 1);
  });

  test("a small file counts as one of 1 MiB", async () => {
    for (let count = 0; count < 8; count++) await sendFile(Buffer.alloc(1));
    await poll(uploadsLeft, (files) => files.length === 8);
    const refused = await sendFile(Buffer.alloc(1));

    expect(await refused.received).toMatch(/^HTTP\/1\.1 503 /);
  });
});

describe("the memory of a body", () => {
  test("is freed when the body is cut short, even while its error is still referenced", async () => {
    const seen: WeakRef<object>[] = [];
    const failed = Promise.withResolvers<unknown>();
    const app = express().post("/", async (request) => {
      request.once("data", (piece: Buffer) => seen.push(new WeakRef(piece)));
      await readBytes(request, MEBIBYTE).catch(failed.resolve);
    });
    await serve(app);
    const client = await Client.begin("/", { "Content-Length": 1_000 });
    await client.send("x".repeat(500));
    await poll(
      async () => seen.length,
      (count) => count === 1,
    );
    client.socket.destroy();
    const error = await failed.promise;
    await collectGarbage();

    expect(seen[0]?.deref()).toBeUndefined();
    expect(error).toMatchObject({ code: "BAD_USER_INPUT" });
  });

  test("is freed immediately when a larger block replaces it", () => {
    const collected = new BoundedBytes(MEBIBYTE, () => new Error("too many"));
    collected.append(Buffer.from("a"));
    const outgrown = collected.bytes.buffer as ArrayBuffer;
    collected.append(Buffer.alloc(2_000, "b"));

    expect(outgrown.detached).toBe(true);
    expect(collected.bytes.toString()).toBe(`a${"b".repeat(2_000)}`);
  });
});
