import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { GatewayOptions } from "../../../../src/gateway.ts";
import { asMultipart, asUrlencoded, getImageAsJson } from "../../../support/clients/get-image-client.ts";
import { type HttpAnswer, httpRequest } from "../../../support/clients/http-request.ts";
import { upgradeRequest } from "../../../support/clients/upgrade-request.ts";
import { type RunningGateway, startGateway } from "../../../support/gateways/gateway.ts";
import { type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";

const LISTED = "https://app.example";
const OTHER_LISTED = "http://localhost:3000";
const FIELDS = { prompt: "A red fox in the snow", n: "1", size: "64x64" };
/** Passes every access check, makes nothing, and is answered with 400. */
const WRONG_FIELDS = { ...FIELDS, n: "0" };
const REFUSAL = "pages of this origin may not call; PICTOGRAPH_CORS_ORIGINS names those that may";
const JSON_TYPE = { "Content-Type": "application/json" };

type Headers = Readonly<Record<string, string>>;

interface Route {
  readonly name: string;
  readonly kind: "images" | "get-image" | "rest";
  /** Whether it is a GET, as a link is. */
  readonly isRead?: boolean;
  call(gateway: RunningGateway, headers: Headers): Promise<HttpAnswer>;
}

const get = (path: string) => (gateway: RunningGateway, headers: Headers) =>
  httpRequest(gateway.url, { path, headers });
const post = (path: string, body: string | Buffer, type: string) => (gateway: RunningGateway, headers: Headers) =>
  httpRequest(`${gateway.url}${path}`, { method: "POST", headers: { "Content-Type": type, ...headers }, body });

const multipart = await asMultipart(WRONG_FIELDS);
const urlencoded = await asUrlencoded(WRONG_FIELDS);
const edit = await asMultipart({ prompt: "a hat", n: "0" });
const operation = JSON.stringify({ query: "{ __typename }" });

/** Every route. Those that a browser can call without a preflight are marked: simple forms, images, upgrades. */
const ROUTES: readonly Route[] = [
  { name: "an image", kind: "images", isRead: true, call: get("/images/img_none.png?expires=1&signature=x") },
  {
    name: "/get-image with a simple form",
    kind: "get-image",
    call: post("/get-image", urlencoded.body, urlencoded.contentType),
  },
  {
    name: "/get-image with a simple form of parts",
    kind: "get-image",
    call: post("/get-image", multipart.body, multipart.contentType),
  },
  {
    name: "/get-image with JSON",
    kind: "get-image",
    call: post("/get-image", JSON.stringify(WRONG_FIELDS), "application/json"),
  },
  { name: "/graphql", kind: "rest", call: post("/graphql", operation, "application/json") },
  { name: "/graphql with a simple form", kind: "rest", call: post("/graphql", operation, "text/plain") },
  { name: "/graphql by GET", kind: "rest", isRead: true, call: get("/graphql?query=%7B__typename%7D") },
  { name: "/graphql/stream", kind: "rest", call: post("/graphql/stream", operation, "application/json") },
  {
    name: "a WebSocket",
    kind: "rest",
    isRead: true,
    call: ({ url }, headers) => upgradeRequest(`${url}/graphql`, headers),
  },
  { name: "/v1/images/generations", kind: "rest", call: post("/v1/images/generations", "{}", "application/json") },
  {
    name: "/v1/images/edits with a simple form",
    kind: "rest",
    call: post("/v1/images/edits", edit.body, edit.contentType),
  },
  { name: "/v1/models", kind: "rest", isRead: true, call: get("/v1/models") },
  { name: "/docs", kind: "rest", isRead: true, call: get("/docs") },
  { name: "/openapi.json", kind: "rest", isRead: true, call: get("/openapi.json") },
  { name: "/readyz", kind: "rest", isRead: true, call: get("/readyz") },
  { name: "an unknown path", kind: "rest", isRead: true, call: get("/get-images") },
];

const LOOPBACK = [
  "http://localhost",
  "http://localhost:3000",
  "https://localhost:5173",
  "http://app.localhost:8080",
  "http://127.0.0.1:9",
  "http://127.0.0.2",
  "http://[::1]:3000",
];
const FOREIGN = [
  "https://evil.example",
  "null",
  "http://localhost.evil.example",
  "http://127.0.0.1.evil.example",
  "http://localhost@evil.example",
  "http://localhost:3000@evil.example",
  "http://localhost:3000, https://evil.example",
  "http://evil.example#localhost",
  "http://0.0.0.0:3000",
  "http://192.168.1.7",
  "file://localhost",
  "localhost:3000",
  "HTTP://LOCALHOST",
  "http://localhost/",
  "",
];

interface Setting {
  readonly name: string;
  start(): Promise<RunningGateway>;
  /** The routes that pages of other sites may call. */
  readonly openKinds: readonly Route["kind"][];
}

const SETTINGS: readonly Setting[] = [
  { name: "without a paid provider", start: () => startGateway(), openKinds: ["images", "get-image"] },
  { name: "with a paid provider", start: () => startScriptedGateway(), openKinds: ["images"] },
  {
    name: "with a paid provider and any origin allowed",
    start: () => startScriptedGateway({ corsOrigins: "*" }),
    openKinds: ["images", "get-image", "rest"],
  },
];

describe.each(SETTINGS)("$name", ({ start, openKinds }) => {
  let gateway: RunningGateway;

  beforeAll(async () => {
    gateway = await start();
  });

  afterAll(() => gateway.close());

  describe.each(ROUTES)("$name", ({ kind, isRead = false, call }) => {
    const isOpen = openKinds.includes(kind);

    test.each(FOREIGN)(`a page of %j ${isOpen ? "may call" : "is refused"}`, async (origin) => {
      const { status, headers } = await call(gateway, { Origin: origin, "Sec-Fetch-Site": "cross-site" });

      expect(status === 403 && !isSigned(kind)).toBe(!isOpen);
      expect(headers["access-control-allow-origin"]).toBe(isOpen && status !== 101 ? "*" : undefined);
      expect(headers["access-control-allow-credentials"]).toBeUndefined();
    });

    test.each(LOOPBACK)("a page of %s on this machine may call", async (origin) => {
      const { status, headers } = await call(gateway, { Origin: origin, "Sec-Fetch-Site": "same-site" });

      expect(status === 403 && !isSigned(kind)).toBe(false);
      if (status !== 101) expect(headers["access-control-allow-origin"]).toBe(isOpen ? "*" : origin);
    });

    test("the gateway's own pages may call, as proved by Sec-Fetch-Site", async () => {
      const headers = { Origin: "https://behind.a.proxy.example", "Sec-Fetch-Site": "same-origin" };

      expect((await call(gateway, headers)).status === 403 && !isSigned(kind)).toBe(false);
    });

    test("a request that names no page may call", async () => {
      expect((await call(gateway, {})).status === 403 && !isSigned(kind)).toBe(false);
      expect((await call(gateway, { "Sec-Fetch-Site": "none" })).status === 403 && !isSigned(kind)).toBe(false);
    });

    test(`a no-cors request of a foreign page ${isOpen ? "is answered" : "is refused"}`, async () => {
      const headers = { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors" };

      expect((await call(gateway, headers)).status === 403 && !isSigned(kind)).toBe(!isOpen);
    });

    test(`a ${isRead ? "link" : "form"} on a foreign page ${isRead || isOpen ? "may lead here" : "is refused"}`, async () => {
      const headers = { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate" };

      expect((await call(gateway, headers)).status === 403 && !isSigned(kind)).toBe(!isRead && !isOpen);
    });

    test("a page that rebound its host name to this address counts as foreign, whatever its Host header", async () => {
      const { port } = new URL(gateway.url);
      const host = `evil.example:${port}`;
      const { status } = await call(gateway, { Host: host, Origin: `http://${host}` });

      expect(status === 403 && !isSigned(kind)).toBe(!isOpen);
    });
  });

  test.each(["/get-image", "/graphql", "/images/x", "/v1/images/edits"])(
    "a preflight for %s is allowed or refused as the request would be",
    async (path) => {
      const kind = path === "/get-image" ? "get-image" : path.startsWith("/images") ? "images" : "rest";
      const foreign = await preflight(gateway.url, path, "https://evil.example");
      const local = await preflight(gateway.url, path, "http://localhost:3000");

      expect(foreign.status).toBe(openKinds.includes(kind) ? 204 : 403);
      expect(foreign.headers["access-control-allow-origin"]).toBe(openKinds.includes(kind) ? "*" : undefined);
      expect(local.status).toBe(204);
      expect(local.headers["access-control-allow-methods"]).toMatch(/\bPOST\b/);
      expect(local.headers["access-control-allow-headers"]).toBe("content-type,idempotency-key");
      expect(Number(local.headers["access-control-max-age"])).toBeGreaterThan(0);
    },
  );
});

/** Whether the route answers 403 by itself, because the signature is wrong. */
function isSigned(kind: Route["kind"]): boolean {
  return kind === "images";
}

function preflight(url: string, path: string, origin: string): Promise<HttpAnswer> {
  return httpRequest(url + path, {
    method: "OPTIONS",
    headers: {
      Origin: origin,
      "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Headers": "content-type,idempotency-key",
    },
  });
}

async function withGateway(options: GatewayOptions, run: (gateway: ScriptedGateway) => Promise<void>): Promise<void> {
  const gateway = await startScriptedGateway(options);
  try {
    await run(gateway);
  } finally {
    await gateway.close();
  }
}

test("a refused page gets an error in its client's format, and nothing is done for it", async () => {
  await withGateway({}, async (gateway) => {
    const foreign = { Origin: "https://evil.example" };
    const image = await getImageAsJson(gateway.url, FIELDS, foreign);
    const graphql = await gateway.graphql('mutation { generateImages(input: { prompt: "x" }) { id } }', {}, foreign);
    const openai = await httpRequest(`${gateway.url}/v1/images/generations`, {
      method: "POST",
      headers: { ...JSON_TYPE, ...foreign },
      body: JSON.stringify({ prompt: "x" }),
    });
    const models = await httpRequest(`${gateway.url}/openapi.json`, { headers: foreign });

    expect(JSON.parse(image.text)).toEqual({ urlResponse: { urlList: [] }, errorMessage: REFUSAL });
    expect(graphql.body).toEqual({
      errors: [{ message: REFUSAL, extensions: expect.objectContaining({ code: "FORBIDDEN" }) }],
    });
    expect(JSON.parse(openai.body.toString())).toMatchObject({ error: { code: "forbidden", message: REFUSAL } });
    expect(JSON.parse(models.body.toString())).toMatchObject({ error: { code: "FORBIDDEN", message: REFUSAL } });
    for (const { headers } of [image, openai, models]) expect(headers.vary).toMatch(/\bOrigin\b/);
    expect(gateway.provider.requests).toEqual([]);
  });
});

test("pages may read images, errors, and the headers of both", async () => {
  await withGateway({ corsOrigins: "*" }, async ({ url }) => {
    const foreign = { Origin: "https://evil.example" };
    const { urlList, headers } = await getImageAsJson(url, FIELDS, foreign);
    const image = await httpRequest(urlList[0] ?? "", { headers: foreign });
    const failed = await getImageAsJson(url, WRONG_FIELDS, foreign);

    expect([image.status, failed.status]).toEqual([200, 400]);
    for (const answered of [headers, image.headers, failed.headers]) {
      expect(answered["access-control-allow-origin"]).toBe("*");
      for (const name of [
        "X-Request-Id",
        "Retry-After",
        "ETag",
        "Content-Range",
        "Warning",
        "Sunset",
        "X-Should-Retry",
      ]) {
        expect(answered["access-control-expose-headers"]).toContain(name);
      }
    }
  });
});

describe("with a list of allowed origins", () => {
  let gateway: ScriptedGateway;

  beforeAll(async () => {
    gateway = await startScriptedGateway({ corsOrigins: [LISTED, OTHER_LISTED] });
  });

  afterAll(() => gateway.close());

  describe.each(ROUTES)("$name", ({ kind, call }) => {
    test.each([LISTED, OTHER_LISTED])("%s may call and read with credentials", async (origin) => {
      const { status, headers } = await call(gateway, { Origin: origin });

      expect(status === 403 && !isSigned(kind)).toBe(false);
      if (status === 101) return;
      expect(headers["access-control-allow-origin"]).toBe(origin);
      expect(headers["access-control-allow-credentials"]).toBe("true");
      expect(headers.vary).toMatch(/\bOrigin\b/);
    });

    test.each([
      ...FOREIGN,
      "http://localhost:3001",
      "http://127.0.0.1:3000",
      "http://app.example",
      "https://app.example:444",
      "https://app.example.evil.example",
      "https://sub.app.example",
      "https://evil.example/https://app.example",
      "https://APP.example",
      "https://app.example/",
      "https://app.example, https://evil.example",
    ])("%j may not", async (origin) => {
      const { status, headers, body } = await call(gateway, { Origin: origin });

      expect(status).toBe(403);
      expect(body.toString()).toContain(REFUSAL);
      expect(headers["access-control-allow-origin"]).toBeUndefined();
      expect(headers["access-control-allow-credentials"]).toBeUndefined();
      expect(headers.vary).toMatch(/\bOrigin\b/);
    });

    test("the gateway's own pages may call, even if the browser sends no proof", async () => {
      const { status } = await call(gateway, { Origin: gateway.url });
      expect(status === 403 && !isSigned(kind)).toBe(false);
    });
  });

  test("anyone who has an image's URL may load it", async () => {
    const { urlList } = await getImageAsJson(gateway.url, FIELDS);
    const headers = { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image" };

    expect((await httpRequest(urlList[0] ?? "", { headers })).status).toBe(200);
  });

  test("every answer tells caches that it depends on the Origin header", async () => {
    const { headers } = await getImageAsJson(gateway.url, WRONG_FIELDS);

    expect(headers.vary).toMatch(/\bOrigin\b/);
  });

  test("preflights of listed pages are accepted, with credentials", async () => {
    const listed = await preflight(gateway.url, "/graphql", LISTED);
    const foreign = await preflight(gateway.url, "/graphql", "https://evil.example");

    expect(listed.status).toBe(204);
    expect(listed.headers).toMatchObject({
      "access-control-allow-origin": LISTED,
      "access-control-allow-credentials": "true",
      "access-control-allow-methods": expect.stringMatching(/\bPOST\b/),
    });
    expect(foreign.status).toBe(403);
    expect(foreign.headers["access-control-allow-methods"]).toBeUndefined();
  });

  test.each(["a:99999", "1.2.3.4.5", "[::::]", "..", "a b", "evil.example/x", "x@evil.example"])(
    "a Host of %s allows no page and causes no error",
    async (host) => {
      for (const { call } of ROUTES) {
        expect((await call(gateway, { Host: host, Origin: "https://evil.example" })).status).toBe(403);
      }
    },
  );
});

describe("the gateway's own origin", () => {
  const ask = ({ url }: RunningGateway, headers: Headers) => getImageAsJson(url, WRONG_FIELDS, headers);

  test("is its public URL", async () => {
    await withGateway({ corsOrigins: [LISTED], publicUrl: "https://images.example/pictures" }, async (gateway) => {
      expect((await ask(gateway, { Origin: "https://images.example" })).status).toBe(400);
      expect((await ask(gateway, { Origin: gateway.url })).status).toBe(403);
    });
  });

  test("is the address in the URL if that is an IP address or localhost", async () => {
    await withGateway({ hostNames: ["pictures.example"] }, async (gateway) => {
      for (const host of ["192.168.1.7:8080", "[fd00::7]", "pictures.example"]) {
        expect((await ask(gateway, { Host: host, Origin: `http://${host}` })).status).toBe(400);
        expect((await ask(gateway, { Host: host, Origin: `https://${host}` })).status).toBe(403);
        expect((await ask(gateway, { Host: host, Origin: "http://192.168.1.8:8080" })).status).toBe(403);
      }
    });
  });

  test("is not a host name that only the Host header claims", async () => {
    await withGateway({}, async (gateway) => {
      for (const host of ["evil.example", "localhost.evil.example"]) {
        expect((await ask(gateway, { Host: host, Origin: `http://${host}` })).status).toBe(403);
      }
    });
  });
});
