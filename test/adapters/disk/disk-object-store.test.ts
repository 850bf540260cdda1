import { closeSync, openSync } from "node:fs";
import { chmod, mkdir, opendir, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { DiskObjectStore } from "../../../src/adapters/disk/disk-object-store.ts";
import { BY_KEY, BY_TIME } from "../../../src/adapters/disk/file-layouts.ts";
import { chunks, objectStoreContract } from "../../contracts/object-store.ts";
import { seededRandom } from "../../support/random.ts";
import { idAt } from "../../support/stores/ids.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";

const newDirectory = temporaryDirectories();

for (const [name, layout] of [
  ["a directory", BY_TIME],
  ["a directory whose files are named by their keys", BY_KEY],
] as const) {
  objectStoreContract(name, async () => {
    const root = join(await newDirectory(), "images");
    // Files beside the directory do not belong to the store.
    await writeFile(join(root, "../outside"), "not an object");
    return {
      store: await DiskObjectStore.open(root, layout),
      reopen: () => DiskObjectStore.open(root, layout),
      footprint: () => filesBelow(root),
      takeAway: () => rm(root, { recursive: true }),
      close: async () => {},
    };
  });
}

describe("a directory of images", () => {
  test("can be read only by its user, with everything in it", async () => {
    const root = join(await newDirectory(), "deep/images");
    const store = await DiskObjectStore.open(root);
    await store.put("gen_1/img_1/original", chunks(Buffer.from("x")));

    const modes = await Promise.all(
      ["..", ".", ".tmp", "gen_1~", "gen_1~/gen_1~img_1~original"].map(async (path) => [
        path,
        ((await stat(join(root, path))).mode & 0o777).toString(8),
      ]),
    );
    expect(Object.fromEntries(modes)).toEqual({
      "..": "700",
      ".": "700",
      ".tmp": "700",
      "gen_1~": "700",
      "gen_1~/gen_1~img_1~original": "600",
    });
  });

  test("is cleared of the unfinished files of a crash when it is opened", async () => {
    const root = await newDirectory();
    const store = await DiskObjectStore.open(root);
    await store.put("gen_1/img_1/original", chunks(Buffer.from("whole")));
    await mkdir(join(root, ".tmp/deep"), { recursive: true });
    await writeFile(join(root, ".tmp/0b7ff5a2"), "half");
    await writeFile(join(root, ".tmp/deep/er"), "half");

    await DiskObjectStore.open(root);

    expect(await filesBelow(root)).toEqual(["gen_1~/gen_1~img_1~original"]);
    expect(await readdir(join(root, ".tmp"))).toEqual([]);
  });

  test("writes under a temporary name that is not listed as an object", async () => {
    const root = await newDirectory();
    const store = await DiskObjectStore.open(root);
    let during: readonly string[] = [];
    await store.put(
      "gen_1/img_1/original",
      (async function* () {
        yield Buffer.from("half");
        during = await filesBelow(root);
        yield Buffer.from("whole");
      })(),
    );

    expect(during).toEqual([expect.stringMatching(/^\.tmp\/[^/]+$/)]);
    expect(await filesBelow(root)).toEqual(["gen_1~/gen_1~img_1~original"]);
  });

  test("keeps no empty directory of deleted objects", async () => {
    const root = await newDirectory();
    const store = await DiskObjectStore.open(root);
    await store.put("gen_1/img_1/original", chunks(Buffer.from("x")));
    await store.put("gen_1/img_2/original", chunks(Buffer.from("x")));

    await store.delete("gen_1/img_1/original");
    expect(await readdir(join(root, "gen_1~"))).toEqual(["gen_1~img_2~original"]);
    await store.delete("gen_1/img_2/original");
    expect(await readdir(root)).toEqual([".tmp"]);
  });

  test("keeps what was made within half a minute in one directory, and what was made later in another", async () => {
    const root = await newDirectory();
    const store = await DiskObjectStore.open(root);
    const random = seededRandom(1);
    const at = (ms: number) => `${idAt("gen", new Date(ms), random)}/img_1/original`;
    const windowMs = 2 ** 15;
    const start = Math.ceil(Date.now() / windowMs) * windowMs;
    const keys = [at(start), at(start + windowMs - 1), at(start + windowMs)];
    for (const key of keys) await store.put(key, chunks(Buffer.from(key)));

    const directories = (await readdir(root)).filter((name) => name !== ".tmp").sort();
    const counts = await Promise.all(directories.map(async (name) => (await readdir(join(root, name))).length));
    expect(counts).toEqual([2, 1]);
  });

  test("reads, lists and deletes the files of earlier versions, whose paths are their keys", async () => {
    const root = await newDirectory();
    const store = await DiskObjectStore.open(root);
    const [earlier, later, other] = [
      "gen_01m8nxra40fef8he2ka537b1pf/img_01m8nxra40fef8he2ka537b1pf/original",
      "gen_01m8nxra40fef8he2ka537b1pf/img_01m8nxra40fef8he2ka537b1pf/640x-cover.webp",
      "gen_01m8nxra40fef8he2ka537b1pg/img_01m8nxra40fef8he2ka537b1pg/original",
    ];
    await mkdir(dirname(join(root, earlier)), { recursive: true });
    await writeFile(join(root, earlier), "earlier");
    for (const key of [later, other]) await store.put(key, chunks(Buffer.from("later")));

    const object = await store.open(earlier);
    expect(object).toMatchObject({ key: earlier, byteSize: 7 });
    expect(String(Buffer.concat(await Array.fromAsync(object?.read() ?? [])))).toBe("earlier");
    const keysOf = async (prefix: string) => (await Array.fromAsync(store.list(prefix), ({ key }) => key)).sort();
    expect(await keysOf("")).toEqual([later, earlier, other].sort());
    expect(await keysOf("gen_01m8nxra40fef8he2ka537b1pf/")).toEqual([later, earlier].sort());
    expect(await keysOf("gen_01m8nxra40fef8he2ka537b1pf/img_01m8nxra40fef8he2ka537b1pf/o")).toEqual([earlier]);

    await store.delete(earlier);
    expect(await store.open(earlier)).toBeUndefined();
    expect(await keysOf("")).toEqual([later, other].sort());
    for (const key of [later, other]) await store.delete(key);
    expect(await readdir(root)).toEqual([".tmp"]);
  });

  test("leaves no file open after readers and writers that left or failed", async () => {
    const store = await DiskObjectStore.open(await newDirectory());
    await store.put("a", chunks(Buffer.alloc(2_000_000)));
    const object = await store.open("a");
    const before = lowestFreeDescriptor();
    for (let round = 0; round < 50; round++) {
      for await (const _ of object?.read() ?? []) break;
      object?.read();
      await store.put("b", failing()).catch(() => undefined);
    }

    expect(lowestFreeDescriptor()).toBeLessThan(before + 10);
  });

  test("does not read a directory, or a link out of it, as an object", async () => {
    const directory = await newDirectory();
    const root = join(directory, "images");
    const store = await DiskObjectStore.open(root);
    await store.put("a/b", chunks(Buffer.from("x")));
    await writeFile(join(directory, "secret"), "secret");
    await symlink(join(directory), join(root, "out"));

    expect(await store.open("a")).toBeUndefined();
    const keys = await Array.fromAsync(store.list(""), (found) => found.key);
    expect(keys).toEqual(["a/b"]);
  });

  test("passes on the disk's errors", async () => {
    const root = await newDirectory();
    const store = await DiskObjectStore.open(root);
    await writeFile(join(root, "taken~"), "a file where a directory has to be");

    await expect(store.put("taken/a", chunks(Buffer.from("x")))).rejects.toThrow(/EEXIST|ENOTDIR/);
    expect(await filesBelow(root)).toEqual(["taken~"]);
    await chmod(root, 0o700);
  });
});

async function* failing(): AsyncIterable<Uint8Array> {
  yield Buffer.from("x");
  throw new Error("the source broke");
}

/** POSIX assigns the lowest free number, which rises with every file left open. */
function lowestFreeDescriptor(): number {
  const descriptor = openSync("/dev/null", "r");
  closeSync(descriptor);
  return descriptor;
}

async function filesBelow(root: string): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of await opendir(root, { recursive: true })) {
    if (entry.isFile()) files.push(relative(root, join(entry.parentPath, entry.name)));
  }
  return files.sort();
}
