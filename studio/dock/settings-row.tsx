import type { ComponentChildren } from "preact";
import type { Quality } from "../generated/graphql.ts";
import type { Model } from "../state/gateway.ts";
import { Icon, type IconName } from "../ui/icon.tsx";
import { words } from "../words/language.ts";
import { modelName } from "./model-name.ts";
import { qualityName } from "./quality-list.tsx";
import type { SheetName, Sheets } from "./sheets.tsx";
import type { Size } from "./sizes.ts";
import { Stepper } from "./stepper.tsx";

const t = words(
  { model: "Model", quality: "Quality", settings: "Settings" },
  { model: "模型", quality: "质量", settings: "设置" },
);

/** What the buttons of a prompt bar say. */
interface SettingsRowProps {
  readonly sheets: Sheets;
  readonly model: Model | undefined;
  readonly size: {
    readonly label: string;
    /** Whose outline is drawn. */
    readonly shape: Size;
    readonly text: ComponentChildren;
    /** What phones show instead. */
    readonly short: string;
  };
  readonly quality: Quality;
  /** The name of the button of what else can be chosen. */
  readonly more: string;
  readonly count: number;
  readonly mostImages: number;
  readonly onCount: (count: number) => void;
}

/** The present settings, as the buttons that open their sheets. Phones have one button for all of them. */
export function SettingsRow({ sheets, model, size, quality, more, count, mostImages, onCount }: SettingsRowProps) {
  return (
    <>
      <Chip name="model" label={t.model} icon="model" sheets={sheets}>
        <b>{modelName(model)}</b>
      </Chip>
      <Chip name="size" label={size.label} sheets={sheets}>
        <ShapeSign size={size.shape} />
        <span>{size.text}</span>
      </Chip>
      <Stepper count={count} most={mostImages} onChoose={onCount} />
      <Chip name="quality" label={t.quality} icon="gem" sheets={sheets}>
        <b>{qualityName(quality)}</b>
      </Chip>
      <button type="button" class="icon-btn wide" aria-label={more} {...sheets.opener("more")}>
        <Icon name="tune" />
      </button>
      <button type="button" class="chip narrow" {...sheets.opener("all")}>
        <span class="sr">{t.settings}</span>
        <ShapeSign size={size.shape} />
        <span>
          <b>{size.short}</b> · ×{count} · {qualityName(quality)}
        </span>
      </button>
    </>
  );
}

interface ChipProps {
  readonly name: SheetName;
  readonly label: string;
  readonly icon?: IconName;
  readonly sheets: Sheets;
  readonly children: ComponentChildren;
}

function Chip({ name, label, icon, sheets, children }: ChipProps) {
  return (
    <button type="button" class="chip wide" {...sheets.opener(name)}>
      <span class="sr">{label}</span>
      {icon && <Icon name={icon} small />}
      {children}
      <Icon name="down" small />
    </button>
  );
}

/** The outline of a size. */
function ShapeSign({ size: { width, height } }: { readonly size: Size }) {
  return (
    <span class={width >= height ? "shape flat" : "shape tall"} style={{ "--ar": width / height }} aria-hidden="true" />
  );
}
