import { modelName } from "../../dock/model-name.ts";
import { Icon } from "../../ui/icon.tsx";
import { day, moment, number } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import { filter } from "../filter/filter.ts";
import type { WallPicture } from "../pictures.ts";
import { selectedIds, toggleAll } from "../selection/selection.ts";
import { HEADING_HEIGHT, type Row } from "./layout.ts";
import { WallTile } from "./wall-tile.tsx";

const t = words(
  {
    count: (n: string) => (n === "1" ? "1 picture" : `${n} pictures`),
    selectAll: "Select these",
  },
  { count: (n: string) => `${n} 张图片`, selectAll: "选择这些" },
);

interface WallRowProps {
  readonly row: Row;
  /** Its number, from 0. */
  readonly at: number;
  readonly pictures: readonly WallPicture[];
  /** The picture to which Tab leads. */
  readonly stopIndex: number | undefined;
  readonly onFocus: (id: string) => void;
}

/** A row of pictures, below the heading of their generation where one begins. */
export function WallRow({ row, at, pictures, stopIndex, onFocus }: WallRowProps) {
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

/** The day of a picture, if it is the first of its day. */
function dayOf(pictures: readonly WallPicture[], index: number): string | undefined {
  if (filter.value.isGrouped) return undefined;
  const at = pictures[index]?.generation.createdAt;
  const before = pictures[index - 1]?.generation.createdAt;
  if (at === undefined || (before && new Date(before).toDateString() === new Date(at).toDateString())) return undefined;
  return day(at);
}
