import { ExactSize } from "../dock/exact-size.tsx";
import { FormatChoices } from "../dock/format-choices.tsx";
import { usePrices } from "../dock/price.ts";
import { QualityList } from "../dock/quality-list.tsx";
import { SHAPES, sizeOf, toText } from "../dock/sizes.ts";
import type { EditImagesInput } from "../generated/graphql.ts";
import { models } from "../state/gateway.ts";
import { OptionList } from "../ui/option-list.tsx";
import { words } from "../words/language.ts";
import { quoteEdit } from "./price.ts";
import { choose, editedSize, effectiveInput, model, prompt, resultSize, settings, willMask } from "./settings.ts";
import { edited, sources } from "./sources/sources.ts";
import { SpaceChoice } from "./space-choice.tsx";

const t = words(
  {
    model: "Model",
    noEdits: "Off: this model only creates pictures.",
    takes: (count: string) => `Takes up to ${count} pictures.`,
    takesOne: "Takes one picture.",
    withMask: "Paints inside the mask.",
    noMask: "Takes no mask.",
    size: "Size of the result",
    same: "Same as the picture",
    sizeHint: "64 to 3840 a side, up to three times as wide as high.",
  },
  {
    model: "模型",
    noEdits: "不可用：这个模型只能创作图片。",
    takes: (count: string) => `最多 ${count} 张图片。`,
    takesOne: "只接受一张图片。",
    withMask: "可在蒙版内绘制。",
    noMask: "不支持蒙版。",
    size: "结果尺寸",
    same: "与原图相同",
    sizeHint: "每边 64 到 3840，长边最多是短边的三倍。",
  },
);

/** The models, each with what this click would cost there. */
export function ModelChoice({ onChosen }: { readonly onChosen?: () => void }) {
  const shown = models.value.filter(({ id }) => id === model.value?.id || !/-\d{4}-\d{2}-\d{2}$/.test(id));
  const prices = useEditPrices(
    shown
      .filter(({ operations }) => operations.includes("EDIT"))
      .map(({ id }) => ({ name: id, changes: { model: id } })),
  );
  return (
    <>
      <h2>{t.model}</h2>
      <OptionList
        label={t.model}
        chosen={model.value?.id}
        options={shown.map(({ id, operations, maxInputImages, hasMask }) => ({
          value: id,
          label: id,
          end: prices[id],
          ...(operations.includes("EDIT")
            ? {
                detail: `${maxInputImages === 1 ? t.takesOne : t.takes(String(maxInputImages))} ${hasMask ? t.withMask : t.noMask}`,
              }
            : { obstacle: t.noEdits }),
        }))}
        onChoose={(id) => {
          choose({ model: id });
          onChosen?.();
        }}
      />
    </>
  );
}

/** The shapes that are offered beside that of the picture. */
const OFFERED = SHAPES.filter((shape) => ["1:1", "3:2", "16:9", "2:3", "9:16"].includes(shape));

export function SizeChoice() {
  const source = edited.value;
  const { size } = settings.value;
  const own = size ?? resultSize.value ?? { width: 1024, height: 1024 };
  const options = OFFERED.map((shape) => ({ shape, size: sizeOf(shape, "medium") }));
  const chosen = size ? options.find((each) => toText(each.size) === toText(size))?.shape : "same";
  const same = editedSize.value;
  return (
    <>
      <h2>{t.size}</h2>
      <OptionList
        label={t.size}
        chosen={chosen}
        options={[
          { value: "same", label: t.same, end: same && `${same.width} × ${same.height}` },
          ...options.map(({ shape, size: { width, height } }) => ({
            value: shape,
            label: shape,
            end: `${width} × ${height}`,
          })),
        ]}
        onChoose={(value) => choose({ size: options.find(({ shape }) => shape === value)?.size })}
      />
      <ExactSize size={own} hint={t.sizeHint} onChoose={(exact) => choose({ size: exact })} />
      {source && <SpaceChoice source={source} />}
    </>
  );
}

/** The qualities, each with what this click would cost. */
export function QualityChoice({ onChosen }: { readonly onChosen?: () => void }) {
  const able = model.value;
  const prices = useEditPrices((able?.qualities ?? []).map((quality) => ({ name: quality, changes: { quality } })));
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

export function MoreChoices() {
  const able = model.value;
  const { format, background } = settings.value;
  return able ? <FormatChoices model={able} format={format} background={background} onChoose={choose} /> : null;
}

interface Changed {
  readonly name: string;
  readonly changes: Partial<EditImagesInput>;
}

/** What the present edit would cost with each change, as far as it is known. */
function useEditPrices(changed: readonly Changed[]): Readonly<Record<string, string>> {
  const hasSources = sources.value.length > 0;
  const offers = changed.map(({ name, changes }) => ({ name, ask: () => quoteEdit(changes) }));
  const present = [effectiveInput.value, prompt.value, sources.value.length, willMask.value, resultSize.value];
  return usePrices(hasSources ? offers : [], present);
}
