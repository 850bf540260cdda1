import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { createInterface } from "node:readline";
import { isObjectKey } from "../ports/object-key.ts";
import { BackupError } from "./backup-error.ts";

/** A file of a backup, and the SHA-256 of its bytes in hexadecimal. */
export interface SummedFile {
  readonly key: string;
  readonly sha256: string;
}

const PRIVATE_FILE = 0o600;
const LINE = /^([0-9a-f]{64}) {2}images\/(.+)$/;

/** Writes the list of the files of a backup, as `sha256sum` does: `sha256sum --check` in the directory checks them. */
export class SumsWriter {
  readonly #file: FileHandle;
  readonly #hash = createHash("sha256");
  #count = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async create(path: string): Promise<SumsWriter> {
    return new SumsWriter(await open(path, "wx", PRIVATE_FILE));
  }

  async add(files: readonly SummedFile[]): Promise<void> {
    const text = files.map(({ key, sha256 }) => `${sha256}  images/${key}\n`).join("");
    this.#hash.update(text);
    this.#count += files.length;
    await this.#file.appendFile(text);
  }

  /** Makes the list durable. @returns its SHA-256, and how many files it has */
  async finish(): Promise<{ readonly sha256: string; readonly count: number }> {
    await this.#file.sync();
    return { sha256: this.#hash.digest("hex"), count: this.#count };
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** Reads a list of files. @throws BackupError when a line is damaged */
export async function* readSums(path: string): AsyncGenerator<SummedFile> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
  for await (const line of lines) {
    const [, sha256 = "", key = ""] = LINE.exec(line) ?? [];
    if (!isObjectKey(key))
      throw new BackupError(`${path} is damaged: a line is not as \`pictograph backup\` writes it`);
    yield { key, sha256 };
  }
}

/**
 * The hashes of an earlier backup, looked up in the order in which they were written: sources of edits, then images in
 * the order of their ids.
 */
export class EarlierSums {
  readonly #files: AsyncGenerator<SummedFile>;
  #next: SummedFile | undefined;

  constructor(files: AsyncGenerator<SummedFile>) {
    this.#files = files;
  }

  /**
   * Finds the hashes of some files.
   *
   * @param keys of images
   * @param lastImageId the last one that they belong to. Earlier ones cannot be found after this
   */
  async find(keys: ReadonlySet<string>, lastImageId: string): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>();
    for (;;) {
      this.#next ??= (await this.#files.next()).value ?? undefined;
      if (!this.#next || imageIdOf(this.#next.key) > lastImageId) return found;
      if (keys.has(this.#next.key)) found.set(this.#next.key, this.#next.sha256);
      this.#next = undefined;
    }
  }

  async close(): Promise<void> {
    await this.#files.return(undefined);
  }
}

/** `<generation>/<image>/<file>`. Sources of edits precede all images. */
function imageIdOf(key: string): string {
  const [, id = ""] = key.split("/");
  return id.startsWith("img_") ? id : "";
}

/** The SHA-256 of a file in hexadecimal; `undefined` if there is none. */
export async function sha256OfFile(path: string): Promise<string | undefined> {
  const hash = createHash("sha256");
  try {
    for await (const piece of createReadStream(path)) hash.update(piece);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  return hash.digest("hex");
}
