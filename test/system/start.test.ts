import { once } from "node:events";
import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "@jest/globals";
import { startGatewayProcess } from "../support/processes/gateway-process.ts";
import { freePort } from "../support/processes/proxies.ts";
import { type MainOptions, runMain } from "../support/processes/run-main.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";

const newDirectory = temporaryDirectories();

/** For starting and stopping real processes, whose helpers have their own limits. */
const TIMEOUT_MS = 120_000;

/** What an operator sees if a service cannot start: one message without a stack, and exit code 1. */
async function refusalOf(options: MainOptions): Promise<string> {
  const { code, stdout, stderr } = await runMain(options);
  expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: "", stderr: expect.stringMatching(/\S/) });
  expect(stderr).toMatch(/^Pictograph cannot start:\n( {2}\S.*\n)+$/);
  expect(stderr).not.toMatch(/^\s+at /m);
  return stderr;
}

describe("a service that starts", () => {
  test(
    "refuses connections until it is ready, so that a proxy tries another process",
    async () => {
      // The gateway is starting until the database answers.
      const database = createTcpServer().listen(0, "127.0.0.1");
      await once(database, "listening");
      const port = await freePort();
      const DATABASE_URL = `postgres://pictograph@127.0.0.1:${(database.address() as AddressInfo).port}/pictograph`;
      const killed = new AbortController();
      const starting = startGatewayProcess({ env: { PORT: String(port), DATABASE_URL }, signal: killed.signal });
      const [connection] = (await once(database, "connection")) as [Socket];

      const asked = fetch(`http://127.0.0.1:${port}/readyz`);
      await expect(asked).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } });

      killed.abort();
      await expect(starting).rejects.toThrow("before it was ready");
      connection.destroy();
      database.close();
    },
    TIMEOUT_MS,
  );

  test(
    "says once that it is ready, when it is, and puts everything into its directory",
    async () => {
      await using service = await startGatewayProcess();
      const answers = await Promise.all([
        fetch(`${service.url}/graphql?query={__typename}`, { headers: { "Apollo-Require-Preflight": "1" } }),
        fetch(`${service.url}/get-image`, { method: "POST", body: form({ n: "1", size: "64x64" }) }),
        fetch(`${service.url}/get-image`, { method: "POST", body: form({ n: "2", size: "64x192" }) }),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect((await readdir(service.dataDirectory)).sort()).toEqual(
        expect.arrayContaining(["images", "pictograph.db", "signing-secret"]),
      );
      const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);
      expect(await modeOf(service.dataDirectory)).toBe("700");
      for (const name of ["signing-secret", "lock", "pictograph.db", "pictograph.db-wal", "pictograph.db-shm"]) {
        expect([name, await modeOf(join(service.dataDirectory, name))]).toEqual([name, "600"]);
      }
      await service.stop();

      const ready = service.lines.filter((line) => /\bready\b/i.test(line));
      expect(ready).toEqual([service.lines[0]]);
      expect(ready[0]).toContain(`${service.url}/graphql`);
      expect(ready[0]).toContain(`${service.url}/get-image`);
      expect(JSON.parse(ready[0] ?? "")).toMatchObject({
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        defaultModel: "illustrator-1",
        store: `SQLite at ${join(service.dataDirectory, "pictograph.db")}`,
        storage: `directory ${join(service.dataDirectory, "images")}`,
      });
      expect(service.stderr).toBe("");
    },
    TIMEOUT_MS,
  );

  test(
    "restricts files that others could read, and warns of a directory that others can read",
    async () => {
      const dataDirectory = await newDirectory();
      const env = { PICTOGRAPH_DATA_DIR: dataDirectory };
      const first = await startGatewayProcess({ env });
      await fetch(`${first.url}/get-image`, { method: "POST", body: form({ n: "1", size: "64x64" }) });
      await first.kill();
      const names = ["signing-secret", "lock", "pictograph.db", "pictograph.db-wal", "pictograph.db-shm"];
      for (const name of names) await chmod(join(dataDirectory, name), 0o644);
      await chmod(dataDirectory, 0o755);

      await using second = await startGatewayProcess({ env });
      const line = await second.waitForLine((candidate) => candidate.includes("PICTOGRAPH_DATA_DIR"));
      expect(JSON.parse(line)).toMatchObject({ level: "warn", msg: expect.stringContaining("(mode 755)") });
      for (const name of names) expect((await stat(join(dataDirectory, name))).mode & 0o777).toBe(0o600);
      expect(first.lines.join("\n")).not.toContain("PICTOGRAPH_DATA_DIR");
    },
    TIMEOUT_MS,
  );

  test(
    "says that it is ready even if it logs nothing else",
    async () => {
      await using service = await startGatewayProcess({ env: { LOG_LEVEL: "silent" } });
      await fetch(`${service.url}/get-image`, { method: "POST", body: form({ n: "1", size: "64x64" }) });
      await service.stop();

      expect(service.lines).toHaveLength(1);
    },
    TIMEOUT_MS,
  );
});

