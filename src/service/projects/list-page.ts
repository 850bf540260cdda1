import { badInput } from "../../errors.ts";
import type { ListSlice } from "../../ports/projects/projects.ts";

/** Selects a part of a list, newest first. The ids are those of the items next to the part. */
export interface ListRequest {
  /** The number of items from the newest end, 0–100. 20 when neither `first` nor `last` is given. */
  readonly first?: number | undefined;
  readonly after?: string | undefined;
  /** The number of items from the oldest end, 0–100. Not together with `first`. */
  readonly last?: number | undefined;
  readonly before?: string | undefined;
}

export interface ListPage<Item> {
  /** Newest first. */
  readonly items: readonly Item[];
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
}

const DEFAULT_PAGE_SIZE = 20;
const MAX_PAGE_SIZE = 100;

/** Reads a page of a list. @throws BAD_USER_INPUT naming `first` or `last` */
export async function readPage<Item>(
  { first, after, last, before }: ListRequest,
  read: (slice: ListSlice) => Promise<readonly Item[]>,
): Promise<ListPage<Item>> {
  if (first !== undefined && last !== undefined) throw badInput("last", "send first or last, not both");
  const isFromNewest = last === undefined;
  const size = last ?? first ?? DEFAULT_PAGE_SIZE;
  if (!Number.isInteger(size) || size < 0 || size > MAX_PAGE_SIZE) {
    const field = isFromNewest ? "first" : "last";
    throw badInput(field, `${field} must be a whole number from 0 to ${MAX_PAGE_SIZE}`);
  }
  const found = await read({
    from: isFromNewest ? "newest" : "oldest",
    olderThan: after,
    newerThan: before,
    limit: size + 1,
  });
  const isCut = found.length > size;
  // The item of a cursor existed when the cursor was made, so there is a page on its other side.
  return isFromNewest
    ? { items: found.slice(0, size), hasNextPage: isCut, hasPreviousPage: after !== undefined }
    : { items: isCut ? found.slice(1) : found, hasNextPage: before !== undefined, hasPreviousPage: isCut };
}
