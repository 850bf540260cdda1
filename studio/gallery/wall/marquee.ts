import { useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";
import { wallPictures } from "../pictures.ts";
import { isSelecting, select, selectedIds } from "../selection/selection.ts";
import type { Layout } from "./layout.ts";
import { layout } from "./viewport.ts";

/** A rectangle in CSS pixels, from the corner of the wall. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** A shorter way is a click. */
const MIN_PIXELS = 6;
/** Near an edge of the window the page scrolls, so many pixels a frame. */
const EDGE_PIXELS = 60;
const SCROLL_PIXELS = 16;

/**
 * Selects pictures with a rectangle that the mouse draws. It begins beside the pictures; with Shift or while pictures are
 * selected, also on them.
 *
 * @returns the rectangle while it is drawn
 */
export function useMarquee(wall: RefObject<HTMLElement | null>): Box | undefined {
  const drawn = useSignal<Box | undefined>(undefined);
  useEffect(() => {
    let end: (() => void) | undefined;
    const onPointerDown = (event: PointerEvent) => {
      if (event.button !== 0 || event.pointerType !== "mouse" || !canBegin(event)) return;
      const pageX = event.pageX;
      const pageY = event.pageY;
      const before = new Set(selectedIds.peek());
      let pointer = { x: event.clientX, y: event.clientY };
      let frame = 0;
      const draw = () => {
        const element = wall.current;
        if (!element) return;
        const corner = element.getBoundingClientRect();
        const from = { x: pageX - scrollX - corner.left, y: pageY - scrollY - corner.top };
        const to = { x: pointer.x - corner.left, y: pointer.y - corner.top };
        const box = {
          left: Math.min(from.x, to.x),
          top: Math.min(from.y, to.y),
          width: Math.abs(from.x - to.x),
          height: Math.abs(from.y - to.y),
        };
        if (!drawn.peek() && Math.hypot(box.width, box.height) < MIN_PIXELS) return;
        drawn.value = box;
        const laidOut = layout.peek();
        if (laidOut) select([...before, ...idsIn(laidOut, box)]);
      };
      const scroll = () => {
        const step =
          pointer.y < EDGE_PIXELS ? -SCROLL_PIXELS : pointer.y > innerHeight - EDGE_PIXELS ? SCROLL_PIXELS : 0;
        if (drawn.peek() && step !== 0) {
          scrollBy(0, step);
          draw();
        }
        frame = requestAnimationFrame(scroll);
      };
      const onMove = ({ clientX, clientY }: PointerEvent) => {
        pointer = { x: clientX, y: clientY };
        draw();
      };
      const onUp = () => {
        if (drawn.peek()) addEventListener("click", swallow, { capture: true, once: true });
        // Without a click nothing must be swallowed later.
        setTimeout(() => removeEventListener("click", swallow, { capture: true }));
        end?.();
      };
      end = () => {
        cancelAnimationFrame(frame);
        removeEventListener("pointermove", onMove);
        removeEventListener("pointerup", onUp);
        removeEventListener("pointercancel", onUp);
        drawn.value = undefined;
        end = undefined;
      };
      addEventListener("pointermove", onMove);
      addEventListener("pointerup", onUp);
      addEventListener("pointercancel", onUp);
      frame = requestAnimationFrame(scroll);
    };
    addEventListener("pointerdown", onPointerDown);
    return () => {
      end?.();
      removeEventListener("pointerdown", onPointerDown);
    };
  }, []);
  return drawn.value;
}

function canBegin({ target, shiftKey }: PointerEvent): boolean {
  if (!(target instanceof Element) || !target.closest("main.page")) return false;
  if (target.closest("button, input, select, .sheet, dialog, .run, .lead, .notice")) return false;
  return shiftKey || isSelecting.peek() || !target.closest("a");
}

function swallow(event: Event): void {
  event.preventDefault();
  event.stopPropagation();
}

/** The pictures that a rectangle touches, shown or not. */
function idsIn({ rows }: Layout, box: Box): readonly string[] {
  const touched = rows.filter(({ top, height }) => top < box.top + box.height && top + height > box.top);
  return touched.flatMap(({ slots }) =>
    slots
      .filter(({ left, width }) => left < box.left + box.width && left + width > box.left)
      .flatMap(({ index }) => wallPictures.peek()?.[index]?.picture.id ?? []),
  );
}
