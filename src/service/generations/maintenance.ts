import type { Logger } from "pino";
import { TypeID } from "typeid-js";
import type { StoredDerivative } from "../../ports/derivative-records.ts";
import type { Events } from "../../ports/events.ts";
import type { JobQueue } from "../../ports/job-queue.ts";
import type { ObjectStore, StoredObject } from "../../ports/object-store.ts";
import type { Ledger } from "../../ports/projects/ledger.ts";
import type { Image, Records } from "../../ports/records.ts";
import type { Webhooks } from "../../ports/webhooks.ts";
import type { StorageBudget } from "../images/storage-budget.ts";
import { logRecordedEnds } from "./end-log.ts";
import { INTERRUPTED } from "./running/generation-end.ts";

export interface MaintenanceOptions {
  readonly records: Records;
  readonly budget: StorageBudget;
  readonly objects: ObjectStore;
  readonly queue: JobQueue;
  readonly events: Events;
  readonly webhooks: Pick<Webhooks, "forget">;
  readonly ledger: Pick<Ledger, "forgetWindows">;
  readonly logger: Logger;
  readonly now: () => Date;
  /** How long ended generations are kept; `undefined` for no limit. */
  readonly retainMs: number | undefined;
  /** How long a worker counts as alive after its last sign of life, and how long a new job does not count as lost. */
  readonly leaseMs: number;
}

/** How often during one lease the generations of dead workers and lost jobs are searched. */
const CHECKS_PER_LEASE = 6;
/** How often old generations and orphaned bytes are removed, by one of the processes that share the records. */
const SWEEP_EVERY_MS = 60 * 60_000;
/** Shorter than the interval, so that the same process can claim the next sweep. */
const CLAIM_MS = SWEEP_EVERY_MS - 60_000;
/** Bytes of this age without a record never get one. */
const ORPHAN_AGE_MS = 60 * 60_000;
const DAY_MS = 24 * 60 * 60_000;
/** How long deliveries of webhooks are kept. The failed ones can be sent again by hand. */
const DELIVERY_DAYS = { delivered: 3, failed: 30 } as const;
/** Windows of budgets are kept for this long after they began: longer than a month lasts, and than clocks are set back. */
const WINDOW_DAYS = 100;
/** How many windows are removed at a time, and how many times in one sweep. */
const WINDOW_BATCH = 500;
const WINDOW_BATCHES = 200;
/** Keys that the gateway makes. Maintenance never touches anything else in the directory or the bucket. */
const OUR_KEY = /^gen_[0-7][0-9a-hjkmnp-tv-z]{25}\/(sources|previews|img_[0-7][0-9a-hjkmnp-tv-z]{25})\//;
/** How many generations or objects are handled at a time. */
const BATCH = 100;
/** The most generations that can wait: the largest PICTOGRAPH_MAX_QUEUE. */
const MAX_QUEUED = 1_000_000;

/** Ends generations of dead workers, enqueues those with lost jobs, and removes expired generations and orphaned bytes. */
export class Maintenance {
  readonly #options: MaintenanceOptions;
  readonly #timers: NodeJS.Timeout[] = [];
  #isStopped = false;
  #work = Promise.resolve();

  constructor(options: MaintenanceOptions) {
    this.#options = options;
  }

