import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { httpRequest } from "../support/clients/http-request.ts";
import { upgradeRequest } from "../support/clients/upgrade-request.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/processes/gateway-process.ts";
import { runMain } from "../support/processes/run-main.ts";

/** Longer than starting and stopping a process takes. */
const HOOK_TIMEOUT_MS = 120_000;

describe("an open gateway that others can reach does not start without an explicit setting", () => {
  test.each<[string, Readonly<Record<string, string>>, RegExp]>([
    ["it listens on every address", { HOST: "0.0.0.0" }, /HOST=0\.0\.0\.0 is not loopback/],
    ["it listens on every address of IPv6", { HOST: "::" }, /HOST=:: is not loopback/],
    ["it trusts a proxy", { PICTOGRAPH_TRUST_PROXY: "1" }, /PICTOGRAPH_TRUST_PROXY trusts a proxy/],
    ["it is known to others", { PICTOGRAPH_PUBLIC_URL: "https://images.example" }, /PICTOGRAPH_PUBLIC_URL is not/],
    ["it is told not to", { HOST: "0.0.0.0", PICTOGRAPH_OPEN: "false" }, /HOST=0\.0\.0\.0 is not loopback/],
  ])("if %s", async (_reason, env, expected) => {
    const { code, stdout, stderr } = await runMain({ env: { PORT: "0", ...env } });

    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^Pictograph cannot start:\n {2}PICTOGRAPH_ADMIN_KEY must be set, because .*\n$/);
    expect(stderr).toMatch(expected);
    expect(stderr).toContain("PICTOGRAPH_OPEN=true");
  });

  test("if its admin key is too short", async () => {
    const { code, stderr } = await runMain({ env: { PORT: "0", PICTOGRAPH_ADMIN_KEY: "marked" } });

    expect(code).toBe(1);
    expect(stderr).toMatch(/^Pictograph cannot start:\n {2}PICTOGRAPH_ADMIN_KEY must be 32 or more .*\n$/);
    expect(stderr).not.toContain("marked");
  });
});

