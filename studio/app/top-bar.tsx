import { useSignal } from "@preact/signals";
import { addressOf } from "../api/client.ts";
import { forgetKey, key, projectId } from "../api/key.ts";
import { SearchField } from "../gallery/filter/search-field.tsx";
import { isWallEmpty } from "../gallery/pictures.ts";
import { hrefOf, place } from "../router.ts";
import { tightestBudget, useOf } from "../state/budgets.ts";
import { isFree, viewer } from "../state/gateway.ts";
import { Icon, Mark } from "../ui/icon.tsx";
import { Sheet } from "../ui/sheet.tsx";
import { amountLeft, toneOf, windowName } from "../words/budget-words.ts";
import { chooseLanguage, LANGUAGES, type Language, language, words } from "../words/language.ts";
import { showKeyboard } from "./keyboard.tsx";

const t = words(
  {
    skip: "Skip to the page",
    main: "Main",
    pictures: "Pictures",
    edit: "Edit",
    admin: "Admin",
    usage: "Usage",
    menu: "Menu",
    free: "Free",
    project: "Project",
    budget: "Budget",
    left: "left",
    freeWhy: "drawn on this machine",
    keyboard: "Keyboard",
    graphiql: "GraphiQL",
    reference: "API reference",
    forget: "Forget the key",
    language: "Language",
    adminKey: "Admin key",
  },
  {
    skip: "跳到页面内容",
    main: "主导航",
    pictures: "图片",
    edit: "编辑",
    admin: "管理",
    usage: "用量",
    menu: "菜单",
    free: "免费",
    project: "项目",
    budget: "预算",
    left: "剩余",
    freeWhy: "在本机绘制",
    keyboard: "键盘",
    graphiql: "GraphiQL",
    reference: "API 文档",
    forget: "忘记密钥",
    language: "语言",
    adminKey: "管理员密钥",
  },
);

/** The bar on top of every page but the picture view: where one is, and where one can go. */
export function TopBar() {
  const isOpen = useSignal(false);
  const here = place.value.path[0] ?? "";
  return (
    <header class="top">
      <button type="button" class="skip" onClick={() => document.querySelector<HTMLElement>("main")?.focus()}>
        {t.skip}
      </button>
      <a class="brand" href={hrefOf()} aria-label="Pictograph">
        <Mark />
        <span>Pictograph</span>
      </a>
      <nav class="nav wide" aria-label={t.main}>
        <Links here={here} />
      </nav>
      <span class="grow" />
      {here === "" && !isWallEmpty.value && <SearchField />}
      <ProjectPill />
      <MoneyPill />
      <button
        type="button"
        class="icon-btn"
        aria-label={t.menu}
        aria-haspopup="dialog"
        aria-expanded={isOpen.value}
        onClick={() => {
          isOpen.value = !isOpen.value;
        }}
      >
        <Icon name="menu" />
      </button>
      {isOpen.value && (
        <Menu
          here={here}
          onClose={() => {
            isOpen.value = false;
          }}
        />
      )}
    </header>
  );
}

/** The project that an admin works in, if that was chosen. */
function ProjectPill() {
  const { project, isAdmin } = viewer.value ?? {};
  if (!isAdmin || !project || projectId.value !== project.id) return null;
  return (
    <a class="left-pill wide" href={hrefOf("admin", project.id)}>
      <span class="sr">{t.project}: </span>
      <b>{project.name}</b>
    </a>
  );
}

/** Says that nothing costs anything, or how much of the budget is left. */
function MoneyPill() {
  const budget = tightestBudget.value;
  if (isFree.value) {
    return (
      <span class="left-pill">
        <b>{t.free}</b>
        <span class="wide">· {t.freeWhy}</span>
      </span>
    );
  }
  if (!budget) return null;
  const { spent, held } = useOf(budget);
  return (
    <a class="left-pill" href={hrefOf("admin")}>
      <svg class={`ring ${toneOf(budget)}`} viewBox="0 0 20 20" aria-hidden="true">
        <circle class="t" cx="10" cy="10" r="8" />
        <circle class="v" cx="10" cy="10" r="8" pathLength={100} stroke-dasharray={`${100 * (spent + held)} 100`} />
      </svg>
      <span>
        <span class="sr">{t.budget}: </span>
        <b class="num">{amountLeft(budget)}</b> <span class="on-wide">{t.left}</span>
        <span class="sr"> {windowName(budget.window)}</span>
      </span>
    </a>
  );
}

function Links({ here, onClick }: { readonly here: string; readonly onClick?: () => void }) {
  const places = [
    ["", t.pictures],
    ["edit", t.edit],
    ["admin", viewer.value?.isAdmin ? t.admin : t.usage],
  ] as const;
  return places.map(([name, label]) => (
    <a
      key={name}
      href={name ? hrefOf(name) : hrefOf()}
      aria-current={here === name ? "page" : undefined}
      onClick={onClick}
    >
      {label}
    </a>
  ));
}

function Menu({ here, onClose }: { readonly here: string; readonly onClose: () => void }) {
  const { project, apiKey, isAdmin } = viewer.value ?? {};
  return (
    <Sheet label={t.menu} class="menu" onClose={onClose}>
      {key.value && (
        <header>
          <b>{project?.name}</b>
          {isAdmin ? t.adminKey : `${apiKey?.name} · ${apiKey?.prefix}…`}
        </header>
      )}
      <div class="narrow-block menu-links">
        <Links here={here} onClick={onClose} />
        <hr />
      </div>
      <button
        type="button"
        onClick={() => {
          onClose();
          showKeyboard.value = true;
        }}
      >
        <Icon name="info" />
        {t.keyboard}
        <kbd>?</kbd>
      </button>
      <a href={addressOf("graphiql")}>
        <Icon name="model" />
        {t.graphiql}
      </a>
      <a href={addressOf("docs")}>
        <Icon name="copy" />
        {t.reference}
      </a>
      <hr />
      <label class="menu-language">
        <Icon name="globe" />
        {t.language}
        <select value={language} onChange={({ currentTarget }) => chooseLanguage(currentTarget.value as Language)}>
          {Object.entries(LANGUAGES).map(([tag, name]) => (
            <option key={tag} value={tag} lang={tag}>
              {name}
            </option>
          ))}
        </select>
      </label>
      {key.value && (
        <>
          <hr />
          <button type="button" class="danger" onClick={forgetKey}>
            <Icon name="key" />
            {t.forget}
          </button>
        </>
      )}
    </Sheet>
  );
}
