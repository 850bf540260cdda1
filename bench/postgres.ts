import { pino } from "pino";
import { typeid } from "typeid-js";
import type { GenerationOrder, Image } from "../src/ports/records.ts";
import { openPostgresStore } from "../src/wiring/postgres-store.ts";
import { startPostgresServer } from "../test/support/stores/postgres.ts";
import type { Row } from "./row.ts";

const GENERATIONS = 3_000;
const AT_ONCE = 32;
const SIZE = { width: 1024, height: 1024 };

/** What one database carries; docs/scaling.md builds on it. */
export async function measure(): Promise<Row[]> {
  const { acceptedPerSecond, carriedOutPerSecond, bytesPerGeneration } = await measurePostgres();
  const comparedWith = "see docs/scaling.md";
  return [
    { figure: "PostgreSQL: accepted a second", measured: acceptedPerSecond.toFixed(0), target: "none", comparedWith },
    {
      figure: "PostgreSQL: carried out a second",
      measured: carriedOutPerSecond.toFixed(0),
      target: "none",
      comparedWith,
    },
    { figure: "PostgreSQL: bytes a generation", measured: bytesPerGeneration.toFixed(0), target: "none", comparedWith },
  ];
}

interface PostgresFigures {
  readonly acceptedPerSecond: number;
  /** From queued to succeeded, each with one image. */
  readonly carriedOutPerSecond: number;
  readonly bytesPerGeneration: number;
}

/** What one PostgreSQL with synced commits, on this machine beside its client, takes of our statements. */
async function measurePostgres(): Promise<PostgresFigures> {
  const server = await startPostgresServer({ isDurable: true });
  try {
    const url = await server.createDatabase();
    const store = await openPostgresStore({ url, concurrency: 1, logger: pino({ enabled: false }) });
    const ids: string[] = [];
    const acceptedPerSecond = await perSecond(async () => {
      const order = orderOf(typeid("gen").toString());
      await store.records.accept(order, { maxQueued: Number.MAX_SAFE_INTEGER });
      await store.queue.enqueue(order.id);
      ids.push(order.id);
    });
    const carriedOutPerSecond = await perSecond(async () => {
      const id = ids.pop() ?? "";
      const at = new Date();
      await store.records.start(id, { worker: "run_bench", at, leaseUntil: new Date(at.getTime() + 60_000) });
      const last = { image: imageOf(id), generatedSize: SIZE };
      await store.records.finish(id, "run_bench", { status: "SUCCEEDED" }, new Date(), last);
    });
    const [size] = await server.query(
      url,
      "select pg_total_relation_size('pictograph.generations') + pg_total_relation_size('pictograph.images') as bytes",
    );
    await store.close();
    return { acceptedPerSecond, carriedOutPerSecond, bytesPerGeneration: Number(size?.bytes) / GENERATIONS };
  } finally {
    await server.stop();
  }
}

async function perSecond(work: () => Promise<void>): Promise<number> {
  let left = GENERATIONS;
  const startedAt = performance.now();
  const client = async () => {
    while (left-- > 0) await work();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  return GENERATIONS / ((performance.now() - startedAt) / 1000);
}

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
