import type { SqliteCopy } from "../adapters/sql/sqlite/sqlite-copy.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import type { Records } from "../ports/records.ts";
import { MAX_NAMED, type Manifest } from "./manifest.ts";
import { type NamedFile, namedFiles } from "./named-files.ts";
import type { EarlierSums, SumsWriter } from "./sums.ts";
import { type CopiedFile, copyFile, mapSome } from "./verified-copy.ts";

export interface FileCopierOptions {
  /** The images of the gateway. */
  readonly objects: ObjectStore;
  /** The images of the backup. */
  readonly target: ObjectStore;
  /** The copy of the database. */
  readonly copy: SqliteCopy;
  /** The records as they are now. */
  readonly live: Pick<Records, "findImages" | "findGenerations">;
  readonly sums: SumsWriter;
  readonly earlier: EarlierSums;
}

interface Outcome extends CopiedFile {
  readonly file: NamedFile;
}

/**
 * Copies the files that the copy of a database names. A file that is gone is looked up in the records as they are now:
 * if its record is gone too, it was deleted after the database was copied, and its record leaves the copy.
 */
export class FileCopier {
  readonly #options: FileCopierOptions;
  readonly #missing: Manifest["missing"]["files"] = [];
  #missingCount = 0;
  #copied = 0;
  #present = 0;
  #deletedMeanwhile = 0;
  #begunMeanwhile = 0;

  constructor(options: FileCopierOptions) {
    this.#options = options;
  }

  get counts() {
    return {
      copied: this.#copied,
      present: this.#present,
      deletedMeanwhile: this.#deletedMeanwhile,
      begunMeanwhile: this.#begunMeanwhile,
      missing: { count: this.#missingCount, files: this.#missing },
    };
  }

  /** @param onProgress called after each page with the number of images so far; it may throw to stop */
  async run(onProgress: (imagesDone: number) => void): Promise<void> {
    let imagesDone = 0;
    onProgress(imagesDone);
    for await (const page of namedFiles(this.#options.copy.records.inventory)) {
      const imageIds = [...new Set(page.flatMap(({ imageId }) => imageId ?? []))];
      await this.#copyPage(page, imageIds.at(-1));
      imagesDone += imageIds.length;
      onProgress(imagesDone);
    }
  }

  async #copyPage(page: readonly NamedFile[], lastImageId: string | undefined): Promise<void> {
    const { objects, target, sums } = this.#options;
    const known = await this.#earlierHashes(page, lastImageId);
    const outcomes = await mapSome(page, async (file): Promise<Outcome> => {
      const { key, sha256 = known.get(key) } = file;
      return { file, ...(await copyFile(objects, target, { key, sha256 })) };
    });
    const gone = await this.#reconcile(outcomes.filter(({ state }) => state === "absent" || state === "damaged"));
    const kept = outcomes.filter(({ file }) => !gone.has(file.imageId ?? file.generationId));
    for (const { state } of kept) {
      if (state === "copied") this.#copied++;
      if (state === "present") this.#present++;
    }
    const stored = kept.filter(({ state }) => state === "copied" || state === "present");
    await sums.add(stored.map(({ file, sha256 = "" }) => ({ key: file.key, sha256 })));
  }

  /** The provider's own files have no hash in the records, so that of the backup before counts. */
  async #earlierHashes(page: readonly NamedFile[], lastImageId: string | undefined) {
    if (lastImageId === undefined) return new Map<string, string>();
    const keys = page.filter(({ sha256 }) => sha256 === undefined).map(({ key }) => key);
    return this.#options.earlier.find(new Set(keys), lastImageId);
  }

  /**
   * Finds out why files could not be copied.
   *
   * @returns the ids of images and edits that do not need their files any more
   */
  async #reconcile(failed: readonly Outcome[]): Promise<ReadonlySet<string>> {
    const gone = new Set<string>();
    if (failed.length === 0) return gone;
    const { live, copy } = this.#options;
    const generations = await live.findGenerations(unique(failed.map(({ file }) => file.generationId)));
    const statuses = new Map(generations.map(({ id, status }) => [id, status]));
    const images = await live.findImages(unique(failed.flatMap(({ file }) => file.imageId ?? [])));
    const imageIds = new Set(images.map(({ id }) => id));
    for (const { file, state } of failed) {
      const { generationId, imageId, key } = file;
      if (gone.has(imageId ?? generationId)) continue;
      const status = statuses.get(generationId);
      if (status === undefined || (imageId !== undefined && !imageIds.has(imageId))) {
        gone.add(imageId ?? generationId);
        this.#deletedMeanwhile++;
        if (status === undefined) await copy.removeGeneration(generationId);
        else await copy.removeImages([imageId ?? ""]);
      } else if (imageId === undefined && status !== "QUEUED") {
        gone.add(generationId);
        this.#begunMeanwhile++;
        await copy.markBegun(generationId);
      } else {
        this.#missingCount++;
        if (this.#missing.length < MAX_NAMED)
          this.#missing.push({ key, reason: state === "damaged" ? state : "absent" });
      }
    }
    return gone;
  }
}

function unique(ids: readonly string[]): string[] {
  return [...new Set(ids)];
}
