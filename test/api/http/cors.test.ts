import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { getImageAsJson } from "../../support/get-image-client.ts";
import { type HttpAnswer, httpRequest } from "../../support/http-request.ts";
import { type ScriptedGateway, startScriptedGateway } from "../../support/scripted-gateway.ts";

const LISTED = "https://app.example";
const OTHER_LISTED = "http://localhost:3000";
const FOREIGN = "https://evil.example";
const FIELDS = { prompt: "A red fox in the snow", n: "1", size: "64x64" };
const QUERY = JSON.stringify({ query: "{ models { id } }" });
const REFUSAL = "pages of this origin may not call this gateway";

const originHeader = (origin: string | undefined): Record<string, string> => (origin ? { Origin: origin } : {});

interface Target {
  readonly gateway: ScriptedGateway;
  readonly imagePath: string;
}

/** Every door, as a page of `origin` calls it; forms and images are what a browser sends without asking. */
const DOORS: readonly (readonly [string, (target: Target, headers: Record<string, string>) => Promise<HttpAnswer>])[] =
  [
    [
      "/get-image with a simple form",
      ({ gateway }, headers) =>
        httpRequest(`${gateway.url}/get-image`, {
          method: "POST",
          headers: { "Content-Type": "application/x-www-form-urlencoded", ...headers },
          body: new URLSearchParams(FIELDS).toString(),
        }),
    ],
    ["/get-image with JSON", ({ gateway }, headers) => getImageAsJson(gateway.url, FIELDS, headers)],
    [
      "/graphql",
      ({ gateway }, headers) =>
        httpRequest(`${gateway.url}/graphql`, {
          method: "POST",
          headers: { "Content-Type": "application/json", ...headers },
          body: QUERY,
        }),
    ],
    ["/images", ({ gateway, imagePath }, headers) => httpRequest(gateway.url, { path: imagePath, headers })],
  ];

async function startTarget(options: Parameters<typeof startScriptedGateway>[0]): Promise<Target> {
  const gateway = await startScriptedGateway(options);
  const { urlList } = await getImageAsJson(gateway.url, FIELDS);
  const { pathname, search } = new URL(urlList[0] ?? "");
  return { gateway, imagePath: pathname + search };
}

const preflight = (url: string, path: string, origin: string) =>
  httpRequest(url + path, {
    method: "OPTIONS",
    headers: {
      Origin: origin,
      "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Headers": "content-type,idempotency-key",
    },
  });

describe("without a list, pages of every origin", () => {
  let target: Target;

  beforeAll(async () => {
    target = await startTarget({});
  });

  afterAll(() => target.gateway.close());

  describe.each(DOORS)("on %s", (_door, call) => {
    test.each([FOREIGN, "null", undefined])("%s may call and read", async (origin) => {
      const { status, headers } = await call(target, originHeader(origin));

      expect(status).toBe(200);
      expect(headers["access-control-allow-origin"]).toBe("*");
      expect(headers["access-control-allow-credentials"]).toBeUndefined();
    });
  });

  test.each(["/get-image", "/graphql", "/images/x"])("are told so when they ask about %s", async (path) => {
    const { status, headers } = await preflight(target.gateway.url, path, FOREIGN);

    expect([200, 204]).toContain(status);
    expect(headers["access-control-allow-origin"]).toBe("*");
    expect(headers["access-control-allow-methods"]).toMatch(/\bPOST\b/);
    expect(headers["access-control-allow-headers"]).toBe("content-type,idempotency-key");
    expect(Number(headers["access-control-max-age"])).toBeGreaterThan(0);
  });

  test("may read what errors and images tell in headers", async () => {
    const { headers } = await getImageAsJson(target.gateway.url, { ...FIELDS, n: "11" }, { Origin: FOREIGN });

    expect(headers["access-control-allow-origin"]).toBe("*");
    for (const name of [
      "X-Request-Id",
      "Retry-After",
      "ETag",
      "Content-Range",
      "Warning",
      "Sunset",
      "X-Should-Retry",
    ]) {
      expect(headers["access-control-expose-headers"]).toContain(name);
    }
  });

  test("may read errors of every door", async () => {
    for (const [path, method] of [
      ["/get-image", "GET"],
      ["/graphql", "POST"],
      ["/images/x", "GET"],
      ["/nothing", "GET"],
    ] as const) {
      const { status, headers } = await httpRequest(target.gateway.url + path, {
        method,
        headers: { Origin: FOREIGN },
      });
      expect(status).toBeGreaterThanOrEqual(400);
      expect(headers["access-control-allow-origin"]).toBe("*");
    }
  });
});

