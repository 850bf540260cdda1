/** An object as it is stored. */
export interface StoredObject {
  readonly key: string;
  readonly byteSize: number;
  /** When the object became visible under its key. */
  readonly modifiedAt: Date;
}

/** The part of an object to read: both ends are byte offsets and both are included, as in an HTTP `Range`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface OpenObject extends StoredObject {
  /**
   * Reads the bytes, once. Opening nothing until it is called, it costs nothing where only the size is wanted.
   *
   * @param scratch memory that may be used for the chunks: each is then valid only until the next one is asked for, and
   *   all but the last fill it. For those who are done with a chunk before they go on, it saves the memory of the others.
   */
  read(range?: ByteRange, scratch?: Uint8Array): AsyncIterable<Uint8Array>;
  /**
   * A URL at which any viewer can load the object from the store itself, with these headers, for this many seconds.
   * Left out where only the gateway can read the store.
   */
  temporaryUrl?(headers: ObjectHeaders, seconds: number): Promise<string>;
}

/** Headers that a store sends along with an object. */
export interface ObjectHeaders {
  readonly contentType: string;
  readonly contentDisposition: string;
  readonly cacheControl: string;
}

/** The volume that a store is on, in bytes. */
export interface StorageSpace {
  readonly totalBytes: number;
  /** What this process may still write. */
  readonly freeBytes: number;
}

/**
 * Where image bytes live. Keys are relative paths of `[A-Za-z0-9_.-]` segments separated by `/`, made by the gateway,
 * never by a caller.
 *
 * - An object is visible under its key whole or not at all, and durable once `put` resolves: it survives a power cut.
 * - When the source of a `put` throws, its error is passed on and nothing is left behind.
 * - A piece that the source of a `put` yields is valid until the next one is asked for.
 * - Bytes pass through in chunks; no implementation holds an object whole.
 */
export interface ObjectStore {
  put(key: string, bytes: AsyncIterable<Uint8Array>): Promise<StoredObject>;
  /** `undefined` when no object has this key. */
  open(key: string): Promise<OpenObject | undefined>;
  /** Every object whose key begins with `prefix`, in no promised order. */
  list(prefix: string): AsyncIterable<StoredObject>;
  /** Removes the object; removing one that does not exist is not an error. */
  delete(key: string): Promise<void>;
  /** `undefined` where there is no end of space, or nobody can tell. */
  space(): Promise<StorageSpace | undefined>;
  /** Resolves when the store answers, and rejects when it does not. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
