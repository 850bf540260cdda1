import { useKeys } from "../../app/keyboard.tsx";
import { hrefOf } from "../../router.ts";
import { Icon } from "../../ui/icon.tsx";
import { number } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import { download, setFavorite } from "./actions.ts";
import { confirmDeletion } from "./deletion.tsx";
import { selection, selectNothing } from "./selection.ts";

const t = words(
  {
    label: "Selected pictures",
    count: (n: string) => `${n} selected`,
    compare: "Compare",
    favourite: "Favourite",
    download: "Download",
    remove: "Delete",
    nothing: "Select nothing",
  },
  {
    label: "已选图片",
    count: (n: string) => `已选 ${n} 张`,
    compare: "比较",
    favourite: "收藏",
    download: "下载",
    remove: "删除",
    nothing: "取消选择",
  },
);

/** How many pictures can be compared. */
const MAX_COMPARED = 4;

/** What can be done with the selected pictures. It stands where the prompt bar was. */
export function SelectionBar() {
  const entries = selection.value;
  const areFavorites = entries.every(({ picture }) => picture.isFavorite);
  const canCompare = entries.length >= 2 && entries.length <= MAX_COMPARED;
  useKeys({ Escape: selectNothing, Delete: () => confirmDeletion(entries) });
  const markAll = () => {
    for (const { picture } of entries) {
      if (picture.isFavorite === areFavorites) void setFavorite(picture.id, !areFavorites);
    }
  };
  return (
    <section class="picked" aria-label={t.label}>
      <b class="num" role="status">
        {t.count(number(entries.length))}
      </b>
      <span class="grow" />
      {canCompare && (
        <a class="btn small bare" href={hrefOf("compare", ...entries.map(({ picture }) => picture.id))}>
          <Icon name="compare" small />
          <span class="on-wide">{t.compare}</span>
        </a>
      )}
      <button type="button" class="btn small bare fav" aria-pressed={areFavorites} onClick={markAll}>
        <Icon name="star" small />
        <span class="on-wide">{t.favourite}</span>
      </button>
      <button type="button" class="btn small bare" onClick={() => download(entries)}>
        <Icon name="save" small />
        <span class="on-wide">{t.download}</span>
      </button>
      <button type="button" class="btn small danger" onClick={() => confirmDeletion(entries)}>
        <Icon name="bin" small />
        <span class="on-wide">{t.remove}</span>
      </button>
      <button type="button" class="icon-btn" aria-label={t.nothing} title="Esc" onClick={selectNothing}>
        <Icon name="close" />
      </button>
    </section>
  );
}
