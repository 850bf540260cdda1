import { buffer } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { S3ObjectStore, type S3Options } from "../../../src/adapters/s3/s3-object-store.ts";
import { StartError } from "../../../src/errors.ts";
import type { ObjectHeaders } from "../../../src/ports/object-store.ts";
import { chunks, objectStoreContract } from "../../contracts/object-store.ts";
import { type FaultyProxy, startFaultyProxy } from "../../support/network/faulty-proxy.ts";
import { seededRandom } from "../../support/random.ts";
import {
  S3_CREDENTIALS,
  S3_FLAVOURS,
  type S3Flavour,
  type S3Server,
  startS3Server,
} from "../../support/stores/s3-server.ts";

const KEY = "gen_1/img_1/original";
const HEADERS: ObjectHeaders = {
  contentType: "image/png",
  contentDisposition: "inline",
  cacheControl: "private, max-age=600",
};

for (const flavour of Object.keys(S3_FLAVOURS) as S3Flavour[]) {
  let server: S3Server;

  beforeAll(async () => {
    server = await startS3Server(flavour);
  });

  afterAll(() => server.stop());

  objectStoreContract(flavour, async () => {
    const bucket = await server.newBucket();
    const open = () => S3ObjectStore.open({ bucket, endpoint: server.endpoint, credentials: S3_CREDENTIALS });
    const store = await open();
    return {
      store,
      reopen: open,
      footprint: () => server.footprint(bucket),
      takeAway: () => server.removeBucket(bucket),
      close: () => store.close(),
    };
  });
}

let server: S3Server;
let proxy: FaultyProxy;

beforeAll(async () => {
  server = await startS3Server("@20minutes/s3rver");
  proxy = await startFaultyProxy(server.endpoint);
});

afterAll(async () => {
  await proxy.close();
  await server.stop();
});

afterEach(() => {
  proxy.fault = () => undefined;
  jest.useRealTimers();
});

/** A store on an empty bucket behind the proxy. */
async function newStore(options: Partial<S3Options> = {}) {
  const bucket = await server.newBucket();
  const all = { bucket, endpoint: proxy.endpoint, credentials: S3_CREDENTIALS, ...options };
  return { bucket, store: await S3ObjectStore.open(all), options: all };
}

describe("a bucket", () => {
  test("gets large objects in parts, only a few of which are in memory", async () => {
    const { store, bucket } = await newStore();
    const random = seededRandom(11);
    const bytes = random.bytes(20 * 1024 * 1024 + 5);
    const before = proxy.receivedBytes;
    let mostOutstanding = 0;
    const source = async function* () {
      for (let start = 0; start < bytes.length; ) {
        const length = random.pick([1, 4097, 65_537, 700_001, 1_000_003]);
        const chunk = bytes.subarray(start, start + length);
        start += chunk.length;
        mostOutstanding = Math.max(mostOutstanding, start - (proxy.receivedBytes - before));
        yield chunk;
      }
    };

    expect(await store.put(KEY, source())).toMatchObject({ byteSize: bytes.length });

    expect(mostOutstanding).toBeLessThan(12 * 1024 * 1024);
    const object = await store.open(KEY);
    expect(object && (await buffer(object.read())).equals(bytes)).toBe(true);
    expect(await server.footprint(bucket)).toHaveLength(1);
    expect(proxy.operations).toEqual(expect.arrayContaining(["POST uploads", "PUT part 5", "POST uploadId"]));
    expect(proxy.operations).not.toContain("PUT part 6");
  });

  test("gets an object of 5 MiB in one request", async () => {
    const { store } = await newStore();
    const from = proxy.requests.length;
    await store.put(KEY, chunks(Buffer.alloc(3 * 1024 * 1024), Buffer.alloc(2 * 1024 * 1024)));

    expect(proxy.operations.slice(from)).toEqual(["PUT", "HEAD"]);
  });

  test("is read only as fast as its bytes are consumed", async () => {
    const { store } = await newStore();
    await store.put(KEY, chunks(Buffer.alloc(32 * 1024 * 1024)));
    const object = await store.open(KEY);
    const before = proxy.answeredBytes;
    for await (const chunk of object?.read() ?? []) {
      expect(chunk.length).toBeLessThan(1024 * 1024);
      // The socket buffers between them hold some data too.
      expect(proxy.answeredBytes - before).toBeLessThan(16 * 1024 * 1024);
      break;
    }
  });

  test("lists several pages, and only keys that the gateway may have written", async () => {
    const { store, bucket } = await newStore();
    const keys = Array.from({ length: 1203 }, (_, i) => `gen_${i % 7}/img_${i}/original`);
    await server.plant(bucket, [...keys, ".hidden/file", "gen_1/a file"]);
    const from = proxy.requests.length;
    const found = await Array.fromAsync(store.list(""), ({ key }) => key);

    expect(found.sort()).toEqual([...keys].sort());
    expect(proxy.operations.slice(from)).toEqual(["GET list", "GET list"]);
  });

  test("is cleared at the start of old unfinished uploads", async () => {
    const { store, bucket, options } = await newStore();
    let lost = 0;
    proxy.fault = ({ operation }) =>
      operation === "POST uploads" && lost++ === 0 ? { kind: "lose-answer" } : undefined;
    await store.put(KEY, chunks(Buffer.alloc(6 * 1024 * 1024)));
    expect((await server.footprint(bucket)).length).toBeGreaterThan(1);

    await server.ageUploads(bucket, 23 * 60 * 60_000);
    await S3ObjectStore.open(options);
    expect((await server.footprint(bucket)).length).toBeGreaterThan(1);

    await server.ageUploads(bucket, 25 * 60 * 60_000);
    await S3ObjectStore.open(options);
    expect(await server.footprint(bucket)).toEqual([expect.stringContaining(KEY)]);
  });
});

