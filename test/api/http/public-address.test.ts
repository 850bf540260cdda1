import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import express from "express";
import type { GatewayOptions } from "../../../src/gateway.ts";
import { type GetImageAnswer, getImageAsJson } from "../../support/clients/get-image-client.ts";
import { httpRequest } from "../../support/clients/http-request.ts";
import { type ScriptedGateway, startScriptedGateway } from "../../support/gateways/scripted-gateway.ts";

const FIELDS = { prompt: "A red fox in the snow", n: "1", size: "64x64" };
const FORWARDED = {
  "X-Forwarded-Proto": "https",
  "X-Forwarded-Host": "images.example",
  "X-Forwarded-For": "192.0.2.7",
};
const IMAGE_QUERY = 'mutation { generateImages(input: { prompt: "x", size: "64x64" }) { images { url } } }';

let gateway: ScriptedGateway;

/** Returns the origin of the image URLs in the answers to these request headers, over both APIs. */
async function originFor(running: ScriptedGateway, headers: Record<string, string>): Promise<string> {
  const { urlList } = await getImageAsJson(running.url, FIELDS, headers);
  const { body } = await httpRequest(`${running.url}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify({ query: IMAGE_QUERY }),
  });
  const graphqlUrl: string = JSON.parse(body.toString()).data.generateImages.images[0].url;
  const [origin, other] = [urlList[0] ?? "", graphqlUrl].map((url) => url.replace(/\/images\/.*/, ""));
  expect(other).toBe(origin);
  await expectImage(running, urlList[0] ?? "");
  return origin ?? "";
}

/** Loads a link here: whatever its host and prefix, the rest of its path leads to the image. */
async function expectImage(running: ScriptedGateway, url: string): Promise<void> {
  const { pathname, search } = new URL(url);
  // A proxy takes the prefix away.
  const path = pathname.slice(pathname.indexOf("/images/"));
  const { status, headers } = await httpRequest(running.url, { path: path + search });
  expect([status, headers["content-type"]]).toEqual([200, "image/png"]);
}

async function withGateway(options: GatewayOptions, run: (running: ScriptedGateway) => Promise<void>): Promise<void> {
  const running = await startScriptedGateway(options);
  try {
    await run(running);
  } finally {
    await running.close();
  }
}

beforeAll(async () => {
  gateway = await startScriptedGateway();
});

afterAll(() => gateway.close());

test("links lead to the address that the request used", async () => {
  const { port } = new URL(gateway.url);

  expect(await originFor(gateway, {})).toBe(gateway.url);
  expect(await originFor(gateway, { Host: `127.0.0.1:${port}` })).toBe(`http://127.0.0.1:${port}`);
  expect(await originFor(gateway, { Host: "images.example" })).toBe("http://images.example");
  expect(await originFor(gateway, { Host: "[::1]:8080" })).toBe("http://[::1]:8080");
});

test.each([
  "evil.example/path",
  "user@evil.example",
  "evil.example:80@localhost",
  'evil.example"><script>',
  "evil.example?x",
  "evil.example#x",
  "evil.example\\x",
  "evil example",
  "a:99999",
  "a:",
  ":80",
  "[::::]",
  "1.2.3.4.5",
  "http://evil.example",
])("a Host of %s is not an address, and appears in no link", async (host) => {
  const { port } = new URL(gateway.url);

  expect(await originFor(gateway, { Host: host })).toBe(`http://127.0.0.1:${port}`);
});

test("X-Forwarded headers are ignored unless a proxy is trusted", async () => {
  expect(await originFor(gateway, FORWARDED)).toBe(gateway.url);
});

