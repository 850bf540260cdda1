import { computed, effect, signal } from "@preact/signals";
import { wallPictures } from "../pictures.ts";

const ids = signal<ReadonlySet<string>>(new Set());
/** The picture from which the next range goes. */
let origin: string | undefined;

export const selectedIds = computed(() => ids.value);

/** Whether clicks select pictures rather than open them. */
export const isSelecting = computed(() => ids.value.size > 0);

/** The selected pictures in the order of the wall. */
export const selection = computed(() => wallPictures.value?.filter(({ picture }) => ids.value.has(picture.id)) ?? []);

// What is not on the wall any more cannot be seen, and so not be chosen.
effect(() => {
  const onWall = new Set(wallPictures.value?.map(({ picture }) => picture.id));
  const stays = [...ids.peek()].filter((id) => onWall.has(id));
  if (stays.length < ids.peek().size) ids.value = new Set(stays);
});

export function toggleSelected(id: string): void {
  const next = new Set(ids.peek());
  if (!next.delete(id)) next.add(id);
  ids.value = next;
  origin = id;
}

/** Selects everything from the picture that was chosen last to this one. */
export function selectThrough(id: string): void {
  const order = wallPictures.peek()?.map(({ picture }) => picture.id) ?? [];
  const from = origin === undefined ? -1 : order.indexOf(origin);
  const to = order.indexOf(id);
  if (from < 0 || to < 0) toggleSelected(id);
  else ids.value = new Set([...ids.peek(), ...order.slice(Math.min(from, to), Math.max(from, to) + 1)]);
}

/** Selects exactly these. */
export function select(selected: Iterable<string>): void {
  ids.value = new Set(selected);
}

/** Selects all of these, or none of them if all are selected. */
export function toggleAll(group: readonly string[]): void {
  const next = new Set(ids.peek());
  const isComplete = group.every((id) => next.has(id));
  for (const id of group) isComplete ? next.delete(id) : next.add(id);
  ids.value = next;
}

export function selectNothing(): void {
  ids.value = new Set();
  origin = undefined;
}
