import { appendFile, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { gatewayProcesses } from "../support/processes/gateway-processes.ts";
import { runCommand } from "../support/processes/run-command.ts";
import { type FilledStore, fillStore, writeObject } from "../support/stores/filled-store.ts";
import { startPostgresServer } from "../support/stores/postgres.ts";
import { S3_CREDENTIALS, startS3Server } from "../support/stores/s3-server.ts";
import { storedFile } from "../support/stores/stored-files.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";

const DAY_MS = 86_400_000;
const UNNAMED = "gen_01m8nxra40fef8he2ka537b1pf/img_01m8nxra40ehe8hcadqm815pr7/original";
const YOUNG = "gen_01m8nxra40fef8he2ka537b1pf/img_01m8nxra40ehe8hcadqm815pr8/original";
const NOTHING = { absent: 0, damaged: 0, unnamed: 0, foreign: 0, derivative: 0, mendedCount: 0 };

const newDirectory = temporaryDirectories();
const start = gatewayProcesses();

let dataDir: string;
let filled: FilledStore;
beforeEach(async () => {
  dataDir = join(await newDirectory(), "data");
  filled = await fillStore(dataDir, 150);
});

const pathOf = (key = "") => storedFile(dataDir, key);
const verify = (...parameters: string[]) =>
  runCommand(["verify", ...parameters], { env: { PICTOGRAPH_DATA_DIR: dataDir } });
const parse = (lines: readonly string[]) => {
  const values = lines.map((line) => JSON.parse(line));
  return {
    findings: values.slice(0, -1).map(({ kind, key, isMended }) => [kind, key, isMended]),
    summary: values.at(-1),
  };
};

/** Makes a file without a record. */
async function plant(key: string, ageDays: number): Promise<void> {
  await writeObject(dataDir, key, Buffer.from(key));
  const at = new Date(Date.now() - ageDays * DAY_MS);
  await utimes(pathOf(key), at, at);
}

/** Runs SQL on the database while no gateway uses it. */
function change(sql: string): void {
  const database = new DatabaseSync(join(dataDir, "pictograph.db"));
  database.exec(sql);
  database.close();
}

describe("an embedded store", () => {
  test("in order has no findings, whether or not a gateway runs", async () => {
    for (const parameters of [[], ["--quick"], ["--mend"]]) {
      const { code, lines, stderr } = await verify(...parameters);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(parse(lines)).toEqual({ findings: [], summary: { fileCount: 165, ...NOTHING } });
    }
    await start({ PICTOGRAPH_DATA_DIR: dataDir });
    expect(await verify()).toMatchObject({ code: 0, stderr: "" });
  });

  test("is compared in both directions, and mended where that loses nothing", async () => {
    const [absent, damaged] = filled.images.slice(1, 3);
    await rm(pathOf(absent?.key));
    const bytes = await readFile(pathOf(damaged?.key));
    await writeFile(
      pathOf(damaged?.key),
      bytes.map((byte) => byte ^ 1),
    );
    await plant(UNNAMED, 2);
    await plant(YOUNG, 0);
    await plant("letters/letter.txt", 2);
    const derivative = `${damaged?.generationId}/${damaged?.id}/64x64.webp`;
    change(`UPDATE kysely_migration SET timestamp = '2020-01-01T00:00:00.000Z';
      INSERT INTO derivatives VALUES ('${derivative}', '${damaged?.id}', 4096, 1)`);
    const expected = [
      ["absent", absent?.key, false],
      ["damaged", damaged?.key, false],
      ["derivative", derivative, false],
      ["foreign", "letters/letter.txt", false],
      ["unnamed", UNNAMED, false],
    ];

    const first = await verify();
    expect(first.code).toBe(1);
    expect(first.stderr).toBe("✗ 4 findings not mended; --mend mends what can be mended without loss\n");
    expect(parse(first.lines).findings.sort()).toEqual(expected);
    const quick = parse((await verify("--quick")).lines);
    expect(quick.findings.sort()).toEqual(expected.filter(([kind]) => kind !== "damaged"));

    const mended = parse((await verify("--mend")).lines);
    expect(mended.summary).toEqual({
      fileCount: 165,
      absent: 1,
      damaged: 1,
      unnamed: 1,
      foreign: 1,
      derivative: 1,
      mendedCount: 2,
    });
    const after = parse((await verify()).lines);
    expect(after.findings.sort()).toEqual([expected[0], expected[1], expected[3]]);
    await expect(stat(pathOf(UNNAMED))).rejects.toThrow("ENOENT");
    await stat(pathOf(YOUNG));
  });

  test("keeps files that are older than its records, which may have been lost", async () => {
    await plant(UNNAMED, 2);
    const { code, lines } = await verify("--mend");

    expect(code).toBe(1);
    expect(parse(lines).findings).toEqual([["unnamed", UNNAMED, false]]);
    await stat(pathOf(UNNAMED));
  });

  test("is not mended while a gateway runs, and not read if it does not exist", async () => {
    await start({ PICTOGRAPH_DATA_DIR: dataDir });
    const running = await verify("--mend");
    expect({ code: running.code, stdout: running.stdout }).toEqual({ code: 1, stdout: "" });
    expect(running.stderr).toContain("is locked by another process");

    const nowhere = await runCommand(["verify"], { env: { PICTOGRAPH_DATA_DIR: join(dataDir, "nothing") } });
    expect(nowhere.stderr).toContain("has no gateway whose database can be read");
    await expect(stat(join(dataDir, "nothing"))).rejects.toThrow("ENOENT");
  });
});

test("PostgreSQL and a bucket are compared and mended while a gateway runs", async () => {
  const backup = join(await newDirectory(), "backup");
  await runCommand(["backup", backup], { env: { PICTOGRAPH_DATA_DIR: dataDir } });
  const postgres = await startPostgresServer();
  const s3 = await startS3Server("s3rver");
  try {
    const bucket = await s3.newBucket();
    const url = await postgres.createDatabase();
    const env = {
      DATABASE_URL: url,
      S3_BUCKET: bucket,
      S3_ENDPOINT: s3.endpoint,
      AWS_ACCESS_KEY_ID: S3_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: S3_CREDENTIALS.secretAccessKey,
      PICTOGRAPH_SIGNING_SECRET: "a-signing-secret-of-the-test",
    };
    const empty = await runCommand(["verify"], { env });
    expect(empty.code).toBe(1);
    expect(empty.stderr).not.toContain("password");
    expect(await runCommand(["restore", backup], { env })).toMatchObject({ code: 0 });
    await start(env);
    expect(await runCommand(["verify"], { env })).toMatchObject({ code: 0, stderr: "" });

    const [image] = filled.images.slice(1);
    await postgres.query(url, "UPDATE pictograph.kysely_migration SET timestamp = '2020-01-01T00:00:00.000Z'");
    await postgres.query(url, "UPDATE pictograph.images SET object_key = object_key || '-lost' WHERE id = $1", [
      image?.id,
    ]);
    await s3.plant(bucket, [UNNAMED]);
    await s3.ageObjects(bucket, 2 * DAY_MS);
    const { code, lines } = await runCommand(["verify", "--mend", "--json"], { env });
    expect(code).toBe(1);
    expect(parse(lines).findings.sort()).toEqual([
      ["absent", `${image?.key}-lost`, false],
      ["unnamed", UNNAMED, true],
    ]);
    expect((await s3.footprint(bucket)).filter((path) => path.includes(UNNAMED))).toEqual([]);
  } finally {
    await s3.stop();
    await postgres.stop();
  }
});

describe("a backup", () => {
  let backup: string;
  beforeEach(async () => {
    backup = join(await newDirectory(), "backup");
    await runCommand(["backup", backup], { env: { PICTOGRAPH_DATA_DIR: dataDir } });
  });

  test("in order has no findings", async () => {
    const { code, lines, stderr } = await verify(backup, "--json");

    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(parse(lines)).toEqual({ findings: [], summary: { fileCount: 165, ...NOTHING } });
  });

  test("names its damaged and lost files", async () => {
    const [damaged, lost] = filled.images.slice(1);
    await appendFile(join(backup, "images", damaged?.key ?? ""), "x");
    await rm(join(backup, "images", lost?.key ?? ""));
    const { code, lines } = await verify(backup);

    expect(code).toBe(1);
    expect(parse(lines).findings).toEqual([
      ["damaged", damaged?.key, false],
      ["absent", lost?.key, false],
    ]);
  });

  test("with a damaged database is refused; so are --mend and --quick", async () => {
    expect(await verify(backup, "--mend")).toMatchObject({ code: 2, stdout: "" });
    const { database } = JSON.parse(await readFile(join(backup, "manifest.json"), "utf8"));
    await appendFile(join(backup, database.path), "x");

    const { code, stderr } = await verify(backup);
    expect(code).toBe(1);
    expect(stderr).toContain("pictograph.db is damaged: use another backup");
  });
});
