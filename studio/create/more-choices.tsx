import { FormatChoices } from "../dock/format-choices.tsx";
import { MAX_PREVIEWS } from "../dock/options.ts";
import { type Model, models } from "../state/gateway.ts";
import { Segments } from "../ui/segments.tsx";
import { words } from "../words/language.ts";
import { choose, effectiveInput, model, previewObstacle, settings } from "./settings.ts";

const t = words(
  {
    previews: "Previews while it works",
    none: "None",
    seed: "Seed",
    any: "Any",
    seedHint: "The same seed and settings make the same picture.",
    noPreviews: (model: string) => `Off: ${model} shows none.`,
    previewsOfMany: (model: string, most: string) => `Off: ${model} shows previews of ${most} at a time.`,
    noSeed: (model: string) => `Off: ${model} cannot repeat a seed.`,
    seedElsewhere: (model: string) => `${model} can.`,
  },
  {
    previews: "过程预览",
    none: "无",
    seed: "种子",
    any: "任意",
    seedHint: "相同的种子和设置会生成相同的图片。",
    noPreviews: (model: string) => `不可用：${model} 不提供预览。`,
    previewsOfMany: (model: string, most: string) => `不可用：${model} 一次只为 ${most} 张提供预览。`,
    noSeed: (model: string) => `不可用：${model} 不能重复种子。`,
    seedElsewhere: (model: string) => `${model} 可以。`,
  },
);

/** The largest seed: GraphQL's largest whole number. */
const MAX_SEED = 2_147_483_647;

/** Format, background, previews and seed. */
export function MoreChoices() {
  const able = model.value;
  if (!able) return null;
  const { format, background } = settings.value;
  return (
    <>
      <FormatChoices model={able} format={format} background={background} onChoose={choose} />
      <PreviewChoice able={able} />
      <SeedChoice able={able} />
    </>
  );
}

interface ChoiceProps {
  readonly able: Model;
}

function PreviewChoice({ able }: ChoiceProps) {
  const texts = {
    previews: t.noPreviews(able.id),
    "previews-of-many": t.previewsOfMany(able.id, String(able.maxImagesWithPartialImages)),
  };
  const reason = previewObstacle(able);
  const obstacle = reason && texts[reason];
  const options = Array.from({ length: MAX_PREVIEWS + 1 }, (_, count) => ({
    value: String(count),
    label: count === 0 ? t.none : String(count),
    ...(count > 0 && obstacle !== undefined && { obstacle }),
  }));
  return (
    <>
      <h2>{t.previews}</h2>
      <Segments
        label={t.previews}
        chosen={String(effectiveInput.value.partialImages ?? 0)}
        options={options}
        onChoose={(count) => choose({ partialImages: Number(count) })}
      />
    </>
  );
}

function SeedChoice({ able }: ChoiceProps) {
  const other = models.value.find(({ hasSeed }) => hasSeed);
  const onInput = ({ currentTarget }: { readonly currentTarget: HTMLInputElement }) => {
    const digits = currentTarget.value.replace(/\D/g, "");
    const seed = digits === "" ? undefined : Math.min(Number(digits), MAX_SEED);
    choose({ seed });
    currentTarget.value = seed === undefined ? "" : String(seed);
  };
  return (
    <>
      <h2 id="seed-title">{t.seed}</h2>
      <div class="field">
        <input
          aria-labelledby="seed-title"
          aria-describedby="seed-why"
          class="num"
          inputMode="numeric"
          placeholder={t.any}
          disabled={!able.hasSeed}
          value={able.hasSeed ? (settings.value.seed ?? "") : ""}
          onInput={onInput}
        />
      </div>
      <p class="why" id="seed-why">
        {able.hasSeed ? t.seedHint : t.noSeed(able.id)} {!able.hasSeed && other && t.seedElsewhere(other.id)}
      </p>
    </>
  );
}
