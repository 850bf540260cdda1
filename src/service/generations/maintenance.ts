import type { Logger } from "pino";
import { TypeID } from "typeid-js";
import type { StoredDerivative } from "../../ports/derivative-records.ts";
import type { Events } from "../../ports/events.ts";
import type { JobQueue } from "../../ports/job-queue.ts";
import type { ObjectStore, StoredObject } from "../../ports/object-store.ts";
import type { Image, Records } from "../../ports/records.ts";
import type { StorageBudget } from "../images/storage-budget.ts";
import { INTERRUPTED } from "./generation-end.ts";

export interface MaintenanceOptions {
  readonly records: Records;
  readonly budget: StorageBudget;
  readonly objects: ObjectStore;
  readonly queue: JobQueue;
  readonly events: Events;
  readonly logger: Logger;
  readonly now: () => Date;
  /** How long ended generations are kept; `undefined` for ever. */
  readonly retainMs: number | undefined;
  /** How long a worker is believed to live since it last said so, and a job to exist since it was made. */
  readonly leaseMs: number;
}

/** How often generations are looked after, while a lease lasts, whose worker died or whose job got lost. */
const LOOKS_A_LEASE = 6;
/** How often old generations and lost bytes are removed, by one of all who share the records. */
const SWEEP_EVERY_MS = 60 * 60_000;
/** A little less, so that it is over when the same process comes again. */
const CLAIM_MS = SWEEP_EVERY_MS - 60_000;
/** Bytes so old, and still without a record, never get one. */
const ORPHAN_MS = 60 * 60_000;
/** What the gateway itself stores; anything else in a directory or a bucket is somebody else's. */
const OUR_KEY = /^gen_[0-7][0-9a-hjkmnp-tv-z]{25}\/(sources|previews|img_[0-7][0-9a-hjkmnp-tv-z]{25})\//;
/** How many are handled at a time, so that no step takes long. */
const STEP = 100;
/** The most that can wait: the largest PICTOGRAPH_MAX_QUEUE. */
const ALL = 1_000_000;

/** Keeps the house in order: ends what died, wakes what was forgotten, removes what is over. */
export class Maintenance {
  readonly #options: MaintenanceOptions;
  readonly #timers: NodeJS.Timeout[] = [];
  #isStopped = false;
  #work = Promise.resolve();

  constructor(options: MaintenanceOptions) {
    this.#options = options;
  }

  /** Takes up what an earlier process left, and from then on looks after it regularly. */
  async start(): Promise<void> {
    const { now, leaseMs } = this.#options;
    const startedAt = now();
    const wakened = await this.takeOver(startedAt);
    this.#every(leaseMs / LOOKS_A_LEASE, async () => void (await this.takeOver(new Date(now().getTime() - leaseMs))));
    this.#every(SWEEP_EVERY_MS, () => this.sweepWhenDue());
    // Nobody has to wait for the rest of a long queue: what is at its head runs already.
    if (wakened === STEP) void this.#run(() => this.#wake(startedAt, STEP));
    void this.#run(() => this.sweep());
  }

  /** Stops after the step that is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    await this.#work;
  }

  /**
   * Ends what was in a provider's hands when its process died: it is never submitted again. Enqueues what waits since
   * before `queuedBefore`, the oldest {@link STEP} of it, and answers how many that are: a job that is delivered twice
   * does no harm.
   */
  async takeOver(queuedBefore: Date): Promise<number> {
    const { records, queue, events, logger, now } = this.#options;
    const interrupted = await records.interruptExpired(INTERRUPTED, now());
    for (const generationId of interrupted) events.publish({ generationId });
    const queued = await records.idsQueuedBefore(queuedBefore, STEP);
    for (const id of queued) await queue.enqueue(id);
    if (interrupted.length + queued.length > 0) {
      logger.warn({ interrupted: interrupted.length, queued: queued.length }, "took over what was left");
    }
    return queued.length;
  }

  /** Enqueues everything that waits since before `queuedBefore`, but for the oldest `skipped`. */
  async #wake(queuedBefore: Date, skipped: number): Promise<void> {
    const { records, queue } = this.#options;
    const ids = await records.idsQueuedBefore(queuedBefore, ALL);
    for (const id of ids.slice(skipped)) {
      if (this.#isStopped) return;
      await queue.enqueue(id);
    }
  }

  /** Sweeps unless another process does, or did within the hour: going through a large bucket has its price. */
  async sweepWhenDue(): Promise<void> {
    const { records, now } = this.#options;
    const at = now();
    if (await records.claimSweep(at, new Date(at.getTime() + CLAIM_MS))) await this.sweep();
  }

