import { open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { BackupError } from "./backup-error.ts";

const MANIFEST = "manifest.json";
const PRIVATE_FILE = 0o600;
/** The version of the layout of a backup. A newer layout has a higher one. */
export const FORMAT = 1;
/** The most missing files that a manifest names. */
export const MAX_NAMED = 100;

const FILE = z.object({
  /** Relative to the directory of the backup. */
  path: z.string().regex(/^[0-9TZ-]+\/[A-Za-z0-9.-]+$/),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
const COUNT = z.int().nonnegative();

const SCHEMA = z.object({
  format: z.literal(FORMAT),
  /** Differs for every backup. */
  id: z.uuid(),
  /** The version of Pictograph that made the backup. */
  version: z.string(),
  /** When the database was copied, in ISO 8601. */
  createdAt: z.iso.datetime(),
  /** The migrations of the database, in order. */
  migrations: z.array(z.string()),
  /** The copy of the database. */
  database: FILE,
  /** The list of the images, as `sha256sum` writes it. */
  sums: FILE,
  fileCount: COUNT,
  /** The copy of the signing secret; absent if the backup has none. */
  signingSecret: FILE.optional(),
  /** Images and generations that were deleted while the backup was made. The copy of the database lacks them too. */
  deletedMeanwhile: COUNT,
  /** Edits that began while the backup was made. A restored gateway ends them as interrupted. */
  begunMeanwhile: COUNT,
  /** Files that the database names and the store lacked or had damaged. At most 100 are named. */
  missing: z.object({
    count: COUNT,
    files: z.array(z.object({ key: z.string(), reason: z.enum(["absent", "damaged"]) })).max(MAX_NAMED),
  }),
});

/** Describes a complete backup. It is written last. */
export type Manifest = z.infer<typeof SCHEMA>;

/**
 * Reads the manifest of a backup.
 *
 * @throws BackupError when the directory has no complete backup, or one that this version cannot read
 */
export async function readManifest(directory: string): Promise<Manifest> {
  const manifest = await findManifest(directory);
  if (manifest) return manifest;
  throw new BackupError(`${directory} has no complete backup: run \`pictograph backup ${directory}\` to its end first`);
}

/** The same; `undefined` if the directory has no manifest. */
export async function findManifest(directory: string): Promise<Manifest | undefined> {
  const path = join(directory, MANIFEST);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new BackupError(`${path} cannot be read (${code})`, { cause: error });
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw new BackupError(`${path} is damaged: it is no JSON`, { cause });
  }
  const { format } = (content ?? {}) as { readonly format?: unknown };
  if (typeof format === "number" && format > FORMAT) {
    throw new BackupError(`${directory} was made by a newer version of Pictograph: use that version or a later one`);
  }
  const { data, error } = SCHEMA.safeParse(content);
  if (error) throw new BackupError(`${path} is damaged: ${z.prettifyError(error)}`);
  return data;
}

/** Makes a backup complete: the manifest appears at once, and a power cut cannot take it away. */
export async function writeManifest(directory: string, manifest: Manifest): Promise<void> {
  const part = join(directory, `${MANIFEST}.part`);
  const file = await open(part, "w", PRIVATE_FILE);
  try {
    await file.writeFile(`${JSON.stringify(manifest, undefined, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(part, join(directory, MANIFEST));
  await syncDirectory(directory);
}

/** Makes the names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
