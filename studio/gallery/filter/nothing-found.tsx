import { Icon, type IconName } from "../../ui/icon.tsx";
import { words } from "../../words/language.ts";
import { changeFilter, clearFilter, filter, formatFilter } from "./filter.ts";

const t = words(
  {
    noFavourites: "No favourites yet",
    howToMark: "Press F on a picture, or the star on it. It is then found here.",
    noWord: (search: string) => `No prompt has “${search}” in it`,
    noWordHere: (search: string) => `Nothing here has “${search}” in its prompt`,
    howToSearch: "Every word must begin a word of the prompt. Fewer words find more.",
    noneFailed: "Nothing has failed",
    failedHere: "What fails is listed here, with the reason and what it cost.",
    noneCanceled: "Nothing was cancelled",
    nothing: "No picture is like that",
    fewer: "Fewer filters find more.",
    clearSearch: "Clear the search",
    all: "Show all pictures",
  },
  {
    noFavourites: "还没有收藏",
    howToMark: "在图片上按 F，或点击图片上的星标，就能在这里找到它。",
    noWord: (search: string) => `没有提示词包含“${search}”`,
    noWordHere: (search: string) => `这里没有提示词包含“${search}”的内容`,
    howToSearch: "每个词都须是提示词中某个词的开头。词越少，找到的越多。",
    noneFailed: "没有失败的生成",
    failedHere: "失败的生成会列在这里，并说明原因和费用。",
    noneCanceled: "没有已取消的生成",
    nothing: "没有这样的图片",
    fewer: "筛选越少，找到的越多。",
    clearSearch: "清除搜索",
    all: "显示全部图片",
  },
);

/** Says that nothing matches the filter, and leads out of it. */
export function NothingFound() {
  const { search, shown } = filter.value;
  const others = formatFilter({ ...filter.value, search: "", isGrouped: false });
  const [title, text] = explain();
  return (
    <section class="notice">
      <Icon name={iconOf(others)} />
      <div>
        <h2>{title}</h2>
        {text && <p>{text}</p>}
        <div class="acts">
          {search && (
            <button type="button" class="btn small soft" onClick={() => changeFilter({ search: "" })}>
              {t.clearSearch}
            </button>
          )}
          {others && (
            <button type="button" class="btn small soft" onClick={clearFilter}>
              {t.all}
            </button>
          )}
        </div>
      </div>
    </section>
  );

  function explain(): readonly [title: string, text: string] {
    if (search) return [others ? t.noWordHere(search) : t.noWord(search), t.howToSearch];
    if (others === "favourites=1") return [t.noFavourites, t.howToMark];
    if (others === "show=failed") return [t.noneFailed, t.failedHere];
    if (others === "show=canceled") return [t.noneCanceled, ""];
    return [shown === "pictures" ? t.nothing : shown === "failed" ? t.noneFailed : t.noneCanceled, t.fewer];
  }
}

function iconOf(otherFilters: string): IconName {
  if (otherFilters === "favourites=1") return "star";
  return otherFilters === "show=failed" ? "check" : "search";
}
