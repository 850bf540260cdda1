import { once } from "node:events";
import * as http from "node:http";
import * as https from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { HttpWebhookSender } from "../../../src/adapters/webhook-sender/http-webhook-sender.ts";
import { GatewayError } from "../../../src/errors.ts";
import { SELF_SIGNED } from "../../support/network/self-signed-certificate.ts";

const LOOPBACK = { address: "127.0.0.1", family: 4 };
const ANYWHERE = { allowHttp: true, allowPrivate: true };
const NEVER = new AbortController().signal;

const servers: Server[] = [];
const sockets = new Set<Socket>();

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) {
    const closed = once(server, "close");
    server.close();
    await closed;
  }
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function serve(answer: http.RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listen(http.createServer(answer))}/hook?a=1`;
}

const requestTo = (url: string) => ({ url, headers: { "webhook-id": "msg_1" }, body: '{"a":"ä"}' });

describe("a webhook", () => {
  test("is posted unchanged over its own connection, and any 2xx is a success", async () => {
    const seen: object[] = [];
    const url = await serve(async (incoming, outgoing) => {
      const body = Buffer.concat(await incoming.toArray()).toString();
      seen.push({ method: incoming.method, path: incoming.url, headers: incoming.headers, body });
      outgoing.writeHead(202).end("thanks");
    });

    expect(await new HttpWebhookSender(ANYWHERE).send(requestTo(url), NEVER)).toEqual({ statusCode: 202 });
    expect(seen).toEqual([
      {
        method: "POST",
        path: "/hook?a=1",
        headers: { host: new URL(url).host, connection: "close", "content-length": "10", "webhook-id": "msg_1" },
        body: '{"a":"ä"}',
      },
    ]);
  });

  test("does not follow redirects", async () => {
    const other = await serve((_, outgoing) => outgoing.end());
    let count = 0;
    const url = await serve((_, outgoing) => {
      count++;
      outgoing.writeHead(307, { location: other }).end();
    });

    expect(await new HttpWebhookSender(ANYWHERE).send(requestTo(url), NEVER)).toEqual({
      statusCode: 307,
      error: "redirects are not followed",
    });
    expect(count).toBe(1);
  });

  test.each([400, 410, 500])("fails with status %i", async (status) => {
    const url = await serve((_, outgoing) => outgoing.writeHead(status).end("marked"));
    const answer = await new HttpWebhookSender(ANYWHERE).send(requestTo(url), NEVER);

    expect(answer).toEqual({ statusCode: status, error: `the receiver answered with status ${status}` });
  });

  test("reads only a little of a long answer", async () => {
    let written = 0;
    const cut = Promise.withResolvers<void>();
    const url = await serve((_, outgoing) => {
      const chunk = Buffer.alloc(64 * 1024);
      const pump = () => {
        while (written < 10_000_000 && outgoing.write(chunk)) written += chunk.length;
      };
      outgoing.on("drain", pump).on("close", () => cut.resolve());
      pump();
    });

    expect(await new HttpWebhookSender(ANYWHERE).send(requestTo(url), NEVER)).toEqual({ statusCode: 200 });
    await cut.promise;
    expect(written).toBeLessThan(10_000_000);
  });

  test("is given up if the receiver hangs, before or in the middle of its answer", async () => {
    const sender = new HttpWebhookSender({ ...ANYWHERE, timeoutMs: 100 });
    const silent = await listen(createTcpServer(() => {}));
    const error = "there was no answer within 0.1 s";
    expect(await sender.send(requestTo(`http://127.0.0.1:${silent}/`), NEVER)).toEqual({ error });
    const cut = Promise.withResolvers<void>();
    const slow = await serve((_, outgoing) => {
      outgoing.on("close", () => cut.resolve());
      outgoing.write("a");
    });
    expect(await sender.send(requestTo(slow), NEVER)).toEqual({ statusCode: 200 });
    await cut.promise;
  });

  test("is given up immediately when the gateway stops", async () => {
    const stop = new AbortController();
    const port = await listen(createTcpServer(() => stop.abort(new Error("stopped"))));
    const sent = new HttpWebhookSender(ANYWHERE).send(requestTo(`http://127.0.0.1:${port}/`), stop.signal);

    await expect(sent).rejects.toThrow("stopped");
  });

  test.each([
    ["what is not HTTP", (socket: Socket) => socket.end("nonsense\r\n\r\n"), "not HTTP"],
    [
      "headers without end",
      (socket: Socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${"a".repeat(20_000)}`),
      "headers are too long",
    ],
    ["nothing", (socket: Socket) => socket.end(), "the connection failed (ECONNRESET)"],
  ])("fails if the answer is %s", async (_name, answer, message) => {
    const port = await listen(createTcpServer((socket) => socket.once("data", () => answer(socket))));
    const { error } = await new HttpWebhookSender(ANYWHERE).send(requestTo(`http://127.0.0.1:${port}/`), NEVER);

    expect(error).toContain(message);
  });

  test("fails if nothing listens there, or the host does not exist", async () => {
    const sender = new HttpWebhookSender(ANYWHERE);

    expect(await sender.send(requestTo("http://127.0.0.1:1/"), NEVER)).toEqual({
      error: "the connection failed (ECONNREFUSED)",
    });
    const { error } = await sender.send(requestTo("http://receiver.invalid/"), NEVER);
    expect(error).toContain("the host could not be found");
  });
});

