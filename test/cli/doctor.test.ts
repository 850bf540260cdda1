import { once } from "node:events";
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { makeCertificate } from "../support/c2pa/certificates.ts";
import { startGatewayProcess } from "../support/processes/gateway-process.ts";
import { runCommand } from "../support/processes/run-command.ts";
import { startPostgresServer } from "../support/stores/postgres.ts";
import { S3_CREDENTIALS, startS3Server } from "../support/stores/s3-server.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";
import { startCompatibleServer } from "../support/vendors/compatible-server.ts";
import { type StrictImageApi, startStrictImageApi } from "../support/vendors/strict-image-api.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const newDirectory = temporaryDirectories();

let api: StrictImageApi;
let cwd: string;
beforeAll(async () => {
  api = await startStrictImageApi();
});
beforeEach(async () => {
  cwd = await newDirectory();
});
afterAll(() => api.close());

const findings = (lines: readonly string[]) =>
  Object.fromEntries(lines.map((line) => JSON.parse(line)).map((finding) => [finding.name, finding]));

test("finds no problem on a machine in order", async () => {
  const { code, lines, stderr } = await runCommand(["doctor", "--json"], { cwd });

  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(lines.map((line) => JSON.parse(line)).map(({ name, state }) => [name, state])).toEqual(
    ["configuration", "database", "provider", "images", "disk", "clock", "access", "gateway"].map((name) => [
      name,
      "ok",
    ]),
  );
  expect(await readdir(cwd)).toEqual([]);
});

test("checks what a running gateway uses", async () => {
  await using gateway = await startGatewayProcess();
  const env = { PICTOGRAPH_DATA_DIR: gateway.dataDirectory, PICTOGRAPH_URL: gateway.url };
  const { code, stdout } = await runCommand(["doctor"], { cwd, env });

  expect(code).toBe(0);
  expect(stdout).toMatch(/SQLite at .*pictograph.db is sound/);
  expect(stdout).toContain(`${gateway.url} answers`);
});

test("names each wrong setting", async () => {
  const env = { PORT: "none", PICTOGRAPH_MAX_QUEUE: "0" };
  const { code, stdout, stderr } = await runCommand(["doctor"], { cwd, env });

  expect(code).toBe(1);
  expect(stdout).toMatch(/✗ configuration {2}PORT must be/);
  expect(stdout).toMatch(/✗ configuration {2}PICTOGRAPH_MAX_QUEUE must be/);
  expect(stderr).toBe("✗ 2 problems found\n");
});

test("names each missing key of the models file", async () => {
  const models = join(cwd, "models.json");
  const azure = { kind: "openai", baseUrl: "https://azure.example/openai/v1", keyVariable: "KEY_OF_AZURE" };
  const content = { providers: { azure }, models: { one: { provider: "azure", model: "gpt-image-2" } } };
  await writeFile(models, JSON.stringify(content));
  const { code, stdout } = await runCommand(["doctor"], { cwd, env: { PICTOGRAPH_MODELS_FILE: models } });
  expect(code).toBe(1);
  expect(stdout).toMatch(/✗ configuration {2}KEY_OF_AZURE must be set/);
});

