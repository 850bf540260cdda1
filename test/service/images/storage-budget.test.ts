import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { DiskObjectStore } from "../../../src/adapters/disk/disk-object-store.ts";
import type { SqlRecords } from "../../../src/adapters/sql/sql-records.ts";
import { openSqliteRecords } from "../../../src/adapters/sql/sqlite/sqlite.ts";
import type { StorageBudgetOptions } from "../../../src/service/images/storage-budget.ts";
import { begin, imageOf, orderOf, SIZE, WORKER } from "../../contracts/record-samples.ts";
import { once } from "../../support/gateways/scripted-provider.ts";
import { storageBudget } from "../../support/stores/storage-budget.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";

const ONE = 4096;
const IMAGE = imageOf("gen_1", 0);

const newDirectory = temporaryDirectories();
let records: SqlRecords;
let disk: DiskObjectStore;
/** Bytes that other programs use on the volume. */
let othersBytes: number;
let now: Date;

beforeEach(async () => {
  const directory = await newDirectory();
  records = await openSqliteRecords(join(directory, "pictograph.db"));
  disk = await DiskObjectStore.open(join(directory, "images"));
  await begin(records, orderOf("gen_1"));
  await records.addImage(IMAGE, SIZE, WORKER);
  othersBytes = 0;
  now = new Date();
});

afterEach(() => records.close());

/** The disk store with a volume of this size. */
function volumeOf(totalBytes: number): StorageBudgetOptions["objects"] {
  return {
    space: async () => ({ totalBytes, freeBytes: totalBytes - othersBytes - (await keys()).length * ONE }),
    delete: (key) => disk.delete(key),
  };
}

const keys = async () => (await Array.fromAsync(disk.list(""))).map(({ key }) => key.slice(-1)).sort();

function open(objects: StorageBudgetOptions["objects"], changes: Partial<StorageBudgetOptions> = {}) {
  const budget = storageBudget(records, objects, { now: () => now, ...changes });
  const add = async (name: string) => {
    now = new Date(now.getTime() + 1000);
    return budget.add(IMAGE.id, await disk.put(`gen_1/img_1/${name}`, once(Buffer.alloc(ONE))));
  };
  return { budget, add };
}

describe("the space for derivatives", () => {
  test("is a tenth of a small volume by default", async () => {
    const { add } = open(volumeOf(35 * ONE));
    for (const name of ["a", "b", "c", "d"]) expect(await add(name)).toBe(true);

    expect(await keys()).toEqual(["b", "c", "d"]);
  });

  test("is what the operator sets, and several are then removed at once", async () => {
    const { add } = open(volumeOf(1000 * ONE), { maxDerivativeBytes: 40 * ONE });
    for (let index = 0; index <= 40; index++) await add(`d${index}`);

    expect((await keys()).length).toBe(38);
  });

  test("is recounted when derivatives are removed with their image", async () => {
    const { add } = open(volumeOf(1000 * ONE), { maxDerivativeBytes: 2 * ONE });
    for (const name of ["a", "b"]) await add(name);
    await records.derivatives.remove(["gen_1/img_1/a", "gen_1/img_1/b"]);
    await add("c");

    expect(await keys()).toEqual(["a", "b", "c"]);
  });
});

test("includes the disk blocks that a small file takes", async () => {
  const { budget } = open(volumeOf(1000 * ONE), { maxDerivativeBytes: 2 * ONE });
  for (const name of ["a", "b", "c"]) {
    now = new Date(now.getTime() + 1000);
    await budget.add(IMAGE.id, await disk.put(`gen_1/img_1/${name}`, once(Buffer.alloc(10))));
  }

  expect(await keys()).toEqual(["c"]);
});

describe("a full volume", () => {
  const limits = { maxDerivativeBytes: 100 * ONE, minFreeBytes: 5 * ONE };

  test("first loses derivatives, while generations continue", async () => {
    const { budget, add } = open(volumeOf(20 * ONE), limits);
    for (const name of ["a", "b", "c", "d"]) await add(name);
    othersBytes = 13 * ONE;
    const { budget: another } = open(volumeOf(20 * ONE), limits);
    await another.checkFree();

    expect(await keys()).toEqual(["c", "d"]);
    await budget.makeRoom();
    expect(await keys()).toEqual(["c", "d"]);
  });

  test("stops generations if removing derivatives is not enough, until there is space again", async () => {
    const { add } = open(volumeOf(20 * ONE), limits);
    await add("a");
    othersBytes = 16 * ONE;
    await expect(open(volumeOf(20 * ONE), limits).budget.checkFree()).rejects.toMatchObject({
      code: "OVERLOADED",
      details: { retryAfterSeconds: 60 },
    });
    expect(await keys()).toEqual([]);

    othersBytes = 0;
    await open(volumeOf(20 * ONE), limits).budget.checkFree();
  });

  test("has no effect if the store has unlimited space", async () => {
    const endless = { ...volumeOf(1), space: async () => undefined };
    const { budget, add } = open(endless, { minFreeBytes: 5 * ONE });
    await add("a");
    await budget.checkFree();

    expect(await keys()).toEqual(["a"]);
  });
});

test("a derivative of a deleted image is not counted", async () => {
  const { budget, add } = open(disk);
  await records.remove("gen_1");

  expect(await add("a")).toBe(false);
  await budget.close();
});
