import { createHash } from "node:crypto";
import PQueue from "p-queue";
import type { ObjectStore, StoredObject } from "../ports/object-store.ts";

/** How many files are copied or read at once. Each takes one piece of memory. */
const CONCURRENCY = 8;
const PIECE_BYTES = 128 * 1024;

/** A file to copy from one store to another. */
export interface FileToCopy {
  readonly key: string;
  /** In hexadecimal; `undefined` if nobody recorded it. Then it is that of the source. */
  readonly sha256: string | undefined;
}

/**
 * - `copied`: it was copied and read again.
 * - `present`: the target had the same bytes already.
 * - `absent`: the source does not have it.
 * - `damaged`: the bytes of the source have another hash. They were not copied.
 */
export type CopyState = "copied" | "present" | "absent" | "damaged";

export interface CopiedFile {
  readonly state: CopyState;
  /** In hexadecimal. Of an absent or damaged file it is the expected one. */
  readonly sha256: string | undefined;
}

/**
 * Copies a file unless the target has it, and compares its SHA-256 on both sides. A file is whole in the target or not
 * there.
 *
 * @throws Error when a store cannot be read or written
 */
export async function copyFile(from: ObjectStore, to: ObjectStore, file: FileToCopy): Promise<CopiedFile> {
  try {
    return await copyExisting(from, to, file);
  } catch (error) {
    // It may have been deleted between being found and being read.
    if (await from.open(file.key)) throw error;
    return { state: "absent", sha256: file.sha256 };
  }
}

async function copyExisting(from: ObjectStore, to: ObjectStore, file: FileToCopy): Promise<CopiedFile> {
  const { key } = file;
  const sha256 = file.sha256 ?? (await hashOf(from, key));
  if (sha256 === undefined) return { state: "absent", sha256 };
  if ((await hashOf(to, key)) === sha256) return { state: "present", sha256 };
  const source = await from.open(key);
  if (!source) return { state: "absent", sha256 };
  try {
    await to.put(key, checked(source.read(undefined, pieceOf(source)), sha256));
  } catch (error) {
    if (error instanceof OtherBytes) return { state: "damaged", sha256 };
    throw error;
  }
  if ((await hashOf(to, key)) !== sha256) throw new Error(`${key} was stored, but not with the same bytes`);
  return { state: "copied", sha256 };
}

/** The SHA-256 of a stored file in hexadecimal; `undefined` if there is none. */
export async function hashOf(store: ObjectStore, key: string): Promise<string | undefined> {
  const object = await store.open(key);
  if (!object) return undefined;
  const hash = createHash("sha256");
  for await (const piece of object.read(undefined, pieceOf(object))) hash.update(piece);
  return hash.digest("hex");
}

/** Does the same with every item, some at a time, and returns the results in the order of the items. */
export async function mapSome<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const queue = new PQueue({ concurrency: CONCURRENCY });
  try {
    return await Promise.all(items.map((item) => queue.add(() => work(item))));
  } catch (error) {
    queue.clear();
    await queue.onIdle();
    throw error;
  }
}

/** Memory to read an object with. Most images are smaller than the largest piece. */
function pieceOf({ byteSize }: StoredObject): Buffer {
  return Buffer.allocUnsafe(Math.max(1, Math.min(byteSize, PIECE_BYTES)));
}

class OtherBytes extends Error {}

/** @throws OtherBytes after the last piece, if the bytes have another hash */
async function* checked(bytes: AsyncIterable<Uint8Array>, sha256: string): AsyncIterable<Uint8Array> {
  const hash = createHash("sha256");
  for await (const piece of bytes) {
    hash.update(piece);
    yield piece;
  }
  if (hash.digest("hex") !== sha256) throw new OtherBytes();
}