test("calls each server of the models file with its own key", async () => {
  const local = await startCompatibleServer();
  local.models = { body: '{"data":[{"id":"sdxl-turbo"}]}' };
  const nowhere = await startCompatibleServer();
  await nowhere.close();
  const models = join(cwd, "models.json");
  const { baseUrl } = api;
  const content = {
    providers: {
      right: { kind: "openai", baseUrl, keyVariable: "RIGHT_KEY" },
      wrong: { kind: "openai", baseUrl, keyVariable: "WRONG_KEY" },
      keyless: { kind: "openai", baseUrl },
      local: { kind: "openai", baseUrl: local.baseUrl },
      gone: { kind: "openai", baseUrl: nowhere.baseUrl },
      fal: { kind: "ai-sdk", package: "@ai-sdk/fal" },
    },
    models: {
      "right-image": { provider: "right", model: "gpt-image-2" },
      "wrong-image": { provider: "wrong", model: "gpt-image-2" },
      "keyless-image": { provider: "keyless", model: "gpt-image-2" },
      "sdxl-turbo": { provider: "local" },
      "local-flux": { provider: "local", model: "flux" },
      "gone-image": { provider: "gone" },
      "fal-flux": { provider: "fal", model: "fal-ai/flux/dev" },
    },
  };
  await writeFile(models, JSON.stringify(content));
  const env = {
    PICTOGRAPH_MODELS_FILE: models,
    PICTOGRAPH_DEFAULT_MODEL: "fal-flux",
    OPENAI_API_KEY: api.apiKey,
    OPENAI_BASE_URL: baseUrl,
    RIGHT_KEY: api.apiKey,
    WRONG_KEY: "sk-wrong",
  };
  const { code, lines, stdout } = await runCommand(["doctor", "--json"], { cwd, env });
  await local.close();

  expect(code).toBe(1);
  const found = lines.map((line) => JSON.parse(line)).filter(({ name }) => name === "provider");
  expect(found.map(({ state, text, advice }) => [state, text, advice])).toEqual([
    ["ok", `${baseUrl} accepts the key`, undefined],
    ["ok", `right: ${baseUrl} accepts the key and has gpt-image-2`, undefined],
    ["problem", `wrong: ${baseUrl} refuses the key (status 401)`, "set WRONG_KEY to a valid key"],
    ["problem", `keyless: ${baseUrl} refuses calls without a key (status 401)`, expect.stringContaining("keyVariable")],
    ["warning", `local: ${local.baseUrl} answers, but does not list flux`, expect.stringContaining("models file")],
    [
      "problem",
      `gone: ${nowhere.baseUrl} cannot be reached (ECONNREFUSED)`,
      expect.stringContaining("baseUrl of gone"),
    ],
    ["ok", "fal is not asked: packages of the AI SDK list no models", undefined],
  ]);
  expect(stdout).not.toContain("sk-wrong");
});

test("asks the provider whether the key works and the model exists", async () => {
  const env = { OPENAI_BASE_URL: api.baseUrl };
  const [right, wrong, other] = await Promise.all([
    runCommand(["doctor", "--json"], { cwd, env: { ...env, OPENAI_API_KEY: api.apiKey } }),
    runCommand(["doctor", "--json"], { cwd, env: { ...env, OPENAI_API_KEY: "sk-wrong" } }),
    runCommand(["doctor", "--json"], {
      cwd,
      env: { ...env, OPENAI_API_KEY: api.apiKey, PICTOGRAPH_DEFAULT_MODEL: "gpt-image-9" },
    }),
  ]);

  expect(findings(right.lines)).toMatchObject({ provider: { state: "ok" }, clock: { state: "ok" } });
  expect(findings(right.lines).clock.text).toBe("agrees with that of the provider");
  expect(wrong.code).toBe(1);
  expect(findings(wrong.lines).provider).toMatchObject({
    state: "problem",
    advice: "set OPENAI_API_KEY to a valid key",
  });
  expect(wrong.stdout).not.toContain("sk-wrong");
  expect(findings(other.lines).provider).toMatchObject({ state: "warning" });
});

test("signs a picture with the certificate, and warns of one that expires within 30 days", async () => {
  const now = Date.now();
  const [valid, soon, expired] = await Promise.all(
    [60, 20, -1].map(async (days) => {
      const notBefore = new Date(now - 40 * DAY_MS);
      const { files } = await makeCertificate(await newDirectory(), {
        notBefore,
        notAfter: new Date(now + days * DAY_MS),
      });
      const env = { PICTOGRAPH_C2PA_CERTIFICATE: files.certificate, PICTOGRAPH_C2PA_KEY: files.key };
      const { code, lines } = await runCommand(["doctor", "--json"], { cwd, env });
      return { code, ...findings(lines).signing };
    }),
  );

  expect(valid).toMatchObject({ code: 0, state: "ok", text: expect.stringMatching(/expires on .*, in (59|60) days$/) });
  expect(soon).toMatchObject({ code: 0, state: "warning", advice: "renew PICTOGRAPH_C2PA_CERTIFICATE" });
  expect(expired).toMatchObject({ code: 1, state: "problem", text: expect.stringContaining("that expired on") });
});

