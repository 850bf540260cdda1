import type { ObjectStore } from "../ports/object-store.ts";
import type { Records } from "../ports/records.ts";
import { sourcesOf } from "./named-files.ts";

/** How many files are looked up at a time. */
const BATCH = 100;

/**
 * Removes the files that no record names: those of earlier backups whose images were deleted since.
 *
 * @param images of a backup
 * @param records of the same backup
 */
export async function removeUnnamed(
  images: ObjectStore,
  records: Pick<Records, "findImages" | "findGenerations">,
): Promise<void> {
  let keys: string[] = [];
  const removeSome = async () => {
    const [generationIds, ids] = [0, 1].map((index) => [...new Set(keys.map((key) => key.split("/")[index] ?? ""))]);
    const generations = await records.findGenerations(generationIds ?? []);
    const named = new Set((await records.findImages(ids ?? [])).flatMap(({ key, originalKey }) => [key, originalKey]));
    const queued = generations.filter(({ status }) => status === "QUEUED");
    for (const { key } of queued.flatMap(sourcesOf)) named.add(key);
    for (const key of keys) if (!named.has(key)) await images.delete(key);
    keys = [];
  };
  for await (const { key } of images.list("")) {
    keys.push(key);
    if (keys.length === BATCH) await removeSome();
  }
  if (keys.length > 0) await removeSome();
}
