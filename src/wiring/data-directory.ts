import { randomBytes } from "node:crypto";
import { access, chmod, constants, mkdir, open, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import { lockFile } from "../adapters/sql/sqlite/sqlite.ts";
import { MIN_SECRET_LENGTH } from "../bounds.ts";
import type { Config } from "../config.ts";
import { StartError } from "../errors.ts";
import { splitSecrets } from "../settings/setting-parsers.ts";

/** File mode for prompts and the signing secret: only this user may read and write. */
export const PRIVATE_FILE = 0o600;
export const PRIVATE_DIRECTORY = 0o700;

/** The absolute paths of what a data directory holds. */
export interface DataDirectoryPaths {
  readonly database: string;
  readonly images: string;
  /** Locked by the process that uses the directory. */
  readonly lock: string;
  readonly signingSecret: string;
  /** There while a restore into the directory is not complete. It holds the id of the backup. */
  readonly unfinishedRestore: string;
}

/** Where a data directory keeps what. Nothing of it need exist. */
export function pathsIn(dataDir: string): DataDirectoryPaths {
  return {
    database: join(dataDir, "pictograph.db"),
    images: join(dataDir, "images"),
    lock: join(dataDir, "lock"),
    signingSecret: join(dataDir, "signing-secret"),
    unfinishedRestore: join(dataDir, "unfinished-restore"),
  };
}

/**
 * Creates the data directory and makes its files private. The log warns if it is open to other users.
 *
 * @throws StartError when it cannot be written, or a restore into it is not complete
 */
export async function prepareDataDir(path: string, logger: Logger): Promise<void> {
  await createDataDir(path);
  const mode = (await stat(path)).mode & 0o777;
  if ((mode & ~PRIVATE_DIRECTORY) !== 0) {
    const problem = `PICTOGRAPH_DATA_DIR ${path} is open to other users of this machine (mode ${mode.toString(8)})`;
    logger.warn(`${problem}; chmod 700 keeps its prompts and images from them`);
  }
  const { lock, unfinishedRestore } = pathsIn(path);
  await makePrivate(lock);
  const backupId = await readFile(unfinishedRestore, "utf8").catch(() => undefined);
  if (backupId === undefined) return;
  throw new StartError([
    `PICTOGRAPH_DATA_DIR ${path} is only partly restored: run \`pictograph restore\` with the same backup again, or delete the directory`,
  ]);
}

/** @throws StartError when it cannot be written */
export async function createDataDir(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: PRIVATE_DIRECTORY });
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unusable(`PICTOGRAPH_DATA_DIR ${path}`, error);
  }
}

/** Makes the database private, and what a process before may have left beside it. SQLite gives new files its mode. */
export async function makeDatabasePrivate(path: string): Promise<void> {
  await makePrivate(path);
  for (const suffix of ["-wal", "-shm"]) await chmod(path + suffix, PRIVATE_FILE).catch(() => undefined);
}

/**
 * Prepares and locks a data directory without a database.
 *
 * @returns a function that unlocks it
 * @throws StartError when it cannot be used, or another process uses it
 */
export async function lockDataDir(dataDir: string, logger: Logger): Promise<() => void> {
  await prepareDataDir(dataDir, logger);
  return lockFile(pathsIn(dataDir).lock);
}

/**
 * Creates a file that only this user can access, or removes the access of others. Failures are not reported here.
 * Either the next code that opens the file reports them, or the file belongs to another user. In that case the
 * directory is open to others, and a warning says so.
 */
async function makePrivate(path: string): Promise<void> {
  try {
    const file = await open(path, "a", PRIVATE_FILE);
    await file.chmod(PRIVATE_FILE).finally(() => file.close());
  } catch {}
}

/** The error of a path in the data directory that cannot be written. */
export function unusable(what: string, cause: unknown): StartError {
  const { code } = cause as NodeJS.ErrnoException;
  return new StartError([`${what} cannot be written (${code}); name a directory of this user`], { cause });
}

/**
 * Returns the secrets that verify image URLs and decrypt the secrets of webhooks; the first one signs and encrypts. If
 * none is configured, one is created and stored. A new secret would make every existing URL invalid.
 *
 * @throws StartError when the file is incomplete: with an empty secret, anyone could sign URLs
 */
export async function signingSecretsOf({ signingSecret, dataDir }: Config): Promise<readonly string[]> {
  if (signingSecret !== undefined) return splitSecrets(signingSecret);
  const path = pathsIn(dataDir).signingSecret;
  await writeFile(path, randomBytes(32).toString("base64url"), { flag: "wx", mode: PRIVATE_FILE, flush: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw unusable(`${path} in PICTOGRAPH_DATA_DIR`, error);
    },
  );
  await makePrivate(path);
  const secret = await readFile(path, "utf8");
  if (secret.length < MIN_SECRET_LENGTH) {
    throw new StartError([`${path} does not hold a whole signing secret; delete it and a new one is made`]);
  }
  return [secret];
}
