import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

/** What was dropped or pasted: files, or images of the gateway. */
export interface Dropped {
  readonly files: readonly File[];
  readonly imageIds: readonly string[];
}

/** The id in the address of a picture of the studio, or of an image of the gateway, as a drag carries it. */
const IMAGE_ADDRESS = /^[^?]*\b(img_[0-9a-z]+)/;

/** Whether a drag carries something that may be a picture. */
function mayHavePictures({ types }: DataTransfer): boolean {
  return types.includes("Files") || types.includes("text/uri-list");
}

/** Whether files are dragged from elsewhere. A picture of the page carries its address as well. */
function isFileDrag({ types }: DataTransfer): boolean {
  return types.includes("Files") && !types.includes("text/uri-list");
}

/** Reads the pictures of a drop or of the clipboard. A dragged picture of the wall also carries itself as a file. */
export function picturesOf(data: DataTransfer | null): Dropped {
  const imageIds = (data?.getData("text/uri-list") ?? "").split(/\s+/).flatMap((address) => {
    const id = address.startsWith(document.baseURI) ? IMAGE_ADDRESS.exec(address)?.[1] : undefined;
    return id === undefined ? [] : [id];
  });
  return { files: imageIds.length > 0 ? [] : [...(data?.files ?? [])], imageIds };
}

/**
 * Takes pictures that are dropped on the page, or pasted.
 *
 * @param within where pictures of the studio must be dropped; files may be dropped anywhere
 * @returns whether pictures are dragged over the place
 */
export function usePictureDrop(
  onPictures: (dropped: Dropped) => void,
  within: () => Node | null = () => document,
): Signal<boolean> {
  const isOver = useSignal(false);
  useEffect(() => {
    const takes = ({ dataTransfer, target }: DragEvent) =>
      dataTransfer !== null &&
      mayHavePictures(dataTransfer) &&
      (isFileDrag(dataTransfer) || (target instanceof Node && within()?.contains(target) === true));
    const onDragOver = (event: DragEvent) => {
      isOver.value = takes(event);
      if (!isOver.value) return;
      event.preventDefault();
    };
    const onDragLeave = ({ relatedTarget }: DragEvent) => {
      if (!relatedTarget) isOver.value = false;
    };
    const take = (event: Event, data: DataTransfer | null) => {
      isOver.value = false;
      const dropped = picturesOf(data);
      if (dropped.files.length + dropped.imageIds.length === 0) return;
      event.preventDefault();
      onPictures(dropped);
    };
    const onDrop = (event: DragEvent) => {
      if (takes(event)) take(event, event.dataTransfer);
    };
    const onPaste = (event: ClipboardEvent) => take(event, event.clipboardData);
    document.addEventListener("dragover", onDragOver);
    document.addEventListener("dragleave", onDragLeave);
    document.addEventListener("drop", onDrop);
    document.addEventListener("paste", onPaste);
    return () => {
      document.removeEventListener("dragover", onDragOver);
      document.removeEventListener("dragleave", onDragLeave);
      document.removeEventListener("drop", onDrop);
      document.removeEventListener("paste", onPaste);
    };
  }, []);
  return isOver;
}
