import type { Logger } from "pino";
import { GatewayError } from "../../errors.ts";
import type { DerivativeRecords, StoredDerivative } from "../../ports/derivative-records.ts";
import type { ObjectStore, StorageSpace, StoredObject } from "../../ports/object-store.ts";

export interface StorageBudgetOptions {
  readonly derivatives: DerivativeRecords;
  readonly objects: Pick<ObjectStore, "delete" | "space">;
  /** The most bytes of all derivatives together. @defaultValue 5 GB, or a tenth of the volume where that is less */
  readonly maxDerivativeBytes: number | undefined;
  /**
   * The bytes of the volume to keep free. When less is free, derivatives are deleted. When that is not enough, new
   * generations are refused. 0 for no limit.
   */
  readonly minFreeBytes: number;
  readonly logger: Logger;
  readonly now: () => Date;
}

/**
 * The most stored derivatives of one image. Beyond that, the least recently used is deleted; a later request remakes
 * it.
 */
export const MAX_DERIVATIVES = 64;
const DEFAULT_MAX_BYTES = 5_000_000_000;
const DEFAULT_SHARE_OF_VOLUME = 0.1;
/**
 * The share of the limit that is kept when the limit is exceeded. Summing all sizes is slow, so several derivatives are
 * deleted together.
 */
const SHARE_KEPT = 0.95;
/** Most file systems allocate space in blocks of this size. A small file takes a whole block. */
const BLOCK_BYTES = 4096;
/** How long the sum of all sizes and the free space are cached. Other processes change them too. */
const TOTAL_CACHED_MS = 60_000;
const SPACE_CACHED_MS = 1_000;
/** The most derivatives that are deleted before the free space is checked again. */
const MAX_DELETED_TOGETHER = 50;
/** After a use of a derivative was noted, further uses are not noted for this long. */
const USED_AGAIN_MS = 60 * 60_000;
const MAX_RECENTLY_USED = 10_000;
/** Uses are written to the records in batches: at this size, or after this time. */
const MAX_USED_TOGETHER = 100;
const WRITE_USED_MS = 10_000;
const LOW_RETRY_SECONDS = 60;

/**
 * Limits the bytes of all derivatives together, and keeps the volume from filling up. It deletes the least recently
 * used derivatives first, and never an original.
 */
export class StorageBudget {
  readonly #options: StorageBudgetOptions;
  #total: { readonly bytes: number; readonly cachedUntil: number } | undefined;
  #space: { readonly space: StorageSpace | undefined; readonly cachedUntil: number } | undefined;
  #makingRoom = Promise.resolve();
  #isLow = false;
  /** When the use of each derivative was last noted, by key. */
  readonly #recentlyUsed = new Map<string, number>();
  #used = new Set<string>();
  #writeTimer: NodeJS.Timeout | undefined;

  constructor(options: StorageBudgetOptions) {
    this.#options = options;
  }

  /**
   * Counts a derivative that was stored, and makes room for it.
   *
   * @returns `false`, and nothing counted, when its image does not exist any more
   */
  async add(imageId: string, { key, byteSize }: StoredObject): Promise<boolean> {
    const { derivatives, now } = this.#options;
    const derivative = { key, imageId, byteSize: inBlocks(byteSize), usedAt: now() };
    if (!(await derivatives.add(derivative))) return false;
    this.#countBytes(derivative.byteSize);
    await this.#delete(await derivatives.beyond(imageId, MAX_DERIVATIVES));
    await this.makeRoom();
    return true;
  }

  /** Counts derivatives that were found in the object store and are not counted yet. */
  async addFound(found: readonly StoredDerivative[]): Promise<void> {
    if (found.length === 0) return;
    const counted = found.map((derivative) => ({ ...derivative, byteSize: inBlocks(derivative.byteSize) }));
    await this.#options.derivatives.addFound(counted);
    this.#total = undefined;
  }