describe("with a list", () => {
  let target: Target;

  beforeAll(async () => {
    target = await startTarget({ corsOrigins: [LISTED, OTHER_LISTED] });
  });

  afterAll(() => target.gateway.close());

  describe.each(DOORS)("on %s", (door, call) => {
    test.each([LISTED, OTHER_LISTED])("%s may call and read", async (origin) => {
      const { status, headers } = await call(target, { Origin: origin });

      expect(status).toBe(200);
      expect(headers["access-control-allow-origin"]).toBe(origin);
      expect(headers.vary).toMatch(/\bOrigin\b/);
    });

    test("the gateway's own pages may", async () => {
      expect((await call(target, { Origin: target.gateway.url })).status).toBe(200);
    });

    test("whoever names no origin may, and caches are told that it matters", async () => {
      const { status, headers } = await call(target, {});

      expect(status).toBe(200);
      expect(headers.vary).toMatch(/\bOrigin\b/);
    });

    test.each([
      FOREIGN,
      "null",
      "http://app.example",
      "https://app.example:444",
      "https://app.example.evil.example",
      "https://sub.app.example",
      "https://evil.example/https://app.example",
      "https://APP.example",
      "https://app.example/",
      "https://app.example, https://evil.example",
      "localhost:3000",
    ])("%s may not, and nothing is done for it", async (origin) => {
      const callCount = target.gateway.provider.requests.length;
      const { status, headers, body } = await call(target, { Origin: origin });

      expect(status).toBe(403);
      expect(headers["access-control-allow-origin"]).toBeUndefined();
      expect(headers.vary).toMatch(/\bOrigin\b/);
      expect(target.gateway.provider.requests).toHaveLength(callCount);
      const json = JSON.parse(body.toString());
      if (door.startsWith("/get-image")) {
        expect(json).toEqual({ urlResponse: { urlList: [] }, errorMessage: REFUSAL });
      } else if (door === "/graphql") {
        expect(json).toEqual({
          errors: [{ message: REFUSAL, extensions: expect.objectContaining({ code: "FORBIDDEN" }) }],
        });
      } else {
        expect(json).toMatchObject({ error: { code: "FORBIDDEN", message: REFUSAL } });
      }
    });
  });

  test.each(["/get-image", "/graphql"])(
    "a listed page is told so when it asks about %s, a foreign one is not",
    async (path) => {
      const listed = await preflight(target.gateway.url, path, LISTED);
      const foreign = await preflight(target.gateway.url, path, FOREIGN);

      expect([200, 204]).toContain(listed.status);
      expect(listed.headers["access-control-allow-origin"]).toBe(LISTED);
      expect(listed.headers["access-control-allow-methods"]).toMatch(/\bPOST\b/);
      expect(foreign.status).toBe(403);
      expect(foreign.headers["access-control-allow-origin"]).toBeUndefined();
      expect(foreign.headers["access-control-allow-methods"]).toBeUndefined();
    },
  );

  test("a listed page may read errors", async () => {
    const { status, headers } = await getImageAsJson(target.gateway.url, { ...FIELDS, n: "0" }, { Origin: LISTED });

    expect([status, headers["access-control-allow-origin"]]).toEqual([400, LISTED]);
  });

  test.each(["a:99999", "1.2.3.4.5", "[::::]", "..", "a b", "evil.example/x", "x@evil.example"])(
    "a Host of %s makes nobody welcome, and nothing fail",
    async (host) => {
      for (const [, call] of DOORS) {
        expect((await call(target, { Host: host, Origin: FOREIGN })).status).toBe(403);
      }
    },
  );
});

test("the gateway's own origin is the one it is known by", async () => {
  const target = await startTarget({ corsOrigins: [LISTED], publicUrl: "https://images.example" });
  try {
    const [, call] = DOORS[0] ?? [];
    expect((await call?.(target, { Origin: "https://images.example" }))?.status).toBe(200);
    expect((await call?.(target, { Origin: target.gateway.url }))?.status).toBe(403);
  } finally {
    await target.gateway.close();
  }
});
