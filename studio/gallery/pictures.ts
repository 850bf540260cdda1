import { computed, effect, signal } from "@preact/signals";
import { isConnected, request } from "../api/client.ts";
import { type StudioError, toStudioError } from "../api/errors.ts";
import { projectId } from "../api/key.ts";
import { WallDocument, type WallEntryFragment, WallIdsDocument, WallImageDocument } from "../generated/graphql.ts";
import { onFinished, type Picture } from "../state/generations.ts";
import { filter, isUnfiltered, toImageFilter } from "./filter/filter.ts";

/** A picture on the wall, with the generation that it belongs to. */
export interface WallPicture {
  readonly picture: Picture;
  readonly generation: WallEntryFragment["generation"];
}

/** The first page fills a usual screen soon. Later ones save requests, and stay small enough to be read and laid out in a few ms. */
const FIRST_PAGE_SIZE = 24;
const PAGE_SIZE = 60;

const loaded = signal<readonly WallPicture[] | undefined>(undefined);
const arrived = signal<readonly WallPicture[]>([]);
const total = signal<number | undefined>(undefined);
const cursor = signal<string | undefined>(undefined);
const isLoading = signal(false);
/** Counts the filters and projects that the wall has had, so that late answers to earlier ones are left out. */
let round = 0;

export const galleryFailure = signal<StudioError | undefined>(undefined);
export const hasMore = signal(true);
/** Whether the pictures of an earlier filter are still shown. */
export const isOutdated = signal(false);
/** Whether new pictures wait until they are asked for, because somebody looks at older ones. */
export const keepsPlace = signal(false);

/** All that is loaded, newest first; `undefined` until the first page has come. */
export const wallPictures = computed(() => loaded.value);
/** How many pictures match; more than 10,000 are not counted. `undefined` until it is known. */
export const totalCount = computed(() => total.value);
/** How many new pictures wait to be shown. */
export const arrivedCount = computed(() => arrived.value.length);
/** Whether there is nothing at all, once that is known. */
export const isWallEmpty = computed(
  () => isUnfiltered.value && !isOutdated.value && loaded.value?.length === 0 && !hasMore.value,
);

/** Changes when other pictures are asked for. */
const question = computed(() => JSON.stringify([projectId.value ?? null, toImageFilter(filter.value)]));
let asked = question.peek();
effect(() => {
  if (question.value === asked) return;
  asked = question.value;
  startAnew();
});

onFinished(({ images, ...generation }) => {
  if (isUnfiltered.peek()) hangUp(images.map((picture) => ({ picture, generation })));
  else void lookForNew().catch(() => {});
});

// What was made while the connection was broken was not announced.
effect(() => {
  if (isConnected.value && loaded.peek()) void lookForNew().catch(() => {});
});

/** Loads the next page of older pictures. */
export async function loadMore(): Promise<void> {
  if (isLoading.peek() || !hasMore.peek()) return;
  const thisRound = round;
  isLoading.value = true;
  galleryFailure.value = undefined;
  const isFirst = cursor.peek() === undefined;
  try {
    const { images } = await request(WallDocument, {
      filter: toImageFilter(filter.peek()),
      first: isFirst ? FIRST_PAGE_SIZE : PAGE_SIZE,
      after: cursor.peek() ?? null,
      isFirst,
    });
    if (thisRound !== round) return;
    const before = isFirst ? [] : (loaded.peek() ?? []);
    loaded.value = append(before, images.nodes.map(toWallPicture));
    cursor.value = images.pageInfo.endCursor ?? undefined;
    hasMore.value = images.pageInfo.hasNextPage;
    if (images.totalCount !== undefined) total.value = images.totalCount;
    isOutdated.value = false;
  } catch (error) {
    const failure = toStudioError(error);
    // Without a key, the page that asks for one takes the place of the wall.
    if (thisRound === round && failure.code !== "UNAUTHENTICATED") galleryFailure.value = failure;
  } finally {
    if (thisRound === round) isLoading.value = false;
  }
}

/** Shows the new pictures that waited. */
export function showArrived(): void {
  const pictures = arrived.peek();
  arrived.value = [];
  if (pictures.length > 0) loaded.value = merge([...pictures, ...(loaded.peek() ?? [])]);
}

