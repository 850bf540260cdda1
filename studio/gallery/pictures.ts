import { computed, signal } from "@preact/signals";
import { request } from "../api/client.ts";
import { type StudioError, toStudioError } from "../api/errors.ts";
import { GalleryDocument } from "../generated/graphql.ts";
import { type Generation, onFinished, type Picture } from "../state/generations.ts";

/** A picture on the wall, with the generation that it belongs to. */
export interface WallPicture {
  readonly picture: Picture;
  readonly generation: Generation;
}

const PAGE_SIZE = 30;

const generations = signal<readonly Generation[] | undefined>(undefined);
const cursor = signal<string | undefined>(undefined);
const isLoading = signal(false);

export const galleryFailure = signal<StudioError | undefined>(undefined);
export const hasMore = signal(true);

/** All that is loaded, newest first; `undefined` until the first page has come. */
export const wallPictures = computed<readonly WallPicture[] | undefined>(() =>
  generations.value?.flatMap((generation) => generation.images.map((picture) => ({ picture, generation }))),
);

onFinished((generation) => {
  const others = (generations.value ?? []).filter(({ id }) => id !== generation.id);
  generations.value = [generation, ...others].sort((one, other) => (one.id < other.id ? 1 : -1));
});

/** Loads the next page of older pictures. */
export async function loadMore(): Promise<void> {
  if (isLoading.value || !hasMore.value) return;
  isLoading.value = true;
  try {
    const { generations: page } = await request(GalleryDocument, { first: PAGE_SIZE, after: cursor.value ?? null });
    const known = new Set(generations.value?.map(({ id }) => id));
    generations.value = [...(generations.value ?? []), ...page.nodes.filter(({ id }) => !known.has(id))];
    cursor.value = page.pageInfo.endCursor ?? undefined;
    hasMore.value = page.pageInfo.hasNextPage;
    galleryFailure.value = undefined;
  } catch (error) {
    galleryFailure.value = toStudioError(error);
  } finally {
    isLoading.value = false;
  }
}
