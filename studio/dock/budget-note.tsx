import { shortBudget } from "../state/budgets.ts";
import { amountLeft, windowName } from "../words/budget-words.ts";
import { duration, money, number } from "../words/format.ts";
import { words } from "../words/language.ts";
import { Note } from "./note.tsx";
import type { PriceRange } from "./price.ts";

const t = words(
  {
    title: "This is more than is left of the budget",
    needs: (needed: string, left: string, window: string) => `It needs up to ${needed}; ${left} left ${window}.`,
    pictures: (n: string) => (n === "1" ? "1 picture" : `${n} pictures`),
    resets: (wait: string) => `The budget resets in ${wait}.`,
    advice: "Choose something cheaper or fewer pictures.",
  },
  {
    title: "超出了剩余预算",
    needs: (needed: string, left: string, window: string) => `最多需要 ${needed}，${window}剩余 ${left}。`,
    pictures: (n: string) => `${n} 张图片`,
    resets: (wait: string) => `预算将在${wait}后重置。`,
    advice: "请选择更便宜的设置，或减少张数。",
  },
);

interface BudgetNoteProps {
  readonly price: PriceRange;
  /** How many pictures the click makes. */
  readonly count: number;
}

/**
 * Warns that a click may need more than is left. It can be clicked nevertheless: the gateway decides, and what runs may
 * cost less than it holds.
 */
export function BudgetNote({ price: { maxCost }, count }: BudgetNoteProps) {
  const short = shortBudget(maxCost, count);
  if (!short) return null;
  const { budget, of } = short;
  const needed = of === "dollars" && maxCost !== null ? money(maxCost) : t.pictures(number(count));
  const wait = budget.resetsAt && duration(Date.parse(budget.resetsAt) - Date.now());
  return (
    <Note title={t.title}>
      <p>
        {t.needs(needed, amountLeft(budget), windowName(budget.window))} {wait && t.resets(wait)} {t.advice}
      </p>
    </Note>
  );
}