describe("a gateway that is open by an explicit setting", () => {
  let gateway: GatewayProcess;
  let port: string;

  beforeAll(async () => {
    gateway = await startGatewayProcess({
      env: {
        HOST: "127.0.0.1",
        PICTOGRAPH_OPEN: "true",
        PICTOGRAPH_PUBLIC_URL: "https://images.example/pictures",
        PICTOGRAPH_ALLOWED_HOSTS: "pictures.internal, Pictograph.",
        PICTOGRAPH_TRUST_PROXY: "127.0.0.1",
      },
    });
    ({ port } = new URL(gateway.url));
  }, HOOK_TIMEOUT_MS);

  afterAll(() => gateway.stop(), HOOK_TIMEOUT_MS);

  const statusFor = async (headers: Readonly<Record<string, string>>, path = "/openapi.json") =>
    (await httpRequest(gateway.url, { path, headers })).status;

  test("warns of that at the start", async () => {
    const line = await gateway.waitForLine((candidate) => candidate.includes("PICTOGRAPH_OPEN"));

    expect(JSON.parse(line)).toMatchObject({ level: "warn", msg: expect.stringContaining("PICTOGRAPH_OPEN=true") });
  });

  test.each([
    "localhost",
    "LocalHost.",
    "app.localhost",
    "127.0.0.1",
    "127.0.0.1:1",
    "127.1",
    "10.1.2.3:8080",
    "192.168.1.7",
    "[::1]",
    "[fd00::7]:8080",
    "[::ffff:10.0.0.1]",
    "images.example",
    "IMAGES.EXAMPLE:443",
    "images.example.",
    "pictures.internal:9999",
    "pictograph",
  ])("accepts the host %s", async (host) => {
    expect(await statusFor({ Host: host })).toBe(200);
    expect((await upgradeRequest(`${gateway.url}/graphql`, { Host: host })).status).toBe(101);
    expect(await statusFor({ Host: "rebound.example", "X-Forwarded-Host": host })).toBe(200);
  });

  test.each([
    "evil.example",
    "evil.example:8080",
    "images.example.evil.example",
    "evil-images.example",
    "sub.images.example",
    "localhost.evil.example",
    "localhost@evil.example",
    "evil.example@localhost",
    "localhost:80@evil.example",
    "127.0.0.1.evil.example",
    "127.0.0.1@evil.example",
    "localhost/evil.example",
    "localhost#evil.example",
    "localhost, evil.example",
    "localhost\\evil.example",
    "localhost..",
    "localhost:999999",
    "[::1]evil.example",
    "[::1",
    "1.2.3.4.5",
    "http://localhost",
    "xn--lcalhost-15a",
    "..",
    ":80",
  ])("refuses the host %j", async (host) => {
    const { status, body } = await httpRequest(gateway.url, { path: "/openapi.json", headers: { Host: host } });

    expect(status).toBe(421);
    expect(JSON.parse(body.toString())).toMatchObject({
      error: { code: "MISDIRECTED", message: expect.stringContaining("PICTOGRAPH_ALLOWED_HOSTS") },
    });
    expect((await upgradeRequest(`${gateway.url}/graphql`, { Host: host })).status).toBe(421);
    expect(await statusFor({ Host: "localhost", "X-Forwarded-Host": host.replace(", evil", "; evil") })).toBe(421);
  });

  test("refuses a host in each client's response format", async () => {
    const headers = { Host: "evil.example", "Content-Type": "application/json" };
    const ask = async (path: string, body: object) => {
      const answer = await httpRequest(gateway.url, { path, method: "POST", headers, body: JSON.stringify(body) });
      return { status: answer.status, body: JSON.parse(answer.body.toString()) };
    };
    const message = expect.stringContaining("the host evil.example");

    expect(await ask("/get-image", { prompt: "x", n: "1", size: "64x64" })).toEqual({
      status: 421,
      body: { urlResponse: { urlList: [] }, errorMessage: message },
    });
    expect(await ask("/graphql", { query: "{ __typename }" })).toEqual({
      status: 421,
      body: { errors: [{ message, extensions: { code: "MISDIRECTED" } }] },
    });
    expect(await ask("/v1/images/generations", { prompt: "x" })).toMatchObject({
      status: 421,
      body: { error: { message, code: "misdirected" } },
    });
  });

  test("uses the last of several forwarded hosts, which its proxy wrote", async () => {
    expect(await statusFor({ "X-Forwarded-Host": "evil.example, images.example" })).toBe(200);
    expect(await statusFor({ "X-Forwarded-Host": "images.example, evil.example" })).toBe(421);
  });

  test.each(["/healthz", "/readyz"])("answers %s under any host", async (path) => {
    expect(await statusFor({ Host: "10-0-0-7.pods.example" }, path)).toBe(200);
  });

  describe("with raw Host headers", () => {
    /** Returns the gateway's answer to these bytes, until the connection ends. */
    async function send(bytes: string): Promise<string> {
      const socket = connect(Number(port), "127.0.0.1");
      socket.write(bytes);
      return text(socket.setEncoding("latin1"));
    }

    test.each([
      ["two that differ", "Host: localhost\r\nHost: evil.example\r\n"],
      ["two alike", "Host: localhost\r\nhost: localhost\r\n"],
    ])("refuses %s", async (_what, hosts) => {
      const answer = await send(`GET /openapi.json HTTP/1.1\r\n${hosts}Connection: close\r\n\r\n`);
      const probe = await send(`GET /healthz HTTP/1.1\r\n${hosts}Connection: close\r\n\r\n`);

      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer).toContain("more than one Host header");
      expect(probe).toMatch(/^HTTP\/1\.1 400 /);
    });

    test("needs a host in HTTP/1.1 but not in HTTP/1.0, which no browser speaks", async () => {
      expect(await send("GET /openapi.json HTTP/1.1\r\nConnection: close\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 /);
      expect(await send("GET /openapi.json HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n")).toMatch(/^HTTP\/1\.1 4/);
      expect(await send("GET /openapi.json HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1\.1 200 /);
      expect(await send("GET /openapi.json HTTP/1.0\r\nHost: evil.example\r\n\r\n")).toMatch(/^HTTP\/1\.1 421 /);
    });
  });
});

test("a gateway on loopback accepts no other name, and ignores forwarded hosts", async () => {
  await using gateway = await startGatewayProcess();
  const statusFor = async (headers: Readonly<Record<string, string>>) =>
    (await httpRequest(gateway.url, { path: "/openapi.json", headers })).status;

  expect(await statusFor({ Host: "evil.example" })).toBe(421);
  expect(await statusFor({ Host: "evil.example", "X-Forwarded-Host": "localhost" })).toBe(421);
  expect(await statusFor({ Host: "localhost", "X-Forwarded-Host": "evil.example" })).toBe(200);
  expect(gateway.lines.join("\n")).not.toContain('"level":"warn"');
});
