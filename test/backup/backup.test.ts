import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { appendFile, chmod, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import { readSqliteRecords } from "../../src/adapters/sql/sqlite/sqlite-copy.ts";
import { gatewayProcesses } from "../support/processes/gateway-processes.ts";
import { MAIN, runCommand } from "../support/processes/run-command.ts";
import { fillStore, writeObject } from "../support/stores/filled-store.ts";
import { storedFile, storedKeys } from "../support/stores/stored-files.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";

const newDirectory = temporaryDirectories();
const start = gatewayProcesses();

interface MadeImage {
  readonly url: string;
  readonly sha256: string;
}

interface Answer {
  readonly generateImages: { readonly id: string; readonly images: readonly MadeImage[] };
}

/** A data directory, a backup directory and a directory to restore into. The last two do not exist yet. */
async function newPlaces() {
  const root = await newDirectory();
  return { dataDir: join(root, "data"), backup: join(root, "backup"), restored: join(root, "restored") };
}

const backUp = (dataDir: string, backup: string, ...flags: string[]) =>
  runCommand(["backup", backup, "--json", ...flags], { env: { PICTOGRAPH_DATA_DIR: dataDir } });
const restore = (backup: string, dataDir: string, env = {}) =>
  runCommand(["restore", backup, "--json"], { env: { PICTOGRAPH_DATA_DIR: dataDir, ...env } });
const manifestOf = async (backup: string) => JSON.parse(await readFile(join(backup, "manifest.json"), "utf8"));

/** The bytes of every file below a directory, by path. */
async function filesBelow(directory: string): Promise<Map<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const bytes = await Promise.all(files.map((path) => readFile(path, "hex")));
  return new Map(files.map((path, index) => [path.slice(directory.length), bytes[index] ?? ""]));
}

/** The number of complete images in a data directory or a backup. */
async function imageCount(directory: string): Promise<number> {
  const keys = await storedKeys(directory).catch(() => []);
  return keys.filter((key) => key.startsWith("gen_")).length;
}

