import { DiskObjectStore } from "../adapters/disk/disk-object-store.ts";
import type { Config } from "../config.ts";
import { pathsIn } from "./data-directory.ts";
import type { Storage } from "./open-adapters.ts";

/**
 * Opens the storage of image bytes beside a gateway that may be using it. Nothing is locked or changed by that.
 *
 * @throws StartError when the bucket cannot be used
 */
export async function openStorageBeside({ s3, dataDir }: Config): Promise<Storage> {
  if (s3) {
    const { S3ObjectStore } = await import("../adapters/s3/s3-object-store.ts");
    return { objects: await S3ObjectStore.open(s3), place: `S3 bucket ${s3.bucket}` };
  }
  const path = pathsIn(dataDir).images;
  return { objects: DiskObjectStore.beside(path), place: `directory ${path}` };
}
