import { setImmediate } from "node:timers/promises";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { graphql } from "graphql";
import { pino } from "pino";
import { createGateway, type Gateway, type GatewayOptions, StartError } from "../src/index.ts";
import { Lifecycle } from "../src/lifecycle.ts";
import { ANY_SIZE_MODEL, holdCalls } from "./support/gateways/scripted-gateway.ts";
import { makeImages, ScriptedProvider } from "./support/gateways/scripted-provider.ts";
import { usePostgres } from "./support/stores/use-postgres.ts";
import { temporaryDirectories } from "./support/temporary-directory.ts";

const CALLER = { projectId: "proj_public" };
/** More than run at the same time, so that some are queued when the gateway is closed. */
const OPERATIONS = 12;
const RUNNING = 8;
const PATIENCE_MS = 60_000;
const MUTATION = `mutation { generateImages(input: { prompt: "a fox", size: "64x64" }) {
  id status failure { code } images { id url placeholder generation { id } } } }`;

const newDirectory = temporaryDirectories();

/** Counts how often it was closed. */
class CountingProvider extends ScriptedProvider {
  closeCount = 0;

  override async close(): Promise<void> {
    this.closeCount++;
  }
}

async function open(provider: ScriptedProvider, options: GatewayOptions = {}): Promise<Gateway> {
  const dataDir = await newDirectory();
  const { id: defaultModel } = ANY_SIZE_MODEL;
  return createGateway({ dataDir, providers: [provider], defaultModel, maxConcurrency: RUNNING, ...options });
}

/** Resolves when the provider has this many calls. */
async function untilRunning(gateway: Gateway, count: number): Promise<void> {
  for (;;) {
    const { items: generations } = await gateway.images.page(CALLER, { status: "RUNNING", first: 100 });
    if (generations.length === count) return;
    // The embedded store answers within one turn of the event loop; the gateway needs another turn.
    await setImmediate();
  }
}

async function untilAccepted(gateway: Gateway, count: number): Promise<void> {
  while ((await gateway.images.page(CALLER, { first: 100 })).items.length < count) await setImmediate();
}

function countOf(statuses: readonly string[]): Record<string, number> {
  return Object.fromEntries([...Map.groupBy(statuses, (status) => status)].map(([name, all]) => [name, all.length]));
}

describe.each(["SQLite", "PostgreSQL"])("an embedded gateway on %s that is closed while it works", (store) => {
  const postgres = store === "PostgreSQL" ? usePostgres() : undefined;
  const openStore = async (provider: ScriptedProvider) =>
    open(provider, postgres && { databaseUrl: await postgres.newDatabase() });

  test("answers every waiting caller of its schema, whether aborted or still queued", async () => {
    const provider = new ScriptedProvider([ANY_SIZE_MODEL]);
    holdCalls(provider);
    const gateway = await openStore(provider);
    const { schema } = gateway;
    const answers = Array.from({ length: OPERATIONS }, () => graphql({ schema, source: MUTATION }));
    await untilAccepted(gateway, OPERATIONS);
    await untilRunning(gateway, RUNNING);
    await gateway.close();

    const results = await Promise.all(answers);
    expect(results.flatMap(({ errors }) => errors ?? [])).toEqual([]);
    const told = results.map(({ data }) => data?.generateImages as { status: string });
    expect(countOf(told.map(({ status }) => status))).toEqual({ FAILED: RUNNING, QUEUED: OPERATIONS - RUNNING });
  });

  test("answers every waiting caller of its service with the present generation", async () => {
    const provider = new ScriptedProvider([ANY_SIZE_MODEL]);
    holdCalls(provider);
    const gateway = await openStore(provider);
    const { images } = gateway;
    const answer = async () => {
      const { id, status } = await images.wait(
        await images.submit(CALLER, { prompt: "a fox", size: "64x64" }),
        PATIENCE_MS,
      );
      const [made = []] = await images.imagesOf([id]);
      const [found] = await images.generations(CALLER, [id]);
      const { items: generations } = await images.page(CALLER, { first: OPERATIONS });
      return `${found?.status === status && status} with ${made.length} images, of ${generations.length}`;
    };
    const answers = Array.from({ length: OPERATIONS }, answer);
    await untilAccepted(gateway, OPERATIONS);
    await untilRunning(gateway, RUNNING);
    await gateway.close();

    expect(countOf(await Promise.all(answers))).toEqual({
      "FAILED with 0 images, of 12": RUNNING,
      "QUEUED with 0 images, of 12": OPERATIONS - RUNNING,
    });
  });

  test("tells later callers that it is closed", async () => {
    const gateway = await openStore(new ScriptedProvider([ANY_SIZE_MODEL]));
    await gateway.close();

    await expect(gateway.images.generations(CALLER, ["gen_1"])).rejects.toMatchObject({ code: "OVERLOADED" });
    const { errors } = await graphql({ schema: gateway.schema, source: "{ generations { edges { cursor } } }" });
    expect(errors?.map(({ extensions }) => extensions.code)).toEqual(["OVERLOADED"]);
  });
});