describe("a backup", () => {
  test("of a gateway under load is restored with every image, whatever is made and deleted meanwhile", async () => {
    const { dataDir, backup, restored } = await newPlaces();
    const gateway = await start({ PICTOGRAPH_DATA_DIR: dataDir });
    const send = async (query: string, variables: object = {}) => {
      const response = await fetch(`${gateway.url}/graphql`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ query, variables }),
      });
      return ((await response.json()) as { data: Answer }).data;
    };
    const make = () =>
      send(
        'mutation { generateImages(input: { prompt: "a fox", n: 2, size: "64x64", format: WEBP }) { id images { url } } }',
      );
    for (let index = 0; index < 10; index++) await make();
    await make();

    const isOver = new AbortController();
    const load = (async () => {
      while (!isOver.signal.aborted) {
        const { generateImages } = await make();
        const other = await make();
        await send("mutation ($id: ID!) { deleteGeneration(id: $id) }", generateImages);
        expect(other.generateImages.images).toHaveLength(2);
      }
    })();
    const results = [await backUp(dataDir, backup), await backUp(dataDir, backup)];
    isOver.abort();
    await load;
    await gateway.stop();

    for (const { code, stderr } of results) expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(results[1]?.stdout ?? "").present).toBeGreaterThanOrEqual(22);
    expect(await restore(backup, restored)).toMatchObject({ code: 0 });

    const records = readSqliteRecords(join(restored, "pictograph.db"));
    const images = await records.inventory.imagesAfter("", 100_000);
    expect(images.length).toBeGreaterThanOrEqual(22);
    for (const { key, originalKey, sha256 } of images) {
      const bytes = await readFile(storedFile(restored, key));
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(sha256);
      await stat(storedFile(restored, originalKey));
    }
    await records.close();

    const copy = await start({ PICTOGRAPH_DATA_DIR: restored });
    const page = await fetch(`${copy.url}/graphql?query={images(first:100){nodes{sha256 url}}}`, {
      headers: { "Apollo-Require-Preflight": "1" },
    });
    const { nodes } = ((await page.json()) as { data: { images: { nodes: MadeImage[] } } }).data.images;
    expect(nodes).toHaveLength(Math.min(100, images.length));
    for (const { url, sha256 } of nodes) {
      const bytes = Buffer.from(await (await fetch(url)).arrayBuffer());
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(sha256);
    }
  });

  test("can be read only by its user, and checked with sha256sum", async () => {
    const { dataDir, backup } = await newPlaces();
    await fillStore(dataDir, 3);
    await backUp(dataDir, backup);

    const entries = await readdir(backup, { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      const { mode } = await stat(join(entry.parentPath, entry.name));
      expect([entry.name, (mode & 0o777).toString(8)]).toEqual([entry.name, entry.isDirectory() ? "700" : "600"]);
    }
    expect((await stat(backup)).mode & 0o777).toBe(0o700);
    const { sums, fileCount } = await manifestOf(backup);
    expect(fileCount).toBe(4);
    const check = spawn("sha256sum", ["--check", "--strict", sums.path], { cwd: backup, stdio: "ignore" });
    expect((await once(check, "close"))[0]).toBe(0);
  });

  test("copies only missing files, and removes files deleted since the last one", async () => {
    const { dataDir, backup } = await newPlaces();
    const { images } = await fillStore(dataDir, 30);
    expect(JSON.parse((await backUp(dataDir, backup)).stdout)).toMatchObject({ copied: 33, present: 0 });
    const first = await manifestOf(backup);
    const [deleted, damaged, lost] = images.slice(1, 4);
    change(dataDir, `DELETE FROM images WHERE id = '${deleted?.id}'`);
    await appendFile(join(backup, "images", damaged?.key ?? ""), "x");
    await rm(join(backup, "images", lost?.key ?? ""));

    expect(JSON.parse((await backUp(dataDir, backup)).stdout)).toMatchObject({ copied: 2, present: 30 });
    const second = await manifestOf(backup);
    expect(second.id).not.toBe(first.id);
    expect(await readdir(backup)).not.toContain(first.database.path.split("/")[0]);
    expect((await filesBelow(join(backup, "images"))).size).toBe(32);
  });

  test("keeps its good copy if the gateway's image is damaged, and says so", async () => {
    const { dataDir, backup } = await newPlaces();
    const { images } = await fillStore(dataDir, 12);
    await backUp(dataDir, backup);
    const before = await filesBelow(join(backup, "images"));
    const converted = images.filter(({ key, originalKey }) => key !== originalKey);
    for (const { key, originalKey } of converted) {
      await appendFile(storedFile(dataDir, key), "x");
      await appendFile(storedFile(dataDir, originalKey), "x");
    }

    expect(await backUp(dataDir, backup)).toMatchObject({ code: 0 });
    expect(await filesBelow(join(backup, "images"))).toEqual(before);

    const { dataDir: other, backup: fresh } = await newPlaces();
    const [absent, wrong] = (await fillStore(other, 5)).images.slice(1);
    await rm(storedFile(other, absent?.key ?? ""));
    await writeObject(other, wrong?.key ?? "", Buffer.from("other bytes"));
    const { code, stdout, stderr } = await backUp(other, fresh);
    expect(code).toBe(1);
    expect(stderr).toContain("the backup is complete, but the gateway itself lacks 2 files");
    expect(JSON.parse(stdout).missing).toEqual({
      count: 2,
      files: [
        { key: absent?.key, reason: "absent" },
        { key: wrong?.key, reason: "damaged" },
      ],
    });
  });

  test("that is killed continues when it runs again, and until then the earlier one stays complete", async () => {
    const { dataDir, backup, restored } = await newPlaces();
    await fillStore(dataDir, 2_000);
    await killedAt(["backup", backup], dataDir, async () => (await imageCount(backup)) > 100);
    const refused = await restore(backup, restored);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("has no complete backup: run `pictograph backup");
    await expect(stat(restored)).rejects.toThrow("ENOENT");

    expect(await imageCount(backup)).toBeLessThan(2_200);
    const again = JSON.parse((await backUp(dataDir, backup)).stdout);
    expect(again.present).toBeGreaterThan(100);
    expect(again.present + again.copied).toBe(2_200);

    const first = await manifestOf(backup);
    change(dataDir, "UPDATE images SET is_favorite = 1");
    const isBegun = async () => (await readdir(backup)).filter((name) => name.startsWith("20")).length > 1;
    await killedAt(["backup", backup], dataDir, isBegun);
    expect(await manifestOf(backup)).toEqual(first);
    await killedAt(["restore", backup], restored, async () => (await imageCount(restored)) > 100);
    await expect(start({ PICTOGRAPH_DATA_DIR: restored })).rejects.toThrow("is only partly restored");
    const last = JSON.parse((await restore(backup, restored)).stdout);
    expect(last.present).toBeGreaterThan(100);
    expect(last.present + last.copied).toBe(2_200);
    expect(await filesBelow(join(restored, "images"))).toEqual(await filesBelow(join(dataDir, "images")));
    expect(await readdir(restored)).not.toContain("unfinished-restore");
  });

  test("contains the signing secret only on request", async () => {
    const { dataDir, backup, restored } = await newPlaces();
    const gateway = await start({ PICTOGRAPH_DATA_DIR: dataDir });
    await gateway.stop();
    const secret = await readFile(join(dataDir, "signing-secret"), "utf8");

    await backUp(dataDir, backup);
    for (const text of (await filesBelow(backup)).values()) expect(Buffer.from(text, "hex")).not.toContain(secret);
    const bare = await restore(backup, `${restored}-bare`);
    expect(bare.stderr).toContain("the backup has no signing secret: set PICTOGRAPH_SIGNING_SECRET");

    await backUp(dataDir, backup, "--with-signing-secret");
    expect(await restore(backup, restored)).toMatchObject({ code: 0, stderr: "" });
    expect(await readFile(join(restored, "signing-secret"), "utf8")).toBe(secret);
    expect((await stat(join(restored, "signing-secret"))).mode & 0o777).toBe(0o600);
  });

  test.each<[string, (places: { dataDir: string; backup: string }) => Promise<unknown>, object, string]>([
    [
      "there is no gateway",
      async ({ dataDir }) => rm(dataDir, { recursive: true }),
      {},
      "has no gateway whose database can be read",
    ],
    [
      "the directory has other files",
      async ({ backup }) => {
        await mkdir(backup);
        await writeFile(join(backup, "letter.txt"), "Dear");
      },
      {},
      "holds other files (letter.txt): name an empty or a new directory",
    ],
    ["the directory is a file", async ({ backup }) => writeFile(backup, ""), {}, "cannot be written (EEXIST)"],
    [
      "the records are in PostgreSQL",
      async () => {},
      { DATABASE_URL: "postgres://user:secret-word@127.0.0.1:1/pictures" },
      "back them up with pg_dump",
    ],
    [
      "the gateway is newer",
      async ({ dataDir }) =>
        change(dataDir, "INSERT INTO kysely_migration VALUES ('9999-from-tomorrow', '2030-01-01T00:00:00.000Z')"),
      {},
      "is of a newer version of Pictograph: use the `pictograph` of the gateway itself",
    ],
  ])("is refused if %s", async (_when, prepare, env, message) => {
    const places = await newPlaces();
    await fillStore(places.dataDir, 1);
    await prepare(places);
    const { code, stdout, stderr } = await runCommand(["backup", places.backup], {
      env: { PICTOGRAPH_DATA_DIR: places.dataDir, ...env },
    });

    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("secret-word");
    expect(stderr.split("\n")).toHaveLength(2);
  });
});

