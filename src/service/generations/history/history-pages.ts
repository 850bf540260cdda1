import type { GenerationSlice, History, HistoryFilter, ImagePlace } from "../../../ports/history.ts";
import type { Generation, Image } from "../../../ports/records.ts";
import type { Caller } from "../../projects/caller.ts";
import type { ListPage } from "../../projects/list-page.ts";
import { checkWholeNumber } from "../generation-input.ts";
import { type FilterInput, toHistoryFilter } from "./history-filter.ts";

/** Selects a page of a list. `after` and `before` are positions in it: ids of generations, or places of images. */
export interface PageRequest<Place = string> extends Pick<FilterInput, "status"> {
  /** The most items from the start, 0 to 100. If neither `first` nor `last` is given, `first` is 20. */
  readonly first?: number | undefined;
  readonly after?: Place | undefined;
  /** The most items from the end, 0 to 100. With `first`, the last of those that `first` selects. */
  readonly last?: number | undefined;
  readonly before?: Place | undefined;
  readonly filter?: FilterInput | undefined;
}

/** The size of a page when the request gives none. */
export const DEFAULT_PAGE_SIZE = 20;
/** The most items of one page. */
export const MAX_PAGE_SIZE = 100;
/** Lists are counted up to this number. For a longer list, only that it is longer is known. */
export const MAX_COUNTED = 10_000;

const NOTHING = { items: [], hasNextPage: false, hasPreviousPage: false } as const;

/** The part of a list to read. */
interface Part<Place> {
  readonly after?: Place | undefined;
  readonly before?: Place | undefined;
  readonly includesBounds?: boolean;
  readonly isFromStart: boolean;
  readonly limit: number;
}

/** Reads pages of a caller's generations and images, by the algorithm of the Relay specification. */
export class HistoryPages {
  readonly #history: History;

  constructor(history: History) {
    this.#history = history;
  }

  /** @throws BAD_USER_INPUT naming the argument or the field of the filter */
  generations(caller: Caller, request: PageRequest): Promise<ListPage<Generation>> {
    return readPage(request, filterOf(caller, request), (filter, part) => {
      const { after: olderThan, before: newerThan, isFromStart, ...rest } = part;
      const from: GenerationSlice["from"] = isFromStart ? "newest" : "oldest";
      return this.#history.listGenerations({ ...filter, ...rest, olderThan, newerThan, from });
    });
  }

  /** A page of images, those of one generation by their index. @throws BAD_USER_INPUT as {@link generations} */
  images(caller: Caller, request: PageRequest<ImagePlace>): Promise<ListPage<Image>> {
    return readPage(request, filterOf(caller, request), (filter, { isFromStart, ...part }) =>
      this.#history.listImages({ ...filter, ...part, from: isFromStart ? "start" : "end" }),
    );
  }

  /**
   * The number of generations in a list, exact up to {@link MAX_COUNTED}. One more than that stands for all larger
   * numbers.
   */
  async countGenerations(caller: Caller, request: Pick<PageRequest, "status" | "filter">): Promise<number> {
    const filter = filterOf(caller, request);
    return filter ? this.#history.countGenerations(filter, MAX_COUNTED + 1) : 0;
  }

  /**
   * The number of images in a list, exact up to {@link MAX_COUNTED}. One more than that stands for all larger numbers.
   */
  async countImages(caller: Caller, request: Pick<PageRequest, "status" | "filter">): Promise<number> {
    const filter = filterOf(caller, request);
    return filter ? this.#history.countImages(filter, MAX_COUNTED + 1) : 0;
  }
}

/** Adds the argument `status` to the filter. `undefined` when nothing can match. */
function filterOf(caller: Caller, { status, filter = {} }: Pick<PageRequest, "status" | "filter">) {
  if (status === undefined) return toHistoryFilter(caller, filter);
  const both = toHistoryFilter(caller, { ...filter, status });
  return filter.status === undefined || filter.status === status ? both : undefined;
}

/**
 * Reads the range between the cursors, then takes the first `first` items of it, and then the last `last` of those.
 *
 * @see https://relay.dev/graphql/connections.htm#sec-Pagination-algorithm
 */
async function readPage<Item, Place>(
  { first, last, after, before }: PageRequest<Place>,
  filter: HistoryFilter | undefined,
  read: (filter: HistoryFilter, part: Part<Place>) => Promise<readonly Item[]>,
): Promise<ListPage<Item>> {
  if (last !== undefined) checkWholeNumber("last", last, 0, MAX_PAGE_SIZE);
  const isFromStart = first !== undefined || last === undefined;
  const size = checkWholeNumber("first", first ?? last ?? DEFAULT_PAGE_SIZE, 0, MAX_PAGE_SIZE);
  if (!filter) return NOTHING;
  /** Whether the list has an item at a cursor or beyond it. The item at the cursor may have been deleted. */
  const reaches = async (beyond: Partial<Part<Place>>) =>
    (await read(filter, { isFromStart: beyond.after !== undefined, ...beyond, includesBounds: true, limit: 1 }))
      .length > 0;
  const [found, hasAtAfter, hasAtBefore] = await Promise.all([
    read(filter, { after, before, isFromStart, limit: size + 1 }),
    last === undefined && after !== undefined && reaches({ before: after }),
    !isFromStart && before !== undefined && reaches({ after: before }),
  ]);
  const isCut = found.length > size;
  if (!isFromStart) {
    return { items: isCut ? found.slice(1) : found, hasNextPage: hasAtBefore, hasPreviousPage: isCut };
  }
  const items = found.slice(0, size);
  if (last === undefined) return { items, hasNextPage: isCut, hasPreviousPage: hasAtAfter };
  const start = Math.max(0, items.length - last);
  return { items: items.slice(start), hasNextPage: isCut, hasPreviousPage: start > 0 };
}