describe("a service that cannot start says why and exits with 1", () => {
  test("if its port is in use, before it has done anything", async () => {
    const dataDirectory = join(await newDirectory(), "data");
    const other = createServer((_request, response) => response.end("other"));
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    try {
      const message = await refusalOf({ env: { PORT: String(port), PICTOGRAPH_DATA_DIR: dataDirectory } });

      expect(message).toContain(`PORT: ${port}`);
      expect(message).toContain("in use");
      expect(message.trim().split("\n")).toHaveLength(2);
      await expect(stat(dataDirectory)).rejects.toThrow("ENOENT");
      expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe("other");
    } finally {
      other.closeAllConnections();
      other.close();
    }
  });

  test("if its address is not one of this machine's", async () => {
    const dataDirectory = join(await newDirectory(), "data");
    // From the block that RFC 5737 reserves for documentation.
    const message = await refusalOf({ env: { HOST: "192.0.2.1", PORT: "0", PICTOGRAPH_DATA_DIR: dataDirectory } });

    expect(message).toMatch(/HOST.*192\.0\.2\.1/);
    await expect(stat(dataDirectory)).rejects.toThrow("ENOENT");
  });

  test("if every variable is malformed, naming all of them without secrets", async () => {
    const malformed = {
      PORT: "eighty",
      HOST: "http://localhost",
      PICTOGRAPH_PUBLIC_URL: "images.example/path",
      PICTOGRAPH_OPEN: "yes",
      PICTOGRAPH_ALLOWED_HOSTS: "*",
      PICTOGRAPH_MAX_REQUESTS_PER_MINUTE_PER_ADDRESS: "many",
      DATABASE_URL: "mysql://user:marked-password@localhost/pictograph",
      S3_BUCKET: "B",
      S3_ENDPOINT: "nowhere",
      OPENAI_API_KEY: "sk-marked with spaces",
      OPENAI_BASE_URL: "ftp://user:marked-password@images.example",
      PICTOGRAPH_DEFAULT_MODEL: "?",
      PICTOGRAPH_SIGNING_SECRET: "marked",
      PICTOGRAPH_URL_TTL_SECONDS: "2h",
      PICTOGRAPH_CORS_ORIGINS: "everyone",
      PICTOGRAPH_TRUST_PROXY: "yes",
      PICTOGRAPH_MAX_CONCURRENCY: "0",
      PICTOGRAPH_UPSTREAM_TIMEOUT_SECONDS: "soon",
      PICTOGRAPH_IMAGE_DELIVERY: "pigeon",
      PICTOGRAPH_ROLE: "both",
      PICTOGRAPH_MAX_QUEUE: "none",
      PICTOGRAPH_RETAIN_DAYS: "ever",
      PICTOGRAPH_LEASE_SECONDS: "1",
      PICTOGRAPH_KEEPALIVE_SECONDS: "on",
      LOG_LEVEL: "verbose",
    };
    const dataDirectory = join(await newDirectory(), "data");
    const message = await refusalOf({ env: { ...malformed, PICTOGRAPH_DATA_DIR: dataDirectory } });

    for (const name of Object.keys(malformed)) expect(message).toMatch(new RegExp(`^ {2}${name} `, "m"));
    expect(message).not.toContain("marked");
    await expect(stat(dataDirectory)).rejects.toThrow("ENOENT");
  });

  test.each<[string, Readonly<Record<string, string>>, RegExp]>([
    [
      "its database is away",
      { DATABASE_URL: "postgres://user:marked-password@127.0.0.1:1/pictures" },
      /^ {2}DATABASE_URL: .*127\.0\.0\.1:1\/pictures.*ECONNREFUSED/m,
    ],
    [
      "its bucket is away",
      {
        S3_BUCKET: "pictures",
        S3_ENDPOINT: "http://127.0.0.1:1",
        AWS_ACCESS_KEY_ID: "marked-id",
        AWS_SECRET_ACCESS_KEY: "marked-secret",
      },
      /^ {2}S3_BUCKET pictures at http:\/\/127\.0\.0\.1:1 does not answer .*ECONNREFUSED/m,
    ],
  ])("if %s, naming the place without secrets", async (_what, env, expected) => {
    const message = await refusalOf({ env: { PORT: "0", PICTOGRAPH_DATA_DIR: await newDirectory(), ...env } });

    expect(message).toMatch(expected);
    expect(message).not.toContain("marked");
  });

  test(
    "if another process has its directory, naming the file and leaving that process alone",
    async () => {
      await using service = await startGatewayProcess();
      const env = { PORT: "0", PICTOGRAPH_DATA_DIR: service.dataDirectory };

      expect(await refusalOf({ env })).toContain(join(service.dataDirectory, "lock"));
      expect(await refusalOf({ env })).toContain("locked by another process");

      const answer = await fetch(`${service.url}/get-image`, { method: "POST", body: form({ n: "1", size: "64x64" }) });
      expect(answer.status).toBe(200);
    },
    TIMEOUT_MS,
  );

  test("if its directory cannot be written", async () => {
    const directory = await newDirectory();
    await chmod(directory, 0o500);
    const message = await refusalWithoutPrivileges(directory);

    expect(message).toContain(directory);
    expect(await readdir(directory)).toEqual([]);
  });

  test("if its directory cannot be created", async () => {
    const directory = await newDirectory();
    await chmod(directory, 0o500);

    expect(await refusalWithoutPrivileges(join(directory, "data"))).toContain(join(directory, "data"));
  });

  test.each([
    ["its directory is a file", "data", ""],
    ["a file is on the way to its directory", "file", "/deep/data"],
  ])("if %s", async (_what, name, rest) => {
    const path = join(await newDirectory(), name);
    await writeFile(path, "a file");

    expect(await refusalOf({ env: { PORT: "0", PICTOGRAPH_DATA_DIR: path + rest } })).toContain(path);
    expect(await readFile(path, "utf8")).toBe("a file");
  });

  test("if the directory of images is a file", async () => {
    const directory = await newDirectory();
    await writeFile(join(directory, "images"), "a file");

    const message = await refusalOf({ env: { PORT: "0", PICTOGRAPH_DATA_DIR: directory } });
    expect(message).toContain(join(directory, "images"));
  });

  test("if its database file is not a database", async () => {
    const directory = await newDirectory();
    await writeFile(join(directory, "pictograph.db"), "This is no database. ".repeat(1000));

    const message = await refusalOf({ env: { PORT: "0", PICTOGRAPH_DATA_DIR: directory } });
    expect(message).toContain(join(directory, "pictograph.db"));
  });

  test("if its database is from a newer version", async () => {
    const directory = await newDirectory();
    const database = new DatabaseSync(join(directory, "pictograph.db"));
    database.exec(`
      CREATE TABLE kysely_migration (name varchar(255) PRIMARY KEY, timestamp varchar(255) NOT NULL);
      INSERT INTO kysely_migration VALUES ('9999-from-tomorrow', '2030-01-01T00:00:00.000Z');
    `);
    database.close();

    const message = await refusalOf({ env: { PORT: "0", PICTOGRAPH_DATA_DIR: directory } });
    expect(message).toContain(join(directory, "pictograph.db"));
  });

  test.each(["", "short"])("if its stored signing secret is only %j, with which anyone could sign", async (secret) => {
    const directory = await newDirectory();
    await mkdir(join(directory, "images"));
    await writeFile(join(directory, "signing-secret"), secret);

    const message = await refusalOf({ env: { PORT: "0", PICTOGRAPH_DATA_DIR: directory } });
    expect(message).toContain(join(directory, "signing-secret"));
  });
});

/** Root may write whatever the file mode, unless it gives up that privilege. */
function refusalWithoutPrivileges(dataDirectory: string): Promise<string> {
  const isRoot = process.getuid?.() === 0;
  const through = isRoot ? ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] : [];
  return refusalOf({ env: { PORT: "0", PICTOGRAPH_DATA_DIR: dataDirectory }, through });
}

function form(fields: Readonly<Record<string, string>>): URLSearchParams {
  return new URLSearchParams({ prompt: "a red fox in the snow", ...fields });
}
