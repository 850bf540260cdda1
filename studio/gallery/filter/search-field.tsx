import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { useKeys } from "../../app/keyboard.tsx";
import { Icon } from "../../ui/icon.tsx";
import { words } from "../../words/language.ts";
import { changeFilter, filter, MAX_SEARCH_LENGTH } from "./filter.ts";

const t = words({ search: "Search prompts", clear: "Clear the search" }, { search: "搜索提示词", clear: "清除搜索" });

/** The gateway is asked when nobody has typed for so long. */
const QUIET_MS = 250;

/** The field that searches prompts. Phones show it over the top bar when it is needed. */
export function SearchField() {
  const { search } = filter.value;
  const typed = useSignal(search);
  const isOpen = useSignal(false);
  const field = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  // The address may have changed by itself, as by the way back.
  useEffect(() => {
    clearTimeout(timer.current);
    typed.value = search;
  }, [search]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const open = () => {
    isOpen.value = true;
    field.current?.select();
  };
  // On phones the field is hidden until it is open. What is typed at once must not be selected.
  useLayoutEffect(() => {
    if (isOpen.value) field.current?.select();
  }, [isOpen.value]);
  useKeys({ "/": open });
  const apply = (text: string) => {
    clearTimeout(timer.current);
    if (text === filter.peek().search) return;
    // One step back leads to what was there before the search, not through every word that was typed.
    changeFilter({ search: text }, { replace: filter.peek().search !== "" && text !== "" });
  };
  const clear = () => {
    typed.value = "";
    apply("");
  };
  return (
    <>
      <button type="button" class="icon-btn narrow" aria-label={t.search} onClick={open}>
        <Icon name="search" />
      </button>
      {/* biome-ignore lint/a11y/useSemanticElements: browsers do not all know the element */}
      <div class={isOpen.value || search ? "field find open" : "field find"} role="search">
        <Icon name="search" small />
        <input
          ref={field}
          type="search"
          enterkeyhint="search"
          autocomplete="off"
          dir="auto"
          aria-label={t.search}
          placeholder={t.search}
          maxLength={MAX_SEARCH_LENGTH}
          value={typed}
          onInput={({ currentTarget: { value } }) => {
            typed.value = value;
            clearTimeout(timer.current);
            timer.current = setTimeout(() => apply(value), QUIET_MS);
          }}
          onKeyDown={(event) => {
            if (event.key === "Enter") apply(typed.value);
            if (event.key !== "Escape") return;
            if (typed.value) clear();
            else event.currentTarget.blur();
          }}
          onBlur={() => {
            isOpen.value = false;
          }}
        />
        {typed.value ? (
          <button type="button" class="icon-btn" aria-label={t.clear} onClick={clear}>
            <Icon name="close" small />
          </button>
        ) : (
          <kbd class="wide">/</kbd>
        )}
      </div>
    </>
  );
}
