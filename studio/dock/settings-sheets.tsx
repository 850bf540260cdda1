import type { ComponentType } from "preact";
import { words } from "../words/language.ts";
import { DockSheet, type Sheets } from "./sheets.tsx";
import { TitledStepper } from "./stepper.tsx";

const t = words(
  { model: "Model", quality: "Quality", settings: "Settings" },
  { model: "模型", quality: "质量", settings: "设置" },
);

interface Closing {
  /** Is called when something was chosen that there is only one of. */
  readonly onChosen?: () => void;
}

/** What can be chosen of one kind of request. */
export interface Choices {
  readonly Model: ComponentType<Closing>;
  readonly Size: ComponentType;
  readonly Quality: ComponentType<Closing>;
  readonly More: ComponentType;
}

interface SettingsSheetsProps {
  readonly sheets: Sheets;
  readonly choices: Choices;
  /** The names of the sheets with the size, and with what else can be chosen. */
  readonly labels: { readonly size: string; readonly more: string };
  readonly count: number;
  readonly mostImages: number;
  readonly onCount: (count: number) => void;
}

/** The sheets that the buttons of a `SettingsRow` open: one for each setting, and on phones one with all of them. */
export function SettingsSheets({ sheets, choices, labels, count, mostImages, onCount }: SettingsSheetsProps) {
  const { Model, Size, Quality, More } = choices;
  return (
    <>
      <DockSheet name="model" label={t.model} sheets={sheets}>
        <Model onChosen={sheets.close} />
      </DockSheet>
      <DockSheet name="size" label={labels.size} sheets={sheets}>
        <Size />
      </DockSheet>
      <DockSheet name="quality" label={t.quality} sheets={sheets}>
        <Quality onChosen={sheets.close} />
      </DockSheet>
      <DockSheet name="more" label={labels.more} sheets={sheets}>
        <More />
      </DockSheet>
      <DockSheet name="all" label={t.settings} sheets={sheets}>
        <Size />
        <TitledStepper count={count} most={mostImages} onChoose={onCount} />
        <Quality />
        <Model />
        <More />
      </DockSheet>
    </>
  );
}
