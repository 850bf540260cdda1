import { wallPictures } from "../gallery/pictures.ts";
import type { ShownImage } from "./shown-image.ts";

/** The pictures beside this one on the wall; those of its generation where the wall does not show it. */
export function neighboursOf({ id, generation }: ShownImage) {
  const onWall = wallPictures.value?.map(({ picture }) => picture.id) ?? [];
  const ids = onWall.includes(id) ? onWall : generation.images.map((image) => image.id);
  const at = ids.indexOf(id);
  return { before: ids[at - 1], after: ids[at + 1] };
}
