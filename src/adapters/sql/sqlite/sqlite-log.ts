import fs, { closeSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { StartError } from "../../../errors.ts";

const openFile = promisify(fs.open);

/**
 * The write-ahead log of an open SQLite database, synced in a thread of its own. SQLite would block the event loop for
 * each sync, and sync for each transaction alone.
 *
 * A sync that failed once may have lost what it did not write, and the next one would not tell. So after a failure every
 * sync fails until the process starts again, and reads what is on the disk.
 *
 * @see https://www.sqlite.org/pragma.html#pragma_synchronous
 */
export class SqliteLog {
  readonly #file: number;
  #failure: Error | undefined;

  private constructor(file: number) {
    this.#file = file;
  }

  /**
   * @param path the database, which SQLite has opened in WAL mode
   * @throws StartError when its log cannot be opened or synced
   */
  static async open(path: string): Promise<SqliteLog> {
    try {
      // Opening and closing the database itself would give up the lock that SQLite holds on it.
      const log = new SqliteLog(await openFile(`${path}-wal`, "r+"));
      await log.sync();
      await syncDirectory(dirname(path));
      return log;
    } catch (error) {
      throw new StartError([`${path}-wal cannot be synced: ${(error as Error).message}`], { cause: error });
    }
  }

  /** Resolves when every commit that was made before is on disk. */
  async sync(): Promise<void> {
    if (this.#failure) throw this.#failure;
    await new Promise<void>((resolve, reject) => {
      fs.fsync(this.#file, (error) => {
        if (!error) return resolve();
        this.#failure = error;
        reject(error);
      });
    });
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** The log's name is durable when its directory is. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
