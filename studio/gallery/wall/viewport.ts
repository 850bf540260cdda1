import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect } from "preact/hooks";
import { StoredText } from "../../api/storage.ts";
import { mayLoadThumbnails } from "../../create/price.ts";
import { place } from "../../router.ts";
import { filter } from "../filter/filter.ts";
import { keepsPlace, loadMore, wallPictures } from "../pictures.ts";
import { leaveOut, noteScroll, startFromHere } from "./fling.ts";
import { firstRowBelow, type Layout, layOut, type RowRange, rowsBetween } from "./layout.ts";

/** Screens of pictures that are in the document above and below the window, and that are loaded ahead. */
const MARGIN_SCREENS = 0.75;
const AHEAD_SCREENS = 3;
/** The bars over the wall: what is below them is not seen. */
const TOP_BAR_PIXELS = 72;
const DOCK_PIXELS = 150;
const PHONE_PIXELS = 760;

const storedRowHeight = new StoredText("localStorage", "row-height");
/** The bounds of the row height that people can choose, in pixels. */
export const ROW_HEIGHTS = { min: 120, max: 400 } as const;

/** The chosen height of rows; `undefined` for what suits the window. */
export const chosenRowHeight = signal(readRowHeight());
/** The width of the wall in pixels; `undefined` until it is measured. */
const wallWidth = signal<number | undefined>(undefined);
const windowWidth = signal(innerWidth);
addEventListener("resize", () => {
  windowWidth.value = innerWidth;
});

/** The height that rows aim at. */
export const rowHeight = computed(() => {
  if (windowWidth.value <= PHONE_PIXELS) return 150;
  return chosenRowHeight.value ?? Math.min(260, Math.max(180, windowWidth.value * 0.16));
});

export const layout: ReadonlySignal<Layout | undefined> = computed(() => {
  if (wallWidth.value === undefined || !wallPictures.value) return undefined;
  return layOut(
    wallPictures.value.map(({ picture, generation }) => ({
      width: picture.width,
      height: picture.height,
      groupId: generation.id,
    })),
    {
      width: wallWidth.value,
      rowHeight: rowHeight.value,
      gap: windowWidth.value <= PHONE_PIXELS ? 4 : 8,
      isGrouped: filter.value.isGrouped,
    },
  );
});

/** The rows that are in the document. */
export const shownRows = signal<RowRange>({ from: 0, to: 0 });

/** The picture at the top of the window, and where its row is in it. `undefined` while the wall is at its beginning. */
let anchor: { readonly id: string; readonly top: number } | undefined;
/** Where the wall began in the page when the anchor was noted. */
let noted = 0;
/** The picture that was opened last. */
let lastOpened: string | undefined;
effect(() => {
  const [page, id] = place.value.path;
  if (page === "image") lastOpened = id;
});
// The wall restores its own place: the browser would do so before the pictures are there.
history.scrollRestoration = "manual";

export function chooseRowHeight(pixels: number): void {
  chosenRowHeight.value = pixels;
  storedRowHeight.write(String(pixels));
}

function readRowHeight(): number | undefined {
  const height = Number(storedRowHeight.read());
  return height >= ROW_HEIGHTS.min && height <= ROW_HEIGHTS.max ? height : undefined;
}

/**
 * Keeps the rows near the window in the document, loads more before they are needed, and keeps the picture at the top of
 * the window where it is when anything above it changes.
 *
 * @param onReturn gets the picture that was opened, when people come back from it
 */
