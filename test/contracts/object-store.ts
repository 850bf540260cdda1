import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { ByteRange, ObjectStore, OpenObject } from "../../src/ports/object-store.ts";
import { seededRandom } from "../support/random.ts";

/** An adapter on its own empty storage. */
export interface OpenedObjectStore {
  readonly store: ObjectStore;
  /** The adapter as the next process opens it, on the same storage. */
  reopen(): Promise<ObjectStore>;
  /** Everything that takes space there: objects, and also half-written ones. Empty directories do not count. */
  footprint(): Promise<readonly string[]>;
  /** Removes the storage and everything in it, as an outage. */
  takeAway(): Promise<void>;
  /** Removes the storage. */
  close(): Promise<void>;
}

const MISSING = "gen_0/img_0/original";
const KEY = "gen_1/img_1/original";

/** What every {@link ObjectStore} promises. */
export function objectStoreContract(name: string, open: () => Promise<OpenedObjectStore>): void {
  describe(`${name} as an object store`, () => {
    let opened: OpenedObjectStore;
    let store: ObjectStore;

    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });

    afterEach(() => opened.close());

    describe("put", () => {
      test("stores bytes under a key and returns their size", async () => {
        const before = Date.now();
        const stored = await store.put(KEY, chunks(Buffer.from("a picture")));

        expect({ ...stored }).toEqual({ key: KEY, byteSize: 9, modifiedAt: stored.modifiedAt });
        // Another machine's clock may be a little off, or coarse.
        expect(Math.abs(stored.modifiedAt.getTime() - before)).toBeLessThan(60_000);
        expect(await textAt(store, KEY)).toBe("a picture");
      });

      test("stores an empty source as an object of 0 bytes", async () => {
        expect(await store.put(KEY, chunks())).toMatchObject({ key: KEY, byteSize: 0 });

        const object = await store.open(KEY);
        expect(object).toMatchObject({ key: KEY, byteSize: 0 });
        expect(await bytesAt(store, KEY)).toEqual(Buffer.alloc(0));
      });

      test("stores megabytes that arrive in odd chunks, empty ones among them", async () => {
        const random = seededRandom(7);
        const bytes = random.bytes(7 * 1024 * 1024 + 13);
        const pieces: Uint8Array[] = [];
        for (let start = 0; start < bytes.length; ) {
          const length = random.pick([0, 1, 2, 3, 4095, 4097, 65_537, 1_000_003]);
          pieces.push(new Uint8Array(bytes.subarray(start, start + length)));
          start += length;
        }

        expect(await store.put(KEY, chunks(...pieces))).toMatchObject({ byteSize: bytes.length });

        expect(sha256(await bytesAt(store, KEY))).toBe(sha256(bytes));
      });

      test("stores only the bytes of a view, not the memory behind it", async () => {
        const memory = Buffer.from("do not store this, store me, and not this");
        await store.put(KEY, chunks(memory.subarray(19, 27)));

        expect(await textAt(store, KEY)).toBe("store me");
      });

      test("replaces an earlier object under the key", async () => {
        await store.put(KEY, chunks(Buffer.from("a long first version")));
        expect(await store.put(KEY, chunks(Buffer.from("second")))).toMatchObject({ byteSize: 6 });

        expect(await textAt(store, KEY)).toBe("second");
        expect(await collect(store.list(""))).toHaveLength(1);
      });

      test("has nothing under the key until the last byte is written", async () => {
        const seen: unknown[] = [];
        await store.put(
          KEY,
          (async function* () {
            yield Buffer.alloc(300_000, 1);
            seen.push(await store.open(KEY), await collect(store.list("")));
            yield Buffer.alloc(300_000, 2);
            seen.push(await store.open(KEY), await collect(store.list("")));
          })(),
        );

        expect(seen).toEqual([undefined, [], undefined, []]);
        expect(await store.open(KEY)).toMatchObject({ byteSize: 600_000 });
      });

      test("returns the earlier object while another one is written over it", async () => {
        await store.put(KEY, chunks(Buffer.from("former")));
        const seen: string[] = [];
        await store.put(
          KEY,
          (async function* () {
            yield Buffer.from("la");
            seen.push(await textAt(store, KEY));
            yield Buffer.from("ter");
            seen.push(await textAt(store, KEY));
          })(),
        );

        expect(seen).toEqual(["former", "former"]);
        expect(await textAt(store, KEY)).toBe("later");
      });

      test("is finished with a chunk when it asks for the next one", async () => {
        const piece = Buffer.alloc(300_000);
        await store.put(
          KEY,
          (async function* () {
            for (const value of [1, 2, 3, 4]) yield piece.fill(value);
            piece.fill(0);
          })(),
        );

        const stored = await bytesAt(store, KEY);
        expect([0, 300_000, 600_000, 1_199_999].map((at) => stored[at])).toEqual([1, 2, 3, 4]);
      });

      test("never lets a reader mix two versions", async () => {
        const size = 1_500_000;
        await store.put(KEY, chunks(Buffer.alloc(size, 0)));
        const reading = (await openAt(store, KEY)).read()[Symbol.asyncIterator]();
        const parts = [(await reading.next()).value as Uint8Array];

        await store.put(KEY, chunks(Buffer.alloc(size, 1)));
        for (let next = await reading.next(); !next.done; next = await reading.next()) parts.push(next.value);

        expect(Buffer.concat(parts).equals(Buffer.alloc(size, 0))).toBe(true);
        expect((await bytesAt(store, KEY)).equals(Buffer.alloc(size, 1))).toBe(true);
      });

      test("keeps versions whole under concurrent writers and readers", async () => {
        const size = 400_000;
        await store.put(KEY, chunks(Buffer.alloc(size, 0)));
        const isWhole = async () => {
          const bytes = await bytesAt(store, KEY);
          return bytes.length === size && bytes.equals(Buffer.alloc(size, bytes[0]));
        };
        const writing = Array.from({ length: 8 }, (_, i) =>
          store.put(KEY, chunks(Buffer.alloc(size / 2, i), Buffer.alloc(size / 2, i))),
        );
        const reading = Array.from({ length: 16 }, isWhole);

        expect(await Promise.all(reading)).toEqual(reading.map(() => true));
        expect(await Promise.all(writing)).toHaveLength(8);
        expect(await isWhole()).toBe(true);
        expect(await opened.footprint()).toHaveLength(1);
      });

      test("accepts many keys at the same time", async () => {
        const keys = Array.from({ length: 40 }, (_, i) => `gen_${i % 4}/img_${i}/original`);
        await Promise.all(keys.map((key) => store.put(key, chunks(Buffer.from(key)))));

        expect(await Promise.all(keys.map((key) => textAt(store, key)))).toEqual(keys);
      });

      test.each([
        ["before its first byte", 0],
        ["in the middle", 1],
        ["after megabytes", 40],
      ])("leaves nothing behind if its source throws %s", async (_when, pieces) => {
        const failure = new Error("the source broke");
        const putting = store.put(KEY, failingAfter(pieces, failure));

        await expect(putting).rejects.toBe(failure);
        expect(await store.open(KEY)).toBeUndefined();
        expect(await collect(store.list(""))).toEqual([]);
        expect(await opened.footprint()).toEqual([]);
      });

      test("keeps the earlier object if the source of the new one throws", async () => {
        await store.put(KEY, chunks(Buffer.from("former")));
        const failure = new Error("the source broke");

        await expect(store.put(KEY, failingAfter(2, failure))).rejects.toBe(failure);
        expect(await textAt(store, KEY)).toBe("former");
        expect(await opened.footprint()).toHaveLength(1);
      });
    });

    describe("open", () => {
      test("returns undefined for a key without an object", async () => {
        await store.put(KEY, chunks(Buffer.from("x")));

        expect(await store.open(MISSING)).toBeUndefined();
        expect(await store.open("gen_1")).toBeUndefined();
        expect(await store.open("gen_1/img_1")).toBeUndefined();
        expect(await store.open(`${KEY}/deeper`)).toBeUndefined();
        expect(await store.open(KEY.slice(0, -1))).toBeUndefined();
        expect(await store.open(KEY.toUpperCase())).toBeUndefined();
      });

      describe.each([
        ["that it has just stored", async () => store],
        ["that an earlier process stored", () => opened.reopen()],
      ])("an object %s", (_when, reader) => {
        test("reads any range, including both ends", async () => {
          const bytes = seededRandom(3).bytes(700_001);
          await store.put(KEY, chunks(bytes));
          const object = await openAt(await reader(), KEY);
          const ranges: readonly ByteRange[] = [
            { start: 0, end: 0 },
            { start: 0, end: 700_000 },
            { start: 700_000, end: 700_000 },
            { start: 1, end: 2 },
            { start: 262_143, end: 262_144 },
            { start: 100_000, end: 650_000 },
          ];
          for (const range of ranges) {
            const part = await buffer(object.read(range));
            expect(part.equals(bytes.subarray(range.start, range.end + 1))).toBe(true);
          }
        });

        test("reads into the memory it is given, one chunk at a time", async () => {
          const bytes = seededRandom(8).bytes(700_001);
          await store.put(KEY, chunks(bytes));
          const object = await openAt(await reader(), KEY);
          for (const [scratch, range] of [
            [Buffer.alloc(100_000), undefined],
            [Buffer.alloc(700_001), undefined],
            [Buffer.alloc(1_000_000), undefined],
            [Buffer.alloc(65_536), { start: 65_000, end: 650_001 }],
          ] as const) {
            const copies: Buffer[] = [];
            for await (const chunk of object.read(range, scratch)) copies.push(Buffer.from(chunk));
            const { start, end } = range ?? { start: 0, end: bytes.length - 1 };
            expect(Buffer.concat(copies).equals(bytes.subarray(start, end + 1))).toBe(true);
          }
        });

        test("serves several readers of one object at the same time", async () => {
          const bytes = seededRandom(4).bytes(600_000);
          await store.put(KEY, chunks(bytes));
          const from = await reader();
          const read = await Promise.all(Array.from({ length: 10 }, () => bytesAt(from, KEY)));

          expect(read.every((copy) => copy.equals(bytes))).toBe(true);
        });

        test("lets a reader stop in the middle", async () => {
          const bytes = seededRandom(5).bytes(3_000_000);
          await store.put(KEY, chunks(bytes));
          const object = await openAt(await reader(), KEY);
          for await (const chunk of object.read()) {
            expect(bytes.subarray(0, chunk.length).equals(chunk)).toBe(true);
            break;
          }

          expect((await bytesAt(store, KEY)).equals(bytes)).toBe(true);
        });
      });
    });

    describe("list", () => {
      const keys = ["a/1", "a/10", "a/2/deep/er", "ab/1", "b", "gen_1/img_1/original", "gen_1/img_1/64x-cover.webp"];

      beforeEach(async () => {
        for (const key of keys) await store.put(key, chunks(Buffer.from(key)));
      });

      test.each(["", "a", "a/", "a/1", "a/2/", "a/2/de", "ab/1", "b", "gen_1/img_1/", "c", "a/10/"])(
        "finds every object whose key begins with %j",
        async (prefix) => {
          const found = await collect(store.list(prefix));

          expect(found.map((object) => object.key).sort()).toEqual(keys.filter((key) => key.startsWith(prefix)).sort());
          for (const object of found) {
            const { key, modifiedAt } = object;
            expect({ ...object }).toEqual({ key, byteSize: key.length, modifiedAt });
            expect(modifiedAt.getTime()).toBeGreaterThan(0);
          }
        },
      );

      test.each(["../", "../../", "a/../", "a/../../", "/", "./", "\\", "..\\", "a/\0"])(
        "finds nothing outside the store with %j",
        async (prefix) => {
          expect(await collect(store.list(prefix)).catch(() => [])).toEqual([]);
        },
      );

      test("continues while the objects it lists are deleted", async () => {
        const found: string[] = [];
        for await (const { key } of store.list("")) {
          found.push(key);
          await store.delete(key);
        }

        expect(found.sort()).toEqual([...keys].sort());
        expect(await opened.footprint()).toEqual([]);
      });

      test("can be stopped in the middle", async () => {
        for await (const object of store.list("")) {
          expect(keys).toContain(object.key);
          break;
        }

        expect(await collect(store.list(""))).toHaveLength(keys.length);
      });
    });

    describe("delete", () => {
      test("removes only that object", async () => {
        await store.put("gen_1/img_1/original", chunks(Buffer.from("1")));
        await store.put("gen_1/img_1/delivered", chunks(Buffer.from("2")));
        await store.put("gen_1/img_10/original", chunks(Buffer.from("3")));

        await store.delete("gen_1/img_1/original");

        expect(await store.open("gen_1/img_1/original")).toBeUndefined();
        const left = await collect(store.list(""));
        expect(left.map((object) => object.key).sort()).toEqual(["gen_1/img_1/delivered", "gen_1/img_10/original"]);
        expect(await opened.footprint()).toHaveLength(2);
      });

      test("does not fail if the object does not exist or was deleted", async () => {
        await store.delete(MISSING);
        await store.put(KEY, chunks(Buffer.from("x")));
        await Promise.all([store.delete(KEY), store.delete(KEY)]);
        await store.delete(KEY);

        expect(await opened.footprint()).toEqual([]);
      });

      test("lets the same key be used again", async () => {
        await store.put(KEY, chunks(Buffer.from("first")));
        await store.delete(KEY);
        await store.put(KEY, chunks(Buffer.from("again")));

        expect(await textAt(store, KEY)).toBe("again");
      });

      test("does not disturb writers of other objects", async () => {
        let isWriting = true;
        const deleting = (async () => {
          while (isWriting) await store.delete("gen_1/img_1/absent");
        })();
        try {
          for (let round = 0; round < 60; round++) {
            await store.put(KEY, chunks(Buffer.from("x")));
            expect(await textAt(store, KEY)).toBe("x");
            await store.delete(KEY);
          }
        } finally {
          isWriting = false;
          await deleting;
        }
      });
    });

    describe("keys", () => {
      const unsafe = [
        "",
        "/",
        ".",
        "..",
        "../outside",
        "a/../../outside",
        "a/..",
        "a/./b",
        "/etc/passwd",
        "a//b",
        "a/",
        "/a",
        "a\\b",
        "..\\outside",
        "a\0b",
        "a\0",
        "a\n",
        "a b",
        "ä",
        "a%2fb",
        "C:",
      ];

      test.each(unsafe)("refuses %j in put, open and delete", async (key) => {
        await expect((async () => store.put(key, chunks(Buffer.from("x"))))()).rejects.toThrow();
        await expect((async () => store.open(key))()).rejects.toThrow();
        await expect((async () => store.delete(key))()).rejects.toThrow();
        expect(await opened.footprint()).toEqual([]);
      });

      test("accepts every character that the port allows", async () => {
        const key = "Gen_09-x.Y/512x256-cover-q80.webp";
        await store.put(key, chunks(Buffer.from("x")));

        expect(await textAt(store, key)).toBe("x");
        expect((await collect(store.list("Gen_"))).map((object) => object.key)).toEqual([key]);
      });
    });

    test("reports the free space on its volume, if it has one", async () => {
      const space = await store.space();
      if (!space) return;

      expect(space.freeBytes).toBeGreaterThan(0);
      expect(space.totalBytes).toBeGreaterThanOrEqual(space.freeBytes);
    });

    test("answers a ping while its storage exists, and fails otherwise", async () => {
      await expect(store.ping()).resolves.toBeUndefined();

      await opened.takeAway();
      await expect(store.ping()).rejects.toThrow();
    });

    test("keeps everything for the next process", async () => {
      const bytes = seededRandom(6).bytes(300_000);
      const stored = await store.put(KEY, chunks(bytes));
      await store.put("gen_1/img_1/gone", chunks(bytes));
      await store.delete("gen_1/img_1/gone");

      const later = await opened.reopen();

      expect((await bytesAt(later, KEY)).equals(bytes)).toBe(true);
      const [object, ...others] = await collect(later.list(""));
      expect(object).toEqual(stored);
      expect(others).toEqual([]);
    });
  });
}

export async function* chunks(...parts: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* parts;
}

async function* failingAfter(pieces: number, failure: Error): AsyncIterable<Uint8Array> {
  for (let piece = 0; piece < pieces; piece++) yield Buffer.alloc(200_000, piece);
  throw failure;
}

async function openAt(store: ObjectStore, key: string): Promise<OpenObject> {
  const object = await store.open(key);
  if (!object) throw new Error(`there is no object ${key}`);
  return object;
}

async function bytesAt(store: ObjectStore, key: string): Promise<Buffer> {
  return buffer((await openAt(store, key)).read());
}

async function textAt(store: ObjectStore, key: string): Promise<string> {
  return (await bytesAt(store, key)).toString();
}

async function collect<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  return Array.fromAsync(values);
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