  /** Notes that a derivative was requested. */
  use(key: string): void {
    const now = performance.now();
    const usedAt = this.#recentlyUsed.get(key);
    if (usedAt !== undefined && now - usedAt < USED_AGAIN_MS) return;
    this.#recentlyUsed.delete(key);
    this.#recentlyUsed.set(key, now);
    const [oldest] = this.#recentlyUsed.keys();
    if (oldest !== undefined && this.#recentlyUsed.size > MAX_RECENTLY_USED) this.#recentlyUsed.delete(oldest);
    this.#used.add(key);
    if (this.#used.size >= MAX_USED_TOGETHER) void this.#writeUsed();
    else this.#writeTimer ??= setTimeout(() => void this.#writeUsed(), WRITE_USED_MS).unref();
  }

  /**
   * Makes room if necessary. Call this before each new generation.
   *
   * @throws OVERLOADED when the volume is nearly full, and deleting derivatives does not help
   */
  async checkFree(): Promise<void> {
    if ((await this.#missingBytes()) > 0) await this.makeRoom();
    const isLow = (await this.#missingBytes()) > 0;
    if (isLow !== this.#isLow) this.#tell(isLow);
    if (isLow) throw nearlyFull();
  }

  /** Deletes derivatives until the rest is within the limit, and enough of the volume is free. */
  async makeRoom(): Promise<void> {
    const madeRoom = this.#makingRoom.then(() => this.#makeRoom());
    this.#makingRoom = madeRoom.catch(() => {});
    await madeRoom;
  }

  /** Writes the uses that are not written yet. */
  async close(): Promise<void> {
    await this.#writeUsed();
  }

  async #makeRoom(): Promise<void> {
    // Count the deleted bytes: not every file system reports them as free at once.
    for (let excess = await this.#excessBytes(); excess > 0; ) {
      const oldest = await this.#options.derivatives.leastRecentlyUsed(MAX_DELETED_TOGETHER);
      if (oldest.length === 0) break;
      const going: StoredDerivative[] = [];
      for (const derivative of oldest) {
        if (excess <= 0) break;
        going.push(derivative);
        excess -= derivative.byteSize;
      }
      await this.#delete(going);
      this.#space = undefined;
    }
  }

  async #excessBytes(): Promise<number> {
    const maxBytes = await this.#maxBytes();
    const isOver = (await this.#totalBytes()) > maxBytes;
    const excess = isOver ? (await this.#sumBytes()) - maxBytes * SHARE_KEPT : 0;
    return Math.max(excess, await this.#missingBytes());
  }

  async #totalBytes(): Promise<number> {
    const isCached = this.#total !== undefined && performance.now() < this.#total.cachedUntil;
    return isCached && this.#total ? this.#total.bytes : this.#sumBytes();
  }

  /** Sums the recorded sizes again. Derivatives that were deleted with their image are no longer counted. */
  async #sumBytes(): Promise<number> {
    const bytes = await this.#options.derivatives.totalBytes();
    this.#total = { bytes, cachedUntil: performance.now() + TOTAL_CACHED_MS };
    return bytes;
  }

  async #maxBytes(): Promise<number> {
    const { maxDerivativeBytes } = this.#options;
    if (maxDerivativeBytes !== undefined) return maxDerivativeBytes;
    const { totalBytes = Number.POSITIVE_INFINITY } = (await this.#volume()) ?? {};
    return Math.min(DEFAULT_MAX_BYTES, totalBytes * DEFAULT_SHARE_OF_VOLUME);
  }

  /** How many more bytes of the volume should be free; 0 or less when enough are. */
  async #missingBytes(): Promise<number> {
    const space = await this.#volume();
    return space ? this.#options.minFreeBytes - space.freeBytes : 0;
  }

  async #volume(): Promise<StorageSpace | undefined> {
    if (!this.#space || performance.now() > this.#space.cachedUntil) {
      const space = await this.#options.objects.space();
      this.#space = { space, cachedUntil: performance.now() + SPACE_CACHED_MS };
    }
    return this.#space.space;
  }

  #countBytes(bytes: number): void {
    if (this.#total) this.#total = { ...this.#total, bytes: this.#total.bytes + bytes };
  }

  async #delete(going: readonly StoredDerivative[]): Promise<void> {
    if (going.length === 0) return;
    for (const { key } of going) await this.#options.objects.delete(key);
    await this.#options.derivatives.remove(going.map(({ key }) => key));
    this.#countBytes(-going.reduce((sum, { byteSize }) => sum + byteSize, 0));
  }

  /** Writes the uses. If that fails they are lost, and these derivatives may be deleted a little earlier. */
  async #writeUsed(): Promise<void> {
    clearTimeout(this.#writeTimer);
    this.#writeTimer = undefined;
    const keys = [...this.#used];
    this.#used = new Set();
    if (keys.length === 0) return;
    const { derivatives, logger, now } = this.#options;
    await derivatives
      .markUsed(keys, now())
      .catch((err) => logger.debug({ err }, "the use of derivatives could not be recorded"));
  }

  #tell(isLow: boolean): void {
    const { logger, minFreeBytes } = this.#options;
    this.#isLow = isLow;
    if (isLow) logger.warn({ minFreeBytes }, "the disk is nearly full: nothing new is generated until there is room");
    else logger.info("there is room on the disk again");
  }
}

/** The disk space that a file of this many bytes takes. */
function inBlocks(byteSize: number): number {
  return Math.ceil(byteSize / BLOCK_BYTES) * BLOCK_BYTES;
}

function nearlyFull(): GatewayError {
  const message = "the gateway's disk is nearly full; nothing new is generated until its operator makes room";
  return new GatewayError("OVERLOADED", message, { retryAfterSeconds: LOW_RETRY_SECONDS });
}
