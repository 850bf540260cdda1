import { type Budget, useOf } from "../../state/budgets.ts";
import { amountLeft, toneOf } from "../../words/budget-words.ts";
import { duration, number, sum } from "../../words/format.ts";
import { words } from "../../words/language.ts";

const t = words(
  {
    left: "left",
    limit: (amount: string, window: Budget["window"]) =>
      `of ${amount} ${{ DAY: "a day", WEEK: "a week", MONTH: "a month", TOTAL: "in total" }[window]}`,
    images: (n: string) => `${n} pictures`,
    spent: (amount: string) => `${amount} spent`,
    made: (n: string) => `${n} made`,
    held: (amount: string) => `${amount} held`,
    resets: (time: string) => `resets in ${time}`,
    never: "never resets",
    ofKey: "for this key",
  },
  {
    left: "剩余",
    limit: (amount: string, window: Budget["window"]) =>
      `${{ DAY: "每天", WEEK: "每周", MONTH: "每月", TOTAL: "总计" }[window]} ${amount}`,
    images: (n: string) => `${n} 张图片`,
    spent: (amount: string) => `已用 ${amount}`,
    made: (n: string) => `已生成 ${n} 张`,
    held: (amount: string) => `预留 ${amount}`,
    resets: (time: string) => `${time}后重置`,
    never: "从不重置",
    ofKey: "此密钥",
  },
);

interface BudgetListProps {
  readonly budgets: readonly Budget[];
  readonly isEmptyText: string;
}

/** Budgets as bars: what is spent is solid, what running generations hold is hatched. */
export function BudgetList({ budgets, isEmptyText }: BudgetListProps) {
  if (budgets.length === 0) return <p class="quiet">{isEmptyText}</p>;
  return (
    <ul>
      {budgets.flatMap(byLimit).map((budget) => (
        <BudgetBar key={`${budget.scope}${budget.window}${budget.limitUsd === null}`} budget={budget} />
      ))}
    </ul>
  );
}

/** A budget that limits dollars and images is shown as two. */
function byLimit(budget: Budget): readonly Budget[] {
  const { limitUsd, limitImages } = budget;
  if (limitUsd === null || limitImages === null) return [budget];
  return [
    { ...budget, limitImages: null },
    { ...budget, limitUsd: null },
  ];
}

function BudgetBar({ budget }: { readonly budget: Budget }) {
  const { limitUsd, limitImages, spentUsd, heldUsd, spentImages, heldImages, window, scope, resetsAt } = budget;
  const { spent, held } = useOf(budget);
  const isMoney = limitUsd !== null;
  const used = isMoney ? t.spent(sum(spentUsd)) : t.made(number(spentImages));
  const reserved = isMoney ? Number(heldUsd) > 0 && sum(heldUsd) : heldImages > 0 && number(heldImages);
  return (
    <li class="budget">
      <p class="top-line">
        <span>
          <b class="num">{amountLeft(budget)}</b> {t.left}
        </span>
        <span class="faint num">
          {t.limit(isMoney ? sum(limitUsd) : t.images(number(limitImages ?? 0)), window)}
          {scope === "API_KEY" && ` ${t.ofKey}`}
        </span>
      </p>
      <span class={`bar ${toneOf(budget)}`} style={{ "--v": `${100 * spent}%`, "--held": `${100 * held}%` }}>
        <i />
        <i class="held" />
      </span>
      <p class="sub">
        <span class="num">
          {used}
          {reserved && ` · ${t.held(reserved)}`}
        </span>
        <span class="num">{resetsAt ? t.resets(duration(Date.parse(resetsAt) - Date.now())) : t.never}</span>
      </p>
    </li>
  );
}