/** Changes a picture where it hangs. */
export function changePicture(id: string, changes: Partial<Picture>): void {
  const change = (entry: WallPicture) =>
    entry.picture.id === id ? { ...entry, picture: { ...entry.picture, ...changes } } : entry;
  loaded.value = loaded.peek()?.map(change);
  arrived.value = arrived.peek().map(change);
}

/** Takes pictures off the wall that do not exist any more. */
export function takeDown(ids: ReadonlySet<string>): void {
  const stays = ({ picture }: WallPicture) => !ids.has(picture.id);
  const before = loaded.peek();
  loaded.value = before?.filter(stays);
  arrived.value = arrived.peek().filter(stays);
  const removed = (before?.length ?? 0) - (loaded.peek()?.length ?? 0);
  // A count above the limit is not exact, so it stays.
  if (total.value !== undefined && total.value <= MAX_COUNTED) total.value = Math.max(0, total.value - removed);
}

/** The gateway counts no further than one more. */
export const MAX_COUNTED = 10_000;

/** Gets new links of a picture whose links have expired, or takes it down if it was deleted elsewhere. */
export async function renewLinks(id: string): Promise<void> {
  const { image } = await request(WallImageDocument, { id });
  if (image) changePicture(id, { url: image.url, small: image.small, thumbnail: image.thumbnail });
  else takeDown(new Set([id]));
}

/** Loads the wall for another question. What hangs there stays until the answer has come. */
function startAnew(): void {
  round++;
  isLoading.value = false;
  isOutdated.value = loaded.peek() !== undefined;
  arrived.value = [];
  cursor.value = undefined;
  hasMore.value = true;
  total.value = undefined;
  void loadMore();
}

/** Looks for pictures that were made unnoticed. It compares ids, which are short, as far as the wall is loaded. */
async function lookForNew(): Promise<void> {
  const thisRound = round;
  const loadedCount = loaded.peek()?.length ?? 0;
  const first = Math.min(PAGE_SIZE, Math.max(FIRST_PAGE_SIZE, loadedCount));
  const newest = { filter: toImageFilter(filter.peek()), first };
  const { images } = await request(WallIdsDocument, newest);
  if (thisRound !== round) return;
  const known = knownIds();
  const count = images.nodes.findLastIndex(({ id }) => !known.has(id)) + 1;
  if (count > 0) {
    const { images } = await request(WallDocument, { ...newest, first: count, after: null, isFirst: false });
    if (thisRound !== round) return;
    hangUp(images.nodes.map(toWallPicture));
  }
  total.value = images.totalCount;
}

function knownIds(): ReadonlySet<string> {
  return new Set([...(loaded.peek() ?? []), ...arrived.peek()].map(({ picture }) => picture.id));
}

function hangUp(pictures: readonly WallPicture[]): void {
  const known = knownIds();
  // What is older than all that is loaded comes with its own page.
  const oldestId = hasMore.peek() ? (loaded.peek()?.at(-1)?.generation.id ?? "") : "";
  const fresh = pictures.filter(({ picture, generation }) => !known.has(picture.id) && generation.id >= oldestId);
  if (fresh.length === 0) return;
  if (total.value !== undefined && total.value <= MAX_COUNTED) total.value += fresh.length;
  if (keepsPlace.peek()) arrived.value = merge([...fresh, ...arrived.peek()]);
  else loaded.value = merge([...fresh, ...(loaded.peek() ?? [])]);
}

/** Adds an older page. It usually begins where the list ends, so tens of thousands of pictures need no sorting. */
function append(pictures: readonly WallPicture[], page: readonly WallPicture[]): readonly WallPicture[] {
  const [last, next] = [pictures.at(-1), page[0]];
  const isNext = !last || !next || compare(last, next) < 0;
  return isNext ? [...pictures, ...page] : merge([...pictures, ...page]);
}

/** Each picture once, in the order of the wall. */
function merge(pictures: readonly WallPicture[]): readonly WallPicture[] {
  return [...new Map(pictures.map((entry) => [entry.picture.id, entry])).values()].sort(compare);
}

/** The order of the wall: the newest generation first, and its pictures by their index. */
function compare(one: WallPicture, other: WallPicture): number {
  if (one.generation.id === other.generation.id) return one.picture.index - other.picture.index;
  return one.generation.id < other.generation.id ? 1 : -1;
}

function toWallPicture({ generation, ...picture }: WallEntryFragment): WallPicture {
  return { picture, generation };
}
