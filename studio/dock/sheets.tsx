import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { Sheet } from "../ui/sheet.tsx";

export type SheetName = "add" | "model" | "size" | "quality" | "more" | "all";

/** The sheets that rise from a prompt bar, of which one at most is open. */
export interface Sheets {
  readonly open: SheetName | undefined;
  /** The attributes of the button that opens and closes a sheet. */
  opener(name: SheetName): {
    readonly "aria-haspopup": "dialog";
    readonly "aria-expanded": boolean;
    readonly onClick: () => void;
  };
  close(): void;
}

export function useSheets(): Sheets {
  const open = useSignal<SheetName | undefined>(undefined);
  return {
    open: open.value,
    opener: (name) => ({
      "aria-haspopup": "dialog",
      "aria-expanded": open.value === name,
      onClick: () => {
        open.value = open.value === name ? undefined : name;
      },
    }),
    close: () => {
      open.value = undefined;
    },
  };
}

interface DockSheetProps {
  readonly name: SheetName;
  readonly label: string;
  readonly sheets: Sheets;
  readonly children: ComponentChildren;
}

/** The content of a sheet, while it is open. */
export function DockSheet({ name, label, sheets, children }: DockSheetProps) {
  if (sheets.open !== name) return null;
  return (
    <Sheet label={label} class={`rises at-${name}`} onClose={sheets.close}>
      {children}
    </Sheet>
  );
}
