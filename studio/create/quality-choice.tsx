import { usePrices } from "../dock/price.ts";
import { QualityList } from "../dock/quality-list.tsx";
import { quote } from "./price.ts";
import { choose, effectiveInput, model, prompt } from "./settings.ts";

/** The qualities, each with what this click would cost. */
export function QualityChoice({ onChosen }: { readonly onChosen?: () => void }) {
  const able = model.value;
  const input = { ...effectiveInput.value, prompt: prompt.value };
  const offers = (able?.qualities ?? []).map((quality) => ({ name: quality, ask: () => quote({ ...input, quality }) }));
  const prices = usePrices(offers, { ...input, quality: undefined });
  if (!able) return null;
  return (
    <QualityList
      model={able}
      chosen={effectiveInput.value.quality ?? "AUTO"}
      prices={prices}
      onChoose={(quality) => {
        choose({ quality });
        onChosen?.();
      }}
    />
  );
}
