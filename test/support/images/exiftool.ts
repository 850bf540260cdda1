import { parseMetadata } from "@uswriting/exiftool";

/** What exiftool itself, compiled to WebAssembly, reads in a file: tags under the groups they stand in. */
export async function readTags(bytes: Uint8Array, extension: string): Promise<Record<string, unknown>> {
  const file = { name: `image.${extension}`, data: bytes };
  const read = await parseMetadata<[Record<string, unknown>]>(file, {
    // Groups by place in the file and by namespace, values as they stand, and whether the file is as it should be.
    args: ["-json", "-G1", "-n", "-all", "-validate"],
    transform: (json) => JSON.parse(json),
  });
  if (!read.success) throw new Error(read.error);
  return read.data[0];
}
