import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { Newcomers } from "../../../../src/api/http/connections/newcomers.ts";

const OTHER_REQUEST = "GET /graphql HTTP/1.1\r\nHost: a\r\n\r\n";
const MAX_BYTES = 1_000;

let server: Server;
let newcomers: Newcomers;
const sockets: Socket[] = [];

beforeEach(async () => {
  newcomers = new Newcomers(MAX_BYTES);
  server = createServer({ allowHalfOpen: true });
  await once(server.listen(0, "127.0.0.1"), "listening");
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

/** A connection that waits, and its client. */
async function open() {
  const accepted = once(server, "connection");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [connection] = (await accepted) as [Socket];
  sockets.push(client, connection);
  const served = Promise.withResolvers<void>();
  let servedCount = 0;
  const begin = newcomers.add(connection, () => {
    servedCount++;
    served.resolve();
  });
  return { client, connection, begin, served: served.promise, servedCount: () => servedCount };
}

async function arrivalOf(text: string, { client, connection }: { client: Socket; connection: Socket }): Promise<void> {
  const arrived = once(connection, "readable");
  client.write(text);
  await arrived;
}

test.each(["/healthz", "/readyz"])("%s is served before its turn, and nothing of it is lost", async (path) => {
  const newcomer = await open();
  const request = `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
  newcomer.client.write(request);
  await newcomer.served;
  newcomer.begin();

  expect(newcomer.servedCount()).toBe(1);
  expect(String(newcomer.connection.read())).toBe(request);
});

test.each([OTHER_REQUEST, "GET /healthzz HTTP/1.1\r\n", "POST /healthz HTTP/1.1\r\n", "\r\n"])(
  "%j waits for its turn, and nothing of it is lost",
  async (request) => {
    const newcomer = await open();
    await arrivalOf(request, newcomer);
    expect(newcomer.servedCount()).toBe(0);
    newcomer.begin();

    expect(newcomer.servedCount()).toBe(1);
    expect(String(newcomer.connection.read())).toBe(request);
  },
);

test("a connection that is reset while it waits is not served", async () => {
  const newcomer = await open();
  await arrivalOf(OTHER_REQUEST, newcomer);
  const closed = new Promise((resolve) => newcomer.connection.once("close", resolve));
  newcomer.client.resetAndDestroy();
  await closed;
  newcomer.begin();

  expect(newcomer.servedCount()).toBe(0);
});

test("a connection that is closed before it has sent anything is not served", async () => {
  const newcomer = await open();
  const closed = new Promise((resolve) => newcomer.connection.once("close", resolve));
  newcomer.client.end();
  await closed;
  newcomer.begin();

  expect(newcomer.servedCount()).toBe(0);
});

test("a health check with a body of many chunks waits for its turn", async () => {
  const newcomer = await open();
  await arrivalOf(`GET /healthz HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${"1\r\nx\r\n".repeat(1_000)}`, newcomer);

  expect(newcomer.servedCount()).toBe(0);
});

test("no more connections are looked at when those that wait have sent too much, until they are served", async () => {
  const newcomer = await open();
  await arrivalOf("x".repeat(MAX_BYTES), newcomer);
  expect(newcomers.hasRoom).toBe(false);
  newcomer.begin();

  expect(newcomers.hasRoom).toBe(true);
});

test("no more connections wait when a thousand do", async () => {
  const newcomer = await open();
  const others = Array.from({ length: 999 }, () => newcomers.add(new Socket(), () => {}));
  expect(newcomers.hasRoom).toBe(false);
  for (const begin of [newcomer.begin, ...others]) begin();

  expect(newcomers.hasRoom).toBe(true);
});
