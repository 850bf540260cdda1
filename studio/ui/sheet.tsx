import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import "./sheet.css";

interface SheetProps {
  /** Its name for screen readers. */
  readonly label: string;
  /**
   * Its class, which places it. With `rises` it stands above the bar that holds it, or below where there is more room. On
   * phones it stands at the foot of the screen.
   */
  readonly class?: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** The height of the top bar, and what a sheet stays away from the edges of the window. */
const TOP_PIXELS = 68;
const MARGIN_PIXELS = 16;
/** A sheet that has less room above opens below, if there is more. */
const LITTLE_ROOM_PIXELS = 360;

const FOCUSABLE = "button:not([disabled]), input:not([disabled]), [tabindex='0'], a[href]";

/**
 * A panel over the page with choices. It takes the focus, and gives it back to what opened it. Escape and a click
 * elsewhere close it.
 */
export function Sheet({ label, class: className = "", onClose, children }: SheetProps) {
  const panel = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    if (panel.current) place(panel.current);
    const opener = document.activeElement;
    const inside = panel.current;
    const chosen = inside?.querySelector<HTMLElement>("[aria-checked=true], [aria-selected=true], [aria-pressed=true]");
    (chosen ?? inside?.querySelector<HTMLElement>(FOCUSABLE))?.focus({ preventScroll: true });
    const onPointer = ({ target }: Event) => {
      if (!(target instanceof Node) || inside?.contains(target)) return;
      // The button that opened it closes it by itself.
      if (!(opener instanceof Node && opener.contains(target))) onClose();
    };
    // Wherever the focus is, the key closes the sheet and not the page below it.
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      onClose();
    };
    document.addEventListener("pointerdown", onPointer, true);
    document.addEventListener("keydown", onKeyDown, true);
    return () => {
      document.removeEventListener("pointerdown", onPointer, true);
      document.removeEventListener("keydown", onKeyDown, true);
      if (
        opener instanceof HTMLElement &&
        (inside?.contains(document.activeElement) || document.activeElement === document.body)
      ) {
        opener.focus({ preventScroll: true });
      }
    };
  }, []);
  return (
    <section ref={panel} class={`sheet ${className}`} role="dialog" aria-label={label}>
      {children}
    </section>
  );
}

/** Keeps a sheet that stands above its opener within the window. Others are placed by their style sheets. */
function place(panel: HTMLElement): void {
  const bar = panel.offsetParent?.getBoundingClientRect();
  const { position } = getComputedStyle(panel);
  if (!bar || position !== "absolute" || !panel.matches(".rises")) return;
  const above = bar.top - TOP_PIXELS - MARGIN_PIXELS;
  const below = innerHeight - bar.bottom - 2 * MARGIN_PIXELS;
  const isBelow = above < Math.min(LITTLE_ROOM_PIXELS, panel.offsetHeight) && below > above;
  panel.classList.toggle("below", isBelow);
  panel.style.maxBlockSize = `${isBelow ? below : above}px`;
}
