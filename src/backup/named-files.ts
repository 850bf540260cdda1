import type { Inventory } from "../ports/inventory.ts";
import type { Generation, Image } from "../ports/records.ts";

/** A file that a record names. */
export interface NamedFile {
  readonly key: string;
  /** In hexadecimal; `undefined` for the provider's file of an image that is delivered in another form. */
  readonly sha256: string | undefined;
  /** Known together with the hash. */
  readonly byteSize: number | undefined;
  readonly generationId: string;
  /** `undefined` for a source of an edit. */
  readonly imageId?: string;
}

/** How many records are read at a time. */
const PAGE = 100;

/**
 * Lists the files that the records need, in pages: the sources of edits that wait to be run, then the files of images in
 * the order of their ids. Derivatives are left out, because they can be made again, and previews, because they end with
 * their generation.
 */
export async function* namedFiles(inventory: Inventory): AsyncGenerator<readonly NamedFile[]> {
  for await (const edits of pagesOf((after) => inventory.queuedEditsAfter(after, PAGE))) yield edits.flatMap(sourcesOf);
  for await (const images of pagesOf((after) => inventory.imagesAfter(after, PAGE))) yield images.flatMap(filesOf);
}

/** Reads page after page until one is empty. */
export async function* pagesOf<Entry extends { readonly id: string }>(
  readPage: (after: string) => Promise<readonly Entry[]>,
): AsyncGenerator<readonly Entry[]> {
  for (let after = ""; ; ) {
    const page = await readPage(after);
    const last = page.at(-1);
    if (!last) return;
    after = last.id;
    yield page;
  }
}

/** The images of an edit, and its mask. */
export function sourcesOf({ id, edit }: Generation): NamedFile[] {
  const sources = edit ? [...edit.images, ...(edit.mask ? [edit.mask] : [])] : [];
  return sources.map(({ key, sha256, byteSize }) => ({ key, sha256, byteSize, generationId: id }));
}

function filesOf({ id, generationId, key, originalKey, sha256, byteSize }: Image): NamedFile[] {
  const delivered = { key, sha256, byteSize, generationId, imageId: id };
  if (key === originalKey) return [delivered];
  return [{ key: originalKey, sha256: undefined, byteSize: undefined, generationId, imageId: id }, delivered];
}
