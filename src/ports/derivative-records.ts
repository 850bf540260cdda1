/** A derivative in the object store: an image in another size or format, which can be made again. */
export interface StoredDerivative {
  /** Where it is in the object store. */
  readonly key: string;
  readonly imageId: string;
  /** What it takes there, at least its size. */
  readonly byteSize: number;
  /** When it was last asked for, give or take an hour. */
  readonly usedAt: Date;
}

/**
 * Which derivatives are stored, how much they take, and when they were last used. The records may know of one that is not
 * stored any more, and for a while not of one that is: they decide what is deleted, never what is delivered.
 *
 * They go with their image.
 */
export interface DerivativeRecords {
  /** Adds a derivative, or replaces what was known of it. `false`, and nothing kept, when there is no such image (any more). */
  add(derivative: StoredDerivative): Promise<boolean>;
  /** Adds those of them that are not known, and whose image is. */
  addFound(found: readonly StoredDerivative[]): Promise<void>;
  /** Notes that these were used; unknown ones are left out. */
  markUsed(keys: readonly string[], at: Date): Promise<void>;
  /** What all derivatives take. */
  totalBytes(): Promise<number>;
  /** The first to go, at most `limit`. */
  leastRecentlyUsed(limit: number): Promise<readonly StoredDerivative[]>;
  /** Those of an image that are not among the `count` used last. */
  beyond(imageId: string, count: number): Promise<readonly StoredDerivative[]>;
  /** Forgets derivatives that were deleted. */
  remove(keys: readonly string[]): Promise<void>;
}
