import { readdir, readlink } from "node:fs/promises";

/** The files that a process has open and that have no name any more, by the name they had. Linux alone tells them. */
export async function unlinkedFiles(processId: number | "self" = "self"): Promise<string[]> {
  const handles = `/proc/${processId}/fd`;
  const paths = await Promise.all(
    // What is closed meanwhile is none.
    (await readdir(handles)).map((handle) => readlink(`${handles}/${handle}`).catch(() => "")),
  );
  return paths.filter((path) => path.endsWith(" (deleted)")).map((path) => path.slice(0, -" (deleted)".length));
}
