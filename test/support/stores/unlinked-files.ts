import { readdir, readlink } from "node:fs/promises";

/** The files that a process has open although they are deleted, by their former names. Only Linux shows them. */
export async function unlinkedFiles(processId: number | "self" = "self"): Promise<string[]> {
  const handles = `/proc/${processId}/fd`;
  const paths = await Promise.all(
    // A file that is closed meanwhile does not count.
    (await readdir(handles)).map((handle) => readlink(`${handles}/${handle}`).catch(() => "")),
  );
  return paths.filter((path) => path.endsWith(" (deleted)")).map((path) => path.slice(0, -" (deleted)".length));
}
