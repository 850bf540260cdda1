import { useRef } from "preact/hooks";
import { isSelecting } from "../selection/selection.ts";

/** How long a finger stays to select, and how far it may move meanwhile. */
const LONG_PRESS_MS = 500;
const STEADY_PIXELS = 10;

/** Tells a long press of a finger from a tap. */
export function useLongPress(onLongPress: () => void) {
  const state = useRef<{ timer?: ReturnType<typeof setTimeout>; x: number; y: number; wasLong: boolean }>({
    x: 0,
    y: 0,
    wasLong: false,
  }).current;
  const stop = () => clearTimeout(state.timer);
  return {
    /** Whether the click that follows ends a long press. */
    wasLong: () => {
      const { wasLong } = state;
      state.wasLong = false;
      return wasLong;
    },
    handlers: {
      onPointerDown: ({ pointerType, clientX, clientY }: PointerEvent) => {
        stop();
        state.wasLong = false;
        if (pointerType !== "touch") return;
        Object.assign(state, { x: clientX, y: clientY });
        state.timer = setTimeout(() => {
          state.wasLong = true;
          onLongPress();
        }, LONG_PRESS_MS);
      },
      onPointerMove: ({ clientX, clientY }: PointerEvent) => {
        if (Math.hypot(clientX - state.x, clientY - state.y) > STEADY_PIXELS) stop();
      },
      onPointerUp: stop,
      onPointerCancel: stop,
      // The browser's own menu would cover the wall.
      onContextMenu: (event: MouseEvent) => {
        if (event instanceof PointerEvent && event.pointerType === "touch") event.preventDefault();
      },
      onDragStart: (event: DragEvent) => {
        if (isSelecting.value || event.shiftKey) event.preventDefault();
      },
    },
  };
}
