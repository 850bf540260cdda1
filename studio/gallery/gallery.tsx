import { useEffect } from "preact/hooks";
import { FailureCard } from "../ui/failure-card.tsx";
import { Icon } from "../ui/icon.tsx";
import { number } from "../words/format.ts";
import { words } from "../words/language.ts";
import { filter } from "./filter/filter.ts";
import { NothingFound } from "./filter/nothing-found.tsx";
import { arrivedCount, galleryFailure, hasMore, keepsPlace, loadMore, showArrived, wallPictures } from "./pictures.ts";
import { Deletion } from "./selection/deletion.tsx";
import { UnsuccessfulList } from "./unsuccessful/unsuccessful-list.tsx";
import { scrollToStart } from "./wall/viewport.ts";
import { Wall } from "./wall/wall.tsx";
import "./wall/wall.css";
import "./gallery.css";

const t = words(
  { arrived: (n: string) => `${n} new`, loading: "Loading pictures" },
  { arrived: (n: string) => `${n} 张新图片`, loading: "正在加载图片" },
);

/** The pictures that match the filter, or the generations that have none. */
export function Gallery() {
  useEffect(() => {
    if (!wallPictures.peek()) void loadMore();
    return () => {
      keepsPlace.value = false;
    };
  }, []);
  const pictures = wallPictures.value;
  const failure = galleryFailure.value;
  if (filter.value.shown !== "pictures") return <UnsuccessfulList />;
  return (
    <section class="gallery">
      {arrivedCount.value > 0 && <Arrived />}
      {!pictures && !failure && <Waiting />}
      {pictures?.length === 0 && !hasMore.value ? <NothingFound /> : <Wall />}
      {failure && <FailureCard failure={failure} onRetry={loadMore} />}
      <Deletion />
    </section>
  );
}

/** Says that there are new pictures above what is looked at. */
function Arrived() {
  const show = () => {
    showArrived();
    scrollToStart();
  };
  return (
    <div class="arrived-place" role="status">
      <button type="button" class="btn small main" onClick={show}>
        <Icon name="left" small />
        {t.arrived(number(arrivedCount.value))}
      </button>
    </div>
  );
}

/** Places in which the first pictures will hang. */
function Waiting() {
  const ratios = [1.5, 1, 0.67, 1.78, 1, 1.5, 1.33, 1, 1.78, 0.75];
  return (
    <div class="wall" role="status" aria-label={t.loading}>
      {ratios.map((ratio, index) => (
        <div key={index} class="tile wait" style={{ "--ar": ratio }} />
      ))}
    </div>
  );
}
