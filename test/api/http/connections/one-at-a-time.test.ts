import { once } from "node:events";
import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import { oneAtATime } from "../../../../src/api/http/connections/one-at-a-time.ts";
import { UnsentAnswers } from "../../../../src/api/http/connections/unsent-answers.ts";

const MEBIBYTE = 1024 * 1024;
/** More than an operating system buffers of an answer that nobody reads. */
const LARGE = Buffer.alloc(32 * MEBIBYTE);
const LONG_MS = 600_000;

let server: Server;
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function serve(handle: RequestListener, unsent?: UnsentAnswers): Promise<void> {
  server = createServer(oneAtATime(handle, unsent));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
}

/** Sends a request for each path without waiting, and reads nothing. */
async function send(...paths: readonly string[]): Promise<Socket> {
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  sockets.push(socket.on("error", () => {}));
  await once(socket, "connect");
  socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(""));
  return socket;
}

test("a pipelined request waits until the client has read the answer before it", async () => {
  const urls: string[] = [];
  const hasBegun = new Map(["/1", "/2", "/other"].map((url) => [url, Promise.withResolvers<void>()]));
  await serve(({ url = "" }, response) => {
    urls.push(url);
    response.end(url === "/1" ? LARGE : "");
    hasBegun.get(url)?.resolve();
  });

  const socket = await send("/1", "/2");
  await hasBegun.get("/1")?.promise;
  await send("/other");
  await hasBegun.get("/other")?.promise;
  expect(urls).toEqual(["/1", "/other"]);

  socket.resume();
  await hasBegun.get("/2")?.promise;
});

test("a pipelined request is not handled if its client disconnects during the answer before it", async () => {
  const urls: string[] = [];
  const isAnswering = Promise.withResolvers<ServerResponse>();
  await serve(({ url = "" }, response) => {
    urls.push(url);
    isAnswering.resolve(response);
  });

  const socket = await send("/1", "/2");
  const response = await isAnswering.promise;
  socket.destroy();
  await once(response, "close");
  await new Promise((resolve) => setImmediate(resolve));

  expect(urls).toEqual(["/1"]);
});

test("when too much is unread altogether, the client that has read nothing for longest is disconnected", async () => {
  const responses: ServerResponse[] = [];
  const closed = Promise.withResolvers<number>();
  const unsent = new UnsentAnswers({ maxBytes: 2.5 * LARGE.length, stallMs: LONG_MS });
  await serve((_request, response) => {
    const index = responses.push(response) - 1;
    response.once("close", () => closed.resolve(index));
    response.end(LARGE);
  }, unsent);

  for (let count = 0; count < 3; count++) await send("/");

  expect(await closed.promise).toBe(0);
  expect(responses.map(({ destroyed }) => destroyed)).toEqual([true, false, false]);
});

test("a client that reads nothing of its answer is disconnected after a while", async () => {
  const closed = Promise.withResolvers<boolean>();
  await serve(
    (_request, response) => {
      response.once("close", () => closed.resolve(response.writableFinished));
      response.end(LARGE);
    },
    new UnsentAnswers({ stallMs: 50 }),
  );

  await send("/");

  expect(await closed.promise).toBe(false);
});
