import { type Budget, useOf } from "../state/budgets.ts";
import { moneyLeft, number } from "./format.ts";
import { words } from "./language.ts";

const t = words(
  {
    DAY: "today",
    WEEK: "this week",
    MONTH: "this month",
    TOTAL: "in total",
    images: (n: string) => `${n} pictures`,
    both: (money: string, images: string) => `${money} and ${images}`,
  },
  {
    DAY: "今天",
    WEEK: "本周",
    MONTH: "本月",
    TOTAL: "总计",
    images: (n: string) => `${n} 张图片`,
    both: (money: string, images: string) => `${money}和${images}`,
  },
);

/** From this share on, a budget is nearly used up. */
const NEAR = 0.8;

export function windowName(window: Budget["window"]): string {
  return t[window];
}

/** Formats what is left of a budget: "$11.02", "4,812 pictures", or both. */
export function amountLeft(budget: Omit<Budget, "scope" | "window">): string {
  const { limitUsd, spentUsd, heldUsd, limitImages, spentImages, heldImages } = budget;
  const images = limitImages === null ? "" : t.images(number(Math.max(0, limitImages - spentImages - heldImages)));
  if (limitUsd === null) return images;
  const money = moneyLeft(limitUsd, spentUsd, heldUsd);
  return images ? t.both(money, images) : money;
}

/** The class that colours a budget: "near" from 80 % on, "full" when nothing is left. */
export function toneOf(budget: Omit<Budget, "scope" | "window">): "" | "near" | "full" {
  const { spent, held } = useOf(budget);
  if (spent + held >= 1) return "full";
  return spent + held >= NEAR ? "near" : "";
}
