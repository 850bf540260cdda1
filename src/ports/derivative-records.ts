/** A derivative in the object store: an image in another size or format. It can be made again. */
export interface StoredDerivative {
  /** Its key in the object store. */
  readonly key: string;
  readonly imageId: string;
  /** The bytes it takes in the object store, at least its size. */
  readonly byteSize: number;
  /** When it was last requested, accurate to an hour. */
  readonly usedAt: Date;
}

/**
 * Records which derivatives are stored, their sizes, and when they were last used. A record may remain after its
 * derivative was deleted, and a new derivative may lack a record for a while. So the records decide which derivatives
 * are deleted, never whether one is delivered.
 *
 * Deleting an image deletes the records of its derivatives.
 */
export interface DerivativeRecords {
  /**
   * Adds or replaces the record of a derivative. @returns false, and nothing is recorded, if the image does not exist
   */
  add(derivative: StoredDerivative): Promise<boolean>;
  /** Adds records for those derivatives that have none and whose image exists. */
  addFound(found: readonly StoredDerivative[]): Promise<void>;
  /** Records that these derivatives were used. Unknown ones are ignored. */
  markUsed(keys: readonly string[], at: Date): Promise<void>;
  /** The bytes of all derivatives together. */
  totalBytes(): Promise<number>;
  /** The least recently used derivatives, oldest first, at most `limit`. */
  leastRecentlyUsed(limit: number): Promise<readonly StoredDerivative[]>;
  /** The derivatives of an image, except the `count` most recently used. */
  beyond(imageId: string, count: number): Promise<readonly StoredDerivative[]>;
  /** Removes the records of deleted derivatives. */
  remove(keys: readonly string[]): Promise<void>;
}
