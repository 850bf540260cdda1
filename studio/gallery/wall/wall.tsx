import { signal, useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { isShortcut } from "../../app/keyboard.tsx";
import { modelName } from "../../dock/model-name.ts";
import { Icon } from "../../ui/icon.tsx";
import { day, moment, number } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import { filter } from "../filter/filter.ts";
import { hasMore, isOutdated, type WallPicture, wallPictures } from "../pictures.ts";
import { setFavorite, takePictureAgain } from "../selection/actions.ts";
import { confirmDeletion } from "../selection/deletion.tsx";
import {
  isSelecting,
  select,
  selectedIds,
  selection,
  selectNothing,
  selectThrough,
  toggleAll,
  toggleSelected,
} from "../selection/selection.ts";
import { HEADING_HEIGHT, neighbourOf, type Row } from "./layout.ts";
import { useMarquee } from "./marquee.ts";
import { layout, reveal, shownRows, useViewport } from "./viewport.ts";
import { WallTile } from "./wall-tile.tsx";

const t = words(
  {
    label: "Pictures, newest first",
    count: (n: string) => (n === "1" ? "1 picture" : `${n} pictures`),
    selectAll: "Select these",
  },
  { label: "图片，最新的在前", count: (n: string) => `${n} 张图片`, selectAll: "选择这些" },
);

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

interface WallRowProps {
  readonly row: Row;
  readonly at: number;
  readonly pictures: readonly WallPicture[];
  readonly stopIndex: number | undefined;
  readonly onFocus: (id: string) => void;
}

function WallRow({ row, at, pictures, stopIndex, onFocus }: WallRowProps) {
  const first = pictures[row.slots[0]?.index ?? -1];
  return (
    // biome-ignore lint/a11y/useSemanticElements: a wall is no table
    // biome-ignore lint/a11y/useFocusableInteractive: its cells take the focus
    <div
      role="row"
      class="wall-row"
      aria-rowindex={at + 1}
      style={{ insetBlockStart: `${row.top}px`, blockSize: `${row.height}px` }}
    >
      {row.hasHeading && first && (
        <GroupHeading
          first={first}
          pictures={pictures}
          isTabStop={row.slots.some(({ index }) => index === stopIndex)}
        />
      )}
      {row.slots.map((slot) => {
        const entry = pictures[slot.index];
        return (
          entry && (
            <WallTile
              key={entry.picture.id}
              entry={entry}
              slot={slot}
              day={dayOf(pictures, slot.index)}
              isTabStop={slot.index === stopIndex}
              onFocus={() => onFocus(entry.picture.id)}
            />
          )
        );
      })}
    </div>
  );
}

/** What the pictures of one generation have in common. */
function GroupHeading({
  first,
  pictures,
  isTabStop,
}: {
  readonly first: WallPicture;
  readonly pictures: readonly WallPicture[];
  readonly isTabStop: boolean;
}) {
  const { id, prompt, model, createdAt } = first.generation;
  const group = pictures.filter(({ generation }) => generation.id === id).map(({ picture }) => picture.id);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a wall is no table
    // biome-ignore lint/a11y/useFocusableInteractive: its button takes the focus
    <div role="rowheader" class="group-head" style={{ blockSize: `${HEADING_HEIGHT}px` }}>
      <p class="written" dir="auto">
        {prompt}
      </p>
      <span class="meta num">
        {t.count(number(group.length))} · {modelName(model)} · {moment(createdAt)}
      </span>
      <span class="grow" />
      <button
        type="button"
        class="icon-btn"
        aria-label={t.selectAll}
        title={t.selectAll}
        aria-pressed={group.every((each) => selectedIds.value.has(each))}
        tabIndex={isTabStop ? 0 : -1}
        onClick={() => toggleAll(group)}
      >
        <Icon name="check" />
      </button>
    </div>
  );
}

/** Runs what a key does with a picture. @returns whether it does anything */
function runKey(event: KeyboardEvent, entry: WallPicture): boolean {
  const { id, isFavorite } = entry.picture;
  const isOnPicture = event.target instanceof HTMLAnchorElement;
  if (event.key === "a" && (event.ctrlKey || event.metaKey)) {
    select(wallPictures.peek()?.map(({ picture }) => picture.id) ?? []);
    return true;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  if (event.key === "Delete") {
    confirmDeletion(isSelecting.value ? selection.value : [entry]);
    return true;
  }
  if (event.key === "Escape" && isSelecting.value) {
    selectNothing();
    return true;
  }
  if (event.key === " " && isOnPicture) {
    toggleSelected(id);
    return true;
  }
  if (!isShortcut(event)) return false;
  switch (event.key.toLowerCase()) {
    case "x":
      toggleSelected(id);
      return true;
    case "f":
      void setFavorite(id, !isFavorite);
      return true;
    case "r":
      void takePictureAgain(entry);
      return true;
  }
  return false;
}

/** The day of a picture, if it is the first of its day. */
function dayOf(pictures: readonly WallPicture[], index: number): string | undefined {
  if (filter.value.isGrouped) return undefined;
  const at = pictures[index]?.generation.createdAt;
  const before = pictures[index - 1]?.generation.createdAt;
  if (at === undefined || (before && new Date(before).toDateString() === new Date(at).toDateString())) return undefined;
  return day(at);
}

function rowNumbers(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, offset) => from + offset);
}
