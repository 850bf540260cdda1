import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { afterEach, describe, expect, test } from "@jest/globals";
import { GuardedDownloads, type GuardedDownloadsOptions } from "../../../src/adapters/downloads/guarded-downloads.ts";
import { GatewayError } from "../../../src/errors.ts";

const LIMITS = { maxBytes: 1000, timeoutMs: 60_000 };
const LOOPBACK = { address: "127.0.0.1", family: 4 };

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }
});

/** A server on loopback, and the requests it saw. */
async function serve(answer: RequestListener) {
  const requests: IncomingMessage[] = [];
  const server = createServer((incoming, outgoing) => {
    requests.push(incoming);
    answer(incoming, outgoing);
  });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, port, requests };
}

function download(address: string, options: Partial<GuardedDownloadsOptions> = {}, limits = LIMITS) {
  return buffer(new GuardedDownloads({ hosts: [], ...options }).read(address, limits));
}

async function failureOf(work: Promise<unknown>): Promise<Pick<GatewayError, "code" | "message">> {
  const error = await work.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(GatewayError);
  const { code, message } = error as GatewayError;
  return { code, message };
}

describe("a download from the operator's own server", () => {
  test("returns the bytes, and sends nothing that identifies anybody", async () => {
    const { origin, requests } = await serve((_, outgoing) => outgoing.end("a picture"));

    expect(String(await download(`${origin}/a.png?key=1#part`, { ownOrigins: [origin] }))).toBe("a picture");
    expect(requests.map(({ url, headers }) => ({ url, headers }))).toEqual([
      {
        url: "/a.png?key=1",
        headers: {
          accept: "image/*",
          "accept-encoding": "identity",
          "user-agent": "pictograph",
          host: new URL(origin).host,
          connection: "close",
        },
      },
    ]);
  });

  test("works by host name too", async () => {
    const { port } = await serve((_, outgoing) => outgoing.end("a picture"));
    const origin = `http://model.test:${port}`;

    const bytes = await download(`${origin}/a.png`, { ownOrigins: [origin], resolve: async () => [LOOPBACK] });
    expect(String(bytes)).toBe("a picture");
  });

  test("requests nothing before it is read, and disconnects when its reader leaves", async () => {
    const left = Promise.withResolvers<void>();
    const { origin, requests } = await serve((incoming, outgoing) => {
      incoming.socket.once("close", () => left.resolve());
      outgoing.write("the beginning");
    });
    const bytes = new GuardedDownloads({ hosts: [], ownOrigins: [origin] }).read(origin, LIMITS);
    expect(requests).toHaveLength(0);

    for await (const chunk of bytes) {
      expect(String(chunk)).toBe("the beginning");
      break;
    }
    await left.promise;
  });

  test.each([301, 302, 303, 307, 308])("follows %i to any path on the same origin", async (status) => {
    const { origin } = await serve((incoming, outgoing) => {
      if (incoming.url === "/a/made.png") outgoing.end("a picture");
      else outgoing.writeHead(status, { location: "made.png" }).end("elsewhere");
    });

    expect(String(await download(`${origin}/a/b`, { ownOrigins: [origin] }))).toBe("a picture");
  });
});

