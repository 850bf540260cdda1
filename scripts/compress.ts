import { readFile, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { brotliCompress, constants, gunzip, gzip } from "node:zlib";

/**
 * Writes `<file>.br` and `<file>.gz` beside a built file, unless they are up to date. The gateway serves them
 * unchanged.
 */
export async function compress(file: URL): Promise<void> {
  const bytes = await readFile(file);
  const isCompressed = await readFile(new URL(`${file}.gz`))
    .then(promisify(gunzip))
    .then((before) => before.equals(bytes))
    .catch(() => false);
  if (isCompressed) return;
  const params = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  await writeFile(new URL(`${file}.br`), await promisify(brotliCompress)(bytes, { params }));
  // It is written last, so its presence means that both are complete.
  await writeFile(new URL(`${file}.gz`), await promisify(gzip)(bytes, { level: constants.Z_BEST_COMPRESSION }));
}
