import { parseMetadata } from "@uswriting/exiftool";

/** Returns what exiftool, compiled to WebAssembly, reads in a file: tags under their groups. */
export async function readTags(bytes: Uint8Array, extension: string): Promise<Record<string, unknown>> {
  const file = { name: `image.${extension}`, data: bytes };
  const read = await parseMetadata<[Record<string, unknown>]>(file, {
    // -G1: groups by location and namespace; -n: raw values; -validate: whether the file is valid.
    args: ["-json", "-G1", "-n", "-all", "-validate"],
    transform: (json) => JSON.parse(json),
  });
  if (!read.success) throw new Error(read.error);
  return read.data[0];
}
