import { Icon } from "../../ui/icon.tsx";
import { words } from "../../words/language.ts";
import { chooseRowHeight, ROW_HEIGHTS, rowHeight } from "../wall/viewport.ts";

const t = words(
  {
    height: "Height of the rows",
  },
  {
    height: "行高",
  },
);

/** Makes the pictures of the wall larger or smaller. */
export function RowHeight() {
  const { min, max } = ROW_HEIGHTS;
  return (
    <label class="rows-size wide">
      <span class="sr">{t.height}</span>
      <Icon name="image" small />
      <input
        class="range"
        type="range"
        min={min}
        max={max}
        step={10}
        value={rowHeight.value}
        style={{ "--at": `${(100 * (rowHeight.value - min)) / (max - min)}%` }}
        onInput={({ currentTarget }) => chooseRowHeight(Number(currentTarget.value))}
      />
    </label>
  );
}
