import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "@jest/globals";
import { Client } from "pg";
import { pino } from "pino";
import { NEEDED_MIGRATIONS } from "../../../src/adapters/sql/migrations/migrations.ts";
import { PREPARATION_LOCK } from "../../../src/adapters/sql/postgres/postgres.ts";
import { StartError } from "../../../src/errors.ts";
import { openPostgresStore, type PostgresStore } from "../../../src/wiring/postgres-store.ts";
import { accept, END_OF_TIME, idsOf, orderOf } from "../../contracts/record-samples.ts";
import { readDocSamples } from "../../support/samples/doc-samples.ts";
import { usePostgres } from "../../support/stores/use-postgres.ts";

const postgres = usePostgres();
const logger = pino({ enabled: false });
const TABLES =
  "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2";
const WAITING =
  "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = 'advisory'";

function open(url: string): Promise<PostgresStore> {
  return openPostgresStore({ url, concurrency: 1, logger });
}

describe("an empty PostgreSQL database", () => {
  test("is prepared once if ten stores open it at the same time, some in other processes", async () => {
    const url = await postgres.server.createDatabase();
    const others = Array.from({ length: 4 }, () => openInAnotherProcess(url));
    const here = await Promise.all(Array.from({ length: 6 }, () => open(url)));

    expect(await Promise.all(others)).toEqual(others.map(() => "opened\n"));
    await Promise.all(here.map(({ records }, i) => accept(records, orderOf(`gen_${i}`))));
    for (const { records } of here) expect(await records.idsQueuedBefore(END_OF_TIME, 10)).toHaveLength(6);
    expect(await postgres.server.query(url, "SELECT name FROM pictograph.kysely_migration ORDER BY 1")).toEqual(
      NEEDED_MIGRATIONS.map((name) => ({ name })),
    );
    await Promise.all(here.map((store) => store.close()));
  });

  test("is prepared by one store while the others wait", async () => {
    const url = await postgres.server.createDatabase();
    const preparing = new Client({ connectionString: url });
    await preparing.connect();
    await preparing.query("SELECT pg_advisory_lock($1)", [PREPARATION_LOCK]);
    const opening = open(url);
    while ((await postgres.server.query(url, WAITING)).length === 0);
    expect(await postgres.server.query(url, TABLES)).toEqual([]);
    await preparing.end();

    const store = await opening;
    await store.records.ping();
    await store.close();
  });

  test("may be shared with another program that has tables of the same names", async () => {
    const url = await postgres.server.createDatabase();
    await postgres.server.query(url, "CREATE TABLE generations (theirs text)");
    const store = await open(url);
    await accept(store.records, orderOf("gen_1"));
    await store.close();

    const schemas = (await postgres.server.query(url, TABLES)).filter(({ table_name }) => table_name === "generations");
    expect(schemas.map(({ table_schema }) => table_schema)).toEqual(["pictograph", "public"]);
    expect(await postgres.server.query(url, "SELECT * FROM public.generations")).toEqual([]);
  });

  test("sorts ids byte by byte, whatever its language", async () => {
    const store = await open(await postgres.newDatabase());
    for (const id of ["gen_b", "gen_B", "gen_a", "gen__", "gen_A", "gen_0"]) await accept(store.records, orderOf(id));

    const listed = await store.records.history.listGenerations({ projectId: "proj_public", from: "oldest", limit: 10 });
    expect(idsOf(listed).reverse()).toEqual(["gen_0", "gen_A", "gen_B", "gen__", "gen_a", "gen_b"]);
    await store.close();
  });
});

describe("a PostgreSQL database of another version", () => {
  test("is refused and not changed if it is newer; the error names it and the unknown migrations", async () => {
    const url = await postgres.server.createDatabase();
    await (await open(url)).close();
    await postgres.server.query(url, "DROP SCHEMA graphile_worker CASCADE");
    await postgres.server.query(
      url,
      "INSERT INTO pictograph.kysely_migration VALUES ('9998-from-tomorrow', '2030-01-01'), ('9999-from-tomorrow', '2030-01-01')",
    );
    const before = await postgres.server.query(url, TABLES);

    const refusal = await refusalOf(url);
    expect(refusal).toBeInstanceOf(StartError);
    expect(refusal.message).toContain(`127.0.0.1:${postgres.server.port}${new URL(url).pathname}`);
    const names = "9998-from-tomorrow, 9999-from-tomorrow";
    expect(refusal.message).toContain(`a newer version of Pictograph has migrated the database (${names}); use that`);
    expect(await postgres.server.query(url, TABLES)).toEqual(before);
  });
});

test("a running process is not ready if its PostgreSQL lost a migration, and ready if it gained one", async () => {
  const url = await postgres.newDatabase();
  const store = await open(url);
  await postgres.server.query(
    url,
    "INSERT INTO pictograph.kysely_migration VALUES ('9999-from-tomorrow', '2030-01-01')",
  );
  await store.records.ping();
  await postgres.server.query(url, "DELETE FROM pictograph.kysely_migration WHERE name = '0002-lease-to-workers'");
  await expect(store.records.ping()).rejects.toThrow("migrations that this version needs are missing");
  await store.close();
});

