import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Icon } from "../../ui/icon.tsx";
import { words } from "../../words/language.ts";

const t = words(
  {
    before: "Before",
    after: "After",
    slider: "Before and after",
    share: (percent: string) => `${percent}% before`,
  },
  {
    before: "编辑前",
    after: "编辑后",
    slider: "前后对比",
    share: (percent: string) => `编辑前占 ${percent}%`,
  },
);

/** What an arrow key and a page key move, in percent. */
const STEP = 2;
const PAGE = 10;
/** Small pictures are enlarged at most so much. */
const MAX_ENLARGED = 2;

interface BeforeAfterProps {
  readonly before: string;
  readonly after: string;
  readonly alt: string;
  readonly width: number;
  readonly height: number;
  /** Whether the after picture is a preview. */
  readonly isPreview?: boolean;
}

/** Two pictures in one place. A slider moves the seam between them. */
export function BeforeAfter({ before, after, alt, width, height, isPreview = false }: BeforeAfterProps) {
  const cut = useSignal(50);
  const paper = useRef<HTMLDivElement>(null);
  const moveTo = (percent: number) => {
    cut.value = Math.round(Math.min(100, Math.max(0, percent)));
  };
  const follow = (event: PointerEvent) => {
    const frame = paper.current?.getBoundingClientRect();
    if (frame && event.buttons > 0) moveTo(((event.clientX - frame.left) / frame.width) * 100);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const moves: Readonly<Record<string, number>> = {
      ArrowLeft: cut.value - STEP,
      ArrowDown: cut.value - STEP,
      ArrowRight: cut.value + STEP,
      ArrowUp: cut.value + STEP,
      PageDown: cut.value - PAGE,
      PageUp: cut.value + PAGE,
      Home: 0,
      End: 100,
    };
    const to = moves[event.key];
    if (to === undefined) return;
    event.preventDefault();
    moveTo(to);
  };
  return (
    <div
      ref={paper}
      class="paper ba"
      dir="ltr"
      style={{ "--ar": width / height, "--most": `${width * MAX_ENLARGED}px`, "--cut": `${cut.value}%` }}
      onPointerDown={(event) => {
        paper.current?.setPointerCapture(event.pointerId);
        follow(event);
      }}
      onPointerMove={follow}
    >
      <img src={before} alt={t.before} draggable={false} />
      <div class="after">
        <img class={isPreview ? "preview" : undefined} src={after} alt={alt} draggable={false} />
      </div>
      <span class="seam" />
      <span
        class="grip"
        role="slider"
        tabIndex={0}
        aria-label={t.slider}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={cut.value}
        aria-valuetext={t.share(String(cut.value))}
        onKeyDown={onKeyDown}
      >
        <Icon name="compare" />
      </span>
      <span class="tagged" hidden={cut.value < 12}>
        {t.before}
      </span>
      <span class="tagged end" hidden={cut.value > 88}>
        {t.after}
      </span>
    </div>
  );
}
