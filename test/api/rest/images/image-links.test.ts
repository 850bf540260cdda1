import { createHash } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { getImageAsJson } from "../../../support/clients/get-image-client.ts";
import { type HttpAnswer, httpRequest } from "../../../support/clients/http-request.ts";
import { type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";

const CHANGED = "the signature is wrong: this image URL was changed or cut short";
const TTL_SECONDS = 7200;
/** Characters that may occur in a path or a query. */
const LEGAL_CHARACTERS = [..."AZaz09-_.~!$&'()*+,;=:@/?%"];

const START = new Date("2026-11-22T09:30:00.400Z");
let now: Date;
let gateway: ScriptedGateway;
/** Path and query of two images of one generation, and of a derivative of the first. */
let first: string;
let second: string;
let derivative: string;

beforeAll(async () => {
  now = START;
  gateway = await startScriptedGateway({ now: () => now });
  const { urlList } = await getImageAsJson(gateway.url, { prompt: "x", n: "2", size: "64x64" });
  [first = "", second = ""] = urlList.map(toTarget);
  const { body } = await gateway.graphql(
    "query ($id: ID!) { image(id: $id) { url(width: 32, height: 16, fit: CONTAIN, format: WEBP, quality: 60) } }",
    { id: /img_[0-9a-z]{26}/.exec(first)?.[0] },
  );
  derivative = toTarget(body.data.image.url);
  // The images exist, so that a changed path may name a real image, not only an unknown one.
  expect((await get(derivative)).status).toBe(200);
});

afterAll(() => gateway.close());

beforeEach(() => {
  now = START;
});

test("an unchanged link works, however often it is used", async () => {
  const [one, again, other] = [await get(first), await get(first), await get(second)];

  expect([one.status, again.status, other.status]).toEqual([200, 200, 200]);
  expect(sha256(again.body)).toBe(sha256(one.body));
  expect(sha256(other.body)).not.toBe(sha256(one.body));
});

describe.each([
  ["an image", () => first],
  ["a derivative", () => derivative],
])("the link of %s", (_kind, target) => {
  test("is refused if any one character is changed, with an error that says so", async () => {
    const original = target();
    const prefix = "/images/";
    for (let position = 1; position < original.length; position++) {
      const character = original[position];
      const neighbours = LEGAL_CHARACTERS.filter((other) => other !== character);
      const flipped = character === character?.toLowerCase() ? character?.toUpperCase() : character?.toLowerCase();
      // Each position gets four of the characters, all positions together every one, and also the other case of its
      // own.
      const replacements = [0, 7, 13, 20].map((step) => neighbours[(position + step) % neighbours.length]);
      for (const replacement of new Set([...replacements, flipped ?? ""])) {
        if (replacement === character) continue;
        const changed = `${original.slice(0, position)}${replacement}${original.slice(position + 1)}`;
        const answer = await get(changed);
        const isOutside = !changed.startsWith(prefix);
        expect({ changed, status: answer.status }).toEqual({ changed, status: isOutside ? 404 : 403 });
        expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
        if (!isOutside) expect(toError(answer)).toMatchObject({ code: "FORBIDDEN", message: CHANGED });
      }
    }
  });

  test("is refused if it is cut short at any character", async () => {
    const original = target();
    for (let length = "/images/x".length; length < original.length; length++) {
      expectChanged(await get(original.slice(0, length)));
    }
  });

  test.each<[string, (link: string) => string]>([
    ["a parameter appended", (link) => `${link}&width=10`],
    ["an ampersand appended", (link) => `${link}&`],
    ["a parameter put before", (link) => link.replace("?", "?width=10&")],
    ["a parameter put between", (link) => link.replace("&signature", "&width=10&signature")],
    ["its signature twice", (link) => `${link}&${/signature=.*/.exec(link)?.[0]}`],
    ["its expiry twice", (link) => link.replace("&signature", "&expires=9999999999&signature")],
    ["a padded signature", (link) => `${link}=`],
    ["no signature", (link) => link.replace(/&signature=.*/, "")],
    ["an empty signature", (link) => link.replace(/signature=.*/, "signature=")],
    ["no query", (link) => link.replace(/\?.*/, "")],
    ["its parameters the other way round", (link) => link.replace(/\?(expires=\d+)&(signature=.*)/, "?$2&$1")],
    ["a letter escaped", (link) => link.replace("img_", "%69mg_")],
    ["the query's sign escaped", (link) => link.replace("expires=", "expires%3D")],
    ["a slash doubled", (link) => link.replace("/images/", "/images//")],
    ["a detour", (link) => link.replace("/images/", "/images/../images/")],
    ["another format", (link) => link.replace(/\.(png|webp)/, ".jpeg")],
    ["a rendition added", (link) => link.replace(/\.(png|webp)/, "/10x10-cover.$1")],
    ["one second more", (link) => link.replace(/\d{10}/, (seconds) => String(Number(seconds) + 1))],
    ["one second less", (link) => link.replace(/\d{10}/, (seconds) => String(Number(seconds) - 1))],
    ["a zero before its expiry", (link) => link.replace("expires=", "expires=0")],
    ["another id that fits the form", (link) => link.replace(/img_[0-9a-z]{26}/, "img_01kaj0000000000000000000zz")],
  ])("with %s is refused", async (_case, change) => {
    expectChanged(await get(change(target())));
  });

  test("works until the second in it, and then says when it expired", async () => {
    const expiresAt = Math.floor(START.getTime() / 1000) + TTL_SECONDS;
    expect(target()).toContain(`expires=${expiresAt}&`);

    now = new Date(expiresAt * 1000 - 1);
    expect((await get(target())).status).toBe(200);
    for (const late of [0, 1, 86_400_000]) {
      now = new Date(expiresAt * 1000 + late);
      const answer = await get(target());
      expect(answer.status).toBe(403);
      expect(toError(answer)).toMatchObject({
        code: "FORBIDDEN",
        message: "this image URL expired at 2026-11-22T11:30:00.000Z; ask for a new one",
      });
    }
    // A client without a valid signature learns nothing about an image, not even that a link has expired.
    expectChanged(await get(target().slice(0, -1)));
  });
});

describe("a link requested again is the same for some minutes, and works at least as long as requested:", () => {
  const URLS = `query ($id: ID!, $expiresIn: Int) { image(id: $id) {
    stored: url(expiresIn: $expiresIn) derivative: url(width: 32, expiresIn: $expiresIn)
    original: url(original: true, expiresIn: $expiresIn) } }`;

  async function askAfter(seconds: number, link: string, expiresIn?: number): Promise<readonly string[]> {
    now = new Date(START.getTime() + seconds * 1000);
    const { body } = await gateway.graphql(URLS, { id: /img_[0-9a-z]{26}/.exec(link)?.[0], expiresIn });
    return Object.values<string>(body.data.image);
  }

  test.each<[number | undefined, number]>([
    [undefined, 300],
    [604_800, 300],
    [3599, 300],
    [600, 300],
    [60, 30],
  ])("with a life of %s seconds", async (expiresIn, stableSeconds) => {
    const lifeSeconds = expiresIn ?? TTL_SECONDS;
    const seen = new Set<string>();
    for (let seconds = 0; seconds < 3 * stableSeconds; seconds += stableSeconds / 15) {
      for (const url of await askAfter(seconds, first, expiresIn)) {
        const expires = Number(new URL(url).searchParams.get("expires"));
        const livesFor = expires - Math.floor(now.getTime() / 1000);
        expect({ seconds, isLongEnough: livesFor >= lifeSeconds }).toEqual({ seconds, isLongEnough: true });
        expect({ seconds, isTooLong: livesFor >= lifeSeconds + stableSeconds }).toEqual({ seconds, isTooLong: false });
        seen.add(url);
      }
    }

    // Three links of three or four expiries each.
    expect(seen.size).toBeLessThanOrEqual(12);
    expect(new Set([...seen].map((url) => new URL(url).pathname)).size).toBe(2);
  });

  test("from /get-image too, with a cache header that says how long", async () => {
    now = new Date(START.getTime() + 1000);
    const { urlList } = await getImageAsJson(gateway.url, { prompt: "y", n: "1", size: "64x64" });
    const [url = ""] = urlList;
    const [stored] = await askAfter(250, url);

    expect(stored).toBe(url);
    expect((await get(toTarget(url))).headers["cache-control"]).toBe(`private, max-age=${TTL_SECONDS + 50}`);
  });
});

test("the signature of another image is refused", async () => {
  const signature = (link: string) => link.slice(link.indexOf("&signature="));
  const path = (link: string) => link.slice(0, link.indexOf("&signature="));

  expectChanged(await get(path(first) + signature(second)));
  expectChanged(await get(path(second) + signature(first)));
  expectChanged(await get(path(first) + signature(derivative)));
});

test.each([
  "/images/",
  "/images/x",
  "/images/../../etc/passwd",
  "/images/..%2f..%2fetc%2fpasswd",
  "/images/%2e%2e/%2e%2e/etc/passwd",
  "/images/....//....//etc/passwd?expires=9999999999&signature=",
  "/images/..\\..\\etc\\passwd",
  "/images//etc/passwd",
  "/images/%00",
  "/images/%",
  "/images/%ff",
  "/images/%E0%A4%A",
  `/images/img_01kaj0000000000000000000zz.png?expires=9999999999&signature=${"A".repeat(43)}`,
  `/images/img_01kaj0000000000000000000zz.png?expires=9999999999&signature=${"A".repeat(8000)}`,
  "/images/?expires=&signature=&signature=",
])("%s finds no image", async (path) => {
  const answer = await get(path);

  expect([403, 404]).toContain(answer.status);
  expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
  expect(answer.body.toString()).not.toMatch(/root:|pictograph-test|node_modules/);
});

test("a path that leaves the images with raw dots is refused", async () => {
  for (const path of ["/../../etc/passwd", "/images/../../../../../../etc/passwd", "/..;/etc/passwd"]) {
    const answer = await get(path);
    expect([403, 404]).toContain(answer.status);
    expect(answer.body.toString()).not.toContain("root:");
  }
});

test("a refusal may not be cached, but pages may read it", async () => {
  const answer = await get(first.slice(0, -1));

  expect(answer.headers["cache-control"]).toBe("no-store");
  expect(answer.headers["access-control-allow-origin"]).toBe("*");
  expect(answer.headers["x-content-type-options"]).toBe("nosniff");
  expect(toError(answer).requestId).toBe(answer.headers["x-request-id"]);
  for (const header of ["etag", "last-modified", "content-disposition", "accept-ranges"]) {
    expect(answer.headers[header]).toBeUndefined();
  }
});

test("a link signed with another gateway's secret is refused", async () => {
  const other = await startScriptedGateway({ signingSecret: "another secret of some length", now: () => now });
  try {
    const { urlList } = await getImageAsJson(other.url, { prompt: "x", n: "1", size: "64x64" });
    expect((await httpRequest(urlList[0] ?? "")).status).toBe(200);
    expectChanged(await get(toTarget(urlList[0] ?? "")));
  } finally {
    await other.close();
  }
});

/** Sends the path unchanged: a URL parser would rewrite some legal paths. */
function get(path: string): Promise<HttpAnswer> {
  return httpRequest(gateway.url, { path });
}

function toTarget(url: string): string {
  return url.slice(new URL(url).origin.length);
}

function toError(answer: HttpAnswer): { code: string; message: string; requestId: string } {
  return (JSON.parse(answer.body.toString()) as { error: { code: string; message: string; requestId: string } }).error;
}

function expectChanged(answer: HttpAnswer): void {
  expect(answer.status).toBe(403);
  expect(toError(answer)).toMatchObject({ code: "FORBIDDEN", message: CHANGED });
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