export function useViewport(box: RefObject<HTMLElement | null>, onReturn: (id: string) => void): void {
  const laidOut = layout.value;

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      wallWidth.value = element.clientWidth;
      restore(element);
      update(element);
    });
    observer.observe(element);
    // What runs stands above the wall and comes and goes.
    if (element.parentElement?.parentElement) observer.observe(element.parentElement.parentElement);
    wallWidth.value = element.clientWidth;
    startFromHere();
    const onScroll = () => {
      noteScroll();
      makeUpForMove(element);
      update(element);
      remember(element);
    };
    addEventListener("scroll", onScroll, { passive: true });
    return () => {
      observer.disconnect();
      removeEventListener("scroll", onScroll);
    };
  }, []);

  useLayoutEffect(() => {
    if (!box.current || !laidOut) return;
    restore(box.current);
    update(box.current);
  }, [laidOut, mayLoadThumbnails.value]);

  const isReady = laidOut !== undefined && laidOut.rows.length > 0;
  useLayoutEffect(() => {
    if (!isReady || lastOpened === undefined || !box.current) return;
    const index = indexOf(lastOpened);
    if (index >= 0) {
      const before = scrollY;
      reveal(box.current, index);
      leaveOut(scrollY - before);
      onReturn(lastOpened);
    }
    lastOpened = undefined;
  }, [isReady]);

  // Another filter begins at its newest picture.
  useEffect(() => {
    const key = JSON.stringify(filter.value);
    if (shownKey !== undefined && shownKey !== key) {
      anchor = undefined;
      scrollTo(0, 0);
    }
    shownKey = key;
  }, [filter.value]);
}

/** The filter that the place belongs to. */
let shownKey: string | undefined;

/** Scrolls to the newest picture. */
export function scrollToStart(): void {
  anchor = undefined;
  scrollTo(0, 0);
}

/** Scrolls as little as it takes to show a picture whole. */
export function reveal(element: HTMLElement, index: number): void {
  const row = layout.peek()?.rows[layout.peek()?.rowOf[index] ?? -1];
  if (!row) return;
  const top = element.getBoundingClientRect().top + row.top;
  const bottom = top + row.height;
  const lowest = innerHeight - DOCK_PIXELS;
  if (top < TOP_BAR_PIXELS) scrollBy(0, top - TOP_BAR_PIXELS);
  else if (bottom > lowest) scrollBy(0, Math.min(bottom - lowest, top - TOP_BAR_PIXELS));
  update(element);
  remember(element);
}

function update(element: HTMLElement): void {
  const laidOut = layout.peek();
  if (!laidOut) return;
  const top = -element.getBoundingClientRect().top;
  const bottom = top + innerHeight;
  const next = rowsBetween(laidOut, Math.max(0, top), Math.max(0, bottom), innerHeight * MARGIN_SCREENS);
  const { from, to } = shownRows.peek();
  if (next.from !== from || next.to !== to) shownRows.value = next;
  keepsPlace.value = top > 0;
  if (mayLoadThumbnails.peek() && laidOut.height - bottom < innerHeight * AHEAD_SCREENS) void loadMore();
}

function remember(element: HTMLElement): void {
  const laidOut = layout.peek();
  const top = -element.getBoundingClientRect().top;
  if (!laidOut || top <= 0) {
    anchor = undefined;
    return;
  }
  noted = beginOf(element);
  const row = laidOut.rows[firstRowBelow(laidOut, top + TOP_BAR_PIXELS)];
  const id = wallPictures.peek()?.[row?.slots[0]?.index ?? -1]?.picture.id;
  anchor = row && id !== undefined ? { id, top: row.top - top } : undefined;
}

/** Follows the wall if something above it has grown or gone, and the page is scrolled before an observer says so. */
function makeUpForMove(element: HTMLElement): void {
  const moved = beginOf(element) - noted;
  if (anchor && Math.abs(moved) >= 1) scrollUnnoticed(moved);
}

function restore(element: HTMLElement): void {
  const laidOut = layout.peek();
  if (!laidOut || !anchor) return;
  const row = laidOut.rows[laidOut.rowOf[indexOf(anchor.id)] ?? -1];
  if (!row) return;
  const moved = element.getBoundingClientRect().top + row.top - anchor.top;
  if (Math.abs(moved) >= 1) scrollUnnoticed(moved);
  noted = beginOf(element);
}

function scrollUnnoticed(pixels: number): void {
  const before = scrollY;
  scrollBy(0, pixels);
  leaveOut(scrollY - before);
}

/** Where the wall begins in the page, in pixels. */
function beginOf(element: HTMLElement): number {
  return element.getBoundingClientRect().top + scrollY;
}

function indexOf(id: string): number {
  return wallPictures.peek()?.findIndex(({ picture }) => picture.id === id) ?? -1;
}
