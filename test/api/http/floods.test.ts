import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { type ScriptedGateway, startScriptedGateway } from "../../support/gateways/scripted-gateway.ts";

let gateway: ScriptedGateway;
const sockets: Socket[] = [];

beforeAll(async () => {
  gateway = await startScriptedGateway();
});

afterAll(() => gateway.close());

/** Requests of other clients must not be affected by the ones in these tests. */
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  expect((await gateway.graphql("{ __typename }")).body).toEqual({ data: { __typename: "Query" } });
});

/** Sends all of it and returns what was received until the gateway closed the connection. */
async function send(bytes: string): Promise<string> {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  await once(socket, "connect");
  socket.on("error", () => {}).write(bytes);
  let received = "";
  socket.on("data", (chunk) => {
    received += chunk;
  });
  await once(socket, "close");
  return received;
}

function post(path: string, headers: readonly string[]): string {
  return [`POST ${path} HTTP/1.1`, "Host: localhost", "Transfer-Encoding: chunked", ...headers, "", ""].join("\r\n");
}

const JSON_TYPE = "Content-Type: application/json";
const FORM = ["Content-Type: multipart/form-data; boundary=b", "Apollo-Require-Preflight: 1"];
const CHUNKS = "1\r\nx\r\n".repeat(5_000);

describe("a body in thousands of one-byte chunks", () => {
  test.each([
    ["/graphql", [JSON_TYPE], ""],
    ["/graphql/stream", [JSON_TYPE], ""],
    ["/get-image", [], ""],
    ["/v1/images/generations", [JSON_TYPE], ""],
    ["/v1/images/edits", [JSON_TYPE], ""],
    ["/v1/images/edits", FORM, "5\r\n--b\r\n\r\n"],
    ["/graphql", FORM, "5\r\n--b\r\n\r\n"],
  ])("ends its connection: %s %j", async (path, headers, start) => {
    expect(await send(post(path, headers) + start + CHUNKS)).toBe("");
  });

  test("ends its connection even after an answer that did not need the body", async () => {
    expect(await send(post("/nowhere", []) + CHUNKS)).toMatch(/^HTTP\/1\.1 404 /);
  });
});

describe("pipelined requests", () => {
  const body = '{"query":"{ __typename }"}';
  const one = `POST /graphql HTTP/1.1\r\nHost: localhost\r\n${JSON_TYPE}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const last = one.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");

  test("are answered in their order when there are fifty", async () => {
    const answers = (await send(one.repeat(49) + last)).split("HTTP/1.1 ").slice(1);

    expect(answers).toHaveLength(50);
    for (const answer of answers) expect(answer).toMatch(/^200 .*"__typename":"Query"/s);
  });

  test("end their connection when there are hundreds", async () => {
    const answers = (await send(one.repeat(400))).split("HTTP/1.1 ").slice(1);

    expect(answers.length).toBeLessThan(400);
  });
});

test("an upgrade sent before the answer to an earlier request ends its connection", async () => {
  const query = '{"query":"{ __typename }"}';
  const earlier = [
    "POST /graphql HTTP/1.1",
    "Host: localhost",
    JSON_TYPE,
    `Content-Length: ${query.length}`,
    "",
    query,
  ];
  const upgrade = ["GET /graphql HTTP/1.1", "Host: localhost", "Connection: Upgrade", "Upgrade: websocket", "", ""];

  expect(await send(earlier.join("\r\n") + upgrade.join("\r\n"))).not.toMatch(/HTTP\/1\.1 101 /);
});

test("a refused upgrade ends its connection, even if the client keeps its side open", async () => {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
  sockets.push(socket);
  const upgrade = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];
  socket.write(["GET /nowhere HTTP/1.1", "Host: localhost", ...upgrade, "", ""].join("\r\n"));
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 404 /);

  const reset = once(socket, "error");
  const writing = setInterval(() => socket.write("x"), 10);
  await reset;
  clearInterval(writing);
});
