import { buffer } from "node:stream/consumers";
import { inspect } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { S3Failure } from "../../../src/adapters/s3/s3-errors.ts";
import { S3ObjectStore, type S3Options } from "../../../src/adapters/s3/s3-object-store.ts";
import type { OpenObject } from "../../../src/ports/object-store.ts";
import { chunks } from "../../contracts/object-store.ts";
import { type Fault, type FaultyProxy, startFaultyProxy } from "../../support/network/faulty-proxy.ts";
import { seededRandom } from "../../support/random.ts";
import { S3_CREDENTIALS, type S3Server, startS3Server } from "../../support/stores/s3-server.ts";

const KEY = "gen_1/img_1/original";
const MEBIBYTE = 1024 * 1024;
/** Short, so that no test waits for it; if it expires too early, that costs only a retry. */
const HANG_MS = 500;
const small = seededRandom(21).bytes(300_000);
const large = seededRandom(22).bytes(6 * MEBIBYTE);

let server: S3Server;
let proxy: FaultyProxy;
let bucket: string;
let store: S3ObjectStore;
/** The index of the first request in the present test. */
let from: number;

beforeAll(async () => {
  server = await startS3Server("@20minutes/s3rver");
  proxy = await startFaultyProxy(server.endpoint);
});

afterAll(async () => {
  await proxy.close();
  await server.stop();
});

beforeEach(async () => {
  bucket = await server.newBucket();
  store = await openStore();
  from = proxy.requests.length;
});

afterEach(async () => {
  proxy.fault = () => undefined;
  await store.close();
});

function openStore(options: Partial<S3Options> = {}): Promise<S3ObjectStore> {
  return S3ObjectStore.open({
    bucket,
    endpoint: proxy.endpoint,
    credentials: S3_CREDENTIALS,
    ...options,
  });
}

/** Causes these faults in order, in the requests for this operation. */
function failOn(operation: string, ...faults: readonly Fault[]): void {
  const left = [...faults];
  proxy.fault = (request) => (request.operation === operation ? left.shift() : undefined);
}

function operations(name: string): number {
  return proxy.operations.slice(from).filter((operation) => operation === name).length;
}

async function isStored(bytes: Buffer): Promise<boolean> {
  return (await buffer((await openObject()).read())).equals(bytes);
}

async function openObject(): Promise<OpenObject> {
  const object = await store.open(KEY);
  if (!object) throw new Error("there is no such object");
  return object;
}

describe("an image is stored even if", () => {
  const passing: readonly Fault[] = [
    { kind: "answer", status: 500, code: "InternalError" },
    { kind: "answer", status: 503, code: "SlowDown" },
    { kind: "answer", status: 429, code: "TooManyRequests" },
    { kind: "answer", status: 400, code: "RequestTimeout" },
    { kind: "answer", status: 409, code: "OperationAborted" },
    { kind: "reset", afterBytes: 100_000 },
    { kind: "lose-answer" },
  ];

  test.each(passing)("its upload meets %j", async (fault) => {
    failOn("PUT", fault, fault);

    expect(await store.put(KEY, chunks(small))).toMatchObject({ byteSize: small.length });
    expect(operations("PUT")).toBe(3);
    expect(await isStored(small)).toBe(true);
    expect(await server.footprint(bucket)).toHaveLength(1);
  });

  test.each(passing)("the upload of a part meets %j", async (fault) => {
    failOn("PUT part 2", fault);

    expect(await store.put(KEY, chunks(large))).toMatchObject({ byteSize: large.length });
    expect(operations("PUT part 2")).toBe(2);
    expect(await isStored(large)).toBe(true);
    expect(await server.footprint(bucket)).toHaveLength(1);
  });

  test.each<[string, Fault]>([
    ["POST uploads", { kind: "answer", status: 503, code: "SlowDown" }],
    ["POST uploadId", { kind: "answer", status: 500, code: "InternalError" }],
    ["HEAD", { kind: "answer", status: 500, code: "InternalError" }],
  ])("%s of a multipart upload meets %j", async (operation, fault) => {
    failOn(operation, fault);

    await store.put(KEY, chunks(large));
    expect(operations(operation)).toBe(2);
    expect(await isStored(large)).toBe(true);
    expect(await server.footprint(bucket)).toHaveLength(1);
  });

  test.each(["PUT part 1", "PUT part 2", "POST uploads", "HEAD"])(
    "%s of an upload in parts is never answered",
    async (operation) => {
      store = await openStore({ idleTimeoutMs: HANG_MS });
      failOn(operation, { kind: "hang" });

      await store.put(KEY, chunks(large));
      expect(operations(operation)).toBeGreaterThan(1);
      expect(await isStored(large)).toBe(true);
    },
  );

  test("S3 completes the upload and the answer is lost", async () => {
    failOn("POST uploadId", { kind: "lose-answer" });

    expect(await store.put(KEY, chunks(large))).toMatchObject({ byteSize: large.length });
    // The retry is told that the upload does not exist.
    expect(operations("POST uploadId")).toBe(2);
    expect(await isStored(large)).toBe(true);
  });

  test("S3 is down when the upload begins", async () => {
    await server.takeAway();
    const putting = store.put(KEY, chunks(small));
    await proxy.next("PUT", 4);
    await server.bringBack();

    expect(await putting).toMatchObject({ byteSize: small.length });
    expect(await isStored(small)).toBe(true);
  });

  test("S3 goes down between two parts", async () => {
    const firstPart = proxy.next("PUT part 1");
    const putting = store.put(
      KEY,
      (async function* () {
        yield large.subarray(0, 5.5 * MEBIBYTE);
        await (await firstPart).over;
        await server.takeAway();
        yield large.subarray(5.5 * MEBIBYTE);
      })(),
    );
    await proxy.next("PUT part 2", 4);
    await server.bringBack();

    expect(await putting).toMatchObject({ byteSize: large.length });
    expect(await isStored(large)).toBe(true);
    expect(await server.footprint(bucket)).toHaveLength(1);
  });

  test("S3 is down and a hundred uploads wait", async () => {
    await server.takeAway();
    const keys = Array.from({ length: 100 }, (_, i) => `gen_1/img_${i}/original`);
    const putting = Promise.all(keys.map((key) => store.put(key, chunks(Buffer.from(key)))));
    await proxy.next("PUT", 300);
    await server.bringBack();

    await putting;
    expect(await server.footprint(bucket)).toHaveLength(100);
  });
});