describe("a private network cannot be reached", () => {
  test.each([
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[::7f00:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "[fe80::1]",
    "[fec0::1]",
    "[fd00:ec2::254]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[ff02::1]",
  ])("through the address %s, even if it is on the list", async (host) => {
    expect(await failureOf(download(`https://${host}/a.png`, { hosts: [host] }))).toEqual({
      code: "BAD_USER_INPUT",
      message: expect.stringMatching(/ is in a private network, from where the gateway does not download$/),
    });
  });

  test.each(["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fe80::1%eth0", "fd00::1"])(
    "through a name that resolves to %s",
    async (address) => {
      const { port, requests } = await serve((_, outgoing) => outgoing.end("a secret"));
      const options = {
        hosts: [`http://images.test:${port}`],
        resolve: async () => [{ address, family: address.includes(":") ? 6 : 4 }],
      };

      expect((await failureOf(download(`http://images.test:${port}/`, options))).message).toBe(
        "images.test is in a private network, from where the gateway does not download",
      );
      expect(requests).toHaveLength(0);
    },
  );

  test("through a name with a public and a private address", async () => {
    const options = { hosts: ["images.test"], resolve: async () => [{ address: "203.1.2.3", family: 4 }, LOOPBACK] };

    expect((await failureOf(download("https://images.test/", options))).code).toBe("BAD_USER_INPUT");
  });

  test("through a name that resolves differently for the check and for the connection", async () => {
    let lookups = 0;
    const resolve = async () => {
      lookups++;
      return [LOOPBACK];
    };

    await failureOf(download("https://images.test/", { hosts: ["images.test"], resolve }));
    expect(lookups).toBe(1);
  });

  test("through a redirect", async () => {
    const inside = await serve((_, outgoing) => outgoing.end("a secret"));
    const { origin } = await serve((_, outgoing) => outgoing.writeHead(302, { location: inside.origin }).end());

    const failure = await failureOf(download(origin, { ownOrigins: [origin], hosts: [inside.origin] }));
    expect(failure.message).toMatch(/ is in a private network/);
    expect(inside.requests).toHaveLength(0);
  });
});

describe("only allowed hosts are requested:", () => {
  const NOT_ALLOWED = /^the gateway may not download from .*; PICTOGRAPH_DOWNLOAD_HOSTS names the hosts it may$/;
  const hosts = ["images.test", "*.cdn.test", "files.test:8443", "http://plain.test"];
  /** The error for an allowed host: it is not reached, because its address is private. */
  const resolve = async () => [LOOPBACK];

  test.each([
    "https://images.test/a.png",
    "https://IMAGES.test:443/a.png",
    "https://a.cdn.test/",
    "https://a.b.cdn.test/",
    "https://files.test:8443/",
    "http://plain.test/",
  ])("%s is allowed", async (address) => {
    expect((await failureOf(download(address, { hosts, resolve }))).message).toMatch(/private network/);
  });

  test.each([
    "https://other.test/",
    "http://images.test/",
    "https://images.test:8443/",
    "https://images.test.evil.test/",
    "https://evilimages.test/",
    "https://images.test./",
    "https://cdn.test/",
    "https://evilcdn.test/",
    "https://files.test/",
    "https://plain.test/",
  ])("%s is not allowed", async (address) => {
    expect(await failureOf(download(address, { hosts, resolve }))).toEqual({
      code: "BAD_USER_INPUT",
      message: expect.stringMatching(NOT_ALLOWED),
    });
  });

  test.each([
    ["no list at all", "https://images.test/", { hosts: [] }],
    [
      "the operator's own host at another port",
      "http://127.0.0.1:1/",
      { hosts: [], ownOrigins: ["http://127.0.0.1:2"] },
    ],
  ])("%s allows no other host", async (_name, address, options) => {
    expect((await failureOf(download(address, options))).message).toMatch(NOT_ALLOWED);
  });

  test.each([
    "file:///etc/passwd",
    "data:image/png;base64,AAAA",
    "ftp://images.test/",
    "javascript:alert(1)",
    "//images.test/a.png",
    "a.png",
    "",
    `https://images.test/${"x".repeat(8192)}`,
  ])("%.40s is not a URL to download", async (address) => {
    expect((await failureOf(download(address, { hosts }))).message).toBe("only an https URL can be downloaded");
  });

  test("a URL with a password is not requested", async () => {
    const failure = await failureOf(download("https://me:marked@images.test/?token=marked", { hosts }));
    expect(failure.message).toBe("a URL with a user name or a password is not downloaded");
  });

  test("a redirect is checked like the first URL, and only a few are followed", async () => {
    const { origin, requests } = await serve((incoming, outgoing) => {
      const location = incoming.url === "/away" ? "https://other.test/?token=marked" : "/again";
      outgoing.writeHead(302, { location }).end();
    });
    const options = { ownOrigins: [origin] };

    const { message } = await failureOf(download(`${origin}/away`, options));
    expect(message).toMatch(NOT_ALLOWED);
    expect(message).not.toContain("marked");
    expect((await failureOf(download(`${origin}/again`, options))).message).toMatch(/redirects more than 3 times$/);
    expect(requests).toHaveLength(1 + 4);
  });
});

describe("a download is limited", () => {
  test("in size, with or without a Content-Length", async () => {
    const tooLarge = { code: "PAYLOAD_TOO_LARGE", message: "the file is larger than 1000 bytes" };
    const { origin } = await serve((incoming, outgoing) => {
      if (incoming.url === "/told") outgoing.setHeader("content-length", 1001);
      outgoing.flushHeaders();
      const more = () => void (outgoing.destroyed || outgoing.write("x".repeat(100), more));
      more();
    });

    expect(await failureOf(download(`${origin}/told`, { ownOrigins: [origin] }))).toEqual(tooLarge);
    expect(await failureOf(download(`${origin}/endless`, { ownOrigins: [origin] }))).toEqual(tooLarge);
  });

  test("in size, and one of exactly the limit is allowed", async () => {
    const { origin } = await serve((_, outgoing) => outgoing.end("x".repeat(1000)));

    expect(await download(origin, { ownOrigins: [origin] })).toHaveLength(1000);
  });

  test.each(["/silent", "/drips"])("in time, if the host is %s", async (path) => {
    const { origin } = await serve((incoming, outgoing) => {
      if (incoming.url === "/silent") return;
      const drip = setInterval(() => outgoing.write("x"), 5);
      outgoing.once("close", () => clearInterval(drip));
    });

    const failure = await failureOf(
      download(origin + path, { ownOrigins: [origin] }, { maxBytes: 1_000_000, timeoutMs: 60 }),
    );
    expect(failure).toEqual({ code: "UPSTREAM_TIMEOUT", message: `${new URL(origin).host} did not answer in time` });
  });

  test("by its reader's signal", async () => {
    const asked = Promise.withResolvers<void>();
    const { origin } = await serve(() => asked.resolve());
    const reader = new AbortController();
    const reason = new Error("the reader left");
    const downloads = new GuardedDownloads({ hosts: [], ownOrigins: [origin] });

    const bytes = buffer(downloads.read(origin, LIMITS, reader.signal));
    await asked.promise;
    reader.abort(reason);
    await expect(bytes).rejects.toBe(reason);
  });
});

describe("a host's failure is distinguished from a wrong URL:", () => {
  test.each([
    [404, "BAD_USER_INPUT"],
    [403, "BAD_USER_INPUT"],
    [204, "BAD_USER_INPUT"],
    [206, "BAD_USER_INPUT"],
    [302, "BAD_USER_INPUT"],
    [500, "UPSTREAM_FAILED"],
    [503, "UPSTREAM_FAILED"],
  ])("status %i", async (status, code) => {
    const { origin } = await serve((_, outgoing) => outgoing.writeHead(status).end());

    expect(await failureOf(download(`${origin}/?token=marked`, { ownOrigins: [origin] }))).toEqual({
      code,
      message: `${new URL(origin).host} answers with status ${status}`,
    });
  });

  test.each<[string, RequestListener]>([
    ["breaks the connection before its answer", (incoming) => incoming.socket.destroy()],
    [
      "breaks it in the middle",
      (_, outgoing) => {
        outgoing.writeHead(200, { "content-length": 100 });
        outgoing.write("the beginning", () => outgoing.destroy());
      },
    ],
  ])("a host that %s", async (_name, answer) => {
    const { origin } = await serve(answer);

    expect(await failureOf(download(`${origin}/?token=marked`, { ownOrigins: [origin] }))).toEqual({
      code: "UPSTREAM_FAILED",
      message: `the download from ${new URL(origin).host} failed`,
    });
  });

  test("an unknown name", async () => {
    const resolve = async () => {
      throw Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" });
    };

    expect((await failureOf(download("https://images.test/", { hosts: ["images.test"], resolve }))).code).toBe(
      "UPSTREAM_FAILED",
    );
    const noAddress = { hosts: ["images.test"], resolve: async () => [] };
    expect((await failureOf(download("https://images.test/", noAddress))).code).toBe("UPSTREAM_FAILED");
  });
});