describe("a gateway whose caller waits for a generation in another process", () => {
  const postgres = usePostgres();

  test("lets that generation finish while it drains", async () => {
    const databaseUrl = await postgres.newDatabase();
    const provider = new ScriptedProvider([ANY_SIZE_MODEL]);
    const hold = holdCalls(provider);
    const [web, worker] = await Promise.all([
      open(new ScriptedProvider([ANY_SIZE_MODEL]), { databaseUrl, role: "web" }),
      open(provider, { databaseUrl, role: "worker" }),
    ]);
    const accepted = await web.images.submit(CALLER, { prompt: "a fox" });
    await untilRunning(web, 1);
    await hold.called;
    const answer = web.images.wait(accepted, PATIENCE_MS);
    const drained = web.drain(PATIENCE_MS);
    hold.release();
    await drained;

    expect(await answer).toMatchObject({ status: "SUCCEEDED" });
    await Promise.all([web.close(), worker.close()]);
  });
});

describe("closing", () => {
  test("happens once, however often it is called, and passes through the states in order", async () => {
    const provider = new CountingProvider([ANY_SIZE_MODEL]);
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line);
    const gateway = await open(provider, { logger: pino({ level: "debug" }, { write }) });
    const closed = gateway.close();

    expect(gateway.close()).toBe(closed);
    await Promise.all([closed, gateway.close(), gateway.drain(0)]);
    expect(gateway.close()).toBe(closed);
    expect(provider.closeCount).toBe(1);
    const states = lines.flatMap((line) => (JSON.parse(line) as { state?: string }).state ?? []);
    expect(states).toEqual(["starting", "accepting", "draining", "released", "closed"]);
  });

  test("immediately aborts what a drain would have finished", async () => {
    const provider = new ScriptedProvider([ANY_SIZE_MODEL]);
    const hold = holdCalls(provider);
    const gateway = await open(provider);
    const { images } = gateway;
    const answer = images.wait(await images.submit(CALLER, { prompt: "a fox", size: "64x64" }), PATIENCE_MS);
    await hold.called;
    const drained = gateway.drain(Number.POSITIVE_INFINITY);
    await gateway.close();
    await drained;

    expect(await answer).toMatchObject({ status: "FAILED", failure: { code: "INTERRUPTED" } });
  });

  test("closes the other parts if one fails, and reports the failure", async () => {
    const provider = new CountingProvider([ANY_SIZE_MODEL]);
    const failing = Object.assign(new ScriptedProvider([{ ...ANY_SIZE_MODEL, id: "other-1" }]), {
      close: () => Promise.reject(new Error("it cannot be closed")),
    });
    const dataDir = await newDirectory();
    const options = { dataDir, defaultModel: ANY_SIZE_MODEL.id };
    const gateway = await createGateway({ ...options, providers: [provider, failing] });

    await expect(gateway.close()).rejects.toMatchObject({ errors: [{ message: "it cannot be closed" }] });
    expect(provider.closeCount).toBe(1);
    await (await createGateway({ ...options, providers: [provider] })).close();
  });

  test("runs the steps of each state together, and closes parts in reverse order of registration", async () => {
    const done: string[] = [];
    const lifecycle = new Lifecycle(pino({ enabled: false }));
    lifecycle.on("closed", () => done.push("first part"));
    lifecycle.on("draining", () => done.push("drained"));
    lifecycle.on("released", () => done.push("connections"));
    lifecycle.on("closed", async () => done.push("second part"));
    lifecycle.releasing.addEventListener("abort", () => done.push("releasing"));
    lifecycle.released.addEventListener("abort", () => done.push("released"));
    lifecycle.accept();
    const end = lifecycle.operations.begin();
    const closed = lifecycle.close();
    lifecycle.releasing.addEventListener("abort", () => {
      done.push("answered");
      end();
    });
    await closed;

    expect(done).toEqual(["drained", "releasing", "answered", "released", "connections", "second part", "first part"]);
  });
});

