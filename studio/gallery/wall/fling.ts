import { signal } from "@preact/signals";

/** How often the speed is measured, and how far the page may move meanwhile and still count as read: 4 screens a second. */
const MOMENT_MS = 125;
const SLOW_SCREENS = 0.5;

/**
 * Whether the page is scrolled too fast to look at pictures. New pictures are not loaded meanwhile: browsers open six
 * connections to a gateway, and the next page of the wall needs one.
 */
export const isFlung = signal(false);

/** Where the page was at the last measurement. */
let start = scrollY;
let isMeasuring = false;

/** Is told of every scroll of the page. */
export function noteScroll(): void {
  if (isFast()) isFlung.value = true;
  if (isMeasuring) return;
  isMeasuring = true;
  measureLater();
}

/** Forgets where the page was while something else than the wall was shown. */
export function startFromHere(): void {
  start = scrollY;
}

/** Leaves a move out that nobody made: the wall keeps a picture in its place. */
export function leaveOut(pixels: number): void {
  start += pixels;
}

/** A busy page may show no frame for a moment. Then nobody could scroll, so a frame is waited for. */
function measureLater(): void {
  setTimeout(() => requestAnimationFrame(measure), MOMENT_MS);
}

function measure(): void {
  isFlung.value = isFast();
  isMeasuring = scrollY !== start;
  start = scrollY;
  if (isMeasuring) measureLater();
}

function isFast(): boolean {
  return Math.abs(scrollY - start) > innerHeight * SLOW_SCREENS;
}
