import { useEffect, useRef } from "preact/hooks";

/** How far below the window the end may be, in CSS. */
const AHEAD = "1200px";

/** Calls back when the end of a list comes near. Give it another key for each page. */
export function WhenNear({ onNear }: { readonly onNear: () => void }) {
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const observer = new IntersectionObserver(
      (entries) => entries.some(({ isIntersecting }) => isIntersecting) && onNear(),
      { rootMargin: AHEAD },
    );
    if (end.current) observer.observe(end.current);
    return () => observer.disconnect();
  }, []);
  return <div ref={end} class="wall-end" />;
}
