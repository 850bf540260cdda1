import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { S3ObjectStore } from "../../src/adapters/s3/s3-object-store.ts";
import { openSqliteRecords } from "../../src/adapters/sql/sqlite/sqlite.ts";
import type { AuditEntry } from "../../src/ports/projects/projects.ts";
import { WebhookSecrets } from "../../src/service/webhooks/webhook-secrets.ts";
import { generateImages } from "../support/clients/graphql-client.ts";
import { httpRequest } from "../support/clients/http-request.ts";
import { ADMIN, ADMIN_KEY } from "../support/gateways/keyed-gateway.ts";
import { gatewayProcesses } from "../support/processes/gateway-processes.ts";
import { MAIN, runCommand } from "../support/processes/run-command.ts";
import { type FilledStore, fillStore } from "../support/stores/filled-store.ts";
import { type PostgresServer, startPostgresServer } from "../support/stores/postgres.ts";
import { S3_CREDENTIALS, type S3Server, startS3Server } from "../support/stores/s3-server.ts";
import { storedFile } from "../support/stores/stored-files.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";

const SIGNING_SECRET = "a-signing-secret-of-the-test";
/** The number of generations, a multiple of ten. `npm run check:external` sets it to 10,000. */
const GENERATIONS = Number(process.env.PICTOGRAPH_TEST_GENERATIONS ?? 1_000);
const QUEUED = GENERATIONS / 40;
/** The generations are made, backed up, restored to servers in this process, and compared. */
const TIMEOUT_MS = 540_000;
const AT = new Date("2026-11-22T10:00:00.001Z");
/** The tables that are not restored: derivatives are made again; the others belong to a process or a database. */
const LEFT = ["derivatives", "chores", "kysely_migration", "kysely_migration_lock"];

const newDirectory = temporaryDirectories();
const start = gatewayProcesses();

let postgres: PostgresServer;
let s3: S3Server;
let dataDir: string;
let backup: string;
let filled: FilledStore;

beforeAll(async () => {
  const root = await newDirectory();
  dataDir = join(root, "data");
  backup = join(root, "backup");
  postgres = await startPostgresServer();
  s3 = await startS3Server("s3rver");
  filled = await fillStore(dataDir, GENERATIONS, QUEUED);
  await addProjects();
  const { code, stderr } = await runCommand(["backup", backup], { env: { PICTOGRAPH_DATA_DIR: dataDir } });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
}, TIMEOUT_MS);

afterAll(async () => {
  await s3.stop();
  await postgres.stop();
});

const newTarget = async () => ({
  DATABASE_URL: await postgres.createDatabase(),
  S3_BUCKET: await s3.newBucket(),
  S3_ENDPOINT: s3.endpoint,
  AWS_ACCESS_KEY_ID: S3_CREDENTIALS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: S3_CREDENTIALS.secretAccessKey,
  PICTOGRAPH_SIGNING_SECRET: SIGNING_SECRET,
});

test(
  "a restore fills PostgreSQL and a bucket with everything, and continues after it was killed",
  async () => {
    const env = await newTarget();
    const { DATABASE_URL: url, S3_BUCKET: bucket } = env;
    const child = spawn(process.execPath, [MAIN, "restore", backup], {
      env: { PATH: process.env.PATH ?? "", ...env },
      stdio: "ignore",
    });
    const exited = once(child, "close");
    while (child.exitCode === null && (await s3.footprint(bucket)).length < 0.3 * GENERATIONS) await delay(20);
    child.kill("SIGKILL");
    expect((await exited)[1]).toBe("SIGKILL");
    expect(await postgres.query(url, "SELECT to_regnamespace('pictograph') AS name")).toEqual([{ name: null }]);

    const { code, stdout, stderr } = await runCommand(["restore", backup, "--json"], { env, timeoutMs: TIMEOUT_MS });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { copied, present } = JSON.parse(stdout);
    expect(present).toBeGreaterThan(GENERATIONS / 20);
    expect(copied + present).toBe(GENERATIONS + GENERATIONS / 10);

    await expectSameRows(url);
    await expectSameImages(bucket, env.S3_ENDPOINT);
    const jobs = await postgres.query(url, "SELECT key FROM graphile_worker._private_jobs ORDER BY key");
    expect(jobs.map(({ key }) => key)).toEqual(filled.queued.map(({ id }) => id).sort());

    const again = await runCommand(["restore", backup], { env });
    expect(again.stderr).toContain("is not empty");
    await expectServed(env);
  },
  TIMEOUT_MS,
);

test("a restore into a used database or bucket is refused and changes nothing", async () => {
  const used = await newTarget();
  await s3.plant(used.S3_BUCKET, ["a-file-of-others"]);
  const bucketRefused = await runCommand(["restore", backup], { env: used });
  expect(bucketRefused.code).toBe(1);
  expect(bucketRefused.stderr).toContain("is not empty (a-file-of-others)");
  expect(await postgres.query(used.DATABASE_URL, "SELECT to_regnamespace('pictograph') AS name")).toEqual([
    { name: null },
  ]);

  const other = await newTarget();
  const gateway = await start(other);
  await generateImages(gateway.url, {});
  const before = await s3.footprint(other.S3_BUCKET);
  const databaseRefused = await runCommand(["restore", backup], { env: other });
  expect(databaseRefused.code).toBe(1);
  expect(databaseRefused.stderr).toContain("has records already (in pictograph.generations)");
  expect(databaseRefused.stderr).not.toContain("password");
  expect(await s3.footprint(other.S3_BUCKET)).toEqual(before);
});

/**
 * Adds everything besides generations: a project with limits, a key, a webhook with a waiting delivery, and their audit
 * log.
 */
