import { CommandKey } from "../app/keyboard.tsx";
import { tightestBudget } from "../state/budgets.ts";
import { isFree } from "../state/gateway.ts";
import { amountLeft, windowName } from "../words/budget-words.ts";
import { words } from "../words/language.ts";

const t = words({ left: (amount: string) => `${amount} left` }, { left: (amount: string) => `剩余 ${amount}` });

interface GoButtonProps {
  readonly label: string;
  /** What the click may cost; `undefined` if nothing can be sent yet. */
  readonly price: string | undefined;
  readonly isOff: boolean;
  readonly onClick: () => void;
}

/** The button that sends. The price of the click stands on it, and beside it what is left of the budget. */
export function GoButton({ label, price, isOff, onClick }: GoButtonProps) {
  return (
    <>
      <BudgetLeft />
      <button type="button" class="btn main go" aria-disabled={isOff} onClick={onClick}>
        <span>{label}</span>
        {price !== undefined && <span class="price num">{price}</span>}
        <CommandKey sign="↵" />
      </button>
    </>
  );
}

/** What is left of the budget that the next click may use up first. */
function BudgetLeft() {
  const budget = tightestBudget.value;
  if (!budget || isFree.value) return null;
  return (
    <p class="left num">
      <b>{t.left(amountLeft(budget))}</b>
      {windowName(budget.window)}
    </p>
  );
}
