import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { DiskObjectStore } from "../../src/adapters/disk/disk-object-store.ts";
import { copyFile } from "../../src/backup/verified-copy.ts";
import type { ObjectStore } from "../../src/ports/object-store.ts";
import { once } from "../support/gateways/scripted-provider.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";

const newDirectory = temporaryDirectories();
const KEY = "gen_1/img_1/original";

test("a file that is deleted before it can be read counts as absent", async () => {
  const root = await newDirectory();
  const [store, target] = [await DiskObjectStore.open(join(root, "a")), await DiskObjectStore.open(join(root, "b"))];
  await store.put(KEY, once(Buffer.from("an image")));
  const losing: ObjectStore = Object.assign(Object.create(store), {
    open: async (key: string) => {
      const found = await store.open(key);
      await store.delete(key);
      return found;
    },
  });

  expect(await copyFile(losing, target, { key: KEY, sha256: undefined })).toEqual({
    state: "absent",
    sha256: undefined,
  });
  expect(await target.open(KEY)).toBeUndefined();
});
