import { FilterBar } from "../gallery/filter/filter-bar.tsx";
import { Gallery } from "../gallery/gallery.tsx";
import { isWallEmpty } from "../gallery/pictures.ts";
import { isSelecting } from "../gallery/selection/selection.ts";
import { SelectionBar } from "../gallery/selection/selection-bar.tsx";
import { jobs } from "../state/generations.ts";
import { words } from "../words/language.ts";
import { EmptyWall, Ideas } from "./beginning/empty-wall.tsx";
import { CreateDock } from "./create-dock.tsx";
import { JobStrip } from "./running/job-strip.tsx";
import "../ui/notice.css";

const t = words({ pictures: "Pictures", running: "Running" }, { pictures: "图片", running: "正在运行" });

/** The wall of pictures with the prompt bar at its foot. What runs stands above the pictures. */
export function Home() {
  if (isWallEmpty.value && jobs.value.length === 0) {
    return (
      <main tabIndex={-1}>
        <EmptyWall>
          <CreateDock />
        </EmptyWall>
        <Ideas />
      </main>
    );
  }
  return (
    <>
      <main class="page" tabIndex={-1}>
        <h1 class="sr">{t.pictures}</h1>
        <FilterBar />
        {jobs.value.map((job) => (
          <JobStrip key={job.id} job={job} />
        ))}
        <Gallery />
      </main>
      <div class="dock-place">{isSelecting.value ? <SelectionBar /> : <CreateDock />}</div>
    </>
  );
}
