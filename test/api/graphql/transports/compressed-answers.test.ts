import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type HttpAnswer, httpRequest } from "../../../support/clients/http-request.ts";
import { type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";

const GENERATE = "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { images { url } } }";
const LONG = "{ generations(first: 10) { nodes { id prompt createdAt images { id url placeholder sha256 } } } }";
const SHORT = "{ __typename }";

let gateway: ScriptedGateway;
let imagePath: string;

beforeAll(async () => {
  gateway = await startScriptedGateway();
  for (const prompt of ["a red fox", "一只红狐狸", "a lake"]) {
    const { body } = await gateway.graphql(GENERATE, { input: { prompt, size: "256x256", format: "PNG" } });
    const { pathname, search } = new URL(body.data.generateImages.images[0].url);
    imagePath = pathname + search;
  }
});

afterAll(() => gateway.close());

function ask(query: string, acceptEncoding?: string, path = "/graphql"): Promise<HttpAnswer> {
  return httpRequest(`${gateway.url}${path}`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Accept: path === "/graphql" ? "application/json" : "text/event-stream",
      ...(acceptEncoding !== undefined && { "Accept-Encoding": acceptEncoding }),
    },
    body: JSON.stringify({ query }),
  });
}

describe("a long answer", () => {
  test.each(["gzip, deflate, br, zstd", "gzip", "GZIP;q=0.5", "br;q=0, gzip;q=0.1", "*"])(
    "is compressed for a client that accepts %s",
    async (accepted) => {
      const plain = await ask(LONG);
      const { status, headers, body } = await ask(LONG, accepted);

      expect([status, headers["content-encoding"], headers["content-length"]]).toEqual([200, "gzip", `${body.length}`]);
      expect(headers["content-type"]).toBe(plain.headers["content-type"]);
      expect(headers.vary).toContain("Accept-Encoding");
      const text = gunzipSync(body).toString();
      expect(JSON.parse(text)).toEqual(JSON.parse(plain.body.toString()));
      expect(text).toContain("一只红狐狸");
      expect(body.length).toBeLessThan(plain.body.length / 2);
    },
  );

  test.each([undefined, "", "identity", "deflate, br", "br, gzip;q=0", "*;q=0"])(
    "is not compressed for a client that accepts %s",
    async (accepted) => {
      const { headers, body } = await ask(LONG, accepted);

      expect(headers["content-encoding"]).toBeUndefined();
      expect(headers.vary).toContain("Accept-Encoding");
      expect(JSON.parse(body.toString()).data.generations.nodes).toHaveLength(3);
    },
  );

  test("of an operation that failed is compressed too", async () => {
    const { headers, body } = await ask(
      `{ ${Array.from({ length: 20 }, (_, i) => `nonsense${i}`).join(" ")} }`,
      "gzip",
    );

    expect(headers["content-encoding"]).toBe("gzip");
    expect(JSON.parse(gunzipSync(body).toString()).errors.length).toBeGreaterThan(1);
  });
});

test("a short answer is not compressed", async () => {
  const { headers, body } = await ask(SHORT, "br, gzip");

  expect([headers["content-encoding"], body.toString()]).toEqual([undefined, '{"data":{"__typename":"Query"}}\n']);
});

test("an event stream is never compressed, so that no event waits for the next one", async () => {
  const { headers, body } = await ask(LONG, "br, gzip", "/graphql/stream");

  expect(headers["content-encoding"]).toBeUndefined();
  expect(body.toString()).toContain("event: next");
});

test("an image is never compressed again", async () => {
  const { status, headers } = await httpRequest(gateway.url, {
    path: imagePath,
    headers: { "Accept-Encoding": "br, gzip" },
  });

  expect([status, headers["content-encoding"]]).toEqual([200, undefined]);
});