describe("a refusal by S3", () => {
  test.each([
    [400, "InvalidRequest"],
    [403, "AccessDenied"],
    [403, "SignatureDoesNotMatch"],
    [404, "NoSuchBucket"],
    [501, "NotImplemented"],
  ])("with %i %s is final, and its error contains no secret", async (status, code) => {
    failOn("PUT", { kind: "answer", status, code });
    const failure: S3Failure = await store.put(KEY, chunks(small)).then(unexpected, (error) => error);

    expect(failure).toMatchObject({ code, status, message: `S3 could not store an object: ${code} (HTTP ${status})` });
    expect(operations("PUT")).toBe(1);
    const everything = inspect(failure, { depth: 10, showHidden: true });
    for (const secret of [S3_CREDENTIALS.accessKeyId, "AWS4-HMAC", KEY, bucket])
      expect(everything).not.toContain(secret);
    expect(failure.cause).toBeUndefined();
    expect(await server.footprint(bucket)).toEqual([]);
  });

  test.each(["PUT part 1", "PUT part 2", "POST uploadId"])("of %s leaves no part", async (operation) => {
    failOn(operation, { kind: "answer", status: 403, code: "AccessDenied" });

    await expect(store.put(KEY, chunks(large))).rejects.toMatchObject({ code: "AccessDenied" });
    expect(operations("DELETE uploadId")).toBe(1);
    expect(await server.footprint(bucket)).toEqual([]);
  });

  test("closes the source before its end", async () => {
    let isClosed = false;
    failOn("PUT part 1", { kind: "answer", status: 403, code: "AccessDenied" });
    const source = async function* () {
      try {
        for (;;) yield Buffer.alloc(MEBIBYTE);
      } finally {
        isClosed = true;
      }
    };

    await expect(store.put(KEY, source())).rejects.toMatchObject({ code: "AccessDenied" });
    expect(isClosed).toBe(true);
    expect(await server.footprint(bucket)).toEqual([]);
  });

  test.each<[string, () => Promise<unknown>]>([
    ["HEAD", () => store.open(KEY)],
    ["DELETE", () => store.delete(KEY)],
    ["GET list", () => Array.fromAsync(store.list(""))],
    ["HEAD", () => store.ping()],
  ])("of %s is passed on", async (operation, ask) => {
    failOn(operation, { kind: "answer", status: 403, code: "AccessDenied" });

    await expect(ask()).rejects.toMatchObject({ status: 403 });
    expect(operations(operation)).toBe(1);
  });
});