describe("a trusted proxy", () => {
  test.each<[string, GatewayOptions]>([
    ["by its number", { trustProxy: 1 }],
    ["by its address", { trustProxy: ["127.0.0.1"] }],
    ["by a name for addresses", { trustProxy: ["loopback"] }],
    ["by a range", { trustProxy: ["10.0.0.0/8", "127.0.0.0/8"] }],
  ])("%s sets the gateway's address", async (_case, options) => {
    await withGateway(options, async (running) => {
      expect(await originFor(running, FORWARDED)).toBe("https://images.example");
      expect(await originFor(running, { "X-Forwarded-Proto": "https" })).toMatch(/^https:\/\/localhost:\d+$/);
      expect(await originFor(running, {})).toBe(running.url);
    });
  });

  test.each<[string, Record<string, string>, string]>([
    ["behind the client's host", { "X-Forwarded-Host": "evil.example, images.example" }, "http://images.example"],
    [
      "behind the client's protocol",
      { "X-Forwarded-Proto": "http,https", Host: "images.example" },
      "https://images.example",
    ],
    [
      "in headers of its own",
      { "X-Forwarded-Host": ["evil.example", "images.example"] as never },
      "http://images.example",
    ],
  ])("overrides %s", async (_case, headers, expected) => {
    await withGateway({ trustProxy: 1 }, async (running) => {
      expect(await originFor(running, headers)).toBe(expected);
    });
  });

  test.each<[string, Record<string, string>, string]>([
    ["a port", { "X-Forwarded-Port": "8443" }, "https://images.example:8443"],
    ["the default port", { "X-Forwarded-Port": "443" }, "https://images.example"],
    ["the default port of another protocol", { "X-Forwarded-Port": "80" }, "https://images.example"],
    [
      "a port beside one in the host",
      { "X-Forwarded-Port": "1", "X-Forwarded-Host": "a.example:2" },
      "https://a.example:2",
    ],
    ["a port of an IPv6 host", { "X-Forwarded-Port": "8443", "X-Forwarded-Host": "[::1]" }, "https://[::1]:8443"],
    ["several ports", { "X-Forwarded-Port": "1, 8443" }, "https://images.example:8443"],
    ["an invalid port", { "X-Forwarded-Port": "65536" }, "https://images.example"],
    ["a port with more in it", { "X-Forwarded-Port": "80@evil.example" }, "https://images.example"],
    ["a prefix", { "X-Forwarded-Prefix": "/pictures" }, "https://images.example/pictures"],
    ["a prefix with a slash at its end", { "X-Forwarded-Prefix": "/a/b-1/" }, "https://images.example/a/b-1"],
    ["an empty prefix", { "X-Forwarded-Prefix": "/" }, "https://images.example"],
    ["a prefix that leads upwards", { "X-Forwarded-Prefix": "/a/../b" }, "https://images.example"],
    ["a prefix that is another host", { "X-Forwarded-Prefix": "//evil.example" }, "https://images.example"],
    ["a prefix with markup", { "X-Forwarded-Prefix": '/a"><script>' }, "https://images.example"],
    ["a prefix without a slash", { "X-Forwarded-Prefix": ".evil.example" }, "https://images.example"],
    ["a prefix that is too long", { "X-Forwarded-Prefix": `/${"a".repeat(200)}` }, "https://images.example"],
  ])("may send %s", async (_case, headers, expected) => {
    await withGateway({ trustProxy: 1 }, async (running) => {
      expect(await originFor(running, { ...FORWARDED, ...headers })).toBe(expected);
    });
  });

  test("is needed for X-Forwarded-Port and X-Forwarded-Prefix to count", async () => {
    const headers = { "X-Forwarded-Port": "8443", "X-Forwarded-Prefix": "/pictures" };
    expect(await originFor(gateway, headers)).toBe(gateway.url);
  });

  test("is recognized by its address: other clients' headers are ignored", async () => {
    await withGateway({ trustProxy: ["192.0.2.1"] }, async (running) => {
      expect(await originFor(running, FORWARDED)).toBe(running.url);
    });
  });

  test.each([
    ["an invalid host", { "X-Forwarded-Host": "evil.example/x?" }],
    ["an invalid protocol", { "X-Forwarded-Proto": "javascript" }],
    ["a protocol with more in it", { "X-Forwarded-Proto": "https://evil.example/#" }],
    ["nothing", { "X-Forwarded-Host": "", "X-Forwarded-Proto": "" }],
  ])("that forwards %s changes nothing", async (_case, headers) => {
    await withGateway({ trustProxy: 1 }, async (running) => {
      const origin = await originFor(running, { ...headers });
      expect(origin).toMatch(/^http:\/\/(localhost|127\.0\.0\.1):\d+$/);
    });
  });
});

test("a public URL overrides everything in the request", async () => {
  await withGateway({ publicUrl: "https://images.example:8443", trustProxy: 1 }, async (running) => {
    for (const headers of [{}, { ...FORWARDED, "X-Forwarded-Host": "other.example" }, { Host: "evil.example" }]) {
      expect(await originFor(running, headers)).toBe("https://images.example:8443");
    }
  });
});

test("a public URL with a path means that the proxy removes that path", async () => {
  await withGateway({ publicUrl: "https://example.com/pictures" }, async (running) => {
    const { urlList } = await getImageAsJson(running.url, FIELDS);
    const [url = ""] = urlList;

    expect(url).toMatch(/^https:\/\/example\.com\/pictures\/images\/img_/);
    await expectImage(running, url.replace("/pictures", ""));
  });
});

test("in a host program that mounts the gateway below a path, links lead to that path", async () => {
  const host = express();
  host.use("/pictures", gateway.gateway.app);
  const server = createServer(host);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/pictures`;
    const answer: GetImageAnswer = await getImageAsJson(url, FIELDS);
    const [link = ""] = answer.urlList;

    expect(link.startsWith(`${url}/images/`)).toBe(true);
    expect((await httpRequest(link)).status).toBe(200);
    expect((await httpRequest(`${link}x`)).status).toBe(403);
    const refused = await getImageAsJson(url, { ...FIELDS, n: "0" });
    expect(refused.errorMessage).toBe("n must be a whole number from 1 to 10");
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});
