import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { openSqliteRecords } from "../../../src/adapters/sql/sqlite/sqlite.ts";
import type { Generation, GenerationOrder, Image } from "../../../src/ports/records.ts";
import { accept, claimOf, NO_LIMITS, orderOf, WORKER } from "../../contracts/record-samples.ts";
import { type Random, seededRandom } from "../random.ts";
import { idAt } from "./ids.ts";
import { storedFile } from "./stored-files.ts";

const MINUTE_MS = 60_000;
/** The number of simultaneous writes, which share their syncs. */
const AT_ONCE = 100;
/** One in this many generations is delivered in another format than the provider's. */
const CONVERTED_EVERY = 10;
/** The bytes of an image that nobody decodes. */
const MAX_BYTES = 3_000;

export interface FilledStore {
  readonly images: readonly Image[];
  readonly queued: readonly Generation[];
}

/**
 * Fills an empty data directory through the records, as a gateway does. It adds ended generations of one image each,
 * some of which also have an original, and generations that wait. The bytes are noise and all different.
 */
export async function fillStore(dataDir: string, count: number, queuedCount = 0): Promise<FilledStore> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const records = await openSqliteRecords(join(dataDir, "pictograph.db"));
  const random = seededRandom(count);
  const now = Date.now();
  const images: Image[] = [];
  const orders = Array.from({ length: count + queuedCount }, (_, index): GenerationOrder => {
    const createdAt = new Date(now - (count + queuedCount - index) * MINUTE_MS);
    const id = idAt("gen", createdAt, random);
    return { ...orderOf(id, createdAt), n: 1, prompt: `a red fox ${index}`, maxCost: "0.040000" };
  });
  try {
    for (let start = 0; start < orders.length; start += AT_ONCE) {
      await Promise.all(
        orders.slice(start, start + AT_ONCE).map(async (order, offset) => {
          const index = start + offset;
          await accept(records, order, { ...NO_LIMITS, dailyBudget: "1000000" });
          if (index >= count) return;
          await records.start(order.id, claimOf(WORKER, order.createdAt));
          const image = await storeImage(dataDir, order, index % CONVERTED_EVERY === 0, random);
          await records.addImage(image, order.modelSize, WORKER);
          const cost = { usd: "0.012345678901", isEstimated: false };
          await records.finish(order.id, WORKER, { status: "SUCCEEDED", cost, imageCount: 1 }, order.createdAt);
          images.push(image);
        }),
      );
    }
    const queued = await records.findGenerations(orders.slice(count).map(({ id }) => id));
    return { images: images.sort((one, other) => (one.id < other.id ? -1 : 1)), queued };
  } finally {
    await records.close();
  }
}

async function storeImage(
  dataDir: string,
  { id: generationId, projectId, createdAt, requestedSize }: GenerationOrder,
  isConverted: boolean,
  random: Random,
): Promise<Image> {
  const id = idAt("img", createdAt, random);
  const original = random.bytes(random.whole(1, MAX_BYTES));
  const delivered = isConverted ? random.bytes(random.whole(1, MAX_BYTES)) : original;
  const originalKey = `${generationId}/${id}/original`;
  const key = isConverted ? `${generationId}/${id}/delivered.png` : originalKey;
  await writeObject(dataDir, originalKey, original);
  if (isConverted) await writeObject(dataDir, key, delivered);
  return {
    id,
    generationId,
    projectId,
    index: 0,
    key,
    originalKey,
    ...requestedSize,
    format: "PNG",
    byteSize: delivered.byteLength,
    sha256: createHash("sha256").update(delivered).digest("hex"),
    placeholder: "data:image/webp;base64,AAAA",
    provenance: { digitalSourceType: "trainedAlgorithmicMedia", hasContentCredentials: false, originalFormat: "PNG" },
    createdAt,
  };
}

/** Writes an object's file into a data directory without the store. */
export async function writeObject(dataDir: string, key: string, bytes: Uint8Array): Promise<void> {
  const path = storedFile(dataDir, key);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(path, bytes, { mode: 0o600 });
}
