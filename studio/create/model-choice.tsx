import { useSignal } from "@preact/signals";
import { usePrices } from "../dock/price.ts";
import { type Model, models } from "../state/gateway.ts";
import { OptionList } from "../ui/option-list.tsx";
import { day, number } from "../words/format.ts";
import { words } from "../words/language.ts";
import { type Quote, quote } from "./price.ts";
import { choose, effectiveCount, effectiveInput, model, prompt, settings } from "./settings.ts";

const t = words(
  {
    title: "Model",
    illustrator: "Draws on this machine by rules. Needs no key.",
    creates: "Creates pictures.",
    both: "Creates and edits pictures.",
    upTo: (n: string) => `Up to ${n} at once.`,
    ends: (day: string) => `Ends ${day}.`,
    takesOver: (name: string) => `${name} takes over.`,
    cannotCreate: "Off: this model only edits pictures.",
    dated: "Show dated versions",
  },
  {
    title: "模型",
    illustrator: "在本机按规则绘制，无需密钥。",
    creates: "可创作图片。",
    both: "可创作和编辑图片。",
    upTo: (n: string) => `一次最多 ${n} 张。`,
    ends: (day: string) => `${day}停止服务。`,
    takesOver: (name: string) => `由 ${name} 接替。`,
    cannotCreate: "不可用：这个模型只能编辑图片。",
    dated: "显示带日期的版本",
  },
);

/** The models, each with what this click would cost there. */
export function ModelChoice({ onChosen }: { readonly onChosen?: () => void }) {
  const hasDated = useSignal(false);
  const shown = models.value.filter(({ id }) => hasDated.value || !isDated(id) || id === model.value?.id);
  const prices = usePrices(
    shown.map((each) => ({ name: each.id, ask: () => quoteWith(each) })),
    [effectiveInput.value, prompt.value],
  );
  return (
    <>
      <h2>{t.title}</h2>
      <OptionList
        label={t.title}
        chosen={model.value?.id}
        options={shown.map((each) => ({
          value: each.id,
          label: each.id,
          end: prices[each.id],
          ...(each.operations.includes("GENERATE") ? {} : { obstacle: t.cannotCreate }),
          ...describe(each),
        }))}
        onChoose={(id) => {
          choose({ model: id });
          onChosen?.();
        }}
      />
      {shown.length < models.value.length && (
        <button
          type="button"
          class="btn small bare"
          onClick={() => {
            hasDated.value = true;
          }}
        >
          {t.dated}
        </button>
      )}
    </>
  );
}

/** Whether it is a dated version of a model that is there without its date: `gpt-image-2-2026-04-21`. */
function isDated(id: string): boolean {
  const name = id.replace(/-\d{4}-\d{2}-\d{2}$/, "");
  return name !== id && models.value.some((other) => other.id === name);
}

function describe({ provider, operations, maxImages, shutdownDate, replacement }: Model) {
  if (shutdownDate) {
    const ends = t.ends(day(`${shutdownDate}T12:00:00Z`));
    return { warning: replacement ? `${ends} ${t.takesOver(replacement)}` : ends };
  }
  if (provider === "illustrator") return { detail: t.illustrator };
  return { detail: `${operations.includes("EDIT") ? t.both : t.creates} ${t.upTo(number(maxImages))}` };
}

/** What the present settings would cost with a model. */
function quoteWith({ id, maxImagesWithPartialImages, maxPartialImages }: Model): Promise<Quote> {
  const showsPreviews = effectiveCount.value <= maxImagesWithPartialImages;
  const partialImages = showsPreviews ? Math.min(settings.value.partialImages, maxPartialImages) : 0;
  return quote({ ...effectiveInput.value, prompt: prompt.value, model: id, partialImages, seed: null });
}
