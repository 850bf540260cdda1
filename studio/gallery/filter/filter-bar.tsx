import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { modelName } from "../../dock/model-name.ts";
import type { Operation } from "../../generated/graphql.ts";
import { models } from "../../state/gateway.ts";
import { Icon } from "../../ui/icon.tsx";
import { type Option, OptionList } from "../../ui/option-list.tsx";
import { Sheet } from "../../ui/sheet.tsx";
import { number } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import { MAX_COUNTED, totalCount } from "../pictures.ts";
import { unsuccessfulCount } from "../unsuccessful/unsuccessful.ts";
import { changeFilter, clearFilter, filter, isUnfiltered, SHOWN, type WallFilter } from "./filter.ts";
import { RowHeight } from "./row-height.tsx";
import { TimeChoice, timeText } from "./time-choice.tsx";

const t = words(
  {
    label: "Filter pictures",
    all: "All",
    found: (n: string) => (n === "1" ? "1 found" : `${n} found`),
    more: (n: string) => `over ${n}`,
    favourites: "Favourites",
    model: "Model",
    anyModel: "Any model",
    time: "Time",
    operation: "New or edited",
    GENERATE: "New",
    EDIT: "Edited",
    shown: "State",
    pictures: "Pictures",
    failed: "Failed",
    canceled: "Cancelled",
    group: "Group by generation",
  },
  {
    label: "筛选图片",
    all: "全部",
    found: (n: string) => `找到 ${n} 张`,
    more: (n: string) => `${n} 以上`,
    favourites: "收藏",
    model: "模型",
    anyModel: "所有模型",
    time: "时间",
    operation: "新作或编辑",
    GENERATE: "新作",
    EDIT: "编辑的",
    shown: "状态",
    pictures: "图片",
    failed: "失败的",
    canceled: "已取消的",
    group: "按生成分组",
  },
);

type Menu = "model" | "time" | "operation" | "shown";
/** The value of the choice that leaves nothing out. */
const ANY = "" as const;

/** What of the wall is shown, and how large. */
export function FilterBar() {
  const open = useSignal<Menu | undefined>(undefined);
  const { model, operation, period, from, to, isFavorite, shown, isGrouped } = filter.value;
  const close = () => {
    open.value = undefined;
  };
  const choose = (changes: Partial<WallFilter>) => {
    close();
    changeFilter(changes);
  };
  const menu = (name: Menu, label: string, text: string, isSet: boolean, children: ComponentChildren) => (
    <FilterMenu
      label={label}
      text={text}
      isSet={isSet}
      isOpen={open.value === name}
      onToggle={() => {
        open.value = open.value === name ? undefined : name;
      }}
      onClose={close}
    >
      {children}
    </FilterMenu>
  );
  const operations: readonly Option<Operation | typeof ANY>[] = [
    { value: ANY, label: t.operation },
    ...(["GENERATE", "EDIT"] as const).map(optionOf),
  ];
  return (
    <div class="lead" role="toolbar" aria-label={t.label}>
      <button type="button" class="chip" aria-pressed={isUnfiltered.value} onClick={clearFilter}>
        {t.all} <Count />
      </button>
      <button
        type="button"
        class="chip fav"
        aria-pressed={isFavorite}
        onClick={() => changeFilter({ isFavorite: !isFavorite, ...(!isFavorite && { shown: "pictures" }) })}
      >
        <Icon name="star" small />
        {t.favourites}
      </button>
      {menu(
        "model",
        t.model,
        model === undefined ? t.anyModel : modelName({ id: model }),
        model !== undefined,
        <OptionList
          label={t.model}
          chosen={model ?? ANY}
          options={modelOptions(model)}
          onChoose={(id) => choose({ model: id || undefined })}
        />,
      )}
      {menu(
        "time",
        t.time,
        timeText(filter.value),
        period !== undefined || from !== undefined || to !== undefined,
        <TimeChoice onChosen={close} />,
      )}
      {menu(
        "operation",
        t.operation,
        operation ? t[operation] : t.operation,
        operation !== undefined,
        <OptionList<Operation | typeof ANY>
          label={t.operation}
          chosen={operation ?? ANY}
          options={operations}
          onChoose={(value) => choose({ operation: value || undefined })}
        />,
      )}
      {menu(
        "shown",
        t.shown,
        t[shown],
        shown !== "pictures",
        <OptionList
          label={t.shown}
          chosen={shown}
          options={SHOWN.map(optionOf)}
          onChoose={(value) => choose({ shown: value, ...(value !== "pictures" && { isFavorite: false }) })}
        />,
      )}
      <span class="grow" />
      {shown === "pictures" && (
        <>
          <button
            type="button"
            class="icon-btn"
            aria-pressed={isGrouped}
            aria-label={t.group}
            title={t.group}
            onClick={() => changeFilter({ isGrouped: !isGrouped })}
          >
            <Icon name="group" />
          </button>
          <RowHeight />
        </>
      )}
    </div>
  );
}

/** How many there are, spoken when it changes. */
function Count() {
  const count = filter.value.shown === "pictures" ? totalCount.value : unsuccessfulCount.value;
  if (count === undefined) return <span role="status" />;
  const shown = count > MAX_COUNTED ? t.more(number(MAX_COUNTED)) : number(count);
  return (
    <span class="num faint" role="status">
      {isUnfiltered.value ? shown : t.found(shown)}
    </span>
  );
}

interface FilterMenuProps {
  readonly label: string;
  /** What is chosen. */
  readonly text: string;
  /** Whether it leaves anything out. */
  readonly isSet: boolean;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

function FilterMenu({ label, text, isSet, isOpen, onToggle, onClose, children }: FilterMenuProps) {
  return (
    <div class="filter">
      <button
        type="button"
        class={isSet ? "chip set" : "chip"}
        aria-haspopup="dialog"
        aria-expanded={isOpen}
        onClick={onToggle}
      >
        <span class="sr">{label}: </span>
        {text}
        <Icon name="down" small />
      </button>
      {isOpen && (
        <Sheet label={label} class="drops" onClose={onClose}>
          {children}
        </Sheet>
      )}
    </div>
  );
}

function optionOf<Value extends "GENERATE" | "EDIT" | (typeof SHOWN)[number]>(value: Value): Option<Value> {
  return { value, label: t[value] };
}

/** The models of today, and the one in the address even if it is gone. */
function modelOptions(chosen: string | undefined): readonly Option<string>[] {
  const ids = new Set(models.value.map(({ id }) => id));
  if (chosen !== undefined) ids.add(chosen);
  return [{ value: ANY, label: t.anyModel }, ...[...ids].map((id) => ({ value: id, label: id }))];
}
