import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { clamp, FIT, type View, zoomBy } from "../../image/view.ts";
import { words } from "../../words/language.ts";
import { settings } from "../settings.ts";
import type { Source } from "../sources/sources.ts";
import { NO_SPACE, spaced } from "../sources/space.ts";
import type { Point } from "./brush.ts";
import type { Mask } from "./mask.ts";
import { showMask } from "./mask-display.ts";
import { fit, view } from "./stage-view.ts";
import { brushSize, hardness, isMaskHidden, tool } from "./tools.ts";

const t = words({ stage: "The picture and its mask" }, { stage: "图片及其蒙版" });

/** Small pictures are enlarged at most so much by themselves. */
const MAX_FIT = 2;
/** What a wheel turns for one doubling, in CSS pixels. */
const WHEEL_DOUBLING = 300;
/** The button of a mouse's wheel, and that of the other end of a pen. */
const MIDDLE_BUTTON = 1;
const ERASER_BUTTON = 5;

interface PaintStageProps {
  readonly source: Source;
  readonly mask: Mask;
  /** Whether a mask can be painted. */
  readonly canPaint: boolean;
}

/** The picture that is edited. One pointer paints, two fingers or the hand move, the wheel zooms. */
export function PaintStage({ source, mask, canPaint }: PaintStageProps) {
  const stage = useRef<HTMLDivElement>(null);
  const display = useRef<HTMLCanvasElement>(null);
  const cursor = useRef<HTMLSpanElement>(null);
  const box = useSignal({ width: 0, height: 0 });
  const isMoving = useSignal(false);
  const pointers = useRef(new Map<number, PointerEvent>());
  const action = useRef<"paint" | "move" | undefined>(undefined);
  const frame = useRef<DOMRect | undefined>(undefined);
  const { space } = settings.value;
  const { width, height } = spaced(source, space);
  const scale = fit.value * view.value.zoom;

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
    view.value = FIT;
  }, [source.key, space]);
  useEffect(() => {
    const fitting = Math.min(box.value.width / width, box.value.height / height, MAX_FIT);
    if (fitting > 0) fit.value = fitting;
  }, [box.value, width, height]);
  useEffect(() => {
    if (display.current) return showMask(mask, display.current, fit.value);
  }, [mask, fit.value]);
  useEffect(() => {
    const element = stage.current;
    // Preact would register it as passive, and the page would scroll.
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      set(zoomBy(view.value, 2 ** (-event.deltaY / WHEEL_DOUBLING), shareOf(event)));
    };
    element?.addEventListener("wheel", onWheel, { passive: false });
    return () => element?.removeEventListener("wheel", onWheel);
  });
  useHeldSpace(isMoving);

  const inBox = (any: View) => {
    const drawn = fit.value * any.zoom;
    return clamp(any, { x: box.value.width / (width * drawn), y: box.value.height / (height * drawn) });
  };
  const set = (next: View) => {
    view.value = inBox(next);
  };
  /** Where a pointer is, as shares of what is shown. */
  const shareOf = ({ clientX, clientY }: MouseEvent): Point => {
    const {
      left,
      top,
      width: wide,
      height: high,
    } = frame.current ?? (stage.current as HTMLElement).getBoundingClientRect();
    const drawn = fit.value * view.value.zoom;
    const shown = inBox(view.value);
    return {
      x: shown.x + (clientX - left - wide / 2) / (width * drawn),
      y: shown.y + (clientY - top - high / 2) / (height * drawn),
    };
  };
  /** Where a pointer is, in pixels of the picture. */
  const pixelOf = (event: MouseEvent): Point => {
    const { x, y } = shareOf(event);
    return { x: x * width - space.left, y: y * height - space.top };
  };
  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0 && event.button !== MIDDLE_BUTTON && event.button !== ERASER_BUTTON) return;
    stage.current?.setPointerCapture(event.pointerId);
    frame.current = stage.current?.getBoundingClientRect();
    pointers.current.set(event.pointerId, event);
    if (pointers.current.size > 1) {
      mask.cancel();
      action.current = "move";
      return;
    }
    const moves = tool.value === "hand" || isMoving.value || event.button === MIDDLE_BUTTON || !canPaint;
    action.current = moves ? "move" : "paint";
    if (moves) return;
    isMaskHidden.value = false;
    const isErasing = tool.value === "eraser" || event.button === ERASER_BUTTON;
    mask.begin({ isErasing, size: brushSize.value, hardness: hardness.value / 100 });
    mask.paint([pixelOf(event)]);
  };
  const onPointerMove = (event: PointerEvent) => {
    showCursor(event);
    const before = pointers.current.get(event.pointerId);
    if (!before) return;
    if (action.current === "paint") {
      const events = event.getCoalescedEvents?.() ?? [];
      mask.paint((events.length > 0 ? events : [event]).map(pixelOf));
      return;
    }
    const other = [...pointers.current.values()].find(({ pointerId }) => pointerId !== event.pointerId);
    const share = other ? 0.5 : 1;
    const shown = inBox(view.value);
    const moved = {
      ...shown,
      x: shown.x - (share * (event.clientX - before.clientX)) / (width * scale),
      y: shown.y - (share * (event.clientY - before.clientY)) / (height * scale),
    };
    set(other ? zoomBy(moved, distance(event, other) / distance(before, other)) : moved);
    pointers.current.set(event.pointerId, event);
  };
  const onPointerEnd = (event: PointerEvent) => {
    pointers.current.delete(event.pointerId);
    if (action.current === "paint") {
      if (event.type === "pointerup") mask.finish();
      else mask.cancel();
    }
    // The finger that stays after a pinch neither paints nor moves.
    if (pointers.current.size === 0) action.current = undefined;
    frame.current = undefined;
  };
  const showCursor = (event: PointerEvent) => {
    const { style } = cursor.current ?? {};
    if (!style) return;
    const { left, top } = frame.current ?? (stage.current as HTMLElement).getBoundingClientRect();
    style.translate = `calc(${event.clientX - left}px - 50%) calc(${event.clientY - top}px - 50%)`;
    style.visibility = event.pointerType === "touch" ? "hidden" : "visible";
  };
  const hideCursor = () => {
    if (cursor.current) cursor.current.style.visibility = "hidden";
  };
  const drawn = { x: width * scale, y: height * scale };
  // Keys may have moved the view beyond the edge of the picture.
  const shown = inBox(view.value);
  const inset = {
    insetInlineStart: `${(100 * space.left) / width}%`,
    insetBlockStart: `${(100 * space.top) / height}%`,
    inlineSize: `${(100 * source.width) / width}%`,
    blockSize: `${(100 * source.height) / height}%`,
  };
  const isPainting = canPaint && tool.value !== "hand" && !isMoving.value;
  const diameter = `${brushSize.value * scale}px`;
  return (
    // biome-ignore lint/a11y/useSemanticElements: not a form
    <div
      ref={stage}
      class={isPainting ? "paint-stage painting" : "paint-stage"}
      dir="ltr"
      role="group"
      aria-label={t.stage}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={onPointerEnd}
      onPointerCancel={onPointerEnd}
      onPointerLeave={hideCursor}
      onContextMenu={(event) => event.preventDefault()}
    >
      <div
        class={space === NO_SPACE ? "paper" : "paper roomy"}
        style={{
          inlineSize: `${drawn.x}px`,
          blockSize: `${drawn.y}px`,
          translate: `${(0.5 - shown.x) * drawn.x}px ${(0.5 - shown.y) * drawn.y}px`,
        }}
      >
        <img
          src={source.url}
          alt={source.name}
          draggable={false}
          class={scale > MAX_FIT ? "pixels" : undefined}
          style={inset}
        />
        <canvas ref={display} class="mask" hidden={isMaskHidden.value || !canPaint} style={inset} />
      </div>
      {isPainting && <span ref={cursor} class="cursor" style={{ inlineSize: diameter, blockSize: diameter }} />}
    </div>
  );
}

/** Space moves the picture while it is held, unless it presses a button or is typed. */
function useHeldSpace(isHeld: { value: boolean }): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const { target } = event;
      if (
        event.key !== " " ||
        (target instanceof Element && target.matches("button, a, input, textarea, select, [role]"))
      )
        return;
      event.preventDefault();
      isHeld.value = event.type === "keydown";
    };
    const letGo = () => {
      isHeld.value = false;
    };
    document.addEventListener("keydown", onKey);
    document.addEventListener("keyup", onKey);
    addEventListener("blur", letGo);
    return () => {
      document.removeEventListener("keydown", onKey);
      document.removeEventListener("keyup", onKey);
      removeEventListener("blur", letGo);
    };
  }, []);
}

function distance(one: MouseEvent, other: MouseEvent): number {
  return Math.max(1, Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY));
}
