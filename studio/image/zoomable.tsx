import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { clamp, FIT, type View, zoomBy } from "./view.ts";

interface ZoomableProps {
  readonly src: string;
  readonly alt: string;
  readonly placeholder: string;
  readonly width: number;
  readonly height: number;
  readonly view: Signal<View>;
  /** Gets the scale at which the picture fits, in CSS pixels for each of its pixels. */
  readonly onFit?: (scale: number) => void;
}

/** Small pictures are enlarged at most so much by themselves. */
const MAX_FIT = 2;
/** What a wheel turns for one doubling, in CSS pixels. */
const WHEEL_DOUBLING = 300;

/** A picture that is zoomed with the wheel, two fingers or a double click, and moved by dragging. */
export function Zoomable({ src, alt, placeholder, width, height, view, onFit }: ZoomableProps) {
  const stage = useRef<HTMLDivElement>(null);
  const box = useSignal({ width: 0, height: 0 });
  const pointers = useRef(new Map<number, PointerEvent>());
  const fit = Math.min(box.value.width / width, box.value.height / height, MAX_FIT);
  const scale = fit * view.value.zoom;
  const inBox = (any: View) => {
    const drawn = fit * any.zoom;
    return clamp(any, { x: box.value.width / (width * drawn), y: box.value.height / (height * drawn) });
  };
  const set = (next: View) => {
    view.value = inBox(next);
  };
  // Keys, and other pictures that share the view, may have moved it beyond the edge of this one.
  const shown = inBox(view.value);
  useEffect(() => {
    const element = stage.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry) box.value = { width: entry.contentRect.width, height: entry.contentRect.height };
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (fit > 0) onFit?.(fit);
  }, [fit]);
  /** Where a pointer is, as shares of the picture. */
  const placeOf = ({ clientX, clientY }: MouseEvent) => {
    const frame = (stage.current as HTMLDivElement).getBoundingClientRect();
    return {
      x: shown.x + (clientX - frame.left - frame.width / 2) / (width * scale),
      y: shown.y + (clientY - frame.top - frame.height / 2) / (height * scale),
    };
  };
  useEffect(() => {
    const element = stage.current;
    // Preact would register it as passive, and the page would scroll.
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      set(zoomBy(shown, 2 ** (-event.deltaY / WHEEL_DOUBLING), placeOf(event)));
    };
    element?.addEventListener("wheel", onWheel, { passive: false });
    return () => element?.removeEventListener("wheel", onWheel);
  });
  const onPointerMove = (event: PointerEvent) => {
    const before = pointers.current.get(event.pointerId);
    if (!before) return;
    const other = [...pointers.current.values()].find(({ pointerId }) => pointerId !== event.pointerId);
    const moved = {
      x: (event.clientX - before.clientX) / (width * scale),
      y: (event.clientY - before.clientY) / (height * scale),
    };
    const share = other ? 0.5 : 1;
    const panned = { ...shown, x: shown.x - moved.x * share, y: shown.y - moved.y * share };
    set(other ? zoomBy(panned, distance(event, other) / distance(before, other)) : panned);
    pointers.current.set(event.pointerId, event);
  };
  const onPointerDown = (event: PointerEvent) => {
    if (view.value.zoom === 1 && event.pointerType === "mouse") return;
    stage.current?.setPointerCapture(event.pointerId);
    pointers.current.set(event.pointerId, event);
  };
  const forget = ({ pointerId }: PointerEvent) => pointers.current.delete(pointerId);
  const drawn = { x: width * scale, y: height * scale };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys and buttons zoom as well
    <div
      ref={stage}
      class={view.value.zoom > 1 ? "zoomable zoomed" : "zoomable"}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={forget}
      onPointerCancel={forget}
      onDblClick={(event) => set(view.value.zoom > 1 ? FIT : zoomBy(shown, Math.max(2, 1 / fit), placeOf(event)))}
    >
      <img
        src={src}
        alt={alt}
        draggable={false}
        class={scale > MAX_FIT ? "pixels" : undefined}
        style={{
          inlineSize: `${drawn.x}px`,
          blockSize: `${drawn.y}px`,
          translate: `${(0.5 - shown.x) * drawn.x}px ${(0.5 - shown.y) * drawn.y}px`,
          backgroundImage: `url("${placeholder}")`,
        }}
      />
    </div>
  );
}

function distance(one: MouseEvent, other: MouseEvent): number {
  return Math.max(1, Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY));
}
