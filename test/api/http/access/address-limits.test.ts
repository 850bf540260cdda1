import { once } from "node:events";
import { request } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { GatewayOptions } from "../../../../src/gateway.ts";
import { asMultipart } from "../../../support/clients/get-image-client.ts";
import { type HttpAnswer, httpRequest } from "../../../support/clients/http-request.ts";
import { overStream, RawSocket, socketUrl } from "../../../support/clients/live-clients.ts";
import {
  holdCalls,
  poll,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../../support/gateways/scripted-gateway.ts";

const NO_LIMITS = { requestsPerMinute: undefined, connections: undefined, uploads: undefined };
const OPERATION = "{ __typename }";

let gateway: ScriptedGateway;
let now: Date;

async function start(limits: Partial<GatewayOptions["addressLimits"]>): Promise<void> {
  gateway = await startScriptedGateway({
    trustProxy: 1,
    addressLimits: { ...NO_LIMITS, ...limits },
    corsOrigins: "*",
    now: () => now,
  });
}

/** Sends a query as the client that the proxy names. */
function query(address: string, path = `/graphql?query=${encodeURIComponent(OPERATION)}`): Promise<HttpAnswer> {
  const headers = { "X-Forwarded-For": address, "Apollo-Require-Preflight": "true", Origin: "https://app.example" };
  return httpRequest(gateway.url, { path, headers });
}

const statusFor = async (address: string, path?: string) => (await query(address, path)).status;

beforeEach(() => {
  now = new Date("2026-12-01T12:00:10Z");
});

afterEach(() => gateway.close());

describe("requests from one address", () => {
  beforeEach(() => start({ requestsPerMinute: 3 }));

  async function useUp(address: string): Promise<void> {
    for (let count = 0; count < 3; count++) expect(await statusFor(address)).toBe(200);
  }

  test("are limited per minute, also for pages, and the answer says how long to wait", async () => {
    await useUp("192.0.2.1");
    const { status, headers, body } = await query("192.0.2.1");

    expect(status).toBe(429);
    expect(headers["retry-after"]).toBe("50");
    expect(headers["access-control-allow-origin"]).toBe("*");
    expect(JSON.parse(body.toString())).toEqual({
      errors: [
        {
          message: "this address may send 3 requests a minute; wait 50 seconds",
          extensions: expect.objectContaining({ code: "RATE_LIMITED" }),
        },
      ],
    });
    now = new Date("2026-12-01T12:01:00Z");
    expect(await statusFor("192.0.2.1")).toBe(200);
  });

  test("do not count for other addresses", async () => {
    await useUp("192.0.2.1");

    expect(await statusFor("192.0.2.2")).toBe(200);
  });

  test.each([
    ["an address of the same /64", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2:ffff::1", 429],
    ["an address of another /64", "2001:db8:1:2::1", "2001:db8:1:3::1", 200],
    ["an IPv4 address mapped into IPv6", "192.0.2.1", "::ffff:192.0.2.1", 429],
    ["an address with a port", "192.0.2.1", "192.0.2.1:5555", 429],
    ["an IPv6 address with a port", "[2001:db8::1]:80", "2001:db8::1", 429],
    ["the last of a list, which the proxy wrote", "192.0.2.1", "198.51.100.1, 192.0.2.1", 429],
    ["an address that the client itself put into the list", "192.0.2.1", "192.0.2.1, 198.51.100.1", 200],
    ["values that are not addresses, which count as the proxy's own", "unknown", "_hidden", 429],
  ])("count together or apart by the network: %s", async (_what, first, second, expected) => {
    await useUp(first);

    expect(await statusFor(second)).toBe(expected);
  });

  test("do not include images, preflights and health checks", async () => {
    for (let count = 0; count < 5; count++) {
      expect(await statusFor("192.0.2.1", "/images/img_none.png?expires=1&signature=x")).toBe(403);
      expect(await statusFor("192.0.2.1", "/healthz")).toBe(200);
      const headers = { Origin: "https://app.example", "X-Forwarded-For": "192.0.2.1" };
      expect((await httpRequest(`${gateway.url}/graphql`, { method: "OPTIONS", headers })).status).toBe(204);
    }
    expect(await statusFor("192.0.2.1")).toBe(200);
    await useUp("192.0.2.2");
    expect(await statusFor("192.0.2.2", "/readyz")).toBe(200);
  });

  test("include the operations on a socket", async () => {
    const socket = await RawSocket.introduced(socketUrl(gateway.url));
    for (const id of ["a", "b", "c"]) {
      socket.subscribe(id, OPERATION);
      await socket.message((message) => message.id === id && message.type !== "next");
    }

    expect(socket.messages.filter(({ type }) => type === "error")).toEqual([
      {
        type: "error",
        id: "c",
        payload: [expect.objectContaining({ extensions: expect.objectContaining({ code: "RATE_LIMITED" }) })],
      },
    ]);
    socket.socket.terminate();
  });
});

describe("connections from one address", () => {
  beforeEach(() => start({ connections: 1 }));

  test("are limited, and one that ends makes room", async () => {
    const socket = await RawSocket.introduced(socketUrl(gateway.url));
    await expect(RawSocket.open(socketUrl(gateway.url))).rejects.toThrow("429");
    const streamed = overStream(gateway.url, { query: OPERATION });
    await expect(streamed.next()).rejects.toThrow();

    socket.socket.close();
    await poll(
      () => Array.fromAsync(overStream(gateway.url, { query: OPERATION })).catch(() => []),
      ({ length }) => length === 1,
    );
    const next = await poll(
      () => RawSocket.open(socketUrl(gateway.url)).catch(() => undefined),
      (opened) => opened !== undefined,
    );
    next?.socket.terminate();
  });

  test("do not include requests that are answered immediately", async () => {
    const hold = holdCalls(gateway.provider);
    const waiting = gateway.graphql('mutation { generateImages(input: { prompt: "x", size: "64x64" }) { status } }');
    await hold.called;

    expect(await statusFor("127.0.0.1")).toBe(200);
    hold.release();
    expect((await waiting).status).toBe(200);
  });
});

describe("uploads from one address", () => {
  beforeEach(() => start({ uploads: 1 }));

  test("are limited while they arrive", async () => {
    const { body, contentType } = await asMultipart({ prompt: "a fox", n: "0", size: "64x64" });
    const send = () =>
      httpRequest(`${gateway.url}/get-image`, { method: "POST", headers: { "Content-Type": contentType }, body });
    const slow = request(`${gateway.url}/get-image`, {
      method: "POST",
      headers: { "Content-Type": contentType, "Content-Length": body.length },
      agent: false,
    });
    slow.write(body.subarray(0, 20));
    await poll(send, ({ status }) => status === 429);

    slow.end(body.subarray(20));
    const [answer] = await once(slow, "response");
    expect(answer.statusCode).toBe(400);
    expect((await send()).status).toBe(400);
    answer.destroy();
  });

  test("stop counting when their connection ends", async () => {
    const { body, contentType } = await asMultipart({ prompt: "a fox", n: "0", size: "64x64" });
    const send = () =>
      httpRequest(`${gateway.url}/get-image`, { method: "POST", headers: { "Content-Type": contentType }, body });
    const headers = { "Content-Type": contentType, "Content-Length": body.length };
    const slow = request(`${gateway.url}/get-image`, { method: "POST", headers, agent: false });
    slow.on("error", () => {});
    slow.write(body.subarray(0, 20));
    await poll(send, ({ status }) => status === 429);

    slow.destroy();
    await poll(send, ({ status }) => status === 400);
  });
});

test("without address limits, nothing is refused", async () => {
  now = new Date();
  gateway = await startScriptedGateway({ corsOrigins: "*" });

  for (let count = 0; count < 700; count++) expect(await statusFor("127.0.0.1")).toBe(200);
});
