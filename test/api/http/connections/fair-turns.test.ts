import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { FairTurns } from "../../../../src/api/http/connections/fair-turns.ts";
import { type HttpServer, listen } from "../../../../src/api/http/server.ts";

/** How long each hostile request occupies the event loop. */
const WORK_MS = 40;
const HOSTILE_COUNT = 30;

let server: HttpServer | undefined;
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server?.close();
  server = undefined;
});

function open(): Socket {
  const { hostname, port } = new URL(server?.url ?? "");
  const socket = connect(Number(port), hostname);
  sockets.push(socket.on("error", () => {}));
  return socket;
}

function ask(socket: Socket, path: string): Socket {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  return socket;
}

/** Keeps the event loop busy, as parsing does. */
function work(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
}

test("a new client is answered while many connections wait with expensive requests, which are all answered too", async () => {
  server = await listen("127.0.0.1", 0);
  const order: string[] = [];
  const all = Promise.withResolvers<void>();
  await server.serve((request, response) => {
    if (request.url !== "/first") order.push(request.url ?? "");
    if (request.url === "/hostile") work(WORK_MS);
    response.end();
    if (order.length > HOSTILE_COUNT) all.resolve();
  });
  const hostile = Array.from({ length: HOSTILE_COUNT }, open);
  // The server has accepted each connection once it has answered on it.
  await Promise.all(hostile.map((socket) => once(ask(socket, "/first"), "data")));

  for (const socket of hostile) ask(socket, "/hostile");
  ask(open(), "/new");
  // Everything is in the operating system before the server reads.
  work(200);
  await all.promise;

  expect(order.filter((url) => url === "/hostile")).toHaveLength(HOSTILE_COUNT);
  expect(order.indexOf("/new")).toBeLessThan(HOSTILE_COUNT);
});

test("a health check is answered before earlier connections' requests, even if some of those connections are reset", async () => {
  server = await listen("127.0.0.1", 0);
  const order: string[] = [];
  const all = Promise.withResolvers<void>();
  server.serve((request, response) => {
    order.push(request.url ?? "");
    if (request.url === "/hostile") work(WORK_MS);
    response.end();
    if (order.length > 2 * HOSTILE_COUNT) all.resolve();
  });

  for (let index = 0; index < 2 * HOSTILE_COUNT; index++) {
    ask(open(), "/hostile");
    const reset = open();
    reset.once("connect", () => reset.resetAndDestroy());
  }
  ask(open(), "/healthz");
  await all.promise;

  expect(order.indexOf("/healthz")).toBeLessThan(HOSTILE_COUNT);
});

describe("an operation", () => {
  test("waits for a later turn of the event loop after long work, and connections take turns", async () => {
    const turns = new FairTurns();
    const [one, other] = [{}, {}];
    const order: string[] = [];
    expect(turns.forOperation(one)).toBeUndefined();
    work(WORK_MS);
    const waiting = Object.entries({ a: one, b: one, c: one, d: other }).map(async ([name, connection]) => {
      await turns.forOperation(connection);
      order.push(name);
    });
    await new Promise((resolve) => process.nextTick(resolve));
    expect(order).toEqual([]);
    await Promise.all(waiting);

    expect(order).toEqual(["a", "d", "b", "c"]);
    expect(turns.forOperation(one)).toBeUndefined();
  });

  test("is refused if thousands wait and one of them is from its own connection", async () => {
    const turns = new FairTurns();
    const [busy, other] = [{}, {}];
    turns.forOperation(busy);
    work(WORK_MS);
    const waiting = Array.from({ length: 5_000 }, () => turns.forOperation(busy));
    expect(() => turns.forOperation(busy)).toThrow(expect.objectContaining({ code: "OVERLOADED" }));
    waiting.push(turns.forOperation(other));
    await Promise.all(waiting);

    expect(turns.forOperation(busy)).toBeUndefined();
  });
});
