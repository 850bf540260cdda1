import { useEffect, useState } from "preact/hooks";
import type { Quality } from "../generated/graphql.ts";
import { OptionList } from "../ui/option-list.tsx";
import { words } from "../words/language.ts";
import { priceText, quote } from "./price.ts";
import { choose, effectiveInput, model, prompt, QUALITIES, qualityObstacle } from "./settings.ts";

const t = words(
  {
    title: "Quality",
    AUTO: "Auto",
    LOW: "Low",
    MEDIUM: "Medium",
    HIGH: "High",
    XHIGH: "Extra high",
    MAX: "Max",
    off: (model: string) => `Off: ${model} does not make it.`,
  },
  {
    title: "质量",
    AUTO: "自动",
    LOW: "低",
    MEDIUM: "中",
    HIGH: "高",
    XHIGH: "超高",
    MAX: "最高",
    off: (model: string) => `不可用：${model} 不提供。`,
  },
);

export function qualityName(quality: Quality): string {
  return t[quality];
}

/** The qualities, each with what this click would cost. */
export function QualityChoice({ onChosen }: { readonly onChosen?: () => void }) {
  const able = model.value;
  const prices = useQualityPrices();
  if (!able) return null;
  return (
    <>
      <h2>{t.title}</h2>
      <OptionList
        label={t.title}
        chosen={effectiveInput.value.quality ?? "AUTO"}
        options={QUALITIES.map((quality) => ({
          value: quality,
          label: t[quality],
          end: prices[quality],
          ...(qualityObstacle(quality, able) && { obstacle: t.off(able.id) }),
        }))}
        onChoose={(quality) => {
          choose({ quality });
          onChosen?.();
        }}
      />
    </>
  );
}

function useQualityPrices(): Readonly<Partial<Record<Quality, string>>> {
  const [prices, setPrices] = useState<Readonly<Partial<Record<Quality, string>>>>({});
  const input = { ...effectiveInput.value, prompt: prompt.value };
  const qualities = model.value?.qualities ?? [];
  useEffect(() => {
    let isOld = false;
    for (const quality of qualities) {
      quote({ ...input, quality }).then(
        (quoted) => !isOld && setPrices((others) => ({ ...others, [quality]: priceText(quoted) })),
        () => {},
      );
    }
    return () => {
      isOld = true;
    };
  }, [JSON.stringify({ ...input, quality: undefined })]);
  return prices;
}