  /** Takes over the work of an earlier process, and then does so regularly. */
  async start(): Promise<void> {
    const { now, leaseMs } = this.#options;
    const startedAt = now();
    const wakened = await this.takeOver(startedAt);
    this.#every(
      leaseMs / CHECKS_PER_LEASE,
      async () => void (await this.takeOver(new Date(now().getTime() - leaseMs))),
    );
    this.#every(SWEEP_EVERY_MS, () => this.sweepWhenDue());
    // The rest of a long queue is enqueued in the background: its head is running already.
    if (wakened === BATCH) void this.#run(() => this.#wake(startedAt, BATCH));
    void this.#run(() => this.sweep());
  }

  /** Stops after the task that is running. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    await this.#work;
  }

  /**
   * Ends generations whose process died while their provider worked; they are never submitted again. Enqueues the
   * oldest {@link BATCH} generations that have been queued since before `queuedBefore`, and returns how many. Delivering a
   * job twice is harmless.
   */
  async takeOver(queuedBefore: Date): Promise<number> {
    const { records, queue, events, logger, now } = this.#options;
    const interrupted = await records.interruptExpired(INTERRUPTED, now());
    for (const generationId of interrupted) events.publish({ generationId });
    const queued = await records.idsQueuedBefore(queuedBefore, BATCH);
    for (const id of queued) await queue.enqueue(id);
    if (interrupted.length + queued.length > 0) {
      logger.warn(
        { interrupted: interrupted.length, queued: queued.length },
        "took over generations of another process",
      );
    }
    await logRecordedEnds({ records, logger }, interrupted);
    return queued.length;
  }

  /** Enqueues all generations that have been queued since before `queuedBefore`, except the oldest `skipped`. */
  async #wake(queuedBefore: Date, skipped: number): Promise<void> {
    const { records, queue } = this.#options;
    const ids = await records.idsQueuedBefore(queuedBefore, MAX_QUEUED);
    for (const id of ids.slice(skipped)) {
      if (this.#isStopped) return;
      await queue.enqueue(id);
    }
  }

  /** Sweeps unless another process did so within the hour: listing a large bucket is expensive. */
  async sweepWhenDue(): Promise<void> {
    const { records, now } = this.#options;
    const at = now();
    if (await records.claimSweep(at, new Date(at.getTime() + CLAIM_MS))) await this.sweep();
  }

  /** Removes expired generations, orphaned bytes, old addresses, deliveries and windows of budgets, and makes room among derivatives. */
  async sweep(): Promise<void> {
    await this.#removeExpired();
    await this.#removeOrphans();
    await this.#options.records.forgetAddresses(this.#options.now());
    await this.#forgetDeliveries();
    await this.#forgetWindows();
    await this.#options.budget.makeRoom();
    if (!this.#isStopped) this.#options.logger.debug("swept");
  }

  /** The rest of a large store's windows goes with the next sweeps. */
  async #forgetWindows(): Promise<void> {
    const { ledger, now } = this.#options;
    const before = new Date(now().getTime() - WINDOW_DAYS * DAY_MS);
    for (let batch = 0; batch < WINDOW_BATCHES && !this.#isStopped; batch++) {
      if ((await ledger.forgetWindows(before, WINDOW_BATCH)) < WINDOW_BATCH) return;
    }
  }

  async #forgetDeliveries(): Promise<void> {
    const at = this.#options.now();
    const daysAgo = (days: number) => new Date(at.getTime() - days * DAY_MS);
    const { delivered, failed } = DELIVERY_DAYS;
    await this.#options.webhooks.forget({ deliveredBefore: daysAgo(delivered), failedBefore: daysAgo(failed), at });
  }

  /** Removes a generation. The record goes first: bytes without a record are swept, but a record must have its bytes. */
  async remove(generationId: string): Promise<void> {
    await this.#options.records.remove(generationId);
    await this.#removeBytes(`${generationId}/`);
  }

  /** Removes an image from its generation, its record first. */
  async removeImage(generationId: string, imageId: string): Promise<void> {
    await this.#options.records.removeImage(imageId);
    await this.#removeBytes(`${generationId}/${imageId}/`);
  }

  async #removeBytes(prefix: string): Promise<void> {
    const { objects } = this.#options;
    const stored = await Array.fromAsync(objects.list(prefix));
    for (const { key } of stored) await objects.delete(key);
  }

  async #removeExpired(): Promise<void> {
    const { records, now, retainMs, logger } = this.#options;
    if (retainMs === undefined) return;
    const before = new Date(now().getTime() - retainMs);
    for (;;) {
      const ids = await records.idsEndedBefore(before, BATCH);
      for (const id of ids) {
        if (this.#isStopped) return;
        await this.remove(id);
      }
      if (ids.length > 0) logger.info({ removed: ids.length }, "removed expired generations");
      if (ids.length < BATCH) return;
    }
  }

  /** Keeps bytes that are older than the records: they may belong to lost records, or to another database. */
  async #removeOrphans(): Promise<void> {
    const { objects, records, now } = this.#options;
    const begunAt = await records.begunAt();
    const before = new Date(now().getTime() - ORPHAN_AGE_MS);
    let candidates: StoredObject[] = [];
    for await (const object of objects.list("")) {
      if (this.#isStopped) return;
      const { key, modifiedAt } = object;
      if (modifiedAt < before && OUR_KEY.test(key) && acceptedAt(key) >= begunAt) candidates.push(object);
      if (candidates.length < BATCH) continue;
      await this.#removeUnknown(candidates);
      candidates = [];
    }
    await this.#removeUnknown(candidates);
  }

  /**
   * Deletes bytes without a record, and adds derivatives to the budget that are missing there: those of older versions,
   * and those that were stored while the database was away.
   *
   * - `<generation>/<image>/<rendition>` stays while the image has a record, or its generation has not ended.
   * - `<generation>/previews/<preview>` and `<generation>/sources/<source>` stay until their generation has ended.
   */
  async #removeUnknown(stored: readonly StoredObject[]): Promise<void> {
    const { records, objects, budget, logger } = this.#options;
    const keys = stored.map(({ key }) => key);
    const imageIds = [...new Set(keys.map((key) => key.split("/")[1] ?? ""))];
    const generationIds = [...new Set(keys.map((key) => key.split("/")[0] ?? ""))];
    // In this order: a generation that ends in between has all its images when they are read.
    const generations = await records.findGenerations(generationIds);
    const images = await records.findImages(imageIds);
    const known = new Set([
      ...images.map(({ id }) => id),
      ...generations.filter(({ status }) => status === "QUEUED" || status === "RUNNING").map(({ id }) => id),
    ]);
    const orphans = keys.filter((key) => !key.split("/").some((segment) => known.has(segment)));
    for (const key of orphans) await objects.delete(key);
    if (orphans.length > 0) logger.warn({ orphans: orphans.length }, "removed bytes without a record");
    await budget.addFound(derivativesAmong(stored, images));
  }

  #every(intervalMs: number, step: () => Promise<void>): void {
    this.#timers.push(setInterval(() => void this.#run(step), intervalMs).unref());
  }

  /** Runs one task at a time. A task that fails runs again at its next interval. */
  #run(step: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(async () => {
      if (this.#isStopped) return;
      await step().catch((error) =>
        this.#options.logger.error({ err: error }, "a maintenance task failed; it runs again at its next interval"),
      );
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

/** The time at which a generation was accepted: its key begins with its id, a UUIDv7, which contains the time. */
function acceptedAt(key: string): Date {
  const [id = ""] = key.split("/");
  return new Date(Number.parseInt(TypeID.fromString(id).toUUID().replaceAll("-", "").slice(0, 12), 16));
}
