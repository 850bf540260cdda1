import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { BY_TIME } from "../../../src/adapters/disk/file-layouts.ts";

/** The paths of all stored and half-written image files of a data directory or a backup. */
export async function storedFiles(dataDir: string): Promise<string[]> {
  const root = join(dataDir, "images");
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** The keys of all stored image files, sorted; a half-written one begins with `.tmp/`. */
export async function storedKeys(dataDir: string): Promise<string[]> {
  const root = join(dataDir, "images");
  return (await storedFiles(dataDir)).map((path) => BY_TIME.keyOf(relative(root, path))).sort();
}

/** The path of a stored image file in a data directory. */
export function storedFile(dataDir: string, key: string): string {
  return join(dataDir, "images", BY_TIME.pathOf(key));
}