describe("a source that throws", () => {
  const failure = new Error("the source broke");

  test.each<[string, Fault | undefined]>([
    ["leaves no part behind", undefined],
    [
      "is what went wrong, even when S3 refuses to forget the parts",
      { kind: "answer", status: 403, code: "AccessDenied" },
    ],
  ])("%s", async (_what, fault) => {
    if (fault) failOn("DELETE uploadId", fault);
    const firstPart = proxy.next("PUT part 1");
    const source = async function* () {
      yield large;
      await (await firstPart).over;
      throw failure;
    };

    await expect(store.put(KEY, source())).rejects.toBe(failure);
    expect(operations("DELETE uploadId")).toBe(1);
    expect(await store.open(KEY)).toBeUndefined();
    if (!fault) expect(await server.footprint(bucket)).toEqual([]);
  });
});

describe("the repetition of S3 requests", () => {
  test("ends after a time, leaves nothing, and the error says why", async () => {
    store = await openStore({ patienceMs: 0 });
    failOn("PUT part 2", { kind: "answer", status: 503, code: "SlowDown" });

    await expect(store.put(KEY, chunks(large))).rejects.toMatchObject({
      code: "OVERLOADED",
      cause: { code: "SlowDown", status: 503 },
    });
    expect(operations("PUT part 2")).toBe(1);
    expect(await server.footprint(bucket)).toEqual([]);
  });

  test("does not apply to a ping", async () => {
    await server.takeAway();
    await expect(store.ping()).rejects.toMatchObject({
      code: "OVERLOADED",
      cause: { message: expect.stringMatching(/^S3 could not answer: /) },
    });
    await server.bringBack();

    await expect(store.ping()).resolves.toBeUndefined();
  });
});

describe("a reader of an S3 object", () => {
  beforeEach(() => store.put(KEY, chunks(small)));

  test("gets the rest if connections break", async () => {
    const kind = "cut-answer";
    failOn("GET", { kind, afterBytes: 100_000 }, { kind, afterBytes: 50_000 }, { kind, afterBytes: 0 });

    expect(await isStored(small)).toBe(true);
    const ranges = proxy.requests.slice(from).filter(({ operation }) => operation === "GET");
    expect(ranges.map(({ headers }) => headers.range)).toEqual([
      undefined,
      "bytes=100000-299999",
      "bytes=150000-299999",
      "bytes=150000-299999",
    ]);
  });

  test("gets the rest if a connection goes silent", async () => {
    store = await openStore({ idleTimeoutMs: HANG_MS });
    failOn("GET", { kind: "stall-answer", afterBytes: 100_000 });

    expect(await isStored(small)).toBe(true);
    expect(operations("GET")).toBeGreaterThan(1);
  });

  test("gets the rest of a range", async () => {
    failOn("GET", { kind: "cut-answer", afterBytes: 10 });
    const object = await openObject();
    const part = await buffer(object.read({ start: 1000, end: 1999 }));

    expect(part.equals(small.subarray(1000, 2000))).toBe(true);
  });

  test("gets no mixture if the object changes in between", async () => {
    failOn("GET", { kind: "cut-answer", afterBytes: 100_000 });
    const object = await openObject();
    const reading = async () => {
      for await (const _ of object.read()) await store.put(KEY, chunks(Buffer.alloc(small.length)));
    };

    await expect(reading()).rejects.toThrow("an object changed while it was read");
  });

  test("gets an error if an object always breaks at the same byte", async () => {
    proxy.fault = ({ operation }) => (operation === "GET" ? { kind: "cut-answer", afterBytes: 0 } : undefined);

    await expect(isStored(small)).rejects.toMatchObject({ code: "OVERLOADED", cause: { code: "ECONNRESET" } });
    expect(operations("GET")).toBe(6);
  });

  test("gets an error if the object is gone", async () => {
    const object = await openObject();
    await store.delete(KEY);

    await expect(buffer(object.read())).rejects.toMatchObject({ code: "NoSuchKey", status: 404 });
  });

  test("frees the connection when it leaves, even if nothing arrives", async () => {
    failOn("GET", { kind: "stall-answer", afterBytes: 100 });
    const requested = proxy.next("GET");
    const object = await openObject();
    const reading = object.read()[Symbol.asyncIterator]();
    await reading.next();
    const waiting = reading.next();
    const refused = expect(waiting).rejects.toThrow();
    await reading.return?.();

    await (await requested).over;
    await refused;
  });
});

function unexpected(): never {
  throw new Error("this should have failed");
}
