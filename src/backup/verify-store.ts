import type { Config } from "../config.ts";
import type { ObjectStore, StoredObject } from "../ports/object-store.ts";
import { openStorageBeside } from "../wiring/open-beside.ts";
import { type Finding, FindingCounts, type VerifyResult } from "./finding.ts";
import { type NamedFile, namedFiles } from "./named-files.ts";
import { hashOf, mapSome } from "./verified-copy.ts";
import { openVerifiedRecords, type VerifiedRecords } from "./verified-records.ts";

export interface VerifyOptions {
  readonly config: Config;
  /** Whether only sizes are compared, and no image is read. */
  readonly isQuick: boolean;
  /** Whether what can be mended without loss is mended. */
  readonly mends: boolean;
  readonly signal: AbortSignal;
  readonly onFinding: (finding: Finding) => void;
  readonly onProgress: (imagesDone: number, imageCount: number) => void;
}

/** Files of this age without a record never get one. Younger ones may be part of an image that is being stored. */
const UNNAMED_AGE_MS = 24 * 60 * 60_000;
/** How many derivatives or files are looked up at a time. */
const BATCH = 100;
/** Keys that the gateway makes. */
const OUR_KEY = /^gen_[0-7][0-9a-hjkmnp-tv-z]{25}\/(sources|previews|img_[0-7][0-9a-hjkmnp-tv-z]{25})\//;

/**
 * Compares the records of a store with its bytes, in both directions.
 *
 * @throws BackupError or StartError when the store cannot be used
 */
export async function verifyStore(options: VerifyOptions): Promise<VerifyResult> {
  const records = await openVerifiedRecords(options.config, options.mends);
  try {
    const { objects } = await openStorageBeside(options.config);
    try {
      return await new Verification(options, records, objects).run();
    } finally {
      await objects.close();
    }
  } finally {
    await records.close();
  }
}

class Verification {
  readonly #options: VerifyOptions;
  readonly #records: VerifiedRecords;
  readonly #objects: ObjectStore;
  readonly #found: FindingCounts;

  constructor(options: VerifyOptions, records: VerifiedRecords, objects: ObjectStore) {
    this.#options = options;
    this.#records = records;
    this.#objects = objects;
    this.#found = new FindingCounts(options.onFinding);
  }

  async run(): Promise<VerifyResult> {
    const fileCount = await this.#checkRecords();
    await this.#checkDerivatives();
    await this.#checkBytes();
    return this.#found.toResult(fileCount);
  }

  /** Looks for the bytes of each record. @returns how many files the records name */
  async #checkRecords(): Promise<number> {
    const { signal, onProgress } = this.#options;
    const { inventory } = this.#records;
    const imageCount = await inventory.imageCount();
    let [fileCount, imagesDone] = [0, 0];
    for await (const page of namedFiles(inventory)) {
      signal.throwIfAborted();
      const wrong = (await mapSome(page, (file) => this.#check(file))).filter((finding) => finding !== undefined);
      for (const finding of await this.#stillNamed(wrong)) this.#found.add(finding);
      fileCount += page.length;
      imagesDone += new Set(page.flatMap(({ imageId }) => imageId ?? [])).size;
      onProgress(imagesDone, imageCount);
    }
    return fileCount;
  }

  async #check({ key, sha256, byteSize, generationId, imageId }: NamedFile): Promise<Finding | undefined> {
    const object = await this.#objects.open(key);
    const isRight =
      object !== undefined &&
      (byteSize === undefined || object.byteSize === byteSize) &&
      (this.#options.isQuick || sha256 === undefined || (await hashOf(this.#objects, key)) === sha256);
    if (isRight) return undefined;
    const kind = object ? "damaged" : "absent";
    return { kind, key, generationId, ...(imageId !== undefined && { imageId }), isMended: false };
  }

  /** Leaves out what was deleted or began since it was listed. */
  async #stillNamed(findings: readonly Finding[]): Promise<readonly Finding[]> {
    if (findings.length === 0) return [];
    const images = await this.#records.findImages(findings.flatMap(({ imageId }) => imageId ?? []));
    const generations = await this.#records.findGenerations(findings.flatMap(({ generationId }) => generationId ?? []));
    const queued = generations.filter(({ status }) => status === "QUEUED");
    const ids = new Set([...images, ...queued].map(({ id }) => id));
    return findings.filter(({ imageId, generationId }) => ids.has(imageId ?? generationId ?? ""));
  }

  async #checkDerivatives(): Promise<void> {
    const { mends, signal } = this.#options;
    for (let after = ""; ; ) {
      signal.throwIfAborted();
      const page = await this.#records.inventory.derivativesAfter(after, BATCH);
      const last = page.at(-1);
      if (!last) return;
      after = last.key;
      const lacking = await mapSome(page, async ({ key }) => ((await this.#objects.open(key)) ? [] : [key]));
      const keys = lacking.flat();
      if (mends && keys.length > 0) await this.#records.derivatives.remove(keys);
      for (const key of keys) this.#found.add({ kind: "derivative", key, isMended: mends });
    }
  }

  /** Looks for the record of each file. */
  async #checkBytes(): Promise<void> {
    const before = Date.now() - UNNAMED_AGE_MS;
    const begunAt = await this.#records.begunAt();
    let batch: StoredObject[] = [];
    for await (const object of this.#objects.list("")) {
      if (!OUR_KEY.test(object.key)) this.#found.add({ kind: "foreign", key: object.key, isMended: false });
      else if (object.modifiedAt.getTime() < before) batch.push(object);
      if (batch.length < BATCH) continue;
      await this.#checkNames(batch, begunAt);
      batch = [];
    }
    if (batch.length > 0) await this.#checkNames(batch, begunAt);
  }

  /** Keeps files that are older than the records: they may belong to records that were lost, or to another database. */
  async #checkNames(batch: readonly StoredObject[], begunAt: Date): Promise<void> {
    const { mends, signal } = this.#options;
    signal.throwIfAborted();
    const segments = batch.map(({ key }) => key.split("/"));
    const unique = (index: number) => [...new Set(segments.map((names) => names[index] ?? ""))];
    // In this order: a generation that ends in between has all its images when they are read.
    const generations = await this.#records.findGenerations(unique(0));
    const images = await this.#records.findImages(unique(1));
    const running = generations.filter(({ status }) => status === "QUEUED" || status === "RUNNING");
    const ids = new Set([...images, ...running].map(({ id }) => id));
    for (const { key, modifiedAt } of batch) {
      if (key.split("/").some((name) => ids.has(name))) continue;
      const isMended = mends && modifiedAt >= begunAt;
      if (isMended) await this.#objects.delete(key);
      this.#found.add({ kind: "unnamed", key, isMended });
    }
  }
}