describe("a start that fails", () => {
  const postgres = usePostgres();
  afterEach(() => void jest.restoreAllMocks());

  test("after its timers began leaves no timer, connection or provider", async () => {
    const databaseUrl = await postgres.newDatabase();
    // The last step of a start removes failed jobs: here it cannot.
    await postgres.server.query(
      databaseUrl,
      `INSERT INTO graphile_worker._private_tasks (identifier) VALUES ('generate');
       INSERT INTO graphile_worker._private_jobs (task_id, attempts, max_attempts) SELECT id, 1, 1 FROM graphile_worker._private_tasks;
       CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no job may be removed'; END $$;
       CREATE TRIGGER refuse BEFORE DELETE ON graphile_worker._private_jobs FOR EACH ROW EXECUTE FUNCTION refuse();`,
    );
    const begun = jest.spyOn(globalThis, "setInterval");
    const cleared = jest.spyOn(globalThis, "clearInterval");
    const provider = new CountingProvider([ANY_SIZE_MODEL]);
    await expect(open(provider, { databaseUrl })).rejects.toThrow("no job may be removed");

    const timers = begun.mock.results.map(({ value }) => value);
    expect(timers.length).toBeGreaterThan(1);
    expect(timers.filter((timer) => !cleared.mock.calls.some(([one]) => one === timer))).toEqual([]);
    expect(provider.closeCount).toBe(1);
    while ((await postgres.server.query(databaseUrl, OTHER_CONNECTIONS)).length > 0);
  });

  test("because its models file is missing closes the given providers", async () => {
    const provider = new CountingProvider([ANY_SIZE_MODEL]);
    const dataDir = await newDirectory();
    const started = createGateway({ dataDir, providers: [provider], modelsFile: "/nowhere/models.json" });

    await expect(started).rejects.toThrow(StartError);
    expect(provider.closeCount).toBe(1);
  });

  test("because another gateway has its directory does not disturb that gateway", async () => {
    const provider = new ScriptedProvider([ANY_SIZE_MODEL]);
    const dataDir = await newDirectory();
    const options = { dataDir, providers: [provider], defaultModel: ANY_SIZE_MODEL.id };
    const first = await createGateway(options);
    await expect(createGateway({ ...options, providers: [new ScriptedProvider([ANY_SIZE_MODEL])] })).rejects.toThrow(
      "locked",
    );

    provider.script = makeImages;
    const { images } = first;
    const made = await images.wait(await images.submit(CALLER, { prompt: "a fox", size: "64x64" }), PATIENCE_MS);
    expect(made.status).toBe("SUCCEEDED");
    await first.close();
  });
});

const OTHER_CONNECTIONS =
  "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