describe("a private address", () => {
  test("is never connected to, whatever name leads there", async () => {
    let count = 0;
    const url = await serve((_, outgoing) => {
      count++;
      outgoing.end();
    });
    const { port } = new URL(url);
    const sender = new HttpWebhookSender({ allowHttp: true, allowPrivate: false, resolve: async () => [LOOPBACK] });

    expect((await sender.send(requestTo(`http://receiver.example:${port}/`), NEVER)).error).toContain(
      "private address",
    );
    expect((await sender.send(requestTo(url), NEVER)).error).toContain("PICTOGRAPH_WEBHOOK_ALLOW_PRIVATE");
    expect(count).toBe(0);
  });

  test("is refused if a name resolves to it later, or to it besides a public address", async () => {
    const port = await listen(http.createServer((_, outgoing) => outgoing.end()));
    const answers = [[{ address: "192.0.2.1", family: 4 }], [LOOPBACK], [{ address: "1.1.1.1", family: 4 }, LOOPBACK]];
    const sender = new HttpWebhookSender({
      allowHttp: true,
      allowPrivate: false,
      resolve: async () => answers.shift() ?? [],
    });
    for (let count = 0; count < 3; count++) {
      const { error } = await sender.send(requestTo(`http://rebinding.example:${port}/`), NEVER);
      expect(error).toContain("private address");
    }
    expect(answers).toEqual([]);
  });
});

test("a self-signed certificate is refused", async () => {
  let count = 0;
  const port = await listen(
    https.createServer(SELF_SIGNED, (_, outgoing) => {
      count++;
      outgoing.end();
    }),
  );
  const sender = new HttpWebhookSender({ allowHttp: false, allowPrivate: true });
  const { error, statusCode } = await sender.send(requestTo(`https://127.0.0.1:${port}/`), NEVER);

  expect(error).toContain("the certificate or the protocol is not valid (DEPTH_ZERO_SELF_SIGNED_CERT)");
  expect(statusCode).toBeUndefined();
  expect(count).toBe(0);
});

test("an address that was allowed once is checked again before each delivery", async () => {
  const sender = new HttpWebhookSender({ allowHttp: false, allowPrivate: false });

  expect(() => sender.check("http://receiver.example/")).toThrow(GatewayError);
  expect((await sender.send(requestTo("http://receiver.example/"), NEVER)).error).toContain(
    "PICTOGRAPH_WEBHOOK_ALLOW_HTTP",
  );
});