describe("a restore is refused", () => {
  test.each<[string, (places: { backup: string; restored: string }) => Promise<unknown>, string]>([
    ["over a used directory", async ({ restored }) => fillStore(restored, 1), "is in use (it has"],
    [
      "over images without records",
      async ({ restored }) => writeObject(restored, "other/image", Buffer.from("x")),
      "is in use (it has",
    ],
    [
      "of a newer version",
      async ({ backup }) => {
        const manifest = await manifestOf(backup);
        const migrations = [...manifest.migrations, "9999-from-tomorrow"];
        await writeFile(join(backup, "manifest.json"), JSON.stringify({ ...manifest, version: "9.9.9", migrations }));
      },
      "was made by Pictograph 9.9.9, whose database this version cannot read",
    ],
    [
      "of a newer layout",
      async ({ backup }) => writeFile(join(backup, "manifest.json"), '{"format":2}'),
      "was made by a newer version of Pictograph",
    ],
    [
      "of a damaged manifest",
      async ({ backup }) => writeFile(join(backup, "manifest.json"), '{"format":1'),
      "manifest.json is damaged",
    ],
    [
      "of a manifest that names files elsewhere",
      async ({ backup }) => {
        const manifest = await manifestOf(backup);
        manifest.database.path = "../../etc/passwd";
        await writeFile(join(backup, "manifest.json"), JSON.stringify(manifest));
      },
      "manifest.json is damaged",
    ],
    [
      "of a damaged database",
      async ({ backup }) => {
        const path = join(backup, (await manifestOf(backup)).database.path);
        await chmod(path, 0o600);
        await appendFile(path, "x");
      },
      "pictograph.db is damaged: use another backup",
    ],
    ["of no backup", async ({ backup }) => rm(backup, { recursive: true }), "has no complete backup"],
  ])("%s, and changes nothing", async (_what, prepare, message) => {
    const places = await newPlaces();
    const { dataDir, backup, restored } = places;
    await fillStore(dataDir, 2);
    await backUp(dataDir, backup);
    await prepare(places);
    const before = await filesBelow(restored);
    const { code, stdout, stderr } = await restore(backup, restored);

    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(message);
    expect(await filesBelow(restored)).toEqual(before);
    if (before.size === 0) await expect(stat(restored)).rejects.toThrow("ENOENT");
  });

  test("while a gateway uses the directory, and after an interrupted restore of another backup", async () => {
    const { dataDir, backup, restored } = await newPlaces();
    await fillStore(dataDir, 2);
    await backUp(dataDir, backup);
    await mkdir(restored);
    await writeFile(join(restored, "unfinished-restore"), "another-backup");

    expect((await restore(backup, restored)).stderr).toContain("is partly restored from another backup");
    await rm(join(restored, "unfinished-restore"));
    await start({ PICTOGRAPH_DATA_DIR: restored });
    expect((await restore(backup, restored)).stderr).toContain("is in use (it has");
  });
});

