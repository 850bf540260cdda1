/** An object as it is stored. */
export interface StoredObject {
  readonly key: string;
  readonly byteSize: number;
  /** When the object became visible under its key. */
  readonly modifiedAt: Date;
}

/** A part of an object. Both ends are byte offsets, and both bytes are included, as in an HTTP `Range`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface OpenObject extends StoredObject {
  /**
   * Reads the bytes. Call it at most once. Nothing is opened before that, so an object of which only the size is needed
   * costs nothing. Chunks that are still in the memory of this machine, because this process has just stored them, may be
   * read without a thread: at most one in each turn of the event loop.
   *
   * @param scratch memory that may be used for the chunks. Each chunk is then valid only until the next one is
   *   requested, and every chunk but the last fills this memory. Pass it if you finish with each chunk before you
   *   request the next.
   */
  read(range?: ByteRange, scratch?: Uint8Array): AsyncIterable<Uint8Array>;
  /**
   * Creates a URL at which any viewer can load the object from the store itself, with these headers, for this many
   * seconds. Absent if only the gateway can read the store.
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
  /** The bytes that this process can still write. */
  readonly freeBytes: number;
}

/**
 * Stores image bytes. Keys are relative paths of `[A-Za-z0-9_.-]` segments separated by `/`. The gateway makes them,
 * never a caller.
 *
 * - An object becomes visible under its key as a whole. Once `put` resolves, it is durable: it survives a power cut.
 * - If the source of a `put` throws, `put` throws the same error and leaves nothing behind.
 * - A piece that the source of a `put` yields is valid until the next one is requested.
 * - Bytes pass through in chunks. No implementation holds a whole object in memory.
 */
export interface ObjectStore {
  put(key: string, bytes: AsyncIterable<Uint8Array>): Promise<StoredObject>;
  /** `undefined` when no object has this key. */
  open(key: string): Promise<OpenObject | undefined>;
  /** Lists every object whose key begins with `prefix`, in any order. */
  list(prefix: string): AsyncIterable<StoredObject>;
  /** Deletes the object. Deleting an object that does not exist is not an error. */
  delete(key: string): Promise<void>;
  /** The space of the volume; `undefined` if it is unlimited or not known. */
  space(): Promise<StorageSpace | undefined>;
  /** Resolves when the store answers, and rejects when it does not. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
