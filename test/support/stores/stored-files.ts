import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** The names of all stored and half-written image files, relative to the directory of images. */
export async function storedFiles(dataDir: string): Promise<string[]> {
  const root = join(dataDir, "images");
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
