import type { Quality } from "../generated/graphql.ts";
import type { Model } from "../state/gateway.ts";
import { OptionList } from "../ui/option-list.tsx";
import { words } from "../words/language.ts";
import { QUALITIES } from "./options.ts";

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

interface QualityListProps {
  readonly model: Model;
  readonly chosen: Quality;
  /** What the click would cost with each quality. */
  readonly prices: Readonly<Record<string, string>>;
  readonly onChoose: (quality: Quality) => void;
}

/** The qualities with their prices. Those that the model does not make are off. */
export function QualityList({ model, chosen, prices, onChoose }: QualityListProps) {
  return (
    <>
      <h2>{t.title}</h2>
      <OptionList
        label={t.title}
        chosen={chosen}
        options={QUALITIES.map((quality) => ({
          value: quality,
          label: t[quality],
          end: prices[quality],
          ...(!model.qualities.includes(quality) && { obstacle: t.off(model.id) }),
        }))}
        onChoose={onChoose}
      />
    </>
  );
}
