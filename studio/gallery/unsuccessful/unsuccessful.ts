import { computed, effect, signal } from "@preact/signals";
import { request } from "../../api/client.ts";
import { type StudioError, toStudioError } from "../../api/errors.ts";
import { projectId } from "../../api/key.ts";
import { DeleteGenerationsDocument, UnsuccessfulDocument } from "../../generated/graphql.ts";
import type { Generation } from "../../state/generations.ts";
import { filter, toGenerationFilter } from "../filter/filter.ts";

const PAGE_SIZE = 40;

const loaded = signal<readonly Generation[] | undefined>(undefined);
const total = signal<number | undefined>(undefined);
const cursor = signal<string | undefined>(undefined);
const isLoading = signal(false);
let round = 0;

/** Generations that failed or were canceled, newest first; `undefined` until the first page has come. */
export const unsuccessful = computed(() => loaded.value);
export const unsuccessfulCount = computed(() => total.value);
export const hasMoreUnsuccessful = signal(true);
export const unsuccessfulFailure = signal<StudioError | undefined>(undefined);

const question = computed(() =>
  filter.value.shown === "pictures"
    ? undefined
    : JSON.stringify([projectId.value ?? null, toGenerationFilter(filter.value)]),
);
// They change as generations run, so they are asked for anew each time that they are shown.
effect(() => {
  round++;
  isLoading.value = false;
  loaded.value = undefined;
  total.value = undefined;
  cursor.value = undefined;
  hasMoreUnsuccessful.value = true;
  if (question.value !== undefined) void loadMoreUnsuccessful();
});

export async function loadMoreUnsuccessful(): Promise<void> {
  if (isLoading.peek() || !hasMoreUnsuccessful.peek()) return;
  const thisRound = round;
  isLoading.value = true;
  unsuccessfulFailure.value = undefined;
  try {
    const { generations } = await request(UnsuccessfulDocument, {
      filter: toGenerationFilter(filter.peek()),
      first: PAGE_SIZE,
      after: cursor.peek() ?? null,
    });
    if (thisRound !== round) return;
    loaded.value = [...(loaded.peek() ?? []), ...generations.nodes];
    total.value = generations.totalCount;
    cursor.value = generations.pageInfo.endCursor ?? undefined;
    hasMoreUnsuccessful.value = generations.pageInfo.hasNextPage;
  } catch (error) {
    if (thisRound === round) unsuccessfulFailure.value = toStudioError(error);
  } finally {
    if (thisRound === round) isLoading.value = false;
  }
}

/** Deletes a generation that has no pictures. @throws StudioError when the gateway refuses */
export async function deleteUnsuccessful(id: string): Promise<void> {
  await request(DeleteGenerationsDocument, { ids: [id] });
  loaded.value = loaded.peek()?.filter((generation) => generation.id !== id);
  if (total.value !== undefined) total.value = Math.max(0, total.value - 1);
}
