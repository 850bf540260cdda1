import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { DerivativeRecords, StoredDerivative } from "../../src/ports/derivative-records.ts";
import type { Records } from "../../src/ports/records.ts";
import { begin, imageOf, orderOf, SIZE, WORKER } from "./record-samples.ts";

/** An adapter on its own empty storage. */
export interface OpenedDerivativeRecords {
  readonly derivatives: DerivativeRecords;
  /** The images of the derivatives, in the same storage. */
  readonly records: Records;
  close(): Promise<void>;
}

const NOON = new Date("2026-11-30T12:00:00Z");

/** What every {@link DerivativeRecords} promises. */
export function derivativeRecordsContract(name: string, open: () => Promise<OpenedDerivativeRecords>): void {
  describe(`${name} as records of derivatives`, () => {
    let opened: OpenedDerivativeRecords;
    let derivatives: DerivativeRecords;
    let imageIds: readonly string[];

    beforeEach(async () => {
      opened = await open();
      ({ derivatives } = opened);
      await begin(opened.records, orderOf("gen_1"));
      const images = [imageOf("gen_1", 0), imageOf("gen_1", 1)];
      for (const image of images) await opened.records.addImage(image, SIZE, WORKER);
      imageIds = images.map(({ id }) => id);
    });

    afterEach(() => opened.close());

    function derivativeOf(place: number, key: string, changes: Partial<StoredDerivative> = {}): StoredDerivative {
      return { key, imageId: imageIds[place] ?? "img_0", byteSize: 1000, usedAt: NOON, ...changes };
    }

    const later = (minutes: number) => new Date(NOON.getTime() + minutes * 60_000);
    const keysOf = (found: readonly StoredDerivative[]) => found.map(({ key }) => key);

    test("answers an empty list when there are no derivatives", async () => {
      expect(await derivatives.totalBytes()).toBe(0);
      expect(await derivatives.leastRecentlyUsed(10)).toEqual([]);
      expect(await derivatives.beyond("img_0", 0)).toEqual([]);
    });

    test("keeps one derivative for each key, with its latest size and time", async () => {
      expect(await derivatives.add(derivativeOf(0, "a", { byteSize: 4_000_000_000 }))).toBe(true);
      expect(await derivatives.add(derivativeOf(1, "b"))).toBe(true);
      expect(await derivatives.add(derivativeOf(1, "b", { byteSize: 500, usedAt: later(1) }))).toBe(true);

      expect(await derivatives.totalBytes()).toBe(4_000_000_500);
      expect(await derivatives.leastRecentlyUsed(10)).toEqual([
        derivativeOf(0, "a", { byteSize: 4_000_000_000 }),
        derivativeOf(1, "b", { byteSize: 500, usedAt: later(1) }),
      ]);
    });

    test("keeps no derivative of an image that does not exist or was removed", async () => {
      expect(await derivatives.add(derivativeOf(2, "a"))).toBe(false);
      await derivatives.add(derivativeOf(0, "b"));
      await opened.records.remove("gen_1");

      expect(await derivatives.totalBytes()).toBe(0);
      expect(await derivatives.add(derivativeOf(0, "b"))).toBe(false);
      await derivatives.addFound([derivativeOf(0, "b"), derivativeOf(1, "c")]);
      expect(await derivatives.leastRecentlyUsed(10)).toEqual([]);
    });

    test("adds found files only if it does not have them yet", async () => {
      await derivatives.add(derivativeOf(0, "a"));
      await derivatives.addFound([
        derivativeOf(0, "a", { byteSize: 1, usedAt: later(1) }),
        derivativeOf(0, "b", { byteSize: 2, usedAt: later(2) }),
        derivativeOf(2, "c"),
      ]);

      expect(await derivatives.leastRecentlyUsed(10)).toEqual([
        derivativeOf(0, "a"),
        derivativeOf(0, "b", { byteSize: 2, usedAt: later(2) }),
      ]);
    });

    test("lists the least recently used derivatives first, up to the limit", async () => {
      for (const [minutes, key] of ["a", "b", "c", "d"].entries()) {
        await derivatives.add(derivativeOf(0, key, { usedAt: later(minutes) }));
      }
      await derivatives.markUsed(["a", "unknown"], later(10));

      expect(keysOf(await derivatives.leastRecentlyUsed(2))).toEqual(["b", "c"]);
      expect(keysOf(await derivatives.leastRecentlyUsed(10))).toEqual(["b", "c", "d", "a"]);
      expect(await derivatives.totalBytes()).toBe(4000);
    });

    test("lists the derivatives of one image beyond a number, least recently used first", async () => {
      for (const [minutes, key] of ["a", "b", "c"].entries()) {
        await derivatives.add(derivativeOf(0, key, { usedAt: later(minutes) }));
        await derivatives.add(derivativeOf(1, `other ${key}`, { usedAt: later(minutes) }));
      }
      await derivatives.markUsed(["a"], later(10));

      expect(keysOf(await derivatives.beyond(imageIds[0] ?? "", 1))).toEqual(["c", "b"]);
      expect(await derivatives.beyond(imageIds[0] ?? "", 3)).toEqual([]);
    });

    test("forgets derivatives that were removed", async () => {
      for (const key of ["a", "b", "c"]) await derivatives.add(derivativeOf(0, key));
      await derivatives.remove(["a", "c", "unknown"]);

      expect(keysOf(await derivatives.leastRecentlyUsed(10))).toEqual(["b"]);
    });

    test("keeps one derivative if many callers add the same one at the same time", async () => {
      await Promise.all(Array.from({ length: 20 }, (_, index) => derivatives.add(derivativeOf(0, `${index % 2}`))));

      expect(await derivatives.totalBytes()).toBe(2000);
    });
  });
}