describe("a temporary URL", () => {
  test("gives anyone the object, with the headers in it", async () => {
    const url = await newUrl(60);
    const response = await fetch(url);

    expect(response.status).toBe(200);
    expect(await response.text()).toBe("a picture");
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": HEADERS.contentType,
      "content-disposition": HEADERS.contentDisposition,
      "cache-control": HEADERS.cacheControl,
    });
  });

  test.each<[string, (url: string) => string]>([
    ["another object", (url) => url.replace("/original?", "/delivered?")],
    ["another type", (url) => url.replace("image%2Fpng", "text%2Fhtml")],
    ["a longer life", (url) => url.replace("X-Amz-Expires=60", "X-Amz-Expires=6000")],
    [
      "another signature",
      (url) =>
        url.replace(/X-Amz-Signature=./, (start) =>
          start.endsWith("0") ? start.slice(0, -1).concat("1") : start.slice(0, -1).concat("0"),
        ),
    ],
  ])("gives nothing else if it is changed: %s", async (_what, change) => {
    const url = await newUrl(60);
    const changed = change(url);

    expect(changed).not.toBe(url);
    expect((await fetch(changed)).status).toBe(403);
    expect((await fetch(url)).status).toBe(200);
  });

  test("expires", async () => {
    jest.useFakeTimers({
      now: Date.now() - 61_000,
      doNotFake: [
        "nextTick",
        "setImmediate",
        "setTimeout",
        "clearTimeout",
        "setInterval",
        "clearInterval",
        "performance",
        "queueMicrotask",
      ],
    });
    const [over, stillGood] = [await newUrl(60), await newUrl(600)];
    jest.useRealTimers();

    expect((await fetch(over)).status).toBe(403);
    expect((await fetch(stillGood)).status).toBe(200);
  });

  async function newUrl(seconds: number): Promise<string> {
    const { store } = await newStore();
    await store.put(KEY, chunks(Buffer.from("a picture")));
    await store.put("gen_1/img_1/delivered", chunks(Buffer.from("another picture")));
    const object = await store.open(KEY);
    return (await object?.temporaryUrl?.(HEADERS, seconds)) ?? "";
  }
});

describe("a gateway does not start", () => {
  const secretAccessKey = "a-secret-nobody-may-see";

  test.each<[string, Partial<S3Options>, RegExp]>([
    ["without the bucket", { bucket: "no-such-bucket" }, /no-such-bucket .*does not exist.*\(NoSuchBucket\)/],
    [
      "with an unknown access key",
      { credentials: { accessKeyId: "AKIA-UNKNOWN", secretAccessKey } },
      /refuses the credentials \(InvalidAccessKeyId\)/,
    ],
    [
      "with a wrong secret",
      { credentials: { ...S3_CREDENTIALS, secretAccessKey } },
      /refuses the credentials \(SignatureDoesNotMatch\)/,
    ],
    ["where nobody listens", { endpoint: "http://127.0.0.1:1" }, /http:\/\/127\.0\.0\.1:1 does not answer as S3 does/],
  ])("%s", async (_case, wrong, message) => {
    const options = {
      bucket: await server.newBucket(),
      endpoint: proxy.endpoint,
      credentials: S3_CREDENTIALS,
      ...wrong,
    } as const;
    const refusal: unknown = await S3ObjectStore.open(options).catch((error) => error);

    expect(refusal).toBeInstanceOf(StartError);
    const { message: text, cause } = refusal as StartError;
    expect(text).toMatch(message);
    expect(text).toContain(`S3_BUCKET ${options.bucket} `);
    expect(text).toContain(options.endpoint);
    expect(text).not.toContain(secretAccessKey);
    expect(text).not.toContain(options.credentials?.accessKeyId ?? "");
    expect(cause).toBeUndefined();
  });

  test.each([
    [301, "PermanentRedirect", /is in another region; set AWS_REGION/],
    [403, "AccessDenied", /refuses the credentials \(AccessDenied\)/],
    [501, "NotImplemented", /does not answer as S3 does \(NotImplemented\)/],
  ])("if S3 answers %i", async (status, code, message) => {
    proxy.fault = () => ({ kind: "answer", status, code });
    const from = proxy.requests.length;

    await expect(newStore()).rejects.toThrow(message);
    expect(proxy.requests.length - from).toBe(1);
  });
});
