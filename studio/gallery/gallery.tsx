import { computed } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { hrefOf } from "../router.ts";
import { Tile } from "../ui/tile.tsx";
import { explainError } from "../words/error-words.ts";
import { words } from "../words/language.ts";
import { galleryFailure, hasMore, loadMore, wallPictures } from "./pictures.ts";

const t = words({ label: "Pictures, newest first" }, { label: "图片，最新的在前" });

/** Whether there is nothing to show, once that is known. */
export const isWallEmpty = computed(() => wallPictures.value?.length === 0 && !hasMore.value);

/** The wall: all pictures, newest first. More are loaded when its end comes near. */
export function Gallery() {
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const observer = new IntersectionObserver(
      (entries) => entries.some(({ isIntersecting }) => isIntersecting) && void loadMore(),
      { rootMargin: "1200px" },
    );
    if (end.current) observer.observe(end.current);
    return () => observer.disconnect();
  }, [wallPictures.value?.length]);
  const failure = galleryFailure.value;
  return (
    <section class="wall" aria-label={t.label}>
      {wallPictures.value?.map(({ picture, generation }) => (
        <Tile key={picture.id} picture={picture} alt={generation.prompt} href={hrefOf("image", picture.id)} />
      ))}
      {failure && <p role="alert">{explainError(failure).title}</p>}
      <div ref={end} class="wall-end" />
    </section>
  );
}
