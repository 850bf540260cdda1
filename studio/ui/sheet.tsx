import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import "./sheet.css";

interface SheetProps {
  /** Its name for screen readers. */
  readonly label: string;
  /** Its class, which places it above what opened it. On phones it stands at the foot of the screen. */
  readonly class?: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

const FOCUSABLE = "button:not([disabled]), input:not([disabled]), [tabindex='0'], a[href]";

/**
 * A panel over the page with choices. It takes the focus, and gives it back to what opened it. Escape and a click
 * elsewhere close it.
 */
export function Sheet({ label, class: className = "", onClose, children }: SheetProps) {
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    const opener = document.activeElement;
    const inside = panel.current;
    const chosen = inside?.querySelector<HTMLElement>("[aria-checked=true], [aria-selected=true], [aria-pressed=true]");
    (chosen ?? inside?.querySelector<HTMLElement>(FOCUSABLE))?.focus({ preventScroll: true });
    const onPointer = ({ target }: Event) => {
      if (!(target instanceof Node) || inside?.contains(target)) return;
      // The button that opened it closes it by itself.
      if (!(opener instanceof Node && opener.contains(target))) onClose();
    };
    document.addEventListener("pointerdown", onPointer, true);
    return () => {
      document.removeEventListener("pointerdown", onPointer, true);
      if (
        opener instanceof HTMLElement &&
        (inside?.contains(document.activeElement) || document.activeElement === document.body)
      ) {
        opener.focus({ preventScroll: true });
      }
    };
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    onClose();
  };
  return (
    <section ref={panel} class={`sheet ${className}`} role="dialog" aria-label={label} onKeyDown={onKeyDown}>
      {children}
    </section>
  );
}