async function addProjects(): Promise<void> {
  const records = await openSqliteRecords(join(dataDir, "pictograph.db"));
  const entryOf = (number: number): AuditEntry => ({
    id: `log_${number}`,
    actor: "anyone",
    action: "createProject",
    changes: ["name"],
    createdAt: AT,
  });
  const limits = {
    budgets: [{ window: "MONTH", limitUsd: "50.5", limitImages: 7 }],
    models: ["illustrator-1"],
  } as const;
  const project = {
    id: "proj_1",
    name: "Läden \u2028 🦊",
    isDisabled: false,
    allowsAnonymous: false,
    limits,
    createdAt: AT,
  };
  const apiKey = {
    id: "key_1",
    projectId: "proj_1",
    name: "shop",
    prefix: "pgk_ab",
    isDisabled: false,
    limits,
    createdAt: AT,
  };
  const token = { hash: "0".repeat(64), prefix: "pgk_ab", createdAt: AT };
  const endpoint = {
    id: "wh_1",
    projectId: "proj_public",
    url: "https://receiver.example/",
    rootUrl: "https://pictures.example",
    secrets: [{ sealed: new WebhookSecrets([SIGNING_SECRET]).seal("whsec_AAAA", "wh_1") }],
    isDisabled: false,
    createdAt: AT,
  };
  await records.projects.create(project, entryOf(1));
  await records.projects.createApiKey(apiKey, token, entryOf(2));
  await records.webhooks.create(endpoint, 10, entryOf(3));
  const [image] = filled.images;
  await records.setFavorite(image?.id ?? "", true);
  await records.cancel(
    filled.queued.at(-1)?.id ?? "",
    { code: "INTERRUPTED", message: "", retryable: true, billed: "NO" },
    AT,
  );
  filled = { ...filled, queued: filled.queued.slice(0, -1) };
  await records.close();
}

/** Compares every row of every table. */
async function expectSameRows(url: string): Promise<void> {
  const sqlite = new DatabaseSync(join(dataDir, "pictograph.db"), { readOnly: true });
  const tables = await postgres.query(
    url,
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'pictograph' ORDER BY 1",
  );
  const compared: string[] = [];
  for (const { name } of tables) {
    if (LEFT.includes(String(name))) continue;
    const found = await postgres.query(url, `SELECT * FROM pictograph.${name}`);
    const columns = found[0] ? Object.keys(found[0]) : ["*"];
    const select = sqlite.prepare(`SELECT ${columns.join(", ")} FROM ${name}`);
    select.setReadBigInts(true);
    expect([name, found.map(toText).sort()]).toEqual([name, select.all().map(toText).sort()]);
    if (found.length > 0) compared.push(String(name));
  }
  sqlite.close();
  expect(compared).toEqual([
    "api_key_tokens",
    "api_keys",
    "audit_log",
    "generations",
    "images",
    "ledger",
    "projects",
    "search_entries",
    "spending_windows",
    "usage_days",
    "webhook_deliveries",
    "webhook_endpoints",
  ]);
}

/** Returns a row as text, equal for both databases. PostgreSQL sorts and quotes the terms of a search. */
function toText(row: Record<string, unknown>): string {
  const cells = Object.entries(row).map(([name, value]) => {
    if (name !== "terms") return [name, value === null ? null : String(value)];
    const terms = String(value).match(/[^' ]+/g) ?? [];
    return [name, [...new Set(terms)].sort().join(" ")];
  });
  return JSON.stringify(cells);
}

async function expectSameImages(bucket: string, endpoint: string): Promise<void> {
  const objects = await S3ObjectStore.open({ bucket, endpoint, credentials: S3_CREDENTIALS });
  const stored = new Set((await Array.fromAsync(objects.list(""))).map(({ key }) => key));
  expect(stored).toEqual(new Set(filled.images.flatMap(({ key, originalKey }) => [key, originalKey])));
  for (const { key, originalKey } of filled.images.filter((_image, index) => index % 10 === 0)) {
    for (const name of new Set([key, originalKey])) {
      const pieces = (await objects.open(name))?.read();
      const bytes = Buffer.concat(pieces ? await Array.fromAsync(pieces) : []);
      expect(bytes.equals(await readFile(storedFile(dataDir, name)))).toBe(true);
    }
  }
  await objects.close();
}

/** Checks that a gateway serves the restored data and runs what waited. */
async function expectServed(env: Readonly<Record<string, string>>): Promise<void> {
  const gateway = await start({ ...env, PICTOGRAPH_IMAGE_DELIVERY: "proxy", PICTOGRAPH_ADMIN_KEY: ADMIN_KEY });
  const ask = async (query: string) => {
    const { body } = await httpRequest(`${gateway.url}/graphql`, {
      method: "POST",
      headers: { ...ADMIN, "Content-Type": "application/json" },
      body: JSON.stringify({ query }),
    });
    return JSON.parse(body.toString()).data;
  };
  const { images, generations } = await ask(
    `{ images(first: 10) { totalCount nodes { url sha256 } }
       generations(filter: { search: "fox ${GENERATIONS - 1}" }) { totalCount } }`,
  );
  expect(images.totalCount).toBe(GENERATIONS);
  expect(generations.totalCount).toBe(1);
  for (const { url, sha256 } of images.nodes) {
    const bytes = Buffer.from(await (await fetch(url)).arrayBuffer());
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(sha256);
  }
  const count = async (status: string) => {
    const query = `{ generations(first: 0, filter: { status: ${status} }) { totalCount } }`;
    return (await ask(query)).generations.totalCount;
  };
  while ((await count("QUEUED")) > 0) await delay(100);
  expect(await count("SUCCEEDED")).toBe(GENERATIONS);
}
