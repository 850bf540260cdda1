import { readFile } from "node:fs/promises";

/** Every name in `ImageModel` of the client that is pinned here. */
export async function readModelNames(): Promise<string[]> {
  const types = await readFile(new URL("../../../node_modules/openai/resources/images.d.ts", import.meta.url), "utf8");
  const [, union] = /export type ImageModel = ([^;]*);/.exec(types) ?? [];
  if (!union) throw new Error("the client has no type ImageModel any more");
  return union.split("|").map((name) => name.trim().replaceAll("'", ""));
}
