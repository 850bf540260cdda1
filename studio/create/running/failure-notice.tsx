import { useEffect, useState } from "preact/hooks";
import { toStudioError } from "../../api/errors.ts";
import { priceText } from "../../dock/price.ts";
import type { Billed } from "../../generated/graphql.ts";
import { dismiss, type Generation, type Job } from "../../state/generations.ts";
import { Icon } from "../../ui/icon.tsx";
import { explainCode } from "../../words/error-words.ts";
import { money } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import { change, inputOf } from "../again.ts";
import { quote } from "../price.ts";
import { send } from "../send.ts";

const t = words(
  {
    free: "Nothing was charged.",
    charged: (amount: string) => `${amount} was charged.`,
    chargedUnknown: "It was charged.",
    unknown: (amount: string) => `We cannot tell whether it was charged, so ${amount} stays counted as an estimate.`,
    unknownAmount: "We cannot tell whether it was charged.",
    again: "Try again",
    change: "Change the words",
    changeEdit: "Change the edit",
    remove: "Remove",
  },
  {
    free: "没有产生费用。",
    charged: (amount: string) => `已收费 ${amount}。`,
    chargedUnknown: "已收费。",
    unknown: (amount: string) => `无法确定是否收费，因此按估算计入 ${amount}。`,
    unknownAmount: "无法确定是否收费。",
    again: "重试",
    change: "改一改文字",
    changeEdit: "修改编辑",
    remove: "移除",
  },
);

/** Says why a generation failed, whether it cost anything, and what can be done. */
export function FailureNotice({ job }: { readonly job: Job }) {
  const generation = job.generation.value;
  const { failure } = generation;
  const input = inputOf(generation, job.partialImages.value);
  const [price, setPrice] = useState("");
  const canRepeat = failure?.retryable === true && generation.operation === "GENERATE";
  useEffect(() => {
    if (canRepeat) quote(input).then((quoted) => setPrice(priceText(quoted)), toStudioError);
  }, []);
  if (!failure) return null;
  const { title, text } = explainCode(failure.code);
  const isDeclined = failure.code === "CONTENT_REJECTED";
  return (
    <div class={isDeclined ? "notice warn" : "notice bad"} role="alert">
      <Icon name={isDeclined ? "no" : "warn"} />
      <div>
        <h2>{title}</h2>
        <p>
          {chargeText(failure.billed, generation)} {text}
        </p>
        <div class="acts">
          {canRepeat && (
            <button
              type="button"
              class="btn small main"
              onClick={async () => {
                if (await send(input)) dismiss(job.id);
              }}
            >
              {t.again} <span class="price num">{price}</span>
            </button>
          )}
          <button
            type="button"
            class={canRepeat ? "btn small soft" : "btn small main"}
            onClick={() => change(generation)}
          >
            {generation.operation === "EDIT" ? t.changeEdit : t.change}
          </button>
          <button type="button" class="btn small soft" onClick={() => dismiss(job.id)}>
            {t.remove}
          </button>
        </div>
      </div>
    </div>
  );
}

/** Says whether a failed generation was charged. */
export function chargeText(billed: Billed, { cost }: Generation): string {
  switch (billed) {
    case "NO":
      return t.free;
    case "YES":
      return cost === null ? t.chargedUnknown : t.charged(money(cost));
    case "UNKNOWN":
      return cost === null ? t.unknownAmount : t.unknown(money(cost));
    default:
      return billed satisfies never;
  }
}
