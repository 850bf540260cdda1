import { isShortcut } from "../../app/keyboard.tsx";
import { type WallPicture, wallPictures } from "../pictures.ts";
import { setFavorite, takePictureAgain } from "../selection/actions.ts";
import { confirmDeletion } from "../selection/deletion.tsx";
import { isSelecting, select, selection, selectNothing, toggleSelected } from "../selection/selection.ts";

/** Runs what a key does with a picture. @returns whether it does anything */
export function runKey(event: KeyboardEvent, entry: WallPicture): boolean {
  const { id, isFavorite } = entry.picture;
  const isOnPicture = event.target instanceof HTMLAnchorElement;
  if (event.key === "a" && (event.ctrlKey || event.metaKey)) {
    select(wallPictures.peek()?.map(({ picture }) => picture.id) ?? []);
    return true;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  if (event.key === "Delete") {
    confirmDeletion(isSelecting.value ? selection.value : [entry]);
    return true;
  }
  if (event.key === "Escape" && isSelecting.value) {
    selectNothing();
    return true;
  }
  if (event.key === " " && isOnPicture) {
    toggleSelected(id);
    return true;
  }
  if (!isShortcut(event)) return false;
  switch (event.key.toLowerCase()) {
    case "x":
      toggleSelected(id);
      return true;
    case "f":
      void setFavorite(id, !isFavorite);
      return true;
    case "r":
      void takePictureAgain(entry);
      return true;
  }
  return false;
}
