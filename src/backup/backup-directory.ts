import { chmod, mkdir, open, readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { DiskObjectStore } from "../adapters/disk/disk-object-store.ts";
import { BY_KEY } from "../adapters/disk/file-layouts.ts";
import { lockFile } from "../adapters/sql/sqlite/sqlite.ts";
import { StartError } from "../errors.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import { BackupError } from "./backup-error.ts";
import { findManifest, type Manifest, syncDirectory } from "./manifest.ts";

const PRIVATE_DIRECTORY = 0o700;
const PRIVATE_FILE = 0o600;
const IMAGES = "images";
const LOCK = "lock";
/** `2026-11-30T09-17-36-123Z`: when a backup was begun. */
const SNAPSHOT = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z$/;
const OTHER_NAMES: ReadonlySet<string> = new Set([
  IMAGES,
  LOCK,
  // SQLite's own, beside a lock whose process was killed.
  `${LOCK}-journal`,
  "manifest.json",
  "manifest.json.part",
]);

/**
 * A directory of backups, of which the last complete one counts:
 *
 * ```
 * manifest.json      describes the last complete backup; written last
 * <time>/            the database and the list of files of one backup
 * images/            the images of all backups, each stored once under its key
 * lock               locked while a backup is made
 * ```
 *
 * An earlier backup stays complete until the next one is.
 */
export class BackupDirectory {
  readonly path: string;
  readonly images: ObjectStore;
  /** The last complete backup. */
  readonly earlier: Manifest | undefined;
  readonly #unlock: () => void;

  private constructor(path: string, images: ObjectStore, earlier: Manifest | undefined, unlock: () => void) {
    this.path = path;
    this.images = images;
    this.earlier = earlier;
    this.#unlock = unlock;
  }

  /**
   * Creates the directory, or opens one that has backups, complete or cut off, and locks it.
   *
   * @throws BackupError when it has other files, cannot be written, or another process makes a backup in it
   */
  static async open(directory: string): Promise<BackupDirectory> {
    const path = resolve(directory);
    try {
      await mkdir(path, { recursive: true, mode: PRIVATE_DIRECTORY });
      const names = await readdir(path);
      const stranger = names.find((name) => !SNAPSHOT.test(name) && !OTHER_NAMES.has(name));
      if (stranger !== undefined) {
        throw new BackupError(`${path} holds other files (${stranger}): name an empty or a new directory`);
      }
      const earlier = await findManifest(path);
      const unlock = await lockPrivately(join(path, LOCK));
      try {
        const directory = new BackupDirectory(
          path,
          await DiskObjectStore.open(join(path, IMAGES), BY_KEY),
          earlier,
          unlock,
        );
        await directory.#removeSnapshots(earlier);
        return directory;
      } catch (error) {
        unlock();
        throw error;
      }
    } catch (error) {
      if (error instanceof BackupError) throw error;
      if (error instanceof StartError)
        throw new BackupError(`another backup is being made in ${path}`, { cause: error });
      const { code } = error as NodeJS.ErrnoException;
      throw new BackupError(`${path} cannot be written (${code})`, { cause: error });
    }
  }

  /** Makes a directory for the database and the list of files of a new backup. @returns its name in this directory */
  async addSnapshot(at: Date): Promise<string> {
    const name = at.toISOString().replaceAll(/[:.]/g, "-");
    await mkdir(join(this.path, name), { mode: PRIVATE_DIRECTORY });
    await syncDirectory(this.path);
    return name;
  }

  /** Removes the databases and lists of all backups but this one. */
  async keepOnly(manifest: Manifest): Promise<void> {
    await this.#removeSnapshots(manifest);
  }

  async #removeSnapshots(kept: Manifest | undefined): Promise<void> {
    const names = await readdir(this.path);
    const stale = names.filter((name) => SNAPSHOT.test(name) && !kept?.database.path.startsWith(`${name}/`));
    for (const name of stale) await rm(join(this.path, name), { recursive: true, force: true });
  }

  close(): void {
    this.#unlock();
  }
}

/** Opens the images of a backup for reading. */
export function imagesOfBackup(directory: string): ObjectStore {
  return DiskObjectStore.beside(join(directory, IMAGES), BY_KEY);
}

async function lockPrivately(path: string): Promise<() => void> {
  await (await open(path, "a", PRIVATE_FILE)).close();
  await chmod(path, PRIVATE_FILE);
  return lockFile(path);
}