  /** Removes generations past their time, and bytes that no record knows. */
  async sweep(): Promise<void> {
    await this.#removeExpired();
    await this.#removeOrphans();
    await this.#options.budget.makeRoom();
    if (!this.#isStopped) this.#options.logger.debug("swept");
  }

  /** The record goes first: bytes without a record are swept, a record without its bytes would be a broken promise. */
  async remove(generationId: string): Promise<void> {
    const { records, objects } = this.#options;
    await records.remove(generationId);
    const stored = await Array.fromAsync(objects.list(`${generationId}/`));
    for (const { key } of stored) await objects.delete(key);
  }

  async #removeExpired(): Promise<void> {
    const { records, now, retainMs, logger } = this.#options;
    if (retainMs === undefined) return;
    const before = new Date(now().getTime() - retainMs);
    for (;;) {
      const ids = await records.idsEndedBefore(before, STEP);
      for (const id of ids) {
        if (this.#isStopped) return;
        await this.remove(id);
      }
      if (ids.length > 0) logger.info({ removed: ids.length }, "removed generations past their time");
      if (ids.length < STEP) return;
    }
  }

  /** Bytes of generations that are older than the records may belong to records that were lost, or are elsewhere: they are kept. */
  async #removeOrphans(): Promise<void> {
    const { objects, records, now } = this.#options;
    const begunAt = await records.begunAt();
    const before = new Date(now().getTime() - ORPHAN_MS);
    let candidates: StoredObject[] = [];
    for await (const object of objects.list("")) {
      if (this.#isStopped) return;
      const { key, modifiedAt } = object;
      if (modifiedAt < before && OUR_KEY.test(key) && acceptedAt(key) >= begunAt) candidates.push(object);
      if (candidates.length < STEP) continue;
      await this.#compare(candidates);
      candidates = [];
    }
    await this.#compare(candidates);
  }

  /**
   * Deletes what no record knows, and counts derivatives that nobody has counted: of older versions, or while the store
   * was away.
   *
   * `<generation>/<image>/<rendition>`: known when the image is, or while its generation may still add it.
   * `<generation>/previews/<preview>`: known as long as that.
   * `<generation>/sources/<source>`: known until its generation has ended.
   */
  async #compare(stored: readonly StoredObject[]): Promise<void> {
    const { records, objects, budget, logger } = this.#options;
    const keys = stored.map(({ key }) => key);
    const imageIds = [...new Set(keys.map((key) => key.split("/")[1] ?? ""))];
    const generationIds = [...new Set(keys.map((key) => key.split("/")[0] ?? ""))];
    // In this order: a generation that ends in between had all its images when they are looked up.
    const generations = await records.findGenerations(generationIds);
    const images = await records.findImages(imageIds);
    const known = new Set([
      ...images.map(({ id }) => id),
      ...generations.filter(({ status }) => status === "QUEUED" || status === "RUNNING").map(({ id }) => id),
    ]);
    const orphans = keys.filter((key) => !key.split("/").some((segment) => known.has(segment)));
    for (const key of orphans) await objects.delete(key);
    if (orphans.length > 0) logger.warn({ orphans: orphans.length }, "removed bytes that no record knows");
    await budget.addFound(derivativesAmong(stored, images));
  }

  #every(intervalMs: number, step: () => Promise<void>): void {
    this.#timers.push(setInterval(() => void this.#run(step), intervalMs).unref());
  }

  /** One step at a time; one that fails is tried again at its next time. */
  #run(step: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(async () => {
      if (this.#isStopped) return;
      await step().catch((error) => this.#options.logger.error({ err: error }, "a step of keeping order failed"));
    });
    return this.#work;
  }
}

function derivativesAmong(stored: readonly StoredObject[], images: readonly Image[]): StoredDerivative[] {
  const byId = new Map(images.map((image) => [image.id, image]));
  return stored.flatMap(({ key, byteSize, modifiedAt }) => {
    const image = byId.get(key.split("/")[1] ?? "");
    if (!image || key === image.key || key === image.originalKey) return [];
    return [{ key, imageId: image.id, byteSize, usedAt: modifiedAt }];
  });
}

/** The moment in a generation's id, a UUIDv7, that its key begins with. */
function acceptedAt(key: string): Date {
  const [id = ""] = key.split("/");
  return new Date(Number.parseInt(TypeID.fromString(id).toUUID().replaceAll("-", "").slice(0, 12), 16));
}
