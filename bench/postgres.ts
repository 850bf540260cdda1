import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { typeid } from "typeid-js";
import { openSqliteRecords } from "../src/adapters/sql/sqlite/sqlite.ts";
import type { GenerationOrder, Image, Records } from "../src/ports/records.ts";
import { openPostgresStore } from "../src/wiring/postgres-store.ts";
import { type PostgresServer, startPostgresServer } from "../test/support/stores/postgres.ts";
import { processorTimeOf } from "./processes/processor-time.ts";
import { type Row, us } from "./row.ts";

const GENERATIONS = 5_000;
const AT_ONCE = 64;
const SIZE = { width: 1024, height: 1024 };

/**
 * Measures the throughput of the records alone, with synced commits: on PostgreSQL, which docs/scaling.md relies on,
 * and on SQLite.
 */
export async function measure(): Promise<Row[]> {
  return [...(await measurePostgres()), ...(await measureSqlite())];
}

/** A PostgreSQL on this machine, beside its client. */
async function measurePostgres(): Promise<Row[]> {
  const server = await startPostgresServer({ isDurable: true });
  try {
    const url = await server.createDatabase();
    const store = await openPostgresStore({ url, concurrency: 1, logger: pino({ enabled: false }) });
    const enqueue = (id: string) => store.queue.enqueue(id);
    const serverCpuMs = () => serverTimeOf(server, url);
    const rows = await measureRecords("PostgreSQL", "1200", store.records, { enqueue, serverCpuMs });
    const [size] = await server.query(
      url,
      "select pg_total_relation_size('pictograph.generations') + pg_total_relation_size('pictograph.images') as bytes",
    );
    await store.close();
    const bytes = (Number(size?.bytes) / GENERATIONS).toFixed(0);
    const comparedWith = "see docs/scaling.md";
    return [...rows, { figure: "PostgreSQL: bytes a generation", measured: bytes, target: "none", comparedWith }];
  } finally {
    await server.stop();
  }
}

async function measureSqlite(): Promise<Row[]> {
  const directory = await mkdtemp(join(tmpdir(), "pictograph-bench-"));
  try {
    const records = await openSqliteRecords(join(directory, "pictograph.db"));
    const rows = await measureRecords("SQLite", "3000", records);
    await records.close();
    return rows;
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** The work of a database server besides the records. */
interface Server {
  /** Enqueues the job of an accepted generation. */
  enqueue(id: string): Promise<void>;
  /** The processor time that the server has used. */
  serverCpuMs(): Promise<number>;
}

const NO_SERVER: Server = { enqueue: async () => {}, serverCpuMs: async () => 0 };

async function measureRecords(
  name: string,
  target: string,
  records: Records,
  { enqueue, serverCpuMs } = NO_SERVER,
): Promise<Row[]> {
  const ids: string[] = [];
  const accepted = await repeat(serverCpuMs, async () => {
    const order = orderOf(typeid("gen").toString());
    await records.accept(order, { maxQueued: Number.MAX_SAFE_INTEGER, dailyBudget: "1000000" });
    await enqueue(order.id);
    ids.push(order.id);
  });
  const carriedOut = await repeat(serverCpuMs, async () => {
    const id = ids.pop() ?? "";
    const at = new Date();
    await records.start(id, { worker: "run_bench", at, leaseUntil: new Date(at.getTime() + 60_000) });
    const last = { image: imageOf(id), generatedSize: SIZE };
    await records.finish(id, "run_bench", { status: "SUCCEEDED", cost: COST }, new Date(), last);
  });
  return [
    {
      figure: `${name}: accepted a second, ${AT_ONCE} at once`,
      measured: accepted.perSecond.toFixed(0),
      target,
      comparedWith: "the records alone, with a budget of dollars a day",
    },
    {
      figure: `${name}: processor time of one of them`,
      measured: us(accepted.cpuMsEach + accepted.serverCpuMsEach),
      target: "none",
      comparedWith: `of the client ${us(accepted.cpuMsEach)}`,
    },
    {
      figure: `${name}: started and ended with an image a second`,
      measured: carriedOut.perSecond.toFixed(0),
      target: "none",
      comparedWith: "the records alone",
    },
    {
      figure: `${name}: processor time of one of these`,
      measured: us(carriedOut.cpuMsEach + carriedOut.serverCpuMsEach),
      target: "none",
      comparedWith: `of the client ${us(carriedOut.cpuMsEach)}`,
    },
  ];
}

interface Figures {
  readonly perSecond: number;
  readonly cpuMsEach: number;
  readonly serverCpuMsEach: number;
}

/** Works {@link GENERATIONS} times, {@link AT_ONCE} at once. */
async function repeat(serverCpuMs: Server["serverCpuMs"], work: () => Promise<void>): Promise<Figures> {
  let left = GENERATIONS;
  const serverBefore = await serverCpuMs();
  const startedAt = performance.now();
  const before = process.cpuUsage();
  const client = async () => {
    while (left-- > 0) await work();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  const { user, system } = process.cpuUsage(before);
  const seconds = (performance.now() - startedAt) / 1000;
  return {
    perSecond: GENERATIONS / seconds,
    cpuMsEach: (user + system) / 1000 / GENERATIONS,
    serverCpuMsEach: ((await serverCpuMs()) - serverBefore) / GENERATIONS,
  };
}

/** The processor time of the processes of a server, without those that have ended. */
async function serverTimeOf(server: PostgresServer, url: string): Promise<number> {
  const processes = await server.query(url, "select pid from pg_stat_activity where pid <> pg_backend_pid()");
  const times = await Promise.all(processes.map(({ pid }) => processorTimeOf(Number(pid))));
  return times.reduce((sum, time) => sum + time, 0);
}

const COST = { usd: "0.04", isEstimated: false };

function orderOf(id: string): GenerationOrder {
  return {
    id,
    projectId: "proj_public",
    prompt: "A cute asian girl with long hair smiling and looking at me",
    model: "illustrator-1",
    n: 1,
    requestedSize: SIZE,
    modelSize: SIZE,
    quality: "AUTO",
    format: "PNG",
    background: "AUTO",
    warnings: [],
    maxCost: "0.05",
    inputHash: "0".repeat(64),
    createdAt: new Date(),
  };
}

function imageOf(generationId: string): Image {
  const id = typeid("img").toString();
  const key = `${generationId}/${id}/original`;
  return {
    id,
    generationId,
    projectId: "proj_public",
    index: 0,
    key,
    originalKey: key,
    ...SIZE,
    format: "PNG",
    byteSize: 2_000_000,
    sha256: "0".repeat(64),
    placeholder: `data:image/webp;base64,${"A".repeat(160)}`,
    createdAt: new Date(),
  };
}
