import { useSignal } from "@preact/signals";
import { hrefOf } from "../../router.ts";
import { Icon } from "../../ui/icon.tsx";
import { isOnMat } from "../../ui/tile.tsx";
import { number } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import type { WallPicture } from "../pictures.ts";
import { download, setFavorite, takePictureAgain } from "../selection/actions.ts";
import { isSelecting, selectedIds, selectThrough, toggleSelected } from "../selection/selection.ts";
import { ratioOf, type Slot } from "./layout.ts";
import { useLongPress } from "./long-press.ts";
import { WallImage } from "./wall-image.tsx";

const t = words(
  {
    part: (prompt: string, index: string, n: string) => `${prompt}, ${index} of ${n}`,
    favourite: (name: string) => `${name}, favourite`,
    mark: "Favourite",
    select: "Select",
    again: "Use again",
    download: "Download",
  },
  {
    part: (prompt: string, index: string, n: string) => `${prompt}，第 ${index} 张，共 ${n} 张`,
    favourite: (name: string) => `${name}，已收藏`,
    mark: "收藏",
    select: "选择",
    again: "再次使用",
    download: "下载",
  },
);

interface WallTileProps {
  readonly entry: WallPicture;
  readonly slot: Slot;
  /** What is written on the first picture of a day. */
  readonly day: string | undefined;
  /** Whether Tab leads to it. */
  readonly isTabStop: boolean;
  readonly onFocus: () => void;
}

/** A picture on the wall. Its place has the size of the picture before that has arrived, so nothing moves. */
export function WallTile({ entry, slot, day, isTabStop, onFocus }: WallTileProps) {
  const { picture, generation } = entry;
  const { id, isFavorite } = picture;
  const isHovered = useSignal(false);
  const isFocused = useSignal(false);
  const isSelected = selectedIds.value.has(id);
  const press = useLongPress(() => toggleSelected(id));
  const hasControls = isHovered.value || isFocused.value;
  const onClick = (event: MouseEvent) => {
    if (press.wasLong()) return event.preventDefault();
    const isByKey = event.detail === 0;
    if (event.shiftKey) selectThrough(id);
    else if (event.ctrlKey || event.metaKey || (isSelecting.value && !isByKey)) toggleSelected(id);
    else return;
    event.preventDefault();
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a wall is no table
    <div
      role="gridcell"
      tabIndex={-1}
      aria-selected={isSelected}
      class={classOf(picture, isSelected)}
      style={{ insetInlineStart: `${slot.left}px`, inlineSize: `${slot.width}px` }}
      onPointerEnter={({ pointerType }) => {
        isHovered.value = pointerType === "mouse";
      }}
      onPointerLeave={() => {
        isHovered.value = false;
      }}
      onFocusIn={({ target }) => {
        isFocused.value = target instanceof Element && target.matches(":focus-visible");
        onFocus();
      }}
      onFocusOut={() => {
        isFocused.value = false;
      }}
    >
      <a
        href={hrefOf("image", id)}
        data-id={id}
        tabIndex={isTabStop ? 0 : -1}
        aria-label={nameOf(entry)}
        onClick={onClick}
        {...press.handlers}
      >
        <WallImage entry={entry} width={slot.width} />
      </a>
      {day && !hasControls && !isSelecting.value && <span class="day">{day}</span>}
      {isFavorite && !hasControls && (
        <span class="star">
          <Icon name="star" small />
        </span>
      )}
      {(hasControls || isSelecting.value) && (
        // biome-ignore lint/a11y/useSemanticElements: it is drawn over a picture
        <button
          type="button"
          class="pick"
          role="checkbox"
          aria-checked={isSelected}
          aria-label={t.select}
          tabIndex={isTabStop ? 0 : -1}
          onClick={({ shiftKey }) => (shiftKey ? selectThrough(id) : toggleSelected(id))}
        >
          {isSelected && <Icon name="check" />}
        </button>
      )}
      {hasControls && !isSelecting.value && (
        <div class="over">
          <span class="written" dir="auto" aria-hidden="true">
            {generation.prompt}
          </span>
          <button
            type="button"
            class="icon-btn fav"
            aria-pressed={isFavorite}
            aria-label={t.mark}
            tabIndex={isTabStop ? 0 : -1}
            onClick={() => setFavorite(id, !isFavorite)}
          >
            <Icon name="star" />
          </button>
          <button
            type="button"
            class="icon-btn"
            aria-label={t.again}
            title={t.again}
            tabIndex={isTabStop ? 0 : -1}
            onClick={() => takePictureAgain(entry)}
          >
            <Icon name="again" />
          </button>
          <button
            type="button"
            class="icon-btn"
            aria-label={t.download}
            title={t.download}
            tabIndex={isTabStop ? 0 : -1}
            onClick={() => download([entry])}
          >
            <Icon name="save" />
          </button>
        </div>
      )}
    </div>
  );
}

function nameOf({ picture, generation: { prompt, n } }: WallPicture): string {
  const name = n > 1 ? t.part(prompt, number(picture.index + 1), number(n)) : prompt;
  return picture.isFavorite ? t.favourite(name) : name;
}

function classOf(picture: WallPicture["picture"], isSelected: boolean): string {
  const ratio = picture.width / picture.height;
  return [
    "tile",
    isOnMat(picture) && "mat",
    ratio !== ratioOf(picture) && "whole",
    isSelected && "picked-tile",
    isSelecting.value && "picking",
  ]
    .filter(Boolean)
    .join(" ");
}