test("with the steps of docs/operating.md a second login takes over from the first, which is then locked out", async () => {
  const url = await postgres.server.createDatabase();
  const run = (statement: string) => postgres.server.query(url, statement);
  const urlOf = (login: string) => Object.assign(new URL(url), { username: login, password: "…" }).href;
  const [steps, ...others] = (await readDocSamples()).filter(({ language }) => language === "sql");
  await run("CREATE ROLE pictograph LOGIN PASSWORD '…'");
  await run(`ALTER DATABASE ${new URL(url).pathname.slice(1)} OWNER TO pictograph`);
  const first = await open(urlOf("pictograph"));
  await accept(first.records, orderOf("gen_1"));

  expect(others).toEqual([]);
  await run(steps?.code ?? "");
  // This login creates the queue's tables, as a newer version would.
  await run("DROP SCHEMA graphile_worker CASCADE");
  const second = await open(urlOf("pictograph_2"));
  await accept(first.records, orderOf("gen_2"));
  await accept(second.records, orderOf("gen_3"));
  await first.close();
  await run("ALTER ROLE pictograph NOLOGIN");

  expect(await second.records.idsQueuedBefore(END_OF_TIME, 10)).toEqual(["gen_1", "gen_2", "gen_3"]);
  expect((await refusalOf(urlOf("pictograph"))).message).toContain("not permitted to log in");
  const owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname IN ('pictograph', 'graphile_worker')";
  expect(await run(owners)).toEqual([{ tableowner: "pictograph" }]);
  await second.close();
});

describe("a PostgreSQL database that cannot be used", () => {
  const password = "secret-pass%20word";

  test.each<[string, (url: URL) => void, (url: URL) => string]>([
    ["nobody answers at", (url) => (url.port = "1"), () => "127.0.0.1:1/"],
    ["the host does not exist of", (url) => (url.hostname = "nowhere.invalid"), () => "nowhere.invalid:"],
    ["the password is wrong for", (url) => (url.password = password), (url) => url.pathname],
    ["the user does not exist of", (url) => (url.username = "nobody"), () => "nobody"],
    ["does not exist on the server:", (url) => (url.pathname = "/absent"), () => "/absent"],
  ])("is refused because %s, with its name but without the password", async (_what, change, place) => {
    const url = new URL(await postgres.newDatabase());
    change(url);
    if (url.hostname !== "127.0.0.1" || url.port === "1") url.password = password;

    const refusal = await refusalOf(url.href);
    expect(refusal).toBeInstanceOf(StartError);
    expect(refusal.message).toContain("DATABASE_URL");
    expect(refusal.message).toContain(place(url));
    expect(`${refusal.message}${JSON.stringify(refusal)}${JSON.stringify(refusal.cause)}`).not.toContain("secret");
  });

  test("is refused if something else answers at its address, or nothing does", async () => {
    const silent = createServer((socket) => socket.resume());
    const babbling = createServer((socket) => socket.on("error", () => {}).end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    for (const server of [silent, babbling]) {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as { port: number };
      const refusal = await refusalOf(`postgres://user:secret@127.0.0.1:${port}/database`);
      expect(refusal).toBeInstanceOf(StartError);
      expect(refusal.message).toContain(`127.0.0.1:${port}/database`);
      server.close();
    }
  });

  test("is refused if its user may not create tables, and the error says so", async () => {
    const url = await postgres.server.createDatabase();
    await postgres.server.query(url, "CREATE ROLE reader LOGIN PASSWORD 'secret'");
    const asReader = new URL(url);
    asReader.username = "reader";
    asReader.password = "secret";

    const refusal = await refusalOf(asReader.href);
    expect(refusal).toBeInstanceOf(StartError);
    expect(refusal.message).toContain("permission denied");
    expect(refusal.message).not.toContain("secret");
  });

  test.each(["postgres://user:secret word@:x/y", "mysql://user:secret@host/database", "secret"])(
    "with the malformed URL %s is refused without repeating the URL",
    async (url) => {
      const refusal = await refusalOf(url);
      expect(refusal).toBeInstanceOf(StartError);
      expect(refusal.message).toContain("DATABASE_URL");
      expect(refusal.message).not.toContain("secret");
      expect(refusal.cause).toBeUndefined();
    },
  );

  test("leaves no connection behind", async () => {
    const url = await postgres.server.createDatabase();
    await (await open(url)).close();
    await postgres.server.query(
      url,
      "INSERT INTO pictograph.kysely_migration VALUES ('9999-from-tomorrow', '2030-01-01')",
    );
    await refusalOf(url);

    // PostgreSQL refuses this while anybody is connected.
    await postgres.server.createDatabase(url);
  });
});

describe("a test server", () => {
  test("ends with the process that started it, however that process ends", async () => {
    const support = new URL("../../support/stores/postgres.ts", import.meta.url).href;
    const script = `
      import { startPostgresServer } from ${JSON.stringify(support)};
      const server = await startPostgresServer();
      console.log(await server.createDatabase());
      setInterval(() => {}, 1000);
    `;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [url] = await once(child.stdout, "data");
    const client = new Client({ connectionString: String(url).trim() });
    client.on("error", () => {});
    await client.connect();
    const ended = new Promise<void>((resolve) => client.on("end", resolve));
    const closed = once(child, "close");
    child.kill("SIGKILL");

    await closed;
    await ended;
  });
});

/** Returns the error for the opener. If the store opens instead, it is closed and the test fails. */
async function refusalOf(url: string): Promise<Error> {
  const result: unknown = await open(url).catch((error: unknown) => error);
  if (result instanceof Error) return result;
  await (result as PostgresStore).close();
  throw new Error("the database was opened");
}

async function openInAnotherProcess(url: string): Promise<string> {
  const script = `
    import { pino } from ${JSON.stringify(import.meta.resolve("pino"))};
    import { openPostgresStore } from ${JSON.stringify(new URL("../../../src/wiring/postgres-store.ts", import.meta.url).href)};
    const store = await openPostgresStore({ url: process.argv[1], concurrency: 1, logger: pino({ enabled: false }) });
    await store.records.ping();
    console.log("opened");
    await store.close();
  `;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script, url], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [output] = await Promise.all([text(child.stdout), once(child, "close")]);
  return output;
}
