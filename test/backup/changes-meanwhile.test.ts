import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "@jest/globals";
import { openSqliteRecords } from "../../src/adapters/sql/sqlite/sqlite.ts";
import { makeBackup } from "../../src/backup/make-backup.ts";
import { restoreBackup } from "../../src/backup/restore.ts";
import { type Config, readConfig } from "../../src/config.ts";
import { accept, FINISHED_AT, find, INTERRUPTED, orderOf, sourceOf } from "../contracts/record-samples.ts";
import { fillStore, writeObject } from "../support/stores/filled-store.ts";
import { storedFile } from "../support/stores/stored-files.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";

const EDITS = ["gen_01m8nxra40fef8he2ka537b1pf", "gen_01m8nxra40fef8he2ka537b1pg"] as const;
const newDirectory = temporaryDirectories();

test("a backup is complete even if images are deleted or added between the copies of database and images", async () => {
  const root = await newDirectory();
  const configOf = (name: string): Config => readConfig({ PICTOGRAPH_DATA_DIR: join(root, name) });
  const dataDir = join(root, "data");
  const { images } = await fillStore(dataDir, 20);
  await queueEdits(dataDir);
  const [image, generation, lost] = images
    .slice(1, 4)
    .map((each) => ({ ...each, path: storedFile(dataDir, each.key) }));
  const signal = new AbortController().signal;
  let isChanged = false;
  const { manifest } = await makeBackup({
    config: configOf("data"),
    directory: join(root, "backup"),
    version: "1.0.0",
    hasSecret: false,
    signal,
    // Called first when the database has been copied, before the first image is.
    onProgress() {
      if (isChanged) return;
      isChanged = true;
      const live = new DatabaseSync(join(dataDir, "pictograph.db"));
      live.exec(`PRAGMA foreign_keys = ON;
        DELETE FROM images WHERE id = '${image?.id}';
        DELETE FROM generations WHERE id = '${generation?.generationId}';
        UPDATE generations SET status = 'SUCCEEDED' WHERE id = '${EDITS[0]}';`);
      live.close();
      for (const each of [image, generation, lost]) rmSync(each?.path ?? "");
      rmSync(storedFile(dataDir, sourceKeyOf(EDITS[0])));
    },
  });

  expect(manifest).toMatchObject({
    deletedMeanwhile: 2,
    begunMeanwhile: 1,
    missing: { count: 1, files: [{ key: lost?.key, reason: "absent" }] },
  });
  await restoreBackup({ config: configOf("restored"), directory: join(root, "backup"), signal, onProgress() {} });
  const records = await openSqliteRecords(join(root, "restored/pictograph.db"));
  const restored = await records.inventory.imagesAfter("", 100);
  expect(restored.map(({ id }) => id)).toEqual(
    images.map(({ id }) => id).filter((id) => id !== image?.id && id !== generation?.id),
  );
  expect(await find(records, generation?.generationId ?? "")).toBeUndefined();
  expect(await find(records, image?.generationId ?? "")).toMatchObject({ status: "SUCCEEDED" });
  expect(await records.interruptExpired(INTERRUPTED, FINISHED_AT)).toEqual([EDITS[0]]);
  expect(await find(records, EDITS[1])).toMatchObject({ status: "QUEUED" });
  await stat(storedFile(join(root, "restored"), sourceKeyOf(EDITS[1])));
  await records.close();
});

const sourceKeyOf = (id: string) => `${id}/sources/0`;

/** Queues two edits, each with a source image. */
async function queueEdits(dataDir: string): Promise<void> {
  const records = await openSqliteRecords(join(dataDir, "pictograph.db"));
  for (const id of EDITS) {
    const bytes = Buffer.from(id);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const source = { ...sourceOf(0), key: sourceKeyOf(id), byteSize: bytes.byteLength, sha256 };
    await accept(records, { ...orderOf(id), edit: { images: [source] } });
    await writeObject(dataDir, source.key, bytes);
  }
  await records.close();
}