test("finds a wrong clock", async () => {
  const late = createServer((_request, response) => {
    response.setHeader("Date", new Date(Date.now() - 3_600_000).toUTCString());
    response.end('{"data":[{"id":"gpt-image-2.6-flare"}]}');
  }).listen(0, "127.0.0.1");
  await once(late, "listening");
  const env = { OPENAI_API_KEY: "any", OPENAI_BASE_URL: `http://127.0.0.1:${(late.address() as AddressInfo).port}` };
  const { code, lines } = await runCommand(["doctor", "--json"], { cwd, env });
  late.close();

  expect(code).toBe(1);
  expect(findings(lines).clock).toMatchObject({
    state: "problem",
    text: expect.stringMatching(/^3(599|600|601) s away/),
  });
});

test("finds no problem with a working PostgreSQL and bucket, and leaves nothing behind", async () => {
  const postgres = await startPostgresServer();
  const s3 = await startS3Server("s3rver");
  const bucket = await s3.newBucket();
  const env = {
    DATABASE_URL: await postgres.createDatabase(),
    S3_BUCKET: bucket,
    S3_ENDPOINT: s3.endpoint,
    AWS_ACCESS_KEY_ID: S3_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: S3_CREDENTIALS.secretAccessKey,
    PICTOGRAPH_SIGNING_SECRET: "a-signing-secret-of-the-test",
  };
  const { code, lines } = await runCommand(["doctor", "--json"], { cwd, env });
  const absent = await runCommand(["doctor", "--json"], { cwd, env: { ...env, S3_BUCKET: "no-such-bucket" } });
  const left = await s3.footprint(bucket);
  await s3.stop();
  await postgres.stop();

  expect(code).toBe(0);
  expect(findings(lines)).toMatchObject({
    database: { state: "ok", text: expect.stringMatching(/^PostgreSQL \d+\S* at \S+ answers$/) },
    images: { state: "ok", text: `bucket ${bucket} can be read and written` },
    clock: { state: "ok", text: "agrees with that of the database" },
  });
  expect(findings(absent.lines).images).toMatchObject({ state: "problem" });
  expect(left).toEqual([]);
});

test("finds a damaged database, a full disk, a directory that others can read, and an absent PostgreSQL and bucket", async () => {
  await mkdir(join(cwd, "data"));
  await chmod(join(cwd, "data"), 0o755);
  await writeFile(join(cwd, "data/pictograph.db"), "this is no database, but long enough to be one".repeat(100));
  const nowhere = {
    DATABASE_URL: "postgres://user:secret-word@127.0.0.1:1/pictures",
    S3_BUCKET: "pictures",
    S3_ENDPOINT: "http://127.0.0.1:1",
    AWS_ACCESS_KEY_ID: "id",
    AWS_SECRET_ACCESS_KEY: "secret-word",
    PICTOGRAPH_SIGNING_SECRET: "a-signing-secret-of-the-test",
    PICTOGRAPH_OPEN: "true",
    HOST: "0.0.0.0",
    PICTOGRAPH_URL: "http://127.0.0.1:1",
  };
  const [local, remote] = await Promise.all([
    runCommand(["doctor", "--json"], { cwd, env: { PICTOGRAPH_MIN_FREE_DISK_MB: "999999999" } }),
    runCommand(["doctor", "--json"], { cwd, env: nowhere }),
  ]);

  expect([local.code, remote.code]).toEqual([1, 1]);
  expect(findings(local.lines)).toMatchObject({
    database: { state: "problem", text: expect.stringContaining("is damaged") },
    disk: { state: "problem" },
    images: { state: "warning", advice: `chmod 700 ${join(cwd, "data")}` },
  });
  expect(findings(remote.lines)).toMatchObject({
    database: { state: "problem", text: expect.stringContaining("127.0.0.1:1/pictures does not answer") },
    images: { state: "problem" },
    access: { state: "warning" },
    gateway: { state: "problem" },
  });
  expect(remote.stdout).not.toContain("secret-word");
});
