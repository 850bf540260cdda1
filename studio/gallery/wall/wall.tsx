import { signal, useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { words } from "../../words/language.ts";
import { hasMore, isOutdated, wallPictures } from "../pictures.ts";
import { isSelecting, selectThrough, toggleSelected } from "../selection/selection.ts";
import { neighbourOf } from "./layout.ts";
import { useMarquee } from "./marquee.ts";
import { layout, reveal, shownRows, useViewport } from "./viewport.ts";
import { runKey } from "./wall-keys.ts";
import { WallRow } from "./wall-row.tsx";

const t = words({ label: "Pictures, newest first" }, { label: "图片，最新的在前" });

/** The picture that has the keyboard, or had it last. */
const activeId = signal<string | undefined>(undefined);

/** The wall: rows of pictures, of which only those near the window are in the document. */
export function Wall() {
  const box = useRef<HTMLDivElement>(null);
  const hasFocus = useSignal(false);
  const wantsFocus = useRef(false);
  const pictures = wallPictures.value ?? [];
  const laidOut = layout.value;
  useViewport(box, (id) => {
    activeId.value = id;
    wantsFocus.current = true;
  });
  const marquee = useMarquee(box);
  useLayoutEffect(() => {
    if (!wantsFocus.current) return;
    const link = box.current?.querySelector<HTMLElement>(`[data-id="${activeId.peek()}"]`);
    if (!link) return;
    wantsFocus.current = false;
    link.focus({ preventScroll: true });
  });

  const activeIndex = pictures.findIndex(({ picture }) => picture.id === activeId.value);
  const activeRow = laidOut?.rowOf[activeIndex];
  const { from, to } = shownRows.value;
  const isActiveShown = activeRow !== undefined && activeRow >= from && activeRow < to;
  const shown = rowNumbers(from, Math.min(to, laidOut?.rows.length ?? 0));
  // The focus stays in the document wherever the wall is scrolled to.
  if (hasFocus.value && activeRow !== undefined && !isActiveShown) shown.push(activeRow);
  const stopIndex = isActiveShown || hasFocus.value ? activeIndex : laidOut?.rows[from]?.slots[0]?.index;

  const goToIndex = (index: number) => {
    const id = pictures[index]?.picture.id;
    if (id === undefined || !box.current) return;
    activeId.value = id;
    wantsFocus.current = true;
    reveal(box.current, index);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const entry = pictures[activeIndex];
    const { target } = event;
    if (!entry || !laidOut || !(target instanceof HTMLElement)) return;
    if (runKey(event, entry)) return event.preventDefault();
    if (!/^(Arrow|Home$|End$)/.test(event.key) || event.altKey) return;
    event.preventDefault();
    const next = event.ctrlKey && event.key === "Home" ? 0 : neighbourOf(laidOut, activeIndex, event.key);
    if (event.shiftKey) {
      if (!isSelecting.value) toggleSelected(entry.picture.id);
      selectThrough(pictures[next]?.picture.id ?? entry.picture.id);
    }
    goToIndex(next);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a wall is no table
    <div
      ref={box}
      class={isOutdated.value ? "wall rows outdated" : "wall rows"}
      role="grid"
      tabIndex={-1}
      aria-label={t.label}
      aria-multiselectable="true"
      aria-busy={isOutdated.value}
      aria-rowcount={hasMore.value ? -1 : (laidOut?.rows.length ?? 0)}
      style={{ blockSize: `${laidOut?.height ?? 0}px` }}
      onKeyDown={onKeyDown}
      onFocusIn={() => {
        hasFocus.value = true;
      }}
      onFocusOut={({ relatedTarget }) => {
        hasFocus.value = relatedTarget instanceof Node && box.current?.contains(relatedTarget) === true;
      }}
    >
      {laidOut &&
        shown.map((at) => {
          const row = laidOut.rows[at];
          return (
            row && (
              <WallRow
                key={at}
                row={row}
                at={at}
                pictures={pictures}
                stopIndex={stopIndex}
                onFocus={(id) => {
                  activeId.value = id;
                }}
              />
            )
          );
        })}
      {marquee && (
        <div
          class="marquee"
          role="presentation"
          style={{
            insetInlineStart: `${marquee.left}px`,
            insetBlockStart: `${marquee.top}px`,
            inlineSize: `${marquee.width}px`,
            blockSize: `${marquee.height}px`,
          }}
        />
      )}
    </div>
  );
}

function rowNumbers(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, offset) => from + offset);
}