test("a restore of a backup with damaged images restores the others and names the damaged ones", async () => {
  const { dataDir, backup, restored } = await newPlaces();
  const { images } = await fillStore(dataDir, 20);
  await backUp(dataDir, backup);
  const [damaged, lost] = images.slice(3);
  await appendFile(join(backup, "images", damaged?.key ?? ""), "x");
  await rm(join(backup, "images", lost?.key ?? ""));
  const { code, stdout, stderr } = await restore(backup, restored);

  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ copied: 20, damagedCount: 2, damaged: [damaged?.key, lost?.key] });
  expect(stderr).toContain("the backup lacks 2 files");
  await start({ PICTOGRAPH_DATA_DIR: restored });
});

function change(dataDir: string, sql: string): void {
  const database = new DatabaseSync(join(dataDir, "pictograph.db"));
  database.exec(`PRAGMA foreign_keys = ON; ${sql}`);
  database.close();
}

/** Runs a command and kills it as soon as the condition holds. */
async function killedAt(
  parameters: readonly string[],
  dataDir: string,
  condition: () => Promise<boolean>,
): Promise<void> {
  const child = spawn(process.execPath, [MAIN, ...parameters], {
    env: { PATH: process.env.PATH ?? "", PICTOGRAPH_DATA_DIR: dataDir },
    stdio: "ignore",
  });
  const exited = once(child, "close");
  while (child.exitCode === null && !(await condition())) await delay(1);
  child.kill("SIGKILL");
  const [, signal] = await exited;
  expect(signal).toBe("SIGKILL");
}
