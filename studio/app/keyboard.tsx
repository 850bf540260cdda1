import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { StoredText } from "../api/storage.ts";
import { Dialog } from "../ui/dialog.tsx";
import { Icon, type IconName } from "../ui/icon.tsx";
import { words } from "../words/language.ts";
import "./keyboard.css";

const t = words(
  {
    title: "Keyboard",
    anywhere: "Anywhere",
    wall: "On the wall",
    picture: "One picture",
    mask: "Mask",
    prompt: "Prompt",
    search: "Search",
    create: "Create",
    list: "This list",
    back: "Close, go back",
    move: "Move",
    open: "Open",
    select: "Select",
    favourite: "Favourite",
    all: "Select all that is loaded",
    again: "Use again",
    variations: "Variations",
    remove: "Delete",
    turn: "Previous, next",
    moveEnlarged: "Move when enlarged",
    full: "Full size",
    fit: "Fit",
    compare: "Compare",
    input: "Use as input",
    download: "Download",
    tools: "Brush, eraser",
    size: "Smaller, larger",
    pan: "Move",
    undo: "Undo",
    redo: "Redo",
    after: "Before and after",
    single: "Single-key shortcuts",
  },
  {
    title: "键盘",
    anywhere: "任何地方",
    wall: "图片墙",
    picture: "单张图片",
    mask: "蒙版",
    prompt: "提示词",
    search: "搜索",
    create: "创作",
    list: "此列表",
    back: "关闭，返回",
    move: "移动",
    open: "打开",
    select: "选择",
    favourite: "收藏",
    all: "选择已加载的全部",
    again: "再次使用",
    variations: "变体",
    remove: "删除",
    turn: "上一张，下一张",
    moveEnlarged: "放大后移动",
    full: "原始大小",
    fit: "适合窗口",
    compare: "比较",
    input: "用作输入",
    download: "下载",
    tools: "画笔，橡皮",
    size: "变小，变大",
    pan: "移动",
    undo: "撤销",
    redo: "重做",
    after: "前后对比",
    single: "单键快捷键",
  },
);

const storedSingleKeys = new StoredText("localStorage", "single-keys");
const MODIFIER = /Mac|iP(hone|ad)/.test(navigator.userAgent) ? "⌘" : "Ctrl";

/** Whether the list of keys is open. */
export const showKeyboard = signal(false);
/** Whether keys without a modifier do anything. People who speak to their computer switch them off. */
export const hasSingleKeys = signal(storedSingleKeys.read() !== "off");

/** The signs on keys that many fonts do not have, and the names of these keys. */
const DRAWN: Readonly<Record<string, readonly [drawing: IconName, name: string]>> = {
  "↵": ["enter", "Enter"],
  "⇧": ["shift", "Shift"],
  "←": ["arrowLeft", "Left"],
  "↑": ["arrowUp", "Up"],
  "→": ["arrowRight", "Right"],
  "↓": ["arrowDown", "Down"],
};

/** What is written on a key. Screen readers say its name where it is a drawing. */
function Cap({ sign }: { readonly sign: string }) {
  const drawn = DRAWN[sign];
  if (!drawn) return <>{sign}</>;
  const [drawing, name] = drawn;
  return (
    <>
      <Icon name={drawing} />
      <span class="sr">{name}</span>
    </>
  );
}

/** The key that is pressed together with the one of commands on this machine, as one cap. */
export function CommandKey({ sign }: { readonly sign: string }) {
  return (
    <kbd class="wide">
      {MODIFIER}
      <Cap sign={sign} />
    </kbd>
  );
}

/** Whether a key press is a shortcut rather than something typed. */
export function isShortcut(event: KeyboardEvent): boolean {
  if (!hasSingleKeys.value || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return false;
  const { target } = event;
  if (document.querySelector("dialog[open]")) return false;
  return !(target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select")));
}

/** Listens for single keys while a component is shown. Names are those of `KeyboardEvent.key`, letters in lower case. */
export function useKeys(actions: Readonly<Record<string, (event: KeyboardEvent) => void>>): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!action || !isShortcut(event)) return;
      event.preventDefault();
      action(event);
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  });
}

/** The list of all keys, which `?` opens. */
export function Keyboard() {
  useKeys({
    "?": () => {
      showKeyboard.value = true;
    },
  });
  if (!showKeyboard.value) return null;
  const groups = [
    [
      t.anywhere,
      [
        [t.prompt, "P"],
        [t.search, "/"],
        [t.create, MODIFIER, "↵"],
        [t.list, "?"],
        [t.back, "Esc"],
      ],
    ],
    [
      t.wall,
      [
        [t.move, "←", "↑", "→", "↓"],
        [t.open, "↵"],
        [t.select, "X"],
        [t.favourite, "F"],
        [t.all, MODIFIER, "A"],
        [t.again, "R"],
        [t.remove, "Del"],
      ],
    ],
    [
      t.picture,
      [
        [t.turn, "←", "→"],
        [t.moveEnlarged, "←", "↑", "→", "↓"],
        [t.full, "1"],
        [t.fit, "0"],
        [t.compare, "C"],
        [t.variations, "V"],
        [t.input, "I"],
        [t.download, "D"],
      ],
    ],
    [
      t.mask,
      [
        [t.tools, "B", "E"],
        [t.size, "[", "]"],
        [t.pan, "Space"],
        [t.undo, MODIFIER, "Z"],
        [t.redo, "⇧", MODIFIER, "Z"],
        [t.after, "A"],
      ],
    ],
  ] as const;
  const toggle = () => {
    hasSingleKeys.value = !hasSingleKeys.value;
    storedSingleKeys.write(hasSingleKeys.value ? "on" : "off");
  };
  return (
    <Dialog
      title={t.title}
      isWide
      onClose={() => {
        showKeyboard.value = false;
      }}
    >
      <div class="keys-switch">
        <span id="single-keys">{t.single}</span>
        <button
          type="button"
          class="switch"
          role="switch"
          aria-labelledby="single-keys"
          aria-checked={hasSingleKeys.value}
          onClick={toggle}
        />
      </div>
      <div class="keys">
        {groups.map(([name, keys]) => (
          <div key={name}>
            <h3>{name}</h3>
            <ul>
              {keys.map(([what, ...caps]) => (
                <li key={what}>
                  <span>{what}</span>
                  {caps.map((cap) => (
                    <kbd key={cap}>
                      <Cap sign={cap} />
                    </kbd>
                  ))}
                </li>
              ))}
            </ul>
          </div>
        ))}
      </div>
    </Dialog>
  );
}
